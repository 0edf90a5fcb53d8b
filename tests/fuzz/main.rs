//! Hostile input: what a stranger can make a user upload, changed piece by piece, into everything that reads it.
//!
//! Each test changes valid input, so that what is wrong lies deep inside, and states what holds whatever comes.
//! `cargo test` runs a few hundred cases of each; `make fuzz` goes on for minutes, with fresh cases. A case that failed
//! once is kept in `proptest-regressions/` and runs first ever after.

mod cards;
mod chats;
mod mutate;
mod pictures;
mod requests;
mod texts;

use proptest::test_runner::Config;

/// As many cases as `PROPTEST_CASES` says, or else `few`, where a case takes long.
fn few(few: u32) -> Config {
    let default = Config::default();
    if std::env::var_os("PROPTEST_CASES").is_some() {
        default
    } else {
        Config {
            cases: few,
            ..default
        }
    }
}

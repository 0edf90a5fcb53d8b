//! Attacks on a running server: those that SillyTavern's advisories describe, in every spelling that we could think of,
//! and those that any server on the open internet meets. docs/SECURITY.md says which rule each of them tests.
//!
//! Each test writes what it tried to `target/attacks/`, and the table of all to `target/attacks.md`.

mod bodies;
mod browser_code;
mod doors;
mod extensions;
mod forgery;
mod hosts;
mod leaks;
mod limits;
mod names;
mod names_inside;
mod outbound;
mod sessions;
mod ssrf;
mod static_paths;
mod tally;
mod tokens;
mod wire;

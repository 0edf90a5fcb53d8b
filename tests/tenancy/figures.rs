//! The matrix as a page: routes down, strangers across.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// What each stranger was answered.
#[derive(Default)]
pub struct Figures {
    routes: BTreeMap<String, Vec<String>>,
    kinds: BTreeMap<&'static str, Vec<usize>>,
    strangers: Vec<String>,
}

/// What a status says to somebody who asked for another's things; the routes are alike for things that do not exist.
fn kind(status: u16) -> &'static str {
    match status {
        401 | 403 => "refused",
        404 => "not there",
        200..=399 => "the stranger's own, or nothing",
        400..=499 => "not understood",
        501 => "not built",
        _ => "failed, as for things that do not exist",
    }
}

impl Figures {
    /// Begins the column of a stranger.
    pub fn stranger(&mut self, name: &str) {
        self.strangers.push(name.to_owned());
    }

    /// Notes the answer to the stranger of the last column.
    pub fn note(&mut self, route: &str, answer: &str) {
        let column = self.strangers.len() - 1;
        let status = answer.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
        self.routes
            .entry(route.to_owned())
            .or_default()
            .push(status.to_string());
        let counts = self.kinds.entry(kind(status)).or_default();
        counts.resize(column + 1, 0);
        counts[column] += 1;
    }

    /// Writes `target/isolation.md`; answers how many answers were compared.
    pub fn write(&self) -> usize {
        let head = self.strangers.join(" | ");
        let rule = "---|".repeat(self.strangers.len() + 1);
        let mut page = format!(
            "Every route, asked with the names and ids of another user's things and with others that nobody has: no answer \
             held anything of that user, each answer to the right names was the answer to the wrong ones, and afterwards \
             everything was as before.\n\n| What was answered | {head} |\n|{rule}\n"
        );
        for (kind, counts) in &self.kinds {
            let counts = (0..self.strangers.len()).map(|column| counts.get(column).unwrap_or(&0).to_string());
            let _ = writeln!(page, "| {kind} | {} |", counts.collect::<Vec<_>>().join(" | "));
        }
        let total: usize = self.routes.values().map(Vec::len).sum();
        let _ = writeln!(
            page,
            "\n{} addresses, {total} answers.\n\n| Route | {head} |\n|{rule}",
            self.routes.len()
        );
        for (route, answers) in &self.routes {
            let _ = writeln!(page, "| `{route}` | {} |", answers.join(" | "));
        }
        let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
        std::fs::write(target.join("isolation.md"), page).expect("our own file");
        total
    }
}

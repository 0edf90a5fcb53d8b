//! What became of every file that was found.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use squaretable_compat::layout::Place;
use uuid::Uuid;

use crate::exit::Exit;
use crate::progress::Discovery;

/// What a file is to a reader of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A record of `_storage`.
    Account,
    /// A character card.
    Card,
    /// A chat of a character or a group.
    Chat,
    /// A JSON document: settings, worlds, groups, presets.
    Document,
    /// `secrets.json`.
    Secrets,
    /// Any other file of a user.
    File,
    /// What can be made again, or lies outside every user's folder.
    Other,
}

impl Kind {
    /// The kind of a place in a user's folder.
    pub fn of(place: &Place) -> Self {
        match place {
            Place::Document { .. } => Self::Document,
            Place::Character { .. } => Self::Card,
            Place::Chat { .. } | Place::RootChat { .. } | Place::GroupChat { .. } => Self::Chat,
            Place::Secrets => Self::Secrets,
            Place::File { .. } => Self::File,
            Place::Derived { .. } => Self::Other,
        }
    }

    /// The word that the table heads its line with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "accounts",
            Self::Card => "cards",
            Self::Chat => "chats",
            Self::Document => "documents",
            Self::Secrets => "secrets",
            Self::File => "files",
            Self::Other => "other",
        }
    }
}

/// A file that was found.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its path below the data root; only for people.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes.
    pub size: u64,
}

/// Where a file ended: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Written.
    Moved,
    /// The target had it already.
    Unchanged,
    /// Left out on purpose, with the reason.
    Ignored(&'static str),
    /// Not written, since the target's version is to be kept: what `--on-conflict` asked for.
    Skipped(String),
    /// Not written, since something else lies there and nobody said what to do.
    Refused(String),
    /// Not written, with the reason.
    Rejected(String),
    /// Written, but not what the database recorded.
    Mismatch(String),
}

impl Outcome {
    fn column(&self) -> usize {
        match self {
            Self::Moved => 0,
            Self::Unchanged => 1,
            Self::Ignored(_) => 2,
            Self::Skipped(_) => 3,
            Self::Refused(_) => 4,
            Self::Rejected(_) | Self::Mismatch(_) => 5,
        }
    }

    /// The word for it, in the ledger and in events.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Moved => "imported",
            Self::Unchanged => "unchanged",
            Self::Ignored(_) => "ignored",
            Self::Skipped(_) => "skipped",
            Self::Refused(_) => "refused",
            Self::Rejected(_) => "rejected",
            Self::Mismatch(_) => "mismatch",
        }
    }

    /// Why it was not simply taken.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Moved | Self::Unchanged => None,
            Self::Ignored(reason) => Some(reason),
            Self::Skipped(reason)
            | Self::Refused(reason)
            | Self::Rejected(reason)
            | Self::Mismatch(reason) => Some(reason),
        }
    }
}

/// A line of the list of problems.
#[derive(Debug)]
struct Problem {
    word: &'static str,
    path: String,
    reason: String,
}

/// The count of everything.
#[derive(Debug, Default)]
pub struct Report {
    found: BTreeMap<Kind, usize>,
    counts: BTreeMap<Kind, [usize; 6]>,
    bytes: u64,
    ignored: BTreeMap<&'static str, usize>,
    problems: Vec<Problem>,
    flagged: usize,
    mismatches: usize,
    discovery: Option<Discovery>,
}

impl Report {
    /// One whose finds are shown as they are made, until they have been [`discovered`](Self::discovered).
    pub fn watched(discovery: Discovery) -> Self {
        Self {
            discovery: Some(discovery),
            ..Self::default()
        }
    }

    /// Counts a file as found. Every one of them must be [`settle`](Self::settle)d later.
    pub fn find(&mut self, kind: Kind) {
        *self.found.entry(kind).or_default() += 1;
        if let Some(discovery) = &mut self.discovery {
            discovery.find();
        }
    }

    /// Says that everything has been found, and how much of it is left to be dealt with: the rest is settled.
    pub fn discovered(&mut self, files: usize, bytes: u64) {
        let found: usize = self.found.values().sum();
        let settled: usize = self.counts.values().flatten().sum();
        if let Some(discovery) = self.discovery.take() {
            discovery.finish(found, settled, files, bytes);
        }
    }

    /// Counts a file that was found as one kind as another one.
    pub fn recount(&mut self, from: Kind, to: Kind) {
        *self.found.entry(to).or_default() += 1;
        *self.found.entry(from).or_default() -= 1;
        self.found.retain(|_, count| *count > 0);
    }

    /// Says where a file ended. `flag` tells what is wrong with a file that was taken as it is.
    pub fn settle(&mut self, entry: &Entry, outcome: Outcome, flag: Option<String>) {
        self.counts.entry(entry.kind).or_default()[outcome.column()] += 1;
        match outcome {
            Outcome::Moved => self.bytes += entry.size,
            Outcome::Unchanged => {}
            Outcome::Ignored(reason) => *self.ignored.entry(reason).or_default() += 1,
            Outcome::Skipped(reason) => self.problem("skipped", &entry.path, reason),
            Outcome::Refused(reason) => self.problem("refused", &entry.path, reason),
            Outcome::Rejected(reason) => self.problem("rejected", &entry.path, reason),
            Outcome::Mismatch(reason) => {
                self.mismatches += 1;
                self.problem("mismatch", &entry.path, reason);
            }
        }
        if let Some(reason) = flag {
            self.flagged += 1;
            self.problem("damaged", &entry.path, reason);
        }
    }

    /// Notes that something other than a file could not be taken: an unreadable or unnameable folder.
    pub fn folder_problem(&mut self, path: &str, reason: String) {
        self.flagged += 1;
        self.problem("rejected", path, reason);
    }

    fn problem(&mut self, word: &'static str, path: &str, reason: String) {
        self.problems.push(Problem {
            word,
            path: printable(path),
            reason,
        });
    }

    /// Whether every file that was found ended in exactly one column.
    pub fn closes(&self) -> bool {
        let settled = self
            .counts
            .iter()
            .map(|(kind, columns)| (*kind, columns.iter().sum()));
        settled.collect::<BTreeMap<Kind, usize>>() == self.found
    }

    fn total(&self, column: usize) -> usize {
        self.counts.values().map(|columns| columns[column]).sum()
    }

    /// How many files could not be taken so far.
    pub fn rejected(&self) -> usize {
        self.total(5)
    }

    /// The exit code that the counts mean.
    pub fn exit(&self) -> Exit {
        let total = |column: usize| self.total(column);
        if !self.closes() {
            Exit::Failed
        } else if self.mismatches > 0 {
            Exit::Mismatch
        } else if total(4) > 0 {
            Exit::Conflict
        } else if total(5) + self.flagged > 0 {
            Exit::Rejects
        } else {
            Exit::Done
        }
    }

    /// The problems, one a line, in the order of their paths.
    pub fn problems(&self) -> String {
        let mut sorted: Vec<&Problem> = self.problems.iter().collect();
        sorted.sort_by(|a, b| (a.word, &a.path).cmp(&(b.word, &b.path)));
        let mut text = String::new();
        for Problem { word, path, reason } in sorted {
            let _ = writeln!(text, "{word:<9} {path}: {reason}");
        }
        text
    }

    /// The counts as an event or a file; `verb` names the first column.
    pub fn to_json(&self, verb: &str, run: Option<Uuid>) -> Value {
        let columns = [verb, "unchanged", "ignored", "skipped", "refused", "rejected"];
        let kinds = self.found.iter().map(|(kind, found)| {
            let counts = self.counts.get(kind).copied().unwrap_or_default();
            let counts = columns
                .iter()
                .zip(counts)
                .map(|(name, count)| ((*name).to_owned(), json!(count)));
            let row: Map<String, Value> = [("found".to_owned(), json!(found))]
                .into_iter()
                .chain(counts)
                .collect();
            (kind.name().to_owned(), Value::Object(row))
        });
        json!({
            "event": "summary", "run": run.map(|run| run.to_string()), "kinds": kinds.collect::<Map<String, Value>>(), "bytes": self.bytes,
            "damaged": self.flagged, "mismatches": self.mismatches, "closes": self.closes(),
            "exit": self.exit() as u8,
        })
    }

    /// The table of all counts and the reasons for what was ignored. `verb` heads the first column.
    pub fn summary(&self, verb: &str) -> String {
        let heads = [
            "",
            "found",
            verb,
            "unchanged",
            "ignored",
            "skipped",
            "refused",
            "rejected",
        ];
        let mut text = String::new();
        let mut line = |cells: [&str; 8]| {
            let _ = write!(text, "{:<10}", cells[0]);
            for cell in &cells[1..] {
                let _ = write!(text, " {cell:>10}");
            }
            text.push('\n');
        };
        line(heads);
        let mut sums = [0; 7];
        for (kind, found) in &self.found {
            let counts = self.counts.get(kind).copied().unwrap_or_default();
            let [a, b, c, d, e, f] = counts;
            let row = [*found, a, b, c, d, e, f];
            for (sum, count) in sums.iter_mut().zip(row) {
                *sum += count;
            }
            let [a, b, c, d, e, f, g] = row.map(|count| count.to_string());
            line([kind.name(), &a, &b, &c, &d, &e, &f, &g]);
        }
        let [a, b, c, d, e, f, g] = sums.map(|count| count.to_string());
        line(["total", &a, &b, &c, &d, &e, &f, &g]);
        let _ = writeln!(text, "{} {verb}", indicatif::HumanBytes(self.bytes));
        for (reason, count) in &self.ignored {
            let _ = writeln!(text, "ignored {count}: {reason}");
        }
        if !self.closes() {
            let _ = writeln!(
                text,
                "the counts do not add up: not every file that was found was dealt with"
            );
        }
        text
    }
}

/// A path without control characters, so that a file's name cannot forge lines of the report.
pub fn printable(path: &str) -> String {
    path.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind) -> Entry {
        Entry {
            path: "u/a".to_owned(),
            kind,
            size: 3,
        }
    }

    #[test]
    fn a_file_that_was_never_dealt_with_is_a_failure() {
        let mut report = Report::default();
        report.find(Kind::Chat);
        assert_eq!(report.exit(), Exit::Failed);
        report.settle(&entry(Kind::Chat), Outcome::Moved, None);
        assert_eq!(report.exit(), Exit::Done);
        report.settle(&entry(Kind::Card), Outcome::Moved, None);
        assert_eq!(report.exit(), Exit::Failed, "settled twice is as wrong as never");
    }

    #[test]
    fn the_worst_outcome_decides_the_exit_code() {
        let mut report = Report::default();
        for (outcome, exit) in [
            (Outcome::Unchanged, Exit::Done),
            (Outcome::Ignored("cache"), Exit::Done),
            (Outcome::Rejected("link".to_owned()), Exit::Rejects),
            (Outcome::Refused("newer".to_owned()), Exit::Conflict),
            (Outcome::Mismatch("short".to_owned()), Exit::Mismatch),
        ] {
            report.find(Kind::File);
            report.settle(&entry(Kind::File), outcome, None);
            assert_eq!(report.exit(), exit);
        }
    }

    #[test]
    fn a_damaged_file_is_moved_and_named() {
        let mut report = Report::default();
        report.find(Kind::Card);
        report.settle(&entry(Kind::Card), Outcome::Moved, Some("no PNG".to_owned()));
        assert_eq!(report.exit(), Exit::Rejects);
        assert_eq!(report.problems(), "damaged   u/a: no PNG\n");
    }

    #[test]
    fn a_name_cannot_forge_a_line() {
        let mut report = Report::default();
        let forged = Entry {
            path: "a\nrejected b".to_owned(),
            kind: Kind::File,
            size: 0,
        };
        report.settle(&forged, Outcome::Rejected("link".to_owned()), None);
        assert_eq!(report.problems().lines().count(), 1);
    }
}

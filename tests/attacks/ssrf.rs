//! The table of server-side requests, `target/ssrf.md`: each route that asks anybody, by the kind of address inside that it
//! was led to.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::tally::gather;

/// How a request was led inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// To this machine, by an address or a name.
    Loopback,
    /// To another private network.
    Private,
    /// To an IPv4 address of either, written in IPv6.
    Mapped,
    /// By a redirect of a host that may be asked.
    Redirect,
    /// By a name that leads elsewhere each time that it is looked up, or to two places at once.
    Rebinding,
}

impl Kind {
    /// In the order of the columns.
    pub const ALL: [Self; 5] = [
        Self::Loopback,
        Self::Private,
        Self::Mapped,
        Self::Redirect,
        Self::Rebinding,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Mapped => "mapped IPv6",
            Self::Redirect => "redirect to private",
            Self::Rebinding => "rebinding name",
        }
    }
}

type Counts = BTreeMap<(String, Kind), (usize, usize)>;

/// What one test found: of each route and kind how many were tried and refused.
#[derive(Default)]
pub struct Ssrf(Counts);

impl Ssrf {
    /// One attempt.
    pub fn note(&mut self, row: &str, kind: Kind, refused: bool) {
        let counts = self.0.entry((row.trim().to_owned(), kind)).or_default();
        counts.0 += 1;
        counts.1 += usize::from(refused);
    }

    /// Rows that lack an attempt of a kind.
    pub fn gaps(&self) -> Vec<String> {
        let rows = self.0.keys().map(|(row, _)| row);
        let all = rows.flat_map(|row| Kind::ALL.map(|kind| (row.clone(), kind)));
        let mut gaps: Vec<_> = all
            .filter(|key| !self.0.contains_key(key))
            .map(|(row, kind)| format!("{row}: {}", kind.name()))
            .collect();
        gaps.dedup();
        gaps
    }

    /// Writes what this test found, and the table of all tests.
    pub fn write(&self, test: &str) {
        let mut lines = String::new();
        for ((row, kind), (tried, refused)) in &self.0 {
            let _ = writeln!(lines, "{row}\t{}\t{tried}\t{refused}", kind.name());
        }
        gather("ssrf", test, &lines, |tests| {
            let mut all = Counts::new();
            let lines = tests.values().flat_map(|lines| lines.lines());
            lines.for_each(|line| add(&mut all, line));
            table(&all)
        });
    }
}

fn add(all: &mut Counts, line: &str) {
    let parts: Vec<_> = line.split('\t').collect();
    let [row, kind, tried, refused] = parts[..] else {
        panic!("our own file: {line}")
    };
    let number = |text: &str| text.parse::<usize>().expect("our own file");
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
    let key = (row.to_owned(), kind.expect("our own file"));
    let counts = all.entry(key).or_default();
    counts.0 += number(tried);
    counts.1 += number(refused);
}

fn table(all: &Counts) -> String {
    let heads = Kind::ALL.map(Kind::name).join(" | ");
    let mut text = format!("Refused of tried.\n\n| Route | {heads} |\n|---|---|---|---|---|---|\n");
    let mut rows: Vec<&String> = all.keys().map(|(row, _)| row).collect();
    rows.dedup();
    let cell = |counts: (usize, usize)| match counts {
        (0, _) => "-".to_owned(),
        (tried, refused) => format!("{refused} of {tried}"),
    };
    for row in &rows {
        let cells = Kind::ALL.map(|kind| cell(all.get(&((*row).clone(), kind)).copied().unwrap_or_default()));
        let _ = writeln!(text, "| `{row}` | {} |", cells.join(" | "));
    }
    let sum = |kind| {
        let counts = all.iter().filter(|((_, known), _)| *known == kind);
        counts.fold((0, 0), |sum, (_, counts)| (sum.0 + counts.0, sum.1 + counts.1))
    };
    let sums = Kind::ALL.map(|kind| cell(sum(kind))).join(" | ");
    let _ = writeln!(text, "| all {} | {sums} |", rows.len());
    text
}

//! What was tried, and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// DNS rebinding.
pub const REBINDING: &str = "CVE-2025-59159 / GHSA-7cxj-w27x-x78q";
/// Server-side requests by the download of assets.
pub const ASSETS: &str = "CVE-2026-26286 / GHSA-cccp-94vg-j92r";
/// Paths in the name of a chat's character.
pub const IMPORT: &str = "CVE-2026-34522 / GHSA-xvww-xhx6-22pf";
/// Paths in static routes.
pub const STATIC: &str = "CVE-2026-34523 / GHSA-525j-2hrj-m8fp";
/// Paths in `avatar_url`.
pub const AVATAR: &str = "CVE-2026-34524 / GHSA-vprr-q85p-79mf";
/// Server-side requests in other spellings of private addresses.
pub const SPELLED: &str = "CVE-2026-34526 / GHSA-wm7j-m6jm-8797";
/// Sessions that outlive what ended them.
pub const STALE: &str = "CVE-2026-44648 / GHSA-wmm3-h9qj-p5v6";
/// Names of users in headers.
pub const IDENTITY: &str = "CVE-2026-44649 / GHSA-gxx6-h3g6-vwjh";
/// Names of extensions of which nothing is left.
pub const EXTENSION: &str = "CVE-2026-44650 / GHSA-886q-f44j-h6wh";
/// Scripts in reflected errors.
pub const REFLECTED: &str = "CVE-2026-44651 / GHSA-xc4x-2452-5gc9";
/// The CORS proxy.
pub const PROXY: &str = "CVE-2026-44652 / GHSA-ccfq-2454-f5xw";
/// Server-side requests to addresses in the body.
pub const BODY: &str = "CVE-2026-46372 / GHSA-qg89-qwwh-5f3j";
/// Server-side requests past an earlier filter.
pub const BYPASS: &str = "GHSA-vjv2-8gh6-4hc2";
/// No advisory: requests forged by other pages.
pub const FORGERY: &str = "requests forged by other sites";
/// No advisory: sessions that an attacker chose.
pub const FIXATION: &str = "session fixation, cookies";
/// No advisory: files of users that act as this origin.
pub const FILES: &str = "users' files as pages";
/// No advisory: too much, too long, too slow.
pub const LIMITS: &str = "limits";
/// No advisory: service tokens that are none, or not for this.
pub const TOKENS: &str = "service tokens";
/// No advisory: secrets where they do not belong.
pub const LEAKS: &str = "secrets in logs and errors";

/// Held while the table is written, which tests do at the same time.
static TABLE: Mutex<()> = Mutex::new(());

/// The attacks of one test.
pub struct Tally {
    test: &'static str,
    tried: Vec<(&'static str, String, bool)>,
    faults: String,
}

impl Tally {
    /// Of the test of this name.
    pub fn new(test: &'static str) -> Self {
        Self {
            test,
            tried: Vec::new(),
            faults: String::new(),
        }
    }

    /// Notes an attack on a rule: whether it was refused, and what came back, which is shown if it was not.
    pub fn note(&mut self, rule: &'static str, attack: impl Display, refused: bool, answer: impl Display) {
        let attack = attack.to_string();
        if !refused {
            let answer: String = answer.to_string().chars().take(600).collect();
            let _ = writeln!(self.faults, "- {rule}: {attack}\n    {answer}");
        }
        self.tried.push((rule, attack, refused));
    }

    /// Writes the tables and fails if anything worked, or if fewer than `least` attacks were tried.
    pub fn finish(self, least: usize) {
        let refused = self.tried.iter().filter(|(.., refused)| *refused).count();
        println!("attacks {}: {refused} of {} refused", self.test, self.tried.len());
        self.write();
        assert!(
            self.faults.is_empty(),
            "{}: these worked:\n{}",
            self.test,
            self.faults
        );
        assert!(
            self.tried.len() >= least,
            "{}: only {} attacks were tried",
            self.test,
            self.tried.len()
        );
    }

    fn write(&self) {
        let mut lines = String::new();
        for (rule, attack, refused) in &self.tried {
            let mark = if *refused { "refused" } else { "WORKED" };
            let _ = writeln!(lines, "{rule}\t{mark}\t{}", attack.escape_debug());
        }
        gather("attacks", self.test, &lines, table);
    }
}

/// The attacks of all tests, by rule.
fn table(tests: &BTreeMap<String, String>) -> String {
    let mut rules: BTreeMap<&str, (usize, usize, BTreeSet<&str>)> = BTreeMap::new();
    for (test, lines) in tests {
        for line in lines.lines() {
            let mut parts = line.split('\t');
            let (tried, refused, of) = rules.entry(parts.next().unwrap_or_default()).or_default();
            *tried += 1;
            *refused += usize::from(parts.next() == Some("refused"));
            of.insert(test);
        }
    }
    let mut table = "| Rule | Tried | Refused | Tests (tests/attacks) |\n|---|---|---|---|\n".to_owned();
    for (rule, (tried, refused, tests)) in rules {
        let tests: Vec<_> = tests.into_iter().collect();
        let _ = writeln!(table, "| {rule} | {tried} | {refused} | {} |", tests.join(", "));
    }
    table
}

/// Keeps what one test found in `target/<name>/<test>.txt`, and writes what `table` makes of all tests' texts to
/// `target/<name>.md`.
pub fn gather(name: &str, test: &str, found: &str, table: impl FnOnce(&BTreeMap<String, String>) -> String) {
    let _held = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
    let folder = target.join(name);
    std::fs::create_dir_all(&folder).expect("our own folder");
    std::fs::write(folder.join(test).with_extension("txt"), found).expect("our own file");
    let texts = std::fs::read_dir(&folder).expect("our own folder").map(|entry| {
        let path = entry.expect("an entry").path();
        let test = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        (test, std::fs::read_to_string(&path).expect("our own file"))
    });
    let table = table(&texts.collect());
    std::fs::write(target.join(name).with_extension("md"), table).expect("our own file");
}

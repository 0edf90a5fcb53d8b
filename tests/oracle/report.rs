//! Counts agreeing steps per family, writes the table and checks the disagreements against the committed list.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

use super::compare::Disagreement;
use super::differences::{DIFFERENCES, Difference};

/// One compared request of a family.
#[derive(Clone, Debug)]
pub struct Step {
    /// Method, path and the start of the body; unique within the family.
    pub label: String,
    /// Method and route without query and captured values, for the route count.
    pub route: String,
    /// Status and the start of the original's body, for the transcript.
    pub original: String,
    /// Facts on which the sides differ.
    pub disagreements: Vec<Disagreement>,
}

/// Rows of the families that finished in this process.
static ROWS: Mutex<BTreeMap<String, Row>> = Mutex::new(BTreeMap::new());

#[derive(Clone, Debug)]
struct Row {
    agreeing: usize,
    known: usize,
    total: usize,
    routes: Vec<String>,
}

/// The build's target folder.
fn target() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    folder.parent().map_or(folder.clone(), PathBuf::from)
}

/// Records a family's steps, writes `target/oracle.md` and `target/oracle/<family>.txt`, and panics with every
/// disagreement that is not in the committed list and every entry of the list that no longer differs.
pub fn finish(family: &str, steps: &[Step]) {
    let known = |step: &Step, found: &Disagreement| {
        DIFFERENCES.iter().any(|entry| covers(entry, family, step, found))
    };
    let mut faults = String::new();
    let mut row = Row {
        agreeing: 0,
        known: 0,
        total: steps.len(),
        routes: Vec::new(),
    };
    for step in steps {
        row.routes.push(step.route.clone());
        let unknown: Vec<&Disagreement> = step
            .disagreements
            .iter()
            .filter(|found| !known(step, found))
            .collect();
        match (step.disagreements.is_empty(), unknown.is_empty()) {
            (true, _) => row.agreeing += 1,
            (false, true) => row.known += 1,
            (false, false) => describe(&mut faults, step, &unknown),
        }
    }
    for entry in DIFFERENCES.iter().filter(|entry| entry.family == family) {
        let used = steps.iter().any(|step| {
            step.disagreements
                .iter()
                .any(|found| covers(entry, family, step, found))
        });
        if !used {
            let _ = writeln!(
                faults,
                "no longer differs, remove it: {} [{}]",
                entry.step, entry.fact
            );
        }
    }
    write(family, steps, &row);
    assert!(
        faults.is_empty(),
        "\n{family}: {} of {} steps agree\n{faults}",
        row.agreeing,
        row.total
    );
}

fn covers(entry: &Difference, family: &str, step: &Step, found: &Disagreement) -> bool {
    entry.family == family && step.label == entry.step && found.fact.starts_with(entry.fact)
}

fn describe(faults: &mut String, step: &Step, unknown: &[&Disagreement]) {
    let _ = writeln!(faults, "- {}", step.label);
    for found in unknown.iter().take(12) {
        let _ = writeln!(
            faults,
            "    {}\n      original: {}\n      ours:     {}",
            found.fact, found.original, found.ours
        );
    }
    if unknown.len() > 12 {
        let _ = writeln!(faults, "    … and {} more", unknown.len() - 12);
    }
}

/// Writes the transcript of the family and the table of all families finished so far.
fn write(family: &str, steps: &[Step], row: &Row) {
    println!(
        "oracle {family}: {}/{} agree, {} known differences",
        row.agreeing, row.total, row.known
    );
    let mut transcript = String::new();
    for step in steps {
        let mark = if step.disagreements.is_empty() {
            "same"
        } else {
            "DIFF"
        };
        let _ = writeln!(transcript, "{mark} {} -> {}", step.label, step.original);
    }
    let folder = target().join("oracle");
    std::fs::create_dir_all(&folder).expect("the report folder");
    std::fs::write(folder.join(format!("{family}.txt")), transcript).expect("the transcript");
    let mut rows = ROWS.lock().expect("no family panics while it holds the rows");
    rows.insert(family.to_owned(), row.clone());
    std::fs::write(target().join("oracle.md"), table(&rows)).expect("the table");
}

fn table(rows: &BTreeMap<String, Row>) -> String {
    let mut text = String::from(
        "| family | agreeing | known differences | steps | routes |\n|---|---:|---:|---:|---:|\n",
    );
    let mut routes: Vec<&String> = Vec::new();
    let (mut agreeing, mut known, mut total) = (0, 0, 0);
    for (family, row) in rows {
        let mut own: Vec<&String> = row.routes.iter().collect();
        own.sort();
        own.dedup();
        let _ = writeln!(
            text,
            "| {family} | {} | {} | {} | {} |",
            row.agreeing,
            row.known,
            row.total,
            own.len()
        );
        routes.extend(own);
        agreeing += row.agreeing;
        known += row.known;
        total += row.total;
    }
    routes.sort();
    routes.dedup();
    let _ = writeln!(
        text,
        "| **all** | {agreeing} | {known} | {total} | {} |",
        routes.len()
    );
    text
}

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
    /// Ours answered 501: the route, or the part of it that was asked for, is not built yet.
    pub unbuilt: bool,
}

/// Rows of the families that finished in this process.
static ROWS: Mutex<BTreeMap<String, Row>> = Mutex::new(BTreeMap::new());

#[derive(Clone, Debug)]
struct Row {
    agreeing: usize,
    known: usize,
    unbuilt: usize,
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
    let (row, faults) = judge(family, steps, DIFFERENCES);
    write(family, steps, &row);
    assert!(
        faults.is_empty(),
        "\n{family}: {} of {} steps agree\n{faults}",
        row.agreeing,
        row.total
    );
}

/// Counts the steps of a family and describes what is wrong; nothing wrong is an empty text.
fn judge(family: &str, steps: &[Step], list: &[Difference]) -> (Row, String) {
    let known =
        |step: &Step, found: &Disagreement| list.iter().any(|entry| covers(entry, family, step, found));
    let mut faults = String::new();
    let mut row = Row {
        agreeing: 0,
        known: 0,
        unbuilt: 0,
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
        if step.unbuilt {
            row.unbuilt += 1;
            continue;
        }
        match (step.disagreements.is_empty(), unknown.is_empty()) {
            (true, _) => row.agreeing += 1,
            (false, true) => row.known += 1,
            (false, false) => describe(&mut faults, step, &unknown),
        }
    }
    for entry in list.iter().filter(|entry| entry.family == family) {
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
    (row, faults)
}

fn covers(entry: &Difference, family: &str, step: &Step, found: &Disagreement) -> bool {
    let names_step = match entry.step.rsplit_once('*') {
        Some((start, end)) => step
            .label
            .strip_prefix(start)
            .is_some_and(|rest| rest.ends_with(end)),
        None => step.label == entry.step,
    };
    entry.family == family && names_step && found.fact.starts_with(entry.fact)
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
        "oracle {family}: {}/{} agree, {} known differences, {} not built",
        row.agreeing, row.total, row.known, row.unbuilt
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
        "| family | agreeing | known differences | not built | steps | routes |\n|---|---:|---:|---:|---:|---:|\n",
    );
    let mut routes: Vec<&String> = Vec::new();
    let (mut agreeing, mut known, mut unbuilt, mut total) = (0, 0, 0, 0);
    for (family, row) in rows {
        let mut own: Vec<&String> = row.routes.iter().collect();
        own.sort();
        own.dedup();
        let _ = writeln!(
            text,
            "| {family} | {} | {} | {} | {} | {} |",
            row.agreeing,
            row.known,
            row.unbuilt,
            row.total,
            own.len()
        );
        routes.extend(own);
        agreeing += row.agreeing;
        known += row.known;
        unbuilt += row.unbuilt;
        total += row.total;
    }
    routes.sort();
    routes.dedup();
    let _ = writeln!(
        text,
        "| **all** | {agreeing} | {known} | {unbuilt} | {total} | {} |",
        routes.len()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(label: &str, facts: &[&str]) -> Step {
        let found = |fact: &&str| Disagreement {
            fact: (*fact).into(),
            original: "a".into(),
            ours: "b".into(),
        };
        let disagreements = facts.iter().map(found).collect();
        Step {
            label: label.into(),
            route: "GET /x".into(),
            original: "200".into(),
            disagreements,
            unbuilt: false,
        }
    }

    fn entry(step: &'static str, fact: &'static str) -> Difference {
        Difference {
            family: "f",
            step,
            fact,
            reason: "a test",
        }
    }

    #[test]
    fn the_list_covers_exactly_what_it_names() {
        let steps = [step("GET /a", &[]), step("GET /b", &["header etag", "status"])];
        let verdict = |list: &[Difference]| {
            let (row, faults) = judge("f", &steps, list);
            ((row.agreeing, row.known, row.total), faults)
        };
        let (counts, faults) = verdict(&[]);
        assert_eq!(counts, (1, 0, 2));
        assert!(
            faults.contains("GET /b") && faults.contains("header etag") && faults.contains("status"),
            "{faults}"
        );
        let (counts, faults) = verdict(&[entry("GET /b", "header etag")]);
        assert_eq!(counts, (1, 0, 2));
        assert!(
            !faults.contains("header etag") && faults.contains("status"),
            "{faults}"
        );
        assert_eq!(verdict(&[entry("GET /b", "")]), ((1, 1, 2), String::new()));
        assert_eq!(verdict(&[entry("GET*b", "")]), ((1, 1, 2), String::new()));
        assert!(verdict(&[entry("GET /*c", "")]).1.contains("no longer differs"));
    }

    #[test]
    fn an_entry_that_no_longer_differs_is_a_fault() {
        let (_, faults) = judge("f", &[step("GET /a", &[])], &[entry("GET /a", "status")]);
        assert!(faults.contains("no longer differs"), "{faults}");
    }
}

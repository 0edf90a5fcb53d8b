//! What a run tells: text or events on stdout, the log file, the report file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use chrono::{Local, SecondsFormat};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::args::OutputArgs;
use crate::exit::{Exit, Failure};
use crate::report::{Entry, Outcome, Report};

/// Where a run tells what it does.
#[derive(Debug)]
pub struct Output {
    quiet: bool,
    json: bool,
    report: Option<PathBuf>,
    log: Option<Mutex<BufWriter<File>>>,
    /// What became of every file, kept for the report file.
    rows: Mutex<Vec<Row>>,
}

/// A line of the report file.
#[derive(Debug)]
pub struct Row {
    path: String,
    kind: &'static str,
    size: u64,
    outcome: &'static str,
    reason: String,
}

impl Output {
    /// Opens the files that the arguments name.
    ///
    /// # Errors
    /// [`Exit::Usage`] when one cannot be written, or is to be of an unknown form.
    pub fn open(args: &OutputArgs) -> Result<Self, Failure> {
        Self::try_open(args).map_err(|error| Failure::new(Exit::Usage, error))
    }

    fn try_open(args: &OutputArgs) -> anyhow::Result<Self> {
        if let Some(path) = &args.report {
            let form = path.extension().and_then(|form| form.to_str());
            anyhow::ensure!(
                matches!(form, Some("json" | "csv")),
                "--report {}: the name must end in .json or .csv",
                path.display()
            );
            File::create(path).with_context(|| format!("--report {}", path.display()))?;
        }
        let log = match &args.log_file {
            None => None,
            Some(path) => {
                let file = File::options().create(true).append(true).open(path);
                let file = file.with_context(|| format!("--log-file {}", path.display()))?;
                Some(Mutex::new(BufWriter::new(file)))
            }
        };
        Ok(Self {
            quiet: args.quiet,
            json: args.json,
            report: args.report.clone(),
            log,
            rows: Mutex::default(),
        })
    }

    /// Whether events are printed instead of text.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether progress is shown.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && !self.json
    }

    /// Says what is about to happen.
    pub fn start(
        &self,
        verb: &str,
        source: &str,
        run: Option<Uuid>,
        resumed: bool,
        files: usize,
        bytes: u64,
    ) {
        self.log(&format!("{verb} {source}: {files} files, {bytes} bytes"));
        if self.json {
            event(&json!({
                "event": "start", "verb": verb, "source": source, "run": run.map(|run| run.to_string()), "resumed": resumed, "files": files,
                "bytes": bytes,
            }));
        } else if resumed && !self.quiet {
            eprintln!("going on with the interrupted run {}", run.unwrap_or_default());
        }
    }

    /// Says what became of a file.
    pub fn file(&self, entry: &Entry, outcome: &Outcome, flag: Option<&str>) {
        let reason = outcome.reason().or(flag).unwrap_or_default();
        if self.log.is_some() {
            self.log(&format!(
                "{} {:?}{}{reason}",
                outcome.word(),
                entry.path,
                if reason.is_empty() { "" } else { ": " }
            ));
        }
        if self.json {
            event(&json!({
                "event": "file", "path": entry.path, "kind": entry.kind.name(), "size": entry.size,
                "outcome": outcome.word(), "reason": (!reason.is_empty()).then_some(reason),
            }));
        }
        if self.report.is_some() {
            let row = Row {
                path: entry.path.clone(),
                kind: entry.kind.name(),
                size: entry.size,
                outcome: outcome.word(),
                reason: reason.to_owned(),
            };
            self.rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
        }
    }

    /// Prints the summary and writes the report file.
    ///
    /// # Errors
    /// [`Exit::Failed`] when the report file cannot be written.
    pub fn summary(&self, report: &Report, verb: &str, run: Option<Uuid>) -> Result<(), Failure> {
        let value = report.to_json(verb, run);
        if self.json {
            event(&value);
        } else {
            eprint!("{}", report.problems());
            if !self.quiet {
                print!("{}", report.summary(verb));
                if let Some(run) = run {
                    println!("run {run}");
                }
            }
        }
        self.log(&format!("summary {value}"));
        let written = self.write_report(&value);
        if let Some(log) = &self.log {
            log.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .flush()
                .map_err(|error| Failure::new(Exit::Failed, error))?;
        }
        written.map_err(|error| Failure::new(Exit::Failed, error))
    }

    fn write_report(&self, summary: &Value) -> anyhow::Result<()> {
        let Some(path) = &self.report else { return Ok(()) };
        let file = File::create(path).with_context(|| format!("--report {}", path.display()))?;
        let mut out = BufWriter::new(file);
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if path.extension().is_some_and(|form| form == "csv") {
            writeln!(out, "path,kind,size,outcome,reason")?;
            for row in rows.iter() {
                let (path, reason) = (quoted(&row.path), quoted(&row.reason));
                writeln!(out, "{path},{},{},{},{reason}", row.kind, row.size, row.outcome)?;
            }
        } else {
            let files: Vec<Value> = rows.iter().map(Row::to_json).collect();
            serde_json::to_writer_pretty(&mut out, &json!({ "summary": summary, "files": files }))?;
        }
        Ok(out.flush()?)
    }

    fn log(&self, line: &str) {
        if let Some(log) = &self.log {
            let now = Local::now().to_rfc3339_opts(SecondsFormat::Millis, false);
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            // A full disk must not end the run; the flush at the end reports it.
            let _ = writeln!(log, "{now} {line}");
        }
    }
}

impl Row {
    fn to_json(&self) -> Value {
        json!({ "path": self.path, "kind": self.kind, "size": self.size, "outcome": self.outcome, "reason": self.reason })
    }
}

/// A cell of a CSV file (RFC 4180); a leading character that a spreadsheet would take for a formula is disarmed.
fn quoted(text: &str) -> String {
    let text = match text.chars().next() {
        Some('=' | '+' | '-' | '@') => format!("'{text}"),
        _ => text.to_owned(),
    };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn event(value: &Value) {
    println!("{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "'=1+1"),
            ("", ""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}

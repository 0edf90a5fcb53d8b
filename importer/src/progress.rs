//! How far a run has come: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use crate::output::Output;
use crate::report::{Entry, Outcome, printable};

/// The bar: bytes decide its length and the time left, since files differ in size by a factor of a million.
const TEMPLATE: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}";

/// Progress of a run; shared by all its tasks.
#[derive(Debug)]
pub struct Progress {
    files: u64,
    bytes: u64,
    done_files: AtomicU64,
    done_bytes: AtomicU64,
    errors: AtomicU64,
    display: Display,
    output: Output,
}

#[derive(Debug)]
enum Display {
    Silent,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    /// Of a run over so many files and bytes.
    pub fn new(files: usize, bytes: u64, output: Output) -> Self {
        let display = if !output.shows_progress() {
            Display::Silent
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(bytes);
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            Display::Bar(bar)
        } else {
            Display::Lines
        };
        Self {
            files: files as u64,
            bytes,
            done_files: AtomicU64::new(0),
            done_bytes: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            display,
            output,
        }
    }

    /// Where the run tells what it does.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Tells what became of a file, and counts it, whatever that is.
    pub fn settle(&self, entry: &Entry, outcome: &Outcome, flag: Option<&str>) {
        self.output.file(entry, outcome, flag);
        if matches!(outcome, Outcome::Rejected(_) | Outcome::Mismatch(_)) {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        let bytes = entry.size;
        let files = self.done_files.fetch_add(1, Ordering::Relaxed) + 1;
        let before = self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
        match &self.display {
            Display::Silent => {}
            Display::Bar(bar) => {
                bar.set_position(before + bytes);
                let errors = self.errors.load(Ordering::Relaxed);
                let errors = if errors == 0 {
                    String::new()
                } else {
                    format!(", {errors} errors")
                };
                bar.set_message(format!(
                    "{} of {} files{errors}, {}",
                    HumanCount(files),
                    HumanCount(self.files),
                    printable(&entry.path)
                ));
            }
            Display::Lines if self.tenths(before) < self.tenths(before + bytes) => eprintln!(
                "{} of {}, {} of {} files",
                HumanBytes(before + bytes),
                HumanBytes(self.bytes),
                HumanCount(files),
                HumanCount(self.files)
            ),
            Display::Lines => {}
        }
    }

    /// Takes the bar away, so that the report stands alone.
    pub fn finish(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }

    fn tenths(&self, bytes: u64) -> u64 {
        (u128::from(bytes) * 10 / u128::from(self.bytes.max(1))) as u64
    }
}

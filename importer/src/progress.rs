//! How far a run has come: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

/// The bar: bytes decide its length and the time left, since files differ in size by a factor of a million.
const TEMPLATE: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}";

/// Progress of a run; shared by all its tasks.
#[derive(Debug)]
pub struct Progress {
    files: u64,
    bytes: u64,
    done_files: AtomicU64,
    done_bytes: AtomicU64,
    display: Display,
}

#[derive(Debug)]
enum Display {
    Silent,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    /// Of a run over so many files and bytes.
    pub fn new(files: usize, bytes: u64, quiet: bool) -> Self {
        let display = if quiet {
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
        let (done_files, done_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Self {
            files: files as u64,
            bytes,
            done_files,
            done_bytes,
            display,
        }
    }

    /// Counts a file that was dealt with, whatever became of it.
    pub fn advance(&self, bytes: u64) {
        let files = self.done_files.fetch_add(1, Ordering::Relaxed) + 1;
        let before = self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
        match &self.display {
            Display::Silent => {}
            Display::Bar(bar) => {
                bar.set_position(before + bytes);
                bar.set_message(format!(
                    "{} of {} files",
                    HumanCount(files),
                    HumanCount(self.files)
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

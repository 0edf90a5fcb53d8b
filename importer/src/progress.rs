//! How far a run has come: bars on a terminal, plain lines elsewhere. What is found and what is dealt with are shown
//! apart, and add up.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use crate::output::Output;
use crate::report::{Entry, Kind, Outcome, printable};

/// The bar: bytes decide its length and the time left, since files differ in size by a factor of a million.
const TEMPLATE: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {prefix}\n{wide_msg}";

/// Without a terminal there is a line for every so many files that were found.
const FOUND_A_LINE: u64 = 10_000;

/// How often a spinner turns while nothing is found.
const TURN: Duration = Duration::from_millis(200);

#[derive(Debug)]
enum Display {
    Silent,
    Lines,
    Bar(ProgressBar),
}

impl Display {
    fn new(output: &Output, bar: impl FnOnce() -> ProgressBar) -> Self {
        if !output.shows_progress() {
            Self::Silent
        } else if std::io::stderr().is_terminal() {
            Self::Bar(bar())
        } else {
            Self::Lines
        }
    }
}

/// Files found so far, while a source is looked through.
#[derive(Debug)]
pub struct Discovery {
    files: u64,
    display: Display,
}

impl Discovery {
    /// Nothing yet.
    pub fn new(output: &Output) -> Self {
        let display = Display::new(output, || {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(TURN);
            bar
        });
        Self { files: 0, display }
    }

    /// One more.
    pub fn find(&mut self) {
        self.files += 1;
        match &self.display {
            Display::Bar(bar) => bar.set_message(format!("looking: {} files", HumanCount(self.files))),
            Display::Lines if self.files.is_multiple_of(FOUND_A_LINE) => {
                eprintln!("looking: {} files", HumanCount(self.files));
            }
            Display::Lines | Display::Silent => {}
        }
    }

    /// Everything is found: of the files, so many are settled already, and the others, with their bytes, are next.
    pub fn finish(self, found: usize, settled: usize, files: usize, bytes: u64) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
        if !matches!(self.display, Display::Silent) {
            eprintln!(
                "found {} files: {} ({}) to go through, {} left out or not readable",
                HumanCount(found as u64),
                HumanCount(files as u64),
                HumanBytes(bytes),
                HumanCount(settled as u64)
            );
        }
    }
}

/// Progress of a run; shared by all its tasks.
#[derive(Debug)]
pub struct Progress {
    files: u64,
    bytes: u64,
    done: Mutex<Done>,
    began: Instant,
    display: Display,
    output: Output,
}

/// What was dealt with so far.
#[derive(Debug, Default)]
struct Done {
    kinds: BTreeMap<Kind, u64>,
    bytes: u64,
    errors: u64,
}

impl Done {
    fn files(&self) -> u64 {
        self.kinds.values().sum()
    }

    /// `12 cards, 300 chats, 2 errors`.
    fn text(&self) -> String {
        let kinds = self
            .kinds
            .iter()
            .map(|(kind, count)| format!("{} {}", HumanCount(*count), kind.name()));
        let errors = (self.errors > 0).then(|| format!("{} errors", HumanCount(self.errors)));
        kinds.chain(errors).collect::<Vec<_>>().join(", ")
    }
}

impl Progress {
    /// Of a run over so many files and bytes.
    pub fn new(files: usize, bytes: u64, output: Output) -> Self {
        let display = Display::new(&output, || {
            let bar = ProgressBar::new(bytes);
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            bar
        });
        Self {
            files: files as u64,
            bytes,
            done: Mutex::default(),
            began: Instant::now(),
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
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let before = done.bytes;
        done.bytes += entry.size;
        *done.kinds.entry(entry.kind).or_default() += 1;
        if matches!(outcome, Outcome::Rejected(_) | Outcome::Mismatch(_)) {
            done.errors += 1;
        }
        match &self.display {
            Display::Silent => {}
            Display::Bar(bar) => {
                bar.set_position(done.bytes);
                bar.set_prefix(done.text());
                bar.set_message(printable(&entry.path));
            }
            Display::Lines if self.tenths(before) < self.tenths(done.bytes) => self.line(&done),
            Display::Lines => {}
        }
    }

    fn line(&self, done: &Done) {
        let took = self.began.elapsed();
        let left = self.bytes.saturating_sub(done.bytes) as f64 / done.bytes.max(1) as f64;
        let rate = done.bytes as f64 / took.as_secs_f64().max(0.001);
        eprintln!(
            "{} of {}, {}/s, {} left, {} of {} files: {}",
            HumanBytes(done.bytes),
            HumanBytes(self.bytes),
            HumanBytes(rate as u64),
            HumanDuration(took.mul_f64(left)),
            HumanCount(done.files()),
            HumanCount(self.files),
            done.text()
        );
    }

    /// Takes the bar away, so that the report stands alone.
    pub fn finish(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }

    /// Of a run whose bytes are not known before, none.
    fn tenths(&self, bytes: u64) -> u64 {
        if self.bytes == 0 {
            return 0;
        }
        (u128::from(bytes) * 10 / u128::from(self.bytes)) as u64
    }
}

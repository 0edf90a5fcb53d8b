//! Exit codes: stable, and printed by `--help`.

use std::process::ExitCode;

/// How a run ended. The numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything is in, or out.
    Done = 0,
    /// Something else went wrong: a fault of this program or of the machine.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The source cannot be read.
    Source = 3,
    /// The database cannot be reached or used.
    Target = 4,
    /// Finished, but some files were rejected, or kept although they are damaged.
    Rejects = 5,
    /// What was written is not what the database said it holds.
    Mismatch = 6,
    /// Finished or not begun: something of the target would have been overwritten.
    Conflict = 7,
    /// Interrupted; running again goes on.
    Interrupted = 8,
    /// There is nothing to do.
    Nothing = 9,
}

/// The table that `--help` shows.
pub const TABLE: &str = "\
Exit codes:
  0  everything is in (or out, or the same), including what was there already
  1  failed for a reason not listed here
  2  usage: the command line makes no sense, or there is no such account
  3  the source cannot be read
  4  the database cannot be reached, or its schema does not fit
  5  finished, but files were rejected, or kept although they are damaged
  6  verify, diff, export: something is not what it should be
  7  refused: something else would have been overwritten (see --on-conflict), or OUT_DIR is not empty
  8  interrupted; the same import goes on where it stopped
  9  nothing to do";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What ended a run early.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// Why.
    pub error: anyhow::Error,
}

impl Failure {
    /// An error with the exit code that it means.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            error: error.into(),
        }
    }
}

//! The system's git on repositories of strangers, in temporary folders: without their hooks, filters and submodules,
//! without the machine's configuration, within limits of size and time, and only towards addresses that the server
//! itself may reach.

mod config;
mod process;
mod remote;
mod workspace;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::providers::relay::RelayError;

pub use config::safe_config;
pub use remote::Remote;
pub use workspace::{Workspace, is_kept};

/// Repositories that one process works on at a time.
const AT_ONCE: usize = 4;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a repository may take, its history and its files together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on disk.
    pub bytes: u64,
    /// Files, git's own included.
    pub files: u64,
    /// From the first command to the end of the last one.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            files: 20_000,
            time: Duration::from_secs(300),
        }
    }
}

/// Why git did not do it. The text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git on this machine.
    #[error("the program git was not found")]
    Missing,
    /// A command failed.
    #[error("git {command} failed: {reason}")]
    Failed {
        /// Its name, as `clone`.
        command: String,
        /// What it said, shortened.
        reason: String,
    },
    /// The repository cannot be worked with.
    #[error("{0}")]
    Unusable(String),
    /// More bytes than allowed.
    #[error("more than {} MiB", .0 >> 20)]
    TooLarge(u64),
    /// More files than allowed.
    #[error("more than {0} files")]
    TooMany(u64),
    /// More time than allowed.
    #[error("more than {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// Too many others are at work.
    #[error("too many repositories are worked on at once")]
    Busy,
    /// The remote cannot or may not be reached.
    #[error("{0:?}")]
    Relay(#[from] RelayError),
    /// The temporary folder failed.
    #[error("the temporary folder: {0}")]
    Io(#[from] io::Error),
}

/// Hands out [`Workspace`]s.
#[derive(Clone, Debug)]
pub struct Git {
    folder: PathBuf,
    /// Where git and its parts are looked for.
    path: OsString,
    limits: Limits,
    turns: Arc<Semaphore>,
}

impl Git {
    /// Workspaces are made in `folder`; programs are looked for in `path`, as in the variable `PATH`.
    #[must_use]
    pub fn new(folder: &Path, path: OsString, limits: Limits) -> Self {
        Self {
            folder: folder.to_owned(),
            path,
            limits,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// What a repository may take.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// An empty workspace, when it is this request's turn; its time begins now.
    ///
    /// # Errors
    /// [`GitError::Busy`], or the disk failed.
    pub async fn workspace(&self) -> Result<Workspace, GitError> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(GitError::Busy);
        };
        Ok(Workspace::new(self, turn)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Git, GitError, Limits};

    #[tokio::test]
    async fn a_machine_without_git_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::new(folder.path(), folder.path().into(), Limits::default());
        let workspace = git.workspace().await.unwrap();
        let cloned = workspace.clone_from("http://127.0.0.1:1/x", None).await;
        assert!(matches!(cloned, Err(GitError::Missing)), "{cloned:?}");
    }
}

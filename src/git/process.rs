//! One run of git, watched, and ended with all its helpers.

use std::future::Future;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::GitError;

/// The longest output that is read, in bytes: a list of all files of the largest repository.
const MAX_OUTPUT: u64 = 16 << 20;

/// How much of its complaints reaches the log, in bytes.
const MAX_COMPLAINT: u64 = 4096;

/// git and the helpers it started, which share a process group. Dropped before [`Group::ended`], they are killed: one
/// that only git itself waited for would go on filling the disk.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    fn ended(mut self) {
        self.0 = None;
    }

    fn kill(&self) {
        if let Some(group) = self.0 {
            // It may have ended meanwhile, which is what was wanted.
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a command to its end, or until `fault` comes first. Answers what it wrote.
pub(super) async fn run(
    mut command: Command,
    name: &str,
    fault: impl Future<Output = GitError>,
) -> Result<Vec<u8>, GitError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => GitError::Missing,
        _ => error.into(),
    })?;
    let group = Group::of(&child);
    let (output, complaint) = (child.stdout.take(), child.stderr.take());
    let mut work = std::pin::pin!(async {
        let all = tokio::try_join!(read(output, MAX_OUTPUT), read(complaint, MAX_COMPLAINT))?;
        std::io::Result::Ok((child.wait().await?, all))
    });
    let (status, (output, complaint)) = tokio::select! {
        done = &mut work => done?,
        fault = fault => {
            group.kill();
            // Until the last of them is gone: the folder is about to be removed.
            work.await.ok();
            return Err(fault);
        }
    };
    group.ended();
    if status.success() && output.len() as u64 <= MAX_OUTPUT {
        return Ok(output);
    }
    let complaint = String::from_utf8_lossy(&complaint).trim().to_owned();
    Err(GitError::Failed {
        command: name.to_owned(),
        reason: format!("{status}: {complaint}"),
    })
}

/// Reads to the end, and keeps up to one byte more than `limit`.
async fn read(from: Option<impl AsyncRead + Unpin>, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return Ok(kept) };
    (&mut from).take(limit + 1).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(kept)
}

//! The process itself: is it running, does it answer, start it, ask it to stop.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sqlx::Connection;
use tokio::process::{Child, Command};

use super::account::{self, command};
use super::binaries::Binaries;
use super::home::Home;
use super::settings;

/// What a try to connect shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// It accepts connections.
    Ready,
    /// Something listens, but is starting up, recovering, or shutting down.
    Busy,
    /// Nothing listens.
    Silent,
}

/// Tries to connect as superuser.
///
/// # Errors
/// Something listens and refuses for good, such as failed authentication.
pub(super) async fn probe(socket_dir: &Path) -> Result<Probe> {
    match super::superuser(socket_dir).await {
        Ok(connection) => {
            connection.close().await?;
            Ok(Probe::Ready)
        }
        Err(sqlx::Error::Io(error)) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Ok(Probe::Silent),
            ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => Ok(Probe::Busy),
            _ => Err(error).context("cannot reach the embedded PostgreSQL"),
        },
        // 57P03 cannot_connect_now, 57P01 admin_shutdown, 53300 too_many_connections
        Err(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("57P03" | "57P01" | "53300")) =>
        {
            Ok(Probe::Busy)
        }
        Err(error) => Err(error).context("the embedded PostgreSQL refuses the connection"),
    }
}

/// The process that serves `cluster`, if it lives. A stale `postmaster.pid` whose number now belongs to another process
/// (usual after a restart of a container, where numbers are small) does not count.
pub(super) async fn running(cluster: &Path) -> Result<Option<u32>> {
    let text = match tokio::fs::read_to_string(cluster.join("postmaster.pid")).await {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("cannot read postmaster.pid"),
    };
    let Some(pid) = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse::<u32>().ok())
    else {
        return Ok(None);
    };
    Ok(serves(pid, cluster).await?.then_some(pid))
}

/// Whether process `pid` lives and is the postmaster of `cluster`.
pub(super) async fn serves(pid: u32, cluster: &Path) -> Result<bool> {
    if Path::new("/proc/self/cwd").exists() {
        // A postmaster works in its data directory; a dead process has no link, a foreign one's cannot be read.
        let folder = tokio::fs::read_link(format!("/proc/{pid}/cwd")).await;
        let name = tokio::fs::read_to_string(format!("/proc/{pid}/comm")).await;
        return Ok(folder.is_ok_and(|folder| folder == cluster)
            && name.is_ok_and(|name| name.starts_with("postgres")));
    }
    let mut ps = Command::from(command("ps", None));
    let output = ps
        .args(["-ww", "-o", "args=", "-p", &pid.to_string()])
        .output()
        .await
        .context("cannot run `ps`")?;
    let line = String::from_utf8_lossy(&output.stdout);
    Ok(line.contains("postgres") && line.contains(&*cluster.to_string_lossy()))
}

/// Removes what a killed PostgreSQL left behind and a new one might respect: it takes any live process with the recorded
/// number for its predecessor. Only when nothing runs. Its own guard against two servers on one cluster, a shared memory
/// segment keyed by the data directory, stays in force.
pub(super) async fn clear_stale_locks(home: &Home) -> Result<()> {
    let socket = home.socket_dir.join(format!(".s.PGSQL.{}", settings::PORT));
    let mut lock = socket.clone().into_os_string();
    lock.push(".lock");
    for path in [home.cluster().join("postmaster.pid"), PathBuf::from(lock), socket] {
        match tokio::fs::remove_file(&path).await {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove the stale {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Starts PostgreSQL in a process group of its own, so that Ctrl-C in a terminal reaches the server alone, which then
/// stops PostgreSQL last.
pub(super) fn spawn(home: &Home, binaries: &Binaries) -> Result<Child> {
    let log = home.open_log()?;
    let postgres = binaries.dir.join("postgres");
    let mut start = command(&postgres, home.account);
    start.arg("-D").arg(home.cluster());
    start
        .arg("-c")
        .arg(format!("config_file={}", home.root.join("server.conf").display()));
    start.stdout(log.try_clone()?).stderr(log);
    let child = Command::from(start).process_group(0).spawn();
    child.with_context(|| format!("cannot run {}", postgres.display()))
}

/// Asks process `pid` for a fast shutdown: no new connections, open transactions rolled back, a clean end.
pub(super) fn request_stop(pid: u32) -> Result<()> {
    // The shell's own `kill`: a minimal system has no program of that name.
    let mut kill = command("/bin/sh", None);
    kill.args(["-c", "kill -INT \"$1\"", "sh", &pid.to_string()]);
    account::run(&mut kill).context("cannot stop PostgreSQL")
}

//! Which operating-system account PostgreSQL runs under, and how commands are run as that account.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Accounts tried in order when root starts a new cluster.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];
/// The path for child processes when the environment has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A user and group to switch to; only root can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    /// Whether the account can enter `folder`, judged by the system itself: modes, access lists, mounts.
    pub fn can_enter(self, folder: &Path) -> Result<bool> {
        let mut shell = command("/bin/sh", Some(self));
        shell.args(["-c", "cd -- \"$1\"", "sh"]).arg(folder);
        Ok(shell.output().context("cannot run /bin/sh")?.status.success())
    }
}

/// The account for `cluster`: `None` (no switch) unless `uid`, this process's user, is root; then the owner of an existing cluster,
/// else the first that exists of `postgres` and `nobody`.
///
/// # Errors
/// Root without any unprivileged account to use.
pub(super) fn choose(uid: u32, cluster: &Path) -> Result<Option<Account>> {
    if uid != 0 {
        return Ok(None);
    }
    if let Ok(metadata) = cluster.metadata()
        && metadata.uid() != 0
    {
        return Ok(Some(Account {
            uid: metadata.uid(),
            gid: metadata.gid(),
        }));
    }
    for name in UNPRIVILEGED {
        if let (Some(uid), Some(gid)) = (id(&["-u", name])?, id(&["-g", name])?) {
            let (uid, gid) = (uid.parse()?, gid.parse()?);
            return Ok(Some(Account { uid, gid }));
        }
    }
    bail!(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` to run it as"
    )
}

/// The name of the user this process runs as.
///
/// # Errors
/// The system knows no name for it, which PostgreSQL insists on.
pub(super) fn current_name() -> Result<String> {
    id(&["-un"])?
        .context("the user this process runs as has no name: add it to /etc/passwd, or set DATABASE_URL")
}

/// The effective user id of this process.
pub(super) fn current_uid() -> Result<u32> {
    let uid = id(&["-u"])?.context("the command `id -u` failed")?;
    uid.parse().with_context(|| format!("`id -u` answered {uid:?}"))
}

/// A command in a clean environment (no `PG*` variables, no locale), in `/`, without input, as `account`.
pub(super) fn command(program: impl AsRef<OsStr>, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null());
    command.env(
        "PATH",
        std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into()),
    );
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    if let Some(Account { uid, gid }) = account {
        // The standard library also drops root's supplementary groups here.
        command.gid(gid).uid(uid);
    }
    command
}

/// Runs `command` to its end.
///
/// # Errors
/// It cannot be run, or fails; the message has its output.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        bail!("{program} failed ({}):\n{}{}", output.status, out, err);
    }
    Ok(())
}

/// What POSIX `id` answers, or `None` when it fails because there is no such user.
fn id(arguments: &[&str]) -> Result<Option<String>> {
    let output = command("id", None)
        .args(arguments)
        .output()
        .context("cannot run the command `id`")?;
    if !output.status.success() {
        return Ok(None);
    }
    let text =
        String::from_utf8(output.stdout).context("the command `id` answered something else than text")?;
    Ok(Some(text.trim().to_owned()))
}

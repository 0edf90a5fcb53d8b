//! A temporary folder with one repository in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::{Git, GitError, Remote, process};

/// How often a running command's folder is measured.
const WATCH: Duration = Duration::from_millis(200);

/// What every command runs with, whatever the repository says.
const OPTIONS: [(&str, &str); 23] = [
    ("core.hooksPath", "/dev/null"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.fsmonitor", "false"),
    // A link would lead a reader out of the folder; it is written as a file that holds where it leads.
    ("core.symlinks", "false"),
    ("core.fileMode", "false"),
    ("core.autocrlf", "false"),
    ("core.logAllRefUpdates", "false"),
    ("core.bigFileThreshold", "16m"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("transfer.fsckObjects", "true"),
    ("transfer.bundleURI", "false"),
    ("protocol.allow", "never"),
    ("protocol.http.allow", "always"),
    ("protocol.https.allow", "always"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
    ("credential.helper", ""),
    ("init.templateDir", ""),
];

/// Files of git that are stored and laid out again, by their path below `.git`. The others could run a program, lead to
/// another folder, or are of no use: hooks, alternates, logs, the marks of a command that was running.
#[must_use]
pub fn is_kept(path: &str) -> bool {
    let single = ["HEAD", "config", "index", "packed-refs", "shallow", "description"];
    let below = ["refs/", "objects/"];
    let foreign = ["objects/info/alternates", "objects/info/http-alternates"];
    (single.contains(&path) || below.iter().any(|folder| path.starts_with(folder)))
        && !foreign.contains(&path)
        && !path.ends_with(".lock")
}

/// A folder for one repository and the commands on it; gone when it is dropped.
#[derive(Debug)]
pub struct Workspace {
    folder: TempDir,
    git: Git,
    options: Vec<(String, String)>,
    deadline: Instant,
    _turn: OwnedSemaphorePermit,
}

impl Workspace {
    pub(super) fn new(git: &Git, turn: OwnedSemaphorePermit) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("git-").tempdir_in(&git.folder)?;
        std::fs::create_dir(folder.path().join("home"))?;
        Ok(Self {
            folder,
            git: git.clone(),
            options: Vec::new(),
            deadline: Instant::now() + git.limits.time,
            _turn: turn,
        })
    }

    /// Folder of the repository's files; `.git` lies in it. There is none before the first file or the clone.
    #[must_use]
    pub fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    /// Waits for something that has to be done in this workspace's time.
    ///
    /// # Errors
    /// Its own, or [`GitError::TimedOut`].
    pub async fn within<T>(&self, work: impl Future<Output = Result<T, GitError>>) -> Result<T, GitError> {
        let done = tokio::time::timeout_at(self.deadline, work).await;
        done.unwrap_or(Err(GitError::TimedOut(self.git.limits.time)))
    }

    /// Lets the commands from now on reach this remote.
    pub fn connect(&mut self, remote: Remote) {
        self.options = remote.options;
    }

    /// Runs `git` with these arguments on the repository, and answers what it wrote.
    ///
    /// # Errors
    /// See [`GitError`].
    pub async fn git(&self, arguments: &[&str]) -> Result<String, GitError> {
        let mut command = self.command();
        command
            .args(arguments)
            .current_dir(self.repository())
            .env("GIT_DIR", self.repository().join(".git"))
            .env("GIT_WORK_TREE", self.repository());
        let output = self.run(command, arguments).await?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    /// Clones the newest commit of a branch or tag, or of the remote's own branch, without its files.
    ///
    /// # Errors
    /// See [`GitError`].
    pub async fn clone_from(&self, address: &str, branch: Option<&str>) -> Result<(), GitError> {
        let branch = branch.map(|branch| format!("--branch={branch}"));
        let mut arguments = vec!["clone", "--quiet", "--depth=1", "--no-checkout", "--template="];
        arguments.extend(branch.as_deref());
        arguments.extend(["--", address, "repository"]);
        let mut command = self.command();
        command.args(&arguments).current_dir(self.folder.path());
        self.run(command, &arguments).await.map(drop)
    }

    /// The entries of a configuration file, as `git config --list --null` has them.
    ///
    /// # Errors
    /// See [`GitError`].
    pub async fn list_config(&self, text: &[u8]) -> Result<Vec<u8>, GitError> {
        let path = self.folder.path().join("home/stored-config");
        tokio::fs::write(&path, text).await?;
        let arguments = [
            "config",
            "--file",
            "stored-config",
            "--no-includes",
            "--list",
            "--null",
        ];
        let mut command = self.command();
        command
            .args(arguments)
            .current_dir(self.folder.path().join("home"))
            .env("GIT_CEILING_DIRECTORIES", self.folder.path());
        self.run(command, &arguments).await
    }

    /// Makes sure that the files of a commit may be written.
    ///
    /// # Errors
    /// [`GitError::TooLarge`], [`GitError::TooMany`], or there is no such commit.
    pub async fn check_tree(&self, revision: &str) -> Result<(), GitError> {
        let listed = self
            .git(&["ls-tree", "-r", "-l", "-z", "--end-of-options", revision])
            .await?;
        let (mut bytes, mut files) = (0_u64, 0_u64);
        for entry in listed.split_terminator('\0') {
            let size = entry
                .split('\t')
                .next()
                .and_then(|head| head.split_whitespace().last());
            bytes = bytes.saturating_add(size.and_then(|size| size.parse().ok()).unwrap_or(0));
            files += 1;
        }
        self.check(bytes, files)
    }

    /// # Errors
    /// [`GitError::TooLarge`] or [`GitError::TooMany`] when this is more than a repository may take.
    pub fn check(&self, bytes: u64, files: u64) -> Result<(), GitError> {
        let limits = self.git.limits;
        if bytes > limits.bytes {
            return Err(GitError::TooLarge(limits.bytes));
        }
        if files > limits.files {
            return Err(GitError::TooMany(limits.files));
        }
        Ok(())
    }

    async fn run(&self, command: Command, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        let name = arguments.first().copied().unwrap_or_default();
        let output = process::run(command, name, self.watch()).await?;
        self.measure().await?;
        Ok(output)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        let home = self.folder.path().join("home");
        command
            .env_clear()
            .env("PATH", &self.git.path)
            .env("LC_ALL", "C")
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", &home)
            .env("TMPDIR", &home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "");
        // Not as arguments, which every user of the machine can read: some hold a password.
        let fixed = OPTIONS.iter().map(|(key, value)| (*key, *value));
        let own = self
            .options
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let mut count = 0;
        for (at, (key, value)) in fixed.chain(own).enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{at}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{at}"), value);
            count = at + 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        command
    }

    /// Ends when the folder has outgrown its limits, or at the deadline.
    async fn watch(&self) -> GitError {
        loop {
            tokio::time::sleep(WATCH).await;
            if Instant::now() > self.deadline {
                return GitError::TimedOut(self.git.limits.time);
            }
            if let Err(error) = self.measure().await {
                return error;
            }
        }
    }

    async fn measure(&self) -> Result<(), GitError> {
        let folder = self.folder.path().to_owned();
        let (bytes, files) = tokio::task::spawn_blocking(move || measure(&folder))
            .await
            .map_err(std::io::Error::other)??;
        self.check(bytes, files)
    }
}

/// Bytes and files below a folder. What is removed meanwhile does not count.
fn measure(folder: &Path) -> std::io::Result<(u64, u64)> {
    let (mut bytes, mut files) = (0, 0);
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => waiting.push(entry.path()),
                Ok(meta) => {
                    bytes += meta.len();
                    files += 1;
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok((bytes, files))
}

#[cfg(test)]
mod tests {
    use super::is_kept;

    #[test]
    fn what_could_act_is_not_laid_out() {
        for path in [
            "HEAD",
            "refs/heads/main",
            "objects/pack/pack-1.pack",
            "shallow",
            "config",
        ] {
            assert!(is_kept(path), "{path}");
        }
        for path in [
            "hooks/post-checkout",
            "objects/info/alternates",
            "commondir",
            "config.worktree",
            "info/attributes",
            "modules/x/config",
            "index.lock",
            "FETCH_HEAD",
            "logs/HEAD",
        ] {
            assert!(!is_kept(path), "{path}");
        }
    }
}

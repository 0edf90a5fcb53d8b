//! The folder of the embedded PostgreSQL and the files in it.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{Hash, Hasher};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::account::{self, Account, command};
use super::binaries::Binaries;

/// Where root keeps what an unprivileged account cannot reach at its own place.
pub(super) const SYSTEM_ROOT: &str = "/var/lib/squaretable";
/// The longest socket address that Linux (107) and macOS (103) both accept.
const SOCKET_ADDRESS_LIMIT: usize = 103;
/// A longer log is set aside at start.
const LOG_LIMIT: u64 = 16 * 1024 * 1024;
/// How much of the log's end an error message carries.
const TAIL_LIMIT: u64 = 4 * 1024;

/// The folder, resolved, and the account its PostgreSQL runs under.
#[derive(Debug, Clone)]
pub(super) struct Home {
    /// Absolute and free of links.
    pub root: PathBuf,
    /// `None`: the user of this process.
    pub account: Option<Account>,
    /// Set by [`Home::open_socket_folder`].
    pub socket_dir: PathBuf,
    /// Owner of the files written here: root's own, or the owner of a folder that root only visits.
    owner: Option<Account>,
}

impl Home {
    /// Makes the folder when missing. Root hands it to the account PostgreSQL will run under, and puts it under
    /// [`SYSTEM_ROOT`] with a link in its place when that account cannot reach it (a home folder of mode 0700).
    ///
    /// # Errors
    /// The folder cannot be made, belongs to somebody else, or holds a cluster out of the account's reach.
    pub fn prepare(dir: &Path) -> Result<Self> {
        let root = make_root(dir)?;
        let uid = account::current_uid()?;
        let Some(account) = account::choose(uid, &root.join("cluster"))? else {
            if root.metadata()?.uid() != uid {
                bail!(
                    "{} belongs to another user; start as that user, or as root",
                    root.display()
                );
            }
            fs::set_permissions(&root, Permissions::from_mode(0o700))?;
            return Ok(Self {
                root,
                account: None,
                socket_dir: PathBuf::new(),
                owner: None,
            });
        };
        let mut owner = hand_over(&root, account)?;
        let root = if account.can_enter(&root)? {
            root
        } else {
            let target = relocate(&root)?;
            owner = hand_over(&target, account)?;
            target
        };
        Ok(Self {
            root,
            account: Some(account),
            socket_dir: PathBuf::new(),
            owner,
        })
    }

    /// The data directory.
    pub fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    /// PostgreSQL's log.
    pub fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    /// The major version that made the cluster; `None` when there is no cluster yet.
    pub fn cluster_major(&self) -> Result<Option<u32>> {
        let path = self.cluster().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(
                text.trim()
                    .parse()
                    .with_context(|| format!("{} is damaged", path.display()))?,
            )),
            Err(error) if error.kind() == ErrorKind::NotFound && !self.cluster().exists() => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Opens a lock file, made when missing.
    pub fn open_lock(&self, name: &str) -> Result<File> {
        let path = self.root.join(name);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path);
        self.own(&path, file)
    }

    /// Makes the folder of the socket and remembers it. Only while holding the turn.
    pub fn open_socket_folder(&mut self) -> Result<()> {
        let inside = self.root.join("socket");
        self.socket_dir = if fits_socket(&inside) {
            inside
        } else {
            self.short_socket_folder()?
        };
        make_private(&self.socket_dir, self.account)
    }

    /// Replaces a file of settings, never writing through a link somebody put in its place.
    pub fn write_file(&self, name: &str, text: &str) -> Result<()> {
        let (path, partial) = (self.root.join(name), self.root.join(format!("{name}.new")));
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&partial);
        let mut file = self.own(&partial, file)?;
        // Readable whatever the umask: the account must read it, and the folder keeps everybody else out.
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(text.as_bytes())?;
        fs::rename(&partial, &path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Opens the log for appending, setting a long one aside.
    pub fn open_log(&self) -> Result<File> {
        let path = self.log();
        if self.log_size()? > LOG_LIMIT {
            fs::rename(&path, self.root.join("postgres.log.1"))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path);
        self.own(&path, file)
    }

    /// The log's length in bytes; 0 when there is none.
    pub fn log_size(&self) -> Result<u64> {
        match self.log().metadata() {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error).context("cannot read postgres.log"),
        }
    }

    /// The end of what was logged since the log had the length `start`.
    pub fn log_tail(&self, start: u64) -> Result<String> {
        let mut file = File::open(self.log()).context("cannot read postgres.log")?;
        let length = file.metadata()?.len();
        // Shorter than before: it was set aside meanwhile.
        let start = if length < start { 0 } else { start };
        file.seek(SeekFrom::Start(start.max(length.saturating_sub(TAIL_LIMIT))))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn own(&self, path: &Path, file: std::io::Result<File>) -> Result<File> {
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        if let Some(owner) = self.owner {
            std::os::unix::fs::fchown(&file, Some(owner.uid), Some(owner.gid))?;
        }
        Ok(file)
    }

    /// A folder with a short path, the recorded one as long as it is still ours alone.
    fn short_socket_folder(&self) -> Result<PathBuf> {
        let record = self.root.join("socket-path");
        let uid = self
            .account
            .map_or_else(account::current_uid, |account| Ok(account.uid))?;
        if let Ok(text) = fs::read_to_string(&record) {
            let path = PathBuf::from(text);
            let ours = path.symlink_metadata().is_ok_and(|metadata| {
                metadata.is_dir() && metadata.uid() == uid && metadata.permissions().mode() & 0o777 == 0o700
            });
            if ours {
                return Ok(path);
            }
        }
        let name = format!(
            "squaretable-{:08x}",
            short_hash(&(&self.root, std::process::id(), std::time::Instant::now()))
        );
        let temporary = std::env::temp_dir().join(&name);
        let path = if fits_socket(&temporary) {
            temporary
        } else {
            Path::new("/tmp").join(&name)
        };
        // `create` refuses a folder, or a link, that somebody else put there first.
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        let text = path
            .to_str()
            .context("the folder for temporary files has a name that is not UTF-8")?;
        self.write_file("socket-path", text)?;
        Ok(path)
    }
}

/// Makes the cluster when missing: under a temporary name, so that a half-made one is never taken for a cluster.
///
/// # Errors
/// `initdb` fails; the message has what it said.
pub(super) fn init_cluster(home: &Home, binaries: &Binaries, fsync: bool) -> Result<()> {
    let (cluster, partial) = (home.cluster(), home.root.join("cluster.new"));
    if cluster.exists() {
        if let Some(Account { uid, gid }) = home.account
            && cluster.metadata()?.uid() == 0
        {
            // Restored from a backup by root; PostgreSQL insists on owning its files.
            account::run(
                command("chown", None)
                    .args(["-R", &format!("{uid}:{gid}"), "--"])
                    .arg(&cluster),
            )?;
        }
        return Ok(());
    }
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    make_private(&partial, home.account)?;
    let mut initdb = command(binaries.dir.join("initdb"), home.account);
    initdb.arg("--pgdata").arg(&partial);
    initdb.args([
        "--username",
        super::SUPERUSER,
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
    ]);
    initdb.args(["--auth=peer", "--no-instructions"]);
    if binaries.major >= 17 {
        initdb.args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
    }
    if !fsync {
        initdb.arg("--no-sync");
    }
    account::run(&mut initdb)?;
    fs::rename(&partial, &cluster)?;
    if fsync {
        File::open(&home.root)?.sync_all()?;
    }
    Ok(())
}

/// Makes a folder everybody may enter, parents included.
pub(super) fn make_public_folder(path: &Path) -> Result<()> {
    if !path.is_dir() {
        fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Eight hexadecimal digits' worth of hash, to tell folders apart.
pub(super) fn short_hash(value: &impl Hash) -> u32 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

fn make_root(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir)?;
    if let Ok(target) = fs::read_link(&dir)
        && !dir.exists()
    {
        bail!(
            "{} is a link to {}, which is gone: restore it, or remove the link to start anew",
            dir.display(),
            target.display()
        );
    }
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("cannot make {}", dir.display()));
        }
        _ => {}
    }
    let root = dir
        .canonicalize()
        .with_context(|| format!("cannot enter {}", dir.display()))?;
    match root.to_str() {
        Some(text) if !text.contains(char::is_control) => Ok(root),
        _ => bail!(
            "PostgreSQL's settings cannot name the folder {}: not UTF-8, or control characters",
            root.display()
        ),
    }
}

/// Root gives the account the right to pass through `root`, not to write in it. A folder that belongs to an existing
/// cluster's owner stays as it is; then that owner is returned, to own the files root writes there.
fn hand_over(root: &Path, account: Account) -> Result<Option<Account>> {
    if root.metadata()?.uid() == account.uid && root.join("cluster").exists() {
        return Ok(Some(account));
    }
    chown(root, Some(0), Some(account.gid))
        .with_context(|| format!("cannot change the group of {}", root.display()))?;
    fs::set_permissions(root, Permissions::from_mode(0o750))?;
    Ok(None)
}

/// Replaces the empty folder `root` by a link to a new one under [`SYSTEM_ROOT`]. An older one that served the same path
/// is left alone: its link was removed to start anew, or by mistake.
fn relocate(root: &Path) -> Result<PathBuf> {
    if fs::read_dir(root)?.next().is_some() {
        bail!(
            "the unprivileged account that PostgreSQL must run under cannot reach {}: let others pass through the folders \
             above it (chmod o+x), or move it",
            root.display()
        );
    }
    let base = Path::new(SYSTEM_ROOT);
    make_public_folder(base)?;
    let name = format!("{:08x}", short_hash(&root));
    let mut target = base.join(&name);
    let mut number = 1;
    while let Err(error) = DirBuilder::new().mode(0o700).create(&target) {
        if error.kind() != ErrorKind::AlreadyExists {
            return Err(error).with_context(|| format!("cannot make {}", target.display()));
        }
        number += 1;
        target = base.join(format!("{name}-{number}"));
    }
    fs::write(target.join("origin"), root.as_os_str().as_encoded_bytes())?;
    fs::remove_dir(root)?;
    symlink(&target, root)?;
    tracing::info!(
        "an unprivileged user cannot reach {}: PostgreSQL's files are in {}",
        root.display(),
        target.display()
    );
    Ok(target)
}

fn make_private(path: &Path, account: Option<Account>) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("cannot make {}", path.display()));
        }
        _ => {}
    }
    if let Some(Account { uid, gid }) = account {
        chown(path, Some(uid), Some(gid))
            .with_context(|| format!("cannot change the owner of {}", path.display()))?;
    }
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    Ok(())
}

fn fits_socket(dir: &Path) -> bool {
    dir.as_os_str().len() + "/.s.PGSQL.5432".len() <= SOCKET_ADDRESS_LIMIT
}

//! Walks a data root and tells what everything in it is. Reads nothing but the account store.

mod records;
mod root;
mod walk;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use squaretable::store::accounts::SYSTEM;
use squaretable_compat::layout::{Place, is_safe};
use walkdir::WalkDir;

use crate::accounts::{Account, DEFAULT};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::policy::Filter;
use crate::progress::Discovery;
use crate::report::{Entry, Kind, Outcome, Report};
use crate::source::{Layout, MOVED, OVERRIDES, Source};
use crate::system;

use self::walk::Facts;
pub use self::walk::times;

/// Longest path in bytes: an index entry of PostgreSQL holds folder and name together.
const MAX_PATH: usize = 2000;

const RECORDS: &str = "records of the machine that it was written on";
const DISPOSABLE: &str = "made again when needed";
const NOT_UTF8: &str = "its name is not UTF-8";
const TOO_LONG: &str = "its path is too long";
const LINK: &str = "a symbolic link, which is not followed";

/// A data root, told apart.
#[derive(Debug, Default)]
pub struct Scan {
    /// The accounts with their folders, by handle; the data root's own files come last.
    pub users: Vec<UserScan>,
    /// Files of all together, and records of accounts.
    pub files: usize,
    /// Bytes of them.
    pub bytes: u64,
}

/// An account and its folder, or what belongs to no account ([`UserScan::is_system`]).
#[derive(Debug)]
pub struct UserScan {
    /// The account.
    pub account: Account,
    /// Whether the source says what the account is; otherwise it is only named.
    pub is_stated: bool,
    /// Its records in `_storage`, but for those that an export would spell differently: these are files of the system.
    pub records: Vec<Entry>,
    /// Its folder.
    pub root: PathBuf,
    /// Files that are to be stored, by path.
    pub files: Vec<Found>,
    /// All folders below the root.
    pub folders: Vec<String>,
}

/// A file that is to be stored.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where it is, relative to the user's folder.
    pub place: Place,
    /// For the report.
    pub entry: Entry,
    /// Its path on disk.
    pub disk: PathBuf,
    /// Its mtime, to the microsecond.
    pub modified_at: DateTime<Utc>,
    /// Its ctime, to the microsecond.
    pub changed_at: DateTime<Utc>,
    /// What is wrong with it, as far as the scan knows; it is taken all the same.
    pub flag: Option<String>,
}

impl Found {
    /// Whether it holds keys, so that it is stored sealed or not at all.
    pub fn is_sealed(&self) -> bool {
        self.entry.kind == Kind::Secrets
    }
}

/// Looks through a source on a thread of its own; what is not to be stored is settled in the report at once.
///
/// # Errors
/// [`Exit::Source`]: the source, or its account store, cannot be read. [`Exit::Usage`]: it lacks an account that was
/// asked for.
pub async fn look(source: &Arc<Source>, filter: &Filter, output: &Output) -> Result<(Scan, Report), Failure> {
    let (source, filter) = (source.clone(), filter.clone());
    let discovery = Discovery::new(output);
    let walk = move || {
        let mut report = Report::watched(discovery);
        scan(&source, &filter, &mut report).map(|found| (found, report))
    };
    let (found, mut report) = tokio::task::spawn_blocking(walk)
        .await
        .map_err(|error| Failure::new(Exit::Failed, error))??;
    report.discovered(found.files, found.bytes);
    Ok((found, report))
}

fn scan(source: &Source, filter: &Filter, report: &mut Report) -> Result<Scan, Failure> {
    let unreadable = |error| Failure::new(Exit::Source, error);
    let mut users = match source.layout() {
        Layout::DataRoot => root::read(source.dir(), report).map_err(unreadable)?,
        Layout::User { handle } => {
            let mut user = UserScan::of_folder(source.dir(), handle).map_err(unreadable)?;
            walk::user(&mut user, source.dir(), report);
            vec![user]
        }
        Layout::Before112 => {
            let mut user = UserScan::of_folder(source.dir(), DEFAULT).map_err(unreadable)?;
            for (from, to) in MOVED {
                walk::walk(&mut user, &source.dir().join(from), to, source.dir(), report);
            }
            let mut system = UserScan::system(source.dir());
            for (from, to) in OVERRIDES {
                let to = system::inside(to);
                walk::walk(&mut system, &source.dir().join(from), &to, source.dir(), report);
            }
            vec![user, system]
        }
    };
    for (entry, reason) in source.rejected() {
        report.find(entry.kind);
        report.settle(entry, Outcome::Rejected(reason.clone()), None);
    }
    if !matches!(source.layout(), Layout::User { .. }) {
        choose(&mut users, source.users(), report)?;
    }
    for user in &mut users {
        user.files.retain(|found| match filter.leaves_out(found) {
            None => true,
            Some(reason) => {
                report.settle(&found.entry, Outcome::Ignored(reason), None);
                false
            }
        });
    }
    users.retain(|user| !(user.is_system() && user.files.is_empty() && user.folders.is_empty()));
    let records = users.iter().flat_map(|user| &user.records);
    let files = users
        .iter()
        .flat_map(|user| user.files.iter().map(|found| &found.entry));
    let sizes: Vec<u64> = records.chain(files).map(|entry| entry.size).collect();
    Ok(Scan {
        users,
        files: sizes.len(),
        bytes: sizes.iter().sum(),
    })
}

/// Keeps the accounts that were asked for, under the names that they are to have here.
fn choose(
    users: &mut Vec<UserScan>,
    wanted: &[(String, String)],
    report: &mut Report,
) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    if let Some((name, _)) = wanted
        .iter()
        .find(|(name, _)| users.iter().all(|user| user.account.handle != *name))
    {
        let error = anyhow::anyhow!("the source has no account {name:?}");
        return Err(Failure::new(Exit::Usage, error));
    }
    users.retain_mut(|user| {
        let here = wanted.iter().find(|(name, _)| *name == user.account.handle);
        if let Some((_, here)) = here {
            user.account.handle.clone_from(here);
            return true;
        }
        let reason = if user.is_system() {
            "of the whole server, which --user leaves out"
        } else {
            "of an account that --user does not name"
        };
        for entry in user.entries() {
            report.settle(entry, Outcome::Ignored(reason), None);
        }
        false
    });
    Ok(())
}

/// Settles a file, or every file of a folder, in the same way.
fn settle_all(root: &Path, path: &Path, outcome: &Outcome, report: &mut Report) {
    for item in WalkDir::new(path)
        .follow_links(false)
        .follow_root_links(false)
        .sort_by_file_name()
    {
        match item {
            Ok(item) if item.file_type().is_dir() => {}
            Ok(item) => {
                let size = item.metadata().map_or(0, |metadata| metadata.len());
                let entry = Entry {
                    path: below(root, item.path()),
                    kind: Kind::Other,
                    size,
                };
                report.find(Kind::Other);
                report.settle(&entry, outcome.clone(), None);
            }
            Err(error) => report.folder_problem(&below(root, path), error.to_string()),
        }
    }
}

/// A path as the report shows it.
fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

impl Scan {
    /// Whether there is anybody's data, rather than nothing or a stray folder.
    pub fn holds_account(&self) -> bool {
        self.users.iter().any(|user| !user.is_system())
    }

    /// What was found, for the question before an import.
    pub fn plan(&self) -> String {
        let mut text = String::new();
        for user in &self.users {
            let mut kinds: BTreeMap<Kind, (usize, u64)> = BTreeMap::new();
            for found in &user.files {
                let (files, bytes) = kinds.entry(found.entry.kind).or_default();
                *files += 1;
                *bytes += found.entry.size;
            }
            let _ = if user.is_system() {
                writeln!(text, "the server's own files")
            } else {
                writeln!(text, "account {}", user.account.handle)
            };
            for (kind, (files, bytes)) in kinds {
                let _ = writeln!(
                    text,
                    "  {:<10} {files:>8}  {}",
                    kind.name(),
                    indicatif::HumanBytes(bytes)
                );
            }
        }
        text
    }
}

impl UserScan {
    /// The folder of one user, which goes to the account `handle`.
    fn of_folder(dir: &Path, handle: &str) -> anyhow::Result<Self> {
        let mut account = Account::default_user();
        anyhow::ensure!(
            is_safe(handle) && !handle.contains('/'),
            "{handle:?} cannot name an account"
        );
        account.handle = handle.to_owned();
        Ok(Self::new(account, dir.to_path_buf()))
    }

    /// What belongs to no account.
    fn system(root: &Path) -> Self {
        let mut account = Account::default_user();
        account.handle = SYSTEM.to_owned();
        Self::new(account, root.to_path_buf())
    }

    fn new(account: Account, root: PathBuf) -> Self {
        Self {
            account,
            is_stated: false,
            records: Vec::new(),
            root,
            files: Vec::new(),
            folders: Vec::new(),
        }
    }

    /// Whether these are the data root's own files.
    pub fn is_system(&self) -> bool {
        system::is_system(&self.account.handle)
    }

    /// Everything of it that was counted as found.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.records
            .iter()
            .chain(self.files.iter().map(|found| &found.entry))
    }

    /// Keeps a file for later, or settles it.
    fn take(&mut self, found: Result<Facts, String>, mut entry: Entry, report: &mut Report) {
        if let Ok(facts) = &found {
            entry.kind = if system::holds_keys(&facts.place) {
                Kind::Secrets
            } else {
                Kind::of(&facts.place)
            };
        }
        report.find(entry.kind);
        match found {
            Err(reason) => report.settle(&entry, Outcome::Rejected(reason), None),
            Ok(Facts {
                place: Place::Derived { .. },
                ..
            }) => {
                report.settle(&entry, Outcome::Ignored(DISPOSABLE), None);
            }
            Ok(Facts {
                place,
                disk,
                modified_at,
                changed_at,
            }) => {
                self.files.push(Found {
                    place,
                    entry,
                    disk,
                    modified_at,
                    changed_at,
                    flag: None,
                });
            }
        }
    }
}

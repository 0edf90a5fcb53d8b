//! Walks a data root and tells what everything in it is. Reads nothing but the account store.

mod records;
mod walk;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Utc};
use squaretable_compat::layout::{Place, RootEntry, is_safe};
use walkdir::WalkDir;

use crate::accounts::{Account, DEFAULT};
use crate::exit::{Exit, Failure};
use crate::policy::Filter;
use crate::report::{Entry, Kind, Outcome, Report};
use crate::source::{Layout, MOVED, Source};

use self::walk::Facts;
pub use self::walk::times;

/// Longest path in bytes: an index entry of PostgreSQL holds folder and name together.
const MAX_PATH: usize = 2000;

const NO_PLACE: &str =
    "belongs to the whole server, for which there is no place yet; an export will not have it: keep a copy";
const RECORDS: &str = "records of the machine that it was written on";
const DISPOSABLE: &str = "made again when needed";
const NOT_UTF8: &str = "its name is not UTF-8";
const TOO_LONG: &str = "its path is too long";
const JUNK: &str = "left by a file manager or by git";
const HIDDEN: &str = "hidden files are no part of the account store";
const LINK: &str = "a symbolic link, which is not followed";

/// A data root, told apart.
#[derive(Debug, Default)]
pub struct Scan {
    /// The accounts with their folders, by handle.
    pub users: Vec<UserScan>,
    /// Files of all users together.
    pub files: usize,
    /// Bytes of all users' files together.
    pub bytes: u64,
}

/// An account and its folder.
#[derive(Debug)]
pub struct UserScan {
    /// The account.
    pub account: Account,
    /// Its records in `_storage`, with what is wrong with them; empty for the account that is made where there is none.
    pub records: Vec<(Entry, Option<String>)>,
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
}

/// Looks through a source on a thread of its own; what is not to be stored is settled in the report at once.
///
/// # Errors
/// [`Exit::Source`]: the source, or its account store, cannot be read. [`Exit::Usage`]: it lacks an account that was
/// asked for.
pub async fn look(source: &Arc<Source>, filter: &Filter) -> Result<(Scan, Report), Failure> {
    let (source, filter) = (source.clone(), filter.clone());
    let walk = move || {
        let mut report = Report::default();
        scan(&source, &filter, &mut report).map(|found| (found, report))
    };
    tokio::task::spawn_blocking(walk)
        .await
        .map_err(|error| Failure::new(Exit::Failed, error))?
}

fn scan(source: &Source, filter: &Filter, report: &mut Report) -> Result<Scan, Failure> {
    let unreadable = |error| Failure::new(Exit::Source, error);
    let mut users = match source.layout() {
        Layout::DataRoot => data_root(source.dir(), report).map_err(unreadable)?,
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
            vec![user]
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
    let files = users.iter().map(|user| user.files.len()).sum();
    let bytes = users
        .iter()
        .flat_map(|user| &user.files)
        .map(|found| found.entry.size)
        .sum();
    Ok(Scan { users, files, bytes })
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
        let records = user.records.iter().map(|(entry, _)| entry);
        for entry in records.chain(user.files.iter().map(|found| &found.entry)) {
            report.settle(
                entry,
                Outcome::Ignored("of an account that --user does not name"),
                None,
            );
        }
        false
    });
    Ok(())
}

/// Walks a data root.
fn data_root(root: &Path, report: &mut Report) -> anyhow::Result<Vec<UserScan>> {
    let mut accounts = records::read(root, report)?;
    let mut entries: Vec<_> = std::fs::read_dir(root)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read {}", root.display()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let reason = match RootEntry::of(&name.to_string_lossy()) {
            RootEntry::Accounts => continue,
            RootEntry::CookieSecret | RootEntry::ContentLog | RootEntry::Overrides => NO_PLACE,
            RootEntry::Records => RECORDS,
            RootEntry::Disposable => DISPOSABLE,
            RootEntry::UserOrUnknown if name == ".gitkeep" || name == ".DS_Store" => JUNK,
            RootEntry::UserOrUnknown => {
                let user = name.to_str().and_then(|handle| accounts.get_mut(handle));
                match user.filter(|_| entry.path().is_dir() && !entry.path().is_symlink()) {
                    Some(user) => walk::user(user, root, report),
                    None => settle_all(root, &entry.path(), &unknown(&entry.path()), report),
                }
                continue;
            }
        };
        settle_all(root, &entry.path(), &Outcome::Ignored(reason), report);
    }
    Ok(accounts.into_values().collect())
}

fn unknown(path: &Path) -> Outcome {
    Outcome::Rejected(if path.is_symlink() {
        LINK.to_owned()
    } else if path.is_dir() {
        "in a folder of the data root that no account names".to_owned()
    } else {
        "not part of a data root".to_owned()
    })
}

/// Settles a file, or every file of a folder, in the same way.
fn settle_all(root: &Path, path: &Path, outcome: &Outcome, report: &mut Report) {
    for item in WalkDir::new(path).follow_links(false).sort_by_file_name() {
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
            let _ = writeln!(text, "account {}", user.account.handle);
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
        Ok(Self {
            account,
            records: Vec::new(),
            root: dir.to_path_buf(),
            files: Vec::new(),
            folders: Vec::new(),
        })
    }

    fn new(root: &Path, account: Account, records: Vec<(Entry, Option<String>)>) -> Self {
        let root = root.join(&account.handle);
        Self {
            account,
            records,
            root,
            files: Vec::new(),
            folders: Vec::new(),
        }
    }

    /// Keeps a file for later, or settles it.
    fn take(&mut self, found: Result<Facts, String>, mut entry: Entry, report: &mut Report) {
        if let Ok(facts) = &found {
            entry.kind = Kind::of(&facts.place);
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
                });
            }
        }
    }
}

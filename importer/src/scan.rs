//! Walks a data root and tells what everything in it is. Reads nothing but the account store.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use squaretable_compat::layout::{Place, RootEntry, Stored};
use walkdir::WalkDir;

use crate::accounts::{self, DEFAULT, Source};
use crate::report::{Entry, Kind, Outcome, Report};

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
    pub account: Source,
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

/// Walks `root`; what is not to be stored is settled in `report` at once.
///
/// # Errors
/// The root, or its account store, cannot be read; or it is a user's folder.
pub fn scan(root: &Path, report: &mut Report) -> anyhow::Result<Scan> {
    let root = root
        .canonicalize()
        .with_context(|| format!("cannot read {}", root.display()))?;
    if root.join("characters").is_dir() && root.join("settings.json").is_file() {
        anyhow::bail!(
            "{} is the folder of one user: name the folder that it lies in",
            root.display()
        );
    }
    let mut accounts = read_accounts(&root, report)?;
    let mut entries: Vec<_> = std::fs::read_dir(&root)
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
                    Some(user) => walk_user(user, report),
                    None => settle_all(&root, &entry.path(), &unknown(&entry.path()), report),
                }
                continue;
            }
        };
        settle_all(&root, &entry.path(), &Outcome::Ignored(reason), report);
    }
    let users: Vec<UserScan> = accounts.into_values().collect();
    let files = users.iter().map(|user| user.files.len()).sum();
    let bytes = users
        .iter()
        .flat_map(|user| &user.files)
        .map(|found| found.entry.size)
        .sum();
    Ok(Scan { users, files, bytes })
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

/// The accounts of `_storage`, by handle; the original's first account when there is none.
fn read_accounts(root: &Path, report: &mut Report) -> anyhow::Result<BTreeMap<String, UserScan>> {
    let mut users = BTreeMap::new();
    let mut avatars = Vec::new();
    for (path, bytes) in read_records(root, report)? {
        let size = bytes.len() as u64;
        let entry = Entry {
            path: below(root, &path),
            kind: Kind::Account,
            size,
        };
        report.find(Kind::Account);
        let record = accounts::parse(&bytes).and_then(|stored| match stored {
            Stored::Account(account) => Source::new(account).map(Ok).map_err(|error| error.to_string()),
            Stored::Avatar { handle, url } => Ok(Err((handle, url))),
            Stored::Other { key, .. } => Err(format!("the original has no record {key:?}")),
        });
        match record {
            Ok(Ok(account)) if users.contains_key(&account.handle) => {
                let reason = format!("a second record of the account {:?}", account.handle);
                report.settle(&entry, Outcome::Rejected(reason), None);
            }
            Ok(Ok(account)) => {
                let user = UserScan::new(root, account, vec![(entry, flag(&path, &bytes))]);
                users.insert(user.account.handle.clone(), user);
            }
            Ok(Err((handle, url))) => avatars.push((handle, url, entry)),
            Err(reason) => report.settle(&entry, Outcome::Rejected(reason), None),
        }
    }
    for (handle, url, entry) in avatars {
        match users.get_mut(&handle) {
            Some(user) => {
                user.account.avatar = url;
                user.records.push((entry, None));
            }
            None => report.settle(&entry, Outcome::Rejected(format!("no account {handle:?}")), None),
        }
    }
    if users.is_empty() && root.join(DEFAULT).is_dir() {
        users.insert(
            DEFAULT.to_owned(),
            UserScan::new(root, Source::default_user(), Vec::new()),
        );
    }
    Ok(users)
}

/// The files of `_storage`, by name; what cannot be a record is settled at once.
fn read_records(root: &Path, report: &mut Report) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let store = root.join("_storage");
    let mut entries: Vec<_> = match std::fs::read_dir(&store) {
        Ok(entries) => entries.collect::<Result<_, _>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", store.display())),
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut records = Vec::new();
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            settle_all(root, &path, &Outcome::Ignored(HIDDEN), report);
        } else if entry.file_type()?.is_file() {
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            records.push((path, bytes));
        } else {
            let outcome = Outcome::Rejected("not a file of the account store".to_owned());
            settle_all(root, &path, &outcome, report);
        }
    }
    Ok(records)
}

/// What an export would not give back of an account's record.
fn flag(path: &Path, bytes: &[u8]) -> Option<String> {
    let Ok(Stored::Account(account)) = accounts::parse(bytes) else {
        return None;
    };
    let account = Source::new(account).ok()?;
    let (name, expected) = accounts::records(&account.as_new()).swap_remove(0);
    let same = expected == bytes && path.file_name().is_some_and(|file| *file == *name);
    (!same).then(|| {
        "the account is taken, but its record will be exported in the form that SillyTavern writes".to_owned()
    })
}

impl UserScan {
    fn new(root: &Path, account: Source, records: Vec<(Entry, Option<String>)>) -> Self {
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

/// Fills in the files and folders of a user.
fn walk_user(user: &mut UserScan, report: &mut Report) {
    let top = user.root.clone();
    let data_root = top.parent().unwrap_or(&top).to_path_buf();
    for item in WalkDir::new(&top)
        .min_depth(1)
        .follow_links(false)
        .sort_by_file_name()
    {
        let item = match item {
            Ok(item) => item,
            Err(error) => {
                let path = error.path().unwrap_or(&top);
                report.folder_problem(&below(&data_root, path), error.to_string());
                continue;
            }
        };
        let shown = below(&data_root, item.path());
        let path = item.path().strip_prefix(&top).ok().and_then(Path::to_str);
        if !item.file_type().is_dir() {
            let found = item.metadata().map_err(|error| error.to_string());
            let size = found.as_ref().map_or(0, Metadata::len);
            let found = found.and_then(|metadata| examine(path, item.path(), &metadata));
            user.take(
                found,
                Entry {
                    path: shown,
                    kind: Kind::File,
                    size,
                },
                report,
            );
            continue;
        }
        match path {
            Some(path) if path.len() > MAX_PATH => report.folder_problem(&shown, TOO_LONG.to_owned()),
            Some(path) => user.folders.push(path.to_owned()),
            None => report.folder_problem(&shown, NOT_UTF8.to_owned()),
        }
    }
}

/// What a walk learns of a file that could be stored.
struct Facts {
    place: Place,
    disk: PathBuf,
    modified_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
}

/// What a file of a user is, or why it cannot be stored.
fn examine(path: Option<&str>, disk: &Path, metadata: &Metadata) -> Result<Facts, String> {
    let path = path.ok_or(NOT_UTF8)?;
    let place = Place::classify(path).map_err(|error| error.to_string())?;
    if metadata.is_symlink() {
        return Err(LINK.to_owned());
    }
    if !metadata.is_file() {
        return Err("neither a file nor a folder".to_owned());
    }
    if path.len() > MAX_PATH {
        return Err(TOO_LONG.to_owned());
    }
    let (modified_at, changed_at) = times(metadata).ok_or("its time is out of range")?;
    Ok(Facts {
        place,
        disk: disk.to_path_buf(),
        modified_at,
        changed_at,
    })
}

/// mtime and ctime, cut to the microsecond that PostgreSQL keeps.
pub fn times(metadata: &Metadata) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let at =
        |seconds, nanos: i64| DateTime::from_timestamp(seconds, u32::try_from(nanos).ok()? / 1000 * 1000);
    Some((
        at(metadata.mtime(), metadata.mtime_nsec())?,
        at(metadata.ctime(), metadata.ctime_nsec())?,
    ))
}

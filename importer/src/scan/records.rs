//! The accounts that a data root names in `_storage`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use squaretable_compat::layout::Stored;

use super::{HIDDEN, UserScan, below, settle_all};
use crate::accounts::{self, Account, DEFAULT};
use crate::report::{Entry, Kind, Outcome, Report};

/// The accounts of `_storage`, by handle; the original's first account when there is none.
pub fn read(root: &Path, report: &mut Report) -> anyhow::Result<BTreeMap<String, UserScan>> {
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
            Stored::Account(account) => Account::new(account).map(Ok).map_err(|error| error.to_string()),
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
            UserScan::new(root, Account::default_user(), Vec::new()),
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
    let account = Account::new(account).ok()?;
    let (name, expected) = accounts::records(&account.as_new()).swap_remove(0);
    let same = expected == bytes && path.file_name().is_some_and(|file| *file == *name);
    (!same).then(|| {
        "the account is taken, but its record will be exported in the form that SillyTavern writes".to_owned()
    })
}

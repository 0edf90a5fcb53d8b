//! The accounts that a data root names in `_storage`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use squaretable_compat::layout::Stored;

use super::{UserScan, walk};
use crate::accounts::{self, Account, DEFAULT};
use crate::report::{Kind, Report};
use crate::scan::Found;
use crate::system;

/// The accounts of `_storage`, by handle; the original's first account when there is none. What an export would not
/// give back byte for byte of itself goes to `system`.
pub fn read(
    root: &Path,
    system: &mut UserScan,
    report: &mut Report,
) -> anyhow::Result<BTreeMap<String, UserScan>> {
    let mut users: BTreeMap<String, UserScan> = BTreeMap::new();
    let mut avatars = Vec::new();
    let before = system.files.len();
    let store = root.join("_storage");
    walk::walk(system, &store, &system::inside("_storage"), root, report);
    let folders = |folder: &String| folder != system::RECORDS.trim_end_matches('/');
    system.folders.retain(folders);
    for found in system.files.split_off(before) {
        let name = found.place.path().split_off(system::RECORDS.len());
        if name.starts_with('.') || name.contains('/') {
            system.files.push(found);
            continue;
        }
        let bytes =
            std::fs::read(&found.disk).with_context(|| format!("cannot read {}", found.disk.display()))?;
        let record = accounts::parse(&bytes).and_then(|stored| match stored {
            Stored::Account(account) => Account::new(account).map(Ok).map_err(|error| error.to_string()),
            Stored::Avatar { handle, url } => Ok(Err((handle, url))),
            Stored::Other { key, .. } => Err(format!("SillyTavern has no record {key:?}")),
        });
        match record {
            Ok(Ok(account)) if users.contains_key(&account.handle) => {
                let reason = format!("a second record of the account {:?}", account.handle);
                keep(system, found, Some(reason));
            }
            Ok(Ok(account)) => {
                let records = accounts::records(&account.as_new());
                let handle = account.handle.clone();
                let mut user = UserScan::new(account, root.join(&handle));
                user.is_stated = true;
                take(&mut user, system, found, &records, (&name, &bytes), report);
                users.insert(handle, user);
            }
            Ok(Err((handle, url))) => avatars.push((handle, url, found, name, bytes)),
            Err(reason) => keep(system, found, Some(reason)),
        }
    }
    for (handle, url, found, name, bytes) in avatars {
        match users.get_mut(&handle) {
            Some(user) => {
                user.account.avatar = url;
                let records = accounts::records(&user.account.as_new());
                take(user, system, found, &records, (&name, &bytes), report);
            }
            None => keep(system, found, Some(format!("no account {handle:?}"))),
        }
    }
    if users.is_empty() && root.join(DEFAULT).is_dir() {
        let user = UserScan::new(Account::default_user(), root.join(DEFAULT));
        users.insert(DEFAULT.to_owned(), user);
    }
    Ok(users)
}

/// Counts a record as the account's if an export writes just that; otherwise its bytes are kept beside the account.
fn take(
    user: &mut UserScan,
    system: &mut UserScan,
    found: Found,
    expected: &[(String, Vec<u8>)],
    (name, bytes): (&str, &[u8]),
    report: &mut Report,
) {
    if expected
        .iter()
        .any(|(known, expected)| known == name && expected == bytes)
    {
        let mut entry = found.entry;
        report.recount(entry.kind, Kind::Account);
        entry.kind = Kind::Account;
        user.records.push(entry);
    } else {
        keep(system, found, None);
    }
}

/// Keeps a file of the account store as it is.
fn keep(system: &mut UserScan, mut found: Found, flag: Option<String>) {
    found.flag = flag.map(|reason| format!("no part of the account store: {reason}; kept as it is"));
    system.files.push(found);
}

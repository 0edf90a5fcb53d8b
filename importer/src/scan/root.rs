//! A data root: the accounts' folders, and what belongs to no account.

use std::path::Path;

use anyhow::Context;
use squaretable_compat::layout::RootEntry;

use super::{DISPOSABLE, RECORDS, UserScan, records, settle_all, walk};
use crate::report::{Outcome, Report};
use crate::system;

/// Walks a data root.
pub fn read(root: &Path, report: &mut Report) -> anyhow::Result<Vec<UserScan>> {
    let mut system = UserScan::system(root);
    let mut accounts = records::read(root, &mut system, report)?;
    let mut entries: Vec<_> = std::fs::read_dir(root)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read {}", root.display()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (name, path) = (entry.file_name(), entry.path());
        match RootEntry::of(&name.to_string_lossy()) {
            RootEntry::Accounts => continue,
            RootEntry::Records => settle_all(root, &path, &Outcome::Ignored(RECORDS), report),
            RootEntry::Disposable => settle_all(root, &path, &Outcome::Ignored(DISPOSABLE), report),
            RootEntry::CookieSecret
            | RootEntry::ContentLog
            | RootEntry::Overrides
            | RootEntry::UserOrUnknown => {
                let user = name.to_str().and_then(|handle| accounts.get_mut(handle));
                match user.filter(|_| path.is_dir() && !path.is_symlink()) {
                    Some(user) => walk::user(user, root, report),
                    None => {
                        let inside = name.to_str().map(system::inside);
                        walk::walk_in(&mut system, &path, inside.as_deref(), root, report);
                    }
                }
            }
        }
    }
    Ok(accounts.into_values().chain([system]).collect())
}

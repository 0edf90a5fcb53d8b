//! The data root's own files, which belong to no account. The tenant of the whole installation holds them below `data`:
//! what lies there is the importer's, all else of that tenant the server's.

use anyhow::Result;
use squaretable::store::Db;
use squaretable::store::accounts::{self as users, SYSTEM};
use squaretable::tenant::Tenant;
use squaretable_compat::layout::Place;

use crate::accounts::as_new;

/// Folder of the data root's own files.
const FOLDER: &str = "data/";

/// Records of the account store that an account does not give back as they were.
pub const RECORDS: &str = "data/_storage/";

/// Whether this is the name of the tenant without an account.
pub fn is_system(handle: &str) -> bool {
    handle == SYSTEM
}

/// Where a path below the data root lies in the tenant.
pub fn inside(path: &str) -> String {
    format!("{FOLDER}{path}")
}

/// The inverse of [`inside`]; `None` for what did not come from a data root.
pub fn outside(path: &str) -> Option<&str> {
    path.strip_prefix(FOLDER)
}

/// Whether what lies at a path of a tenant came from a data root, or may go back to one.
pub fn concerns(handle: &str, path: &str) -> bool {
    !is_system(handle) || path.starts_with(FOLDER)
}

/// The tenant of an account, or the one of the whole installation; `None` where there is no such account.
///
/// # Errors
/// The database failed.
pub async fn tenant(db: &Db, handle: &str) -> Result<Option<Tenant>> {
    if is_system(handle) {
        return Ok(Some(Tenant::system(db).await?));
    }
    Ok(match users::find(db, handle).await? {
        Some(user) => Some(Tenant::open(db, &as_new(&user)).await?.0),
        None => None,
    })
}

/// Whether a file holds keys in plain text, so that it is stored sealed or not at all: `secrets.json`, the copies that
/// SillyTavern and interrupted writes leave of it, and the secret that signs sessions.
pub fn holds_keys(place: &Place) -> bool {
    let path = match place {
        Place::Secrets => return true,
        Place::File { path } => path.as_str(),
        _ => return false,
    };
    if path == "data/cookie-secret.txt" {
        return true;
    }
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_copy = name
        .strip_prefix("secrets")
        .is_some_and(|rest| rest.contains(".json"));
    // A user's folder that no account names lies below `data` as a whole.
    let in_user = match outside(folder).map(|rest| rest.split_once('/')) {
        Some(None) => "",
        Some(Some((_, rest))) => rest,
        None => folder,
    };
    is_copy && matches!(in_user, "" | "backups")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_keys_are_known_by_their_place() {
        for (path, expected) in [
            ("secrets.json", true),
            ("secrets.json.1234567", true),
            ("backups/secrets_migration_1700000000000.json", true),
            ("data/cookie-secret.txt", true),
            ("data/ghost/secrets.json", true),
            ("data/ghost/backups/secrets_migration_1.json", true),
            ("worlds/secrets.json", false),
            ("user/files/secrets.json", false),
            ("secrets.txt", false),
            ("cookie-secret.txt", false),
            ("data/ghost/worlds/secrets.json", false),
            ("backups/settings.json", false),
        ] {
            let place = Place::classify(path).unwrap();
            assert_eq!(holds_keys(&place), expected, "{path}");
        }
    }
}

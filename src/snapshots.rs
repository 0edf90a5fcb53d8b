//! Copies of a user's settings, kept as files `backups/settings_<handle>_<time>.json`.

use chrono::{Duration, Local, Utc};
use squaretable_compat::dates;
use squaretable_compat::layout::DocumentKind;

use crate::error::Result;
use crate::store::files::{self, StoredFile};
use crate::store::{Tx, blobs, documents};
use crate::tenant::Tenant;

/// Name of the settings document.
pub const SETTINGS: &str = "settings.json";

/// Folder of the snapshots below the user's root.
pub const FOLDER: &str = "backups";

/// Settings saved more often than this make no further snapshot (the original's autosave interval).
const INTERVAL: Duration = Duration::minutes(10);

/// What the names of a user's snapshots begin with.
#[must_use]
pub fn prefix(tenant: &Tenant) -> String {
    format!("settings_{}_", tenant.handle())
}

/// The user's snapshots, by the bytes of their names.
///
/// # Errors
/// The database failed.
pub async fn list(tx: &mut Tx, tenant: &Tenant) -> Result<Vec<StoredFile>> {
    let mut found = files::list(tx, FOLDER).await?;
    found.retain(|file| file.name.starts_with(&prefix(tenant)));
    Ok(found)
}

/// Stores `text` as a snapshot of now, and drops the oldest beyond `keep`.
///
/// # Errors
/// The database failed.
pub async fn take(tx: &mut Tx, tenant: &Tenant, text: &[u8], keep: u32) -> Result<()> {
    let name = format!("{}{}.json", prefix(tenant), dates::timestamp(Local::now()));
    let blob = blobs::put(tx, text).await?;
    files::put(tx, FOLDER, &name, &blob).await?;
    let mut found = list(tx, tenant).await?;
    found.sort_by_key(|file| std::cmp::Reverse(file.modified_at));
    for old in found.iter().skip(keep as usize) {
        files::delete(tx, FOLDER, &old.name).await?;
    }
    Ok(())
}

/// [`take`]s a snapshot when the newest is old enough and differs from `text`.
///
/// # Errors
/// The database failed.
pub async fn take_if_due(tx: &mut Tx, tenant: &Tenant, text: &[u8], keep: u32) -> Result<()> {
    let found = list(tx, tenant).await?;
    let newest = found.iter().max_by_key(|file| file.modified_at);
    let is_due = newest.is_none_or(|file| Utc::now() - file.modified_at >= INTERVAL && differs(file, text));
    if is_due { take(tx, tenant, text, keep).await } else { Ok(()) }
}

/// The snapshot that a user's settings get when the server starts, unless the newest is the same.
///
/// # Errors
/// The database failed.
pub async fn take_at_start(tenant: &Tenant, keep: u32) -> Result<()> {
    let mut tx = tenant.begin().await?;
    let Some(settings) = documents::get(&mut tx, DocumentKind::Root, SETTINGS).await? else { return Ok(()) };
    let found = list(&mut tx, tenant).await?;
    let newest = found.iter().max_by_key(|file| file.modified_at);
    if newest.is_none_or(|file| differs(file, &settings.body)) {
        take(&mut tx, tenant, &settings.body, keep).await?;
    }
    tx.commit().await
}

fn differs(snapshot: &StoredFile, text: &[u8]) -> bool {
    snapshot.blob.hash() != blake3::hash(text).as_bytes()
}

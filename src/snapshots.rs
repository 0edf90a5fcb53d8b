//! Copies of a user's settings, kept as files `backups/settings_<handle>_<time>.json`.

use std::time::Duration;

use chrono::Local;
use moka::future::Cache;
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
const INTERVAL: Duration = Duration::from_secs(600);

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

/// [`take`]s a snapshot unless the newest is the same.
///
/// # Errors
/// The database failed.
pub async fn take_if_changed(tx: &mut Tx, tenant: &Tenant, text: &[u8], keep: u32) -> Result<()> {
    let found = list(tx, tenant).await?;
    let newest = found.iter().max_by_key(|file| file.modified_at);
    if newest.is_some_and(|file| file.blob.hash() == blake3::hash(text).as_bytes()) {
        return Ok(());
    }
    take(tx, tenant, text, keep).await
}

/// The snapshot that a user's settings get when the server starts.
///
/// # Errors
/// The database failed.
pub async fn take_at_start(tenant: &Tenant, keep: u32) -> Result<()> {
    let mut tx = tenant.begin().await?;
    let Some(settings) = documents::get(&mut tx, DocumentKind::Root, SETTINGS).await? else {
        return Ok(());
    };
    take_if_changed(&mut tx, tenant, &settings.body, keep).await?;
    tx.commit().await
}

/// Who saved settings lately, on this node: their next saves make no further snapshots for a while.
#[derive(Debug, Clone)]
pub struct Autosaves(Cache<String, ()>);

impl Default for Autosaves {
    fn default() -> Self {
        Self(
            Cache::builder()
                .max_capacity(100_000)
                .time_to_live(INTERVAL)
                .build(),
        )
    }
}

impl Autosaves {
    /// Whether a save of this user is the first in a while; counts it if so.
    pub async fn is_due(&self, tenant: &Tenant) -> bool {
        self.0
            .entry(tenant.handle().to_owned())
            .or_insert(())
            .await
            .is_fresh()
    }
}

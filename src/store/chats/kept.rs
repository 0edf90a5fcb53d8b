//! Answers that came after the browser had gone: files among the backups, for a day.

use chrono::{DateTime, Utc};

use super::backups::FOLDER;
use crate::error::Result;
use crate::store::Tx;
use crate::store::blobs::{self, Blob};
use crate::store::files;

/// Stores a chat file until `expires_at`, as `<stem>.jsonl` or, where there is one, with the first free number.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, stem: &str, content: &[u8], expires_at: DateTime<Utc>) -> Result<String> {
    tx.hold("kept generations").await?;
    let mut name = format!("{stem}.jsonl");
    let mut number = 1;
    while files::get(tx, FOLDER, &name).await?.is_some() {
        number += 1;
        name = format!("{stem}-{number}.jsonl");
    }
    let blob: Blob = blobs::put(tx, content).await?;
    files::put(tx, FOLDER, &name, &blob).await?;
    let sql = "INSERT INTO kept_generations (tenant_id, name, hash, expires_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (tenant_id, name) DO UPDATE SET hash = EXCLUDED.hash, expires_at = EXCLUDED.expires_at";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(&name)
        .bind(&blob.hash()[..])
        .bind(expires_at)
        .execute(tx.conn())
        .await?;
    Ok(name)
}

/// Removes those whose time has passed; a file that took the place of one stays.
///
/// # Errors
/// The database failed.
pub async fn remove_expired(tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
    let sql = "WITH old AS (
                   DELETE FROM kept_generations WHERE tenant_id = $1 AND expires_at <= $2 RETURNING name, hash)
               DELETE FROM files f USING old
               WHERE f.tenant_id = $1 AND f.folder = $3 AND f.name = old.name AND f.hash = old.hash";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(now)
        .bind(FOLDER)
        .execute(tx.conn())
        .await?;
    Ok(())
}

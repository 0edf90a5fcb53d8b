//! Backups of chats: names for revisions. `migrations/0008_chat_backups.sql` states the model.
//!
//! A save takes a backup in its own transaction, at most one an interval: the first save takes one at once, later ones
//! within the interval share one that counts as taken at its end. Until then it is shown to nobody, as in the original,
//! which holds it in memory.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt};
use sha2::{Digest, Sha256};
use squaretable_compat::{json, names};

use super::contents;
use crate::error::Result;
use crate::store::Tx;
use crate::store::blobs::Blob;

/// Folder of the backups below the user's root; imported ones are files there.
pub const FOLDER: &str = "backups";

/// What the names of backups begin with.
pub const PREFIX: &str = "chat_";

/// Longest key in bytes that leaves room for the rest of a file name.
const KEY_BYTES: usize = 255 - "chat__20260102-030405.jsonl".len();

/// Bytes of a hexadecimal mark that tells names of one key apart.
const MARK: usize = 8;

/// How a save is backed up.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) owner: [u8; 32],
    pub(super) key: String,
    /// Seconds.
    pub(super) interval: f64,
    pub(super) keep: u32,
    pub(super) keep_total: Option<u32>,
}

impl Policy {
    /// Backups under a character's name (without `.png`) or a group chat's id: one an `interval`, of which the newest
    /// `keep` stay, and of all the user's backups the newest `keep_total`.
    #[must_use]
    pub fn new(name: &str, interval: Duration, keep: u32, keep_total: Option<u32>) -> Self {
        let owner = Sha256::digest(json::lossy(name).as_bytes()).into();
        Self {
            owner,
            key: key(name, &owner),
            interval: interval.as_secs_f64(),
            keep,
            keep_total,
        }
    }
}

/// What the names of the backups of a character or group chat have after [`PREFIX`].
#[must_use]
pub fn key_of(name: &str) -> String {
    key(name, &Sha256::digest(json::lossy(name).as_bytes()))
}

/// A name as it stands in file names: lower case, `_` for each UTF-16 unit that is no ASCII letter or digit.
///
/// compat: with a mark of its own where a character beyond printable ASCII may have been lost. A key too long for a
/// file name is cut and gets the mark, too; the original fails to take such a backup.
fn key(name: &str, hash: &[u8]) -> String {
    let plain = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => c.to_ascii_lowercase().to_string(),
        other => "_".repeat(other.len_utf16()),
    };
    let mut key: String = names::sanitize(name).chars().map(plain).collect();
    let is_marked = name.chars().any(|c| !(' '..='~').contains(&c));
    if is_marked || key.len() > KEY_BYTES {
        let mark = &hex::encode(hash)[..MARK];
        key.truncate(KEY_BYTES - MARK - 1);
        key = format!("{key}_{mark}");
    }
    key
}

/// A backup that has been taken.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Backup {
    /// File name.
    pub name: String,
    pub(in crate::store) chat_id: i64,
    pub(in crate::store) revision: i32,
    /// The original's mtime.
    pub taken_at: DateTime<Utc>,
    /// Bytes of the file.
    pub byte_size: i64,
    /// `compat::chat::Summary` as it is stored.
    pub summary: Vec<u8>,
}

/// All backups, by the bytes of their names; a file of the same name stands before a backup, which is left out then.
///
/// # Errors
/// The database failed.
pub async fn list(tx: &mut Tx) -> Result<Vec<Backup>> {
    let sql = "SELECT name, chat_id, revision, taken_at, byte_size, summary FROM chat_backups b
               WHERE tenant_id = $1 AND (taken_at <= $2 OR saved_at > $2)
                 AND NOT EXISTS (SELECT FROM files f WHERE f.tenant_id = $1 AND f.folder = $3 AND f.name = b.name)
               ORDER BY name";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(Utc::now())
        .bind(FOLDER)
        .fetch_all(tx.conn())
        .await?)
}

/// The backup of this name, or `None` where there is none.
///
/// # Errors
/// The database failed.
pub async fn find(tx: &mut Tx, name: &str) -> Result<Option<Backup>> {
    let sql = "SELECT name, chat_id, revision, taken_at, byte_size, summary FROM chat_backups
               WHERE tenant_id = $1 AND name = $2 AND (taken_at <= $3 OR saved_at > $3)";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(name)
        .bind(Utc::now())
        .fetch_optional(tx.conn())
        .await?)
}

/// The backup's file in pieces of about 1 MiB, a longer line in one.
pub fn file<'t>(tx: &'t mut Tx, backup: &Backup) -> impl Stream<Item = Result<Bytes>> + Send + 't {
    contents::pieces_of(tx, backup.chat_id, backup.revision)
}

/// The backup's whole file.
///
/// # Errors
/// The database failed, or the file is not as long as recorded.
pub async fn read(tx: &mut Tx, backup: &Backup) -> Result<Bytes> {
    let size = usize::try_from(backup.byte_size).unwrap_or(0);
    let whole = file(tx, backup).try_fold(Vec::with_capacity(size), async |mut whole, piece| {
        whole.extend_from_slice(&piece);
        Ok(whole)
    });
    let whole = whole.await?;
    if whole.len() != size {
        let held = whole.len();
        return Err(anyhow::anyhow!("a backup of {size} bytes holds {held}").into());
    }
    Ok(whole.into())
}

/// Removes a backup; what it names stays. Says whether there was one.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &mut Tx, name: &str) -> Result<bool> {
    let sql = "DELETE FROM chat_backups
               WHERE tenant_id = $1 AND name = $2 AND (taken_at <= $3 OR saved_at > $3)";
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(name)
        .bind(Utc::now())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes the oldest backups of `key`, or of all keys, until `keep` are left; those still to be taken do not count.
/// Imported files count and go as well.
///
/// compat: only those of this very key. The original takes every name that begins alike, so that backups of `Ada`
/// push out those of `Ada Lovelace`.
pub(super) async fn thin(tx: &mut Tx, key: Option<&str>, keep: u32) -> Result<()> {
    // What somebody else removes at this moment is passed over: a save must not wait for it, let alone fail.
    let sql = "WITH old AS (
                   SELECT name FROM (
                       SELECT name, taken_at AS at FROM chat_backups
                       WHERE tenant_id = $1 AND ($2::text IS NULL OR key = $2) AND (taken_at <= $3 OR saved_at > $3)
                       UNION ALL
                       SELECT name, modified_at FROM files
                       WHERE tenant_id = $1 AND folder = 'backups' AND name ^@ 'chat_'
                         AND ($2::text IS NULL OR name ^@ ('chat_' || $2 || '_')
                              AND substr(name, length($2) + 7) ~ '^[0-9]{8}-[0-9]{6}[.]jsonl$')) AS held
                   ORDER BY at DESC, name DESC OFFSET $4),
               files_gone AS (
                   DELETE FROM files WHERE tenant_id = $1 AND folder = 'backups' AND name IN (
                       SELECT f.name FROM files f JOIN old USING (name)
                       WHERE f.tenant_id = $1 AND f.folder = 'backups' FOR UPDATE OF f SKIP LOCKED))
               DELETE FROM chat_backups WHERE tenant_id = $1 AND name IN (
                   SELECT b.name FROM chat_backups b JOIN old USING (name)
                   WHERE b.tenant_id = $1 FOR UPDATE OF b SKIP LOCKED)";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(key)
        .bind(Utc::now())
        .bind(i64::from(keep))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The summaries of imported backups, by the hash of their content, as far as they were made.
///
/// # Errors
/// The database failed.
pub async fn file_summaries(tx: &mut Tx) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let sql = "SELECT hash, summary FROM chat_file_summaries WHERE tenant_id = $1";
    Ok(sqlx::query_as(sql).bind(tx.id()).fetch_all(tx.conn()).await?)
}

/// Keeps the summary of an imported backup.
///
/// # Errors
/// The database failed.
pub async fn put_file_summary(tx: &mut Tx, content: &Blob, summary: &[u8]) -> Result<()> {
    let sql = "INSERT INTO chat_file_summaries (tenant_id, hash, summary) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(&content.hash()[..])
        .bind(summary)
        .execute(tx.conn())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(name: &str) -> String {
        Policy::new(name, Duration::ZERO, 1, None).key
    }

    #[test]
    fn keys_are_plain_and_told_apart() {
        for (name, expected) in [
            ("Seraphina", "seraphina"),
            ("A b-C.d", "a_b_c_d"),
            ("a/b:c", "abc"),
            ("..", ""),
            ("Ünï", "_n__216999f2"),
            ("😀", "___f0443a34"),
            ("tab\there", "tabhere_5b876593"),
        ] {
            assert_eq!(key_of(name), expected, "{name}");
        }
        assert_ne!(key_of("日本"), key_of("中国"));
    }

    #[test]
    fn every_key_fits_a_file_name() {
        let long = "n".repeat(300);
        assert_eq!(key_of(&long).len(), KEY_BYTES);
        assert_ne!(key_of(&long), key_of(&format!("{long}x")));
        assert_eq!(key_of(&"n".repeat(KEY_BYTES)), "n".repeat(KEY_BYTES));
        assert!(key_of(&"日".repeat(84)).len() <= KEY_BYTES);
    }
}

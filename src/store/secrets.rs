//! Files that hold keys, each encrypted as a whole (see `keys.rs`), so that unknown keys and order survive: secrets.json
//! of a tenant, and what an import brings beside it.

use chrono::{DateTime, Utc};

use super::Tx;
use crate::error::Result;
use crate::keys::{MasterKey, Sealed};

/// The file that the server itself reads and writes; it has a table of its own.
const FILE: &str = "secrets.json";

/// The decrypted document, or `None` where the tenant has stored no secret yet.
///
/// # Errors
/// The database failed, or the master key is not the one that sealed the row.
pub async fn get(tx: &mut Tx, key: &MasterKey) -> Result<Option<Vec<u8>>> {
    get_file(tx, key, FILE).await
}

/// [`get`] for the file at a path below the user's root.
///
/// # Errors
/// As [`get`].
pub async fn get_file(tx: &mut Tx, key: &MasterKey, path: &str) -> Result<Option<Vec<u8>>> {
    let sealed = sealed(tx, path).await?;
    let owner = owner(tx, path);
    Ok(sealed.map(|(sealed, _)| key.open(&owner, &sealed)).transpose()?)
}

/// Like [`get`], and holds the document until the transaction ends: for read-modify-write.
///
/// # Errors
/// As [`get`].
pub async fn get_for_update(tx: &mut Tx, key: &MasterKey) -> Result<Option<Vec<u8>>> {
    tx.hold("secrets").await?;
    get(tx, key).await
}

/// When the document last changed, or `None` where there is none. Needs no key.
///
/// # Errors
/// The database failed.
pub async fn modified_at(tx: &mut Tx) -> Result<Option<DateTime<Utc>>> {
    let sql = "SELECT modified_at FROM secrets WHERE tenant_id = $1";
    Ok(sqlx::query_scalar(sql)
        .bind(tx.id())
        .fetch_optional(tx.conn())
        .await?)
}

/// All sealed files of the tenant, secrets.json among them: path below the user's root, and when it last changed.
///
/// # Errors
/// The database failed.
pub async fn list(tx: &mut Tx) -> Result<Vec<(String, DateTime<Utc>)>> {
    let sql = "SELECT $2::text AS path, modified_at FROM secrets WHERE tenant_id = $1
               UNION ALL SELECT path, modified_at FROM sealed_files WHERE tenant_id = $1 ORDER BY path";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(FILE)
        .fetch_all(tx.conn())
        .await?)
}

/// Replaces the document, sealed under a fresh data key.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, key: &MasterKey, body: &[u8]) -> Result<()> {
    put_file_at(tx, key, FILE, body, Utc::now()).await
}

/// [`put`] for the file at a path below the user's root, with a modification time of its own, as imports need it.
///
/// # Errors
/// The database failed.
pub async fn put_file_at(
    tx: &mut Tx,
    key: &MasterKey,
    path: &str,
    body: &[u8],
    modified_at: DateTime<Utc>,
) -> Result<()> {
    let sealed = key.seal(&owner(tx, path), body)?;
    insert(tx, path, &sealed, modified_at).await
}

async fn insert(tx: &mut Tx, path: &str, sealed: &Sealed, modified_at: DateTime<Utc>) -> Result<()> {
    let sql = if path == FILE {
        "INSERT INTO secrets (tenant_id, wrapped_key, body, modified_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id)
         DO UPDATE SET wrapped_key = EXCLUDED.wrapped_key, body = EXCLUDED.body, modified_at = EXCLUDED.modified_at"
    } else {
        "INSERT INTO sealed_files (tenant_id, wrapped_key, body, modified_at, path) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, path)
         DO UPDATE SET wrapped_key = EXCLUDED.wrapped_key, body = EXCLUDED.body, modified_at = EXCLUDED.modified_at"
    };
    let query = sqlx::query(sql)
        .bind(tx.id())
        .bind(&sealed.wrapped_key)
        .bind(&sealed.body)
        .bind(modified_at);
    let query = if path == FILE { query } else { query.bind(path) };
    query.execute(tx.conn()).await?;
    Ok(())
}

/// A row as it is stored, without opening it, and its modification time: for keeping it aside. Needs no key.
///
/// # Errors
/// The database failed.
pub async fn sealed(tx: &mut Tx, path: &str) -> Result<Option<(Sealed, DateTime<Utc>)>> {
    let sql =
        "SELECT wrapped_key, body, modified_at FROM secrets WHERE tenant_id = $1 AND $2::text = $3::text
               UNION ALL
               SELECT wrapped_key, body, modified_at FROM sealed_files WHERE tenant_id = $1 AND path = $2";
    let row: Option<(Vec<u8>, Vec<u8>, DateTime<Utc>)> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(path)
        .bind(FILE)
        .fetch_optional(tx.conn())
        .await?;
    Ok(row.map(|(wrapped_key, body, modified_at)| (Sealed { wrapped_key, body }, modified_at)))
}

/// Puts back what [`sealed`] gave; `None` removes the row.
///
/// # Errors
/// The database failed.
pub async fn restore(tx: &mut Tx, path: &str, kept: Option<(&Sealed, DateTime<Utc>)>) -> Result<()> {
    if let Some((sealed, modified_at)) = kept {
        return insert(tx, path, sealed, modified_at).await;
    }
    if path == FILE {
        let sql = "DELETE FROM secrets WHERE tenant_id = $1";
        sqlx::query(sql).bind(tx.id()).execute(tx.conn()).await?;
    } else {
        let sql = "DELETE FROM sealed_files WHERE tenant_id = $1 AND path = $2";
        sqlx::query(sql)
            .bind(tx.id())
            .bind(path)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// What [`rewrap_all`] did, in rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Rewrapped {
    /// Wrapped anew.
    pub done: usize,
    /// Already as they should be.
    pub kept: usize,
    /// Opened by no key, and left as they are.
    pub failed: usize,
}

/// Wraps the data keys of the tenant's rows by `key`, with `fresh` under new data keys; contents and times stay. A row that
/// somebody writes meanwhile waits for the end of the transaction, and is sealed by its writer.
///
/// # Errors
/// The database failed.
pub async fn rewrap_all(tx: &mut Tx, key: &MasterKey, fresh: bool) -> Result<Rewrapped> {
    let mut report = Rewrapped::default();
    for (path, _) in list(tx).await? {
        let lock = if path == FILE {
            sqlx::query("SELECT tenant_id FROM secrets WHERE tenant_id = $1 FOR UPDATE").bind(tx.id())
        } else {
            let sql = "SELECT tenant_id FROM sealed_files WHERE tenant_id = $1 AND path = $2 FOR UPDATE";
            sqlx::query(sql).bind(tx.id()).bind(&path)
        };
        lock.execute(tx.conn()).await?;
        let Some((sealed, modified_at)) = self::sealed(tx, &path).await? else {
            continue;
        };
        let owner = owner(tx, &path);
        if !fresh && key.wraps(&owner, &sealed) {
            report.kept += 1;
        } else if let Ok(moved) = key.rewrap(&owner, &sealed, fresh) {
            insert(tx, &path, &moved, modified_at).await?;
            report.done += 1;
        } else {
            report.failed += 1;
        }
    }
    Ok(report)
}

/// What a row is sealed for: it opens in no other tenant, and under no other path.
fn owner(tx: &Tx, path: &str) -> String {
    if path == FILE {
        tx.id().to_string()
    } else {
        format!("{}/{path}", tx.id())
    }
}

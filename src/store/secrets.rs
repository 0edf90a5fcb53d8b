//! secrets.json of a tenant: one encrypted document (see `keys.rs`), so that unknown keys and order survive.

use chrono::{DateTime, Utc};

use super::Tx;
use crate::error::Result;
use crate::keys::{MasterKey, Sealed};

/// The decrypted document, or `None` where the tenant has stored no secret yet.
///
/// # Errors
/// The database failed, or the master key is not the one that sealed the row.
pub async fn get(tx: &mut Tx, key: &MasterKey) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT wrapped_key, body FROM secrets WHERE tenant_id = $1";
    let row: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as(sql)
        .bind(tx.id())
        .fetch_optional(tx.conn())
        .await?;
    let sealed = row.map(|(wrapped_key, body)| Sealed { wrapped_key, body });
    Ok(sealed
        .map(|sealed| key.open(&tx.id().to_string(), &sealed))
        .transpose()?)
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

/// Replaces the document, sealed under a fresh data key.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, key: &MasterKey, body: &[u8]) -> Result<()> {
    put_at(tx, key, body, Utc::now()).await
}

/// [`put`] with a modification time of its own, as imports need it.
///
/// # Errors
/// The database failed.
pub async fn put_at(tx: &mut Tx, key: &MasterKey, body: &[u8], modified_at: DateTime<Utc>) -> Result<()> {
    let sealed = key.seal(&tx.id().to_string(), body)?;
    let sql = "INSERT INTO secrets (tenant_id, wrapped_key, body, modified_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (tenant_id)
               DO UPDATE SET wrapped_key = EXCLUDED.wrapped_key, body = EXCLUDED.body,
                             modified_at = EXCLUDED.modified_at";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(sealed.wrapped_key)
        .bind(sealed.body)
        .bind(modified_at)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The row as it is stored, without opening it, and its modification time: for keeping it aside. Needs no key.
///
/// # Errors
/// The database failed.
pub async fn sealed(tx: &mut Tx) -> Result<Option<(Sealed, DateTime<Utc>)>> {
    let sql = "SELECT wrapped_key, body, modified_at FROM secrets WHERE tenant_id = $1";
    let row: Option<(Vec<u8>, Vec<u8>, DateTime<Utc>)> = sqlx::query_as(sql)
        .bind(tx.id())
        .fetch_optional(tx.conn())
        .await?;
    Ok(row.map(|(wrapped_key, body, modified_at)| (Sealed { wrapped_key, body }, modified_at)))
}

/// Puts back what [`sealed`] gave; `None` removes the row.
///
/// # Errors
/// The database failed.
pub async fn restore(tx: &mut Tx, kept: Option<(&Sealed, DateTime<Utc>)>) -> Result<()> {
    sqlx::query("DELETE FROM secrets WHERE tenant_id = $1")
        .bind(tx.id())
        .execute(tx.conn())
        .await?;
    if let Some((sealed, modified_at)) = kept {
        let sql = "INSERT INTO secrets (tenant_id, wrapped_key, body, modified_at) VALUES ($1, $2, $3, $4)";
        sqlx::query(sql)
            .bind(tx.id())
            .bind(&sealed.wrapped_key)
            .bind(&sealed.body)
            .bind(modified_at)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

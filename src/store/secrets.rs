//! secrets.json of a tenant: one encrypted document (see `keys.rs`), so that unknown keys and order survive.

use super::Tx;
use crate::error::Result;
use crate::keys::{MasterKey, Sealed};

/// The decrypted document, or `None` where the tenant has stored no secret yet. With `for_update` the row is held until
/// the transaction ends.
///
/// # Errors
/// The database failed, or the master key is not the one that sealed the row.
pub async fn get(tx: &mut Tx, key: &MasterKey, for_update: bool) -> Result<Option<Vec<u8>>> {
    let sql = if for_update {
        "SELECT wrapped_key, body FROM secrets WHERE tenant_id = $1 FOR UPDATE"
    } else {
        "SELECT wrapped_key, body FROM secrets WHERE tenant_id = $1"
    };
    let row: Option<(Vec<u8>, Vec<u8>)> =
        sqlx::query_as(sql).bind(tx.id()).fetch_optional(tx.conn()).await?;
    let sealed = row.map(|(wrapped_key, body)| Sealed { wrapped_key, body });
    Ok(sealed.map(|sealed| key.open(&tx.id().to_string(), &sealed)).transpose()?)
}

/// Replaces the document, sealed under a fresh data key.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, key: &MasterKey, body: &[u8]) -> Result<()> {
    let sealed = key.seal(&tx.id().to_string(), body)?;
    let sql = "INSERT INTO secrets (tenant_id, wrapped_key, body) VALUES ($1, $2, $3)
               ON CONFLICT (tenant_id)
               DO UPDATE SET wrapped_key = EXCLUDED.wrapped_key, body = EXCLUDED.body, modified_at = now()";
    sqlx::query(sql).bind(tx.id()).bind(sealed.wrapped_key).bind(sealed.body).execute(tx.conn()).await?;
    Ok(())
}

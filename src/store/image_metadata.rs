//! `image-metadata.json`, the index of pictures: one document that many routes edit.

use squaretable_compat::layout::DocumentKind;

use super::Tx;
use super::documents;
use crate::error::Result;

/// Name of the document in the user's root.
const NAME: &str = "image-metadata.json";

/// The index's text, or `None` where there is none.
///
/// # Errors
/// The database failed.
pub async fn get(tx: &mut Tx) -> Result<Option<Vec<u8>>> {
    Ok(documents::get(tx, DocumentKind::Root, NAME)
        .await?
        .map(|document| document.body))
}

/// Like [`get`], and keeps every other editor of the index out until the transaction ends, also while there is none.
///
/// # Errors
/// The database failed.
pub async fn get_for_update(tx: &mut Tx) -> Result<Option<Vec<u8>>> {
    // A row lock would not do: two first editors would each find no row to lock, and the second would win.
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended($2, $1))";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(NAME)
        .execute(tx.conn())
        .await?;
    Ok(documents::get_for_update(tx, DocumentKind::Root, NAME)
        .await?
        .map(|document| document.body))
}

/// Writes the index.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, body: &[u8]) -> Result<()> {
    documents::put(tx, DocumentKind::Root, NAME, body).await
}

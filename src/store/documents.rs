//! Settings, worlds, groups, presets, themes and the like: one row per JSON file of the original.

use chrono::{DateTime, Utc};
use squaretable_compat::json;
use squaretable_compat::layout::DocumentKind;

use super::Tx;
use crate::error::Result;

/// A stored document.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Document {
    /// File name with its extension.
    pub name: String,
    /// The bytes that the original would have on disk.
    pub body: Vec<u8>,
    /// Whether `body` parses as JSON.
    pub valid: bool,
    /// When the document first existed: the original's birthtime.
    pub created_at: DateTime<Utc>,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
}

/// The document `name` of a kind, or `None` where there is none.
///
/// # Errors
/// The database failed.
pub async fn get(tx: &mut Tx, kind: DocumentKind, name: &str) -> Result<Option<Document>> {
    let sql = "SELECT name, body, valid, created_at, modified_at FROM documents
               WHERE tenant_id = $1 AND kind = $2 AND name = $3 AND deleted_at IS NULL";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(kind.as_str())
        .bind(name)
        .fetch_optional(tx.conn())
        .await?)
}

/// Like [`get`], and holds the name until the transaction ends, whether or not the document exists: for
/// read-modify-write.
///
/// # Errors
/// The database failed.
pub async fn get_for_update(tx: &mut Tx, kind: DocumentKind, name: &str) -> Result<Option<Document>> {
    tx.hold(&format!("{}/{name}", kind.as_str())).await?;
    get(tx, kind, name).await
}

/// All documents of a kind, by the bytes of their names (the original's directory order).
///
/// # Errors
/// The database failed.
pub async fn list(tx: &mut Tx, kind: DocumentKind) -> Result<Vec<Document>> {
    let sql = "SELECT name, body, valid, created_at, modified_at FROM documents
               WHERE tenant_id = $1 AND kind = $2 AND deleted_at IS NULL ORDER BY name";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(kind.as_str())
        .fetch_all(tx.conn())
        .await?)
}

/// The documents of a kind in whose text one of `words` occurs, by the bytes of their names: the database looks, and
/// sends only these.
///
/// # Errors
/// The database failed.
pub async fn list_mentioning(tx: &mut Tx, kind: DocumentKind, words: &[&str]) -> Result<Vec<Document>> {
    let sql = "SELECT name, body, valid, created_at, modified_at FROM documents
               WHERE tenant_id = $1 AND kind = $2 AND deleted_at IS NULL
                 AND EXISTS (SELECT FROM unnest($3::bytea[]) AS word WHERE position(word IN body) > 0)
               ORDER BY name";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(kind.as_str())
        .bind(words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await?)
}

/// All documents of several kinds in one round trip, by kind and name; the kind's folder comes with each.
///
/// # Errors
/// The database failed.
pub async fn list_kinds(tx: &mut Tx, kinds: &[DocumentKind]) -> Result<Vec<(String, Document)>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        kind: String,
        #[sqlx(flatten)]
        document: Document,
    }
    let sql = "SELECT kind, name, body, valid, created_at, modified_at FROM documents
               WHERE tenant_id = $1 AND kind = ANY($2) AND deleted_at IS NULL ORDER BY kind, name";
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(kinds)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|row| (row.kind, row.document)).collect())
}

/// The names of a kind, by their bytes.
///
/// # Errors
/// The database failed.
pub async fn names(tx: &mut Tx, kind: DocumentKind) -> Result<Vec<String>> {
    let sql = "SELECT name FROM documents
               WHERE tenant_id = $1 AND kind = $2 AND deleted_at IS NULL ORDER BY name";
    Ok(sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(kind.as_str())
        .fetch_all(tx.conn())
        .await?)
}

/// Writes a document, replacing what had its name.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, kind: DocumentKind, name: &str, body: &[u8]) -> Result<()> {
    put_at(tx, kind, name, body, Utc::now()).await
}

/// [`put`] with a modification time of its own, as imports need it.
///
/// # Errors
/// The database failed.
pub async fn put_at(
    tx: &mut Tx,
    kind: DocumentKind,
    name: &str,
    body: &[u8],
    modified_at: DateTime<Utc>,
) -> Result<()> {
    let sql = "INSERT INTO documents (tenant_id, kind, name, body, valid, created_at, modified_at)
               VALUES ($1, $2, $3, $4, $5, $6, $6)
               ON CONFLICT (tenant_id, kind, name) WHERE deleted_at IS NULL
               DO UPDATE SET body = EXCLUDED.body, valid = EXCLUDED.valid, modified_at = EXCLUDED.modified_at,
                             version = documents.version + 1";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(kind.as_str())
        .bind(name)
        .bind(body)
        .bind(json::is_valid(body))
        .bind(modified_at)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Removes a document (kept, marked deleted, until retention takes it). Says whether there was one.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &mut Tx, kind: DocumentKind, name: &str) -> Result<bool> {
    let sql = "UPDATE documents SET deleted_at = now()
               WHERE tenant_id = $1 AND kind = $2 AND name = $3 AND deleted_at IS NULL";
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(kind.as_str())
        .bind(name)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// What tells one content of a document from another without reading it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Fingerprint {
    /// Family, as [`DocumentKind::as_str`] spells it.
    pub kind: String,
    /// File name with its extension.
    pub name: String,
    /// SHA-256 of the body.
    pub sha256: Vec<u8>,
    /// Length of the body in bytes.
    pub size: i64,
    /// When the document first existed.
    pub created_at: DateTime<Utc>,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
}

/// The fingerprints of all documents, by kind and name.
///
/// # Errors
/// The database failed.
pub async fn fingerprints(tx: &mut Tx) -> Result<Vec<Fingerprint>> {
    let sql = "SELECT kind, name, sha256(body) AS sha256, octet_length(body)::bigint AS size, created_at, modified_at
               FROM documents WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY kind, name";
    Ok(sqlx::query_as(sql).bind(tx.id()).fetch_all(tx.conn()).await?)
}

//! Thumbnails by the content they were made from; see `migrations/0007_thumbnails.sql`.

use chrono::{DateTime, Utc};

use super::Tx;
use super::blobs::Blob;
use crate::error::Result;

/// What a thumbnail was, or is to be, made from.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// `bg`, `avatar` or `persona`.
    pub kind: &'a str,
    /// File name of the picture.
    pub name: &'a str,
    /// Content of the picture.
    pub source: &'a Blob,
    /// Size and format, `160x90 jpeg 95`.
    pub form: &'a str,
}

/// A thumbnail that is current.
#[derive(Debug, Clone, Copy)]
pub struct Thumbnail {
    /// Its content.
    pub image: Blob,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Row {
    image: Vec<u8>,
    size: i64,
    created_at: DateTime<Utc>,
}

/// The stored content of the picture `name` in a folder below the user's root: a file's, or in `characters` a card's.
///
/// # Errors
/// The database failed.
pub async fn source(tx: &mut Tx, folder: &str, name: &str) -> Result<Option<Blob>> {
    // Lists show one thumbnail a character, so nothing else of the card is fetched.
    let sql = "SELECT c.image, b.size FROM characters c JOIN blobs b ON b.hash = c.image
               WHERE c.tenant_id = $1 AND $2 = 'characters' AND c.avatar = $3 AND c.deleted_at IS NULL
               UNION ALL SELECT hash, size FROM files WHERE tenant_id = $1 AND folder = $2 AND name = $3 LIMIT 1";
    let row: Option<(Vec<u8>, i64)> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(name)
        .fetch_optional(tx.conn())
        .await?;
    row.map(|(hash, size)| Blob::from_row(&hash, size)).transpose()
}

/// The thumbnail of exactly this content in exactly this form, or `None` where there is none.
///
/// # Errors
/// The database failed.
pub async fn get(tx: &mut Tx, key: Key<'_>) -> Result<Option<Thumbnail>> {
    let sql = "SELECT t.image, b.size, t.created_at FROM thumbnails t JOIN blobs b ON b.hash = t.image
               WHERE t.tenant_id = $1 AND t.kind = $2 AND t.name = $3 AND t.source = $4 AND t.form = $5";
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(key.kind)
        .bind(key.name)
        .bind(&key.source.hash[..])
        .bind(key.form)
        .fetch_optional(tx.conn())
        .await?;
    row.map(|row| {
        Ok(Thumbnail {
            image: Blob::from_row(&row.image, row.size)?,
            created_at: row.created_at,
        })
    })
    .transpose()
}

/// Keeps a thumbnail in place of the one that the picture had.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, key: Key<'_>, image: &Blob) -> Result<Thumbnail> {
    let sql = "INSERT INTO thumbnails (tenant_id, kind, name, source, form, image) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (tenant_id, kind, name)
               DO UPDATE SET source = EXCLUDED.source, form = EXCLUDED.form, image = EXCLUDED.image, created_at = now()
               RETURNING created_at";
    let created_at = sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(key.kind)
        .bind(key.name)
        .bind(&key.source.hash[..])
        .bind(key.form)
        .bind(&image.hash[..])
        .fetch_one(tx.conn())
        .await?;
    Ok(Thumbnail {
        image: *image,
        created_at,
    })
}

/// Forgets the thumbnail of a picture that is gone: to save space, not for correctness.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &mut Tx, kind: &str, name: &str) -> Result<()> {
    let sql = "DELETE FROM thumbnails WHERE tenant_id = $1 AND kind = $2 AND name = $3";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(kind)
        .bind(name)
        .execute(tx.conn())
        .await?;
    Ok(())
}

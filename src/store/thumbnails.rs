//! Thumbnails by the content they were made from; see `migrations/0007_thumbnails.sql`.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Tx;
use super::blobs::{self, Blob};
use crate::error::Result;

/// What a thumbnail shows, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// `bg`, `avatar` or `persona`.
    pub kind: &'a str,
    /// Folder of the picture below the user's root.
    pub folder: &'a str,
    /// File name of the picture.
    pub name: &'a str,
    /// Size and format, `160x90 jpeg 95`.
    pub form: &'a str,
}

/// A thumbnail that is current.
#[derive(Debug, Clone)]
pub struct Thumbnail {
    /// Its content.
    pub image: Bytes,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Row {
    source: Vec<u8>,
    source_size: i64,
    image: Option<Vec<u8>>,
    image_size: Option<i64>,
    created_at: Option<DateTime<Utc>>,
    beginning: Option<Vec<u8>>,
}

/// The content of the picture (a file's, or in `characters` a card's), and the thumbnail of exactly that content in
/// exactly that form; `None` where there is no picture.
///
/// # Errors
/// The database failed.
pub async fn find(tx: &mut Tx, key: Key<'_>) -> Result<Option<(Blob, Option<Thumbnail>)>> {
    // Lists show one thumbnail a character: one round trip, and nothing else of the card is fetched.
    let sql = "WITH source AS (
                   SELECT c.image AS hash, b.size FROM characters c JOIN blobs b ON b.hash = c.image
                   WHERE c.tenant_id = $1 AND $2 = 'characters' AND c.avatar = $3 AND c.deleted_at IS NULL
                   UNION ALL SELECT hash, size FROM files WHERE tenant_id = $1 AND folder = $2 AND name = $3 LIMIT 1)
               SELECT s.hash AS source, s.size AS source_size, t.image, b.size AS image_size, t.created_at,
                      (SELECT bytes FROM blob_chunks WHERE hash = t.image AND seq = 0) AS beginning
               FROM source s
               LEFT JOIN (thumbnails t JOIN blobs b ON b.hash = t.image)
                      ON t.tenant_id = $1 AND t.kind = $4 AND t.name = $3 AND t.source = s.hash AND t.form = $5";
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(key.folder)
        .bind(key.name)
        .bind(key.kind)
        .bind(key.form)
        .fetch_optional(tx.conn())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let source = Blob::from_row(&row.source, row.source_size)?;
    let (Some(hash), Some(size), Some(created_at)) = (row.image, row.image_size, row.created_at) else {
        return Ok(Some((source, None)));
    };
    let blob = Blob::from_row(&hash, size)?;
    let image = match row.beginning {
        Some(bytes) if bytes.len() as u64 == blob.size => bytes.into(),
        _ => blobs::read(tx, &blob).await?,
    };
    Ok(Some((source, Some(Thumbnail { image, created_at }))))
}

/// Keeps a thumbnail of the picture with content `source`, in place of the one that it had.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, key: Key<'_>, source: &Blob, image: Bytes) -> Result<Thumbnail> {
    let blob = blobs::put(tx, &image).await?;
    let sql = "INSERT INTO thumbnails (tenant_id, kind, name, source, form, image) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (tenant_id, kind, name)
               DO UPDATE SET source = EXCLUDED.source, form = EXCLUDED.form, image = EXCLUDED.image, created_at = now()
               RETURNING created_at";
    let created_at = sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(key.kind)
        .bind(key.name)
        .bind(&source.hash[..])
        .bind(key.form)
        .bind(&blob.hash[..])
        .fetch_one(tx.conn())
        .await?;
    Ok(Thumbnail { image, created_at })
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

//! Everything else of a user's folder: backgrounds, persona avatars, sprites, gallery, assets, and files that nobody
//! knows. Content lies in `blobs`; a row names it.

use chrono::{DateTime, Utc};

use super::Tx;
use super::blobs::Blob;
use crate::error::Result;

/// A stored file.
#[derive(Debug, Clone)]
pub struct StoredFile {
    /// Folder below the user's root, without a trailing slash; `""` is the root.
    pub folder: String,
    /// File name.
    pub name: String,
    /// Its content.
    pub blob: Blob,
    /// The original's birthtime.
    pub created_at: DateTime<Utc>,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
}

impl StoredFile {
    /// Whether nothing about the file has changed.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.folder, &self.name, self.blob, self.modified_at)
            == (&other.folder, &other.name, other.blob, other.modified_at)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    folder: String,
    name: String,
    hash: Vec<u8>,
    size: i64,
    created_at: DateTime<Utc>,
    modified_at: DateTime<Utc>,
}

impl Row {
    fn into_file(self) -> Result<StoredFile> {
        let blob = Blob::from_row(&self.hash, self.size)?;
        let Self {
            folder,
            name,
            created_at,
            modified_at,
            ..
        } = self;
        Ok(StoredFile {
            folder,
            name,
            blob,
            created_at,
            modified_at,
        })
    }
}

/// One file, or `None` where there is none.
///
/// # Errors
/// The database failed.
pub async fn get(tx: &mut Tx, folder: &str, name: &str) -> Result<Option<StoredFile>> {
    let sql = "SELECT folder, name, hash, size, created_at, modified_at FROM files
               WHERE tenant_id = $1 AND folder = $2 AND name = $3";
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(name)
        .fetch_optional(tx.conn())
        .await?;
    row.map(Row::into_file).transpose()
}

/// The files directly inside a folder, by the bytes of their names.
///
/// # Errors
/// The database failed.
pub async fn list(tx: &mut Tx, folder: &str) -> Result<Vec<StoredFile>> {
    let sql = "SELECT folder, name, hash, size, created_at, modified_at FROM files
               WHERE tenant_id = $1 AND folder = $2 ORDER BY name";
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(folder)
        .fetch_all(tx.conn())
        .await?;
    rows.into_iter().map(Row::into_file).collect()
}

/// The files inside a folder and all folders below it, by folder and name.
///
/// # Errors
/// The database failed.
pub async fn list_recursive(tx: &mut Tx, folder: &str) -> Result<Vec<StoredFile>> {
    // '0' follows '/' in byte order, so the range is exactly the folders below.
    let sql = "SELECT folder, name, hash, size, created_at, modified_at FROM files
               WHERE tenant_id = $1 AND (folder = $2 OR (folder >= $2 || '/' AND folder < $2 || '0') OR $2 = '')
               ORDER BY folder, name";
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(folder)
        .fetch_all(tx.conn())
        .await?;
    rows.into_iter().map(Row::into_file).collect()
}

/// Names a stored content, replacing what had its name; `created_at` survives a replacement.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, folder: &str, name: &str, blob: &Blob) -> Result<()> {
    put_at(tx, folder, name, blob, Utc::now()).await
}

/// [`put`] with a modification time of its own, as imports need it.
///
/// # Errors
/// The database failed.
pub async fn put_at(
    tx: &mut Tx,
    folder: &str,
    name: &str,
    blob: &Blob,
    modified_at: DateTime<Utc>,
) -> Result<()> {
    let sql = "INSERT INTO files (tenant_id, folder, name, hash, size, created_at, modified_at)
               VALUES ($1, $2, $3, $4, $5, $6, $6)
               ON CONFLICT (tenant_id, folder, name)
               DO UPDATE SET hash = EXCLUDED.hash, size = EXCLUDED.size, modified_at = EXCLUDED.modified_at";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(name)
        .bind(&blob.hash[..])
        .bind(i64::try_from(blob.size).map_err(anyhow::Error::from)?)
        .bind(modified_at)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Renames within a folder, times kept. False when `to` exists or `from` does not; nothing changes then.
///
/// # Errors
/// The database failed.
pub async fn rename(tx: &mut Tx, folder: &str, from: &str, to: &str) -> Result<bool> {
    let sql = "UPDATE files SET name = $4 WHERE tenant_id = $1 AND folder = $2 AND name = $3
               AND NOT EXISTS (SELECT FROM files WHERE tenant_id = $1 AND folder = $2 AND name = $4)";
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(from)
        .bind(to)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a file. Says whether there was one.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &mut Tx, folder: &str, name: &str) -> Result<bool> {
    let sql = "DELETE FROM files WHERE tenant_id = $1 AND folder = $2 AND name = $3";
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(name)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that a folder exists, though nothing may lie in it.
///
/// # Errors
/// The database failed.
pub async fn create_folder(tx: &mut Tx, path: &str) -> Result<()> {
    let sql = "INSERT INTO folders (tenant_id, path) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(path)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// [`create_folder`] for many at once.
///
/// # Errors
/// The database failed.
pub async fn create_folders(tx: &mut Tx, paths: &[String]) -> Result<()> {
    let sql =
        "INSERT INTO folders (tenant_id, path) SELECT $1, * FROM unnest($2::text[]) ON CONFLICT DO NOTHING";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(paths)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The paths of all folders that were created, by their bytes; folders known only by what lies in them are not among
/// them.
///
/// # Errors
/// The database failed.
pub async fn created_folders(tx: &mut Tx) -> Result<Vec<String>> {
    let sql = "SELECT path FROM folders WHERE tenant_id = $1 ORDER BY path";
    Ok(sqlx::query_scalar(sql).bind(tx.id()).fetch_all(tx.conn()).await?)
}

/// Whether a folder exists: it was created, or something lies in it or below it.
///
/// # Errors
/// The database failed.
pub async fn folder_exists(tx: &mut Tx, path: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM folders WHERE tenant_id = $1
                              AND (path = $2 OR (path >= $2 || '/' AND path < $2 || '0')))
                   OR EXISTS (SELECT FROM files WHERE tenant_id = $1
                              AND (folder = $2 OR (folder >= $2 || '/' AND folder < $2 || '0')))
                   OR EXISTS (SELECT FROM chats WHERE tenant_id = $1 AND deleted_at IS NULL AND folder = $2)";
    Ok(sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(path)
        .fetch_one(tx.conn())
        .await?)
}

/// The names of the folders directly inside `path`, by their bytes.
///
/// # Errors
/// The database failed.
pub async fn list_folders(tx: &mut Tx, path: &str) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT split_part(substr(path, length($2) + 2), '/', 1) COLLATE \"C\" AS name FROM (
                   SELECT path FROM folders WHERE tenant_id = $1
                   UNION ALL SELECT folder FROM files WHERE tenant_id = $1
                   UNION ALL SELECT folder FROM chats WHERE tenant_id = $1 AND deleted_at IS NULL) AS known
               WHERE path >= $2 || '/' AND path < $2 || '0' ORDER BY name";
    Ok(sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(path)
        .fetch_all(tx.conn())
        .await?)
}

/// Moves everything in a folder and below it to another one.
///
/// # Errors
/// The database failed, or the target holds a file of the same name.
pub async fn move_folder(tx: &mut Tx, from: &str, to: &str) -> Result<()> {
    for sql in [
        "UPDATE files SET folder = $3 || substr(folder, length($2) + 1)
         WHERE tenant_id = $1 AND (folder = $2 OR (folder >= $2 || '/' AND folder < $2 || '0'))",
        "UPDATE folders SET path = $3 || substr(path, length($2) + 1)
         WHERE tenant_id = $1 AND (path = $2 OR (path >= $2 || '/' AND path < $2 || '0'))",
    ] {
        sqlx::query(sql)
            .bind(tx.id())
            .bind(from)
            .bind(to)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// The names of the folders directly inside `path` that hold a file of this name, by their bytes.
///
/// # Errors
/// The database failed.
pub async fn folders_holding(tx: &mut Tx, path: &str, file_name: &str) -> Result<Vec<String>> {
    let sql = "SELECT substr(folder, length($2) + 2) COLLATE \"C\" AS below FROM files
               WHERE tenant_id = $1 AND folder >= $2 || '/' AND folder < $2 || '0' AND name = $3
                 AND strpos(substr(folder, length($2) + 2), '/') = 0
               ORDER BY below";
    Ok(sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(path)
        .bind(file_name)
        .fetch_all(tx.conn())
        .await?)
}

/// Removes a folder with all files and folders in it (chats have their own store).
///
/// # Errors
/// The database failed.
pub async fn delete_folder(tx: &mut Tx, path: &str) -> Result<()> {
    for sql in [
        "DELETE FROM files WHERE tenant_id = $1 AND (folder = $2 OR (folder >= $2 || '/' AND folder < $2 || '0'))",
        "DELETE FROM folders WHERE tenant_id = $1 AND (path = $2 OR (path >= $2 || '/' AND path < $2 || '0'))",
    ] {
        sqlx::query(sql)
            .bind(tx.id())
            .bind(path)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// Removes a created folder if nothing lies in it. Says whether it did.
///
/// # Errors
/// The database failed.
pub async fn delete_empty_folder(tx: &mut Tx, path: &str) -> Result<bool> {
    let sql = "DELETE FROM folders WHERE tenant_id = $1 AND path = $2
               AND NOT EXISTS (SELECT FROM folders WHERE tenant_id = $1 AND path >= $2 || '/' AND path < $2 || '0')
               AND NOT EXISTS (SELECT FROM files WHERE tenant_id = $1
                               AND (folder = $2 OR (folder >= $2 || '/' AND folder < $2 || '0')))
               AND NOT EXISTS (SELECT FROM chats WHERE tenant_id = $1 AND folder = $2 AND deleted_at IS NULL)";
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(path)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

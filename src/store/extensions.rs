//! Extensions: folders of files below `extensions/`, each changed as a whole.

use super::Tx;
use super::files::{self, StoredFile};
use crate::error::Result;

/// Folder of the extensions below the root of their owner.
pub const FOLDER: &str = "extensions";

/// Folder of one extension.
#[must_use]
pub fn folder(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// Holds an extension's name until the transaction ends: who changes the extension comes here first.
///
/// # Errors
/// The database failed.
pub async fn hold(tx: &mut Tx, name: &str) -> Result<()> {
    tx.hold(&folder(name)).await
}

/// Whether there is a folder or a file of this name.
///
/// # Errors
/// The database failed.
pub async fn exists(tx: &mut Tx, name: &str) -> Result<bool> {
    Ok(files::folder_exists(tx, &folder(name)).await? || files::get(tx, FOLDER, name).await?.is_some())
}

/// All files of an extension, by folder and name.
///
/// # Errors
/// The database failed.
pub async fn list(tx: &mut Tx, name: &str) -> Result<Vec<StoredFile>> {
    files::list_recursive(tx, &folder(name)).await
}

/// The folders of an extension that were created rather than filled, its own among them.
///
/// # Errors
/// The database failed.
pub async fn created_folders(tx: &mut Tx, name: &str) -> Result<Vec<String>> {
    let sql = "SELECT path FROM folders
               WHERE tenant_id = $1 AND (path = $2 OR (path >= $2 || '/' AND path < $2 || '0')) ORDER BY path";
    Ok(sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(folder(name))
        .fetch_all(tx.conn())
        .await?)
}

/// Gives the transaction's tenant files that another one has: the same names, times and contents.
///
/// # Errors
/// The database failed, or the tenant has a file of the same name.
pub async fn take_over(tx: &mut Tx, files: &[StoredFile]) -> Result<()> {
    let sql = "INSERT INTO files (tenant_id, folder, name, hash, size, created_at, modified_at)
               SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bigint[],
                                        $6::timestamptz[], $7::timestamptz[])";
    let sizes: Vec<i64> = files
        .iter()
        .map(|file| i64::try_from(file.blob.size))
        .collect::<Result<_, _>>()
        .map_err(anyhow::Error::from)?;
    let texts =
        |of: fn(&StoredFile) -> &String| files.iter().map(|file| of(file).clone()).collect::<Vec<_>>();
    sqlx::query(sql)
        .bind(tx.id())
        .bind(texts(|file| &file.folder))
        .bind(texts(|file| &file.name))
        .bind(
            files
                .iter()
                .map(|file| file.blob.hash.to_vec())
                .collect::<Vec<_>>(),
        )
        .bind(sizes)
        .bind(files.iter().map(|file| file.created_at).collect::<Vec<_>>())
        .bind(files.iter().map(|file| file.modified_at).collect::<Vec<_>>())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Removes an extension with everything in it.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &mut Tx, name: &str) -> Result<()> {
    files::delete_folder(tx, &folder(name)).await?;
    files::delete(tx, FOLDER, name).await?;
    Ok(())
}

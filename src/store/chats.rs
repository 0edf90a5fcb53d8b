//! Chats as lines and revisions. `migrations/0005_chats.sql` states the model.

use chrono::{DateTime, Utc};

pub mod backups;
mod contents;
pub mod kept;
mod save;
mod stream;

use super::Tx;
use crate::error::Result;

pub use self::contents::{Line, file, first_line, json_array, lines, pieces};
pub use self::save::{Cause, save, save_and_back_up, save_at};
pub use self::stream::Saving;

/// What lists need to know of a chat; its lines stay where they are.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Chat {
    pub(in crate::store) chat_id: i64,
    /// Folder below the user's root: `chats/<character>`, `group chats` or `chats`.
    pub folder: String,
    /// File name with `.jsonl`.
    pub file_name: String,
    /// Revision that is shown.
    pub head: i32,
    /// Bytes of the file that the lines make.
    pub byte_size: i64,
    /// `compat::chat::Summary` as it is stored.
    pub summary: Vec<u8>,
    /// The original's birthtime.
    pub created_at: DateTime<Utc>,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
}

/// The chat `folder/file_name`, or `None` where there is none.
///
/// # Errors
/// The database failed.
pub async fn find(tx: &mut Tx, folder: &str, file_name: &str) -> Result<Option<Chat>> {
    let sql =
        "SELECT chat_id, folder, file_name, head, byte_size, summary, created_at, modified_at FROM chats
               WHERE tenant_id = $1 AND folder = $2 AND file_name = $3 AND deleted_at IS NULL";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(file_name)
        .fetch_optional(tx.conn())
        .await?)
}

/// Like [`find`], and holds the chat until the transaction ends; the name, where there is none.
///
/// # Errors
/// The database failed.
pub async fn find_for_update(tx: &mut Tx, folder: &str, file_name: &str) -> Result<Option<Chat>> {
    if let Some(chat) = find_and_lock(tx, folder, file_name).await? {
        return Ok(Some(chat));
    }
    tx.hold(&format!("{folder}/{file_name}")).await?;
    // Whoever held the name before may have made the chat.
    find_and_lock(tx, folder, file_name).await
}

async fn find_and_lock(tx: &mut Tx, folder: &str, file_name: &str) -> Result<Option<Chat>> {
    let sql =
        "SELECT chat_id, folder, file_name, head, byte_size, summary, created_at, modified_at FROM chats
               WHERE tenant_id = $1 AND folder = $2 AND file_name = $3 AND deleted_at IS NULL FOR UPDATE";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(file_name)
        .fetch_optional(tx.conn())
        .await?)
}

/// The chats of a folder, by the bytes of their names.
///
/// # Errors
/// The database failed.
pub async fn list(tx: &mut Tx, folder: &str) -> Result<Vec<Chat>> {
    let sql =
        "SELECT chat_id, folder, file_name, head, byte_size, summary, created_at, modified_at FROM chats
               WHERE tenant_id = $1 AND folder = $2 AND deleted_at IS NULL ORDER BY file_name";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(folder)
        .fetch_all(tx.conn())
        .await?)
}

/// All chats of the tenant, newest first.
///
/// # Errors
/// The database failed.
pub async fn list_all(tx: &mut Tx) -> Result<Vec<Chat>> {
    let sql =
        "SELECT chat_id, folder, file_name, head, byte_size, summary, created_at, modified_at FROM chats
               WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY modified_at DESC, folder, file_name";
    Ok(sqlx::query_as(sql).bind(tx.id()).fetch_all(tx.conn()).await?)
}

/// The chat that was saved last, or `None` where there is none.
///
/// # Errors
/// The database failed.
pub async fn newest(tx: &mut Tx) -> Result<Option<Chat>> {
    let sql =
        "SELECT chat_id, folder, file_name, head, byte_size, summary, created_at, modified_at FROM chats
               WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY modified_at DESC, chat_id DESC LIMIT 1";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .fetch_optional(tx.conn())
        .await?)
}

/// Of the chats of `folder` (only those in `file_names`, when given), the file names of those in which every fragment
/// occurs in some message. Fragments are lower-case.
///
/// compat: the first line counts as the header, whatever it is.
///
/// # Errors
/// The database failed.
pub async fn search(
    tx: &mut Tx,
    folder: &str,
    file_names: Option<&[String]>,
    fragments: &[String],
) -> Result<Vec<String>> {
    // OFFSET 0 keeps the list of lines from being unpacked once for every line.
    let sql = "SELECT c.file_name FROM chats c
               JOIN LATERAL (SELECT message_ids[1] AS id, message_ids[1] = ANY(message_ids[2:]) AS occurs_again
                             FROM revisions r WHERE r.tenant_id = $1 AND r.chat_id = c.chat_id AND r.revision = c.head
                             OFFSET 0) AS header ON true
               WHERE c.tenant_id = $1 AND c.folder = $2 AND c.deleted_at IS NULL
                 AND ($3::text[] IS NULL OR c.file_name = ANY($3))
                 AND NOT EXISTS (
                     SELECT FROM unnest($4::text[]) AS fragment WHERE NOT EXISTS (
                         SELECT FROM messages m
                         WHERE m.tenant_id = $1 AND m.chat_id = c.chat_id AND m.live
                           AND (m.message_id <> header.id OR header.occurs_again)
                           AND strpos(m.search, fragment) > 0))";
    Ok(sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(file_names)
        .bind(fragments)
        .fetch_all(tx.conn())
        .await?)
}

/// Renames a chat within its folder, times kept. False when `to` exists or `from` does not; nothing changes then.
///
/// # Errors
/// The database failed.
pub async fn rename(tx: &mut Tx, folder: &str, from: &str, to: &str) -> Result<bool> {
    let sql = "UPDATE chats SET file_name = $4
               WHERE tenant_id = $1 AND folder = $2 AND file_name = $3 AND deleted_at IS NULL
                 AND NOT EXISTS (SELECT FROM chats WHERE tenant_id = $1 AND folder = $2 AND file_name = $4
                                 AND deleted_at IS NULL)";
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(from)
        .bind(to)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Moves all chats of a folder to another one (a character was renamed).
///
/// # Errors
/// The database failed, or a chat of the same name lies in the target.
pub async fn move_folder(tx: &mut Tx, from: &str, to: &str) -> Result<()> {
    let sql = "UPDATE chats SET folder = $3 WHERE tenant_id = $1 AND folder = $2 AND deleted_at IS NULL";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(from)
        .bind(to)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Removes a chat (kept, marked deleted, until retention takes it). Says whether there was one.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &mut Tx, folder: &str, file_name: &str) -> Result<bool> {
    let sql = "UPDATE chats SET deleted_at = now()
               WHERE tenant_id = $1 AND folder = $2 AND file_name = $3 AND deleted_at IS NULL";
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(folder)
        .bind(file_name)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes all chats of a folder, as [`delete`] does.
///
/// # Errors
/// The database failed.
pub async fn delete_folder(tx: &mut Tx, folder: &str) -> Result<()> {
    let sql = "UPDATE chats SET deleted_at = now()
               WHERE tenant_id = $1 AND folder = $2 AND deleted_at IS NULL";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(folder)
        .execute(tx.conn())
        .await?;
    Ok(())
}

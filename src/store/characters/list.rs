//! The list of characters: entries made when a card is written, and what the character's chats add to them.
//!
//! Cards and chats are read apart and joined here. What PostgreSQL guesses of one tenant's rows comes from all tenants
//! together, so for a library far larger than the others, or just imported, it would go through all chats once a card.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt};

use super::Tx;
use crate::error::{Error, Result};

/// One row of the list.
#[derive(Debug)]
pub struct Listed {
    /// Entry without its closing brace.
    pub entry: Vec<u8>,
    /// Whether `entry` has a `create_date` of its own.
    pub has_create_date: bool,
    /// The original's ctime, shown as `date_added`.
    pub changed_at: DateTime<Utc>,
    /// Bytes of everything in the character's chat folder.
    pub chat_size: i64,
    /// When a chat of the character last changed.
    pub date_last_chat: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    entry: Vec<u8>,
    has_create_date: bool,
    changed_at: DateTime<Utc>,
    chat_folder: String,
}

/// Size in bytes and last change of the chats of each folder.
type Chats = HashMap<String, (i64, DateTime<Utc>)>;

impl Row {
    fn with(self, chats: &Chats) -> Listed {
        let chats = chats.get(&self.chat_folder);
        Listed {
            entry: self.entry,
            has_create_date: self.has_create_date,
            changed_at: self.changed_at,
            chat_size: chats.map_or(0, |(size, _)| *size),
            date_last_chat: chats.map(|(_, last)| *last),
        }
    }
}

/// Of all folders, or of one.
async fn chats(tx: &mut Tx, folder: Option<&str>) -> Result<Chats> {
    let sql = "SELECT folder, sum(byte_size)::bigint, max(modified_at) FROM chats
               WHERE tenant_id = $1 AND deleted_at IS NULL AND ($2::text IS NULL OR folder = $2) GROUP BY folder";
    let rows: Vec<(String, i64, DateTime<Utc>)> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(folder)
        .fetch_all(tx.conn())
        .await?;
    let by_folder = rows
        .into_iter()
        .map(|(folder, size, last)| (folder, (size, last)));
    Ok(by_folder.collect())
}

/// The list entry of one card in the full form, shown in lists or not.
///
/// # Errors
/// The database failed.
pub async fn listed(tx: &mut Tx, avatar: &str) -> Result<Option<Listed>> {
    let sql = "SELECT entry, has_create_date, changed_at, chat_folder FROM characters
               WHERE tenant_id = $1 AND avatar = $2 AND deleted_at IS NULL AND entry IS NOT NULL";
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(avatar)
        .fetch_optional(tx.conn())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let chats = chats(tx, Some(&row.chat_folder)).await?;
    Ok(Some(row.with(&chats)))
}

/// The list entries of the cards that the original shows, by the bytes of their file names. `shallow` chooses the short
/// form of `performance.lazyLoadCharacters`.
///
/// # Errors
/// The database failed.
pub async fn list(tx: &mut Tx, shallow: bool) -> Result<Vec<Listed>> {
    rows(tx, shallow).await?.try_collect().await
}

/// [`list`], row by row as the database gives them, for lists that do not belong into memory.
///
/// # Errors
/// The database failed.
pub async fn rows(tx: &mut Tx, shallow: bool) -> Result<impl Stream<Item = Result<Listed>> + Send> {
    let chats = chats(tx, None).await?;
    let sql =
        "SELECT CASE WHEN $2 THEN shallow ELSE entry END AS entry, has_create_date, changed_at, chat_folder
               FROM characters WHERE tenant_id = $1 AND deleted_at IS NULL AND entry IS NOT NULL AND listed
               ORDER BY avatar";
    let rows = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(shallow)
        .fetch(tx.conn())
        .map_ok(move |row: Row| row.with(&chats));
    Ok(rows.map_err(Error::from))
}

/// Bytes of all list entries together.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct EntriesSize {
    /// In the full form.
    pub full: i64,
    /// In the short form.
    pub shallow: i64,
}

/// How long the lists are, without reading them.
///
/// # Errors
/// The database failed.
pub async fn entries_size(tx: &mut Tx) -> Result<EntriesSize> {
    let sql = "SELECT coalesce(sum(octet_length(entry)), 0)::bigint AS full,
                      coalesce(sum(octet_length(shallow)), 0)::bigint AS shallow
               FROM characters WHERE tenant_id = $1 AND deleted_at IS NULL";
    Ok(sqlx::query_as(sql).bind(tx.id()).fetch_one(tx.conn()).await?)
}

//! What the data maid looks at and what it found; see `migrations/0009_maid_reports.sql`.

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sqlx::Row;

use super::blobs::Blob;
use super::chats::backups;
use super::{Tx, thumbnails};
use crate::error::{Error, Result};

/// A heading of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Pictures of the gallery that no chat shows.
    Images,
    /// Attachments that nothing refers to.
    Files,
    /// Chats of characters that are gone.
    Chats,
    /// Group chats of no group.
    GroupChats,
    /// Thumbnails of cards that are gone.
    AvatarThumbnails,
    /// Thumbnails of backgrounds that are gone.
    BackgroundThumbnails,
    /// Thumbnails of personas that are gone.
    PersonaThumbnails,
    /// All backups of chats.
    ChatBackups,
    /// All backups of settings.
    SettingsBackups,
}

impl Category {
    /// In the order of the report.
    pub const ALL: [Self; 9] = [
        Self::Images,
        Self::Files,
        Self::Chats,
        Self::GroupChats,
        Self::AvatarThumbnails,
        Self::BackgroundThumbnails,
        Self::PersonaThumbnails,
        Self::ChatBackups,
        Self::SettingsBackups,
    ];

    /// Its key in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Files => "files",
            Self::Chats => "chats",
            Self::GroupChats => "groupChats",
            Self::AvatarThumbnails => "avatarThumbnails",
            Self::BackgroundThumbnails => "backgroundThumbnails",
            Self::PersonaThumbnails => "personaThumbnails",
            Self::ChatBackups => "chatBackups",
            Self::SettingsBackups => "settingsBackups",
        }
    }

    /// Of a category of thumbnails their kind in the store.
    #[must_use]
    pub fn thumbnails(self) -> Option<&'static str> {
        match self {
            Self::AvatarThumbnails => Some("avatar"),
            Self::BackgroundThumbnails => Some("bg"),
            Self::PersonaThumbnails => Some("persona"),
            _ => None,
        }
    }

    fn parse(word: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|category| category.as_str() == word);
        found.ok_or_else(|| Error::Internal(anyhow::anyhow!("an unknown category: {word}")))
    }
}

/// A file of the report.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What requests call it by.
    pub id: String,
    /// Its heading.
    pub category: Category,
    /// Folder below the user's root.
    pub folder: String,
    /// File name.
    pub name: String,
    /// Bytes.
    pub size: i64,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
}

/// A chat as a file.
#[derive(Debug, sqlx::FromRow)]
pub struct ChatFile {
    /// `group chats`, `chats/<character>`.
    pub folder: String,
    /// File name.
    pub file_name: String,
    /// Bytes.
    pub byte_size: i64,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
}

/// All chats, by folder and name.
///
/// # Errors
/// The database failed.
pub async fn chat_files(tx: &mut Tx) -> Result<Vec<ChatFile>> {
    let sql = "SELECT folder, file_name, byte_size, modified_at FROM chats
               WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY folder, file_name";
    Ok(sqlx::query_as(sql).bind(tx.id()).fetch_all(tx.conn()).await?)
}

/// Shows `visit` each line of all chats that holds one of the words, one at a time.
///
/// # Errors
/// The database failed.
pub async fn each_line_with(tx: &mut Tx, words: &[&[u8]], mut visit: impl FnMut(&[u8])) -> Result<()> {
    let sql = "SELECT m.body FROM messages m JOIN chats c USING (tenant_id, chat_id)
               WHERE m.tenant_id = $1 AND c.deleted_at IS NULL AND m.live AND m.kept
                 AND EXISTS (SELECT FROM unnest($2::bytea[]) AS word WHERE position(word IN m.body) > 0)";
    let id = tx.id();
    let mut rows = sqlx::query(sql).bind(id).bind(words).fetch(tx.conn());
    while let Some(row) = rows.try_next().await? {
        visit(row.try_get(0)?);
    }
    Ok(())
}

/// A thumbnail without a picture.
#[derive(Debug, sqlx::FromRow)]
pub struct Thumbnail {
    /// `bg`, `avatar` or `persona`.
    pub kind: String,
    /// File name of the picture that it was made from.
    pub name: String,
    /// Bytes.
    pub size: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// The thumbnails whose picture is gone, by the bytes of their names.
///
/// # Errors
/// The database failed.
pub async fn loose_thumbnails(tx: &mut Tx) -> Result<Vec<Thumbnail>> {
    let sql = "SELECT t.kind, t.name, b.size, t.created_at FROM thumbnails t JOIN blobs b ON b.hash = t.image
               WHERE t.tenant_id = $1
                 AND NOT EXISTS (SELECT FROM files f WHERE f.tenant_id = $1 AND f.name = t.name AND f.folder =
                     CASE t.kind WHEN 'bg' THEN 'backgrounds' WHEN 'avatar' THEN 'characters' ELSE 'User Avatars' END)
                 AND NOT (t.kind = 'avatar' AND EXISTS (SELECT FROM characters c
                     WHERE c.tenant_id = $1 AND c.avatar = t.name AND c.deleted_at IS NULL))
               ORDER BY t.name";
    Ok(sqlx::query_as(sql).bind(tx.id()).fetch_all(tx.conn()).await?)
}

/// The content of a thumbnail, whatever it was made from.
///
/// # Errors
/// The database failed.
pub async fn thumbnail(tx: &mut Tx, kind: &str, name: &str) -> Result<Option<Blob>> {
    let sql = "SELECT b.hash, b.size FROM thumbnails t JOIN blobs b ON b.hash = t.image
               WHERE t.tenant_id = $1 AND t.kind = $2 AND t.name = $3";
    let row: Option<(Vec<u8>, i64)> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(kind)
        .bind(name)
        .fetch_optional(tx.conn())
        .await?;
    row.map(|(hash, size)| Blob::from_row(&hash, size)).transpose()
}

/// Keeps a report under its token, in place of the one before.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, token: &str, findings: &[Finding]) -> Result<()> {
    // The row is held until the end, so that of two reports at once one follows the other.
    let sql = "INSERT INTO maid_reports (tenant_id, token) VALUES ($1, $2)
               ON CONFLICT (tenant_id) DO UPDATE SET token = EXCLUDED.token, made_at = now()";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(token)
        .execute(tx.conn())
        .await?;
    sqlx::query("DELETE FROM maid_findings WHERE tenant_id = $1")
        .bind(tx.id())
        .execute(tx.conn())
        .await?;
    let sql = "INSERT INTO maid_findings (tenant_id, id, category, folder, name, size, modified_at)
               SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::int8[], $7::timestamptz[])";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(findings.iter().map(|f| f.id.as_str()).collect::<Vec<_>>())
        .bind(findings.iter().map(|f| f.category.as_str()).collect::<Vec<_>>())
        .bind(findings.iter().map(|f| f.folder.as_str()).collect::<Vec<_>>())
        .bind(findings.iter().map(|f| f.name.as_str()).collect::<Vec<_>>())
        .bind(findings.iter().map(|f| f.size).collect::<Vec<_>>())
        .bind(findings.iter().map(|f| f.modified_at).collect::<Vec<_>>())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether this is the token of the report that is kept; the report is held until the transaction ends.
///
/// # Errors
/// The database failed.
pub async fn holds(tx: &mut Tx, token: &str) -> Result<bool> {
    let sql = "SELECT true FROM maid_reports WHERE tenant_id = $1 AND token = $2 FOR SHARE";
    let found: Option<bool> = sqlx::query_scalar(sql)
        .bind(tx.id())
        .bind(token)
        .fetch_optional(tx.conn())
        .await?;
    Ok(found.is_some())
}

/// Forgets the report of this token. Says whether there was one.
///
/// # Errors
/// The database failed.
pub async fn close(tx: &mut Tx, token: &str) -> Result<bool> {
    let sql = "DELETE FROM maid_reports WHERE tenant_id = $1 AND token = $2";
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(token)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Those of the report's files that have one of these ids.
///
/// # Errors
/// The database failed, or holds an unknown category.
pub async fn findings(tx: &mut Tx, ids: &[&str]) -> Result<Vec<Finding>> {
    let sql = "SELECT id, category, folder, name, size, modified_at FROM maid_findings
               WHERE tenant_id = $1 AND id = ANY($2)";
    let rows = sqlx::query(sql)
        .bind(tx.id())
        .bind(ids)
        .fetch_all(tx.conn())
        .await?;
    let finding = |row: sqlx::postgres::PgRow| {
        Ok(Finding {
            id: row.try_get(0)?,
            category: Category::parse(row.try_get(1)?)?,
            folder: row.try_get(2)?,
            name: row.try_get(3)?,
            size: row.try_get(4)?,
            modified_at: row.try_get(5)?,
        })
    };
    rows.into_iter().map(finding).collect()
}

/// Removes files of a report. Chats are kept, marked deleted, as elsewhere; what changed since the report stays.
///
/// # Errors
/// The database failed.
pub async fn remove(tx: &mut Tx, findings: &[Finding]) -> Result<()> {
    let (mut plain, mut talks) = (Vec::new(), Vec::new());
    for finding in findings {
        match finding.category {
            Category::Images | Category::Files | Category::SettingsBackups => plain.push(finding),
            Category::Chats | Category::GroupChats => talks.push(finding),
            Category::ChatBackups => {
                backups::delete(tx, &finding.name).await?;
                plain.push(finding);
            }
            Category::AvatarThumbnails | Category::BackgroundThumbnails | Category::PersonaThumbnails => {
                let kind = finding.category.thumbnails().unwrap_or_default();
                thumbnails::delete(tx, kind, &finding.name).await?;
            }
        }
    }
    let files =
        "DELETE FROM files f USING unnest($2::text[], $3::text[], $4::timestamptz[]) AS g(folder, name, at)
                 WHERE f.tenant_id = $1 AND f.folder = g.folder AND f.name = g.name AND f.modified_at = g.at";
    let chats = "UPDATE chats c SET deleted_at = now()
                 FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS g(folder, name, at)
                 WHERE c.tenant_id = $1 AND c.folder = g.folder AND c.file_name = g.name AND c.modified_at = g.at
                   AND c.deleted_at IS NULL";
    for (sql, gone) in [(files, plain), (chats, talks)] {
        sqlx::query(sql)
            .bind(tx.id())
            .bind(gone.iter().map(|f| f.folder.as_str()).collect::<Vec<_>>())
            .bind(gone.iter().map(|f| f.name.as_str()).collect::<Vec<_>>())
            .bind(gone.iter().map(|f| f.modified_at).collect::<Vec<_>>())
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

//! Cards: the JSON text and the picture, apart. The PNG is composed when it is read.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, Local, Utc};
use squaretable_compat::card::entry;
use squaretable_compat::{names, png};

use super::Tx;
use super::blobs::{self, Blob};
use crate::error::{Error, Result};

mod list;

pub use self::list::{EntriesSize, Listed, entries_size, list, listed, rows};

/// A stored card.
#[derive(Debug, Clone)]
pub struct Character {
    /// File name, `Seraphina.png`: the key that the frontend uses.
    pub avatar: String,
    /// The picture; the whole file while `pristine`.
    pub image: Blob,
    /// Whether `image` is, byte for byte, the file as it came in.
    pub pristine: bool,
    /// The card's JSON text as it was written; `None` for a PNG without a readable card. See [`Character::text`].
    card: Option<Vec<u8>>,
    /// List entry without its closing brace; `None` where the original drops the card from lists.
    pub entry: Option<Vec<u8>>,
    /// Whether `entry` has a `create_date` of its own.
    pub has_create_date: bool,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
    /// The original's ctime, shown as `date_added`.
    pub changed_at: DateTime<Utc>,
}

impl Character {
    /// The card's JSON text as reading the PNG gives it: of a card that was written here, the copy marked as V3.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, [u8]>> {
        Some(read_back(self.card.as_deref()?, self.pristine))
    }

    /// The card's JSON text as it was written, for a copy of the card.
    #[must_use]
    pub fn written(&self) -> Option<&[u8]> {
        self.card.as_deref()
    }
}

fn read_back(card: &[u8], pristine: bool) -> Cow<'_, [u8]> {
    let marked = if pristine { None } else { png::v3_text(card) };
    marked.map_or(Cow::Borrowed(card), Cow::Owned)
}

/// What a new card consists of.
#[derive(Debug, Clone, Copy)]
pub struct NewCharacter<'a> {
    /// File name, `Seraphina.png`.
    pub avatar: &'a str,
    /// The picture, stored already.
    pub image: &'a Blob,
    /// Whether `image` is the file itself, card included.
    pub pristine: bool,
    /// The card's JSON text.
    pub card: Option<&'a [u8]>,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
    /// The original's ctime, shown as `date_added`.
    pub changed_at: DateTime<Utc>,
}

impl<'a> NewCharacter<'a> {
    /// A card made now, whose text is apart from its picture.
    #[must_use]
    pub fn now(avatar: &'a str, image: &'a Blob, card: &'a [u8]) -> Self {
        let now = Utc::now();
        Self {
            avatar,
            image,
            pristine: false,
            card: Some(card),
            modified_at: now,
            changed_at: now,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    avatar: String,
    image: Vec<u8>,
    size: i64,
    pristine: bool,
    card: Option<Vec<u8>>,
    entry: Option<Vec<u8>>,
    has_create_date: bool,
    modified_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
}

impl Row {
    fn into_character(self) -> Result<Character> {
        let image = Blob::from_row(&self.image, self.size)?;
        let Self {
            avatar,
            pristine,
            card,
            entry,
            has_create_date,
            modified_at,
            changed_at,
            ..
        } = self;
        Ok(Character {
            avatar,
            image,
            pristine,
            card,
            entry,
            has_create_date,
            modified_at,
            changed_at,
        })
    }
}

/// The folder of a character's chats below the user's root.
///
/// compat: the first `.png` anywhere in the name is removed, as the original does (`a.pngb.png` chats in `chats/ab.png`).
#[must_use]
pub fn chat_folder(avatar: &str) -> String {
    format!("chats/{}", names::strip_png(avatar))
}

/// The card with this file name, or `None`.
///
/// # Errors
/// The database failed.
pub async fn get(tx: &mut Tx, avatar: &str) -> Result<Option<Character>> {
    let sql = "SELECT avatar, image, b.size, pristine, card, entry, has_create_date, modified_at, changed_at
               FROM characters c JOIN blobs b ON b.hash = c.image
               WHERE tenant_id = $1 AND avatar = $2 AND deleted_at IS NULL";
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(avatar)
        .fetch_optional(tx.conn())
        .await?;
    row.map(Row::into_character).transpose()
}

/// Like [`get`], and holds the row until the transaction ends: for read-modify-write.
///
/// # Errors
/// The database failed.
pub async fn get_for_update(tx: &mut Tx, avatar: &str) -> Result<Option<Character>> {
    let sql = "SELECT avatar, image, b.size, pristine, card, entry, has_create_date, modified_at, changed_at
               FROM characters c JOIN blobs b ON b.hash = c.image
               WHERE tenant_id = $1 AND avatar = $2 AND deleted_at IS NULL FOR UPDATE OF c";
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(avatar)
        .fetch_optional(tx.conn())
        .await?;
    row.map(Row::into_character).transpose()
}

/// File names of all cards, by their bytes.
///
/// # Errors
/// The database failed.
pub async fn avatars(tx: &mut Tx) -> Result<Vec<String>> {
    let sql = "SELECT avatar FROM characters WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY avatar";
    Ok(sqlx::query_scalar(sql).bind(tx.id()).fetch_all(tx.conn()).await?)
}

/// Adds a card. False, and nothing changed, when its file name is taken.
///
/// # Errors
/// The database failed.
pub async fn insert(tx: &mut Tx, new: &NewCharacter<'_>) -> Result<bool> {
    let sql = "INSERT INTO characters (tenant_id, avatar, chat_folder, image, pristine, card, entry, shallow,
                                       has_create_date, listed, created_at, modified_at, changed_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)
               ON CONFLICT (tenant_id, avatar) WHERE deleted_at IS NULL DO NOTHING";
    write(tx, sql, new).await
}

/// Adds a card, or replaces the one that has its file name.
///
/// # Errors
/// The database failed.
pub async fn put(tx: &mut Tx, new: &NewCharacter<'_>) -> Result<()> {
    let sql = "INSERT INTO characters (tenant_id, avatar, chat_folder, image, pristine, card, entry, shallow,
                                            has_create_date, listed, created_at, modified_at, changed_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)
               ON CONFLICT (tenant_id, avatar) WHERE deleted_at IS NULL
               DO UPDATE SET (image, pristine, card, entry, shallow, has_create_date, listed, modified_at, changed_at)
                   = ($4, $5, $6, $7, $8, $9, $10, $11, $12)";
    write(tx, sql, new).await?;
    Ok(())
}

/// Runs one of the two statements above; whether it wrote a row.
async fn write(tx: &mut Tx, sql: &'static str, new: &NewCharacter<'_>) -> Result<bool> {
    let text = new.card.map(|card| read_back(card, new.pristine));
    let entry = text.and_then(|text| entry(&text, new.avatar, Local::now()));
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(new.avatar)
        .bind(chat_folder(new.avatar))
        .bind(&new.image.hash[..])
        .bind(new.pristine)
        .bind(new.card)
        .bind(entry.as_ref().map(|e| &e.full[..]))
        .bind(entry.as_ref().map(|e| &e.shallow[..]))
        .bind(entry.as_ref().is_some_and(|e| e.has_create_date))
        .bind(entry.as_ref().is_some_and(|e| e.listed))
        .bind(new.modified_at)
        .bind(new.changed_at)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Replaces the JSON text of a card and keeps its picture.
///
/// # Errors
/// The database failed.
pub async fn set_card(tx: &mut Tx, character: &Character, card: &[u8]) -> Result<()> {
    let new = NewCharacter::now(&character.avatar, &character.image, card);
    put(tx, &new).await
}

/// Removes a card (kept, marked deleted, until retention takes it). Says whether there was one.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &mut Tx, avatar: &str) -> Result<bool> {
    let sql = "UPDATE characters SET deleted_at = now()
               WHERE tenant_id = $1 AND avatar = $2 AND deleted_at IS NULL";
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(avatar)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The card's PNG file: as it came in, or composed of picture and text as the original would have written it.
///
/// # Errors
/// The database failed, or the stored picture cannot carry a card.
pub async fn file(tx: &mut Tx, character: &Character) -> Result<Bytes> {
    let image = blobs::read(tx, &character.image).await?;
    match &character.card {
        Some(card) if !character.pristine => compose(&image, card)
            .map(Bytes::from)
            .map_err(|e| Error::Internal(anyhow::anyhow!("cannot compose {}: {e}", character.avatar))),
        _ => Ok(image),
    }
}

/// What tells one state of a card from another without reading it.
#[derive(Debug, Clone)]
pub struct Version {
    /// File name, `Seraphina.png`.
    pub avatar: String,
    /// The picture; the whole file while `pristine`.
    pub image: Blob,
    /// Whether `image` is, byte for byte, the file as it came in.
    pub pristine: bool,
    /// When the card first existed.
    pub created_at: DateTime<Utc>,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
}

/// The states of all cards, by the bytes of their file names.
///
/// # Errors
/// The database failed.
pub async fn versions(tx: &mut Tx) -> Result<Vec<Version>> {
    type Columns = (String, Vec<u8>, i64, bool, DateTime<Utc>, DateTime<Utc>);
    let sql = "SELECT avatar, image, b.size, pristine, created_at, modified_at
               FROM characters c JOIN blobs b ON b.hash = c.image
               WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY avatar";
    let rows: Vec<Columns> = sqlx::query_as(sql).bind(tx.id()).fetch_all(tx.conn()).await?;
    let version = |(avatar, hash, size, pristine, created_at, modified_at): Columns| {
        let image = Blob::from_row(&hash, size)?;
        Ok(Version {
            avatar,
            image,
            pristine,
            created_at,
            modified_at,
        })
    };
    rows.into_iter().map(version).collect()
}

/// compat: the original cannot decode an animated PNG, and leaves that one as it is.
fn compose(image: &[u8], card: &[u8]) -> Result<Vec<u8>, png::Error> {
    if png::is_animated(image) {
        png::compose(image, card)
    } else {
        png::compose(&png::without_metadata(image)?, card)
    }
}

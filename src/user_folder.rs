//! A user's data as the files that the original would have in the user's folder: which there are, and their bytes.
//!
//! Thumbnails are made from other files and are none of them; the time at which a folder changed is not known.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use squaretable_compat::layout::{DocumentKind, Place, USER_FOLDERS, is_safe};
use squaretable_compat::vectors::FILE as INDEX_FILE;

use crate::error::{Error, Result};
use crate::keys::MasterKey;
use crate::store::blobs::Blob;
use crate::store::characters::{self, Version};
use crate::store::chats::backups::{self, Backup};
use crate::store::chats::{self, Chat};
use crate::store::files::{self, StoredFile};
use crate::store::vectors::{self, Index};
use crate::store::{Tx, documents, secrets};

/// Chats of more bytes than this are not put together in memory.
const LARGE_CHAT: u64 = 8 << 20;

/// A file of the folder.
#[derive(Debug)]
pub struct Item {
    /// Path below the folder.
    pub path: String,
    /// What it is made of.
    pub what: What,
    /// Bytes; of an edited card those of its picture, and 0 of the secrets: composing tells their real sizes.
    pub size: u64,
    /// The original's birthtime; of the secrets the same as `modified_at`.
    pub created_at: DateTime<Utc>,
    /// The original's mtime.
    pub modified_at: DateTime<Utc>,
}

/// What a file is made of.
#[derive(Debug)]
pub enum What {
    /// A document: settings, a world, a group, a preset.
    Document {
        /// The family.
        kind: DocumentKind,
        /// File name.
        name: String,
        /// SHA-256 of the body.
        sha256: Vec<u8>,
    },
    /// A card, composed of picture and text.
    Card(Box<Version>),
    /// A chat, composed of its lines. Its summary is left out.
    Chat(Box<Chat>),
    /// A backup of a chat, composed of the lines of then. Its summary is left out.
    ChatBackup(Box<Backup>),
    /// A file that is stored as it is.
    File(Box<StoredFile>),
    /// An index of vectors, composed of its items.
    Vectors(Box<Index>),
    /// `secrets.json` or another file that holds keys, encrypted at rest.
    Secrets,
}

/// The bytes of a file.
#[derive(Debug)]
pub enum Content {
    /// In memory.
    Bytes(Bytes),
    /// To be read in pieces, since it may be of any size; see [`crate::store::blobs`].
    Stored(Blob),
    /// To be read in pieces, since it is large; see [`chats::pieces`].
    Chat(Box<Chat>),
    /// To be read in pieces, since it may be of any size; see [`vectors::pieces`].
    Vectors(Box<Index>),
}

/// Why a file has no bytes.
#[derive(Debug)]
pub enum Fault {
    /// It was removed since it was listed; not so within one snapshot.
    Gone,
    /// The bytes are not what the database recorded when it stored them.
    Mismatch,
    /// The secrets need the master key, and there is none.
    NoKey,
    /// The secrets cannot be read with this key.
    Secrets(Error),
    /// The database failed, or holds what cannot be composed.
    Store(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone => f.write_str("it was removed meanwhile"),
            Self::Mismatch => {
                f.write_str("what the database holds is not what it recorded when it was stored")
            }
            Self::NoKey => f.write_str("there is no master key to read it with"),
            Self::Secrets(error) | Self::Store(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Fault {}

/// All files of the transaction's tenant.
///
/// # Errors
/// The database failed, or holds a document of an unknown kind.
pub async fn items(tx: &mut Tx) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for row in documents::fingerprints(tx).await? {
        items.push(document(row)?);
    }
    for card in characters::versions(tx).await? {
        let avatar = card.avatar.clone();
        items.push(Item {
            path: Place::Character { avatar }.path(),
            size: card.image.size,
            created_at: card.created_at,
            modified_at: card.modified_at,
            what: What::Card(Box::new(card)),
        });
    }
    for mut chat in chats::list_all(tx).await? {
        chat.summary = Vec::new();
        items.push(Item {
            path: join(&chat.folder, &chat.file_name),
            size: length(chat.byte_size),
            created_at: chat.created_at,
            modified_at: chat.modified_at,
            what: What::Chat(Box::new(chat)),
        });
    }
    for mut backup in backups::list(tx).await? {
        backup.summary = Vec::new();
        items.push(Item {
            path: join(backups::FOLDER, &backup.name),
            size: length(backup.byte_size),
            created_at: backup.taken_at,
            modified_at: backup.taken_at,
            what: What::ChatBackup(Box::new(backup)),
        });
    }
    for file in files::list_recursive(tx, "").await? {
        items.push(Item {
            path: join(&file.folder, &file.name),
            size: file.blob.size,
            created_at: file.created_at,
            modified_at: file.modified_at,
            what: What::File(Box::new(file)),
        });
    }
    items.extend(vectors::list(tx).await?.into_iter().map(vectors_item));
    for (path, at) in secrets::list(tx).await? {
        items.push(Item {
            path,
            size: 0,
            created_at: at,
            modified_at: at,
            what: What::Secrets,
        });
    }
    Ok(items)
}

fn vectors_item(index: Index) -> Item {
    Item {
        path: join(&index.folder, INDEX_FILE),
        size: index.file_size(),
        created_at: index.created_at,
        modified_at: index.modified_at,
        what: What::Vectors(Box::new(index)),
    }
}

fn document(row: documents::Fingerprint) -> Result<Item> {
    let kind = DocumentKind::from_name(&row.kind)
        .ok_or_else(|| anyhow::anyhow!("there is a document of an unknown kind: {}", row.kind))?;
    let name = row.name.clone();
    Ok(Item {
        path: Place::Document { kind, name }.path(),
        size: length(row.size),
        created_at: row.created_at,
        modified_at: row.modified_at,
        what: What::Document {
            kind,
            name: row.name,
            sha256: row.sha256,
        },
    })
}

/// The folders that exist although nothing may lie in them, parents before their children: those that every user has,
/// and those that were created.
///
/// # Errors
/// The database failed.
pub async fn folders(tx: &mut Tx) -> Result<BTreeSet<String>> {
    let created = files::created_folders(tx).await?;
    let all = USER_FOLDERS.iter().map(|folder| (*folder).to_owned());
    Ok(all.chain(created).filter(|folder| is_safe(folder)).collect())
}

impl Item {
    /// The file's bytes, of what the transaction sees.
    ///
    /// # Errors
    /// See [`Fault`].
    pub async fn read(&self, tx: &mut Tx, key: Option<&MasterKey>) -> Result<Content, Fault> {
        let bytes = match &self.what {
            What::Document { kind, name, .. } => {
                let document = documents::get(tx, *kind, name).await?.ok_or(Fault::Gone)?;
                document.body.into()
            }
            What::Card(card) => {
                let character = characters::get(tx, &card.avatar).await?.ok_or(Fault::Gone)?;
                let bytes = characters::file(tx, &character).await?;
                let is_original = || blake3::hash(&bytes).as_bytes() == character.image.hash();
                if character.pristine && !is_original() {
                    return Err(Fault::Mismatch);
                }
                bytes
            }
            What::Chat(chat) if length(chat.byte_size) > LARGE_CHAT => {
                return Ok(Content::Chat(chat.clone()));
            }
            What::Chat(chat) => {
                let bytes = chats::file(tx, chat).await?;
                if length(chat.byte_size) != bytes.len() as u64 {
                    return Err(Fault::Mismatch);
                }
                bytes.into()
            }
            What::ChatBackup(backup) => backups::read(tx, backup).await?,
            What::File(file) => return Ok(Content::Stored(file.blob)),
            What::Vectors(index) => return Ok(Content::Vectors(index.clone())),
            What::Secrets => {
                let body = secrets::get_file(tx, key.ok_or(Fault::NoKey)?, &self.path).await;
                body.map_err(Fault::Secrets)?.ok_or(Fault::Gone)?.into()
            }
        };
        Ok(Content::Bytes(bytes))
    }
}

/// A path from a folder (`""` is the root) and a name.
#[must_use]
pub fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn length(size: i64) -> u64 {
    u64::try_from(size).unwrap_or(0)
}

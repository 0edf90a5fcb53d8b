//! What a tenant holds already, told by path.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use squaretable::error::Result;
use squaretable::store::chats::{self, Chat};
use squaretable::store::{Tx, characters, documents, files};
use squaretable_compat::layout::{DocumentKind, Place};

/// Default content is given in one transaction, whose last row is this; what was made so shortly before it is default
/// content.
const CONTENT_LOG: &str = "content.log";
const SEEDING: TimeDelta = TimeDelta::minutes(2);

/// Everything that a tenant holds, but for the secrets.
#[derive(Debug, Default)]
pub struct Stored {
    known: HashMap<String, Known>,
    seeded_at: Option<DateTime<Utc>>,
}

/// Something that a tenant holds.
#[derive(Debug)]
pub struct Known {
    /// What tells its content.
    pub content: Mark,
    created_at: DateTime<Utc>,
    modified_at: DateTime<Utc>,
}

/// What tells one content from another.
#[derive(Debug)]
pub enum Mark {
    /// BLAKE3 and size of a file, or of a card that is still the file it came as.
    Blob([u8; 32], u64),
    /// SHA-256 of a document.
    Document(Vec<u8>),
    /// A card that was edited here: its file must be composed to be compared.
    Composed,
    /// A chat: its lines must be read to be compared.
    Chat(Chat),
}

/// How a file stands to what the tenant holds at its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is there.
    New,
    /// The same, times included.
    Same,
    /// The same content, with another mtime.
    Touched,
    /// Something else.
    Differs,
    /// Only the writer can tell.
    Ask,
}

impl Stored {
    /// Everything that the transaction's tenant holds.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read(tx: &mut Tx) -> Result<Self> {
        let mut known = HashMap::new();
        for row in documents::fingerprints(tx).await? {
            let kind = DocumentKind::from_name(&row.kind)
                .ok_or_else(|| anyhow::anyhow!("there is a document of an unknown kind: {}", row.kind))?;
            let path = Place::Document { kind, name: row.name }.path();
            known.insert(
                path,
                Known::new(Mark::Document(row.sha256), row.created_at, row.modified_at),
            );
        }
        for row in characters::versions(tx).await? {
            let content = if row.pristine {
                Mark::Blob(*row.image.hash(), row.image.size)
            } else {
                Mark::Composed
            };
            let path = Place::Character { avatar: row.avatar }.path();
            known.insert(path, Known::new(content, row.created_at, row.modified_at));
        }
        for file in files::list_recursive(tx, "").await? {
            let path = join(&file.folder, &file.name);
            let content = Mark::Blob(*file.blob.hash(), file.blob.size);
            known.insert(path, Known::new(content, file.created_at, file.modified_at));
        }
        for chat in chats::list_all(tx).await? {
            let path = join(&chat.folder, &chat.file_name);
            let (created_at, modified_at) = (chat.created_at, chat.modified_at);
            known.insert(path, Known::new(Mark::Chat(chat), created_at, modified_at));
        }
        let seeded_at = known.get(CONTENT_LOG).map(|log| log.modified_at);
        Ok(Self { known, seeded_at })
    }

    /// What lies at a path below the user's root.
    pub fn get(&self, path: &str) -> Option<&Known> {
        self.known.get(path)
    }

    /// Whether a version of `modified_at` may take the place of what lies at a path: that is the older one, or default
    /// content that nobody touched.
    pub fn yields(&self, path: &str, modified_at: DateTime<Utc>) -> bool {
        let Some(known) = self.get(path) else { return true };
        let untouched = known.created_at == known.modified_at
            && self
                .seeded_at
                .is_some_and(|at| known.created_at <= at && at - known.created_at < SEEDING);
        untouched || known.modified_at <= modified_at
    }
}

impl Known {
    fn new(content: Mark, created_at: DateTime<Utc>, modified_at: DateTime<Utc>) -> Self {
        Self {
            content,
            created_at,
            modified_at,
        }
    }

    /// How a file of `modified_at` stands to it, once it is known whether the contents are the `same`.
    pub fn standing(&self, same: bool, modified_at: DateTime<Utc>) -> Standing {
        match (same, self.modified_at == modified_at) {
            (false, _) => Standing::Differs,
            (true, false) => Standing::Touched,
            (true, true) => Standing::Same,
        }
    }
}

/// A path from a folder (`""` is the root) and a name.
pub fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// A path's folder (`""` is the root) and its name.
pub fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

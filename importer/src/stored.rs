//! What a tenant holds already, told by path.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use squaretable::error::Result;
use squaretable::store::Tx;
use squaretable::store::chats::Chat;
use squaretable::user_folder::{self, What};

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
    /// Its mtime.
    pub modified_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
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
        for item in user_folder::items(tx).await? {
            let content = match item.what {
                What::Document { sha256, .. } => Mark::Document(sha256),
                What::Card(card) if !card.pristine => Mark::Composed,
                What::Card(card) => Mark::Blob(*card.image.hash(), card.image.size),
                What::Chat(chat) => Mark::Chat(*chat),
                What::File(file) => Mark::Blob(*file.blob.hash(), file.blob.size),
                // A file of its name takes the place of a backup, whatever that holds.
                What::ChatBackup(_) | What::Secrets => continue,
            };
            known.insert(item.path, Known::new(content, item.created_at, item.modified_at));
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
        self.is_default(path) || known.modified_at <= modified_at
    }

    /// Whether default content that nobody touched lies at a path.
    pub fn is_default(&self, path: &str) -> bool {
        self.get(path).is_some_and(|known| {
            known.created_at == known.modified_at
                && self
                    .seeded_at
                    .is_some_and(|at| known.created_at <= at && at - known.created_at < SEEDING)
        })
    }

    /// The paths at which something lies.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
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

/// A path's folder (`""` is the root) and its name.
pub fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

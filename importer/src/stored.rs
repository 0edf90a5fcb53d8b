//! What a tenant holds already, told by path.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use squaretable::error::Result;
use squaretable::store::Tx;
use squaretable::user_folder::{self, Item, What};

use crate::system;

/// Default content is given in one transaction, whose last row is this; what was made so shortly before it is default
/// content.
const CONTENT_LOG: &str = "content.log";
const SEEDING: TimeDelta = TimeDelta::minutes(2);

/// Everything that a tenant holds.
#[derive(Debug, Default)]
pub struct Stored {
    items: HashMap<String, Item>,
    seeded_at: Option<DateTime<Utc>>,
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
    /// Everything that the transaction's tenant holds, whose name is `handle`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read(tx: &mut Tx, handle: &str) -> Result<Self> {
        let mut items = user_folder::items(tx).await?;
        items.retain(|item| system::concerns(handle, &item.path));
        let items: HashMap<String, Item> = items.into_iter().map(|item| (item.path.clone(), item)).collect();
        let seeded_at = items.get(CONTENT_LOG).map(|log| log.modified_at);
        Ok(Self { items, seeded_at })
    }

    /// What lies at a path below the user's root, whatever it is.
    pub fn item(&self, path: &str) -> Option<&Item> {
        self.items.get(path)
    }

    /// All of it.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// What lies at a path below the user's root and can be compared: secrets cannot, and a file of its name takes the
    /// place of a backup, whatever that holds.
    pub fn get(&self, path: &str) -> Option<&Item> {
        self.item(path).filter(|item| is_comparable(item))
    }

    /// Whether a version of `modified_at` may take the place of what lies at a path: that is the older one, or default
    /// content that nobody touched.
    pub fn yields(&self, path: &str, modified_at: DateTime<Utc>) -> bool {
        let Some(item) = self.get(path) else { return true };
        self.is_default(path) || item.modified_at <= modified_at
    }

    /// Whether default content that nobody touched lies at a path.
    pub fn is_default(&self, path: &str) -> bool {
        self.get(path).is_some_and(|item| {
            item.created_at == item.modified_at
                && self
                    .seeded_at
                    .is_some_and(|at| item.created_at <= at && at - item.created_at < SEEDING)
        })
    }

    /// The paths at which something lies that can be compared.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let items = self.items().filter(|item| is_comparable(item));
        items.map(|item| item.path.as_str())
    }
}

fn is_comparable(item: &Item) -> bool {
    !matches!(item.what, What::ChatBackup(_) | What::Secrets)
}

/// How a file of `modified_at` stands to what is stored, once it is known whether the contents are the `same`.
pub fn standing(item: &Item, same: bool, modified_at: DateTime<Utc>) -> Standing {
    match (same, item.modified_at == modified_at) {
        (false, _) => Standing::Differs,
        (true, false) => Standing::Touched,
        (true, true) => Standing::Same,
    }
}

/// A path's folder (`""` is the root) and its name.
pub fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

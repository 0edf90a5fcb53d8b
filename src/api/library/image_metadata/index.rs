//! `image-metadata.json` as a value: entries of pictures by path, and virtual folders.
//!
//! Keys that are not known here are kept.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use squaretable_compat::{dates, json as text, names};

use crate::error::Result;
use crate::pictures::{self, Undecodable};
use crate::store::Tx;
use crate::store::image_metadata as store;

/// Milliseconds by which a file's time may differ from its entry's: PostgreSQL keeps microseconds, an index that was
/// imported has nanoseconds.
const TIME_TOLERANCE: f64 = 0.002;

/// What an entry says of a picture's content.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    hash: String,
    facts: pictures::Facts,
}

impl Entry {
    /// Looks at a whole file. Blocks.
    ///
    /// # Errors
    /// The bytes are no picture whose size is known.
    pub fn of(bytes: &[u8]) -> Result<Self, Undecodable> {
        let facts = pictures::facts(bytes)?;
        Ok(Self {
            hash: hex::encode(Sha256::digest(bytes)),
            facts,
        })
    }

    fn to_json(
        &self,
        folder_ids: &Value,
        resolution: u64,
        added: DateTime<Utc>,
        modified: DateTime<Utc>,
    ) -> Value {
        let ratio = f64::from(self.facts.width) / f64::from(self.facts.height);
        json!({
            "hash": self.hash,
            "aspectRatio": (ratio * 1e4).round() / 1e4,
            "isAnimated": self.facts.is_animated,
            "dominantColor": self.facts.dominant_color,
            "folderIds": folder_ids,
            "addedTimestamp": added.timestamp_millis(),
            "thumbnailResolution": resolution,
            "mtime": dates::millis(modified),
        })
    }
}

/// The index, with `version`, an object `images` and a list `folders`.
#[derive(Clone, Debug, PartialEq)]
pub struct Index(Map<String, Value>);

impl Index {
    /// The user's index; an empty one where there is none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read(tx: &mut Tx) -> Result<Self> {
        Ok(Self::parse(store::get(tx).await?.as_deref()))
    }

    /// Like [`read`](Self::read), and keeps other editors out until the transaction ends.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read_for_update(tx: &mut Tx) -> Result<Self> {
        Ok(Self::parse(store::get_for_update(tx).await?.as_deref()))
    }

    /// Stores the index, indented as the original's.
    ///
    /// # Errors
    /// The database failed.
    pub async fn write(&self, tx: &mut Tx) -> Result<()> {
        store::put(tx, &text::to_vec_pretty(&Value::Object(self.0.clone()))).await
    }

    /// compat: a text that is not an index counts as none, as in the original.
    fn parse(body: Option<&[u8]>) -> Self {
        let mut index = match body.map(text::parse) {
            Some(Ok(Value::Object(index))) => index,
            _ => Map::from_iter([("version".to_owned(), Value::from(1))]),
        };
        for (key, empty) in [("images", json!({})), ("folders", json!([]))] {
            if index
                .get(key)
                .is_none_or(|value| value.is_object() != empty.is_object() || !is_container(value))
            {
                index.insert(key.to_owned(), empty);
            }
        }
        Self(index)
    }

    /// The whole index.
    #[must_use]
    pub fn as_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// Entries by path below the user's root.
    pub fn images(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0
            .get("images")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
    }

    /// The virtual folders, a list.
    #[must_use]
    pub fn folders(&self) -> &Value {
        self.0.get("folders").unwrap_or(&Value::Null)
    }

    /// The part of the index with paths that start with `prefix`, without folders.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Value {
        let found = self.images().filter(|(path, _)| path.starts_with(prefix));
        let images: Map<_, _> = found.map(|(path, entry)| (path.clone(), entry.clone())).collect();
        let mut part = Map::new();
        if let Some(version) = self.0.get("version") {
            part.insert("version".to_owned(), version.clone());
        }
        part.insert("images".to_owned(), Value::Object(images));
        Value::Object(part)
    }

    /// The entry of a path, if it was made from the file of that time.
    #[must_use]
    pub fn current(&self, path: &str, modified: DateTime<Utc>) -> Option<&Value> {
        let entry = self.0.get("images")?.get(path)?;
        let known = entry.get("mtime")?.as_f64()?;
        ((known - dates::millis(modified)).abs() < TIME_TOLERANCE).then_some(entry)
    }

    /// Writes the entry of a picture with its times, and gives it. The picture stays in its folders.
    pub fn set(
        &mut self,
        path: &str,
        entry: &Entry,
        resolution: u64,
        added: DateTime<Utc>,
        modified: DateTime<Utc>,
    ) -> Value {
        let known = self
            .image(path)
            .and_then(|known| known.get("folderIds"))
            .filter(|ids| text::js_truthy(ids));
        let folder_ids = known.cloned().unwrap_or_else(|| json!([]));
        let value = entry.to_json(&folder_ids, resolution, added, modified);
        self.images_mut().insert(path.to_owned(), value.clone());
        value
    }

    /// Removes an entry, and the picture as a folder's cover. False when there was none.
    pub fn remove(&mut self, path: &str) -> bool {
        if self.images_mut().shift_remove(path).is_none() {
            return false;
        }
        self.replace_cover(names::file_name(path), "");
        true
    }

    /// Moves an entry, and the picture as a folder's cover. False when there was none.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(entry) = self.images_mut().shift_remove(from) else {
            return false;
        };
        self.images_mut().insert(to.to_owned(), entry);
        self.replace_cover(names::file_name(from), names::file_name(to));
        true
    }

    /// Removes the entries of paths that `keep` refuses, and names them.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) -> Vec<String> {
        let mut removed = Vec::new();
        self.images_mut().retain(|path, _| {
            let kept = keep(path);
            if !kept {
                removed.push(path.clone());
            }
            kept
        });
        removed
    }

    /// Adds a folder.
    pub fn add_folder(&mut self, folder: Value) {
        self.folders_mut().push(folder);
    }

    /// The folder of an id.
    pub fn folder_mut(&mut self, id: &str) -> Option<&mut Map<String, Value>> {
        self.folders_mut()
            .iter_mut()
            .find(|folder| has_id(folder, id))?
            .as_object_mut()
    }

    /// Removes a folder and takes its pictures out of it. False when there was none.
    pub fn remove_folder(&mut self, id: &str) -> bool {
        let Some(at) = self.folders_mut().iter().position(|folder| has_id(folder, id)) else {
            return false;
        };
        self.folders_mut().remove(at);
        for entry in self.images_mut().values_mut() {
            remove_id(entry, id);
        }
        true
    }

    /// Puts a picture into a folder; a picture without an entry gets one that says only that.
    pub fn assign(&mut self, path: &str, id: &str) {
        let entry = self
            .images_mut()
            .entry(path)
            .or_insert_with(|| json!({ "folderIds": [] }));
        let Some(entry) = entry.as_object_mut() else {
            return;
        };
        match entry.get_mut("folderIds") {
            Some(Value::Array(ids)) if ids.iter().any(|known| known == id) => {}
            Some(Value::Array(ids)) => ids.push(id.into()),
            _ => _ = entry.insert("folderIds".to_owned(), json!([id])),
        }
    }

    /// Takes a picture out of a folder.
    pub fn unassign(&mut self, path: &str, id: &str) {
        if let Some(entry) = self.images_mut().get_mut(path) {
            remove_id(entry, id);
        }
    }

    fn image(&self, path: &str) -> Option<&Value> {
        self.0.get("images")?.get(path)
    }

    fn images_mut(&mut self) -> &mut Map<String, Value> {
        let images = self.0.get_mut("images").and_then(Value::as_object_mut);
        images.expect("`parse` makes `images` an object and nothing replaces it")
    }

    fn folders_mut(&mut self) -> &mut Vec<Value> {
        let folders = self.0.get_mut("folders").and_then(Value::as_array_mut);
        folders.expect("`parse` makes `folders` a list and nothing replaces it")
    }

    fn replace_cover(&mut self, from: &str, to: &str) {
        for folder in self.folders_mut() {
            if let Some(cover) = folder.get_mut("thumbnailFile").filter(|cover| **cover == from) {
                *cover = to.into();
            }
        }
    }
}

fn is_container(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

fn has_id(folder: &Value, id: &str) -> bool {
    folder.get("id").is_some_and(|known| known == id)
}

/// compat: an id that is there twice is removed once.
fn remove_id(entry: &mut Value, id: &str) {
    if let Some(ids) = entry.get_mut("folderIds").and_then(Value::as_array_mut)
        && let Some(at) = ids.iter().position(|known| known == id)
    {
        ids.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        Index::parse(Some(
            br#"{"version":1,"extra":true,"images":{"backgrounds/a.png":{"folderIds":["f","g"],"mtime":1000.5},
                 "backgrounds/b.png":{"folderIds":[]}},"folders":[{"id":"f","name":"F","thumbnailFile":"a.png"}]}"#,
        ))
    }

    fn at(micros: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(micros).unwrap()
    }

    #[test]
    fn a_text_that_is_no_index_counts_as_none() {
        let empty = json!({ "version": 1, "images": {}, "folders": [] });
        for body in [None, Some(&b"{"[..]), Some(b"[]"), Some(b"null")] {
            assert_eq!(Index::parse(body).as_json(), empty);
        }
        let partial = Index::parse(Some(br#"{"version":2,"images":[],"folders":{},"x":1}"#));
        assert_eq!(
            partial.as_json(),
            json!({ "version": 2, "images": {}, "folders": [], "x": 1 })
        );
    }

    #[test]
    fn an_entry_counts_while_its_file_is_as_old() {
        let index = index();
        assert!(index.current("backgrounds/a.png", at(1_000_500)).is_some());
        assert!(index.current("backgrounds/a.png", at(1_000_501)).is_some());
        assert!(index.current("backgrounds/a.png", at(1_001_500)).is_none());
        assert!(index.current("backgrounds/b.png", at(0)).is_none());
    }

    #[test]
    fn renaming_and_removing_reach_the_folder_cover() {
        let mut index = index();
        assert!(index.rename("backgrounds/a.png", "backgrounds/c.png"));
        assert_eq!(index.folders()[0]["thumbnailFile"], "c.png");
        assert_eq!(
            index.as_json()["images"]["backgrounds/c.png"]["folderIds"],
            json!(["f", "g"])
        );
        assert!(!index.rename("backgrounds/a.png", "backgrounds/d.png"));
        assert!(index.remove("backgrounds/c.png"));
        assert_eq!(index.folders()[0]["thumbnailFile"], "");
        assert!(!index.remove("backgrounds/c.png"));
        assert_eq!(index.as_json()["extra"], true);
    }

    #[test]
    fn folders_hold_pictures_until_they_go() {
        let mut index = index();
        index.assign("backgrounds/b.png", "f");
        index.assign("backgrounds/b.png", "f");
        index.assign("backgrounds/new.png", "f");
        assert_eq!(
            index.as_json()["images"]["backgrounds/b.png"]["folderIds"],
            json!(["f"])
        );
        assert_eq!(
            index.as_json()["images"]["backgrounds/new.png"],
            json!({ "folderIds": ["f"] })
        );
        index.unassign("backgrounds/b.png", "f");
        assert_eq!(
            index.as_json()["images"]["backgrounds/b.png"]["folderIds"],
            json!([])
        );
        assert!(index.remove_folder("f") && !index.remove_folder("f"));
        assert_eq!(
            index.as_json()["images"]["backgrounds/a.png"]["folderIds"],
            json!(["g"])
        );
    }

    #[test]
    fn a_new_entry_keeps_the_folders_of_the_old_one() {
        let facts = pictures::Facts {
            width: 16,
            height: 9,
            is_animated: false,
            dominant_color: "#010203".to_owned(),
        };
        let entry = Entry {
            hash: "00".to_owned(),
            facts,
        };
        let mut index = index();
        let value = index.set("backgrounds/a.png", &entry, 14_400, at(1_999), at(2_500));
        let expected = json!({
            "hash": "00", "aspectRatio": 1.7778, "isAnimated": false, "dominantColor": "#010203",
            "folderIds": ["f", "g"], "addedTimestamp": 1, "thumbnailResolution": 14_400, "mtime": 2.5,
        });
        assert_eq!(value, expected);
        assert!(index.current("backgrounds/a.png", at(2_500)).is_some());
    }
}

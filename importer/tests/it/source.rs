//! Data roots made for a test, and trees read back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use squaretable_compat::layout::{USER_FOLDERS, storage_file_name};
use squaretable_compat::png;

/// A data root in a temporary folder.
pub struct Root {
    dir: tempfile::TempDir,
    files: u64,
}

impl Root {
    /// One without accounts.
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary folder"),
            files: 0,
        }
    }

    /// One with the account that the original starts with, and its folders.
    pub fn with_default_user() -> Self {
        let mut root = Self::new();
        root.user(&json!({
            "handle": "default-user", "name": "User", "created": 1_700_000_000_123_u64, "password": "", "admin": true,
            "enabled": true, "salt": "",
        }));
        root
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Adds an account and its folders.
    pub fn user(&mut self, value: &Value) {
        let handle = value["handle"].as_str().expect("a handle");
        self.record(&format!("user:{handle}"), value);
        for folder in USER_FOLDERS {
            fs::create_dir_all(self.path().join(handle).join(folder)).expect("our own folder");
        }
    }

    /// Adds a record to the account store.
    pub fn record(&mut self, key: &str, value: &Value) {
        let record = json!({ "key": key, "value": value }).to_string();
        self.add(&format!("_storage/{}", storage_file_name(key)), record);
    }

    /// Adds a file with an mtime of its own, finer than a microsecond; its path is relative to the root.
    pub fn add(&mut self, path: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("our own folder");
        fs::write(&path, bytes).expect("our own file");
        self.files += 1;
        touch(&path, self.files);
        path
    }
}

/// Sets an mtime: `hour` hours after the end of 2023, and a fraction.
pub fn touch(path: &Path, hour: u64) {
    let at = UNIX_EPOCH + Duration::new(1_704_000_000 + hour * 3600, 123_456_789);
    let file = File::options().write(true).open(path).expect("our own file");
    file.set_modified(at).expect("our own file");
}

/// A PNG of one pixel, without a card.
pub fn picture() -> Vec<u8> {
    let text =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
    BASE64_STANDARD.decode(text).expect("base64")
}

/// [`picture`] with a card.
pub fn card(json: &Value) -> Vec<u8> {
    png::compose(&picture(), json.to_string().as_bytes()).expect("a card fits")
}

/// A V2 card.
pub fn card_v2(name: &str) -> Vec<u8> {
    card(&json!({
        "spec": "chara_card_v2", "spec_version": "2.0", "name": name,
        "data": { "name": name, "description": "d", "personality": "", "scenario": "", "first_mes": "Hi",
                  "mes_example": "", "creator_notes": "", "system_prompt": "", "post_history_instructions": "",
                  "alternate_greetings": [], "tags": [], "creator": "", "character_version": "",
                  "extensions": { "unknown": { "z": 1, "a": [1.50, 1e3] } } },
    }))
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Folder,
    /// Content, and mtime in microseconds.
    File(Vec<u8>, i128),
    Other,
}

/// Everything below a folder.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, Node> {
    let mut tree = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).min_depth(1) {
        let entry = entry.expect("our own folder");
        let node = if entry.file_type().is_dir() {
            Node::Folder
        } else if entry.file_type().is_file() {
            let modified = entry
                .metadata()
                .expect("our own file")
                .modified()
                .expect("a time");
            Node::File(fs::read(entry.path()).expect("our own file"), micros(modified))
        } else {
            Node::Other
        };
        tree.insert(
            entry.path().strip_prefix(root).expect("below it").to_owned(),
            node,
        );
    }
    tree
}

fn micros(time: SystemTime) -> i128 {
    let micros = |span: Duration| i128::try_from(span.as_micros()).expect("a time");
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => micros(since),
        Err(before) => -micros(before.duration()),
    }
}

/// Asserts that both trees hold the same folders, and the same files with the same bytes. Times of the account store
/// are not kept; all others must be the same.
#[track_caller]
pub fn assert_same(left: &BTreeMap<PathBuf, Node>, right: &BTreeMap<PathBuf, Node>) {
    let names = |tree: &BTreeMap<PathBuf, Node>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(left), names(right));
    for (path, node) in left {
        match (node, &right[path]) {
            (Node::File(left, _), Node::File(right, _)) if path.starts_with("_storage") => {
                assert_eq!(
                    String::from_utf8_lossy(left),
                    String::from_utf8_lossy(right),
                    "{}",
                    path.display()
                );
            }
            (left, right) => assert!(left == right, "{}: {left:?} is not {right:?}", path.display()),
        }
    }
}

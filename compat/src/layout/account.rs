//! The account store `_storage`: one file per record, named by the SHA-256 of its key.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::json;

/// An account of the original.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Account {
    /// Login name, and the name of the user's folder.
    pub handle: String,
    /// Display name.
    #[serde(default)]
    pub name: String,
    /// Milliseconds since 1970.
    #[serde(default)]
    pub created: f64,
    /// Base64 of the scrypt hash; empty without a password.
    #[serde(default)]
    pub password: String,
    /// Whether the user administers the server.
    #[serde(default)]
    pub admin: bool,
    /// Whether the user may log in.
    #[serde(default)]
    pub enabled: bool,
    /// Base64 text that salts the hash as it stands, not decoded; empty without a password.
    #[serde(default)]
    pub salt: String,
}

/// A record of the account store.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored {
    /// `user:<handle>`.
    Account(Account),
    /// `avatar:<handle>`: a data URL, empty when there is none.
    Avatar {
        /// The user's handle.
        handle: String,
        /// `data:image/…`.
        url: String,
    },
    /// Any other key; the original ignores it.
    Other {
        /// The key.
        key: String,
        /// Its value.
        value: Value,
    },
}

/// The file name of a key's record.
pub fn storage_file_name(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

#[derive(Deserialize)]
struct Record {
    key: String,
    #[serde(default)]
    value: Value,
}

/// Reads a file of `_storage`: `{"key": …, "value": …}`.
///
/// # Errors
/// Broken JSON, no `key`, or a value that does not fit its key.
pub fn storage_record(bytes: &[u8]) -> Result<Stored, json::Error> {
    let Record { key, value } = json::parse_typed(bytes)?;
    if key.starts_with("user:") {
        return Ok(Stored::Account(serde_json::from_value(value)?));
    }
    match key.strip_prefix("avatar:") {
        Some(handle) => Ok(Stored::Avatar {
            handle: handle.to_owned(),
            url: serde_json::from_value(value)?,
        }),
        None => Ok(Stored::Other { key, value }),
    }
}

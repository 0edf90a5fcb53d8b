//! The records of `_storage`: read, and written in the original's form.

use anyhow::Context;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use squaretable::store::accounts::{NewUser, User};
use squaretable_compat::json;
use squaretable_compat::layout::{self, Stored, storage_file_name};

/// The account that the original makes when its store has none.
pub const DEFAULT: &str = "default-user";

/// An account of the source.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Login name and folder.
    pub handle: String,
    /// Display name.
    pub name: String,
    /// Base64 scrypt hash, or empty.
    pub password: String,
    /// Salt of `password`, or empty.
    pub salt: String,
    /// Administers the server.
    pub admin: bool,
    /// May log in.
    pub enabled: bool,
    /// Data URL, or empty.
    pub avatar: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Account {
    /// The account of a `user:` record, its avatar not yet known.
    ///
    /// # Errors
    /// A handle that cannot name a folder, or a time out of range.
    pub fn new(account: layout::Account) -> anyhow::Result<Self> {
        let layout::Account {
            handle,
            name,
            created,
            password,
            admin,
            enabled,
            salt,
        } = account;
        anyhow::ensure!(
            layout::is_safe(&handle) && !handle.contains('/') && !handle.starts_with('_'),
            "{handle:?} cannot name an account"
        );
        let created_at =
            DateTime::from_timestamp_millis(created as i64).context("`created` is out of range")?;
        Ok(Self {
            handle,
            name,
            password,
            salt,
            admin,
            enabled,
            avatar: String::new(),
            created_at,
        })
    }

    /// The account that the original makes when its store has none.
    pub fn default_user() -> Self {
        Self {
            handle: DEFAULT.to_owned(),
            name: "User".to_owned(),
            password: String::new(),
            salt: String::new(),
            admin: true,
            enabled: true,
            avatar: String::new(),
            created_at: Utc::now(),
        }
    }

    /// As the store takes it.
    pub fn as_new(&self) -> NewUser<'_> {
        NewUser {
            handle: &self.handle,
            name: &self.name,
            password: &self.password,
            salt: &self.salt,
            admin: self.admin,
            enabled: self.enabled,
            avatar: &self.avatar,
            created_at: self.created_at,
        }
    }

    /// Whether the stored account is this one.
    pub fn equals(&self, user: &User) -> bool {
        *self == Self::from(user)
    }
}

impl From<&User> for Account {
    fn from(user: &User) -> Self {
        let user = user.clone();
        Self {
            handle: user.handle,
            name: user.name,
            password: user.password,
            salt: user.salt,
            admin: user.admin,
            enabled: user.enabled,
            avatar: user.avatar,
            created_at: user.created_at,
        }
    }
}

/// A stored account, as the store takes it.
pub fn as_new(user: &User) -> NewUser<'_> {
    NewUser {
        handle: &user.handle,
        name: &user.name,
        password: &user.password,
        salt: &user.salt,
        admin: user.admin,
        enabled: user.enabled,
        avatar: &user.avatar,
        created_at: user.created_at,
    }
}

/// Whether an account is the one that the server makes by itself, so that nothing is lost by replacing it.
pub fn is_automatic(user: &User) -> bool {
    user.handle == DEFAULT
        && user.name == "User"
        && user.password.is_empty()
        && user.avatar.is_empty()
        && user.admin
}

/// The records of an account, as file names of `_storage` and their bytes.
pub fn records(user: &NewUser<'_>) -> Vec<(String, Vec<u8>)> {
    let mut value = Map::new();
    let mut set = |key: &str, member: Value| value.insert(key.to_owned(), member);
    set("handle", json!(user.handle));
    set("name", json!(user.name));
    set("created", json!(user.created_at.timestamp_millis()));
    set("password", json!(user.password));
    // compat: the original makes its first account with `salt` at the end, all others with it beside the password.
    if user.handle != DEFAULT {
        set("salt", json!(user.salt));
    }
    set("admin", json!(user.admin));
    set("enabled", json!(user.enabled));
    if user.handle == DEFAULT {
        set("salt", json!(user.salt));
    }
    let mut records = vec![record(&format!("user:{}", user.handle), &Value::Object(value))];
    if !user.avatar.is_empty() {
        records.push(record(&format!("avatar:{}", user.handle), &json!(user.avatar)));
    }
    records
}

fn record(key: &str, value: &Value) -> (String, Vec<u8>) {
    (
        storage_file_name(key),
        json::to_vec(&json!({ "key": key, "value": value })),
    )
}

/// An account as the ledger keeps it, to be put back by a rollback.
pub fn to_json(user: &User) -> String {
    json!({
        "handle": user.handle, "name": user.name, "password": user.password, "salt": user.salt,
        "admin": user.admin, "enabled": user.enabled, "avatar": user.avatar,
        "created_at": user.created_at.to_rfc3339(),
    })
    .to_string()
}

/// The inverse of [`to_json`]; `None` for text that it did not make.
pub fn from_json(text: &str) -> Option<Account> {
    let value: Value = serde_json::from_str(text).ok()?;
    let member = |name: &str| value.get(name)?.as_str().map(str::to_owned);
    Some(Account {
        handle: member("handle")?,
        name: member("name")?,
        password: member("password")?,
        salt: member("salt")?,
        admin: value.get("admin")?.as_bool()?,
        enabled: value.get("enabled")?.as_bool()?,
        avatar: member("avatar")?,
        created_at: DateTime::parse_from_rfc3339(&member("created_at")?)
            .ok()?
            .to_utc(),
    })
}

/// Reads a record of `_storage`.
///
/// # Errors
/// A sentence for the report.
pub fn parse(bytes: &[u8]) -> Result<Stored, String> {
    layout::storage_record(bytes).map_err(|error| format!("not a record of the account store: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_the_originals_bytes() {
        let first = br#"{"key":"user:default-user","value":{"handle":"default-user","name":"User","created":1795371327706,"password":"","admin":true,"enabled":true,"salt":""}}"#;
        let other = br#"{"key":"user:ann","value":{"handle":"ann","name":"Ann \u00e9","created":1795371327706,"password":"aGFzaA==","salt":"c2FsdA==","admin":false,"enabled":false}}"#;
        let other = String::from_utf8_lossy(other)
            .replace("\\u00e9", "é")
            .into_bytes();
        for bytes in [&first[..], &other] {
            let Ok(Stored::Account(account)) = parse(bytes) else {
                panic!("not an account")
            };
            let source = Account::new(account).unwrap();
            let records = records(&source.as_new());
            assert_eq!(records.len(), 1);
            assert_eq!(
                String::from_utf8_lossy(&records[0].1),
                String::from_utf8_lossy(bytes)
            );
            assert_eq!(
                records[0].0,
                storage_file_name(&format!("user:{}", source.handle))
            );
        }
    }

    #[test]
    fn a_handle_that_leaves_the_root_is_refused() {
        for handle in ["", "..", "a/b", "/etc", "_system"] {
            let account = layout::Account {
                handle: handle.to_owned(),
                ..example()
            };
            assert!(Account::new(account).is_err(), "{handle:?}");
        }
    }

    fn example() -> layout::Account {
        let record = br#"{"key":"user:ann","value":{"handle":"ann"}}"#;
        match parse(record) {
            Ok(Stored::Account(account)) => account,
            other => panic!("{other:?}"),
        }
    }
}

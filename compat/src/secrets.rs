//! The secrets document (`secrets.json`): the original's operations on it as functions of the document.
//!
//! Shape: `{"<key>": [{"id", "value", "label", "active"}, …], …}`. What the operations do not touch, unknown keys and
//! members included, stays as it was.

mod keys;

use serde_json::{Map, Value, json};

use crate::json::{self, Error};

pub use self::keys::{KNOWN_KEYS, is_exportable};

/// Marks a document that was converted from the flat form; it holds an empty array and is not a secret.
const MIGRATED: &str = "_migrated";
/// Values up to this many UTF-16 units are masked whole; the mask has this many characters.
const MASK_LENGTH: usize = 10;
/// Units of a longer value left readable at its end.
const MASK_SHOWN: usize = 3;

/// The secrets document of one user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Secrets {
    document: Map<String, Value>,
}

impl Secrets {
    /// Reads the file's bytes.
    ///
    /// # Errors
    /// [`Error::Syntax`] for broken JSON, [`Error::NotStructured`] when it is not an object.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        match json::parse(bytes)? {
            Value::Object(document) => Ok(Self { document }),
            _ => Err(Error::NotStructured),
        }
    }

    /// The file's bytes: four-space JSON, `{}` when empty.
    pub fn to_vec(&self) -> Vec<u8> {
        json::to_vec_pretty(&Value::Object(self.document.clone()))
    }

    /// The secrets under `key`, if it holds any list, even an empty one.
    fn list(&self, key: &str) -> Option<&Vec<Value>> {
        self.document.get(key)?.as_array()
    }

    fn list_mut(&mut self, key: &str) -> Option<&mut Vec<Value>> {
        self.document.get_mut(key)?.as_array_mut()
    }

    /// Adds a secret and makes it the active one of `key`. `id` is a fresh UUID; without `label` it is `Unlabeled`.
    pub fn write(&mut self, key: &str, id: &str, value: &str, label: Option<&Value>) {
        let label = label.cloned().unwrap_or_else(|| Value::from("Unlabeled"));
        let slot = self.document.entry(key).or_insert_with(|| json!([]));
        if !slot.is_array() {
            *slot = json!([]);
        }
        if let Some(list) = slot.as_array_mut() {
            deactivate(list);
            list.push(json!({"id": id, "value": value, "label": label, "active": true}));
        }
    }

    /// Removes the secret `id` of `key`, or the active one without an id. The first of the remaining becomes active
    /// if none is; a key without secrets goes. Returns whether the document must be written.
    pub fn delete(&mut self, key: &str, id: Option<&str>) -> bool {
        let Some(list) = self.list_mut(key) else {
            return false;
        };
        if let Some(index) = list.iter().position(|secret| is_target(secret, id)) {
            list.remove(index);
        }
        if !list.iter().any(is_active) {
            set(list.first_mut(), "active", Value::Bool(true));
        }
        if list.is_empty() {
            self.document.shift_remove(key);
        }
        true
    }

    /// Makes the secret `id` the active one of `key`. Returns false, and changes nothing, when there is none.
    pub fn rotate(&mut self, key: &str, id: &str) -> bool {
        let Some(list) = self.list_mut(key) else {
            return false;
        };
        let Some(index) = list.iter().position(|secret| has_id(secret, id)) else {
            return false;
        };
        deactivate(list);
        set(list.get_mut(index), "active", Value::Bool(true));
        true
    }

    /// Changes the label of the secret `id` of `key`. Returns false, and changes nothing, when there is none.
    pub fn rename(&mut self, key: &str, id: &str, label: &Value) -> bool {
        let Some(list) = self.list_mut(key) else {
            return false;
        };
        let Some(index) = list.iter().position(|secret| has_id(secret, id)) else {
            return false;
        };
        set(list.get_mut(index), "label", label.clone());
        true
    }

    /// The value of the secret `id` of `key`, or of the active one without an id; empty when there is none.
    pub fn value(&self, key: &str, id: Option<&str>) -> String {
        let list = self.list(key).map(Vec::as_slice).unwrap_or_default();
        let secret = list.iter().find(|secret| is_target(secret, id));
        let value = secret
            .and_then(|secret| secret.get("value"))
            .filter(|value| json::js_truthy(value));
        value.map(json::js_string).unwrap_or_default()
    }

    /// The answer of `/api/secrets/read`: every known key, in the original's order, with `null` or its secrets. Values
    /// are masked unless `exposed` (`allowKeysExposure`) or the key is exportable. Unknown keys are left out.
    pub fn state(&self, exposed: bool) -> Map<String, Value> {
        let state = KNOWN_KEYS.iter().map(|&key| {
            let list = self.list(key).filter(|list| !list.is_empty());
            let shown = |list: &Vec<Value>| {
                list.iter()
                    .map(|secret| show(secret, exposed || is_exportable(key)))
                    .collect()
            };
            (key.to_owned(), list.map_or(Value::Null, shown))
        });
        state.collect()
    }

    /// Whether `/api/secrets/find` knows `key`: it is one of the known keys and holds a secret.
    pub fn has(&self, key: &str) -> bool {
        KNOWN_KEYS.contains(&key) && self.list(key).is_some_and(|list| !list.is_empty())
    }

    /// The answer of `/api/secrets/view`: the active value of every key in the document, unknown ones included.
    pub fn active_values(&self) -> Map<String, Value> {
        let keys = self.document.iter().filter(|(key, _)| *key != MIGRATED);
        let active = keys.filter_map(|(key, list)| {
            let secret = list.as_array()?.iter().find(|secret| is_active(secret))?;
            Some((key.clone(), secret.get("value")?.clone()))
        });
        active.collect()
    }

    /// Converts the flat form `{"<key>": "<value>"}` of old versions; `new_id` gives each secret its UUID.
    ///
    /// `None` when there is nothing to convert. Blank values and anything but strings are dropped, as in the original.
    pub fn migrate(&self, mut new_id: impl FnMut() -> String) -> Option<Self> {
        let marked = self.document.get(MIGRATED).is_some_and(json::js_truthy);
        if marked || self.document.is_empty() || self.document.values().any(Value::is_array) {
            return None;
        }
        let mut document = Map::new();
        for (key, value) in &self.document {
            if let Some(text) = value.as_str().filter(|text| !json::js_trim(text).is_empty()) {
                document.insert(
                    key.clone(),
                    json!([{"id": new_id(), "value": text, "label": key, "active": true}]),
                );
            }
        }
        document.insert(MIGRATED.to_owned(), json!([]));
        Some(Self { document })
    }
}

fn is_active(secret: &Value) -> bool {
    secret.get("active").is_some_and(json::js_truthy)
}

fn has_id(secret: &Value, id: &str) -> bool {
    secret.get("id").and_then(Value::as_str) == Some(id)
}

/// An empty id counts as none.
fn is_target(secret: &Value, id: Option<&str>) -> bool {
    match id {
        None | Some("") => is_active(secret),
        Some(id) => has_id(secret, id),
    }
}

fn set(secret: Option<&mut Value>, name: &str, value: Value) {
    if let Some(secret) = secret.and_then(Value::as_object_mut) {
        secret.insert(name.to_owned(), value);
    }
}

fn deactivate(list: &mut [Value]) {
    list.iter_mut()
        .for_each(|secret| set(Some(secret), "active", Value::Bool(false)));
}

/// `{id, value, label, active}` of one secret, absent members left out.
fn show(secret: &Value, plain: bool) -> Value {
    let mut shown = Map::new();
    for name in ["id", "value", "label", "active"] {
        let Some(member) = secret.get(name) else { continue };
        let masked = name == "value" && !plain;
        shown.insert(
            name.to_owned(),
            if masked {
                Value::from(mask(&json::js_string(member)))
            } else {
                member.clone()
            },
        );
    }
    Value::Object(shown)
}

/// Ten asterisks, or seven and the last three units of a value longer than ten.
pub fn mask(value: &str) -> String {
    let units = json::to_utf16(value);
    if units.len() <= MASK_LENGTH {
        return "*".repeat(MASK_LENGTH);
    }
    let shown = json::from_utf16(&units[units.len() - MASK_SHOWN..]);
    format!("{}{shown}", "*".repeat(MASK_LENGTH - MASK_SHOWN))
}

#[cfg(test)]
mod tests;

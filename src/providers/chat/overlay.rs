//! An object under construction that remembers where a key was first mentioned, as JavaScript objects do.

use serde_json::{Map, Value};

/// Body fields in order of first mention; a field without a value holds its place and is not sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Overlay(Vec<(String, Option<Value>)>);

impl Overlay {
    /// Sets a field, keeping its place when it was mentioned before.
    pub(super) fn set(&mut self, key: &str, value: Option<Value>) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Sets a field if there is a value for it.
    pub(super) fn set_some(&mut self, key: &str, value: Option<&Value>) {
        if let Some(value) = value {
            self.set(key, Some(value.clone()));
        }
    }

    /// The value of a field.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.and_then(|(_, value)| value.as_ref())
    }

    /// Forgets a field and its place.
    pub(super) fn remove(&mut self, key: &str) {
        self.0.retain(|(known, _)| known != key);
    }

    /// Whether the field has a value JavaScript calls true.
    pub(super) fn has_truthy(&self, key: &str) -> bool {
        super::js::is_truthy(self.get(key))
    }

    /// Sets every field of `other`, in its order.
    pub(super) fn extend(&mut self, other: Self) {
        for (key, value) in other.0 {
            self.set(&key, value);
        }
    }

    /// The fields that have a value.
    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key, value)))
            .collect()
    }
}

//! Character cards: the rules that turn what a file, a form or an import holds into the card that is stored.
//!
//! Everything works on [`serde_json::Value`] so that keys nobody here knows survive, in their order. An absent key
//! stands for JavaScript's `undefined`. Paths such as `data.extensions.fav` are chains of object keys.

mod attributes;
pub mod book;
pub mod byaf;
pub mod charx;
mod coerce;
mod entry;
mod export;
mod form;
pub mod import;
mod members;
mod naming;
mod validate;

use chrono::{DateTime, Local, Utc};
use serde_json::{Map, Value};

pub use attributes::{FieldError, UNSET, is_defined, merge, merge_update, set_field};
pub use entry::{Entry, entry};
pub use export::{Error as ExportError, to_json, to_png};
pub use form::{DepthPrompt, Form};
pub use naming::{duplicate_names, internal_names};
pub use validate::{Version, validate};

use crate::dates;

/// Top-level key and the path under `data` that replaces it when a V2 or V3 card is read.
const MIRRORED: [(&str, &[&str]); 9] = [
    ("name", &["name"]),
    ("description", &["description"]),
    ("personality", &["personality"]),
    ("scenario", &["scenario"]),
    ("first_mes", &["first_mes"]),
    ("mes_example", &["mes_example"]),
    ("talkativeness", &["extensions", "talkativeness"]),
    ("fav", &["extensions", "fav"]),
    ("tags", &["tags"]),
];

/// A card of any version as the server shows it: V1 (no `spec`) is converted, V2 and V3 are normalised.
///
/// A card without a `create_date` stays without one; [`current_dated`] gives it one.
#[must_use]
pub fn current(card: Value, now: DateTime<Local>) -> Value {
    if card.get("spec").is_some() {
        normalise(card, now)
    } else {
        from_v1(card, now)
    }
}

/// [`current`], where a V1 card without a `create_date` is created now (rename and export).
#[must_use]
pub fn current_dated(card: Value, now: DateTime<Local>) -> Value {
    let is_v1 = card.get("spec").is_none();
    let mut card = current(card, now);
    if let Value::Object(map) = &mut card
        && is_v1
        && !coerce::truthy(map.get("create_date"))
    {
        map.insert("create_date".into(), iso(now).into());
    }
    card
}

/// Normalises a V2 or V3 card: what `data` says replaces the copies at the top level.
///
/// `json_data` is dropped and a missing `chat` is named after `now`. A card without `data` is returned as it is.
///
/// compat: without the extension keys, `talkativeness` and `fav` vanish from the top level instead of taking a default.
#[must_use]
pub fn normalise(card: Value, now: DateTime<Local>) -> Value {
    let Value::Object(mut map) = card else { return card };
    let Some(data) = map.get("data") else {
        return Value::Object(map);
    };
    let empty = Map::new();
    let data = data.as_object().unwrap_or(&empty);
    let values = MIRRORED.map(|(key, path)| (key, mirrored(data, path)));
    map.shift_remove("json_data");
    for (key, value) in values {
        if value.is_some() || key == "talkativeness" || key == "fav" {
            coerce::put(&mut map, key, value);
        }
    }
    if map.get("chat").is_none_or(Value::is_null) {
        let chat = chat_name(map.get("name"), now);
        map.insert("chat".into(), chat.into());
    }
    Value::Object(map)
}

/// compat: a key that is literally called `extensions.fav` wins over the nested one.
fn mirrored(data: &Map<String, Value>, path: &[&str]) -> Option<Value> {
    let literal = if path.len() > 1 {
        data.get(&path.join("."))
    } else {
        None
    };
    literal.or_else(|| coerce::get(data, path)).cloned()
}

/// Converts a V1 card (no `spec`) to V2; unknown keys survive, `create_date` and `chat` are kept.
///
/// compat: only the text `"true"` is a favourite, and `alternate_greetings`, `system_prompt`,
/// `post_history_instructions` and `character_version` of an existing `data` are emptied.
#[must_use]
pub fn from_v1(card: Value, now: DateTime<Local>) -> Value {
    let Value::Object(map) = card else { return card };
    let form = Form::from_v1(&map);
    let chat = map.get("chat").filter(|chat| !chat.is_null()).cloned();
    let chat = chat.unwrap_or_else(|| chat_name(map.get("name"), now).into());
    let mut card = form::apply(&form, map, None, now);
    card.insert("chat".into(), chat);
    Value::Object(card)
}

/// Removes what is not meant to be shared: the favourite mark (both places) and the current chat.
///
/// compat: `data.extensions` is made where it is missing, to hold the mark.
pub fn unset_private(card: &mut Value) {
    let Value::Object(map) = card else { return };
    map.insert("fav".into(), false.into());
    coerce::set(map, &["data", "extensions", "fav"], Some(false.into()));
    map.shift_remove("chat");
}

/// The card under a new name (`POST /api/characters/rename`); `name` is already sanitised.
#[must_use]
pub fn renamed(card: Value, name: &str, now: DateTime<Local>) -> Value {
    let mut card = current_dated(card, now);
    if let Value::Object(map) = &mut card {
        coerce::set(map, &["data", "name"], Some(name.into()));
        map.insert("name".into(), name.into());
    }
    card
}

/// The name of a chat that starts now.
fn chat_name(name: Option<&Value>, now: DateTime<Local>) -> String {
    format!("{} - {}", coerce::text(name), dates::humanized(now))
}

fn iso(now: DateTime<Local>) -> String {
    dates::iso(now.with_timezone(&Utc))
}

#[cfg(test)]
mod tests;

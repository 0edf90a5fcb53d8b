//! The object a card is in the character list (`POST /api/characters/all` and `/get`), made once when it is stored.

use chrono::{DateTime, Local};
use serde_json::{Map, Value, json};

use super::{coerce, current};
use crate::json;

/// A list entry short of what changes without the card: the server appends, to either form,
/// `,"date_added":<ms>,"create_date":"<ISO>","chat_size":<bytes>,"date_last_chat":<ms>}`, leaving out `create_date`
/// when [`Entry::has_create_date`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// All keys of the card and the added ones, as a JSON object without its closing brace.
    pub full: Vec<u8>,
    /// The few keys of a lazily loaded list, as a JSON object without its closing brace.
    pub shallow: Vec<u8>,
    /// The card's name as text; `""` when it has none.
    pub name: String,
    /// The sum of the lengths, in UTF-16 units, of the values of `data` as text.
    pub data_size: u64,
    /// Whether the card states a creation date; otherwise the file's change time takes its place.
    pub has_create_date: bool,
    /// Whether `/all` shows the card. compat: a card without a name is left out there, while `/get` returns it.
    pub listed: bool,
}

/// Keys that the server appends, or that only an old version of the card's own text could hold.
const APPENDED: [&str; 3] = ["date_added", "chat_size", "date_last_chat"];

/// Makes the entry of a card from the text stored in its PNG. `avatar` is the card's file name, with `.png`.
///
/// `None` for a card that cannot be shown: not JSON, no object, or with `"data": null`. The original leaves it out of
/// `/all` and answers `/get` with `{"date_added":0,"date_last_chat":0,"chat_size":0}`.
///
/// A card without a `chat` gets one named after `now`. The original invents another name on every request; one name
/// per stored version is as good to the frontend, which keeps the name it sees once the chat is saved, and lets the
/// entry be made once.
#[must_use]
pub fn entry(card_json: &[u8], avatar: &str, now: DateTime<Local>) -> Option<Entry> {
    let card = json::parse(card_json).ok().filter(Value::is_object)?;
    // compat: converting a V1 card without a name leaves an `undefined` in `data`, whose nine letters count.
    let undefined_name = card.get("spec").is_none() && card.get("name").is_none();
    let Value::Object(mut card) = current(card, now) else {
        return None;
    };
    let data_size = data_size(card.get("data"))? + if undefined_name { 9 } else { 0 };
    let has_create_date = coerce::truthy(card.get("create_date"));
    if !has_create_date {
        card.shift_remove("create_date");
    }
    for key in APPENDED {
        card.shift_remove(key);
    }
    let listed = coerce::truthy(card.get("name"));
    let name = card
        .get("name")
        .filter(|_| listed)
        .map(json::js_string)
        .unwrap_or_default();
    card.insert("avatar".into(), value_text(avatar).into());
    card.insert("data_size".into(), data_size.into());
    let shallow = open_object(shallow(&card));
    card.insert(
        "json_data".into(),
        value_text(&String::from_utf8_lossy(card_json)).into(),
    );
    let name = json::lossy(&name).into_owned();
    Some(Entry {
        full: open_object(card),
        shallow,
        name,
        data_size,
        has_create_date,
        listed,
    })
}

/// `None` for `null`, which the original cannot measure.
fn data_size(data: Option<&Value>) -> Option<u64> {
    let length = |value: &Value| json::utf16_len(&json::js_string(value)) as u64;
    match data {
        Some(Value::Null) => None,
        Some(Value::Object(map)) => Some(map.values().map(length).sum()),
        Some(Value::Array(list)) => Some(list.iter().map(length).sum()),
        _ => Some(0),
    }
}

fn shallow(card: &Map<String, Value>) -> Map<String, Value> {
    let inner = |path: &[&str], default: Value| {
        let data = card.get("data").and_then(Value::as_object);
        data.and_then(|data| coerce::get(data, path))
            .cloned()
            .unwrap_or(default)
    };
    let mut out = Map::new();
    out.insert("shallow".into(), true.into());
    for key in [
        "name",
        "avatar",
        "chat",
        "fav",
        "create_date",
        "data_size",
        "tags",
    ] {
        coerce::put(&mut out, key, card.get(key).cloned());
    }
    let data = json!({
        "name": inner(&["name"], json!("")),
        "character_version": inner(&["character_version"], json!("")),
        "creator": inner(&["creator"], json!("")),
        "creator_notes": inner(&["creator_notes"], json!("")),
        "tags": inner(&["tags"], json!([])),
        "extensions": {
            "fav": inner(&["extensions", "fav"], json!(false)),
            "world": inner(&["extensions", "world"], json!("")),
        },
    });
    out.insert("data".into(), data);
    out
}

/// A JSON object without its closing brace. Never empty, so that a comma may follow.
fn open_object(map: Map<String, Value>) -> Vec<u8> {
    let mut bytes = json::to_vec(&Value::Object(map));
    bytes.pop();
    bytes
}

/// Text from outside JSON as a value: characters that stand for lone surrogates there must be marked as genuine.
fn value_text(text: &str) -> String {
    // Only characters of the last plane are marked, and all of them start with this byte.
    if !text.as_bytes().contains(&0xF4) {
        return text.to_owned();
    }
    json::from_utf16(&text.encode_utf16().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;

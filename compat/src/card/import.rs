//! Foreign files as cards (`POST /api/characters/import`): parsed content in, the card to store out.

use chrono::{DateTime, Local};
use serde_json::{Map, Value, json};

use super::coerce::{or_nullish, truthy};
use super::{chat_name, from_v1, iso, normalise, unset_private};
use crate::{buffer, json, names};

/// The sentence that old editors left in the notes.
const NOTES_PLACEHOLDER: &str = "Creator's notes go here.";

/// A card made from an import.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The card to store.
    pub card: Value,
    /// What [`super::internal_names`] starts from when no name is preserved; sanitised. May be empty: the original
    /// then writes `.png` and answers 400.
    pub name: String,
    /// Pictures that travelled inside the card.
    pub sprites: Option<Sprites>,
}

/// Pictures of a RisuAI card; they go to the sprites folder of the character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sprites {
    /// The folder, made even when there is no picture to put in it.
    pub folder: String,
    /// The pictures, additional assets before emotions. One whose label is the base name of a file that was in the
    /// folder before is not written.
    pub images: Vec<Sprite>,
}

/// One picture of a RisuAI card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sprite {
    /// The label, as given.
    pub label: String,
    /// `<label>.png`, sanitised.
    pub file_name: String,
    /// The decoded picture, not checked.
    pub bytes: Vec<u8>,
}

/// Why content cannot be imported; the reply to each is 200 `{"error":true}`.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The name is missing or not a text.
    #[error("the card's name is not a text")]
    Name,
    /// `creator_notes` is not a text.
    #[error("the card's creator notes are not a text")]
    Notes,
    /// The content is no object.
    #[error("the card is not an object")]
    NotObject,
    /// The card of a CharX archive has no `spec`.
    #[error("the card has no spec")]
    NoSpec,
}

/// The content of a JSON file: a V2 or V3 card (has `spec`), a V1 card (`name`) or a Pygmalion one (`char_name`).
///
/// `None` when it is none of them (400).
///
/// # Errors
/// See [`Error`].
pub fn from_json(content: Value, now: DateTime<Local>) -> Result<Option<Imported>, Error> {
    let map = match content {
        Value::Object(map) => map,
        Value::Null => return Err(Error::NotObject),
        _ => return Ok(None),
    };
    if map.contains_key("spec") {
        let mut card = Value::Object(map);
        let sprites = take_sprites(&mut card);
        unset_private(&mut card);
        sanitise_names(&mut card)?;
        let card = finished(card, now);
        // The name in `data` has replaced the top one by now, even where it is empty.
        let name = file_name(card.get("name"))?;
        return Ok(Some(Imported { card, name, sprites }));
    }
    if map.contains_key("name") {
        return from_legacy(&map, "name", &V1_KEYS, now).map(Some);
    }
    if map.contains_key("char_name") {
        return from_legacy(&map, "char_name", &PYGMALION_KEYS, now).map(Some);
    }
    Ok(None)
}

/// The card of a PNG file, of any version.
///
/// # Errors
/// See [`Error`].
pub fn from_png(content: Value, now: DateTime<Local>) -> Result<Imported, Error> {
    let mut card = content;
    sanitise_names(&mut card)?;
    let map = card.as_object().ok_or(Error::NotObject)?;
    if !map.contains_key("spec") {
        return from_legacy(map, "name", &V1_KEYS, now);
    }
    let name = file_name(map.get("name"))?;
    let sprites = take_sprites(&mut card);
    unset_private(&mut card);
    Ok(Imported {
        card: finished(card, now),
        name,
        sprites,
    })
}

/// The content of a YAML file: `name`, `context` (description) and `greeting` (first message).
///
/// # Errors
/// See [`Error`].
pub fn from_yaml(content: &Value, now: DateTime<Local>) -> Result<Imported, Error> {
    let map = content.as_object().ok_or(Error::NotObject)?;
    let name = sanitised(map.get("name"))?;
    let card = json!({
        "name": name,
        "description": or_nullish(map.get("context"), ""),
        "first_mes": or_nullish(map.get("greeting"), ""),
        "create_date": iso(now),
        "chat": chat_name(Some(&Value::from(name.as_str())), now),
        "personality": "",
        "creatorcomment": "",
        "avatar": "none",
        "mes_example": "",
        "scenario": "",
        "talkativeness": 0.5,
        "creator": "",
        "tags": "",
    });
    Ok(Imported {
        card: from_v1(card, now),
        name: file_text(&name),
        sprites: None,
    })
}

/// The `card.json` of a CharX archive. Assets are the archive's business; their folder is the card's name.
///
/// compat: unlike in other imports the card is left without a `chat`.
///
/// # Errors
/// See [`Error`].
pub fn from_charx(content: Value, now: DateTime<Local>) -> Result<Imported, Error> {
    if content.get("spec").is_none() {
        return Err(if content.is_null() {
            Error::NotObject
        } else {
            Error::NoSpec
        });
    }
    let mut card = content;
    sanitise_names(&mut card)?;
    let mut card = normalise(card, now);
    unset_private(&mut card);
    stamp(&mut card, now);
    let name = file_name(card.get("name"))?;
    Ok(Imported {
        card,
        name,
        sprites: None,
    })
}

/// Takes the pictures out of a RisuAI card (`data.extensions.risuai`); `None` when there are none.
///
/// compat: at an entry that is no pair, or has no usable name, the rest is left out and the card keeps all its pictures.
pub fn take_sprites(card: &mut Value) -> Option<Sprites> {
    let data = card.get_mut("data")?;
    let folder = file_text(&names::sanitize(data.get("name")?.as_str()?));
    let risu = data.get_mut("extensions")?.get_mut("risuai")?.as_object_mut()?;
    let lists = ["additionalAssets", "emotions"].map(|key| risu.get(key).and_then(Value::as_array));
    let entries: Vec<&Value> = lists.into_iter().flatten().flatten().collect();
    if folder.is_empty() || entries.is_empty() {
        return None;
    }
    let total = entries.len();
    let images: Vec<Sprite> = entries.into_iter().map_while(sprite).collect();
    if images.len() == total {
        risu.shift_remove("additionalAssets");
        risu.shift_remove("emotions");
    }
    Some(Sprites { folder, images })
}

fn sprite(entry: &Value) -> Option<Sprite> {
    let [label, bytes] = match entry {
        Value::Array(pair) => [
            super::coerce::text(pair.first()),
            pair.get(1).map_or_else(String::new, json::js_string),
        ],
        // compat: a text is a pair of characters.
        Value::String(text) => {
            let mut chars = text.chars().map(String::from);
            [
                chars.next().unwrap_or_else(|| "undefined".to_owned()),
                chars.next().unwrap_or_default(),
            ]
        }
        _ => return None,
    };
    let label = json::lossy(&label).into_owned();
    // A name of which nothing is left cannot be written.
    let file_name = Some(names::sanitize(&format!("{label}.png"))).filter(|name| !name.is_empty())?;
    Some(Sprite {
        file_name,
        bytes: buffer::from_base64(bytes.as_bytes()),
        label,
    })
}

/// Sanitises `data.name` and gives the top level that name; without one, or when nothing is left of it, its own.
fn sanitise_names(card: &mut Value) -> Result<(), Error> {
    let map = card.as_object_mut().ok_or(Error::NotObject)?;
    if inner_name(map).is_some() {
        let name = sanitised(inner_name(map))?;
        super::coerce::set(map, &["data", "name"], Some(name.into()));
    }
    let name = sanitised(inner_name(map).or_else(|| map.get("name")))?;
    map.insert("name".into(), name.into());
    Ok(())
}

fn inner_name(map: &Map<String, Value>) -> Option<&Value> {
    map.get("data")
        .and_then(|data| data.get("name"))
        .filter(|name| truthy(Some(name)))
}

fn sanitised(name: Option<&Value>) -> Result<String, Error> {
    name.and_then(Value::as_str)
        .map(names::sanitize)
        .ok_or(Error::Name)
}

fn file_name(name: Option<&Value>) -> Result<String, Error> {
    sanitised(name).map(|name| file_text(&name))
}

/// A name as a file system takes it: lone surrogates become U+FFFD.
fn file_text(name: &str) -> String {
    json::lossy(name).into_owned()
}

fn finished(card: Value, now: DateTime<Local>) -> Value {
    let mut card = normalise(card, now);
    stamp(&mut card, now);
    card
}

fn stamp(card: &mut Value, now: DateTime<Local>) {
    if let Value::Object(map) = card {
        map.insert("create_date".into(), iso(now).into());
    }
}

/// Where an old format keeps the texts of a card; `""` for a text it does not have.
struct LegacyKeys {
    description: &'static str,
    personality: &'static str,
    first_mes: &'static str,
    mes_example: &'static str,
    scenario: &'static str,
}

const V1_KEYS: LegacyKeys = LegacyKeys {
    description: "description",
    personality: "personality",
    first_mes: "first_mes",
    mes_example: "mes_example",
    scenario: "scenario",
};

const PYGMALION_KEYS: LegacyKeys = LegacyKeys {
    description: "char_persona",
    personality: "",
    first_mes: "char_greeting",
    mes_example: "example_dialogue",
    scenario: "world_scenario",
};

/// A card without `spec`: known keys only, then converted to V2.
///
/// compat: the chat of a Pygmalion card is named after `name`, which it lacks: `undefined - <date>`.
fn from_legacy(
    map: &Map<String, Value>,
    name_key: &str,
    keys: &LegacyKeys,
    now: DateTime<Local>,
) -> Result<Imported, Error> {
    let name = sanitised(map.get(name_key))?;
    let chat_owner = if name_key == "name" {
        Some(Value::from(name.as_str()))
    } else {
        None
    };
    let text = |key: &str| {
        if key.is_empty() {
            Value::from("")
        } else {
            or_nullish(map.get(key), "")
        }
    };
    let notes = match map.get("creator_notes") {
        Some(Value::String(notes)) => Some(Value::from(notes.replacen(NOTES_PLACEHOLDER, "", 1))),
        notes if truthy(notes) => return Err(Error::Notes),
        notes => notes.cloned(),
    };
    let card = json!({
        "name": name,
        "description": text(keys.description),
        "creatorcomment": or_nullish(map.get("creatorcomment"), or_nullish(notes.as_ref(), "")),
        "personality": text(keys.personality),
        "first_mes": text(keys.first_mes),
        "avatar": "none",
        "chat": chat_name(chat_owner.as_ref(), now),
        "mes_example": text(keys.mes_example),
        "scenario": text(keys.scenario),
        "create_date": iso(now),
        "talkativeness": or_nullish(map.get("talkativeness"), 0.5),
        "creator": text("creator"),
        "tags": text("tags"),
    });
    Ok(Imported {
        card: from_v1(card, now),
        name: file_text(&name),
        sprites: None,
    })
}

#[cfg(test)]
mod tests;

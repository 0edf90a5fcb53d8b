//! BYAF archives (Backyard AI): a ZIP of a manifest, a character, its pictures, and scenarios that become chats.

mod card;
mod chat;

use chrono::{DateTime, Local};
use serde_json::{Map, Value};

use super::coerce::truthy;
use super::members::by_suffix;
use crate::zip::{Archive, Limits, ZipError};
use crate::{json, names};

pub use self::chat::chat_file_name;

/// What a BYAF archive holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Byaf {
    /// The card to store, with a `chat` that stands for none yet.
    pub card: Value,
    /// The pictures of the character, the first one its avatar. Empty when there are none.
    pub images: Vec<Image>,
    /// The scenarios, at least one; each is a chat.
    pub scenarios: Vec<Scenario>,
    /// The pictures behind the scenarios, each once.
    pub backgrounds: Vec<Background>,
    character: Value,
}

/// A picture of the character.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Its content, not checked.
    pub bytes: Vec<u8>,
    file_name: String,
    label: Value,
}

/// A picture behind a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct Background {
    /// Its content, not checked.
    pub bytes: Vec<u8>,
    /// What the scenarios call it; texts, if all is well.
    paths: Vec<Value>,
}

/// A scenario: how a chat begins, and its messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario(Value);

/// Why a file is no BYAF card.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive cannot be read.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// A file that has to be in the archive is not.
    #[error("the archive has no {0}")]
    Missing(&'static str),
    /// A file is not JSON.
    #[error(transparent)]
    Json(#[from] json::Error),
    /// A value is not of the kind that it has to be.
    #[error("unexpected {0}")]
    Shape(&'static str),
}

/// Reads a BYAF file.
///
/// compat: only the first character is read; scenarios and pictures that are missing or broken are left out.
///
/// # Errors
/// See [`Error`]. More scenarios or pictures than `limits.entries` count as too many entries.
pub fn read(file: &[u8], limits: Limits, now: DateTime<Local>) -> Result<Byaf, Error> {
    let mut archive = Archive::open(file, limits)?.ignoring_checksums();
    let manifest = by_suffix(&mut archive, "manifest.json")?.ok_or(Error::Missing("manifest.json"))?;
    let manifest = json::parse(&manifest)?;
    if !manifest.is_object() {
        return Err(Error::Shape("manifest"));
    }
    let path = manifest
        .get("characters")
        .and_then(Value::as_array)
        .and_then(|characters| characters.first())
        .filter(|path| truthy(Some(path)))
        .ok_or(Error::Missing("character"))?;
    let character = by_suffix(&mut archive, &json::js_string(path))?.ok_or(Error::Missing("character"))?;
    let character = json::parse(&character)?;
    let scenarios = scenarios(&mut archive, &manifest, limits)?;
    let images = images(&mut archive, &character, path, limits)?;
    let card = card::card(&manifest, &character, &scenarios, now)?;
    let backgrounds = backgrounds(&mut archive, &scenarios)?;
    Ok(Byaf {
        card,
        images,
        scenarios,
        backgrounds,
        character,
    })
}

impl Byaf {
    /// What [`super::internal_names`] starts from when no name is preserved; sanitised. May be empty.
    ///
    /// # Errors
    /// The character has no name that is a text.
    pub fn internal_name(&self) -> Result<String, Error> {
        if self.character.is_null() {
            return Err(Error::Shape("character"));
        }
        let shown = self
            .character
            .get("displayName")
            .filter(|name| truthy(Some(name)));
        shown
            .or_else(|| self.card.get("name"))
            .and_then(Value::as_str)
            .map(|name| names::sanitize_with(&json::lossy(name), "_"))
            .ok_or(Error::Shape("name"))
    }

    /// The folder of the character's further pictures: its sanitised name. May be empty.
    ///
    /// # Errors
    /// The name is no text.
    pub fn folder(&self) -> Result<String, Error> {
        let name = self.card.get("name").and_then(Value::as_str);
        name.map(names::sanitize).ok_or(Error::Shape("name"))
    }
}

impl Image {
    /// What its file name is made of: the sanitised label, and the extension with its dot.
    ///
    /// # Errors
    /// The label is no text.
    pub fn base_name(&self) -> Result<(String, String), Error> {
        let label = match &self.label {
            Value::String(label) => names::sanitize_with(&json::lossy(label), "_"),
            label if truthy(Some(label)) => return Err(Error::Shape("label")),
            _ => String::new(),
        };
        let label = if label.is_empty() { "alt".to_owned() } else { label };
        Ok((label, extension(&self.file_name)))
    }
}

impl Background {
    /// The extension of its file, with the dot.
    ///
    /// # Errors
    /// Its path is no text.
    pub fn extension(&self) -> Result<String, Error> {
        let path = self.paths.first().and_then(Value::as_str);
        path.map(extension).ok_or(Error::Shape("background"))
    }
}

fn extension(path: &str) -> String {
    match names::extension(path) {
        "" => ".png".to_owned(),
        extension => json::lossy(extension).into_owned(),
    }
}

/// compat: no scenario at all is one empty scenario.
fn scenarios(archive: &mut Archive<'_>, manifest: &Value, limits: Limits) -> Result<Vec<Scenario>, Error> {
    let paths = manifest.get("scenarios").and_then(Value::as_array);
    let paths = paths.map_or(&[][..], Vec::as_slice);
    within(paths, limits)?;
    let mut scenarios = Vec::new();
    for path in paths {
        let text = by_suffix(archive, &json::js_string(path))?;
        if let Some(Ok(scenario)) = text.map(|text| json::parse(&text)) {
            scenarios.push(Scenario(scenario));
        }
    }
    if scenarios.is_empty() {
        scenarios.push(Scenario(Value::Object(Map::new())));
    }
    Ok(scenarios)
}

fn images(
    archive: &mut Archive<'_>,
    character: &Value,
    character_path: &Value,
    limits: Limits,
) -> Result<Vec<Image>, Error> {
    let listed = character.get("images").and_then(Value::as_array);
    let listed = listed.map_or(&[][..], Vec::as_slice);
    within(listed, limits)?;
    let mut images = Vec::new();
    for image in listed {
        let Some(path) = image.get("path").filter(|path| truthy(Some(path))) else {
            continue;
        };
        let path = path.as_str().ok_or(Error::Shape("picture path"))?;
        let character_path = character_path.as_str().ok_or(Error::Shape("character path"))?;
        if let Some(bytes) = by_suffix(archive, &beside(character_path, path))? {
            images.push(Image {
                bytes,
                file_name: names::file_name(path).to_owned(),
                label: image.get("label").cloned().unwrap_or_default(),
            });
        }
    }
    Ok(images)
}

fn within(list: &[Value], limits: Limits) -> Result<(), ZipError> {
    if list.len() > limits.entries {
        return Err(ZipError::TooManyEntries {
            found: list.len(),
            limit: limits.entries,
        });
    }
    Ok(())
}

/// `path` in the folder of another file.
///
/// compat: a file at the top lies in `.`, which no name in an archive begins with.
fn beside(file: &str, path: &str) -> String {
    let file = file.trim_end_matches('/');
    let folder = match file.rsplit_once('/') {
        Some((folder, _)) => folder.trim_end_matches('/'),
        None => ".",
    };
    format!("{folder}/{}", path.trim_start_matches('/'))
}

/// The pictures behind the scenarios; equal ones once.
fn backgrounds(archive: &mut Archive<'_>, scenarios: &[Scenario]) -> Result<Vec<Background>, Error> {
    let mut backgrounds: Vec<Background> = Vec::new();
    for scenario in scenarios {
        let Some(path) = scenario
            .0
            .get("backgroundImage")
            .filter(|path| truthy(Some(path)))
        else {
            continue;
        };
        let Some(bytes) = by_suffix(archive, &json::js_string(path))? else {
            continue;
        };
        match backgrounds.iter_mut().find(|known| known.bytes == bytes) {
            Some(known) => known.paths.push(path.clone()),
            None => backgrounds.push(Background {
                bytes,
                paths: vec![path.clone()],
            }),
        }
    }
    Ok(backgrounds)
}

#[cfg(test)]
mod tests;

//! Chat files: JSON Lines whose every byte is kept.
//!
//! A chat is the list of its lines. [`split`] and [`join`] are each other's inverse for any bytes: carriage returns,
//! byte order marks, blank or broken lines and a final line feed are all part of the list. What the original derives
//! from a line is computed here without changing it.

pub mod import;
mod info;
mod readline;
mod search;

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::json;

pub use self::info::{LastLine, Owner, Summary, Summing, info_json, preview, search_json};
pub use self::search::{Query, fold};

/// Why a chat could not be read as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line or a file is not JSON.
    #[error(transparent)]
    Json(#[from] json::Error),
    /// A line has the wrong shape for the export or the import.
    #[error("unexpected shape: {0}")]
    Shape(&'static str),
    /// The file is none of the known chat formats.
    #[error("not a chat in any known format")]
    UnknownFormat,
}

/// The lines of a file: what stands between line feeds. Never empty; an empty file is one empty line.
pub fn split(file: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', file) {
        lines.push(&file[start..end]);
        start = end + 1;
    }
    lines.push(&file[start..]);
    lines
}

/// The file of some lines, the inverse of [`split`].
pub fn join<T: AsRef<[u8]>>(lines: &[T]) -> Vec<u8> {
    let size = lines.iter().map(|line| line.as_ref().len() + 1).sum();
    let mut file = Vec::with_capacity(size);
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            file.push(b'\n');
        }
        file.extend_from_slice(line.as_ref());
    }
    file
}

/// What is stored beside a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineFacts {
    /// The line parses as JSON and is not `null`, `false`, `0` or `""`: `/api/chats/get` answers with it.
    pub kept: bool,
    /// The message text as search looks at it ([`fold`]); `None` for a line without one.
    pub search: Option<String>,
}

impl LineFacts {
    /// Looks at one line.
    pub fn of(line: &[u8]) -> Self {
        let text = decode(line);
        let Some(token) = valid_token(&text).filter(|token| json::truthy(token)) else {
            return Self::default();
        };
        let [mes] = json::fields(token, ["mes"]);
        let search = mes
            .filter(|mes| json::truthy(mes))
            .and_then(text_of)
            .map(|mes| fold(&mes));
        Self {
            kept: true,
            search: search.filter(|mes| !mes.is_empty()),
        }
    }
}

/// Bytes as the original decodes them: U+FFFD for what is not UTF-8.
fn decode(line: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(line)
}

/// The JSON value of a line without the white space around it; `None` when `JSON.parse` would refuse.
fn valid_token(text: &str) -> Option<&str> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    Some(text.trim_matches([' ', '\t', '\r', '\n']))
}

/// `String(value)` of a token.
fn text_of(token: &str) -> Option<String> {
    json::decode(token).or_else(|| Some(json::js_string(&json::parse(token.as_bytes()).ok()?)))
}

/// Whether a save may go ahead: the integrity rule of `/api/chats/save` and `/api/chats/group/save`.
///
/// `incoming` is the JSON of the first element of the chat to save. `stored` is the first line of the file to be
/// replaced, without its line feed, and `size` the file's bytes; a missing file is `(None, 0)`. False means status 400
/// with `{"error":"integrity"}`.
pub fn integrity_holds(incoming: Option<&str>, stored: Option<&[u8]>, size: u64) -> bool {
    let Some(slug) = incoming.and_then(valid_token).and_then(integrity) else {
        return true;
    };
    let Some(stored) = stored.filter(|_| size > 0) else {
        return true;
    };
    let line = readline::pieces(stored, true)
        .first()
        .copied()
        .unwrap_or_default();
    let text = decode(line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line));
    match valid_token(&text).filter(|token| token.starts_with('{')) {
        None => false,
        Some(header) => integrity(header).is_none_or(|stored| strictly_equal(stored, slug)),
    }
}

/// The truthy `chat_metadata.integrity` of a header.
fn integrity(header: &str) -> Option<&str> {
    let [metadata] = json::fields(header, ["chat_metadata"]);
    let [integrity] = json::fields(metadata?, ["integrity"]);
    integrity.filter(|token| json::truthy(token))
}

/// `a === b` of two parsed tokens: never for arrays and objects.
fn strictly_equal(a: &str, b: &str) -> bool {
    match (json::decode(a), json::decode(b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => a == b,
            _ => a == b && a == "true",
        },
        _ => false,
    }
}

/// The text form of `/api/chats/export`: `<name>: <text>` and a blank line for each message that is not hidden.
/// The result is a string of the value level (see [`crate::json`]).
///
/// # Errors
/// A line that is not JSON, a blank one included, or whose text is not a string (the original crashes on both).
pub fn export_text(file: &[u8]) -> Result<String, Error> {
    let mut out = String::new();
    for line in readline::lines(file) {
        let line = json::parse(line)?;
        if line.is_null() {
            return Err(Error::Shape("a line is null"));
        }
        let truthy = |value: Option<&serde_json::Value>| value.is_some_and(json::js_truthy);
        if truthy(line.get("is_system")) || !truthy(line.get("mes")) {
            continue;
        }
        let shown = line
            .get("extra")
            .and_then(|extra| extra.get("display_text"))
            .filter(|text| json::js_truthy(text));
        let text = shown.or(line.get("mes")).and_then(serde_json::Value::as_str);
        let text = text
            .ok_or(Error::Shape("a message text is not a string"))?
            .replace("\r\n", "\n");
        let name = line
            .get("name")
            .map_or_else(|| "undefined".to_owned(), json::js_string);
        out.push_str(&format!("{name}: {text}\n\n"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests;

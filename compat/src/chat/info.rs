//! What chat lists show of a chat: `ChatInfo` and the results of a search.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{decode, readline, valid_token};
use crate::{dates, json, names, sizes};

const EMPTY_CHAT: &str = "\"[The chat is empty]\"";
const EMPTY_MESSAGE: &str = "\"[The message is empty]\"";
/// Longest preview, in UTF-16 units.
const PREVIEW_LENGTH: usize = 400;

/// What lists need to know of a chat's lines; kept beside the chat so that lists need not read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Messages in the file as the original counts them.
    pub chat_items: usize,
    /// The last line.
    pub last: LastLine,
    /// JSON text of the header's `chat_metadata`, if that is an object or an array.
    pub metadata: Option<String>,
}

/// The last line of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastLine {
    /// There is none, or it is blank: the chat counts as empty.
    Blank,
    /// Not JSON, or without name, character_name and chat_metadata.
    Broken,
    /// A message or a header; both members are JSON text of truthy values.
    Message {
        /// `mes`.
        mes: Option<String>,
        /// `send_date`.
        send_date: Option<String>,
    },
}

impl Summary {
    /// Sums a chat's lines up, as `getChatInfo` of the original does.
    pub fn of(lines: &[&[u8]]) -> Self {
        let ended = |index: usize| index + 1 < lines.len();
        let counts = lines
            .iter()
            .enumerate()
            .map(|(index, line)| readline::pieces(line, ended(index)).len());
        let count: usize = counts.sum();
        let first = lines
            .first()
            .and_then(|line| readline::pieces(line, ended(0)).first().copied());
        let last = lines
            .iter()
            .enumerate()
            .rev()
            .find_map(|(index, line)| readline::pieces(line, ended(index)).pop());
        Self::put_together(count, last, first.and_then(metadata))
    }

    fn put_together(count: usize, last: Option<&[u8]>, metadata: Option<String>) -> Self {
        let last = last.map_or(LastLine::Blank, last_line);
        let chat_items = match last {
            LastLine::Blank => 0,
            LastLine::Broken => count.saturating_sub(2),
            LastLine::Message { .. } => count.saturating_sub(1),
        };
        Self {
            chat_items,
            last,
            metadata,
        }
    }

    /// The form in which a summary is kept; [`from_stored`](Self::from_stored) reads it.
    pub fn to_stored(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a summary is plain data")
    }

    /// Reads [`to_stored`](Self::to_stored)'s bytes.
    ///
    /// # Errors
    /// The bytes are something else.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, json::Error> {
        Ok(serde_json::from_slice(bytes)?)
    }

    fn mes(&self) -> &str {
        match &self.last {
            LastLine::Blank => EMPTY_CHAT,
            LastLine::Broken => EMPTY_MESSAGE,
            LastLine::Message { mes, .. } => mes.as_deref().unwrap_or(EMPTY_MESSAGE),
        }
    }

    fn last_mes(&self, modified: DateTime<Utc>) -> String {
        match &self.last {
            LastLine::Blank | LastLine::Broken => dates::millis_text(modified),
            LastLine::Message {
                send_date: Some(date),
                ..
            } => date.clone(),
            LastLine::Message { send_date: None, .. } => quote(&dates::iso_rounded(modified)),
        }
    }
}

/// A [`Summary`] of lines that come one after another, for a chat that is never in memory as a whole.
#[derive(Debug, Default)]
pub struct Summing {
    begun: bool,
    count: usize,
    metadata: Option<String>,
    last: Option<Vec<u8>>,
}

impl Summing {
    /// Takes the next line; `ended` says that a line feed follows it.
    pub fn add(&mut self, line: &[u8], ended: bool) {
        let pieces = readline::pieces(line, ended);
        if !std::mem::replace(&mut self.begun, true) {
            self.metadata = pieces.first().copied().and_then(metadata);
        }
        self.count += pieces.len();
        if let Some(piece) = pieces.last() {
            let last = self.last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(piece);
        }
    }

    /// The summary of all lines.
    #[must_use]
    pub fn finish(self) -> Summary {
        Summary::put_together(self.count, self.last.as_deref(), self.metadata)
    }
}

fn last_line(line: &[u8]) -> LastLine {
    if line.is_empty() {
        return LastLine::Blank;
    }
    let text = decode(line);
    let Some(token) = valid_token(&text) else {
        return LastLine::Broken;
    };
    let found = json::fields(
        token,
        ["name", "character_name", "chat_metadata", "mes", "send_date"],
    );
    let [name, character, metadata, mes, date] = found.map(|value| value.filter(|value| json::truthy(value)));
    if name.or(character).or(metadata).is_none() {
        return LastLine::Broken;
    }
    LastLine::Message {
        mes: mes.map(normal),
        send_date: date.map(normal),
    }
}

fn metadata(header: &[u8]) -> Option<String> {
    let text = decode(header);
    let [metadata] = json::fields(valid_token(&text)?, ["chat_metadata"]);
    metadata.filter(|token| token.starts_with(['{', '['])).map(normal)
}

/// A value as `JSON.stringify(JSON.parse(token))`; as it stands, without white space, when it is nested too deep.
fn normal(token: &str) -> String {
    let text = match json::parse(token.as_bytes()) {
        Ok(value) => json::to_vec(&value),
        Err(_) => json::minify(token.as_bytes()).into_owned(),
    };
    String::from_utf8_lossy(&text).into_owned()
}

fn quote(text: &str) -> String {
    String::from_utf8_lossy(&json::to_vec(&Value::from(text))).into_owned()
}

/// Whose chat a `ChatInfo` is about, as `/api/chats/recent` tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Owner<'a> {
    /// Not told.
    Unnamed,
    /// The card's file name.
    Avatar(&'a str),
    /// The group's id as it stands in the group document.
    Group(&'a Value),
}

/// The JSON of a `ChatInfo`. `size` in bytes; `with_metadata` adds `chat_metadata` where the header has it.
///
/// Source: `/api/chats/recent`, `/api/chats/group/info`, `/api/characters/chats`, `/api/backups/chat/get`.
pub fn info_json(
    summary: &Summary,
    file_name: &str,
    size: u64,
    modified: DateTime<Utc>,
    owner: Owner<'_>,
    with_metadata: bool,
) -> Vec<u8> {
    let mut out = format!(
        r#"{{"match":{},"file_id":{},"file_name":{},"file_size":"{}","chat_items":{},"mes":{},"last_mes":{}"#,
        summary.last != LastLine::Blank,
        quote(names::base_name(file_name)),
        quote(file_name),
        sizes::file_size(size),
        summary.chat_items,
        summary.mes(),
        summary.last_mes(modified),
    );
    match owner {
        Owner::Unnamed => {}
        Owner::Avatar(avatar) => out.push_str(&format!(r#","avatar":{}"#, quote(avatar))),
        Owner::Group(id) => out.push_str(&format!(
            r#","group":{}"#,
            String::from_utf8_lossy(&json::to_vec(id))
        )),
    }
    if let Some(metadata) = summary.metadata.as_deref().filter(|_| with_metadata) {
        out.push_str(&format!(r#","chat_metadata":{metadata}"#));
    }
    out.push('}');
    out.into_bytes()
}

/// The JSON of one result of `/api/chats/search`.
pub fn search_json(summary: &Summary, file_name: &str, size: u64, modified: DateTime<Utc>) -> Vec<u8> {
    let text = format!(
        r#"{{"file_name":{},"file_size":"{}","message_count":{},"last_mes":{},"preview_message":{}}}"#,
        quote(names::base_name(file_name)),
        sizes::file_size(size),
        summary.chat_items,
        summary.last_mes(modified),
        preview(summary.mes()),
    );
    text.into_bytes()
}

/// The preview of a `mes`, both as JSON text: the last 400 UTF-16 units behind `...`; short texts and values that are
/// no text as they are.
pub fn preview(mes: &str) -> String {
    let Some(text) = json::decode(mes) else {
        return mes.to_owned();
    };
    let units = json::to_utf16(&text);
    if units.len() <= PREVIEW_LENGTH {
        return mes.to_owned();
    }
    quote(&format!(
        "...{}",
        json::from_utf16(&units[units.len() - PREVIEW_LENGTH..])
    ))
}

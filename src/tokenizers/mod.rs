//! Token counts and ids for `/api/tokenizers/*` and `/api/backends/chat-completions/bias`.
//!
//! The functions here are pure and may take long, so call them on a blocking thread. Their time grows with n log n of
//! the text, whatever it holds; their memory is up to 300 times a text, of which none may be longer than
//! [`LONGEST_TEXT`].

mod bpe;
pub mod hugging_face;
pub mod routing;
pub mod sentencepiece;
pub mod vocabularies;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use squaretable_compat::json::{from_utf16, js_string, js_to_number, js_trim, js_truthy, to_utf16, to_vec};

use self::hugging_face::HuggingFace;
use self::routing::Encoding;
use self::sentencepiece::SentencePiece;
use crate::providers::js;

/// Bytes of UTF-8 per token where the original guesses.
const BYTES_PER_TOKEN: f64 = 3.35;
/// Tokens every message costs beside its contents, and every reply.
const PER_MESSAGE: i64 = 3;
/// Longest text that is encoded, in bytes of UTF-8: half a million tokens, and 600 MB of memory at worst. What is longer is
/// guessed at when it is counted, and must be refused by the callers of [`encode`].
pub const LONGEST_TEXT: usize = 2 << 20;
/// Longest piece of text that the original's libraries hand over without looking for a byte order mark, in bytes.
const UNMARKED: usize = 16;

/// A tokenizer, ready for use. A clone is a reference.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// One of OpenAI's encodings, whose tables are part of the executable.
    OpenAi(Encoding),
    /// A SentencePiece model.
    SentencePiece(Arc<SentencePiece>),
    /// A Hugging Face tokenizer.
    HuggingFace(Arc<HuggingFace>),
    /// A SentencePiece model that cannot be loaded: texts are guessed at.
    Guessing,
    /// A name that leads nowhere, or a tokenizer that cannot be loaded: results are empty.
    Failing,
}

/// Answers `.../encode` for body `{"text"}` with `{"ids", "count", "chunks"}`.
///
/// Chunks are pieces of the vocabulary (SentencePiece), the text of each id alone (OpenAI), or texts of as few ids as
/// make characters (Hugging Face). Text that is no string, or that holds one of an OpenAI encoding's special tokens
/// literally, gives the empty result.
#[must_use]
pub fn encode(tokenizer: &Loaded, body: &Value) -> Value {
    let text = body.get("text").filter(|text| js_truthy(text));
    let text = text.cloned().unwrap_or_else(|| "".into());
    let answer: Option<(Vec<String>, Vec<u32>)> = match (tokenizer, &text) {
        (Loaded::OpenAi(encoding), text) => bpe::encode_value(*encoding, text).map(|ids| {
            let chunks = ids.iter().filter_map(|id| bpe::decode(*encoding, &[*id]));
            (chunks.collect(), ids)
        }),
        (Loaded::SentencePiece(model), Value::String(text)) => model.encode(&as_passed(text)).map(|ids| {
            let chunks = ids.iter().map(|id| as_returned(model.piece(*id)));
            (chunks.collect(), ids)
        }),
        (Loaded::HuggingFace(model), Value::String(text)) => model
            .encode(&as_passed(text))
            .map(|ids| (chunks_of(model, &ids), ids)),
        (Loaded::Guessing, Value::String(text)) => {
            return json!({ "ids": [], "count": guess(as_passed(text).as_bytes()) });
        }
        _ => None,
    };
    let (chunks, ids) = answer.unwrap_or_default();
    json!({ "ids": ids, "count": ids.len(), "chunks": chunks })
}

/// Answers `.../decode` for body `{"ids"}` with `{"text"}`, and `"chunks"` unless the encoding is OpenAI's. The text
/// is empty when one of OpenAI's ids is unknown; other tokenizers pass over unknown ids. Ids that are no list have no
/// text, where the original takes a number for the length of a list of zeros.
///
/// compat: SentencePiece decodes each id alone.
#[must_use]
pub fn decode(tokenizer: &Loaded, body: &Value) -> Value {
    let list = body.get("ids").and_then(Value::as_array);
    let list = list.map_or(&[][..], Vec::as_slice);
    let ids: Vec<u32> = list.iter().map(js::to_uint32).collect();
    match tokenizer {
        Loaded::OpenAi(encoding) => json!({ "text": bpe::decode(*encoding, &ids).unwrap_or_default() }),
        Loaded::SentencePiece(model) => {
            let text =
                |value: &Value| as_returned(&signed(value).map(|id| model.decode(id)).unwrap_or_default());
            let chunks: Vec<String> = list.iter().map(text).collect();
            json!({ "text": chunks.concat(), "chunks": chunks })
        }
        Loaded::HuggingFace(model) => {
            json!({ "text": as_returned(&model.decode(&ids)), "chunks": chunks_of(model, &ids) })
        }
        Loaded::Guessing => json!({ "text": "", "chunks": [] }),
        Loaded::Failing => json!({ "text": "" }),
    }
}

/// A number as SentencePiece takes an id: truncated, `None` below zero, beyond 31 bits and where it is no number.
fn signed(value: &Value) -> Option<u32> {
    let number = match value {
        Value::Array(_) => js_to_number(&js_string(value).into()),
        value => js_to_number(value),
    };
    // In range, so the cast only drops the fraction.
    (number > -1.0 && number < 2_147_483_648.0).then_some(number as u32)
}

/// Texts of ids, grouped until a group is more than half a character.
///
/// compat: a group that is exactly U+FFFD goes on, and is lost at the end.
fn chunks_of(model: &HuggingFace, ids: &[u32]) -> Vec<String> {
    let mut chunks = Vec::new();
    let mut start = 0;
    for end in 1..=ids.len() {
        let text = as_returned(&model.decode(&ids[start..end]));
        if text != "\u{fffd}" {
            chunks.push(text);
            start = end;
        }
    }
    chunks
}

/// A string as the original's libraries get it.
///
/// compat: the first half of a surrogate pair takes whatever follows it for the second.
fn as_passed(text: &str) -> String {
    let units = to_utf16(text);
    if char::decode_utf16(units.iter().copied()).all(|unit| unit.is_ok()) {
        return String::from_utf16_lossy(&units);
    }
    let mut rest = units.into_iter().map(u32::from);
    let mut passed = String::new();
    while let Some(unit) = rest.next() {
        let code = if (0xd800..0xe000).contains(&unit) {
            let second = rest.next().unwrap_or_default() & 0x3ff;
            (0x1_0000 + ((unit & 0x3ff) << 10)) | second
        } else {
            unit
        };
        passed.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    passed
}

/// A string as the original's libraries return it.
///
/// compat: a byte order mark is dropped from the start of what is long, and each NUL starts anew.
fn as_returned(text: &str) -> String {
    let parts = text.split('\0').map(|part| {
        let is_marked = part.len() > UNMARKED && part.starts_with('\u{feff}');
        if is_marked {
            &part['\u{feff}'.len_utf8()..]
        } else {
            part
        }
    });
    let text = parts.collect::<Vec<_>>().join("\0");
    from_utf16(&text.encode_utf16().collect::<Vec<_>>())
}

/// Answers `POST /api/tokenizers/openai/count` with `{"token_count"}`; `messages` is the body, an array.
///
/// compat: OpenAI's encodings charge for each message, and a value that cannot be encoded ends its message, which
/// keeps what was counted so far; other tokenizers count all values as one text. A body that cannot be counted is
/// guessed at from its length as JSON.
#[must_use]
pub fn count(model: &str, tokenizer: &Loaded, messages: &Value) -> Value {
    let encoding = match tokenizer {
        Loaded::OpenAi(encoding) => Some(*encoding),
        _ => None,
    };
    let (Some(encoding), Some(messages)) = (encoding, messages.as_array()) else {
        let count = match (tokenizer, joined(messages)) {
            (Loaded::Guessing, Some(text)) => Some(guess(as_passed(&text).as_bytes())),
            (_, Some(text)) if text.len() > LONGEST_TEXT => Some(guess(text.as_bytes())),
            (_, Some(text)) => ids_of(tokenizer, &text).map(|ids| ids.len() as u64),
            (_, None) => None,
        };
        return json!({ "token_count": count.unwrap_or_else(|| guess(&to_vec(messages))) });
    };
    // compat: this one model is charged differently.
    let is_0301 = model.contains("gpt-3.5-turbo-0301");
    let (per_message, per_name, extra) = if is_0301 {
        (PER_MESSAGE + 1, -1, 9)
    } else {
        (PER_MESSAGE, 1, 0)
    };
    let mut total = PER_MESSAGE + extra;
    for message in messages {
        total += per_message + count_message(encoding, message, per_name);
    }
    json!({ "token_count": total })
}

/// All values of all messages as one text; `None` where the original throws.
fn joined(messages: &Value) -> Option<String> {
    let mut values = Vec::new();
    for message in messages.as_array()? {
        match message {
            Value::Null => return None,
            Value::Object(fields) => values.extend(fields.values().map(|value| js::join_text(Some(value)))),
            Value::Array(items) => values.extend(items.iter().map(|value| js::join_text(Some(value)))),
            // JavaScript lists a string's code units as its values.
            Value::String(text) => values.extend(to_utf16(text).iter().map(|unit| from_utf16(&[*unit]))),
            Value::Bool(_) | Value::Number(_) => {}
        }
    }
    Some(values.join("\n\n"))
}

/// The tokens of a message's values up to the first that cannot be encoded.
fn count_message(encoding: Encoding, message: &Value, per_name: i64) -> i64 {
    let length = |value: &Value| match value {
        Value::String(text) if text.len() > LONGEST_TEXT => i64::try_from(guess(text.as_bytes())).ok(),
        value => bpe::count_value(encoding, value).and_then(|count| i64::try_from(count).ok()),
    };
    let mut total = 0;
    match message {
        Value::Object(fields) => {
            for (key, value) in fields {
                let Some(count) = length(value) else { return total };
                total += count + if key == "name" { per_name } else { 0 };
            }
        }
        Value::Array(values) => {
            for value in values {
                let Some(count) = length(value) else { return total };
                total += count;
            }
        }
        // JavaScript lists a string's characters as its values.
        Value::String(text) => {
            for character in text.chars() {
                total += length(&character.to_string().into()).unwrap_or(0);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    total
}

/// Answers `POST /api/backends/chat-completions/bias` with `{"<id>": value}`; `entries` is the body.
///
/// An entry `{"text", "value"}` biases the ids of its text, or the ids themselves when the text is a JSON list of
/// numbers. Later entries win; entries that cannot be encoded are skipped. A body that is no array must be refused
/// with a bare 400 by the caller; here it has no entries.
///
/// Claude has no bias: its callers answer `{}` without asking.
#[must_use]
pub fn bias(tokenizer: &Loaded, entries: &Value) -> Value {
    if matches!(tokenizer, Loaded::Guessing | Loaded::Failing) {
        return json!({});
    }
    let mut biases: BTreeMap<u32, Option<&Value>> = BTreeMap::new();
    for entry in entries.as_array().into_iter().flatten() {
        let text = entry
            .get("text")
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty());
        let ids = text.and_then(|text| literal_ids(text).or_else(|| ids_of(tokenizer, text)));
        for id in ids.into_iter().flatten() {
            biases.insert(id, entry.get("value"));
        }
    }
    let given = biases
        .into_iter()
        .filter_map(|(id, value)| Some((id.to_string(), value?.clone())));
    Value::Object(given.collect::<Map<_, _>>())
}

/// The ids of a text; `None` where there are none to be had.
fn ids_of(tokenizer: &Loaded, text: &str) -> Option<Vec<u32>> {
    if text.len() > LONGEST_TEXT {
        return None;
    }
    match tokenizer {
        Loaded::OpenAi(encoding) => bpe::encode(*encoding, text),
        Loaded::SentencePiece(model) => model.encode(&as_passed(text)),
        Loaded::HuggingFace(model) => model.encode(&as_passed(text)),
        Loaded::Guessing | Loaded::Failing => None,
    }
}

/// The ids of a text that is a JSON list of numbers.
fn literal_ids(text: &str) -> Option<Vec<u32>> {
    let text = js_trim(text);
    if !text.starts_with('[') || !text.ends_with(']') {
        return None;
    }
    let Ok(Value::Array(items)) = squaretable_compat::json::parse(text.as_bytes()) else {
        return None;
    };
    items
        .iter()
        .all(Value::is_number)
        .then(|| items.iter().map(js::to_uint32).collect())
}

/// The original's estimate for text it cannot tokenize.
fn guess(text: &[u8]) -> u64 {
    // Lengths far below 2^53, so both casts are exact.
    (text.len() as f64 / BYTES_PER_TOKEN).ceil() as u64
}

#[cfg(test)]
mod tests;

//! Token counts and ids for `/api/tokenizers/*` and `/api/backends/chat-completions/bias`.
//!
//! All functions are pure and may take long (an encoding's first use loads its tables, and long runs of one
//! character are slow), so call them on a blocking thread.

mod bpe;
pub mod routing;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use squaretable_compat::json::{js_trim, js_truthy, to_vec};

use self::routing::{Encoding, Tokenizer};
use crate::providers::js;

/// Bytes of UTF-8 per token where the original guesses.
const BYTES_PER_TOKEN: f64 = 3.35;
/// Tokens every message costs beside its contents, and every reply.
const PER_MESSAGE: i64 = 3;

/// The tokenizer is one of the original's that this server does not have; holds the family's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The tokenizer \"{0}\" is not available on this server yet.")]
pub struct MissingTokenizer(pub &'static str);

/// Answers `.../encode` for body `{"text"}` with `{"ids", "count", "chunks"}`: each chunk is the text of one id
/// alone, U+FFFD where that is no UTF-8.
///
/// Text that is no string, or that holds one of the encoding's special tokens literally, gives the empty result.
///
/// # Errors
/// [`MissingTokenizer`].
pub fn encode(tokenizer: Tokenizer, body: &Value) -> Result<Value, MissingTokenizer> {
    let encoding = usable(tokenizer)?;
    let text = body
        .get("text")
        .filter(|text| js_truthy(text))
        .cloned()
        .unwrap_or_else(|| "".into());
    let ids = encoding.and_then(|encoding| bpe::encode_value(encoding, &text).map(|ids| (encoding, ids)));
    let Some((encoding, ids)) = ids else {
        return Ok(json!({ "ids": [], "count": 0, "chunks": [] }));
    };
    let chunks: Vec<String> = ids
        .iter()
        .filter_map(|id| bpe::decode(encoding, &[*id]))
        .collect();
    Ok(json!({ "ids": ids, "count": ids.len(), "chunks": chunks }))
}

/// Answers `.../decode` for body `{"ids"}` with `{"text"}`, which is empty when an id is unknown.
///
/// # Errors
/// [`MissingTokenizer`].
pub fn decode(tokenizer: Tokenizer, body: &Value) -> Result<Value, MissingTokenizer> {
    let encoding = usable(tokenizer)?;
    let ids: Vec<u32> = body
        .get("ids")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(js::to_uint32)
        .collect();
    let text = encoding.and_then(|encoding| bpe::decode(encoding, &ids));
    Ok(json!({ "text": text.unwrap_or_default() }))
}

/// Answers `POST /api/tokenizers/openai/count` with `{"token_count"}`; `messages` is the body, an array.
///
/// compat: a value that cannot be encoded ends its message, which keeps what was counted so far; a body that is no
/// array is guessed at from its length as JSON.
///
/// # Errors
/// [`MissingTokenizer`].
pub fn count(model: &str, messages: &Value) -> Result<Value, MissingTokenizer> {
    let encoding = usable(Tokenizer::for_count(model))?;
    let (Some(encoding), Some(messages)) = (encoding, messages.as_array()) else {
        return Ok(json!({ "token_count": guess(&to_vec(messages)) }));
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
    Ok(json!({ "token_count": total }))
}

/// The tokens of a message's values up to the first that cannot be encoded.
fn count_message(encoding: Encoding, message: &Value, per_name: i64) -> i64 {
    let length =
        |value: &Value| bpe::count_value(encoding, value).and_then(|count| i64::try_from(count).ok());
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
/// # Errors
/// [`MissingTokenizer`]; Claude has no bias and gives `{}`.
pub fn bias(model: &str, entries: &Value) -> Result<Value, MissingTokenizer> {
    let tokenizer = Tokenizer::for_count(model);
    if tokenizer == Tokenizer::Missing("claude") {
        return Ok(json!({}));
    }
    let Some(encoding) = usable(tokenizer)? else {
        return Ok(json!({}));
    };
    let mut biases: BTreeMap<u32, Option<&Value>> = BTreeMap::new();
    for entry in entries.as_array().into_iter().flatten() {
        let text = entry
            .get("text")
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty());
        let ids = text.and_then(|text| literal_ids(text).or_else(|| bpe::encode(encoding, text)));
        for id in ids.into_iter().flatten() {
            biases.insert(id, entry.get("value"));
        }
    }
    let given = biases
        .into_iter()
        .filter_map(|(id, value)| Some((id.to_string(), value?.clone())));
    Ok(Value::Object(given.collect::<Map<_, _>>()))
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

fn usable(tokenizer: Tokenizer) -> Result<Option<Encoding>, MissingTokenizer> {
    match tokenizer {
        Tokenizer::OpenAi(encoding) => Ok(Some(encoding)),
        Tokenizer::Failing => Ok(None),
        Tokenizer::Missing(family) => Err(MissingTokenizer(family)),
    }
}

/// The original's estimate for text it cannot tokenize.
fn guess(text: &[u8]) -> u64 {
    // Lengths far below 2^53, so both casts are exact.
    (text.len() as f64 / BYTES_PER_TOKEN).ceil() as u64
}

#[cfg(test)]
mod tests;

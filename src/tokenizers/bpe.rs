//! OpenAI's byte-pair encodings, each loaded on first use.

use std::collections::HashSet;

use serde_json::Value;
use squaretable_compat::json::lossy;
use tiktoken_rs::CoreBPE;

use super::routing::Encoding;

/// The ids of a text, or `None` when it holds a special token of the encoding literally, or a run of white space that is
/// too long for the library (some hundred thousand characters).
pub(super) fn encode(encoding: Encoding, text: &str) -> Option<Vec<u32>> {
    let text = lossy(text);
    let tables = tables(encoding);
    // compat: the original's library throws on these instead of encoding them as ordinary text.
    let has_special = tables
        .special_tokens()
        .iter()
        .any(|special| text.contains(special));
    if has_special {
        return None;
    }
    let encoded = tables.encode(&text, &HashSet::new());
    let (ids, _) = encoded
        .inspect_err(|error| tracing::warn!("a text cannot be encoded: {error}"))
        .ok()?;
    Some(ids)
}

/// The ids of a JSON value. An empty array counts as empty text, as it does in JavaScript; anything else that is no
/// string gives `None`.
pub(super) fn encode_value(encoding: Encoding, value: &Value) -> Option<Vec<u32>> {
    match value {
        Value::String(text) => encode(encoding, text),
        Value::Array(items) if items.is_empty() => Some(Vec::new()),
        _ => None,
    }
}

/// How many ids [`encode_value`] gives.
pub(super) fn count_value(encoding: Encoding, value: &Value) -> Option<usize> {
    encode_value(encoding, value).map(|ids| ids.len())
}

/// The text of ids without byte order mark, U+FFFD where it is no UTF-8; `None` when an id is unknown.
pub(super) fn decode(encoding: Encoding, ids: &[u32]) -> Option<String> {
    let bytes = tables(encoding).decode_bytes(ids).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

fn tables(encoding: Encoding) -> &'static CoreBPE {
    match encoding {
        Encoding::Gpt2 | Encoding::R50kBase => tiktoken_rs::r50k_base_singleton(),
        Encoding::P50kBase => tiktoken_rs::p50k_base_singleton(),
        Encoding::P50kEdit => tiktoken_rs::p50k_edit_singleton(),
        Encoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
        Encoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
    }
}

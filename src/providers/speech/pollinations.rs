//! Pollinations: voices of a model, and texts read by them.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};
use squaretable_compat::buffer::from_base64;
use squaretable_compat::json::to_vec;

use super::{MPEG, given};
use crate::error::Result;
use crate::providers::exchange::{granted, json_bearer, posting, read, silent_error, without_body};
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::reply;

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_pollinations";

const MODELS: &str = "https://gen.pollinations.ai/text/models";
const COMPLETIONS: &str = "https://gen.pollinations.ai/v1/chat/completions";
const MODEL: &str = "openai-audio";
const VOICE: &str = "alloy";

/// `GET` of the models, which have the voices.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn models() -> Result<Upstream> {
    Ok(without_body(Method::GET, MODELS, UpstreamHeaders::default())?)
}

/// The voices of the body's `model`, by its name or another one of it.
///
/// # Errors
/// 500, for a model that nobody knows too.
pub async fn voices(body: &Value, outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = read(granted(outcome, silent_error)?).await;
    let answer = answer.map_err(|_| silent_error())?;
    let voices = voices_of(&wanted(body, "model", MODEL), &answer).ok_or_else(silent_error)?;
    Ok(reply::json_bytes(to_vec(voices)))
}

fn voices_of<'a>(model: &Value, models: &'a Value) -> Option<&'a Value> {
    for known in models.as_array()? {
        if known.is_null() {
            return None;
        }
        let is_alias = match known.get("aliases") {
            Some(Value::Array(aliases)) => aliases.contains(model),
            Some(Value::String(aliases)) => model.as_str().is_some_and(|model| aliases.contains(model)),
            Some(Value::Null) | None => false,
            Some(_) if known.get("name") == Some(model) => true,
            Some(_) => return None,
        };
        if is_alias || known.get("name") == Some(model) {
            return known.get("voices").filter(|voices| voices.is_array());
        }
    }
    None
}

/// `POST` of a chat whose answer is the body's `text`, read aloud.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn speech(body: &Value, key: &str) -> Result<Upstream> {
    let mut message = Map::new();
    message.insert("role".to_owned(), "user".into());
    message.extend(body.get("text").map(|text| ("content".to_owned(), text.clone())));
    let request = json!({
        "model": wanted(body, "model", MODEL), "stream": false, "modalities": ["text", "audio"],
        "seed": rand::random::<u32>(), "audio": { "format": "mp3", "voice": wanted(body, "voice", VOICE) },
        "messages": [message],
    });
    Ok(posting(COMPLETIONS, json_bearer(key), &request)?)
}

/// The audio of the chat's answer.
///
/// # Errors
/// 500.
pub async fn spoken(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = read(granted(outcome, silent_error)?).await;
    let answer = answer.map_err(|_| silent_error())?;
    let audio = answer.pointer("/choices/0/message/audio/data");
    let audio = audio.and_then(Value::as_str).filter(|audio| !audio.is_empty());
    let audio = from_base64(audio.ok_or_else(silent_error)?.as_bytes());
    Ok(reply::bytes(StatusCode::OK, MPEG, audio.into()))
}

fn wanted(body: &Value, field: &str, otherwise: &str) -> Value {
    given(body, field).cloned().unwrap_or_else(|| otherwise.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::voices_of;

    #[test]
    fn a_model_is_known_by_every_name() {
        let models = json!([{ "name": "a" }, { "name": "b", "aliases": ["c"], "voices": ["v"] }]);
        let voices = |model: &str| voices_of(&json!(model), &models).cloned();
        assert_eq!(voices("b"), Some(json!(["v"])));
        assert_eq!(voices("c"), Some(json!(["v"])));
        assert_eq!(voices("a"), None);
        assert_eq!(voices("d"), None);
    }
}

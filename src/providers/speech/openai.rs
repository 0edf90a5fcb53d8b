//! `OpenAI`'s voices, and those of services that are asked in nearly the same way.

use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde_json::{Map, Value, json};
use squaretable_compat::json::js_string;

use super::{MPEG, audio, given, some};
use crate::error::{Error, Result};
use crate::providers::exchange::{granted_or_told, internal_error, json_bearer, posting};
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::Upstream;

/// The key of the user's secret for `OpenAI`.
pub const OPENAI: &str = "api_key_openai";
/// The key of the user's secret for a service of their own choice.
pub const CUSTOM: &str = "api_key_custom_openai_tts";
/// The key of the user's secret for Electron Hub.
pub const ELECTRONHUB: &str = "api_key_electronhub";
/// The key of the user's secret for Chutes.
pub const CHUTES: &str = "api_key_chutes";

/// Fields of Electron Hub that are sent first, in this order, when they mean something.
const EXPRESSIVE: [&str; 7] = [
    "instructions",
    "speaker_transcript",
    "cfg_scale",
    "cfg_filter_top_k",
    "speech_rate",
    "pitch_adjustment",
    "emotional_style",
];

/// `POST` of the body's `text`.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn openai(body: &Value, key: &str) -> Result<Upstream> {
    let mut request = Map::new();
    request.extend(body.get("text").map(|text| ("input".to_owned(), text.clone())));
    request.insert("response_format".to_owned(), "mp3".into());
    for (field, otherwise) in [
        ("voice", json!("alloy")),
        ("speed", json!(1)),
        ("model", json!("tts-1")),
    ] {
        request.insert(field.to_owned(), some(body, field).cloned().unwrap_or(otherwise));
    }
    if let Some(instructions) = given(body, "instructions") {
        request.insert("instructions".to_owned(), instructions.clone());
    }
    asked("https://api.openai.com/v1/audio/speech", key, request)
}

/// `POST` of the body's `input` to its `provider_endpoint`, which need not take a key.
///
/// # Errors
/// 400 without an address; 500 for what is none.
pub fn custom(body: &Value, key: &str) -> Result<Upstream> {
    let address = js_string(given(body, "provider_endpoint").ok_or_else(Error::bad_request)?);
    let fields = [
        ("input", json!("")),
        ("response_format", json!("mp3")),
        ("voice", json!("alloy")),
        ("speed", json!(1)),
        ("model", json!("tts-1")),
    ];
    let request = fields.map(|(field, otherwise)| {
        let value = some(body, field).cloned().unwrap_or(otherwise);
        (field.to_owned(), value)
    });
    asked(&address, key, request.into_iter().collect())
}

/// `POST` of the body to Electron Hub, whose models take fields of their own.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn electronhub(body: &Value, key: &str) -> Result<Upstream> {
    let mut request = Map::new();
    let mut put = |field: &str, value: Option<Value>| {
        request.extend(value.map(|value| (field.to_owned(), value)));
    };
    put("input", body.get("input").cloned());
    put("voice", body.get("voice").cloned());
    put(
        "speed",
        Some(some(body, "speed").cloned().unwrap_or_else(|| 1.into())),
    );
    put("temperature", some(body, "temperature").cloned());
    put(
        "model",
        Some(given(body, "model").cloned().unwrap_or_else(|| "tts-1".into())),
    );
    put("response_format", Some("mp3".into()));
    for field in EXPRESSIVE {
        let is_number = matches!(
            field,
            "cfg_scale" | "cfg_filter_top_k" | "speech_rate" | "pitch_adjustment"
        );
        let value = if is_number {
            body.get(field).filter(|value| value.is_number())
        } else {
            given(body, field)
        };
        put(field, value.cloned());
    }
    for (field, value) in body.as_object().into_iter().flatten() {
        let is_known = matches!(
            field.as_str(),
            "input" | "voice" | "speed" | "temperature" | "model" | "response_format"
        );
        if !is_known {
            request.entry(field).or_insert_with(|| value.clone());
        }
    }
    asked("https://api.electronhub.ai/v1/audio/speech", key, request)
}

/// `POST` of the body's `input` to Chutes.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn chutes(body: &Value, key: &str) -> Result<Upstream> {
    let mut request = Map::new();
    request.extend(body.get("input").map(|text| ("text".to_owned(), text.clone())));
    for (field, otherwise) in [("voice", json!("af_heart")), ("speed", json!(1))] {
        request.insert(field.to_owned(), given(body, field).cloned().unwrap_or(otherwise));
    }
    asked("https://chutes-kokoro.chutes.ai/speak", key, request)
}

/// The audio.
///
/// # Errors
/// 500, with the text that the service refuses with.
pub async fn spoken(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = granted_or_told(outcome, internal_error).await?;
    audio(answer, MPEG, internal_error).await
}

/// The audio, as whatever the service says that it is.
///
/// # Errors
/// As for [`spoken`].
pub async fn spoken_as_sent(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = granted_or_told(outcome, internal_error).await?;
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind
        .and_then(|kind| kind.to_str().ok())
        .filter(|kind| !kind.is_empty());
    let kind = kind.unwrap_or(MPEG).to_owned();
    audio(answer, &kind, internal_error).await
}

fn asked(address: &str, key: &str, request: Map<String, Value>) -> Result<Upstream> {
    posting(address, json_bearer(key), &request.into()).map_err(|_| internal_error())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::electronhub;

    #[test]
    fn fields_that_nobody_knows_are_sent_on() {
        let body = json!({
            "instructions": "", "own": null, "input": "i", "response_format": "wav", "temperature": null, "speed": 2,
            "cfg_scale": 1.5, "speech_rate": "fast", "emotional_style": "e",
        });
        let sent = electronhub(&body, "k").unwrap().body;
        let expected = concat!(
            r#"{"input":"i","speed":2,"model":"tts-1","response_format":"mp3","cfg_scale":1.5,"emotional_style":"e","#,
            r#""instructions":"","own":null,"speech_rate":"fast"}"#,
        );
        assert_eq!(sent, expected);
    }
}

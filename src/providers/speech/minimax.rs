//! `MiniMax`: texts read aloud, as hexadecimal digits or as a file that is elsewhere.
//!
//! Every failure is told as JSON, `{"error"}`.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use squaretable_compat::json::{is_js_space, js_string};

use super::given;
use crate::error::{Error, Result};
use crate::providers::exchange::{json_bearer, posting, read, read_bytes, without_body};
use crate::providers::js;
use crate::providers::relay::{Relay, RelayError, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::reply;

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_minimax";

const HOST: &str = "https://api.minimax.io";
/// `MiniMax`'s code for a key that it does not know.
const UNKNOWN_KEY: i64 = 1004;

/// `POST` of the body's `text`, for its `voiceId`, to its `apiHost`.
///
/// # Errors
/// 400 without a key, text or voice; 500 for a host that is none.
pub fn speech(body: &Value, key: &str) -> Result<Upstream> {
    let (Some(text), Some(voice)) = (given(body, "text"), given(body, "voiceId")) else {
        return Err(missing());
    };
    if key.is_empty() {
        return Err(missing());
    }
    let or = |field: &str, otherwise: Value| body.get(field).cloned().unwrap_or(otherwise);
    let number = |field: &str, otherwise: f64| match body.get(field) {
        Some(value) => js::from_number(js::to_number(Some(value))),
        None => js::from_number(otherwise),
    };
    let mut request = json!({
        "model": or("model", "speech-02-hd".into()), "text": text, "stream": false,
        "voice_setting": {
            "voice_id": voice, "speed": number("speed", 1.0), "vol": number("volume", 1.0), "pitch": number("pitch", 1.0),
        },
        "audio_setting": {
            "sample_rate": number("audioSampleRate", 32_000.0), "bitrate": number("bitrate", 128_000.0),
            "format": or("format", "mp3".into()), "channel": 1,
        },
    });
    if let Some(language) = given(body, "language") {
        request["lang"] = language.clone();
    }
    let host = js_string(&or("apiHost", HOST.into()));
    let mut headers = json_bearer(key);
    headers.set("MM-API-Source", "SillyTavern-TTS");
    posting(&format!("{host}/v1/t2a_v2"), headers, &request).map_err(|_| lost())
}

/// The audio. One that is elsewhere is fetched by `untrusted`, the relay for addresses that nobody vouches for.
///
/// # Errors
/// 500.
pub async fn spoken(
    body: &Value,
    outcome: Result<UpstreamReply, RelayError>,
    untrusted: &Relay,
) -> Result<Response> {
    let answer = outcome.map_err(|_| lost())?;
    if !answer.is_success() {
        return Err(refusal(answer).await);
    }
    let answer = read(answer).await;
    let answer = answer.map_err(|_| failed("Invalid response format from MiniMax API"))?;
    if answer.is_null() {
        return Err(lost());
    }
    if let Some(told) = told(&answer) {
        return Err(failed(told));
    }
    let data = given(&answer, "data").cloned().unwrap_or_default();
    let audio = if let Some(digits) = given(&data, "audio") {
        Bytes::from(from_hex(digits)?)
    } else if let Some(address) = given(&data, "url") {
        fetched(&js_string(address), untrusted).await?
    } else {
        let own = answer.pointer("/base_resp/status_msg");
        let own = own.filter(|message| js::is_truthy(Some(message)));
        let message = own.or_else(|| answer.pointer("/error/message"));
        let message = message.filter(|message| js::is_truthy(Some(message)));
        let message = message.map_or_else(|| "Unknown error".to_owned(), js_string);
        return Err(failed(format!("API Error: {message}")));
    };
    Ok(reply::bytes(StatusCode::OK, media_type(body), audio))
}

fn media_type(body: &Value) -> &'static str {
    match body.get("format").and_then(Value::as_str) {
        Some("wav") => "audio/wav",
        Some("pcm") => "audio/pcm",
        Some("flac") => "audio/flac",
        Some("aac") => "audio/aac",
        _ => "audio/mpeg",
    }
}

/// Why `MiniMax` does not do what it was asked for, if it says so in its own way.
fn told(answer: &Value) -> Option<String> {
    let own = given(answer, "base_resp")?;
    match own.get("status_code").and_then(Value::as_i64) {
        Some(0) => None,
        Some(UNKNOWN_KEY) => {
            Some("Authentication failed - Please check your API key and API host".to_owned())
        }
        _ => Some(format!("API Error: {}", js::to_text(own.get("status_msg")))),
    }
}

async fn refusal(answer: UpstreamReply) -> Error {
    let status = answer.status().as_u16();
    tracing::warn!(status, "refused upstream");
    let value = read(answer).await.ok().filter(|value| !value.is_null());
    let Some(value) = value else {
        return failed(format!("HTTP {status}: Unable to read error details"));
    };
    if let Some(told) = told(&value) {
        return failed(told);
    }
    let named = [
        value.pointer("/error/message"),
        value.get("message"),
        value.get("detail"),
    ];
    let named = named
        .into_iter()
        .flatten()
        .find(|message| js::is_truthy(Some(message)));
    let message = named.cloned().unwrap_or_else(|| format!("HTTP {status}").into());
    Error::json(500, json!({ "error": message }))
}

/// Bytes of digits, of which an odd one stands for itself.
fn from_hex(digits: &Value) -> Result<Vec<u8>> {
    let digits = digits
        .as_str()
        .ok_or_else(|| failed("Invalid audio data format"))?;
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let mut digits: String = digits.chars().filter(|c| !is_js_space(*c)).collect();
    if digits.is_empty() {
        return Err(failed("Invalid hex string format"));
    }
    if digits.len() % 2 == 1 {
        digits.insert(0, '0');
    }
    hex::decode(&digits).map_err(|_| failed("Invalid audio data format"))
}

async fn fetched(address: &str, relay: &Relay) -> Result<Bytes> {
    let lost = |why: String| failed(format!("Failed to fetch audio: {why}"));
    let question = without_body(Method::GET, address, UpstreamHeaders::default());
    let question = question.map_err(|fault| lost(fault.to_string()))?;
    let answer = relay
        .send(question)
        .await
        .map_err(|error| lost(error.to_string()))?;
    if !answer.is_success() {
        let status = answer.status().as_u16();
        return Err(failed(format!("Failed to fetch audio from URL: {status}")));
    }
    read_bytes(answer).await.map_err(|error| lost(error.to_string()))
}

fn failed(message: impl Into<String>) -> Error {
    Error::json_error(500, message)
}

fn lost() -> Error {
    failed("Internal server error")
}

fn missing() -> Error {
    Error::json_error(
        400,
        "Missing required parameters: text, voiceId, and apiKey are required",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{from_hex, told};

    #[test]
    fn digits_become_bytes() {
        assert_eq!(from_hex(&json!("0xFf 0\n1")).unwrap(), [0xff, 0x01]);
        assert_eq!(from_hex(&json!("abc")).unwrap(), [0x0a, 0xbc]);
        for wrong in [json!("0x"), json!("xy"), json!("äa"), json!(5)] {
            assert!(from_hex(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_code_other_than_zero_is_a_refusal() {
        assert_eq!(told(&json!({})), None);
        assert_eq!(told(&json!({ "base_resp": { "status_code": 0 } })), None);
        let told = told(&json!({ "base_resp": { "status_msg": "busy" } }));
        assert_eq!(told.as_deref(), Some("API Error: busy"));
    }
}

//! Volcengine: texts read aloud, in lines of JSON that hold pieces of the audio.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use squaretable_compat::buffer::from_base64;
use squaretable_compat::json::{js_string, js_trim, to_vec};

use super::{MPEG, given};
use crate::error::{Error, Result};
use crate::providers::exchange::{json_headers, parse, posting, read_text};
use crate::providers::js;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::Upstream;
use crate::reply;

/// The key of the user's secret that names the application; its key is the next.
pub const APP_ID: &str = "volcengine_app_id";
/// The key of the user's secret.
pub const ACCESS_KEY: &str = "volcengine_access_key";

const ADDRESS: &str = "https://openspeech.bytedance.com/api/v3/tts/unidirectional";
/// By which Volcengine finds a request in its logs.
const LOG_ID: HeaderName = HeaderName::from_static("x-tt-logid");
/// The codes of lines that are no errors.
const FINE: [f64; 2] = [0.0, 20_000_000.0];

/// `POST` of the body's `text`, for its `voice_speaker`, to its `provider_endpoint`.
///
/// # Errors
/// 403 without keys, 400; 500 for an address that is none.
pub fn speech(body: &Value, app_id: &str, access_key: &str) -> Result<Upstream> {
    if app_id.is_empty() || access_key.is_empty() {
        return Err(Error::forbidden());
    }
    let field = |name: &str| given(body, name).ok_or_else(Error::bad_request);
    let (resource, text, voice) = (field("resource_id")?, field("text")?, field("voice_speaker")?);
    let mut headers = json_headers();
    headers.set("X-Api-App-Id", app_id);
    headers.set("X-Api-Access-Key", access_key);
    headers.set("X-Api-Resource-Id", js_string(resource));
    let additions = json!({
        "mute_cut_threshold": "400", "mute_cut_remain_ms": "1", "explicit_language": "crosslingual",
        "enable_language_detector": true, "disable_markdown_filter": true,
        "cache_config": { "use_cache": true, "text_type": 1 },
    });
    let rate = given(body, "speed").map_or_else(|| "0".to_owned(), js_string);
    let request = json!({ "req_params": {
        "text": text, "speaker": voice,
        "audio_params": { "format": "mp3", "speech_rate": whole_number(&rate) },
        "additions": String::from_utf8_lossy(&to_vec(&additions)),
    } });
    let address = given(body, "provider_endpoint").map_or_else(|| ADDRESS.to_owned(), js_string);
    posting(&address, headers, &request).map_err(|fault| failed(&format!("TypeError: {fault}")))
}

/// `Number.parseInt(text)`.
fn whole_number(text: &str) -> Value {
    let text = js_trim(text);
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let number = digits[..end].parse::<f64>();
    number.map_or(Value::Null, |number| js::from_number(sign * number))
}

/// The audio: its pieces, one after the other.
///
/// # Errors
/// 500 with the reason.
pub async fn spoken(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = outcome.map_err(|error| failed(&format!("{}: {error}", error.class())))?;
    if !answer.is_success() {
        return Ok(refused(&answer));
    }
    let text = read_text(answer).await;
    let text = text.map_err(|error| failed(&format!("Error reading Volcengine TTS stream: {error}")))?;
    let audio = pieces(&text).map_err(|why| failed(&why))?;
    Ok(reply::bytes(StatusCode::OK, MPEG, audio.into()))
}

/// A refusal, with what Volcengine's support wants to know.
fn refused(answer: &UpstreamReply) -> Response {
    tracing::warn!(status = answer.status().as_u16(), "refused upstream");
    let mut response = failed(&answer.reason()).into_response();
    let id = answer.headers().get(LOG_ID).cloned();
    let id = id.unwrap_or_else(|| HeaderValue::from_static(""));
    response.headers_mut().insert(LOG_ID, id);
    response
}

/// The audio of all lines. A line that cannot be read is left out unless it is the last, which has no line break.
fn pieces(text: &str) -> Result<Vec<u8>, String> {
    let mut audio = Vec::new();
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let is_last = lines.peek().is_none();
        if js_trim(line).is_empty() {
            continue;
        }
        match parse(line) {
            Ok(Value::Null) if is_last => {
                return Err("Error parsing final Volcengine TTS stream line: the line is null".to_owned());
            }
            Err(why) if is_last => {
                return Err(format!(
                    "Error parsing final Volcengine TTS stream line: SyntaxError: {why}"
                ));
            }
            Ok(Value::Null) | Err(_) => {}
            Ok(line) => audio.extend(piece(&line)?),
        }
    }
    Ok(audio)
}

fn piece(line: &Value) -> Result<Vec<u8>, String> {
    let code = line.get("code");
    let is_fine = code
        .and_then(Value::as_f64)
        .is_some_and(|code| FINE.contains(&code));
    if !is_fine {
        return Err(format!(
            "Volcengine TTS stream line code {}, {}",
            js::to_text(code),
            js::to_text(line.get("message"))
        ));
    }
    let data = line.get("data").and_then(Value::as_str).unwrap_or_default();
    Ok(from_base64(data.as_bytes()))
}

fn failed(why: &str) -> Error {
    Error::text(500, format!("TTS Generation Failed: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{pieces, whole_number};

    #[test]
    fn lines_hold_pieces() {
        let text = "{\"code\":0,\"data\":\"aGk=\"}\n\nnonsense\n{\"code\":20000000,\"data\":null}\n{\"code\":0,\"data\":\"IQ==\"}";
        assert_eq!(pieces(text).as_deref(), Ok(b"hi!".as_slice()));
        assert_eq!(pieces("").as_deref(), Ok(b"".as_slice()));
        let refused = pieces("{\"code\":45,\"message\":\"no\"}\n");
        assert_eq!(refused.unwrap_err(), "Volcengine TTS stream line code 45, no");
        assert!(pieces("{").unwrap_err().contains("final"));
        assert!(pieces("null").is_err());
    }

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        for (text, expected) in [
            ("-50", json!(-50)),
            (" 7.9x", json!(7)),
            ("+3", json!(3)),
            ("x", json!(null)),
        ] {
            assert_eq!(whole_number(text), expected, "{text}");
        }
    }
}

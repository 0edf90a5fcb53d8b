//! Google's voices: those of its translator, which need no key, and those of Gemini.

use axum::http::StatusCode;
use axum::response::Response;
use regex::Regex;
use serde_json::{Map, Value, json};
use squaretable_compat::buffer::from_base64;
use squaretable_compat::json::{js_string, utf16_len};

use super::{MPEG, given, some};
use crate::error::{Error, Result};
use crate::providers::chat::google::safety_settings;
use crate::providers::exchange::{granted, internal_error, posting, read, read_text};
use crate::providers::google_api::Access;
use crate::providers::google_web;
use crate::providers::js;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::Upstream;
use crate::reply;

/// The languages of Google's translator: code and English name, a line each, as its page lists them.
const LANGUAGES: &str = include_str!("languages.txt");
/// The procedure that reads aloud.
const PROCEDURE: &str = "jQ1olc";
/// Longest text that the translator reads, in UTF-16 units.
const LONGEST: usize = 200;
/// Gemini's rate unless it says another one.
const SAMPLE_RATE: u32 = 24_000;

/// Gemini's voices, and what they are like.
const VOICES: [(&str, &str); 30] = [
    ("Zephyr", "Bright"),
    ("Puck", "Upbeat"),
    ("Charon", "Informative"),
    ("Kore", "Firm"),
    ("Fenrir", "Excitable"),
    ("Leda", "Youthful"),
    ("Orus", "Firm"),
    ("Aoede", "Breezy"),
    ("Callirhoe", "Easy-going"),
    ("Autonoe", "Bright"),
    ("Enceladus", "Breathy"),
    ("Iapetus", "Clear"),
    ("Umbriel", "Easy-going"),
    ("Algieba", "Smooth"),
    ("Despina", "Smooth"),
    ("Erinome", "Clear"),
    ("Algenib", "Gravelly"),
    ("Rasalgethi", "Informative"),
    ("Laomedeia", "Upbeat"),
    ("Achernar", "Soft"),
    ("Alnilam", "Firm"),
    ("Schedar", "Even"),
    ("Gacrux", "Mature"),
    ("Pulcherrima", "Forward"),
    ("Achird", "Friendly"),
    ("Zubenelgenubi", "Casual"),
    ("Vindemiatrix", "Gentle"),
    ("Sadachbia", "Lively"),
    ("Sadaltager", "Knowledgeable"),
    ("Sulafat", "Warm"),
];

/// The translator's languages, by code.
#[must_use]
pub fn languages() -> Value {
    let named = languages_by_code().map(|(code, name)| (code.to_owned(), name.into()));
    Value::Object(named.collect())
}

fn languages_by_code() -> impl Iterator<Item = (&'static str, &'static str)> {
    LANGUAGES.lines().filter_map(|line| line.split_once(' '))
}

/// The code of a language, given as code or as name.
fn code_of(language: &str) -> Option<&'static str> {
    let by_code = languages_by_code().find(|(code, _)| *code == language);
    let by_name = || languages_by_code().find(|(_, name)| name.eq_ignore_ascii_case(language));
    by_code.or_else(by_name).map(|(code, _)| code)
}

/// Gemini's voices, `{"voices"}`.
#[must_use]
pub fn voices() -> Value {
    let described = VOICES.map(|(name, description)| {
        json!({ "name": name, "voice_id": name, "lang": "en-US", "description": description })
    });
    json!({ "voices": described })
}

/// The request to read the body's `text`, one or a list, in the language of its `voice`.
///
/// # Errors
/// 500, also for a text that is too long and a language that is none.
pub fn reading(body: &Value) -> Result<Upstream> {
    let voice = some(body, "voice").cloned().unwrap_or_else(|| "en".into());
    let texts = match body.get("text") {
        Some(Value::Array(texts)) => texts.clone(),
        Some(Value::Object(_)) | None => return Err(internal_error()),
        Some(text) => vec![text.clone()],
    };
    let calls: Option<Vec<Value>> = texts.iter().map(|text| call(text, &voice)).collect();
    google_web::request(PROCEDURE, &calls.ok_or_else(internal_error)?).map_err(|_| internal_error())
}

/// The arguments of one call: a text, or `{"text","to","forceTo"}`.
fn call(item: &Value, voice: &Value) -> Option<Value> {
    if item.is_null() {
        return None;
    }
    let text = some(item, "text").unwrap_or(item);
    let length = match text {
        Value::String(text) => utf16_len(text),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    let language = some(item, "to").unwrap_or(voice);
    let code = if given(item, "forceTo").is_some() {
        language.clone()
    } else {
        code_of(language.as_str()?)?.into()
    };
    (length <= LONGEST).then(|| json!([text, code, true]))
}

/// The audio of what was read, one text after the other.
///
/// # Errors
/// 500.
pub async fn read_aloud(body: &Value, outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = read_text(granted(outcome, internal_error)?).await;
    let answer = answer.map_err(|_| internal_error())?;
    let count = body.get("text").and_then(Value::as_array).map(Vec::len);
    let audio = audio_of(&answer, count).ok_or_else(internal_error)?;
    Ok(reply::bytes(StatusCode::OK, MPEG, audio.into()))
}

/// The audio of a list of `count` texts, or of the one text. compat: of a list, what has no answer is left out.
fn audio_of(answer: &str, count: Option<usize>) -> Option<Vec<u8>> {
    let mut pieces: Vec<Option<String>> = vec![None; count.unwrap_or(1)];
    for answered in google_web::answers(answer)? {
        let place = match count {
            Some(_) => usize::from_str_radix(&answered.place, 36).ok()?,
            None => 0,
        };
        let piece = answered.value.get(0).filter(|piece| !piece.is_null())?;
        *pieces.get_mut(place)? = Some(js_string(piece));
    }
    let mut audio = Vec::new();
    for piece in pieces {
        match piece {
            Some(piece) => audio.extend(from_base64(piece.as_bytes())),
            None if count.is_some() => {}
            None => return None,
        }
    }
    Some(audio)
}

/// The request of Gemini's voices. `version` is AI Studio's.
///
/// # Errors
/// 500 for a reverse proxy that is no address.
pub fn speech(body: &Value, access: &Access, version: &str) -> Result<Upstream> {
    let model = js::to_text(body.get("model"));
    let (address, headers) = access.address(body, &model, "generateContent", version)?;
    let copied = |name: &str, field: &str| -> Map<String, Value> {
        let value = body.get(field).map(|value| (name.to_owned(), value.clone()));
        value.into_iter().collect()
    };
    let request = json!({
        "contents": [{ "role": "user", "parts": [copied("text", "text")] }],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": { "voiceConfig": { "prebuiltVoiceConfig": copied("voiceName", "voice") } },
        },
        "safetySettings": safety_settings(access.is_vertex()),
    });
    posting(&address, headers, &request).map_err(|_| speechless())
}

/// How Gemini's voices fail.
#[must_use]
pub fn speechless() -> Error {
    Error::json_error(500, "Internal server error during TTS generation")
}

/// The audio of Gemini's answer; samples without a header get one.
///
/// # Errors
/// Google's status with its message as `{"error"}`; 500.
pub async fn spoken(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = outcome.map_err(|_| speechless())?;
    let (status, is_success) = (answer.status(), answer.is_success());
    let answer = read(answer).await.map_err(|_| speechless())?;
    if !is_success {
        tracing::warn!(status = status.as_u16(), "refused upstream");
        let told = answer.pointer("/error/message");
        let told = told.filter(|message| js::is_truthy(Some(message)));
        let message = told.cloned().unwrap_or_else(|| "TTS generation failed.".into());
        return match answer {
            Value::Null => Err(speechless()),
            _ => Ok(reply::json_with(status, &json!({ "error": message }))),
        };
    }
    let inline = answer.pointer("/candidates/0/content/parts/0/inlineData");
    let Some(data) = inline.and_then(|inline| given(inline, "data")) else {
        return Err(Error::json_error(500, "No audio data found in response"));
    };
    let audio = from_base64(data.as_str().ok_or_else(speechless)?.as_bytes());
    let media = match inline.and_then(|inline| given(inline, "mimeType")) {
        None => "application/octet-stream",
        Some(media) => media.as_str().ok_or_else(speechless)?,
    };
    if media.to_lowercase().contains("audio/l16") {
        let wave = wave(&audio, rate_of(media)?).ok_or_else(speechless)?;
        return Ok(reply::bytes(StatusCode::OK, "audio/wav", wave.into()));
    }
    let is_header = axum::http::HeaderValue::from_str(media).is_ok();
    if !is_header {
        return Err(speechless());
    }
    Ok(reply::bytes(StatusCode::OK, media, audio.into()))
}

/// The rate of samples per second that a media type names.
fn rate_of(media: &str) -> Result<u32> {
    let rate = Regex::new(r"rate=([0-9]+)").map_err(anyhow::Error::from)?;
    match rate.captures(media) {
        Some(found) => found[1].parse().map_err(|_| speechless()),
        None => Ok(SAMPLE_RATE),
    }
}

/// A WAVE file (RIFF) of one channel of 16-bit samples; `None` when its sizes do not fit.
fn wave(samples: &[u8], rate: u32) -> Option<Vec<u8>> {
    const HEAD: u32 = 36;
    let size = u32::try_from(samples.len()).ok()?;
    let mut file = Vec::with_capacity(samples.len() + 44);
    file.extend(b"RIFF");
    file.extend(size.checked_add(HEAD)?.to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    for field in [1_u16, 1] {
        file.extend(field.to_le_bytes());
    }
    file.extend(rate.to_le_bytes());
    file.extend(rate.checked_mul(2)?.to_le_bytes());
    for field in [2_u16, 16] {
        file.extend(field.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend_from_slice(samples);
    Some(file)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{audio_of, call, code_of, languages, rate_of, wave};

    #[test]
    fn a_language_has_a_code_and_a_name() {
        assert_eq!(code_of("de"), Some("de"));
        assert_eq!(code_of("chinese (SIMPLIFIED)"), Some("zh-CN"));
        assert_eq!(code_of("DE"), None);
        assert_eq!(languages().as_object().map(serde_json::Map::len), Some(251));
    }

    #[test]
    fn texts_are_short() {
        let en = json!("en");
        assert_eq!(call(&json!("hi"), &en), Some(json!(["hi", "en", true])));
        assert_eq!(
            call(&json!({ "text": "hi", "to": "German" }), &en),
            Some(json!(["hi", "de", true]))
        );
        let forced = json!({ "text": "hi", "to": "xx", "forceTo": true });
        assert_eq!(call(&forced, &en), Some(json!(["hi", "xx", true])));
        assert_eq!(call(&json!("hi"), &json!("xx")), None);
        assert_eq!(call(&json!("ü".repeat(201)), &en), None);
        assert!(call(&json!("🦊".repeat(100)), &en).is_some());
    }

    #[test]
    fn pieces_come_in_any_order() {
        let line = |place: &str, audio: &str| json!(["wrb.fr", "x", json!([audio]).to_string(), null, place]);
        let text = format!(")]}}'\n\n9\n{}\n", json!([line("1", "IQ=="), line("0", "aGk=")]));
        assert_eq!(audio_of(&text, Some(2)).as_deref(), Some(b"hi!".as_slice()));
        assert_eq!(audio_of(&text, None).as_deref(), Some(b"hi".as_slice()));
        assert_eq!(audio_of(&text, Some(3)), audio_of(&text, Some(2)));
        assert_eq!(audio_of("<html>", None), None);
    }

    #[test]
    fn samples_get_a_header() {
        let file = wave(&[1, 2], rate_of("audio/L16;codec=pcm;rate=8000").unwrap()).unwrap();
        assert_eq!(file.len(), 46);
        assert_eq!(file[4..8], 38_u32.to_le_bytes());
        assert_eq!(
            file[24..32],
            [8000_u32.to_le_bytes(), 16_000_u32.to_le_bytes()].concat()
        );
        assert!(rate_of("rate=99999999999").is_err());
        assert!(wave(&[], u32::MAX).is_none());
    }
}

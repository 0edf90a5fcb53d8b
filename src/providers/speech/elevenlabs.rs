//! `ElevenLabs`: voices, what they said before, and recordings.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use bytes::Bytes;
use regex::Regex;
use serde_json::Value;
use squaretable_compat::buffer::from_base64;
use squaretable_compat::json::js_string;

use super::{MPEG, given, passed};
use crate::error::{Error, Result};
use crate::mime;
use crate::providers::exchange::{granted, posting, silent_error, without_body};
use crate::providers::js;
use crate::providers::multipart::Form;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_elevenlabs";

const API: &str = "https://api.elevenlabs.io/v1";

/// A list that is asked for with nothing but the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Voices.
    Voices,
    /// What voices are set to at first.
    VoiceSettings,
    /// What was said before.
    History,
}

impl List {
    fn path(self) -> &'static str {
        match self {
            Self::Voices => "voices",
            Self::VoiceSettings => "voices/settings/default",
            Self::History => "history",
        }
    }
}

/// `GET` of a list.
///
/// # Errors
/// None in practice; the addresses are fixed.
pub fn list(list: List, key: &str) -> Result<Upstream> {
    let address = format!("{API}/{}", list.path());
    Ok(without_body(Method::GET, &address, identified(key))?)
}

/// `GET` of the audio of the body's `historyItemId`.
///
/// # Errors
/// 400.
pub fn history_audio(body: &Value, key: &str) -> Result<Upstream> {
    let item = given(body, "historyItemId").ok_or_else(Error::bad_request)?;
    let address = format!("{API}/history/{}/audio", js::path_step(&js_string(item)));
    Ok(without_body(Method::GET, &address, identified(key))?)
}

/// `POST` of the body's `request` to its `voiceId`.
///
/// # Errors
/// 400.
pub fn speech(body: &Value, key: &str) -> Result<Upstream> {
    let (Some(voice), Some(request)) = (given(body, "voiceId"), given(body, "request")) else {
        return Err(Error::bad_request());
    };
    let address = format!("{API}/text-to-speech/{}", js::path_step(&js_string(voice)));
    let mut headers = identified(key);
    headers.set("Content-Type", "application/json");
    Ok(posting(&address, headers, request)?)
}

/// `POST` of a form: a new voice, from the recordings in the body's `files`, which are data URLs. What is none is left out.
///
/// # Errors
/// 500 for `files` that are no list.
pub fn add_voice(body: &Value, key: &str) -> Result<Upstream> {
    let text =
        |field: &str, otherwise: &str| given(body, field).map_or_else(|| otherwise.to_owned(), js_string);
    let mut form = Form::new()
        .text("name", &text("name", "Custom Voice"))
        .text("description", &text("description", "Uploaded via SillyTavern"))
        .text("labels", &text("labels", ""));
    let data_url = Regex::new("^data:(.+);base64,(.+)$").map_err(anyhow::Error::from)?;
    let files = match given(body, "files") {
        // compat: of a text, every character is a file that is none.
        None | Some(Value::String(_)) => &Vec::new(),
        Some(files) => files.as_array().ok_or_else(silent_error)?,
    };
    for file in files {
        let url = js_string(file);
        let Some(parts) = data_url.captures(&url) else {
            continue;
        };
        let name = format!("audio.{}", mime::extension(&parts[1]).unwrap_or("wav"));
        form = form.file("files", &name, &parts[1], &from_base64(parts[2].as_bytes()));
    }
    Ok(form.posting(&format!("{API}/voices/add"), identified(key))?)
}

/// `POST` of a form: a recording, to be understood by `model`.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn recognition(audio: &Bytes, model: &str, key: &str) -> Result<Upstream> {
    let form = Form::new()
        .file("file", "audio.wav", "audio/wav", audio)
        .text("model_id", model);
    Ok(form.posting(&format!("{API}/speech-to-text"), identified(key))?)
}

/// The service's JSON.
///
/// # Errors
/// 500.
pub async fn told(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    passed(granted(outcome, silent_error)?, silent_error).await
}

/// The audio, as it comes.
///
/// # Errors
/// 500.
pub async fn spoken(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let mut response = granted(outcome, silent_error)?.into_stream().await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MPEG));
    Ok(response)
}

fn identified(key: &str) -> UpstreamHeaders {
    let mut headers = UpstreamHeaders::default();
    headers.set("xi-api-key", key);
    headers
}

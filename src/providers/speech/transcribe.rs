//! Recordings to text.

use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use squaretable_compat::json::{js_trim, to_vec};

use super::{host_label, passed};
use crate::error::Result;
use crate::providers::exchange::{
    bearer, granted_or_told, internal_error, json_bearer, posting, read, silent_error,
};
use crate::providers::js;
use crate::providers::multipart::Form;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::Upstream;
use crate::reply;

/// A service that takes a recording as a form.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// Its route.
    pub route: &'static str,
    /// The key of the user's secret.
    pub secret_key: &'static str,
    address: &'static str,
}

/// All of them.
pub static SERVICES: [Service; 4] = [
    Service {
        route: "/api/openai/transcribe-audio",
        secret_key: "api_key_openai",
        address: "https://api.openai.com/v1/audio/transcriptions",
    },
    Service {
        route: "/api/openai/groq/transcribe-audio",
        secret_key: "api_key_groq",
        address: "https://api.groq.com/openai/v1/audio/transcriptions",
    },
    Service {
        route: "/api/openai/mistral/transcribe-audio",
        secret_key: "api_key_mistralai",
        address: "https://api.mistral.ai/v1/audio/transcriptions",
    },
    Service {
        route: "/api/openai/zai/transcribe-audio",
        secret_key: "api_key_zai",
        address: "https://api.z.ai/api/paas/v4/audio/transcriptions",
    },
];

impl Service {
    /// `POST` of the recording with the `model` and perhaps the `language` of the form that it came in.
    ///
    /// # Errors
    /// None in practice; the address is fixed.
    pub fn request(&self, audio: &Bytes, fields: &Value, key: &str) -> Result<Upstream> {
        let mut form = Form::new()
            .file("file", "audio.wav", "audio/wav", audio)
            .text("model", &js::to_text(fields.get("model")));
        if js::is_truthy(fields.get("language")) {
            form = form.text("language", &js::to_text(fields.get("language")));
        }
        Ok(form.posting(self.address, bearer(key))?)
    }
}

/// What the service understood.
///
/// # Errors
/// 500, with the text that the service refuses with.
pub async fn understood(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    passed(granted_or_told(outcome, internal_error).await?, internal_error).await
}

/// `POST` of the recording to Chutes, where each model is a host.
///
/// # Errors
/// 400 for a model that is none.
pub fn chutes(audio: &Bytes, fields: &Value, key: &str) -> Result<Upstream> {
    let model = js::to_text(fields.get("model"));
    let address = format!("https://{}.chutes.ai/transcribe", host_label(&model)?);
    let request = json!({ "audio_b64": BASE64_STANDARD.encode(audio) });
    posting(&address, json_bearer(key), &request).map_err(|_| internal_error())
}

/// What Chutes understood, piece by piece, as `{"text"}`.
///
/// # Errors
/// As for [`understood`].
pub async fn pieces(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = granted_or_told(outcome, internal_error).await?;
    let pieces = read(answer).await.map_err(|_| internal_error())?;
    let pieces = pieces.as_array().ok_or_else(silent_error)?;
    if pieces.iter().any(Value::is_null) {
        return Err(internal_error());
    }
    let text: String = pieces
        .iter()
        .map(|piece| js::text_or_empty(piece.get("text")))
        .collect();
    Ok(reply::json_bytes(to_vec(&json!({ "text": js_trim(&text) }))))
}

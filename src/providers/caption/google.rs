//! Captions by Gemini.

use axum::response::Response;
use serde_json::{Value, json};

use super::{Picture, found};
use crate::error::{Error, Result};
use crate::providers::chat::google::safety_settings;
use crate::providers::exchange::{internal_error, posting, read};
use crate::providers::google_api::Access;
use crate::providers::js;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::Upstream;

const MODEL: &str = "gemini-2.0-flash";

/// `POST` of the body's `image` and `prompt` to its `model`. `version` is AI Studio's.
///
/// # Errors
/// 500 without a picture, and for a proxy that is no address; 400 for a model or place that leads elsewhere.
pub fn request(body: &Value, access: &Access, version: &str) -> Result<Upstream> {
    let picture = Picture::of(body)?;
    let model = body.get("model").filter(|model| js::is_truthy(Some(model)));
    let model = model.map_or_else(|| MODEL.to_owned(), |model| js::to_text(Some(model)));
    let (address, headers) = access.address(body, &model, "generateContent", version)?;
    let mut text = json!({});
    if let Some(prompt) = body.get("prompt") {
        text["text"] = prompt.clone();
    }
    let mut data = json!({});
    for (name, value) in [("mimeType", picture.media_type), ("data", picture.data)] {
        if let Some(value) = value {
            data[name] = value.into();
        }
    }
    let request = json!({
        "contents": [{ "role": "user", "parts": [text, { "inlineData": data }] }],
        "safetySettings": safety_settings(access.is_vertex()),
    });
    posting(&address, headers, &request).map_err(|_| internal_error())
}

/// The caption.
///
/// # Errors
/// 500, with `{"error":true}` for a refusal.
pub async fn told(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = outcome.map_err(|_| internal_error())?;
    let (status, is_success) = (answer.status(), answer.is_success());
    // compat: a refusal that is no JSON is a failure of another wording.
    let answer = read(answer).await.map_err(|_| internal_error())?;
    if !is_success {
        tracing::warn!(status = status.as_u16(), "refused upstream");
        return Err(Error::json(500, json!({ "error": true })));
    }
    let candidates = answer
        .get("candidates")
        .filter(|list| js::is_truthy(Some(list)))
        .ok_or_else(|| Error::text(500, "No candidates found, image was most likely filtered."))?;
    let part = candidates
        .pointer("/0/content/parts/0")
        .filter(|part| !part.is_null());
    found(part.ok_or_else(internal_error)?.get("text"))
}

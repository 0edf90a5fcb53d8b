//! Captions by Claude.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{Picture, found};
use crate::error::Result;
use crate::providers::exchange::{internal_error, json_headers, posting, read};
use crate::providers::js;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::Upstream;
use crate::reply;

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_claude";

const API: &str = "https://api.anthropic.com/v1";
const MAX_TOKENS: u32 = 4096;

/// `POST` of the body's `image` and `prompt`, to its `reverse_proxy` if it has one.
///
/// # Errors
/// 500 without a picture, and for a proxy that is no address.
pub fn request(body: &Value, key: &str) -> Result<Upstream> {
    let picture = Picture::of(body)?;
    let mut source = json!({ "type": "base64" });
    for (name, value) in [("media_type", picture.media_type), ("data", picture.data)] {
        if let Some(value) = value {
            source[name] = value.into();
        }
    }
    let mut text = json!({ "type": "text" });
    if let Some(prompt) = body.get("prompt") {
        text["text"] = prompt.clone();
    }
    let mut request = Map::new();
    request.extend(body.get("model").map(|model| ("model".to_owned(), model.clone())));
    let content = json!([{ "type": "image", "source": source }, text]);
    request.insert(
        "messages".to_owned(),
        json!([{ "role": "user", "content": content }]),
    );
    request.insert("max_tokens".to_owned(), MAX_TOKENS.into());
    let proxy = body
        .get("reverse_proxy")
        .filter(|proxy| js::is_truthy(Some(proxy)));
    let (base, key) = match proxy {
        Some(proxy) => (js::to_text(Some(proxy)), js::to_text(body.get("proxy_password"))),
        None => (API.to_owned(), key.to_owned()),
    };
    let mut headers = json_headers();
    headers.set("anthropic-version", "2023-06-01");
    headers.set("x-api-key", key);
    posting(&format!("{base}/messages"), headers, &request.into()).map_err(|_| internal_error())
}

/// The caption.
///
/// # Errors
/// Anthropic's status with `{"error":true}`; 500.
pub async fn told(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = outcome.map_err(|_| internal_error())?;
    let status = answer.status();
    if !answer.is_success() {
        tracing::warn!(status = status.as_u16(), "refused upstream");
        return Ok(reply::json_with(status, &json!({ "error": true })));
    }
    let answer = read(answer).await.map_err(|_| internal_error())?;
    let first = answer.pointer("/content/0").filter(|part| !part.is_null());
    found(first.ok_or_else(internal_error)?.get("text"))
}

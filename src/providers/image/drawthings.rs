//! `DrawThings`, an application for the Mac.

use axum::http::Method;
use axum::response::Response;
use serde_json::Value;

use super::server::{asking, at, basic, heard, present, sent, telling, told};
use crate::error::Result;
use crate::providers::exchange::silent_error;
use crate::providers::relay::Relay;
use crate::providers::upstream::UpstreamHeaders;

/// 200 where it is there.
///
/// # Errors
/// 500.
pub async fn ping(body: &Value, relay: &Relay) -> Result<Response> {
    present(
        relay,
        asking(Method::HEAD, at(body, "/")?, UpstreamHeaders::default()),
    )
    .await
}

/// One of its settings: `model`, `upscaler`.
///
/// # Errors
/// 500.
pub async fn setting(name: &str, body: &Value, relay: &Relay) -> Result<Response> {
    let question = asking(Method::GET, at(body, "/")?, UpstreamHeaders::default());
    let settings = heard(relay.send(question).await).await?;
    if settings.is_null() {
        return Err(silent_error());
    }
    Ok(sent(settings.get(name)))
}

/// Its own answer to the body, without address and credentials.
///
/// # Errors
/// 500.
pub async fn generate(body: &Value, relay: &Relay) -> Result<Response> {
    let mut request = body.clone();
    if let Some(fields) = request.as_object_mut() {
        fields.shift_remove("url");
        fields.shift_remove("auth");
    }
    let request = telling(at(body, "/sdapi/v1/txt2img")?, basic(body), &request);
    let painted = told(relay.send(request).await).await?;
    Ok(sent(Some(&painted)))
}

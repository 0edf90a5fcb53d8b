//! Azure's speech service: voices of a region, and texts read by them.

use axum::http::Method;
use axum::response::Response;
use serde_json::Value;
use squaretable_compat::json::js_string;

use super::{audio, given, host_label, passed};
use crate::error::{Error, Result};
use crate::providers::exchange::{granted, parse_url, silent_error, without_body};
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_azure_tts";

/// `GET` of the voices of the body's `region`.
///
/// # Errors
/// 400.
pub fn voices(body: &Value, key: &str) -> Result<Upstream> {
    let address = format!("{}/voices/list", service(body)?);
    Ok(without_body(Method::GET, &address, identified(key))?)
}

/// `POST` of the body's `text` for its `voice`, as SSML.
///
/// # Errors
/// 400.
pub fn speech(body: &Value, key: &str) -> Result<Upstream> {
    let field = |name: &str| given(body, name).map(js_string).ok_or_else(Error::bad_request);
    let (text, voice) = (field("text")?, field("voice")?);
    let address = format!("{}/v1", service(body)?);
    let lang = voice.split('-').take(2).collect::<Vec<_>>().join("-");
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let mut headers = identified(key);
    headers.set("Content-Type", "application/ssml+xml");
    headers.set("X-Microsoft-OutputFormat", "webm-24khz-16bit-mono-opus");
    let body = format!(
        "<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='{lang}'>\
         <voice xml:lang='{lang}' name='{voice}'>{text}</voice></speak>"
    );
    Ok(Upstream {
        method: Method::POST,
        url: parse_url(&address)?,
        headers,
        body: body.into(),
    })
}

/// The list of voices.
///
/// # Errors
/// 500.
pub async fn listed(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    passed(granted(outcome, silent_error)?, silent_error).await
}

/// The audio.
///
/// # Errors
/// 500.
pub async fn spoken(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    audio(granted(outcome, silent_error)?, "audio/ogg", silent_error).await
}

/// The address of the service in the body's region.
fn service(body: &Value) -> Result<String> {
    let region = js_string(given(body, "region").ok_or_else(Error::bad_request)?);
    let region = host_label(&region)?;
    Ok(format!(
        "https://{region}.tts.speech.microsoft.com/cognitiveservices"
    ))
}

fn identified(key: &str) -> UpstreamHeaders {
    let mut headers = UpstreamHeaders::default();
    headers.set("Ocp-Apim-Subscription-Key", key);
    headers
}

//! NovelAI's voices.

use axum::http::Method;
use axum::response::Response;
use serde_json::Value;
use squaretable_compat::json::js_string;

use super::{MPEG, audio, given};
use crate::error::{Error, Result};
use crate::providers::exchange::{bearer, granted, silent_error, without_body};
use crate::providers::js;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::Upstream;

/// `GET` with the body's `text` and `voice` in the query.
///
/// # Errors
/// 400.
pub fn speech(body: &Value, key: &str) -> Result<Upstream> {
    let field = |name: &str| given(body, name).ok_or_else(Error::bad_request);
    let escaped = |value: &Value| js::encode_component(&js_string(value));
    let (text, voice) = (escaped(field("text")?), escaped(field("voice")?));
    let address = format!(
        "https://api.novelai.net/ai/generate-voice?text={text}&voice=-1&seed={voice}&opus=false&version=v2"
    );
    let mut headers = bearer(key);
    headers.set("Accept", MPEG);
    Ok(without_body(Method::GET, &address, headers)?)
}

/// The audio.
///
/// # Errors
/// 500.
pub async fn spoken(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    audio(granted(outcome, silent_error)?, MPEG, silent_error).await
}

//! What the vendors of pictures have in common: JSON with a key, pictures in base64 or elsewhere, tasks that take a while.

use axum::http::Method;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::RngExt;
use reqwest::Url;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::providers::exchange::{
    RequestFault, is_path, json_bearer, posting, read_bytes, read_text, silent_error, without_body,
};
use crate::providers::js;
use crate::providers::relay::{Relay, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// Fields of the body, as the vendor calls them; what is missing is left out.
pub(super) fn renamed(body: &Value, fields: &[(&str, &str)]) -> Map<String, Value> {
    let mut renamed = Map::new();
    for (theirs, ours) in fields {
        let value = body.get(ours).map(|value| ((*theirs).to_owned(), value.clone()));
        renamed.extend(value);
    }
    renamed
}

/// The body's `seed` unless it is negative; else a random one below `end`.
pub(super) fn seed(body: &Value, end: u64) -> Value {
    let given = body.get("seed");
    match given.filter(|seed| js::to_number(Some(seed)) >= 0.0) {
        Some(seed) => seed.clone(),
        None => rand::rng().random_range(0..end).into(),
    }
}

/// An address below another one.
///
/// # Errors
/// 400 for a path that leads elsewhere.
pub(super) fn below(base: &str, path: &str) -> Result<String> {
    if is_path(path) {
        Ok(format!("{base}/{path}"))
    } else {
        Err(RequestFault::Misleading.into())
    }
}

/// A `POST` of JSON, with a key as bearer.
pub(super) fn order(address: &str, key: &str, request: impl Into<Value>) -> Result<Upstream> {
    Ok(posting(address, json_bearer(key), &request.into())?)
}

/// A `GET` with these headers.
pub(super) fn question(address: &str, headers: UpstreamHeaders) -> Result<Upstream> {
    Ok(without_body(Method::GET, address, headers)?)
}

/// Elements of a list as `{"value","text"}`.
///
/// # Errors
/// 500 for `null` in it.
pub(super) fn options<'a>(
    items: impl IntoIterator<Item = &'a Value>,
    value: &str,
    text: &str,
) -> Result<Vec<Value>> {
    let option = |item: &Value| match item {
        Value::Null => Err(silent_error()),
        item => Ok(Value::Object(renamed(item, &[("value", value), ("text", text)]))),
    };
    items.into_iter().map(option).collect()
}

/// The bytes of an answer in base64, whatever its status.
///
/// # Errors
/// 500.
pub(super) async fn base64_of(answer: UpstreamReply) -> Result<Value> {
    let bytes = read_bytes(answer).await.map_err(|_| silent_error())?;
    Ok(BASE64_STANDARD.encode(bytes).into())
}

/// A file that an answer says is elsewhere, in base64, whatever its status. `relay` is the one for addresses that nobody
/// vouches for.
///
/// # Errors
/// 500.
pub(super) async fn fetched(address: Option<&Value>, relay: &Relay) -> Result<Value> {
    let address = address.and_then(Value::as_str).ok_or_else(silent_error)?;
    let answer = relay.send(question(address, UpstreamHeaders::default())?).await;
    base64_of(answer.map_err(|_| silent_error())?).await
}

/// A truthy value somewhere in an answer.
///
/// # Errors
/// 500 without one.
pub(super) fn some<'a>(answer: &'a Value, pointer: &str) -> Result<&'a Value> {
    let found = answer.pointer(pointer);
    found
        .filter(|value| js::is_truthy(Some(value)))
        .ok_or_else(silent_error)
}

/// Whether an address is at one of these hosts or below it, by HTTPS: only there a key may go.
pub(super) fn is_at(address: &str, hosts: &[&str]) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let is_below = |known: &&str| host.strip_suffix(*known).is_some_and(|rest| rest.ends_with('.'));
    url.scheme() == "https" && hosts.iter().any(|known| host == *known || is_below(known))
}

/// `{"image"}`.
pub(super) fn image(data: &Value) -> axum::response::Response {
    let image = json!({ "image": data });
    crate::reply::json_bytes(squaretable_compat::json::to_vec(&image))
}

/// `{"image","format"}`, in the order of the fields given.
pub(super) fn object(fields: &[(&str, &Value)]) -> axum::response::Response {
    let object: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).clone()))
        .collect();
    crate::reply::json_bytes(squaretable_compat::json::to_vec(&object.into()))
}

/// An answer that is no refusal; a refusal is 500 with its own text, no answer is `failed`.
pub(super) async fn accepted(
    relay: &Relay,
    request: Upstream,
    failed: fn() -> Error,
) -> Result<UpstreamReply> {
    let answer = relay.send(request).await.map_err(|_| failed())?;
    if answer.is_success() {
        return Ok(answer);
    }
    let text = read_text(answer).await.map_err(|_| failed())?;
    Err(Error::text(500, text))
}

/// How a task fails that is not done in time; the original does not answer then.
pub(super) fn too_late() -> Error {
    Error::status(504)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_to_the_vendors_own_hosts() {
        let hosts = ["bfl.ai"];
        for (address, expected) in [
            ("https://bfl.ai/x", true),
            ("https://api.eu1.bfl.ai/v1?id=1", true),
            ("http://api.bfl.ai/", false),
            ("https://evilbfl.ai/", false),
            ("https://bfl.ai.evil.example/", false),
            ("https://evil.example/?bfl.ai", false),
            ("nonsense", false),
        ] {
            assert_eq!(is_at(address, &hosts), expected, "{address}");
        }
    }

    #[test]
    fn seeds_are_random_unless_given() {
        assert_eq!(seed(&json!({ "seed": 7 }), 10), 7);
        for body in [json!({ "seed": -1 }), json!({})] {
            assert!(seed(&body, 10).as_u64().is_some_and(|seed| seed < 10));
        }
    }
}

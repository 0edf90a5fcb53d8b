//! What the painters on a user's own machine have in common: an address in the body's `url`, and credentials in `auth`.

use axum::body::Body;
use axum::http::Method;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use reqwest::Url;
use serde_json::{Value, json};
use squaretable_compat::json::to_vec;

use crate::error::{Error, Result};
use crate::providers::exchange::{granted, read, respond, silent_error};
use crate::providers::js;
use crate::providers::relay::{Relay, RelayError, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::reply;

/// Why there is no picture, in words for the browser.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unpainted(pub(super) String);

impl From<Unpainted> for Error {
    /// 500 with the words as HTML.
    fn from(why: Unpainted) -> Self {
        Self::text(500, why.0)
    }
}

impl From<RelayError> for Unpainted {
    fn from(error: RelayError) -> Self {
        Self(error.to_string())
    }
}

/// The body's `url` with another path; its query stays.
pub(super) fn at(body: &Value, path: &str) -> Result<Url> {
    let mut url = Url::parse(&js::to_text(body.get("url"))).map_err(|_| silent_error())?;
    url.set_path(path);
    Ok(url)
}

/// The body's `url` and a path behind it, with one slash between them and repeated ones at the end of the first left out.
pub(super) fn below(body: &Value, path: &str) -> Result<Url, Unpainted> {
    let base = body.get("url").map_or(&Value::Null, |url| url);
    let Some(base) = base.as_str() else {
        let given = js::to_text(body.get("url"));
        return Err(Unpainted(format!("Url must be a string. Received {given}")));
    };
    Url::parse(&joined(base, path)).map_err(|_| Unpainted("Invalid URL".to_owned()))
}

/// compat: a query of the first part stays where it is, so that the path becomes a part of it.
fn joined(base: &str, path: &str) -> String {
    let (scheme, rest) = match base.split_once(':') {
        Some((scheme, rest)) if rest.starts_with('/') => (Some(scheme), rest.trim_start_matches('/')),
        _ => (None, base),
    };
    let rest = format!("{}/{}", rest.trim_end_matches('/'), path.trim_start_matches('/'));
    let rest = rest.replace("/?", "?").replace("/&", "&");
    match scheme {
        Some(scheme) => format!("{scheme}://{rest}"),
        None => rest,
    }
}

/// The header that identifies by the body's `auth`, which is a name and a password, or nothing.
pub(super) fn basic(body: &Value) -> UpstreamHeaders {
    let mut headers = UpstreamHeaders::default();
    let credentials = BASE64_STANDARD.encode(js::to_text(body.get("auth")));
    headers.set("Authorization", format!("Basic {credentials}"));
    headers
}

/// A request without a body.
pub(super) fn asking(method: Method, url: Url, headers: UpstreamHeaders) -> Upstream {
    Upstream {
        method,
        url,
        headers,
        body: Bytes::new(),
    }
}

/// A `POST` of JSON.
pub(super) fn telling(url: Url, mut headers: UpstreamHeaders, body: &Value) -> Upstream {
    headers.set("Content-Type", "application/json");
    Upstream {
        method: Method::POST,
        url,
        headers,
        body: to_vec(body).into(),
    }
}

/// A `POST` of a text.
pub(super) fn saying(url: Url, mut headers: UpstreamHeaders, text: String) -> Upstream {
    headers.set("Content-Type", "text/plain;charset=UTF-8");
    Upstream {
        method: Method::POST,
        url,
        headers,
        body: text.into(),
    }
}

/// The JSON of an answer that is none of a refusal.
///
/// # Errors
/// 500.
pub(super) async fn told(outcome: Result<UpstreamReply, RelayError>) -> Result<Value> {
    read(granted(outcome, silent_error)?)
        .await
        .map_err(|_| silent_error())
}

/// The JSON of an answer, whatever its status.
///
/// # Errors
/// 500.
pub(super) async fn heard(outcome: Result<UpstreamReply, RelayError>) -> Result<Value> {
    let answer = outcome.map_err(|_| silent_error())?;
    read(answer).await.map_err(|_| silent_error())
}

/// 200 where the painter is there.
///
/// # Errors
/// 500.
pub(super) async fn present(relay: &Relay, question: Upstream) -> Result<Response> {
    granted(relay.send(question).await, silent_error)?;
    Ok(reply::status(axum::http::StatusCode::OK))
}

/// A field of every element of a list, `null` where it has none.
///
/// # Errors
/// 500 for what is no list, and for `null` in it.
pub(super) fn named(list: &Value, field: &str) -> Result<Vec<Value>> {
    let list = list.as_array().ok_or_else(silent_error)?;
    let one = |item: &Value| match item {
        Value::Null => Err(silent_error()),
        item => Ok(item.get(field).cloned().unwrap_or_default()),
    };
    list.iter().map(one).collect()
}

/// A value as Express sends it; nothing at all for one that is missing.
pub(super) fn sent(value: Option<&Value>) -> Response {
    if let Some(value) = value {
        return respond(value);
    }
    // compat: its length is not announced.
    let nothing = futures_util::stream::empty::<std::io::Result<Bytes>>();
    let mut response = Response::new(Body::from_stream(nothing));
    reply::untag(response.extensions_mut());
    response
}

/// A list as JSON.
pub(super) fn listed(list: Vec<Value>) -> Response {
    reply::json_bytes(to_vec(&Value::Array(list)))
}

/// A picture of this format.
pub(super) fn picture(format: &str, data: &Value) -> Response {
    reply::json_bytes(to_vec(&json!({ "format": format, "data": data })))
}

/// The format that a file's name states; `png` where it states none.
pub(super) fn format_of(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((stem, format)) if !stem.is_empty() && !format.is_empty() => format.to_lowercase(),
        _ => "png".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stand_behind_an_address() {
        for (base, expected) in [
            ("http://a:1", "http://a:1/x/y"),
            ("http://a:1/", "http://a:1/x/y"),
            ("http://a:1/b//", "http://a:1/b/x/y"),
            ("http:///a", "http://a/x/y"),
            ("http://a/?k=1", "http://a/?k=1/x/y"),
        ] {
            let url = below(&json!({ "url": base }), "/x/y").map(String::from);
            assert_eq!(url.unwrap(), expected, "{base}");
        }
        for (url, expected) in [
            (json!(null), "Url must be a string. Received null"),
            (json!(5), "Url must be a string. Received 5"),
            (json!(""), "Invalid URL"),
        ] {
            let error = below(&json!({ "url": url }), "/x").unwrap_err();
            assert_eq!(error.0, expected, "{url}");
        }
        let kept = at(&json!({ "url": "http://a/b?k=1" }), "/x").unwrap();
        assert_eq!(kept.as_str(), "http://a/x?k=1");
    }

    #[test]
    fn names_state_formats() {
        for (name, expected) in [
            ("a.PNG", "png"),
            ("a.b.webp", "webp"),
            (".png", "png"),
            ("a.", "png"),
            ("d.x/a", "png"),
        ] {
            assert_eq!(format_of(name), expected, "{name}");
        }
    }
}

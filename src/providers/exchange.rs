//! One question to a third party, and its JSON answer: what every provider's requests and replies are made of.

use axum::http::header::ETAG;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use reqwest::Url;
use serde_json::{Value, json};
use squaretable_compat::json::{self as text_json, to_vec};

use super::chat::reply::check_json;
use super::relay::{RelayError, UpstreamReply};
use super::upstream::{Upstream, UpstreamHeaders};
use crate::error::Error;
use crate::middleware::etag;
use crate::reply;

/// Most bytes of an answer that is held as a whole.
pub const LARGEST: u64 = 128 << 20;

/// A request that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// The body names no address, or not as a text.
    #[error("The address of the server is missing.")]
    MissingServer,
    /// An address that does not parse.
    #[error("Invalid URL")]
    InvalidUrl,
    /// A part of an address that would make it another one.
    #[error("The name of a model, project or region in this request leads to another address.")]
    Misleading,
    /// NovelAI's requests are shaped by the model's name.
    #[error("The name of the model is missing.")]
    MissingModel,
}

impl From<RequestFault> for Error {
    /// 500 with its reason phrase, as routes answer that explain nothing; 400 for [`RequestFault::Misleading`], which is ours.
    fn from(fault: RequestFault) -> Self {
        match fault {
            RequestFault::Misleading => Self::text(400, fault.to_string()),
            _ => Self::Status(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

impl RequestFault {
    /// The runtime's error code; `UNKNOWN` where it has none.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidUrl => "ERR_INVALID_URL",
            Self::MissingServer | Self::MissingModel | Self::Misleading => "UNKNOWN",
        }
    }

    /// The answer of the routes that explain nothing: 500 with its reason phrase.
    #[must_use]
    pub fn server_error(&self) -> Response {
        server_error()
    }

    /// The answer where the original does not survive the request: 400 `{"error":{"message"}}`.
    #[must_use]
    pub fn bad_request(&self) -> Response {
        reply::json_with(
            StatusCode::BAD_REQUEST,
            &json!({ "error": { "message": self.to_string() } }),
        )
    }
}

/// A request without a body.
pub(super) fn without_body(
    method: Method,
    address: &str,
    headers: UpstreamHeaders,
) -> Result<Upstream, RequestFault> {
    Ok(Upstream {
        method,
        url: parse_url(address)?,
        headers,
        body: Bytes::new(),
    })
}

/// A `POST` of JSON, whose type the headers state.
pub(super) fn posting(
    address: &str,
    headers: UpstreamHeaders,
    body: &Value,
) -> Result<Upstream, RequestFault> {
    Ok(Upstream {
        method: Method::POST,
        url: parse_url(address)?,
        headers,
        body: to_vec(body).into(),
    })
}

/// A `POST` of a form of texts; the headers need not state its type.
pub(super) fn posting_form(
    address: &str,
    mut headers: UpstreamHeaders,
    fields: &[(&str, String)],
) -> Result<Upstream, RequestFault> {
    headers.set("Content-Type", "application/x-www-form-urlencoded");
    let mut form = form_urlencoded::Serializer::new(String::new());
    Ok(Upstream {
        method: Method::POST,
        url: parse_url(address)?,
        headers,
        body: form.extend_pairs(fields).finish().into(),
    })
}

/// The content type of JSON, alone.
pub(super) fn json_headers() -> UpstreamHeaders {
    let mut headers = UpstreamHeaders::default();
    headers.set("Content-Type", "application/json");
    headers
}

/// The headers that identify who asks by a key.
pub(super) fn bearer(key: &str) -> UpstreamHeaders {
    let mut headers = UpstreamHeaders::default();
    headers.set("Authorization", format!("Bearer {key}"));
    headers
}

/// The headers of JSON from who asks by a key.
pub(super) fn json_bearer(key: &str) -> UpstreamHeaders {
    let mut headers = bearer(key);
    headers.set("Content-Type", "application/json");
    headers
}

/// An absolute address.
pub(super) fn parse_url(address: &str) -> Result<Url, RequestFault> {
    Url::parse(address).map_err(|_| RequestFault::InvalidUrl)
}

/// Whether a text is one label of a host's name: what is put before a provider's domain must not lead to another, with the
/// user's key.
pub(super) fn is_host_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a text, put into an address's path as it is, adds steps to it and does nothing else: a key must not get to other
/// routes of its provider, least of all one that is lent.
pub(super) fn is_path(text: &str) -> bool {
    let is_plain = |c: char| !c.is_control() && !matches!(c, '?' | '#' | '%' | '\\');
    text.chars().all(is_plain) && !text.split('/').any(|step| matches!(step, "" | "." | ".."))
}

/// As [`is_path`], of one step.
pub(super) fn is_step(text: &str) -> bool {
    is_path(text) && !text.contains('/')
}

/// Why there is no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// Nothing came, or not all of it.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// More came than anybody can mean.
    #[error("The answer is longer than {LARGEST} bytes.")]
    TooLong,
    /// What came is no JSON, or not of the shape that was asked for; in the words that the browser shows.
    #[error("{0}")]
    Malformed(String),
}

/// The bytes of an answer, whatever its status.
pub(super) async fn read_bytes(reply: UpstreamReply) -> Result<Bytes, Unreadable> {
    reply.bytes_within(LARGEST).await?.ok_or(Unreadable::TooLong)
}

/// The text of an answer, whatever its status: without byte order mark, what is not UTF-8 as U+FFFD.
pub(super) async fn read_text(reply: UpstreamReply) -> Result<String, Unreadable> {
    let bytes = read_bytes(reply).await?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// The JSON of an answer, whatever its status.
pub(super) async fn read(reply: UpstreamReply) -> Result<Value, Unreadable> {
    let text = read_text(reply).await?;
    parse(&text).map_err(Unreadable::Malformed)
}

/// The answer of a provider that is there and does what it is asked for.
///
/// # Errors
/// `fault`.
pub(super) fn granted(
    outcome: Result<UpstreamReply, RelayError>,
    fault: fn() -> Error,
) -> Result<UpstreamReply, Error> {
    let answer = outcome.map_err(|_| fault())?;
    if answer.is_success() {
        return Ok(answer);
    }
    tracing::warn!(status = answer.status().as_u16(), "refused upstream");
    Err(fault())
}

/// As [`granted`], where the browser is told what the provider refuses with.
///
/// # Errors
/// 500 with the provider's text; `fault`.
pub(super) async fn granted_or_told(
    outcome: Result<UpstreamReply, RelayError>,
    fault: fn() -> Error,
) -> Result<UpstreamReply, Error> {
    match outcome {
        Ok(answer) if !answer.is_success() => {
            tracing::warn!(status = answer.status().as_u16(), "refused upstream");
            let text = read_text(answer).await.map_err(|_| fault())?;
            Err(Error::text(500, text))
        }
        other => granted(other, fault),
    }
}

/// How routes fail that say so: 500 with two words as HTML.
pub(crate) fn internal_error() -> Error {
    Error::text(500, "Internal server error")
}

/// How routes fail that do not even say so: 500 with its reason phrase.
pub(super) fn silent_error() -> Error {
    Error::status(500)
}

/// Parses JSON; the error is the JavaScript engine's message.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    text_json::parse(text.as_bytes())
        .map_err(|error| check_json(text).err().unwrap_or_else(|| error.to_string()))
}

/// A value as Express sends it: a text as HTML, `null` as nothing, anything else as JSON.
pub(super) fn respond(value: &Value) -> Response {
    match value {
        Value::String(text) => reply::html_text(text_json::lossy(text).into_owned()),
        Value::Null => {
            let mut response = Response::default();
            response.headers_mut().insert(ETAG, etag::weak(b""));
            response
        }
        other => reply::json_bytes(to_vec(other)),
    }
}

/// 500 with its reason phrase, which is how most of these routes fail.
pub(super) fn server_error() -> Response {
    reply::status(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::{is_host_label, is_path, is_step};

    #[test]
    fn a_label_leads_to_no_other_host() {
        for label in ["westeurope", "openai-whisper-1"] {
            assert!(is_host_label(label), "{label}");
        }
        for other in [
            "",
            "evil.example/",
            "evil.example#",
            "a.b",
            "a@b",
            "a:8",
            "a\\b",
            "ä",
            "a b",
        ] {
            assert!(!is_host_label(other), "{other}");
        }
    }

    #[test]
    fn a_path_goes_down_and_has_no_query() {
        for path in [
            "gemini-2.5-pro",
            "@cf/black-forest-labs/flux-1",
            "flux/dev",
            "..a",
            "m:n",
        ] {
            assert!(is_path(path), "{path}");
            assert_eq!(is_step(path), !path.contains('/'), "{path}");
        }
        for other in [
            "",
            "/",
            "a/",
            "//evil.example",
            "..",
            "../files",
            "a/../../b",
            "a/./b",
            "%2e%2e/b",
            "a%2f..",
            ".\t./b",
            "a\\..\\b",
            "a?key=",
            "a#b",
        ] {
            assert!(!is_path(other) && !is_step(other), "{other}");
        }
    }
}

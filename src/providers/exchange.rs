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

/// A request that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// The body names no address, or not as a text.
    #[error("The address of the server is missing.")]
    MissingServer,
    /// An address that does not parse.
    #[error("Invalid URL")]
    InvalidUrl,
    /// NovelAI's requests are shaped by the model's name.
    #[error("The name of the model is missing.")]
    MissingModel,
}

impl From<RequestFault> for Error {
    /// 500 with its reason phrase, as routes answer that explain nothing.
    fn from(_: RequestFault) -> Self {
        Self::Status(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl RequestFault {
    /// The runtime's error code; `UNKNOWN` where it has none.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidUrl => "ERR_INVALID_URL",
            Self::MissingServer | Self::MissingModel => "UNKNOWN",
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

/// The content type of JSON, alone.
pub(super) fn json_headers() -> UpstreamHeaders {
    let mut headers = UpstreamHeaders::default();
    headers.set("Content-Type", "application/json");
    headers
}

/// An absolute address.
pub(super) fn parse_url(address: &str) -> Result<Url, RequestFault> {
    Url::parse(address).map_err(|_| RequestFault::InvalidUrl)
}

/// Why there is no JSON answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoJson {
    /// Nothing came, or not all of it.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// What came is no JSON, or not of the shape that was asked for; in the words that the browser shows.
    #[error("{0}")]
    Malformed(String),
}

/// The JSON of an answer, whatever its status.
pub(super) async fn read(reply: UpstreamReply) -> Result<Value, NoJson> {
    let text = reply.text().await?;
    parse(&text).map_err(NoJson::Malformed)
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

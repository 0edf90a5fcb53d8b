//! Text completions: from the browser's request body to outbound requests, and from their answers to the browser's.
//!
//! `/api/backends/text-completions`, `/api/backends/kobold`, `/api/horde` and `/api/novelai` are thin layers over this:
//! requests are built without I/O, and [`reply`] and its siblings shape what the relay brings back.

pub mod backend;
pub mod horde;
pub mod kobold;
pub mod novelai;
mod novelai_tokens;
pub mod ollama;
pub mod reply;
pub mod request;
pub mod tokens;
pub mod tools;

use axum::http::Method;
use bytes::Bytes;
use reqwest::Url;
use serde_json::{Map, Value};

use super::js;
use super::upstream::{Upstream, UpstreamHeaders};

/// A request that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
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

impl TextFault {
    /// The runtime's error code; `UNKNOWN` where it has none.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidUrl => "ERR_INVALID_URL",
            Self::MissingServer | Self::MissingModel => "UNKNOWN",
        }
    }
}

/// A request without a body.
fn without_body(method: Method, address: &str, headers: UpstreamHeaders) -> Result<Upstream, TextFault> {
    Ok(Upstream {
        method,
        url: parse_url(address)?,
        headers,
        body: Bytes::new(),
    })
}

/// A `POST` of JSON, whose type the headers state.
fn posting(address: &str, headers: UpstreamHeaders, body: &Value) -> Result<Upstream, TextFault> {
    Ok(Upstream {
        method: Method::POST,
        url: parse_url(address)?,
        headers,
        body: squaretable_compat::json::to_vec(body).into(),
    })
}

/// The content type of JSON, alone.
fn json_headers() -> UpstreamHeaders {
    let mut headers = UpstreamHeaders::default();
    headers.set("Content-Type", "application/json");
    headers
}

fn parse_url(address: &str) -> Result<Url, TextFault> {
    Url::parse(address).map_err(|_| TextFault::InvalidUrl)
}

/// The fields of `body` under these names, in their order; absent ones are left out.
fn copied(body: &Value, names: &str) -> Map<String, Value> {
    let present = |name: &str| Some((name.to_owned(), body.get(name)?.clone()));
    names.split(' ').filter_map(present).collect()
}

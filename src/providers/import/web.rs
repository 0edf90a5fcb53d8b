//! Downloads for imports: bounded in size, through the relay.

use std::path::PathBuf;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use reqwest::Url;
use serde_json::Value;
use squaretable_compat::json::{js_string, lossy, parse};

use super::{ImportError, link};
use crate::pictures;
use crate::providers::relay::Relay;
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// Longest download, in bytes: as large as a picture that is decoded.
pub const MAX_DOWNLOAD: u64 = pictures::MAX_ENCODED;

/// What the sites know SillyTavern by.
pub(super) const AGENT: (&str, &str) = ("User-Agent", "SillyTavern");

/// The way to other sites.
#[derive(Debug)]
pub struct Web {
    relay: Relay,
    default_picture: PathBuf,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The address that answered, after redirects.
    pub(super) url: String,
    /// The content type, one character a byte; `None` when absent or empty.
    pub(super) media_type: Option<String>,
    pub(super) body: Bytes,
}

impl Web {
    /// Through `relay`; `default_picture` is the file of a card without a picture of its own, a PNG.
    #[must_use]
    pub fn new(relay: Relay, default_picture: PathBuf) -> Self {
        Self {
            relay,
            default_picture,
        }
    }

    /// `GET` with headers.
    pub(super) async fn get(&self, address: &str, headers: &[(&str, &str)]) -> Result<Answer, ImportError> {
        self.send(request(Method::GET, address, headers, Bytes::new())?)
            .await
    }

    /// `POST` of JSON.
    pub(super) async fn post(&self, address: &str, body: &Value) -> Result<Answer, ImportError> {
        let body = squaretable_compat::json::to_vec(body).into();
        let headers = [("Content-Type", "application/json")];
        self.send(request(Method::POST, address, &headers, body)?).await
    }

    /// What a link inside an answer leads to; `data:` links hold it themselves.
    pub(super) async fn follow(&self, link: &Value, headers: &[(&str, &str)]) -> Result<Answer, ImportError> {
        let text = js_string(link);
        match link::decode(&lossy(&text)) {
            Some((media_type, body)) => Ok(Answer {
                status: StatusCode::OK,
                url: text,
                media_type: Some(media_type),
                body,
            }),
            None => self.get(&text, headers).await,
        }
    }

    /// The picture of a card without one.
    pub(super) async fn default_picture(&self) -> Result<Bytes, ImportError> {
        Ok(tokio::fs::read(&self.default_picture).await?.into())
    }

    async fn send(&self, request: Upstream) -> Result<Answer, ImportError> {
        let reply = self.relay.send(request).await?;
        let (status, url) = (reply.status(), reply.url().to_string());
        let media_type = media_type(reply.headers());
        let body = reply.bytes_within(MAX_DOWNLOAD).await?;
        Ok(Answer {
            status,
            url,
            media_type,
            body: body.ok_or(ImportError::TooLarge)?,
        })
    }
}

impl Answer {
    /// The answer, when its status is 2xx.
    pub(super) fn succeeded(self) -> Result<Self, ImportError> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(ImportError::Refused(self.status))
        }
    }

    /// The body as JSON, a byte order mark skipped.
    pub(super) fn json(&self) -> Result<Value, ImportError> {
        let body = self.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.body);
        Ok(parse(body)?)
    }
}

fn request(
    method: Method,
    address: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Upstream, ImportError> {
    let url =
        Url::parse(&lossy(address)).map_err(|_| ImportError::Unexpected("a link that is no address"))?;
    let mut lines = UpstreamHeaders::default();
    for &(name, value) in headers {
        lines.set(name, value);
    }
    Ok(Upstream {
        method,
        url,
        headers: lines,
        body,
    })
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(CONTENT_TYPE).iter();
    let texts: Vec<String> = lines
        .map(|line| line.as_bytes().iter().copied().map(char::from).collect())
        .collect();
    Some(texts.join(", ")).filter(|text| !text.is_empty())
}

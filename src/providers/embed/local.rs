//! Servers at an address of the user's that turn texts into vectors.

use serde_json::{Value, json};

use super::Question;
use crate::config::upstream::UpstreamConfig;
use crate::providers::exchange::{RequestFault, json_headers, parse_url, posting};
use crate::providers::js;
use crate::providers::text::backend::{Backend, identify, trim_v1};
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// `POST` to `/v1/embeddings` below the body's `apiUrl`.
pub(super) fn openai_like(
    backend: &str,
    body: &Value,
    request: &Value,
    key: &str,
    config: &UpstreamConfig,
) -> Result<Upstream, RequestFault> {
    let server = js::to_text(body.get("apiUrl"));
    let address = format!("{}/v1/embeddings", trim_v1(&server).trim_end_matches('/'));
    posting(&address, headers(backend, &server, key, config), request)
}

/// `POST` to `/api/embed`, whatever path the body's `apiUrl` has.
pub(super) fn ollama(
    body: &Value,
    texts: &[Value],
    model: &str,
    config: &UpstreamConfig,
) -> Result<Upstream, RequestFault> {
    let server = js::to_text(body.get("apiUrl"));
    let mut url = parse_url(&server)?;
    url.set_path("/api/embed");
    let mut request = json!({ "input": texts, "model": model });
    if js::is_truthy(body.get("keep")) {
        request["keep_alive"] = (-1).into();
    }
    request["truncate"] = true.into();
    posting(url.as_str(), headers("ollama", &server, "", config), &request)
}

/// `POST` to `/api/embeddings/compute`, whatever path the body's `extrasUrl` has; the key is `extrasKey`.
pub(super) fn extras(asked: Question<'_>) -> Result<Upstream, RequestFault> {
    let mut url = parse_url(&js::to_text(asked.body.get("extrasUrl")))?;
    url.set_path("/api/embeddings/compute");
    let mut headers = json_headers();
    let key = js::to_text(asked.body.get("extrasKey"));
    if !key.is_empty() {
        headers.set("Authorization", format!("Bearer {key}"));
    }
    let text = match asked.texts {
        [text] if asked.is_query => text.clone(),
        texts => texts.into(),
    };
    posting(url.as_str(), headers, &json!({ "text": text }))
}

fn headers(backend: &str, server: &str, key: &str, config: &UpstreamConfig) -> UpstreamHeaders {
    let mut headers = json_headers();
    identify(&mut headers, Backend::named(backend), key, server, config);
    headers
}

//! Vectors by AI Studio and Vertex AI.

use serde_json::{Value, json};

use crate::providers::exchange::{RequestFault, posting};
use crate::providers::google_api::Access;
use crate::providers::upstream::Upstream;

/// The request for one batch of texts. `vertex` is the form of the question; whose door it is, `access` says. `version` is
/// AI Studio's.
///
/// # Errors
/// For a proxy that is no address, and a region that would lead to another host.
pub fn request(
    vertex: bool,
    body: &Value,
    texts: &[Value],
    model: &str,
    access: &Access,
    version: &str,
) -> Result<Upstream, RequestFault> {
    let (method, request) = if vertex {
        let texts: Vec<Value> = texts.iter().map(|text| json!({ "content": text })).collect();
        ("predict", json!({ "instances": texts }))
    } else {
        let texts: Vec<Value> = texts
            .iter()
            .map(|text| {
                json!({ "model": format!("models/{model}"), "content": { "parts": [{ "text": text }] } })
            })
            .collect();
        ("batchEmbedContents", json!({ "requests": texts }))
    };
    let (address, headers) = access.address(body, model, method, version)?;
    posting(&address, headers, &request)
}

//! The server of stable-diffusion.cpp.

use axum::http::Method;
use axum::response::Response;
use serde_json::{Map, Value};

use super::server::{Unpainted, asking, below, present, sent, telling, told};
use crate::error::Result;
use crate::providers::exchange::silent_error;
use crate::providers::js;
use crate::providers::relay::Relay;
use crate::providers::upstream::UpstreamHeaders;

/// The fields of a request; those that are empty are left out.
const FIELDS: [&str; 11] = [
    "model",
    "prompt",
    "negative_prompt",
    "width",
    "height",
    "steps",
    "cfg_scale",
    "seed",
    "batch_size",
    "sampler_name",
    "scheduler",
];

fn silent(_: Unpainted) -> crate::error::Error {
    silent_error()
}

/// 200 where there is a server.
///
/// # Errors
/// 500.
pub async fn ping(body: &Value, relay: &Relay) -> Result<Response> {
    let url = below(body, "/v1/images/generations").map_err(silent)?;
    present(relay, asking(Method::OPTIONS, url, UpstreamHeaders::default())).await
}

/// The server's list of models, as it is.
///
/// # Errors
/// 500.
pub async fn models(body: &Value, relay: &Relay) -> Result<Response> {
    let url = below(body, "/v1/models").map_err(silent)?;
    let models = told(
        relay
            .send(asking(Method::GET, url, UpstreamHeaders::default()))
            .await,
    )
    .await?;
    Ok(sent(Some(&models)))
}

/// The server's own answer.
///
/// # Errors
/// 500.
pub async fn generate(body: &Value, relay: &Relay) -> Result<Response> {
    let url = below(body, "/sdapi/v1/txt2img").map_err(silent)?;
    let mut request = Map::new();
    for field in FIELDS {
        let value = body.get(field).filter(|value| !value.is_null() && *value != "");
        request.extend(value.map(|value| (field.to_owned(), value.clone())));
    }
    // 1 skips nothing, but has the server paint nothing.
    let skip = body
        .get("clip_skip")
        .filter(|skip| js::to_number(Some(skip)) > 1.0);
    request.extend(skip.map(|skip| ("clip_skip".to_owned(), skip.clone())));
    let request = telling(url, UpstreamHeaders::default(), &request.into());
    let painted = told(relay.send(request).await).await?;
    Ok(sent(Some(&painted)))
}

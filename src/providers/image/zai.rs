//! Z.AI: pictures and films.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use reqwest::Url;
use serde_json::Value;

use super::server::{format_of, told};
use super::vendor::{accepted, base64_of, object, order, question, renamed, some, too_late};
use crate::error::{Error, Result};
use crate::providers::exchange::{bearer, read, silent_error};
use crate::providers::js;
use crate::providers::polling::Polling;
use crate::providers::relay::Relay;
use crate::providers::upstream::UpstreamHeaders;

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_zai";

const API: &str = "https://api.z.ai/api/paas/v4";
/// How often a picture is asked for that is not there yet.
const POLLING: Polling = Polling::every(Duration::from_secs(1), 5).at_once();

/// A picture as `{"image","format"}`, fetched by `untrusted` from Z.AI's hosts.
///
/// # Errors
/// 500.
pub async fn picture(body: &Value, key: &str, relay: &Relay, untrusted: &Relay) -> Result<Response> {
    let same = ["prompt", "model", "quality", "size"].map(|field| (field, field));
    let order = order(&format!("{API}/images/generations"), key, renamed(body, &same))?;
    let answer = told(relay.send(order).await).await?;
    let address = answer.pointer("/data/0/url").map(|url| js::to_text(Some(url)));
    let url = Url::parse(&address.unwrap_or_default()).map_err(|_| silent_error())?;
    let host = url.host_str().unwrap_or_default();
    if !host.ends_with(".z.ai") && !host.ends_with(".ufileos.com") {
        return Err(silent_error());
    }
    let there = POLLING.until(|| async {
        let question = question(url.as_str(), UpstreamHeaders::default())?;
        let answer = untrusted.send(question).await.map_err(|_| silent_error())?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(answer)),
            _ => Err(silent_error()),
        }
    });
    let answer = there.await?.ok_or_else(silent_error)?;
    let format = format_of(url.path()).into();
    Ok(object(&[
        ("image", &base64_of(answer).await?),
        ("format", &format),
    ]))
}

/// A film as `{"format","video"}`, fetched by `untrusted`.
///
/// # Errors
/// 500, with Z.AI's text where it refuses later on; 504 when it is not done in time.
pub async fn film(
    body: &Value,
    key: &str,
    relay: &Relay,
    untrusted: &Relay,
    polling: Polling,
) -> Result<Response> {
    let same = ["prompt", "model", "quality", "size", "aspect_ratio"].map(|field| (field, field));
    let order = order(&format!("{API}/videos/generations"), key, renamed(body, &same))?;
    let task = told(relay.send(order).await).await?;
    if task.is_null() {
        return Err(silent_error());
    }
    let id = js::path_step(&js::to_text(task.get("id")));
    let address = format!("{API}/async-result/{id}");
    let made = polling.until(|| async {
        let answer = accepted(relay, question(&address, bearer(key))?, silent_error).await?;
        let state = read(answer).await.map_err(|_| silent_error())?;
        match state.get("task_status").and_then(Value::as_str) {
            Some("FAIL") => Err(Error::text(500, "Video generation failed")),
            Some("SUCCESS") => Ok(Some(state)),
            _ if state.is_null() => Err(silent_error()),
            _ => Ok(None),
        }
    });
    let state = made.await?.ok_or_else(too_late)?;
    let url = js::to_text(Some(some(&state, "/video_result/0/url")?));
    let question = question(&url, UpstreamHeaders::default())?;
    let film = base64_of(accepted(untrusted, question, silent_error).await?).await?;
    Ok(object(&[("format", &"mp4".into()), ("video", &film)]))
}

//! Z.AI: pictures and films.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use reqwest::Url;
use serde_json::Value;

use super::server::{format_of, told};
use super::vendor::{base64_of, object, order, question, renamed, some, too_late};
use super::video;
use crate::error::{Error, Result};
use crate::providers::exchange::{bearer, read, read_text, silent_error};
use crate::providers::js;
use crate::providers::relay::{Relay, UpstreamReply};
use crate::providers::upstream::UpstreamHeaders;

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_zai";

const API: &str = "https://api.z.ai/api/paas/v4";
/// How often a picture is asked for that is not there yet.
const ATTEMPTS: u32 = 5;
/// How long it is left alone in between.
const INTERVAL: Duration = Duration::from_secs(1);

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
    for _ in 0..ATTEMPTS {
        let question = question(url.as_str(), UpstreamHeaders::default())?;
        let answer = untrusted.send(question).await.map_err(|_| silent_error())?;
        if answer.status() == StatusCode::NOT_FOUND {
            tokio::time::sleep(INTERVAL).await;
            continue;
        }
        if !answer.is_success() {
            return Err(silent_error());
        }
        let format = format_of(url.path()).into();
        return Ok(object(&[
            ("image", &base64_of(answer).await?),
            ("format", &format),
        ]));
    }
    Err(silent_error())
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
    first: Duration,
) -> Result<Response> {
    let same = ["prompt", "model", "quality", "size", "aspect_ratio"].map(|field| (field, field));
    let order = order(&format!("{API}/videos/generations"), key, renamed(body, &same))?;
    let task = told(relay.send(order).await).await?;
    if task.is_null() {
        return Err(silent_error());
    }
    let id = js::path_step(&js::to_text(task.get("id")));
    let address = format!("{API}/async-result/{id}");
    for pause in video::pauses(first) {
        tokio::time::sleep(pause).await;
        let answer = relay
            .send(question(&address, bearer(key))?)
            .await
            .map_err(|_| silent_error())?;
        let state = read(accepted(answer).await?).await.map_err(|_| silent_error())?;
        match state.get("task_status").and_then(Value::as_str) {
            Some("FAIL") => return Err(Error::text(500, "Video generation failed")),
            Some("SUCCESS") => {
                let url = js::to_text(Some(some(&state, "/video_result/0/url")?));
                let answer = untrusted.send(question(&url, UpstreamHeaders::default())?).await;
                let film = base64_of(accepted(answer.map_err(|_| silent_error())?).await?).await?;
                return Ok(object(&[("format", &"mp4".into()), ("video", &film)]));
            }
            _ if state.is_null() => return Err(silent_error()),
            _ => {}
        }
    }
    Err(too_late())
}

/// An answer that is no refusal; a refusal is told as it is.
pub(super) async fn accepted(answer: UpstreamReply) -> Result<UpstreamReply> {
    if answer.is_success() {
        return Ok(answer);
    }
    let text = read_text(answer).await.map_err(|_| silent_error())?;
    Err(Error::text(500, text))
}

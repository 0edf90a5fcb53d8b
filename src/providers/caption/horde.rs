//! Captions by the AI Horde: a task, and its state until it is done.

use std::time::Duration;

use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::json::to_vec;

use crate::error::{Error, Result};
use crate::providers::exchange::{granted, json_headers, posting, read, silent_error, without_body};
use crate::providers::js;
use crate::providers::polling::Polling;
use crate::providers::relay::Relay;
use crate::providers::text::horde::{ANONYMOUS, API, agent};
use crate::reply;

/// How often the Horde is asked for a task's state.
pub const POLLING: Polling = Polling::every(Duration::from_secs(3), 200);

/// Asks for a caption of the body's `image` and waits for it. An empty key is nobody's.
///
/// # Errors
/// 400 when the Horde takes no task, 503 when it gives it up or is not done with it in time, 500.
pub async fn caption(
    body: &Value,
    key: &str,
    version: &str,
    relay: &Relay,
    polling: Polling,
) -> Result<Response> {
    let mut headers = json_headers();
    headers.set("Client-Agent", agent(version));
    let mut asking = headers.clone();
    asking.set("apikey", if key.is_empty() { ANONYMOUS } else { key });
    let mut request = json!({});
    if let Some(image) = body.get("image") {
        request["source_image"] = image.clone();
    }
    request["forms"] = json!([{ "name": "caption" }]);
    let question = posting(&format!("{API}/interrogate/async"), asking, &request)?;
    let task = read(granted(relay.send(question).await, silent_error)?).await;
    let task = task.map_err(|_| silent_error())?;
    let id = task.get("id").filter(|id| js::is_truthy(Some(id)));
    let id = js::path_step(&js::to_text(Some(id.ok_or_else(Error::bad_request)?)));
    let address = format!("{API}/interrogate/status/{id}");
    let made = polling.until(|| async {
        let question = without_body(axum::http::Method::GET, &address, headers.clone())?;
        let state = read(granted(relay.send(question).await, silent_error)?).await;
        let state = state.map_err(|_| silent_error())?;
        match state.get("state").and_then(Value::as_str) {
            Some("done") => Ok(Some(state)),
            Some("faulted" | "cancelled") => Err(Error::status(503)),
            _ => Ok(None),
        }
    });
    // The original never answers one that is late.
    done(&made.await?.ok_or_else(|| Error::status(503))?)
}

fn done(state: &Value) -> Result<Response> {
    let caption = state.pointer("/forms/0/result/caption");
    let caption = caption.filter(|caption| js::is_truthy(Some(caption)));
    let caption = caption.ok_or_else(silent_error)?;
    Ok(reply::json_bytes(to_vec(&json!({ "caption": caption }))))
}

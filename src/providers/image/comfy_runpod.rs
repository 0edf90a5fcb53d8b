//! `ComfyUI` on `RunPod`'s machines.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use squaretable_compat::json::to_vec;

use super::comfy::{answered, id_of};
use super::server::{Unpainted, asking, below, format_of, picture, saying, told};
use crate::error::{Error, Result};
use crate::providers::exchange::{bearer, parse, silent_error};
use crate::providers::farewell::Farewell;
use crate::providers::js;
use crate::providers::polling::Polling;
use crate::providers::relay::Relay;
use crate::reply;

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_comfy_runpod";

/// How often it is asked whether a picture is done, for half an hour.
pub const POLLING: Polling = Polling::every(Duration::from_millis(500), 2 * 60 * 30).at_once();
/// What a job is that is over; one that has a picture was answered before.
const OVER: [&str; 4] = ["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"];

/// 200 where the endpoint is there and tells of its workers.
///
/// # Errors
/// 500.
pub async fn ping(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let url = below(body, "/health").map_err(|_| silent_error())?;
    let health = told(relay.send(asking(Method::GET, url, bearer(key))).await).await?;
    let workers = health.get("workers").filter(|workers| !workers.is_null());
    let ready = workers.ok_or_else(silent_error)?.get("ready");
    if js::to_number(ready) <= 0.0 {
        tracing::warn!("RunPod has no worker ready");
    }
    Ok(reply::status(StatusCode::OK))
}

/// Runs the workflow in the body's `prompt` and answers its first picture as `{"format","data"}`, base64. When the browser
/// goes, the job is cancelled.
///
/// # Errors
/// 500 with the reason, among them that the job failed, which the original waits for ever then, or is not done in
/// time.
pub async fn generate(body: &Value, key: &str, relay: &Relay, polling: Polling) -> Result<Response> {
    let url = below(body, "/run")?;
    let workflow = workflow(body)?;
    let job = answered(relay, saying(url, bearer(key), workflow)).await?;
    let id = js::path_step(&id_of(&job, "id")?);
    let cancel = asking(Method::POST, below(body, &format!("/cancel/{id}"))?, bearer(key));
    let farewell = Farewell::new(relay.clone(), Some(cancel));
    match painted(body, key, &id, relay, polling).await {
        Ok(Some(response)) => Ok(farewell.finish(response)),
        // Nobody waits for it any more, so that it is cancelled.
        Ok(None) => Err(Unpainted("RunPod is not done in time.".to_owned()).into()),
        Err(why) => Ok(farewell.finish(Error::from(why).into_response())),
    }
}

async fn painted(
    body: &Value,
    key: &str,
    id: &str,
    relay: &Relay,
    polling: Polling,
) -> Result<Option<Response>, Unpainted> {
    let status = below(body, &format!("/status/{id}"))?;
    let done = polling.until(|| async {
        let job = answered(relay, asking(Method::GET, status.clone(), bearer(key))).await?;
        if let Some(output) = job.get("output").filter(|output| js::is_truthy(Some(output))) {
            let images = output.get("images").filter(|images| !images.is_null());
            let images = images.ok_or_else(|| Unpainted("RunPod returned no images.".to_owned()))?;
            if let Some(image) = images.get(0).filter(|image| js::is_truthy(Some(image))) {
                return file(image).map(Some);
            }
        }
        if let Some(state) = job
            .get("status")
            .and_then(Value::as_str)
            .filter(|state| OVER.contains(state))
        {
            return Err(Unpainted(format!("The job on RunPod ended: {state}")));
        }
        Ok(None)
    });
    done.await
}

fn file(image: &Value) -> Result<Response, Unpainted> {
    let name = image.get("filename").and_then(Value::as_str);
    let name = name.ok_or_else(|| Unpainted("RunPod returned a file without a name.".to_owned()))?;
    let data = image.get("data");
    let format = format_of(name);
    Ok(match data {
        Some(data) => picture(&format, data),
        None => reply::json_bytes(to_vec(&json!({ "format": format }))),
    })
}

/// The workflow of a prompt, in the envelope that the endpoint wants.
fn workflow(body: &Value) -> Result<String, Unpainted> {
    let prompt = parse(&js::to_text(body.get("prompt"))).map_err(Unpainted)?;
    if prompt.is_null() {
        return Err(Unpainted("The prompt is null.".to_owned()));
    }
    let workflow = prompt.get("prompt");
    let is_wrapped = js::is_truthy(workflow.and_then(|workflow| workflow.pointer("/input/workflow")));
    let wrapped = match workflow {
        Some(workflow) if is_wrapped => workflow.clone(),
        Some(workflow) => json!({ "input": { "workflow": workflow } }),
        None => json!({ "input": {} }),
    };
    Ok(String::from_utf8_lossy(&to_vec(&wrapped)).into_owned())
}

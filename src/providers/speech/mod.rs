//! Services that speak, and services that listen: requests from the browser's body, and audio or words out of the answers.
//!
//! A request that lacks its key or a field is 400. What else fails is 500; each service's routes have a wording of their own.

pub mod azure;
pub mod elevenlabs;
pub mod google;
pub mod minimax;
pub mod novelai;
pub mod openai;
pub mod pollinations;
pub mod transcribe;
pub mod volcengine;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use squaretable_compat::json::to_vec;

use super::exchange::{is_host_label, read, read_bytes};
use super::js;
use super::relay::UpstreamReply;
use crate::error::{Error, Result};
use crate::reply;

/// What most services send.
const MPEG: &str = "audio/mpeg";

/// The answer's bytes as audio of this type.
async fn audio(answer: UpstreamReply, media_type: &str, fault: fn() -> Error) -> Result<Response> {
    let bytes = read_bytes(answer).await.map_err(|_| fault())?;
    Ok(reply::bytes(StatusCode::OK, media_type, bytes))
}

/// The answer's JSON.
async fn passed(answer: UpstreamReply, fault: fn() -> Error) -> Result<Response> {
    let value = read(answer).await.map_err(|_| fault())?;
    Ok(reply::json_bytes(to_vec(&value)))
}

/// A field that JavaScript takes for true.
fn given<'a>(body: &'a Value, field: &str) -> Option<&'a Value> {
    body.get(field).filter(|value| js::is_truthy(Some(value)))
}

/// A field that is neither missing nor `null`.
fn some<'a>(body: &'a Value, field: &str) -> Option<&'a Value> {
    body.get(field).filter(|value| !value.is_null())
}

/// A text that is one label of a host's name; 400 for any other.
fn host_label(text: &str) -> Result<&str> {
    if is_host_label(text) {
        Ok(text)
    } else {
        Err(Error::bad_request())
    }
}

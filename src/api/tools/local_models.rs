//! `/api/extra/caption`, `/api/extra/classify`, `/api/speech/recognize` and `/api/speech/synthesize`: models that run
//! inside the server.
//!
//! compat: whatever fails is a bare 500, be it that there is no model or that the body holds no text.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use squaretable_compat::buffer::from_base64;

use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::models::{Wanted, captioning, classification, recognition, synthesis};
use crate::routes::Routes;
use crate::tenant::Tenant;
use crate::{pictures, reply};

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/extra/caption/", caption)
        .post("/api/extra/classify/", classify)
        .post("/api/extra/classify/labels", labels)
        .post("/api/speech/recognize", recognize)
        .post("/api/speech/synthesize", synthesize)
}

/// `POST /api/extra/caption`: of `image`, base64 of a picture; 400 where it is none.
async fn caption(State(app): State<App>, _: Tenant, body: Body) -> Result<Response> {
    let image = from_base64(body.str("image").ok_or_else(Error::bad_request)?.as_bytes());
    let picture = pictures::off_thread(move || pictures::decode(&image)).await?;
    let picture = picture.map_err(|error| {
        tracing::warn!("a picture that is to be captioned: {error}");
        Error::bad_request()
    })?;
    let caption = captioning::caption(app.models(), picture).await?;
    Ok(reply::json(&json!({ "caption": caption })))
}

/// `POST /api/extra/classify`: the five labels that fit `text` best.
async fn classify(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let text = text_of(&body)?;
    let scored = classification::classify(app.models(), tenant.user().tenant, text).await?;
    Ok(reply::json(&json!({ "classification": *scored })))
}

/// `POST /api/extra/classify/labels`
async fn labels(State(app): State<App>, _: Tenant) -> Result<Response> {
    let labels = classification::labels(app.models()).await?;
    Ok(reply::json(&json!({ "labels": labels })))
}

/// `POST /api/speech/recognize`: what is said in `audio`, a WAV file as a data URL, in the language `lang`.
async fn recognize(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let audio = body.str("audio").ok_or_else(fault)?.to_owned();
    let language = optional_text(body.get("lang"))?.unwrap_or_default();
    let wanted = wanted(&tenant, &body)?;
    let text = recognition::recognize(app.models(), wanted, audio, language).await?;
    Ok(reply::json(&json!({ "text": text })))
}

/// `POST /api/speech/synthesize`: `text` as a WAV file, in the voice `speaker`: floats as base64 or as a data URL.
async fn synthesize(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let text = text_of(&body)?;
    let speaker = optional_text(body.get("speaker"))?.map(|speaker| {
        let data = speaker
            .starts_with("data:")
            .then(|| speaker.split(',').nth(1).unwrap_or_default());
        from_base64(data.unwrap_or(&speaker).as_bytes())
    });
    let wave = synthesis::synthesize(app.models(), wanted(&tenant, &body)?, text, speaker).await?;
    Ok(reply::bytes(StatusCode::OK, "audio/wav", Bytes::from(wave)))
}

/// The model that the body names, which only administrators have downloaded: others could fill the disk.
fn wanted(tenant: &Tenant, body: &Body) -> Result<Wanted> {
    let named = optional_text(body.get("model"))?;
    Ok(named.map_or(Wanted::Configured, |id| Wanted::Named {
        id,
        may_download: tenant.user().admin,
    }))
}

fn text_of(body: &Body) -> Result<String> {
    Ok(body.str("text").ok_or_else(fault)?.to_owned())
}

/// A text, or nothing in its place.
fn optional_text(value: &Value) -> Result<Option<String>> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(Some(text.clone())),
        value if squaretable_compat::json::js_truthy(value) => Err(fault()),
        _ => Ok(None),
    }
}

fn fault() -> Error {
    Error::status(500)
}

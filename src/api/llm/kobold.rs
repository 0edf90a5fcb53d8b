//! `/api/backends/kobold`: KoboldAI and what KoboldCpp adds to it.

use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use squaretable_compat::json::js_string;

use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::{Body, Upload};
use crate::generations::{self, Keeping};
use crate::providers::farewell::Farewell;
use crate::providers::relay::UpstreamReply;
use crate::providers::text::kobold;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// The key of the user's secret for KoboldCpp; KoboldAI takes none.
const SECRET_KEY: &str = "api_key_koboldcpp";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/backends/kobold/generate", generate)
        .post("/api/backends/kobold/status", status)
        .post("/api/backends/kobold/transcribe-audio", transcribe_audio)
        .post("/api/backends/kobold/embed", embed)
}

/// `POST /api/backends/kobold/generate`: one completion, streamed byte for byte when the body asks for it.
///
/// When the browser goes, the connection to the server is dropped and the server told to stop, unless the user's answers
/// are kept.
async fn generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let call = match kobold::generate(&body, &app.config().upstream) {
        Ok(call) => call,
        Err(fault) => return Ok(fault.bad_request()),
    };
    let keeping = Keeping::of(&app, &tenant, &body).await?;
    let abort = call.abort.filter(|_| keeping.is_none());
    let farewell = Farewell::new(app.relay().clone(), abort);
    let outcome = generations::send(&app, keeping, call.upstream).await;
    let is_stream = call.stream && outcome.as_ref().is_ok_and(UpstreamReply::is_success);
    let response = kobold::generated(call.stream, outcome).await;
    Ok(if is_stream {
        farewell.with(response)
    } else {
        farewell.finish(response)
    })
}

/// `POST /api/backends/kobold/status`: versions and model, as far as they can be learnt.
async fn status(State(app): State<App>, _: Tenant, Body(body): Body) -> Response {
    kobold::status(&body, app.relay())
        .await
        .unwrap_or_else(|fault| fault.bad_request())
}

/// `POST /api/backends/kobold/transcribe-audio`: a recording to text, by KoboldCpp.
async fn transcribe_audio(State(app): State<App>, tenant: Tenant, upload: Upload) -> Result<Response> {
    let (true, Some(file)) = (upload.fields.truthy("server"), &upload.file) else {
        return Err(Error::bad_request());
    };
    let audio = BASE64_STANDARD.encode(file.read().await?);
    let secret = secrets::value_of(&app, &tenant, SECRET_KEY, None).await?;
    let server = js_string(upload.fields.get("server"));
    Ok(
        match kobold::transcription(&server, &audio, &secret, &app.config().upstream) {
            Ok(upstream) => kobold::transcribed(app.relay().send(upstream).await).await,
            Err(_) => kobold::failure(),
        },
    )
}

/// `POST /api/backends/kobold/embed`: texts to vectors, by KoboldCpp.
async fn embed(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("server") {
        return Err(Error::bad_request());
    }
    let secret = secrets::value_of(&app, &tenant, SECRET_KEY, None).await?;
    let server = js_string(body.get("server"));
    Ok(
        match kobold::embedding(&server, body.0.get("items"), &secret, &app.config().upstream) {
            Ok(upstream) => kobold::embedded(app.relay().send(upstream).await).await,
            Err(_) => kobold::failure(),
        },
    )
}

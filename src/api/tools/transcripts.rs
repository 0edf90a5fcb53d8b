//! `/api/openai/**/transcribe-audio`: recordings to text.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;

use super::key_for;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Upload;
use crate::providers::exchange::LARGEST;
use crate::providers::speech::openai::CHUTES;
use crate::providers::speech::transcribe::{self, SERVICES, Service};
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    let routes = Routes::new().post("/api/openai/chutes/transcribe-audio", chutes);
    SERVICES.iter().fold(routes, |routes, service| {
        routes.post(service.route, move |app, tenant, upload| {
            transcribe(service, app, tenant, upload)
        })
    })
}

/// `POST /api/openai/transcribe-audio`, and those of Groq, Mistral and Z.AI
async fn transcribe(
    service: &'static Service,
    State(app): State<App>,
    tenant: Tenant,
    upload: Upload,
) -> Result<Response> {
    let key = key_for(&app, &tenant, service.secret_key, &upload.fields.0).await?;
    let audio = audio_of(&app, &upload).await?;
    let request = service.request(&audio, &upload.fields.0, &key)?;
    transcribe::understood(app.relay().send(request).await).await
}

/// `POST /api/openai/chutes/transcribe-audio`
async fn chutes(State(app): State<App>, tenant: Tenant, upload: Upload) -> Result<Response> {
    let key = key_for(&app, &tenant, CHUTES, &upload.fields.0).await?;
    let audio = audio_of(&app, &upload).await?;
    let request = transcribe::chutes(&audio, &upload.fields.0, &key)?;
    transcribe::pieces(app.relay().send(request).await).await
}

/// The recording of a form; 400 without one, 413 for one that is longer than a body may be or an answer would be.
pub(super) async fn audio_of(app: &App, upload: &Upload) -> Result<Bytes> {
    let file = upload.file.as_ref().ok_or_else(Error::bad_request)?;
    let largest = LARGEST.min(app.config().http.max_body_bytes as u64);
    if file.size > largest {
        return Err(Error::status(413));
    }
    file.read().await
}

//! `/api/*/caption-image`: what is in a picture.

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use crate::api::llm::chat_completions::vertex_access;
use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::Result;
use crate::extract::Body;
use crate::providers::caption::openai::{Keys, Service};
use crate::providers::caption::{claude, google, horde, openai};
use crate::providers::exchange::internal_error;
use crate::providers::google_api::{Access, STUDIO_KEY};
use crate::providers::text::backend::Backend;
use crate::providers::text::horde::SECRET_KEY as HORDE;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/openai/caption-image", by_openai)
        .post("/api/google/caption-image", by_google)
        .post("/api/anthropic/caption-image", by_claude)
        .post("/api/horde/caption-image", by_horde)
}

/// `POST /api/openai/caption-image`: the body's `api` says who is asked.
async fn by_openai(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let mut keys = Keys::default();
    if let Some(service) = Service::of(&body) {
        keys.service = secrets::value_or_lent(&app, &tenant, service.secret_key, None, &body).await?;
    }
    if let Some(secret_key) = Backend::of(&body).and_then(|backend| backend.secret_key) {
        let id = body.get("secret_id").and_then(Value::as_str);
        keys.backend = secrets::value_of(&app, &tenant, secret_key, id).await?;
    }
    let request = openai::request(&body, &keys, &app.config().upstream)?;
    openai::told(app.relay().send(request).await).await
}

/// `POST /api/google/caption-image`: AI Studio, or with `api` `vertexai` Vertex AI.
async fn by_google(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let access = google_access(&app, &tenant, &body).await?;
    let access = access.ok_or_else(internal_error)?;
    let version = &app.config().upstream.gemini.api_version;
    google::told(app.relay().send(google::request(&body, &access, version)?).await).await
}

/// What opens Google's door for this body; `None` where nothing does.
pub(in crate::api) async fn google_access(
    app: &App,
    tenant: &Tenant,
    body: &Value,
) -> Result<Option<Access>> {
    if Access::wants_vertex(body) {
        let access = vertex_access(app, tenant, body).await?;
        return Ok(access.ok().map(Access::Vertex));
    }
    let key = secrets::value_or_lent(app, tenant, STUDIO_KEY, None, body).await?;
    Ok(Some(Access::Studio(key)))
}

/// `POST /api/anthropic/caption-image`
async fn by_claude(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_or_lent(&app, &tenant, claude::SECRET_KEY, None, &body).await?;
    claude::told(app.relay().send(claude::request(&body, &key)?).await).await
}

/// `POST /api/horde/caption-image`: waits until a volunteer's machine has had a look. When the browser goes, nobody waits.
async fn by_horde(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, HORDE, None).await?;
    let version = app.frontend().version();
    horde::caption(&body, &key, version, app.relay(), horde::POLLING).await
}

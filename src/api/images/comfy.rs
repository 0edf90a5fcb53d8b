//! `/api/sd/comfy` and `/api/sd/comfyrunpod`: `ComfyUI`, but for the workflows, which are files of the user's.

use axum::extract::State;
use axum::response::Response;

use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::providers::image::comfy::{self, Choice};
use crate::providers::image::comfy_runpod;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/sd/comfy/ping", ping)
        .post("/api/sd/comfy/samplers", |app, tenant, body| {
            choices(Choice::SAMPLERS, app, tenant, body)
        })
        .post("/api/sd/comfy/schedulers", |app, tenant, body| {
            choices(Choice::SCHEDULERS, app, tenant, body)
        })
        .post("/api/sd/comfy/vaes", |app, tenant, body| {
            choices(Choice::VAES, app, tenant, body)
        })
        .post("/api/sd/comfy/models", models)
        .post("/api/sd/comfy/generate", generate)
        .post("/api/sd/comfyrunpod/ping", runpod_ping)
        .post("/api/sd/comfyrunpod/generate", runpod_generate)
}

/// `POST /api/sd/comfy/ping`
async fn ping(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    comfy::ping(&body, app.relay()).await
}

/// `POST /api/sd/comfy/samplers`, `schedulers` and `vaes`
async fn choices(choice: Choice, State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    comfy::choices(choice, &body, app.relay()).await
}

/// `POST /api/sd/comfy/models`
async fn models(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    comfy::models(&body, app.relay()).await
}

/// `POST /api/sd/comfy/generate`
async fn generate(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    comfy::generate(&body, app.relay(), comfy::POLLING).await
}

/// `POST /api/sd/comfyrunpod/ping`
async fn runpod_ping(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = runpod_key(&app, &tenant).await?;
    comfy_runpod::ping(&body, &key, app.relay()).await
}

/// `POST /api/sd/comfyrunpod/generate`
async fn runpod_generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = runpod_key(&app, &tenant).await?;
    comfy_runpod::generate(&body, &key, app.relay(), comfy_runpod::POLLING).await
}

/// The user's key; 400 without one. Never the administrator's: the address is the user's.
async fn runpod_key(app: &App, tenant: &Tenant) -> Result<String> {
    let key = secrets::value_of(app, tenant, comfy_runpod::SECRET_KEY, None).await?;
    Some(key)
        .filter(|key| !key.is_empty())
        .ok_or_else(Error::bad_request)
}

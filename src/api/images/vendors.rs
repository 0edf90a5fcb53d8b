//! Pictures and films by services that take a key.

use axum::extract::State;
use axum::response::Response;

use crate::api::prefs::secrets;
use crate::api::tools::{captions::google_access, key_for, key_of};
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::providers::image::vendors::{self, keys};
use crate::providers::image::{forms, horde, novelai, tasks, video, zai};
use crate::providers::text::horde::SECRET_KEY as HORDE;
use crate::providers::text::novelai::SECRET_KEY as NOVELAI;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// The key of the user's secret for OpenAI.
const OPENAI: &str = "api_key_openai";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    lists()
        .post("/api/sd/together/generate", together)
        .post("/api/sd/pollinations/generate", pollinations)
        .post("/api/sd/stability/generate", stability)
        .post("/api/sd/huggingface/generate", hugging_face)
        .post("/api/sd/electronhub/generate", electronhub)
        .post("/api/sd/chutes/generate", chutes)
        .post("/api/sd/nanogpt/generate", nanogpt)
        .post("/api/sd/bfl/generate", bfl)
        .post("/api/sd/falai/generate", falai)
        .post("/api/sd/xai/generate", xai)
        .post("/api/sd/aimlapi/generate-image", aimlapi)
        .post("/api/sd/zai/generate", zai_picture)
        .post("/api/sd/zai/generate-video", zai_film)
        .post("/api/sd/workersai/generate", workers_ai)
        .post("/api/openai/generate-image", openai_picture)
        .post("/api/openai/generate-video", openai_film)
        .post("/api/google/generate-image", google_picture)
        .post("/api/google/generate-video", google_film)
        .post("/api/novelai/generate-image", novelai_picture)
        .post("/api/horde/generate-image", horde_picture)
}

fn lists() -> Routes {
    Routes::new()
        .post("/api/sd/together/models", together_models)
        .post("/api/sd/pollinations/models", pollinations_models)
        .post("/api/sd/electronhub/models", electronhub_models)
        .post("/api/sd/electronhub/sizes", electronhub_sizes)
        .post("/api/sd/chutes/models", chutes_models)
        .post("/api/sd/nanogpt/models", nanogpt_models)
        .post("/api/sd/falai/models", falai_models)
        .post("/api/sd/aimlapi/models", aimlapi_models)
        .post("/api/sd/workersai/models", workers_ai_models)
}

/// `POST /api/sd/together/models`
async fn together_models(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    let key = key_of(&app, &tenant, keys::TOGETHER).await?;
    vendors::together_models(&key, app.relay()).await
}

/// `POST /api/sd/together/generate`
async fn together(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, keys::TOGETHER).await?;
    vendors::together(&body, &key, app.relay(), app.untrusted_relay()).await
}

/// `POST /api/sd/pollinations/models`
async fn pollinations_models(State(app): State<App>, _: Tenant) -> Result<Response> {
    forms::pollinations_models(app.relay()).await
}

/// `POST /api/sd/pollinations/generate`
async fn pollinations(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, forms::POLLINATIONS_KEY, &body).await?;
    forms::pollinations(&body, &key, app.relay()).await
}

/// `POST /api/sd/stability/generate`
async fn stability(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, forms::STABILITY_KEY).await?;
    forms::stability(&body, &key, app.relay()).await
}

/// `POST /api/sd/huggingface/generate`
async fn hugging_face(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, keys::HUGGINGFACE).await?;
    vendors::hugging_face(&body, &key, app.relay()).await
}

/// `POST /api/sd/electronhub/models`
async fn electronhub_models(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, keys::ELECTRONHUB, &body).await?;
    vendors::electronhub_models(&key, app.relay()).await
}

/// `POST /api/sd/electronhub/generate`
async fn electronhub(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, keys::ELECTRONHUB, &body).await?;
    vendors::electronhub(&body, &key, app.relay()).await
}

/// `POST /api/sd/electronhub/sizes`
async fn electronhub_sizes(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    vendors::electronhub_sizes(&body, app.relay()).await
}

/// `POST /api/sd/chutes/models`
async fn chutes_models(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, keys::CHUTES, &body).await?;
    vendors::chutes_models(&key, app.relay()).await
}

/// `POST /api/sd/chutes/generate`
async fn chutes(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, keys::CHUTES, &body).await?;
    vendors::chutes(&body, &key, app.relay()).await
}

/// `POST /api/sd/nanogpt/models`
async fn nanogpt_models(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, keys::NANOGPT, &body).await?;
    vendors::nanogpt_models(&key, app.relay()).await
}

/// `POST /api/sd/nanogpt/generate`
async fn nanogpt(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, keys::NANOGPT, &body).await?;
    vendors::nanogpt(&body, &key, app.relay()).await
}

/// `POST /api/sd/bfl/generate`
async fn bfl(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, tasks::BFL_KEY).await?;
    tasks::bfl(&body, &key, app.relay(), app.untrusted_relay(), tasks::POLLING).await
}

/// `POST /api/sd/falai/models`
async fn falai_models(State(app): State<App>, _: Tenant) -> Result<Response> {
    tasks::falai_models(app.relay()).await
}

/// `POST /api/sd/falai/generate`
async fn falai(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, tasks::FALAI_KEY).await?;
    tasks::falai(&body, &key, app.relay(), app.untrusted_relay(), tasks::POLLING).await
}

/// `POST /api/sd/xai/generate`
async fn xai(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, keys::XAI, &body).await?;
    vendors::xai(&body, &key, app.relay()).await
}

/// `POST /api/sd/aimlapi/models`
async fn aimlapi_models(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, keys::AIMLAPI, &body).await?;
    vendors::aimlapi_models(&key, app.relay()).await
}

/// `POST /api/sd/aimlapi/generate-image`
async fn aimlapi(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, keys::AIMLAPI, &body).await?;
    vendors::aimlapi(&body, &key, app.relay(), app.untrusted_relay()).await
}

/// `POST /api/sd/zai/generate`
async fn zai_picture(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, zai::SECRET_KEY, &body).await?;
    zai::picture(&body, &key, app.relay(), app.untrusted_relay()).await
}

/// `POST /api/sd/zai/generate-video`
async fn zai_film(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, zai::SECRET_KEY, &body).await?;
    zai::film(&body, &key, app.relay(), app.untrusted_relay(), video::POLLING).await
}

/// `POST /api/sd/workersai/models`
async fn workers_ai_models(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, forms::WORKERS_AI_KEY).await?;
    forms::workers_ai_models(&body, &key, app.relay()).await
}

/// `POST /api/sd/workersai/generate`
async fn workers_ai(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, forms::WORKERS_AI_KEY).await?;
    forms::workers_ai(&body, &key, app.relay()).await
}

/// `POST /api/openai/generate-image`
async fn openai_picture(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, OPENAI, &body).await?;
    video::openai_picture(&body, &key, app.relay()).await
}

/// `POST /api/openai/generate-video`
async fn openai_film(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, OPENAI, &body).await?;
    video::openai_film(&body, &key, app.relay(), video::POLLING).await
}

/// `POST /api/google/generate-image`
async fn google_picture(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let access = google_access(&app, &tenant, &body).await?;
    let access = access.ok_or_else(|| Error::status(500))?;
    let config = &app.config().upstream.gemini;
    let people = &config.person_generation;
    video::google_picture(&body, &access, &config.api_version, people, app.relay()).await
}

/// `POST /api/google/generate-video`
async fn google_film(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let access = google_access(&app, &tenant, &body).await?;
    let access = access.ok_or_else(|| Error::status(500))?;
    let version = &app.config().upstream.gemini.api_version;
    video::google_film(&body, &access, version, app.relay(), video::POLLING).await
}

/// `POST /api/novelai/generate-image`
async fn novelai_picture(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, NOVELAI).await?;
    novelai::paint(&body, &key, app.relay()).await
}

/// `POST /api/horde/generate-image`: by the user's key, or as nobody.
async fn horde_picture(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, HORDE, None).await?;
    let version = app.frontend().version();
    horde::paint(&body, &key, version, app.relay(), horde::POLLING).await
}

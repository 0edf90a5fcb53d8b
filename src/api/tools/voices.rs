//! Voices of services whose other routes are elsewhere: `/api/azure`, `/api/google`, `/api/minimax`, `/api/novelai`,
//! `/api/openai`, `/api/volcengine`.

use axum::extract::State;
use axum::response::Response;
use squaretable_compat::json::to_vec;

use super::captions::google_access;
use super::{key_for, key_of};
use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::providers::speech::{azure, google, minimax, novelai, openai, volcengine};
use crate::providers::text::novelai::SECRET_KEY as NOVELAI;
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/azure/list", azure_list)
        .post("/api/azure/generate", azure_generate)
        .post("/api/google/list-voices", google_list)
        .post("/api/google/generate-voice", google_generate)
        .post("/api/google/list-native-voices", google_native_list)
        .post("/api/google/generate-native-tts", google_native_generate)
        .post("/api/minimax/generate-voice", minimax_generate)
        .post("/api/novelai/generate-voice", novelai_generate)
        .post("/api/openai/generate-voice", openai_generate)
        .post("/api/openai/custom/generate-voice", custom_generate)
        .post("/api/openai/electronhub/generate-voice", electronhub_generate)
        .post("/api/openai/chutes/generate-voice", chutes_generate)
        .post("/api/volcengine/generate-voice", volcengine_generate)
}

/// `POST /api/azure/list`: the voices of the body's `region`. compat: without a key it is forbidden.
async fn azure_list(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = azure_key(&app, &tenant).await?;
    azure::listed(app.relay().send(azure::voices(&body, &key)?).await).await
}

/// `POST /api/azure/generate`
async fn azure_generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = azure_key(&app, &tenant).await?;
    azure::spoken(app.relay().send(azure::speech(&body, &key)?).await).await
}

async fn azure_key(app: &App, tenant: &Tenant) -> Result<String> {
    let key = secrets::value_of(app, tenant, azure::SECRET_KEY, None).await?;
    Some(key)
        .filter(|key| !key.is_empty())
        .ok_or_else(Error::forbidden)
}

/// `POST /api/google/list-voices`: the languages of the translator.
async fn google_list(_: Tenant) -> Response {
    reply::json_bytes(to_vec(&google::languages()))
}

/// `POST /api/google/generate-voice`: read by the translator.
async fn google_generate(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    google::read_aloud(&body, app.relay().send(google::reading(&body)?).await).await
}

/// `POST /api/google/list-native-voices`: those of Gemini.
async fn google_native_list(_: Tenant) -> Response {
    reply::json_bytes(to_vec(&google::voices()))
}

/// `POST /api/google/generate-native-tts`: read by Gemini.
async fn google_native_generate(
    State(app): State<App>,
    tenant: Tenant,
    Body(body): Body,
) -> Result<Response> {
    let access = google_access(&app, &tenant, &body).await?;
    let access = access.ok_or_else(google::speechless)?;
    let version = &app.config().upstream.gemini.api_version;
    google::spoken(app.relay().send(google::speech(&body, &access, version)?).await).await
}

/// `POST /api/minimax/generate-voice`
async fn minimax_generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, minimax::SECRET_KEY, None).await?;
    let outcome = app.relay().send(minimax::speech(&body, &key)?).await;
    minimax::spoken(&body, outcome, app.untrusted_relay()).await
}

/// `POST /api/novelai/generate-voice`
async fn novelai_generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant, NOVELAI).await?;
    novelai::spoken(app.relay().send(novelai::speech(&body, &key)?).await).await
}

/// `POST /api/openai/generate-voice`
async fn openai_generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, openai::OPENAI, &body).await?;
    openai::spoken(app.relay().send(openai::openai(&body, &key)?).await).await
}

/// `POST /api/openai/custom/generate-voice`: an address of the user's own, with or without a key.
async fn custom_generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, openai::CUSTOM, None).await?;
    openai::spoken(app.relay().send(openai::custom(&body, &key)?).await).await
}

/// `POST /api/openai/electronhub/generate-voice`
async fn electronhub_generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, openai::ELECTRONHUB, &body).await?;
    openai::spoken_as_sent(app.relay().send(openai::electronhub(&body, &key)?).await).await
}

/// `POST /api/openai/chutes/generate-voice`
async fn chutes_generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_for(&app, &tenant, openai::CHUTES, &body).await?;
    openai::spoken_as_sent(app.relay().send(openai::chutes(&body, &key)?).await).await
}

/// `POST /api/volcengine/generate-voice`
async fn volcengine_generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let app_id = secrets::value_of(&app, &tenant, volcengine::APP_ID, None).await?;
    let access_key = secrets::value_of(&app, &tenant, volcengine::ACCESS_KEY, None).await?;
    let request = volcengine::speech(&body, &app_id, &access_key)?;
    volcengine::spoken(app.relay().send(request).await).await
}

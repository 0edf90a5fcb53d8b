//! `/api/openrouter`: models, credits, pictures.

use axum::extract::State;
use axum::response::Response;

use super::key_of;
use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::Result;
use crate::extract::Body;
use crate::providers::openrouter::{self, MODALITIES, Modality};
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    let routes = Routes::new()
        .post("/api/openrouter/models/providers", providers)
        .post("/api/openrouter/credits", credits)
        .post("/api/openrouter/image/generate", generate);
    MODALITIES.iter().fold(routes, |routes, modality| {
        routes.post(modality.route, move |app, tenant| models(modality, app, tenant))
    })
}

/// `POST /api/openrouter/models/providers`: who serves the body's `model`.
async fn providers(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    openrouter::providers(app.relay().send(openrouter::endpoints(&body)?).await).await
}

/// `POST /api/openrouter/models/multimodal`, `embedding` and `image`
async fn models(modality: &'static Modality, State(app): State<App>, _: Tenant) -> Result<Response> {
    modality.answer(app.relay().send(modality.request()?).await).await
}

/// `POST /api/openrouter/credits`
async fn credits(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    let key = key_of(&app, &tenant, openrouter::SECRET_KEY).await?;
    openrouter::left(app.relay().send(openrouter::credits(&key)?).await).await
}

/// `POST /api/openrouter/image/generate`: one picture.
async fn generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_or_lent(&app, &tenant, openrouter::SECRET_KEY, None, &body).await?;
    openrouter::drawn(app.relay().send(openrouter::picture(&body, &key)?).await).await
}

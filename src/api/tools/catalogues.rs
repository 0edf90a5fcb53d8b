//! `/api/openai/**/models`: lists that the settings of embeddings and voices offer.

use axum::extract::State;
use axum::response::Response;

use super::key_for;
use crate::app::App;
use crate::error::Result;
use crate::extract::Body;
use crate::providers::catalogue::{CATALOGUES, Catalogue};
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    CATALOGUES.iter().fold(Routes::new(), |routes, catalogue| {
        routes.post(catalogue.route, move |app, tenant, body| {
            models(catalogue, app, tenant, body)
        })
    })
}

/// `POST /api/openai/electronhub/models`, and `models/embedding` of Chutes, NanoGPT, `SiliconFlow` and Workers AI
async fn models(
    catalogue: &'static Catalogue,
    State(app): State<App>,
    tenant: Tenant,
    Body(body): Body,
) -> Result<Response> {
    let key = key_for(&app, &tenant, catalogue.secret_key, &body).await?;
    catalogue
        .answer(app.relay().send(catalogue.request(&body, &key)?).await)
        .await
}

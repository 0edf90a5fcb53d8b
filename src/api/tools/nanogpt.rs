//! `/api/nanogpt`: credits, and who serves a model.

use axum::extract::State;
use axum::response::Response;

use super::key_of;
use crate::app::App;
use crate::error::Result;
use crate::extract::Body;
use crate::providers::nanogpt;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/nanogpt/credits", credits)
        .post("/api/nanogpt/models/providers", providers)
}

/// `POST /api/nanogpt/credits`: balance and subscription.
async fn credits(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    let key = key_of(&app, &tenant, nanogpt::SECRET_KEY).await?;
    nanogpt::credits(&key, app.relay()).await
}

/// `POST /api/nanogpt/models/providers`: who serves the body's `model`.
async fn providers(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    nanogpt::providers(app.relay().send(nanogpt::endpoints(&body)?).await).await
}

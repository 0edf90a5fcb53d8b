//! `/api/novelai`: texts of NovelAI.

use axum::extract::State;
use axum::response::Response;

use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::generations::{self, Keeping};
use crate::providers::text::novelai;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/novelai/status", status)
        .post("/api/novelai/generate", generate)
}

/// `POST /api/novelai/status`: the user's subscription.
async fn status(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    let key = key_of(&app, &tenant).await?;
    Ok(match novelai::status(&key) {
        Ok(upstream) => novelai::subscription(app.relay().send(upstream).await).await,
        Err(fault) => fault.server_error(),
    })
}

/// `POST /api/novelai/generate`: one completion, streamed byte for byte when the body asks for it.
///
/// When the browser goes, the connection to NovelAI is dropped, unless the user's answers are kept.
async fn generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = key_of(&app, &tenant).await?;
    let (upstream, stream) = match novelai::generate(&body, &key) {
        Ok(made) => made,
        Err(fault) => return Ok(fault.bad_request()),
    };
    let keeping = Keeping::of(&app, &tenant, &body).await?;
    Ok(novelai::generated(stream, generations::send(&app, keeping, upstream).await).await)
}

/// The user's key; 400 without one.
async fn key_of(app: &App, tenant: &Tenant) -> Result<String> {
    let key = secrets::value_of(app, tenant, novelai::SECRET_KEY, None).await?;
    if key.is_empty() {
        return Err(Error::bad_request());
    }
    Ok(key)
}

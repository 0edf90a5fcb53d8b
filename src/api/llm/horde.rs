//! `/api/horde`: texts of the AI Horde. Of its pictures only what models and samplers there are.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::Result;
use crate::extract::Body;
use crate::providers::exchange::RequestFault;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::text::horde::{self, List};
use crate::providers::upstream::Upstream;
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/horde/text-workers", text_workers)
        .post("/api/horde/text-models", text_models)
        .post("/api/horde/status", status)
        .post("/api/horde/cancel-task", cancel_task)
        .post("/api/horde/task-status", task_status)
        .post("/api/horde/generate-text", generate_text)
        .post("/api/horde/sd-samplers", sd_samplers)
        .post("/api/horde/sd-models", sd_models)
        .post("/api/horde/user-info", user_info)
}

/// `POST /api/horde/text-workers`: machines that serve texts, at most a minute old unless `force`.
async fn text_workers(State(app): State<App>, _: Tenant, body: Body) -> Response {
    let version = app.frontend().version();
    app.horde()
        .answer(List::Workers, body.truthy("force"), version, app.relay())
        .await
}

/// `POST /api/horde/text-models`: as [`text_workers`], with what is known of the models elsewhere.
async fn text_models(State(app): State<App>, _: Tenant, body: Body) -> Response {
    let version = app.frontend().version();
    app.horde()
        .answer(List::Models, body.truthy("force"), version, app.relay())
        .await
}

/// `POST /api/horde/status`: whether the Horde answers.
async fn status(State(app): State<App>, _: Tenant) -> Response {
    let question = horde::heartbeat(app.frontend().version());
    asked(&app, question, async |outcome| horde::beat(&outcome)).await
}

/// `POST /api/horde/cancel-task`
async fn cancel_task(State(app): State<App>, _: Tenant, Body(body): Body) -> Response {
    let question = horde::task(Method::DELETE, &body, app.frontend().version());
    asked(&app, question, horde::passed).await
}

/// `POST /api/horde/task-status`
async fn task_status(State(app): State<App>, _: Tenant, Body(body): Body) -> Response {
    let question = horde::task(Method::GET, &body, app.frontend().version());
    asked(&app, question, horde::passed).await
}

/// `POST /api/horde/generate-text`: the id of a task whose text the browser asks for until it is there.
async fn generate_text(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, horde::SECRET_KEY, None).await?;
    let question = horde::generate(&body, &key, app.frontend().version());
    Ok(asked(&app, question, horde::generated).await)
}

/// `POST /api/horde/sd-samplers`
async fn sd_samplers(_: Tenant) -> Response {
    reply::json(&horde::SAMPLERS)
}

/// `POST /api/horde/sd-models`
async fn sd_models(State(app): State<App>, _: Tenant) -> Response {
    let question = horde::image_models(app.frontend().version());
    asked(&app, question, horde::passed_success).await
}

/// `POST /api/horde/user-info`: the owner of the user's key.
async fn user_info(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, horde::SECRET_KEY, None).await?;
    let info = horde::user_info(&key, app.frontend().version(), app.relay()).await;
    Ok(info.unwrap_or_else(|fault| fault.server_error()))
}

/// Sends a request and shapes its answer.
async fn asked(
    app: &App,
    question: std::result::Result<Upstream, RequestFault>,
    shape: impl AsyncFn(std::result::Result<UpstreamReply, RelayError>) -> Response,
) -> Response {
    match question {
        Ok(upstream) => shape(app.relay().send(upstream).await).await,
        Err(fault) => fault.server_error(),
    }
}

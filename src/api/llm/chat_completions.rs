//! `/api/backends/chat-completions`: requests to model providers, shaped by `providers/chat` and sent by its relay.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::tokenizers::{Parameters, model_of, on_blocking_thread};
use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::providers::chat::{self, ChatSettings, ProcessFault, Source};
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;
use crate::tokenizers;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/backends/chat-completions/status", status)
        .post("/api/backends/chat-completions/generate", generate)
        .post("/api/backends/chat-completions/process", process)
        .post("/api/backends/chat-completions/bias", bias)
}

/// `POST /api/backends/chat-completions/status`: the provider's list of models.
async fn status(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let source = match Source::from_body(&body) {
        Ok(source) => source,
        Err(fault) => return Ok(fault.status_response()),
    };
    let secret = secret_of(&app, &tenant, source, &body).await?;
    Ok(match chat::status(source, &body, Some(&secret)) {
        Ok(upstream) => chat::reply::status(app.relay().send(upstream).await).await,
        Err(fault) => fault.status_response(),
    })
}

/// `POST /api/backends/chat-completions/generate`: one completion, streamed byte for byte when the body asks for it.
///
/// When the browser goes, this future or the response body is dropped, and with it the connection to the provider.
async fn generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let source = match Source::from_body(&body) {
        Ok(source) => source,
        Err(fault) => return Ok(fault.generate_response()),
    };
    let secret = secret_of(&app, &tenant, source, &body).await?;
    let settings = ChatSettings::from(&app.config().upstream);
    Ok(match chat::generate(source, body, Some(&secret), &settings) {
        Ok(call) => chat::reply::generate(app.relay().send(call.upstream).await, call.stream).await,
        Err(fault) => fault.generate_response(),
    })
}

/// `POST /api/backends/chat-completions/process`: the messages as a post-processing mode would send them.
async fn process(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    match chat::process(body, &ChatSettings::from(&app.config().upstream)) {
        Ok(processed) => Ok(reply::json_bytes(squaretable_compat::json::to_vec(&processed))),
        Err(ProcessFault::Convert(_)) => Err(Error::Status(StatusCode::INTERNAL_SERVER_ERROR)),
        Err(fault) => Err(Error::json_error(400, fault.to_string())),
    }
}

/// `POST /api/backends/chat-completions/bias?model=`: texts to token ids.
async fn bias(_: Tenant, query: Parameters, Body(body): Body) -> Result<Response> {
    if !body.is_array() {
        return Err(Error::bad_request());
    }
    on_blocking_thread(move || tokenizers::bias(&model_of(&query), &body)).await
}

/// The key that the body asks for by `secret_id`, else the active one.
async fn secret_of(app: &App, tenant: &Tenant, source: Source, body: &serde_json::Value) -> Result<String> {
    let id = body.get("secret_id").and_then(serde_json::Value::as_str);
    secrets::value_of(app, tenant, source.secret_key(), id).await
}

//! `/api/backends/text-completions`: requests to text-completion servers, shaped by `providers/text` and sent by the
//! relay.

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::generations::{self, Keeping};
use crate::providers::exchange::RequestFault;
use crate::providers::farewell::Farewell;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::text::backend::Backend;
use crate::providers::text::{reply, request, tools};
use crate::providers::upstream::Upstream;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/backends/text-completions/status", status)
        .post("/api/backends/text-completions/props", props)
        .post("/api/backends/text-completions/generate", generate)
        .post("/api/backends/text-completions/ollama/download", ollama_download)
        .post(
            "/api/backends/text-completions/ollama/caption-image",
            ollama_caption,
        )
        .post("/api/backends/text-completions/llamacpp/props", llamacpp_props)
        .post("/api/backends/text-completions/llamacpp/slots", llamacpp_slots)
        .post("/api/backends/text-completions/tabby/download", tabby_download)
}

/// `POST /api/backends/text-completions/status`: the loaded model and all others.
async fn status(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let secret = secret_of(&app, &tenant, &body).await?;
    Ok(match request::status(&body, &secret, &app.config().upstream) {
        Ok(call) => reply::status(call, app.relay()).await,
        Err(fault) => fault.server_error(),
    })
}

/// `POST /api/backends/text-completions/props`: the server's settings, its chat template among them.
async fn props(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("api_server") {
        return Err(Error::bad_request());
    }
    let secret = secret_of(&app, &tenant, &body.0).await?;
    Ok(match request::props(&body.0, &secret, &app.config().upstream) {
        Ok(upstream) => reply::props(Backend::of(&body.0), app.relay().send(upstream).await).await,
        Err(fault) => fault.server_error(),
    })
}

/// `POST /api/backends/text-completions/generate`: one completion, streamed byte for byte when the body asks for it.
///
/// When the browser goes, this future or the response body is dropped, and with it the connection to the back end, unless
/// the user's answers are kept; KoboldCpp is told to stop besides.
async fn generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let secret = secret_of(&app, &tenant, &body).await?;
    let keeping = Keeping::of(&app, &tenant, &body).await?;
    let call = match request::generate(body, &secret, &app.config().upstream) {
        Ok(call) => call,
        Err(fault) => return Ok(fault.generate_response()),
    };
    let abort = call.abort.filter(|_| keeping.is_none());
    let farewell = Farewell::new(app.relay().clone(), abort);
    let outcome = generations::send(&app, keeping, call.upstream).await;
    let is_stream = call.stream && outcome.as_ref().is_ok_and(UpstreamReply::is_success);
    let response = reply::generate(call.backend, call.stream, outcome).await;
    Ok(if is_stream {
        farewell.with(response)
    } else {
        farewell.finish(response)
    })
}

/// `POST /api/backends/text-completions/ollama/download`: has Ollama fetch a model, and waits for it.
async fn ollama_download(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    asked(&app, tools::ollama_pull(&body), tools::pulled).await
}

/// `POST /api/backends/text-completions/ollama/caption-image`
async fn ollama_caption(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    asked(&app, tools::ollama_caption(&body), tools::captioned).await
}

/// `POST /api/backends/text-completions/llamacpp/props`
async fn llamacpp_props(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    asked(&app, tools::llamacpp_props(&body), tools::passed).await
}

/// `POST /api/backends/text-completions/llamacpp/slots`: lists, saves, restores or erases prompt caches.
async fn llamacpp_slots(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    asked(&app, tools::llamacpp_slots(&body), tools::passed).await
}

/// `POST /api/backends/text-completions/tabby/download`: has TabbyAPI fetch a model, if the key is an administrator's.
async fn tabby_download(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let secret = secret_of(&app, &tenant, &body).await?;
    Ok(
        match tools::tabby_download(&body, &secret, &app.config().upstream) {
            Ok(call) => tools::download(call, app.relay()).await,
            Err(fault) => fault.server_error(),
        },
    )
}

/// Sends a request, if the body was good for one, and shapes its answer.
async fn asked(
    app: &App,
    question: Result<Option<Upstream>, RequestFault>,
    shape: impl AsyncFn(Result<UpstreamReply, RelayError>) -> Response,
) -> Result<Response> {
    match question {
        Ok(Some(upstream)) => Ok(shape(app.relay().send(upstream).await).await),
        Ok(None) => Err(Error::bad_request()),
        Err(fault) => Ok(fault.server_error()),
    }
}

/// The key of the body's back end: the one it asks for by `secret_id`, else the active one.
pub(super) async fn secret_of(app: &App, tenant: &Tenant, body: &Value) -> Result<String> {
    let Some(key) = Backend::of(body).and_then(|backend| backend.secret_key) else {
        return Ok(String::new());
    };
    let id = body
        .get("secret_id")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty());
    secrets::value_of(app, tenant, key, id).await
}

//! `/api/backends/chat-completions`: requests to model providers, shaped by `providers/chat` and sent by its relay.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::tokenizers::{Parameters, answer_bias};
use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::generations::{self, Keeping};
use crate::providers::chat::vertex::{self, VertexAccess, VertexMode};
use crate::providers::chat::{
    self, ChatCall, ChatFault, ChatSettings, ProcessFault, Source, lists, openrouter, vision,
};
use crate::providers::upstream::Upstream;
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// How long OpenRouter's prices are waited for.
const PRICES_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    let routes = Routes::new()
        .post("/api/backends/chat-completions/status", status)
        .post("/api/backends/chat-completions/generate", generate)
        .post("/api/backends/chat-completions/process", process)
        .post("/api/backends/chat-completions/bias", bias);
    vision::ROUTES.into_iter().fold(routes, |routes, (name, source)| {
        let path = format!("/api/backends/chat-completions/multimodal-models/{name}");
        routes.post(&path, move |app, tenant, body| {
            multimodal_models(source, app, tenant, body)
        })
    })
}

/// `POST /api/backends/chat-completions/status`: the provider's list of models.
async fn status(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let source = match Source::from_body(&body) {
        Ok(source) => source,
        Err(fault) => return Ok(fault.status_response()),
    };
    let secret = secret_of(&app, &tenant, source, &body).await?;
    Ok(lists::status(app.relay(), source, &body, Some(&secret), &settings_of(&app)).await)
}

/// `POST /api/backends/chat-completions/generate`: one completion, streamed byte for byte when the body asks for it.
///
/// When the browser goes, this future or the response body is dropped, and with it the connection to the provider, unless
/// the user's answers are kept.
async fn generate(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let source = match Source::from_body(&body) {
        Ok(source) => source,
        Err(_) => return Ok(ChatFault::UnknownSource.status_response()),
    };
    let keeping = Keeping::of(&app, &tenant, &body).await?;
    Ok(match call(&app, &tenant, source, body).await? {
        Ok(call) => {
            let outcome = generations::send(&app, keeping, call.upstream).await;
            chat::reply::generate(source, outcome, call.stream).await
        }
        Err(fault) => fault.generate_response(source),
    })
}

/// The request for the provider, with the key that it needs.
async fn call(
    app: &App,
    tenant: &Tenant,
    source: Source,
    body: Value,
) -> Result<std::result::Result<ChatCall, ChatFault>> {
    let mut settings = settings_of(app);
    if source == Source::VertexAi {
        return Ok(match vertex_access(app, tenant, &body).await? {
            Ok(access) => chat::generate_on_vertex(body, &access, &settings),
            Err(fault) => Err(fault),
        });
    }
    if source == Source::OpenRouter
        && let Some(model) = openrouter::priced_model(&body, app.config().upstream.gemini.system_prompt_cache)
    {
        settings.caches_gemini = can_cache(app, &model).await;
    }
    let secret = secret_of(app, tenant, source, &body).await?;
    Ok(chat::generate(source, body, Some(&secret), &settings))
}

/// Opens Vertex AI's door: with a key, a service account's token, or the body's proxy.
pub(in crate::api) async fn vertex_access(
    app: &App,
    tenant: &Tenant,
    body: &Value,
) -> Result<std::result::Result<VertexAccess, ChatFault>> {
    let missing = |what: &str| Ok(Err(ChatFault::Unauthenticated(what.to_owned())));
    match VertexMode::of(body) {
        Err(fault) => Ok(Err(fault)),
        Ok(VertexMode::Proxy) => Ok(Ok(VertexAccess::Proxy)),
        Ok(VertexMode::Express) => {
            // compat: of the two secrets, only the account for its project is chosen by `secret_id`.
            let key = secrets::value_of(app, tenant, vertex::KEY_SECRET, None).await?;
            if key.is_empty() {
                return missing("API key is required for Vertex AI Express mode");
            }
            Ok(Ok(VertexAccess::Express(key)))
        }
        Ok(VertexMode::Full) => {
            let account = secrets::value_of(app, tenant, vertex::ACCOUNT_SECRET, None).await?;
            if account.is_empty() {
                return missing("Service Account JSON is required for Vertex AI Full mode");
            }
            let token = match access_token(app, &account).await {
                Ok(token) => token,
                Err(why) => return missing(&format!("Service account authentication failed: {why}")),
            };
            let id = body.get("secret_id").and_then(Value::as_str);
            let account = secrets::value_of(app, tenant, vertex::ACCOUNT_SECRET, id).await?;
            let project = vertex::project_of(&account).ok_or(ChatFault::MissingKey);
            Ok(project.map(|project| VertexAccess::Full { project, token }))
        }
    }
}

/// A token for a service account, asked for anew with every request.
async fn access_token(app: &App, account: &str) -> std::result::Result<String, String> {
    let request = vertex::token_request(account, chrono::Utc::now().timestamp())?;
    let reply = app
        .relay()
        .send(request)
        .await
        .map_err(|error| error.to_string())?;
    let is_success = reply.is_success();
    let text = reply.text().await.map_err(|error| error.to_string())?;
    vertex::read_token(is_success, &text)
}

/// Whether OpenRouter has a price for writing this model's prompts to a cache; what it has said once holds.
async fn can_cache(app: &App, model: &str) -> bool {
    if app.cacheable_models().contains_key(model) {
        return true;
    }
    let asked = async {
        let mut upstream = Upstream {
            method: axum::http::Method::GET,
            url: reqwest::Url::parse(openrouter::MODELS).ok()?,
            headers: Default::default(),
            body: bytes::Bytes::new(),
        };
        upstream.headers.set("Accept", "application/json");
        let reply = app.relay().send(upstream).await.ok()?;
        let text = if reply.is_success() {
            reply.text().await.ok()?
        } else {
            return None;
        };
        squaretable_compat::json::parse(text.as_bytes()).ok()
    };
    let list = tokio::time::timeout(PRICES_TIMEOUT, asked).await.ok().flatten();
    let is_priced = list.is_some_and(|list| openrouter::can_cache(&list, model));
    if is_priced {
        app.cacheable_models().insert(model.to_owned(), ()).await;
    }
    is_priced
}

/// `POST /api/backends/chat-completions/process`: the messages as a post-processing mode would send them.
async fn process(State(app): State<App>, _: Tenant, Body(body): Body) -> Result<Response> {
    match chat::process(body, &settings_of(&app)) {
        Ok(processed) => Ok(reply::json_bytes(squaretable_compat::json::to_vec(&processed))),
        Err(ProcessFault::Convert(_)) => Err(Error::Status(StatusCode::INTERNAL_SERVER_ERROR)),
        Err(fault) => Err(Error::json_error(400, fault.to_string())),
    }
}

/// `POST /api/backends/chat-completions/bias?model=`: texts to token ids.
async fn bias(State(app): State<App>, _: Tenant, query: Parameters, Body(body): Body) -> Result<Response> {
    answer_bias(&app, &query, body).await
}

/// `POST /api/backends/chat-completions/multimodal-models/*`: ids of the source's models that see pictures.
async fn multimodal_models(
    source: Source,
    State(app): State<App>,
    tenant: Tenant,
    Body(body): Body,
) -> Result<Response> {
    let key = secrets::value_of(&app, &tenant, source.secret_key(), None).await?;
    match vision::models(app.relay(), source, &body, &key).await {
        Some(ids) => Ok(reply::json_bytes(squaretable_compat::json::to_vec(&ids))),
        None => Err(Error::Status(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}

fn settings_of(app: &App) -> ChatSettings {
    ChatSettings::new(&app.config().upstream, app.keys().cookie_secret())
}

/// The key that the body asks for by `secret_id`, else the active one, else one that is lent.
async fn secret_of(app: &App, tenant: &Tenant, source: Source, body: &Value) -> Result<String> {
    let id = body.get("secret_id").and_then(Value::as_str);
    secrets::value_or_lent(app, tenant, source.secret_key(), id, body).await
}

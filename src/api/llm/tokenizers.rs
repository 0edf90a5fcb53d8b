//! `/api/tokenizers`: token counts and ids.

use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::json::to_vec;

use super::text_completions::secret_of;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::providers::text::tokens;
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;
use crate::tokenizers::routing::{Encoding, FAMILIES, Tokenizer};
use crate::tokenizers::{self, LONGEST_TEXT, Loaded};

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    let families = FAMILIES.iter().map(|family| (*family, Tokenizer::Family(family)));
    let families = families.chain([("gpt2", Tokenizer::OpenAi(Encoding::Gpt2))]);
    families.fold(
        Routes::new()
            .post("/api/tokenizers/openai/encode", encode)
            .post("/api/tokenizers/openai/decode", decode)
            .post("/api/tokenizers/openai/count", count)
            .post("/api/tokenizers/remote/kobold/count", kobold_count)
            .post("/api/tokenizers/remote/textgenerationwebui/encode", remote_encode),
        |routes, (family, tokenizer)| {
            let encode = move |State(app): State<App>, _: Tenant, Body(body): Body| async move {
                encoded(&app, tokenizer, body).await
            };
            let decode = move |State(app): State<App>, _: Tenant, Body(body): Body| async move {
                answer(&app, tokenizer, move |loaded| tokenizers::decode(loaded, &body)).await
            };
            routes
                .post(&format!("/api/tokenizers/{family}/encode"), encode)
                .post(&format!("/api/tokenizers/{family}/decode"), decode)
        },
    )
}

/// The parameters of a query, in order.
pub(super) type Parameters = Query<Vec<(String, String)>>;

/// `?model=` of the routes that choose their tokenizer by a model's name; empty when absent, and joined by commas when
/// it is there more than once, as JavaScript turns a list into text.
fn model_of(Query(query): &Parameters) -> String {
    let models: Vec<&str> = query
        .iter()
        .filter(|(name, _)| name == "model")
        .map(|(_, model)| model.as_str())
        .collect();
    models.join(",")
}

/// `POST /api/tokenizers/openai/encode?model=`
async fn encode(State(app): State<App>, _: Tenant, query: Parameters, Body(body): Body) -> Result<Response> {
    encoded(&app, Tokenizer::for_encode(&model_of(&query)), body).await
}

/// The answer of every `.../encode`: 413 for a text that is too long.
async fn encoded(app: &App, tokenizer: Tokenizer, body: Value) -> Result<Response> {
    let text = body.get("text").and_then(Value::as_str);
    if text.is_some_and(|text| text.len() > LONGEST_TEXT) {
        let limit = LONGEST_TEXT >> 20;
        return Err(Error::text(
            413,
            format!("Texts up to {limit} MiB are tokenized."),
        ));
    }
    answer(app, tokenizer, move |loaded| tokenizers::encode(loaded, &body)).await
}

/// `POST /api/tokenizers/openai/decode?model=`
async fn decode(State(app): State<App>, _: Tenant, query: Parameters, Body(body): Body) -> Result<Response> {
    let tokenizer = Tokenizer::for_encode(&model_of(&query));
    answer(&app, tokenizer, move |loaded| tokenizers::decode(loaded, &body)).await
}

/// `POST /api/tokenizers/openai/count?model=`
async fn count(State(app): State<App>, _: Tenant, query: Parameters, Body(body): Body) -> Result<Response> {
    let model = model_of(&query);
    let tokenizer = Tokenizer::for_count(&model);
    answer(&app, tokenizer, move |loaded| {
        tokenizers::count(&model, loaded, &body)
    })
    .await
}

/// Answers `POST /api/backends/chat-completions/bias?model=`; a body that is no array is 400, and claude has no bias.
pub(super) async fn answer_bias(app: &App, query: &Parameters, body: Value) -> Result<Response> {
    if !body.is_array() {
        return Err(Error::bad_request());
    }
    let tokenizer = Tokenizer::for_count(&model_of(query));
    if tokenizer == Tokenizer::Family("claude") {
        return Ok(reply::json_bytes(to_vec(&json!({}))));
    }
    answer(app, tokenizer, move |loaded| tokenizers::bias(loaded, &body)).await
}

/// `POST /api/tokenizers/remote/kobold/count`: `{"count","ids"}` as KoboldCpp counts them.
async fn kobold_count(State(app): State<App>, _: Tenant, Body(body): Body) -> Response {
    match tokens::kobold_count(&body) {
        Ok(upstream) => tokens::kobold_counted(app.relay().send(upstream).await).await,
        Err(_) => tokens::failure(),
    }
}

/// `POST /api/tokenizers/remote/textgenerationwebui/encode`: `{"count","ids"}` as the back end counts them; 400 for one
/// that cannot.
async fn remote_encode(State(app): State<App>, tenant: Tenant, Body(body): Body) -> Result<Response> {
    let secret = secret_of(&app, &tenant, &body).await?;
    Ok(match tokens::encode(&body, &secret, &app.config().upstream) {
        Ok(Some(upstream)) => tokens::encoded(app.relay().send(upstream).await).await,
        Ok(None) => return Err(Error::bad_request()),
        Err(_) => tokens::failure(),
    })
}

/// Runs a tokenizer off the async threads, as a long text takes its time; as many at once as there are cores.
async fn answer(
    app: &App,
    tokenizer: Tokenizer,
    work: impl FnOnce(&Loaded) -> Value + Send + 'static,
) -> Result<Response> {
    let loaded = app.vocabularies().get(tokenizer).await;
    let turn = app.vocabularies().turn().await?;
    let answer = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        to_vec(&work(&loaded))
    })
    .await;
    Ok(reply::json_bytes(answer.map_err(anyhow::Error::from)?))
}

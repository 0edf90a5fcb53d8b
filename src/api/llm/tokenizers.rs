//! `/api/tokenizers`: token counts and ids.

use axum::extract::Query;
use axum::response::Response;
use serde_json::Value;
use squaretable_compat::json::to_vec;

use crate::error::{Error, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;
use crate::tokenizers::routing::{Encoding, Tokenizer};
use crate::tokenizers::{self, MissingTokenizer};

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/tokenizers/openai/encode", encode)
        .post("/api/tokenizers/openai/decode", decode)
        .post("/api/tokenizers/openai/count", count)
        .post("/api/tokenizers/gpt2/encode", gpt2_encode)
        .post("/api/tokenizers/gpt2/decode", gpt2_decode)
}

/// The parameters of a query, in order.
pub(super) type Parameters = Query<Vec<(String, String)>>;

/// `?model=` of the routes that choose their tokenizer by a model's name; empty when absent, and joined by commas when
/// it is there more than once, as JavaScript turns a list into text.
pub(super) fn model_of(Query(query): &Parameters) -> String {
    let models: Vec<&str> = query
        .iter()
        .filter(|(name, _)| name == "model")
        .map(|(_, model)| model.as_str())
        .collect();
    models.join(",")
}

/// `POST /api/tokenizers/openai/encode?model=`
async fn encode(_: Tenant, query: Parameters, Body(body): Body) -> Result<Response> {
    on_blocking_thread(move || tokenizers::encode(Tokenizer::for_encode(&model_of(&query)), &body)).await
}

/// `POST /api/tokenizers/openai/decode?model=`
async fn decode(_: Tenant, query: Parameters, Body(body): Body) -> Result<Response> {
    on_blocking_thread(move || tokenizers::decode(Tokenizer::for_encode(&model_of(&query)), &body)).await
}

/// `POST /api/tokenizers/openai/count?model=`
async fn count(_: Tenant, query: Parameters, Body(body): Body) -> Result<Response> {
    on_blocking_thread(move || tokenizers::count(&model_of(&query), &body)).await
}

/// `POST /api/tokenizers/gpt2/encode`
async fn gpt2_encode(_: Tenant, Body(body): Body) -> Result<Response> {
    on_blocking_thread(move || tokenizers::encode(Tokenizer::OpenAi(Encoding::Gpt2), &body)).await
}

/// `POST /api/tokenizers/gpt2/decode`
async fn gpt2_decode(_: Tenant, Body(body): Body) -> Result<Response> {
    on_blocking_thread(move || tokenizers::decode(Tokenizer::OpenAi(Encoding::Gpt2), &body)).await
}

/// Runs a tokenizer off the async threads: a first use loads tables, a long text takes its time. A tokenizer that is
/// not built yet is 501.
pub(super) async fn on_blocking_thread(
    work: impl FnOnce() -> Result<Value, MissingTokenizer> + Send + 'static,
) -> Result<Response> {
    match tokio::task::spawn_blocking(work)
        .await
        .map_err(anyhow::Error::from)?
    {
        Ok(answer) => Ok(reply::json_bytes(to_vec(&answer))),
        Err(missing) => Err(Error::json_error(501, missing.to_string())),
    }
}

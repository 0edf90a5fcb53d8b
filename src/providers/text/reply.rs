//! The browser's answers to text-completion requests, from what the relay brings back.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use squaretable_compat::json::{self as text_json, to_vec};

use super::request::StatusCall;
use super::{js, ollama};
use crate::providers::exchange::{RequestFault, parse, read, respond, server_error};
use crate::providers::relay::{Relay, RelayError, UpstreamReply};
use crate::providers::text::backend::Backend;
use crate::reply;

/// `code` with `{"error":true}`.
pub(super) fn plain_error(code: StatusCode) -> Response {
    reply::json_with(code, &json!({ "error": true }))
}

/// Answers `/generate`.
///
/// A stream passes as it is; of Ollama as events. Otherwise success is the back end's JSON, and everything else is 200
/// `{"error":true,"status","response"}`, with the back end's code and text, or the code and message of the failure.
pub async fn generate(
    backend: Option<&'static Backend>,
    stream: bool,
    outcome: Result<UpstreamReply, RelayError>,
) -> Response {
    let answer = match outcome {
        Ok(answer) if stream => return streamed(backend, answer).await,
        Ok(answer) => answer,
        Err(error) => return failed(&error),
    };
    let (status, is_success) = (answer.status().as_u16(), answer.is_success());
    let text = match answer.text().await {
        Ok(text) => text,
        Err(error) => return failed(&error),
    };
    if !is_success {
        tracing::warn!(status, "text completion refused upstream");
        return reply::json(&json!({ "error": true, "status": status, "response": text }));
    }
    let value = parse(&text).and_then(|value| match backend {
        Some(backend) if backend.name == "infermaticai" => as_completion(value),
        _ => Ok(value),
    });
    match value {
        Ok(value) => respond(&value),
        Err(message) => explained("UNKNOWN", &message),
    }
}

/// compat: where Ollama refuses, its error is passed on with its status, as that of any other back end; the original
/// turns it into an empty completion.
async fn streamed(backend: Option<&'static Backend>, answer: UpstreamReply) -> Response {
    if answer.is_success() && backend.is_some_and(|backend| backend.name == "ollama") {
        let mut response = reply::stream(StatusCode::OK, None, ollama::events(answer.into_pieces()));
        reply::untag(response.extensions_mut());
        return response;
    }
    answer.into_stream().await
}

/// InfermaticAI answers some completions as chats.
fn as_completion(mut value: Value) -> Result<Value, String> {
    if value.is_array() {
        return Ok(value);
    }
    let choices = match value.get("choices") {
        choices if !js::is_truthy(choices) => Vec::new(),
        Some(Value::Array(choices)) => choices.iter().map(choice).collect::<Result<_, _>>()?,
        _ => return Err("The choices are no list.".to_owned()),
    };
    let fields = value.as_object_mut().ok_or("The answer is no object.")?;
    fields.insert("choices".to_owned(), choices.into());
    Ok(value)
}

fn choice(choice: &Value) -> Result<Value, String> {
    if choice.is_null() {
        return Err("A choice is null.".to_owned());
    }
    let content = choice
        .pointer("/message/content")
        .filter(|content| js::is_truthy(Some(content)));
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<&Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value.clone());
        }
    };
    put("text", content.or_else(|| choice.get("text")));
    put("logprobs", choice.get("logprobs"));
    put("index", choice.get("index"));
    Ok(fields.into())
}

fn failed(error: &RelayError) -> Response {
    explained(error.code().unwrap_or("UNKNOWN"), &error.to_string())
}

fn explained(code: &str, message: &str) -> Response {
    reply::json(&json!({ "error": true, "status": code, "response": message }))
}

impl RequestFault {
    /// The answer of `/generate`: 200 with the fault, as for every other failure.
    #[must_use]
    pub fn generate_response(&self) -> Response {
        explained(self.code(), &self.to_string())
    }
}

/// Asks for the models, and answers `/status`: `{"result": <the loaded model>, "data": <all of them>}`, 400 when the
/// back end refuses or names no models, 500 when it is not there or answers no JSON.
pub async fn status(call: StatusCall, relay: &Relay) -> Response {
    let name = call.backend.map_or("", |backend| backend.name);
    let Ok(answer) = relay.send(call.models).await else {
        return server_error();
    };
    let is_express = answer
        .headers()
        .get("x-powered-by")
        .is_some_and(|value| value == "Express");
    if !answer.is_success() {
        return reply::status(StatusCode::BAD_REQUEST);
    }
    let Ok(value) = read(answer).await else {
        return server_error();
    };
    let data = match models(name, value) {
        Ok(Some(data)) => data,
        Ok(None) => return reply::status(StatusCode::BAD_REQUEST),
        Err(NullModel) => return server_error(),
    };
    let first = data
        .first()
        .and_then(|model| model.get("id"))
        .filter(|id| js::is_truthy(Some(id)));
    let mut result = first.cloned().unwrap_or_else(|| "Valid".into());
    let mut tokenizes = false;
    // LM Studio speaks oobabooga's language up to here, and says Express.
    if let Some(question) = call.loaded.filter(|_| name == "tabby" || !is_express)
        && let Ok(answer) = relay.send(question).await
    {
        if !answer.is_success() {
            if name == "tabby" {
                result = "None".into();
            }
        } else if let Ok(info) = read(answer).await {
            tokenizes = name == "ooba";
            let field = if tokenizes { "model_name" } else { "id" };
            if let Some(loaded) = info.get(field).filter(|loaded| js::is_truthy(Some(loaded))) {
                result = loaded.clone();
            }
        }
    }
    let mut response = reply::json_bytes(to_vec(&json!({ "result": result, "data": data })));
    if tokenizes {
        response
            .headers_mut()
            .insert("x-supports-tokenization", HeaderValue::from_static("true"));
    }
    response
}

/// A list of models with a `null` in it.
struct NullModel;

/// The list of models in OpenAI's form; `None` where there is none.
fn models(name: &str, mut value: Value) -> Result<Option<Vec<Value>>, NullModel> {
    let list = match (name, &mut value) {
        ("togetherai", Value::Array(list)) => named(std::mem::take(list))?,
        ("huggingface", _) => Vec::new(),
        (_, Value::Null) => return Err(NullModel),
        (_, other) => {
            let models = other
                .get_mut("models")
                .and_then(Value::as_array_mut)
                .filter(|_| name == "ollama");
            match models {
                Some(list) => named(std::mem::take(list))?,
                None => match other.get_mut("data").map(Value::take) {
                    Some(Value::Array(list)) => list,
                    _ => return Ok(None),
                },
            }
        }
    };
    if list.iter().any(Value::is_null) {
        return Err(NullModel);
    }
    Ok(Some(list))
}

/// Models whose id is their name, unless they have one.
fn named(list: Vec<Value>) -> Result<Vec<Value>, NullModel> {
    let with_id = |model: Value| {
        let mut fields = Map::new();
        if let Some(name) = model.get("name") {
            fields.insert("id".to_owned(), name.clone());
        }
        match model {
            Value::Null => return Err(NullModel),
            Value::Object(own) => fields.extend(own),
            _ => {}
        }
        Ok(fields.into())
    };
    list.into_iter().map(with_id).collect()
}

/// Answers `/props`: the properties with the SHA-256 of the chat template; 400 when the back end refuses, 500 when it
/// is not there or has no template.
pub async fn props(
    backend: Option<&'static Backend>,
    outcome: Result<UpstreamReply, RelayError>,
) -> Response {
    let Ok(answer) = outcome else {
        return server_error();
    };
    if !answer.is_success() {
        return reply::status(StatusCode::BAD_REQUEST);
    }
    let Ok(Value::Object(mut props)) = read(answer).await else {
        return server_error();
    };
    let Some(Value::String(template)) = props.get_mut("chat_template") else {
        return server_error();
    };
    // Some releases of llama.cpp end the template with NUL in the place of its last line break.
    if backend.is_some_and(|backend| backend.name == "llamacpp") && template.ends_with('\0') {
        template.pop();
        template.push('\n');
    }
    let hash = hex::encode(Sha256::digest(text_json::lossy(template).as_bytes()));
    props.insert("chat_template_hash".to_owned(), hash.into());
    reply::json_bytes(to_vec(&props.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{as_completion, models, respond};

    #[test]
    fn lists_of_models_have_one_form() {
        let list = |name: &str, value: Value| models(name, value).ok().flatten();
        assert_eq!(
            list("vllm", json!({ "data": [{ "id": 1 }] })),
            Some(vec![json!({ "id": 1 })])
        );
        assert_eq!(list("vllm", json!([{ "id": 1 }])), None);
        assert_eq!(list("huggingface", Value::Null), Some(Vec::new()));
        let given = json!([{ "name": "n", "x": 1 }, { "id": "i", "name": "n" }]);
        let expected = Some(vec![
            json!({ "id": "n", "name": "n", "x": 1 }),
            json!({ "id": "i", "name": "n" }),
        ]);
        assert_eq!(list("togetherai", given.clone()), expected);
        assert_eq!(list("ollama", json!({ "models": given })), expected);
        assert!(models("vllm", json!({ "data": [null] })).is_err());
        assert!(models("vllm", Value::Null).is_err());
    }

    #[test]
    fn chats_become_completions() {
        let given = json!({ "id": 1, "choices": [{ "message": { "content": "a" }, "index": 0, "finish": 1 }, { "text": "b", "logprobs": null }] });
        let expected =
            json!({ "id": 1, "choices": [{ "text": "a", "index": 0 }, { "text": "b", "logprobs": null }] });
        assert_eq!(as_completion(given), Ok(expected));
        assert_eq!(as_completion(json!({})), Ok(json!({ "choices": [] })));
        assert!(
            as_completion(json!("text")).is_err() && as_completion(json!({ "choices": [null] })).is_err()
        );
    }

    #[test]
    fn a_text_is_no_json_answer() {
        let kind = |value: Value| {
            let response = respond(&value);
            response
                .headers()
                .get("content-type")
                .map(|kind| kind.to_str().unwrap().to_owned())
        };
        assert_eq!(kind(json!("x")).as_deref(), Some("text/html; charset=utf-8"));
        assert_eq!(kind(Value::Null), None);
        assert_eq!(
            kind(json!([1])).as_deref(),
            Some("application/json; charset=utf-8")
        );
    }
}

//! The requests of `/api/backends/text-completions/{status,props,generate}`.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::backend::{Backend, OLLAMA_OPTIONS, identify, numeric_server, trim_v1};
use super::js;
use crate::config::upstream::UpstreamConfig;
use crate::providers::exchange::{RequestFault, json_headers, posting, without_body};
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// Stop sequences that OpenAI takes at most.
const MAX_STOPS: usize = 4;

/// A generation ready for the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextCall {
    /// Whose answer it will be; `None` for a type that nobody knows.
    pub backend: Option<&'static Backend>,
    /// What to send.
    pub upstream: Upstream,
    /// Whether the browser asked for a stream.
    pub stream: bool,
    /// What to send when the browser goes before the end: KoboldCpp generates on when its connection closes.
    pub abort: Option<Upstream>,
}

/// The questions of `/status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCall {
    /// Whose answers they will be.
    pub backend: Option<&'static Backend>,
    /// Which models there are.
    pub models: Upstream,
    /// Which one is loaded, where the list does not say so.
    pub loaded: Option<Upstream>,
}

/// Builds the request of `/generate`. `secret` is the stored key under [`Backend::secret_key`], empty when there is none.
///
/// # Errors
/// [`RequestFault::MissingServer`], [`RequestFault::InvalidUrl`].
pub fn generate(mut body: Value, secret: &str, config: &UpstreamConfig) -> Result<TextCall, RequestFault> {
    let server = numeric_server(&body)?;
    body["api_server"] = server.clone().into();
    let backend = Backend::of(&body);
    let base = trim_v1(&server);
    let url = format!("{base}{}", backend.map_or("", |backend| backend.completions));
    let mut headers = json_headers();
    identify(&mut headers, backend, secret, &server, config);
    let abort = match backend {
        Some(backend) if backend.name == "koboldcpp" => {
            let mut headers = UpstreamHeaders::default();
            identify(&mut headers, Some(backend), secret, base, config);
            Some(without_body(
                Method::POST,
                &format!("{base}/api/extra/abort"),
                headers,
            )?)
        }
        _ => None,
    };
    let stream = js::is_truthy(body.get("stream"));
    Ok(TextCall {
        backend,
        upstream: posting(&url, headers, &shaped(body, backend, config))?,
        stream,
        abort,
    })
}

/// The body as the back end takes it.
fn shaped(body: Value, backend: Option<&Backend>, config: &UpstreamConfig) -> Value {
    let Value::Object(mut fields) = body else {
        return body;
    };
    match backend.map_or("", |backend| backend.name) {
        "ollama" => return ollama(&fields, config),
        "openrouter" => set_routing(&mut fields),
        "generic" => {
            if let Some(Value::Array(stops)) = fields.get_mut("stop") {
                stops.truncate(MAX_STOPS);
            }
        }
        _ => {}
    }
    if let Some(known) = backend.and_then(|backend| backend.fields) {
        fields.retain(|name, _| known.split(' ').any(|field| field == name));
    }
    fields.into()
}

/// OpenRouter's `provider`: the list of the browser as an order, and which quantizations may serve.
fn set_routing(fields: &mut Map<String, Value>) {
    let list = |fields: &Map<String, Value>, name: &str| {
        fields
            .get(name)
            .filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
            .cloned()
    };
    match list(fields, "provider") {
        Some(order) => {
            let fallbacks = fields
                .get("allow_fallbacks")
                .filter(|flag| !flag.is_null())
                .cloned();
            let routing = json!({ "allow_fallbacks": fallbacks.unwrap_or(true.into()), "order": order });
            fields.insert("provider".to_owned(), routing);
        }
        None => {
            fields.shift_remove("provider");
        }
    }
    if let Some(quantizations) = list(fields, "quantizations") {
        let provider = fields.entry("provider").or_insert_with(|| json!({}));
        provider["quantizations"] = quantizations;
    }
}

/// Ollama's own request: sampling parameters are options, and the prompt is taken as it is.
fn ollama(fields: &Map<String, Value>, config: &UpstreamConfig) -> Value {
    let mut request = Map::new();
    for name in ["model", "prompt"] {
        if let Some(value) = fields.get(name) {
            request.insert(name.to_owned(), value.clone());
        }
    }
    let stream = fields.get("stream").filter(|stream| !stream.is_null()).cloned();
    request.insert("stream".to_owned(), stream.unwrap_or(false.into()));
    request.insert("keep_alive".to_owned(), config.ollama_keep_alive.into());
    request.insert("raw".to_owned(), true.into());
    let mut options = fields.clone();
    if config.ollama_batch_size > 0 {
        options.insert("num_batch".to_owned(), config.ollama_batch_size.into());
    }
    options.retain(|name, _| OLLAMA_OPTIONS.split(' ').any(|option| option == name));
    request.insert("options".to_owned(), options.into());
    request.into()
}

/// Builds the requests of `/status`.
///
/// # Errors
/// [`RequestFault::MissingServer`], [`RequestFault::InvalidUrl`].
pub fn status(body: &Value, secret: &str, config: &UpstreamConfig) -> Result<StatusCall, RequestFault> {
    let server = numeric_server(body)?;
    let base = trim_v1(&server);
    let backend = Backend::of(body);
    let mut headers = json_headers();
    identify(&mut headers, backend, secret, base, config);
    let loaded = match backend.map_or("", |backend| backend.name) {
        "ooba" => Some("/v1/internal/model/info"),
        "tabby" => Some("/v1/model"),
        _ => None,
    };
    let get = |path: &str| without_body(Method::GET, &format!("{base}{path}"), headers.clone());
    Ok(StatusCall {
        backend,
        models: get(backend.map_or("", |backend| backend.models))?,
        loaded: loaded.map(get).transpose()?,
    })
}

/// Builds the request of `/props`: what a llama.cpp server, or KoboldCpp, says of its model.
///
/// # Errors
/// [`RequestFault::InvalidUrl`].
pub fn props(body: &Value, secret: &str, config: &UpstreamConfig) -> Result<Upstream, RequestFault> {
    let server = js::to_text(body.get("api_server"));
    let base = trim_v1(&server);
    let backend = Backend::of(body);
    let mut headers = UpstreamHeaders::default();
    identify(&mut headers, backend, secret, base, config);
    let mut address = format!("{base}/props");
    let model = body.get("model");
    if js::is_truthy(model) && backend.is_some_and(|backend| backend.name == "llamacpp") {
        address.push_str(&format!("?model={}", js::encode_component(&js::to_text(model))));
    }
    without_body(Method::GET, &address, headers)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;

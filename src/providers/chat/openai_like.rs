//! The request shape most sources share, and OpenAI itself.

use axum::http::Method;
use reqwest::Url;
use serde_json::{Value, json};

use super::overlay::Overlay;
use super::{ChatCall, ChatFault, ChatSettings, effort, js};
use crate::providers::convert::{media, text};
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::tokenizers::routing::LEGACY_COMPLETION_MODELS;

const OPENAI_BASE: &str = "https://api.openai.com/v1";

/// Fields copied from the browser's body, in sending order. `stop` comes from the overlay for text models.
const COPIED_FIELDS: [&str; 13] = [
    "model",
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "presence_penalty",
    "frequency_penalty",
    "top_p",
    "top_k",
    "stop",
    "logit_bias",
    "seed",
    "n",
];

/// What a source contributes to the shared request.
pub(super) struct Draft {
    /// Base address, without the endpoint and possibly with a trailing slash.
    pub(super) base: String,
    /// Headers beside the content type, the authorization included.
    pub(super) headers: UpstreamHeaders,
    /// Fields laid over the copied ones.
    pub(super) overlay: Overlay,
}

/// Builds OpenAI's generation request.
pub(super) fn openai(
    mut body: Value,
    secret: Option<&str>,
    settings: &ChatSettings,
) -> Result<ChatCall, ChatFault> {
    let (base, key) = openai_base(&body, secret)?;
    let mut overlay = logprobs(&body);
    if settings.randomize_user_id {
        overlay.set("user", Some(uuid::Uuid::new_v4().to_string().into()));
    }
    if let Some(messages) = body.get_mut("messages") {
        media::inline_audio(messages);
    }
    set_reasoning(&mut overlay, &body);
    let key = require_key(key, &body)?;
    finish(
        body,
        Draft {
            base,
            headers: bearer(&key),
            overlay,
        },
        &|_| {},
    )
}

/// Builds OpenAI's model-list request.
pub(super) fn openai_status(body: &Value, secret: Option<&str>) -> Result<Upstream, ChatFault> {
    let (base, key) = openai_base(body, secret)?;
    let key = require_key(key, body)?;
    models_request(&base, bearer(&key))
}

/// Builds `GET {base}/models`; slashes at the end of the base do not count.
pub(super) fn models_request(base: &str, headers: UpstreamHeaders) -> Result<Upstream, ChatFault> {
    let address = format!("{}/models", base.trim_end_matches('/'));
    let url = parse_url(&address)?;
    Ok(Upstream {
        method: Method::GET,
        url,
        headers,
        body: bytes::Bytes::new(),
    })
}

/// The base address and key, from the body's reverse proxy or the stored secret, never a mix of both.
fn openai_base(body: &Value, secret: Option<&str>) -> Result<(String, String), ChatFault> {
    let proxy = body.get("reverse_proxy");
    if js::is_truthy(proxy) {
        // Serialising the parsed address gives a bare host a trailing slash, which then stays doubled.
        let base = parse_url(&js::to_text(proxy))?.to_string();
        return Ok((base, js::to_text(body.get("proxy_password"))));
    }
    Ok((OPENAI_BASE.to_owned(), secret.unwrap_or_default().to_owned()))
}

/// Refuses an empty key, unless a reverse proxy answers for it.
fn require_key(key: String, body: &Value) -> Result<String, ChatFault> {
    if key.is_empty() && !js::is_truthy(body.get("reverse_proxy")) {
        return Err(ChatFault::MissingKey);
    }
    Ok(key)
}

/// The authorization header alone.
pub(super) fn bearer(key: &str) -> UpstreamHeaders {
    let mut headers = UpstreamHeaders::default();
    headers.set("Authorization", format!("Bearer {key}"));
    headers
}

/// `logprobs` as chat models want it: a flag, and the number under `top_logprobs`.
pub(super) fn logprobs(body: &Value) -> Overlay {
    let requested = body.get("logprobs");
    let mut overlay = Overlay::default();
    if is_text_completion(body) || !js::is_positive(requested) {
        overlay.set("logprobs", requested.cloned());
        overlay.set("top_logprobs", None);
    } else {
        overlay.set("logprobs", Some(true.into()));
        overlay.set("top_logprobs", requested.cloned());
    }
    overlay
}

/// `reasoning_effort` and `verbosity` for the models that take them.
pub(super) fn set_reasoning(overlay: &mut Overlay, body: &Value) {
    let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
    let requested = body
        .get("reasoning_effort")
        .filter(|effort| js::is_truthy(Some(effort)));
    if let Some(requested) = requested
        && let Some(effort) = effort::reasoning_effort(model, &js::to_text(Some(requested)))
    {
        overlay.set("reasoning_effort", Some(effort.into()));
    }
    let verbosity = body
        .get("verbosity")
        .filter(|verbosity| js::is_truthy(Some(verbosity)));
    if let Some(verbosity) = verbosity
        && effort::takes_verbosity(model)
    {
        overlay.set("verbosity", Some(verbosity.clone()));
    }
}

/// Structured output under the body's `json_schema`, if it asks for any.
pub(super) fn response_format(body: &Value) -> Option<Value> {
    let wanted = body
        .get("json_schema")
        .filter(|schema| js::is_truthy(Some(schema)))?;
    let strict = wanted.get("strict").filter(|strict| !strict.is_null()).cloned();
    let mut schema = Overlay::default();
    schema.set("name", wanted.get("name").cloned());
    schema.set("strict", Some(strict.unwrap_or(Value::Bool(true))));
    schema.set("schema", wanted.get("value").cloned());
    Some(json!({ "type": "json_schema", "json_schema": schema.into_map() }))
}

/// Lays a source's draft over the copied fields; `trim` has the last word on the body.
pub(super) fn finish(
    mut body: Value,
    draft: Draft,
    trim: &dyn Fn(&mut serde_json::Map<String, Value>),
) -> Result<ChatCall, ChatFault> {
    let Draft {
        base,
        headers,
        mut overlay,
    } = draft;
    let is_text = is_text_completion(&body);
    set_stop_and_tools(&mut overlay, &body, is_text);
    if let Some(format) = response_format(&body)
        && !overlay.has_truthy("response_format")
    {
        overlay.set("response_format", Some(format));
    }
    let mut request = Overlay::default();
    let prompt = if is_text {
        Some(text::flatten_messages(body.get("messages"))?)
    } else {
        None
    };
    let messages = body.get_mut("messages").map(Value::take).filter(|_| !is_text);
    request.set("messages", messages);
    request.set("prompt", prompt.map(Value::String));
    for field in COPIED_FIELDS {
        let is_sent = field != "stop" || !is_text;
        request.set(field, body.get(field).filter(|_| is_sent).cloned());
    }
    request.extend(overlay);
    let mut fields = request.into_map();
    trim(&mut fields);

    let endpoint = if is_text {
        "/completions"
    } else {
        "/chat/completions"
    };
    let mut all_headers = UpstreamHeaders::default();
    all_headers.set("Content-Type", "application/json");
    headers
        .iter()
        .for_each(|(name, value)| all_headers.set(name, value));
    Ok(ChatCall {
        upstream: Upstream {
            method: Method::POST,
            url: parse_url(&format!("{base}{endpoint}"))?,
            headers: all_headers,
            body: squaretable_compat::json::to_vec(&Value::Object(fields)).into(),
        },
        stream: js::is_truthy(body.get("stream")),
    })
}

/// Stop sequences only when there are some; tools only for chat models and only when there are some.
fn set_stop_and_tools(overlay: &mut Overlay, body: &Value, is_text: bool) {
    let non_empty = |key| {
        body.get(key)
            .filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
    };
    if let Some(stop) = non_empty("stop") {
        overlay.set("stop", Some(stop.clone()));
    }
    if let Some(tools) = non_empty("tools").filter(|_| !is_text) {
        overlay.set("tools", Some(tools.clone()));
        overlay.set("tool_choice", body.get("tool_choice").cloned());
    }
}

/// Whether the request goes to a text-completion endpoint: a legacy model, or a prompt that is one string.
fn is_text_completion(body: &Value) -> bool {
    let model = body.get("model").and_then(Value::as_str);
    model.is_some_and(|model| LEGACY_COMPLETION_MODELS.iter().any(|(name, _)| *name == model))
        || body.get("messages").is_some_and(Value::is_string)
}

/// Parses an address the way browsers do.
pub(super) fn parse_url(address: &str) -> Result<Url, ChatFault> {
    Url::parse(address).map_err(|_| ChatFault::InvalidUrl(address.to_owned()))
}

#[cfg(test)]
#[path = "openai_like_tests.rs"]
mod tests;

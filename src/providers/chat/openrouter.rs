//! What OpenRouter takes beside OpenAI's fields: routing, transforms, signatures and cache marks.

use serde_json::{Value, json};

use super::google::safety_settings;
use super::openai_like::Draft;
use super::{ChatFault, js};
use crate::providers::convert::{caching, media, signatures};

type Step = Result<(), ChatFault>;

/// Where OpenRouter lists its models with their prices.
pub const MODELS: &str = "https://openrouter.ai/api/v1/models";

/// Transforms, plugins and reasoning.
pub(super) fn routing(draft: &mut Draft<'_>) -> Step {
    let transforms = match draft.body.get("middleout").and_then(Value::as_str) {
        Some("on") => Some(json!(["middle-out"])),
        Some("off") => Some(json!([])),
        _ => None,
    };
    let plugins = if draft.truthy("enable_web_search").is_some() {
        json!([{ "id": "web" }])
    } else {
        json!([])
    };
    let mut reasoning = json!({ "exclude": draft.truthy("include_reasoning").is_none() });
    if let Some(effort) = draft.truthy("reasoning_effort") {
        reasoning["effort"] = effort.clone();
    }
    draft.overlay.set("transforms", transforms);
    draft.overlay.set("plugins", Some(plugins));
    draft.overlay.set("reasoning", Some(reasoning));
    Ok(())
}

/// Which providers may answer, and how precise they have to be.
pub(super) fn providers(draft: &mut Draft<'_>) -> Step {
    let some_of = |field: &str| {
        let list = draft.body.get(field)?.as_array()?;
        (!list.is_empty()).then(|| Value::from(list.clone()))
    };
    let mut provider = serde_json::Map::new();
    if let Some(order) = some_of("provider") {
        let fallbacks = draft.body.get("allow_fallbacks").filter(|flag| !flag.is_null());
        let fallbacks = fallbacks.cloned().unwrap_or(Value::Bool(true));
        provider.insert("allow_fallbacks".to_owned(), fallbacks);
        provider.insert("order".to_owned(), order);
    }
    if let Some(quantizations) = some_of("quantizations") {
        provider.insert("quantizations".to_owned(), quantizations);
    }
    if !provider.is_empty() {
        draft.overlay.set("provider", Some(provider.into()));
    }
    if draft.truthy("use_fallback").is_some() {
        draft.overlay.set("route", Some("fallback".into()));
    }
    Ok(())
}

/// Media, signatures and cache marks of the messages, and Gemini's safety settings.
pub(super) fn messages(draft: &mut Draft<'_>) -> Step {
    let (model, settings) = (draft.model(), draft.settings);
    if let Some(messages) = draft.body.get_mut("messages") {
        media::inline_audio(messages)?;
    }
    if let Some(Value::Array(messages)) = draft.body.get_mut("messages") {
        signatures::to_reasoning_details(messages, &model, settings.thought_signatures);
        if model.starts_with("anthropic/claude") {
            caching::mark_relayed_claude(messages, &settings.claude)?;
        }
        if is_gemini(&model) && settings.caches_gemini {
            caching::mark_system_prompt(messages, None);
        }
    }
    if is_gemini(&model) {
        draft.overlay.set("safety_settings", Some(safety_settings(false)));
    }
    Ok(())
}

fn is_gemini(model: &str) -> bool {
    model.contains("google/gemini")
}

/// The model of a body whose prices tell whether its system prompt can be cached, if the configuration wants that.
#[must_use]
pub fn priced_model(body: &Value, is_wanted: bool) -> Option<String> {
    let model = js::to_text(body.get("model"));
    (is_wanted && is_gemini(&model)).then_some(model)
}

/// Whether a list of models with prices says that writing to a cache has one for `model`.
#[must_use]
pub fn can_cache(list: &Value, model: &str) -> bool {
    let models = list.get("data").and_then(Value::as_array);
    let found = models
        .into_iter()
        .flatten()
        .find(|entry| entry.get("id").and_then(Value::as_str) == Some(model));
    let price = found.and_then(|entry| entry.pointer("/pricing/input_cache_write"));
    price.is_some_and(|price| !price.is_null())
}

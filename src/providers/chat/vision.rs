//! `/multimodal-models/*`: which models of a source see pictures.

use reqwest::Url;
use serde_json::Value;

use super::lists::workers_ai_search;
use super::openai_like::get;
use super::{Source, hooks, js};
use crate::providers::relay::Relay;
use crate::providers::upstream::UpstreamHeaders;

/// The sources that can be asked, by the last part of their routes.
pub const ROUTES: [(&str, Source); 9] = [
    ("aimlapi", Source::AimlApi),
    ("chutes", Source::Chutes),
    ("electronhub", Source::ElectronHub),
    ("mistral", Source::MistralAi),
    ("moonshot", Source::Moonshot),
    ("nanogpt", Source::NanoGpt),
    ("pollinations", Source::Pollinations),
    ("workers_ai", Source::WorkersAi),
    ("xai", Source::Xai),
];

/// A list of models, and what to look for in it.
struct Catalogue {
    /// Where it is; empty where that is made of the body.
    address: &'static str,
    needs_key: bool,
    /// Where the list is in the answer; empty for the whole of it.
    list: &'static str,
    /// Whether an answer without a list has no models, or is a failure.
    tolerates_none: bool,
    sees: fn(&Value) -> Option<bool>,
    /// The field with the model's id.
    id: &'static str,
}

const OPENAI_LIKE: Catalogue = Catalogue {
    address: "",
    needs_key: true,
    list: "/data",
    tolerates_none: false,
    sees: |_| Some(false),
    id: "id",
};

const CATALOGUES: &[(Source, Catalogue)] = &[
    (
        Source::AimlApi,
        Catalogue {
            address: "https://api.aimlapi.com/v1/models",
            needs_key: false,
            tolerates_none: true,
            sees: |model| includes(model.get("features"), "openai/chat-completion.vision"),
            ..OPENAI_LIKE
        },
    ),
    (
        Source::Chutes,
        Catalogue {
            address: "https://llm.chutes.ai/v1/models",
            sees: |model| includes(model.get("input_modalities"), "image"),
            ..OPENAI_LIKE
        },
    ),
    (
        Source::ElectronHub,
        Catalogue {
            address: "https://api.electronhub.ai/v1/models",
            needs_key: false,
            sees: |model| Some(js::is_truthy(model.pointer("/metadata/vision"))),
            ..OPENAI_LIKE
        },
    ),
    (
        Source::MistralAi,
        Catalogue {
            address: "https://api.mistral.ai/v1/models",
            sees: |model| Some(js::is_truthy(model.pointer("/capabilities/vision"))),
            ..OPENAI_LIKE
        },
    ),
    (
        Source::Moonshot,
        Catalogue {
            address: "https://api.moonshot.ai/v1/models",
            sees: |model| Some(js::is_truthy(model.get("supports_image_in"))),
            ..OPENAI_LIKE
        },
    ),
    (
        Source::NanoGpt,
        Catalogue {
            address: "https://nano-gpt.com/api/v1/models?detailed=true",
            needs_key: false,
            tolerates_none: true,
            sees: |model| Some(js::is_truthy(model.pointer("/capabilities/vision"))),
            ..OPENAI_LIKE
        },
    ),
    (
        Source::Pollinations,
        Catalogue {
            address: "https://gen.pollinations.ai/models",
            needs_key: false,
            list: "",
            tolerates_none: true,
            sees: |model| Some(has_item(model.get("input_modalities"), "image")),
            id: "name",
        },
    ),
    (
        Source::WorkersAi,
        Catalogue {
            list: "/result",
            tolerates_none: true,
            sees: |model| model.get("properties").map_or(Some(false), has_vision_property),
            id: "name",
            ..OPENAI_LIKE
        },
    ),
    (
        Source::Xai,
        Catalogue {
            address: "https://api.x.ai/v1/language-models",
            list: "/models",
            sees: |model| includes(model.get("input_modalities"), "image"),
            ..OPENAI_LIKE
        },
    ),
];

/// Ids of the models that see pictures: none without a key that is needed, or when the provider refuses.
///
/// # Errors
/// `None` when the request fails, or its answer is not what it should be.
pub async fn models(relay: &Relay, source: Source, body: &Value, key: &str) -> Option<Value> {
    let (_, catalogue) = CATALOGUES.iter().find(|(known, _)| *known == source)?;
    let empty = Some(Value::Array(Vec::new()));
    let account = hooks::workers_ai_account(body);
    if catalogue.needs_key && key.is_empty() || source == Source::WorkersAi && account.is_none() {
        return empty;
    }
    let address = account
        .filter(|_| catalogue.address.is_empty())
        .map(|account| workers_ai_search(&account));
    let url = Url::parse(address.as_deref().unwrap_or(catalogue.address)).ok()?;
    let mut headers = UpstreamHeaders::default();
    if catalogue.needs_key {
        headers.set("Authorization", format!("Bearer {key}"));
    }
    let reply = relay.send(get(url, headers)).await.ok()?;
    if !reply.is_success() {
        return empty;
    }
    let answer = squaretable_compat::json::parse(reply.text().await.ok()?.as_bytes()).ok()?;
    let mut ids = catalogue.pick(&answer)?;
    // xAI's own list says that this one does not see, but it does.
    let blind = Value::from("grok-4-0709");
    if source == Source::Xai && !ids.contains(&blind) {
        ids.push(blind);
    }
    Some(ids.into())
}

impl Catalogue {
    fn pick(&self, answer: &Value) -> Option<Vec<Value>> {
        let Some(list) = answer.pointer(self.list).and_then(Value::as_array) else {
            return (self.tolerates_none).then(Vec::new);
        };
        let mut ids = Vec::new();
        for model in list {
            if model.is_null() && !self.tolerates_none {
                return None;
            }
            if (self.sees)(model)? {
                ids.push(model.get(self.id).cloned().unwrap_or_default());
            }
        }
        Some(ids)
    }
}

/// `value?.includes(word)`; `None` where JavaScript has no such function.
fn includes(value: Option<&Value>, word: &str) -> Option<bool> {
    match value {
        None | Some(Value::Null) => Some(false),
        Some(Value::Array(items)) => Some(items.iter().any(|item| item == word)),
        Some(Value::String(text)) => Some(text.contains(word)),
        Some(_) => None,
    }
}

fn has_item(value: Option<&Value>, word: &str) -> bool {
    let items = value.and_then(Value::as_array);
    items.into_iter().flatten().any(|item| item == word)
}

fn has_vision_property(properties: &Value) -> Option<bool> {
    let Some(properties) = properties.as_array() else {
        return Some(false);
    };
    for property in properties {
        if property.is_null() {
            return None;
        }
        let says = |field: &str, value: &str| property.get(field).and_then(Value::as_str) == Some(value);
        if says("property_id", "vision") && says("value", "true") {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CATALOGUES, ROUTES, Source};

    fn pick(source: Source, answer: &serde_json::Value) -> Option<Vec<serde_json::Value>> {
        let found = CATALOGUES.iter().find(|(known, _)| *known == source);
        found.expect("the source has a list").1.pick(answer)
    }

    #[test]
    fn every_route_has_a_catalogue() {
        assert!(
            ROUTES
                .iter()
                .all(|(_, source)| pick(*source, &json!({ "data": [], "models": [] })).is_some())
        );
        assert_eq!(ROUTES.len(), CATALOGUES.len());
    }

    #[test]
    fn picks_by_each_ones_words() {
        let features =
            json!({"data": [{"id": "a", "features": ["openai/chat-completion.vision"]}, {"id": "b"}, null]});
        assert_eq!(pick(Source::AimlApi, &features), Some(vec![json!("a")]));
        assert_eq!(pick(Source::Chutes, &json!({"data": [null]})), None);
        assert_eq!(
            pick(Source::Chutes, &json!({"data": [{"input_modalities": 5}]})),
            None
        );
        assert_eq!(pick(Source::Pollinations, &json!({})), Some(vec![]));
        let workers =
            json!({"result": [{"name": "w", "properties": [{"property_id": "vision", "value": "true"}]}]});
        assert_eq!(pick(Source::WorkersAi, &workers), Some(vec![json!("w")]));
        assert_eq!(pick(Source::ElectronHub, &json!({})), None);
    }
}

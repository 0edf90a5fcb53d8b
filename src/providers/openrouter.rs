//! OpenRouter besides its chats: what models there are, what is left to spend, and pictures.

use axum::http::Method;
use axum::response::Response;
use regex::Regex;
use serde_json::{Map, Value, json};
use squaretable_compat::collate;
use squaretable_compat::json::{js_string, to_vec};

use super::exchange::{bearer, granted, json_bearer, posting, read, silent_error, without_body};
use super::js;
use super::relay::{RelayError, UpstreamReply};
use super::upstream::{Upstream, UpstreamHeaders};
use crate::error::{Error, Result};
use crate::mime;
use crate::reply;

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_openrouter";

const API: &str = "https://openrouter.ai/api/v1";

/// What a model takes and gives, and how it is listed.
#[derive(Debug)]
pub struct Modality {
    /// Its route.
    pub route: &'static str,
    takes: &'static str,
    gives: &'static str,
    /// A field of an entry, and the fields of the model that it may come from; without entries, only the id.
    entry: &'static [(&'static str, &'static [&'static str])],
}

/// All lists.
pub static MODALITIES: [Modality; 3] = [
    Modality {
        route: "/api/openrouter/models/multimodal",
        takes: "image",
        gives: "text",
        entry: &[],
    },
    Modality {
        route: "/api/openrouter/models/embedding",
        takes: "text",
        gives: "embeddings",
        entry: &[("id", &["id"]), ("name", &["name"])],
    },
    Modality {
        route: "/api/openrouter/models/image",
        takes: "text",
        gives: "image",
        entry: &[("value", &["id"]), ("text", &["name", "id"])],
    },
];

impl Modality {
    /// `GET` of the models.
    ///
    /// # Errors
    /// None in practice; the addresses are fixed.
    pub fn request(&self) -> Result<Upstream> {
        let address = format!("{API}/models?output_modalities={}", self.gives);
        Ok(without_body(
            Method::GET,
            &address,
            accepting(UpstreamHeaders::default()),
        )?)
    }

    /// The models that take and give this, by id; none when OpenRouter refuses.
    ///
    /// # Errors
    /// 500.
    pub async fn answer(&self, outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
        let answer = outcome.map_err(|_| silent_error())?;
        if !answer.is_success() {
            return Ok(reply::json(&json!([])));
        }
        let mut answer = read(answer).await.map_err(|_| silent_error())?;
        let models = match answer.get_mut("data") {
            Some(Value::Array(models)) => std::mem::take(models),
            _ => Vec::new(),
        };
        let listed: Value = self.pick(models).ok_or_else(silent_error)?.into();
        Ok(reply::json_bytes(to_vec(&listed)))
    }

    fn pick(&self, mut models: Vec<Value>) -> Option<Vec<Value>> {
        let has = |model: &Value, field: &str, modality: &str| {
            let found = model.pointer(&format!("/architecture/{field}"));
            let found = found.and_then(Value::as_array);
            found.is_some_and(|list| list.iter().any(|item| item == modality))
        };
        models.retain(|model| {
            has(model, "input_modalities", self.takes) && has(model, "output_modalities", self.gives)
        });
        let id = |model: &Value| model.get("id").filter(|id| js::is_truthy(Some(id))).cloned();
        let ids: Option<Vec<Value>> = models.iter().map(id).collect();
        // Models without ids are in no order; ids that are no texts are none.
        if let Some(ids) = ids {
            if models.len() > 1 && !ids.iter().all(Value::is_string) {
                return None;
            }
            collate::locale_sort(&mut models, |model| model["id"].as_str().unwrap_or_default());
        }
        Some(models.iter().map(|model| self.listed(model)).collect())
    }

    fn listed(&self, model: &Value) -> Value {
        if self.entry.is_empty() {
            return model.get("id").cloned().unwrap_or_default();
        }
        let mut entry = Map::new();
        for (name, fields) in self.entry {
            let mut given = fields.iter().filter_map(|field| model.get(field));
            let value = match fields {
                [field] => model.get(field),
                _ => given.find(|value| js::is_truthy(Some(value))),
            };
            entry.extend(value.map(|value| ((*name).to_owned(), value.clone())));
        }
        entry.into()
    }
}

/// `GET` of who serves the body's `model`.
///
/// # Errors
/// None in practice.
pub fn endpoints(body: &Value) -> Result<Upstream> {
    let model = js::to_text(body.get("model"));
    let address = format!("{API}/models/{model}/endpoints");
    Ok(without_body(
        Method::GET,
        &address,
        accepting(UpstreamHeaders::default()),
    )?)
}

/// The names of who serves a model; none when OpenRouter refuses.
///
/// # Errors
/// 500.
pub async fn providers(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = outcome.map_err(|_| silent_error())?;
    if !answer.is_success() {
        return Ok(reply::json(&json!([])));
    }
    let answer = read(answer).await.map_err(|_| silent_error())?;
    let endpoints = answer.pointer("/data/endpoints");
    let names = match endpoints.filter(|list| js::is_truthy(Some(list))) {
        None => Vec::new(),
        Some(Value::Array(list)) if !list.iter().any(Value::is_null) => list
            .iter()
            .map(|endpoint| endpoint.get("provider_name").cloned().unwrap_or_default())
            .collect(),
        Some(_) => return Err(silent_error()),
    };
    Ok(reply::json_bytes(to_vec(&names.into())))
}

/// `GET` of what is left to spend.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn credits(key: &str) -> Result<Upstream> {
    Ok(without_body(
        Method::GET,
        &format!("{API}/credits"),
        accepting(bearer(key)),
    )?)
}

/// What is left, `{"remaining","total_credits","total_usage"}` in US dollars.
///
/// # Errors
/// 500.
pub async fn left(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = read(granted(outcome, silent_error)?).await;
    let answer = answer.map_err(|_| silent_error())?;
    if answer.is_null() {
        return Err(silent_error());
    }
    let field = |name: &str| {
        let value = answer.pointer(&format!("/data/{name}"));
        value
            .filter(|value| !value.is_null())
            .cloned()
            .unwrap_or_else(|| 0.into())
    };
    let (credits, usage) = (field("total_credits"), field("total_usage"));
    let remaining = js::to_number(Some(&credits)) - js::to_number(Some(&usage));
    let left = json!({
        "remaining": js::from_number(remaining), "total_credits": credits, "total_usage": usage,
    });
    Ok(reply::json_bytes(to_vec(&left)))
}

/// `POST` of a chat whose answer is a picture of the body's `prompt`.
///
/// # Errors
/// 400 with the reason.
pub fn picture(body: &Value, key: &str) -> Result<Upstream> {
    if key.is_empty() {
        return Err(Error::json_error(400, "OpenRouter API key not found"));
    }
    let given = |field: &str| body.get(field).filter(|value| js::is_truthy(Some(value)));
    let (Some(model), Some(prompt)) = (given("model"), given("prompt")) else {
        return Err(Error::json_error(400, "Model and prompt are required"));
    };
    let ratio = given("aspect_ratio").cloned().unwrap_or_else(|| "1:1".into());
    let request = json!({
        "model": model, "messages": [{ "role": "user", "content": prompt }], "modalities": ["image"],
        "image_config": { "aspect_ratio": ratio },
    });
    let mut headers = json_bearer(key);
    headers.set("HTTP-Referer", "https://sillytavern.app");
    headers.set("X-Title", "SillyTavern");
    Ok(posting(&format!("{API}/chat/completions"), headers, &request)?)
}

/// The picture, as `{"format","image"}`: an extension and base64.
///
/// # Errors
/// 500.
pub async fn drawn(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = read(granted(outcome, silent_error)?).await;
    let answer = answer.map_err(|_| silent_error())?;
    let url = answer.pointer("/choices/0/message/images/0/image_url/url");
    let url = js_string(
        url.filter(|url| js::is_truthy(Some(url)))
            .ok_or_else(silent_error)?,
    );
    let data_url = Regex::new("^data:(.+);base64,(.+)$").map_err(anyhow::Error::from)?;
    let parts = data_url.captures(&url).ok_or_else(silent_error)?;
    let format = mime::extension(&parts[1]).unwrap_or("png");
    let picture = json!({ "format": format, "image": &parts[2] });
    Ok(reply::json_bytes(to_vec(&picture)))
}

fn accepting(mut headers: UpstreamHeaders) -> UpstreamHeaders {
    headers.set("Accept", "application/json");
    headers
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::MODALITIES;

    #[test]
    fn models_are_picked_by_what_they_take_and_give() {
        let model = |id: &str, takes: Value| json!({ "id": id, "architecture": { "input_modalities": takes, "output_modalities": ["image", "text"] } });
        let models = vec![
            model("b", json!(["text", "image"])),
            Value::Null,
            model("A", json!(["text"])),
            model("c", json!("text")),
        ];
        let [multimodal, embedding, image] = &MODALITIES;
        assert_eq!(multimodal.pick(models.clone()), Some(vec![json!("b")]));
        assert_eq!(embedding.pick(models.clone()), Some(vec![]));
        let expected = vec![
            json!({ "value": "A", "text": "A" }),
            json!({ "value": "b", "text": "b" }),
        ];
        assert_eq!(image.pick(models), Some(expected));
    }
}

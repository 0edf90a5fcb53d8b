//! `/status` of the sources that need more than one list of models passed on: other shapes, pages, probes.

use std::collections::HashSet;

use axum::http::StatusCode;
use axum::response::Response;
use reqwest::Url;
use serde_json::{Value, json};
use squaretable_compat::json::{parse, to_vec};

use super::azure::Deployment;
use super::fault::refused;
use super::google::BASE as GOOGLE;
use super::openai_like::get;
use super::{ChatSettings, Source, hooks, js, reply};
use crate::providers::relay::{Relay, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::reply::{json, json_bytes, json_with};

const FIREWORKS: &str =
    "https://api.fireworks.ai/v1/accounts/fireworks/models?filter=supports_serverless%3Dtrue&pageSize=200";

/// Models of Fireworks' that are also served faster, under another name.
const FAST_MODELS: [&str; 4] = ["glm-5p2", "kimi-k2p6", "kimi-k2p7-code", "kimi-k3"];

/// Pages of models read at most; a proxy of the user's could go on for ever.
const MAX_PAGES: usize = 1000;

/// Answers `POST /api/backends/chat-completions/status`.
///
/// `secret` is the stored key under [`Source::secret_key`], `None` or empty when there is none.
pub async fn status(
    relay: &Relay,
    source: Source,
    body: &Value,
    secret: Option<&str>,
    settings: &ChatSettings,
) -> Response {
    let key = secret.unwrap_or_default();
    match source {
        Source::Fireworks => fireworks(relay, key).await,
        Source::MakerSuite => google(relay, body, key, settings).await,
        Source::AzureOpenAi => azure(relay, body, secret).await,
        Source::WorkersAi => workers_ai(relay, body, key).await,
        _ => match super::status(source, body, secret) {
            Ok(upstream) => reply::status(source, relay.send(upstream).await).await,
            Err(fault) => fault.status_response(),
        },
    }
}

fn nothing() -> Response {
    json(&json!({ "error": true, "data": { "data": [] } }))
}

fn models(list: &[Value]) -> Response {
    json_bytes(to_vec(&json!({ "data": list })))
}

/// The JSON of a success.
async fn read(reply: UpstreamReply) -> Option<Value> {
    parse(reply.text().await.ok()?.as_bytes()).ok()
}

fn bearer(key: &str) -> UpstreamHeaders {
    let mut headers = UpstreamHeaders::default();
    headers.set("Authorization", format!("Bearer {key}"));
    headers
}

/// A request to an address of our own, `None` if it cannot be one.
fn request(address: &str, headers: UpstreamHeaders) -> Option<Upstream> {
    Some(get(Url::parse(address).ok()?, headers))
}

async fn fireworks(relay: &Relay, key: &str) -> Response {
    let listed = async {
        let reply = relay.send(request(FIREWORKS, bearer(key))?).await.ok()?;
        if reply.is_success() {
            read(reply).await
        } else {
            None
        }
    };
    match listed.await {
        Some(answer) => models(&fireworks_models(&answer)),
        None => nothing(),
    }
}

/// Models that complete chats, in OpenAI's words, and their faster twins.
fn fireworks_models(answer: &Value) -> Vec<Value> {
    const NAMES: [(&str, &str); 5] = [
        ("id", "name"),
        ("name", "displayName"),
        ("context_length", "contextLength"),
        ("supports_tools", "supportsTools"),
        ("supports_image_input", "supportsImageInput"),
    ];
    let listed = answer
        .get("models")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let chats = listed.filter(|model| {
        let kind = model.get("kind").and_then(Value::as_str);
        js::is_positive(model.get("contextLength")) && kind != Some("EMBEDDING_MODEL")
    });
    let mut list: Vec<Value> = chats
        .map(|model| {
            let fields = NAMES
                .iter()
                .filter_map(|(ours, theirs)| Some(((*ours).to_owned(), model.get(*theirs)?.clone())));
            Value::Object(fields.collect())
        })
        .collect();
    for name in FAST_MODELS {
        let id = format!("accounts/fireworks/models/{name}");
        let standard = list
            .iter()
            .find(|model| model.get("id").and_then(Value::as_str) == Some(&id));
        if let Some(mut fast) = standard.cloned() {
            fast["name"] = format!("{} (fast)", js::to_text(fast.get("name"))).into();
            fast["id"] = format!("accounts/fireworks/routers/{name}-fast").into();
            list.push(fast);
        }
    }
    list
}

async fn google(relay: &Relay, body: &Value, key: &str, settings: &ChatSettings) -> Response {
    let proxy = body
        .get("reverse_proxy")
        .filter(|proxy| js::is_truthy(Some(proxy)));
    let key = match proxy {
        Some(_) => js::text_or_empty(body.get("proxy_password")),
        None if key.is_empty() => return refused(),
        None => key.to_owned(),
    };
    let base = proxy.map_or_else(|| GOOGLE.to_owned(), |proxy| js::to_text(Some(proxy)));
    let base = base.strip_suffix('/').unwrap_or(&base);
    let mut address = format!("{base}/{}/models", settings.gemini_api_version);
    if !key.is_empty() {
        address.push_str(&format!("?key={key}"));
    }
    match google_models(relay, &address).await {
        Some(list) => models(&list),
        None => json(&json!({ "error": true, "bypass": true, "data": { "data": [] } })),
    }
}

/// All pages of the list; `None` when one of them fails or makes no sense.
async fn google_models(relay: &Relay, address: &str) -> Option<Vec<Value>> {
    let address = Url::parse(address).ok()?;
    let (mut list, mut seen, mut token) = (Vec::new(), HashSet::new(), None);
    for _ in 0..MAX_PAGES {
        let url = google_page(&address, token.as_deref());
        let reply = relay.send(get(url, UpstreamHeaders::default())).await.ok()?;
        if !reply.is_success() {
            return None;
        }
        let mut page = read(reply).await?;
        list.append(page.get_mut("models").and_then(Value::as_array_mut)?);
        match page.get("nextPageToken") {
            None => return google_chats(list),
            Some(Value::String(next)) if next.is_empty() => return google_chats(list),
            Some(Value::String(next)) => {
                if !seen.insert(next.clone()) {
                    return None;
                }
                token = Some(next.clone());
            }
            Some(_) => return None,
        }
    }
    None
}

fn google_page(address: &Url, token: Option<&str>) -> Url {
    let mut url = address.clone();
    let kept = address.query_pairs().into_owned();
    let kept: Vec<_> = kept
        .filter(|(name, _)| name != "pageSize" && name != "pageToken")
        .collect();
    let mut query = url.query_pairs_mut();
    query.clear().extend_pairs(kept).append_pair("pageSize", "1000");
    if let Some(token) = token {
        query.append_pair("pageToken", token);
    }
    drop(query);
    url
}

/// Models that generate content, with the id that requests name.
fn google_chats(list: Vec<Value>) -> Option<Vec<Value>> {
    let generates = |model: &Value| match model.get("supportedGenerationMethods") {
        Some(Value::Array(methods)) => methods.iter().any(|method| method == "generateContent"),
        Some(Value::String(methods)) => methods.contains("generateContent"),
        _ => false,
    };
    let named = |mut model: Value| {
        let id = model.get("name")?.as_str()?.replacen("models/", "", 1);
        model["id"] = id.into();
        Some(model)
    };
    list.into_iter().filter(generates).map(named).collect()
}

async fn azure(relay: &Relay, body: &Value, secret: Option<&str>) -> Response {
    let Some(deployment) = Deployment::of(body, secret) else {
        let message = "Azure configuration is incomplete.";
        return json_with(
            StatusCode::BAD_REQUEST,
            &json!({ "error": true, "message": message }),
        );
    };
    let (Ok(models), Ok(probe)) = (deployment.models(), deployment.probe()) else {
        return json(&json!({ "error": true }));
    };
    let lost = || {
        let message = "Failed to connect to the Azure endpoint.";
        json_with(
            StatusCode::INTERNAL_SERVER_ERROR,
            &json!({ "error": true, "message": message }),
        )
    };
    let Ok(reply) = relay.send(models).await else {
        return lost();
    };
    if !reply.is_success() {
        let message = match reply.status().as_u16() {
            400 => "API version may be invalid for this resource.".to_owned(),
            401 | 403 => "Invalid API key or insufficient permissions.".to_owned(),
            404 => "Endpoint URL appears incorrect (404).".to_owned(),
            _ => format!("Azure Models endpoint error: {}", reply.reason()),
        };
        return json_with(reply.status(), &json!({ "error": true, "message": message }));
    }
    let Ok(reply) = relay.send(probe).await else {
        return lost();
    };
    let answer = read(reply).await.unwrap_or_default();
    let model = answer.get("model").filter(|model| js::is_truthy(Some(model)));
    self::models(model.map(|model| json!({ "id": model })).as_slice())
}

async fn workers_ai(relay: &Relay, body: &Value, key: &str) -> Response {
    let Some(account) = hooks::workers_ai_account(body).filter(|_| !key.is_empty()) else {
        return refused();
    };
    let failed = |code| json_with(code, &json!({ "error": true }));
    let Some(request) = request(&workers_ai_search(&account), bearer(key)) else {
        return failed(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let Ok(reply) = relay.send(request).await else {
        return failed(StatusCode::INTERNAL_SERVER_ERROR);
    };
    if !reply.is_success() {
        return failed(reply.status());
    }
    let Some(mut answer) = read(reply).await else {
        return failed(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let listed = answer.get_mut("result").and_then(Value::as_array_mut);
    let listed = listed.map(std::mem::take).unwrap_or_default();
    if listed.iter().any(Value::is_null) {
        return failed(StatusCode::INTERNAL_SERVER_ERROR);
    }
    models(&listed.into_iter().map(named_by_id).collect::<Vec<_>>())
}

/// The model with its name as id.
pub(in crate::providers) fn named_by_id(mut model: Value) -> Value {
    let name = model.get("name").cloned();
    if let Some(fields) = model.as_object_mut() {
        match name {
            Some(name) => drop(fields.insert("id".to_owned(), name)),
            None => drop(fields.shift_remove("id")),
        }
    }
    model
}

/// Where the models of a Cloudflare account are, which is escaped already.
pub(super) fn workers_ai_search(account: &str) -> String {
    format!(
        "https://api.cloudflare.com/client/v4/accounts/{account}/ai/models/search?task=Text+Generation&per_page=1000"
    )
}

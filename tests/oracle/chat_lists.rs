//! `/api/backends/chat-completions/{status,multimodal-models/*}`: lists of models, and how they fail.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::chat_world::{Mood, PROVIDERS, Provider, store_keys};
use super::dsl::post;
use super::scenario::Scenario;
use crate::harness::{Reply, Request};

const STATUS: &str = "/api/backends/chat-completions/status";

/// Models as each host lists them, and some that no list should hold.
fn lists(request: &Request) -> Reply {
    let vision =
        json!([{ "property_id": "vision", "value": "true" }, { "property_id": "x", "value": "true" }]);
    let model = |id: &str| {
        json!({ "id": id, "input_modalities": ["text", "image"], "capabilities": { "vision": true },
        "metadata": { "vision": 1 }, "features": ["openai/chat-completion.vision"], "supports_image_in": true,
        "pricing": { "prompt": 0.10, "completion": "2", "input": 9 } })
    };
    let blind = json!({ "id": "blind", "input_modalities": [], "capabilities": {}, "pricing": { "prompt": 1 }, "name": "n" });
    let url = request.url.as_str();
    Reply::json(
        &if url.contains("generativelanguage") || url.contains("proxy.example/v1beta") {
            google(url)
        } else if url.contains("fireworks") {
            let model = |name: &str, length: i32| {
                json!({ "name": format!("accounts/fireworks/models/{name}"),
            "displayName": name, "contextLength": length, "supportsTools": true })
            };
            json!({ "models": [model("glm-5p2", 5), model("none", 0), model("kimi-k3", 7), null,
            { "name": "e", "contextLength": 3, "kind": "EMBEDDING_MODEL" }] })
        } else if url.contains("cloudflare") {
            json!({ "result": [{ "name": "w", "id": "old", "properties": vision }, { "name": "v", "properties": [] }, { "x": 1 }] })
        } else if url.contains("pollinations") {
            json!([{ "name": "p", "id": "own", "input_modalities": ["image"] }, { "name": "q", "tools": true }])
        } else if url.contains("language-models") {
            json!({ "models": [{ "id": "grok-4-0709", "input_modalities": ["text"] }, model("grok-v")] })
        } else if url.contains("cohere") {
            json!({ "models": [{ "name": "command" }] })
        } else {
            json!({ "object": "list", "data": [model("m-1"), blind, { "name": "without an id" }] })
        },
    )
}

/// Two pages for AI Studio.
fn google(url: &str) -> Value {
    let methods = json!(["generateContent", "countTokens"]);
    if url.contains("pageToken") {
        return json!({ "models": [{ "name": "models/last", "supportedGenerationMethods": methods }], "nextPageToken": "" });
    }
    json!({ "models": [{ "name": "models/first", "inputTokenLimit": 5, "supportedGenerationMethods": methods },
        { "name": "models/embed", "supportedGenerationMethods": [] }, { "name": "x" }, null], "nextPageToken": "a b&c" })
}

async fn status(s: &mut Scenario, label: &str, provider: &Provider, extra: &Value) {
    s.send(post(STATUS, &provider.body(extra)).note(label)).await;
    s.reached(label).await;
}

#[tokio::test]
async fn oracle_chat_lists() {
    let mood = Mood::good();
    let sites = mood.sites(lists);
    let mut s = Scenario::in_world("chat_lists", "", &sites).await;
    multimodal(&mut s, "without keys").await;
    for provider in &PROVIDERS {
        status(
            &mut s,
            &format!("{} without a key", provider.source),
            provider,
            &json!({}),
        )
        .await;
    }
    store_keys(&mut s).await;
    for mode in [
        "ok", "e400", "e401", "e403", "e404", "e429", "text", "broken", "empty", "list", "hangup",
    ] {
        mood.set(mode);
        for provider in &PROVIDERS {
            status(
                &mut s,
                &format!("{} {mode}", provider.source),
                provider,
                &json!({}),
            )
            .await;
        }
        multimodal(&mut s, mode).await;
    }
    mood.set("ok");
    details(&mut s).await;
    pages(&mut s, &sites).await;
    s.finish();
}

async fn multimodal(s: &mut Scenario, label: &str) {
    for name in [
        "aimlapi",
        "chutes",
        "electronhub",
        "mistral",
        "moonshot",
        "nanogpt",
        "pollinations",
        "workers_ai",
        "xai",
    ] {
        let path = format!("/api/backends/chat-completions/multimodal-models/{name}");
        s.send(post(&path, &json!({ "workers_ai_account_id": "acc 1" })).note(label))
            .await;
        s.reached(&format!("{name} {label}")).await;
    }
    let path = "/api/backends/chat-completions/multimodal-models/workers_ai";
    s.send(post(path, &json!({})).note(&format!("no account, {label}")))
        .await;
}

async fn details(s: &mut Scenario) {
    let proxies = [
        json!({ "reverse_proxy": "https://proxy.example/", "proxy_password": "p w" }),
        json!({ "reverse_proxy": "https://proxy.example" }),
        json!({ "reverse_proxy": "not a url", "proxy_password": "pw" }),
        json!({ "reverse_proxy": "https://proxy.example/v1//", "proxy_password": "" }),
    ];
    for provider in &PROVIDERS {
        for (at, extra) in proxies.iter().enumerate() {
            status(s, &format!("{} proxy {at}", provider.source), provider, extra).await;
        }
    }
    let others = [
        json!({ "pollinations_endpoint": "anonymous", "siliconflow_endpoint": "cn", "secret_id": "nobody" }),
        json!({ "azure_base_url": "no url", "workers_ai_account_id": "" }),
        json!({ "azure_base_url": "https://azure.example/a?api-version=old", "azure_deployment_name": "d/e?f" }),
    ];
    for (at, extra) in others.iter().enumerate() {
        for provider in &PROVIDERS {
            status(s, &format!("{} other {at}", provider.source), provider, extra).await;
        }
    }
}

/// Lists of AI Studio's that do not end as they should.
async fn pages(s: &mut Scenario, sites: &crate::harness::Sites) {
    let makersuite = PROVIDERS
        .iter()
        .find(|provider| provider.source == "makersuite")
        .expect("it is there");
    let answers = [
        json!({ "models": [], "nextPageToken": "again" }),
        json!({ "models": [], "nextPageToken": 5 }),
        json!({ "models": [], "nextPageToken": null }),
        json!({ "models": {} }),
        json!({ "models": [{ "supportedGenerationMethods": ["generateContent"] }] }),
        json!({ "models": [{ "name": "models/models/x", "supportedGenerationMethods": "generateContent" }] }),
        json!(null),
    ];
    for answer in answers {
        let reply = Reply::json(&answer);
        sites.below("https://", move |_| reply.clone());
        status(s, &format!("pages {answer}"), makersuite, &json!({})).await;
    }
    // The probe of a deployment that says nothing about its model.
    let azure = PROVIDERS
        .iter()
        .find(|provider| provider.source == "azure_openai")
        .expect("it is there");
    let asked = AtomicUsize::new(0);
    sites.below("https://", move |request| {
        match (request.method.as_str(), asked.fetch_add(1, Ordering::Relaxed)) {
            ("GET", _) => Reply::json(&json!({})),
            (_, at) if at < 4 => {
                Reply::bytes("text/html", "no JSON").with_status("500 Internal Server Error")
            }
            _ => Reply::json(&json!({ "model": "gpt-probed" })),
        }
    });
    for label in ["probe without JSON", "probe with a model"] {
        status(s, label, azure, &json!({})).await;
    }
}

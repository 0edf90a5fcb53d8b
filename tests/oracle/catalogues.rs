//! Lists of models and of what is left to spend: `/api/openai/**/models`, `/api/openrouter`, `/api/nanogpt`.

use serde_json::{Value, json};

use super::dsl::post;
use super::refusals::answers;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("/api/{route}"), body).note(label)).await;
    s.reached(&format!("{route} {label}")).await;
}

const LISTS: [(&str, &str, &str, &str); 5] = [
    (
        "openai/electronhub/models",
        "https://api.electronhub.ai/",
        "data",
        "api_key_electronhub",
    ),
    (
        "openai/chutes/models/embedding",
        "https://api.chutes.ai/",
        "items",
        "api_key_chutes",
    ),
    (
        "openai/nanogpt/models/embedding",
        "https://nano-gpt.com/",
        "data",
        "api_key_nanogpt",
    ),
    (
        "openai/siliconflow/models/embedding",
        "https://api.siliconflow.c",
        "data",
        "api_key_siliconflow",
    ),
    (
        "openai/workers-ai/models/embedding",
        "https://api.cloudflare.com/",
        "result",
        "api_key_workers_ai",
    ),
];

async fn secret(s: &mut Scenario, key: &str) {
    let secret = json!({ "key": key, "value": "the key", "label": "l" });
    s.post("/api/secrets/write", secret).await;
}

#[tokio::test]
async fn oracle_catalogues() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("catalogues", "", &sites).await;
    let body = json!({ "workers_ai_account_id": " acc/1 " });
    for (route, start, field, key) in LISTS {
        ask(&mut s, route, "without key", &body).await;
        secret(&mut s, key).await;
        let models = json!([{ "id": "i", "name": "ü", "n": 1.0 }, { "name": "b" }, { "id": 5 }]);
        for (label, reply) in answers(Reply::json(&json!({ field: models }))) {
            sites.below(start, move |_| reply.clone());
            ask(&mut s, route, label, &body).await;
        }
        for list in [json!([null]), json!({ "a": 1 }), json!("text")] {
            let answer = json!({ field: list });
            sites.below(start, move |_| Reply::json(&answer));
            ask(&mut s, route, &format!("list {list}"), &body).await;
        }
    }
    let body = json!({ "siliconflow_endpoint": "cn" });
    ask(&mut s, "openai/siliconflow/models/embedding", "in China", &body).await;
    for account in [json!(null), json!("  "), json!(5)] {
        let body = json!({ "workers_ai_account_id": account });
        ask(
            &mut s,
            "openai/workers-ai/models/embedding",
            &format!("account {account}"),
            &body,
        )
        .await;
    }
    s.finish();
}

#[tokio::test]
async fn oracle_openrouter() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("openrouter", "", &sites).await;
    let start = "https://openrouter.ai/";
    for route in ["openrouter/credits", "openrouter/image/generate"] {
        ask(
            &mut s,
            route,
            "without key",
            &json!({ "model": "m", "prompt": "p" }),
        )
        .await;
    }
    secret(&mut s, "api_key_openrouter").await;
    let model = |id: &str, takes: &[&str], gives: &[&str]| json!({ "id": id, "name": format!("N {id}"), "architecture": { "input_modalities": takes, "output_modalities": gives } });
    let mut nameless = model("a/nameless", &["text", "image"], &["image"]);
    nameless["name"] = json!("");
    let models = json!([
        model("z/b", &["text", "image"], &["text", "image"]), model("Z/a", &["text"], &["embeddings"]),
        model("a/é", &["image", "text"], &["text"]), model("a/f", &["text"], &["embeddings"]), nameless,
        { "id": "x" }, null, { "id": "y", "architecture": { "input_modalities": "image text" } },
    ]);
    for route in ["multimodal", "embedding", "image"] {
        let route = format!("openrouter/models/{route}");
        for (label, reply) in answers(Reply::json(&json!({ "data": models }))) {
            sites.below(start, move |_| reply.clone());
            ask(&mut s, &route, label, &json!({})).await;
        }
    }
    let endpoints = json!([{ "provider_name": "One" }, { "provider_name": null }, {}]);
    for (label, reply) in answers(Reply::json(&json!({ "data": { "endpoints": endpoints } }))) {
        sites.below(start, move |_| reply.clone());
        ask(
            &mut s,
            "openrouter/models/providers",
            label,
            &json!({ "model": "openai/gpt-4o:free" }),
        )
        .await;
    }
    ask(&mut s, "openrouter/models/providers", "nothing", &json!({})).await;
    for endpoints in [json!([null]), json!("text"), json!({ "a": 1 }), json!(0)] {
        let answer = json!({ "data": { "endpoints": endpoints } });
        sites.below(start, move |_| Reply::json(&answer));
        let label = format!("endpoints {endpoints}");
        ask(
            &mut s,
            "openrouter/models/providers",
            &label,
            &json!({ "model": "m" }),
        )
        .await;
    }
    spending(&mut s, &sites).await;
    pictures(&mut s, &sites).await;
    s.finish();
}

async fn spending(s: &mut Scenario, sites: &Sites) {
    let start = "https://openrouter.ai/";
    let good = json!({ "data": { "total_credits": 10.5, "total_usage": 3.25 } });
    for (label, reply) in answers(Reply::json(&good)) {
        sites.below(start, move |_| reply.clone());
        ask(s, "openrouter/credits", label, &json!({})).await;
    }
    for data in [
        json!({ "total_credits": "10", "total_usage": null }),
        json!({ "total_credits": "x" }),
        json!({ "total_credits": 0.3, "total_usage": 0.1 }),
    ] {
        let answer = json!({ "data": data });
        sites.below(start, move |_| Reply::json(&answer));
        ask(s, "openrouter/credits", &data.to_string(), &json!({})).await;
    }
}

async fn pictures(s: &mut Scenario, sites: &Sites) {
    let start = "https://openrouter.ai/";
    let route = "openrouter/image/generate";
    let drawn =
        |url: &Value| json!({ "choices": [{ "message": { "images": [{ "image_url": { "url": url } }] } }] });
    let body = json!({ "model": "m", "prompt": "Füchslein", "aspect_ratio": "16:9" });
    for (label, reply) in answers(Reply::json(&drawn(&json!("data:image/jpeg;base64,/9j/4A==")))) {
        sites.below(start, move |_| reply.clone());
        ask(s, route, label, &body).await;
    }
    for url in [
        json!("https://a.example/x.png"),
        json!("data:image/webp;base64,AA"),
        json!("data:image/nonsense;base64,AA"),
        json!("data:;base64,AA"),
        json!("data:image/png;base64,"),
        json!(5),
        json!(null),
    ] {
        let answer = drawn(&url);
        sites.below(start, move |_| Reply::json(&answer));
        ask(s, route, &format!("url {url}"), &body).await;
    }
    for body in [
        json!({}),
        json!({ "model": "m" }),
        json!({ "prompt": "p" }),
        json!({ "model": "m", "prompt": ["p"], "aspect_ratio": "" }),
    ] {
        ask(s, route, &body.to_string(), &body).await;
    }
}

#[tokio::test]
async fn oracle_nanogpt() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("nanogpt", "", &sites).await;
    let balance = "https://nano-gpt.com/api/check-balance";
    let usage = "https://nano-gpt.com/api/subscription/v1/usage";
    let credits = async |s: &mut Scenario, label: &str| {
        s.send(post("/api/nanogpt/credits", &json!({})).note(label)).await;
        s.reached_in_any_order(&format!("credits {label}"));
    };
    credits(&mut s, "without key").await;
    secret(&mut s, "api_key_nanogpt").await;
    let spent = Reply::json(&json!({ "usd_balance": "12.5", "nano_balance": null }));
    let used = json!({ "used": 5, "remaining": "7", "percentUsed": 0.25, "resetAt": "x" });
    let active = json!({
        "active": 1, "state": "active", "allowOverage": "yes", "period": { "currentPeriodEnd": 5 },
        "limits": { "weeklyInputTokens": "9", "dailyImages": null }, "weeklyInputTokens": used, "dailyInputTokens": [1],
        "dailyImages": "text",
    });
    sites.on("GET", usage, Reply::json(&active));
    for (label, reply) in answers(spent.clone()) {
        sites.on("POST", balance, reply);
        credits(&mut s, &format!("balance {label}")).await;
    }
    sites.on("POST", balance, spent);
    for (label, reply) in answers(Reply::json(&active)) {
        sites.on("GET", usage, reply);
        credits(&mut s, &format!("usage {label}")).await;
    }
    sites.on("GET", usage, Reply::json(&json!({ "active": true })));
    credits(&mut s, "usage bare").await;
    providers(&mut s, &sites).await;
    s.finish();
}

async fn providers(s: &mut Scenario, sites: &Sites) {
    let route = "nanogpt/models/providers";
    let start = "https://nano-gpt.com/api/models/";
    let good = json!({ "supportsProviderSelection": 1, "providers": [
        { "provider": "a" }, { "provider": "b", "available": false }, { "provider": "" }, { "provider": 5, "available": null },
    ] });
    for (label, reply) in answers(Reply::json(&good)) {
        sites.below(start, move |_| reply.clone());
        ask(s, route, label, &json!({ "model": "a/b c:d?" })).await;
    }
    for model in [json!(null), json!(""), json!(5), json!("..")] {
        ask(s, route, &format!("model {model}"), &json!({ "model": model })).await;
    }
    for providers in [json!([null]), json!("text"), json!([5])] {
        let answer = json!({ "providers": providers });
        sites.below(start, move |_| Reply::json(&answer));
        ask(
            s,
            route,
            &format!("providers {providers}"),
            &json!({ "model": "m" }),
        )
        .await;
    }
}

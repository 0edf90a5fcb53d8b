//! `/api/secrets`.

use serde_json::{Value, json};

use super::dsl::call;
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_secrets() {
    let mut s = Scenario::start("secrets", "").await;
    s.send(call("POST", "/api/secrets/read")).await;
    writing(&mut s).await;
    turning(&mut s).await;
    finding(&mut s).await;
    s.post("/api/secrets/settings", json!({})).await;
    s.post("/api/secrets/view", json!({})).await;
    s.finish();
}

#[tokio::test]
async fn oracle_secrets_exposed() {
    let mut s = Scenario::start("secrets_exposed", "allowKeysExposure: true\n").await;
    s.post("/api/secrets/view", json!({})).await;
    s.post("/api/secrets/read", json!({})).await;
    writing(&mut s).await;
    finding(&mut s).await;
    s.post("/api/secrets/settings", json!({})).await;
    s.post("/api/secrets/view", json!({})).await;
    s.finish();
}

fn secret(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": value })
}

async fn writing(s: &mut Scenario) {
    let write = "/api/secrets/write";
    s.post(
        write,
        json!({ "key": "api_key_openai", "value": "sk-1234567890abcdef", "label": "First" }),
    )
    .await
    .capture("one", "/id");
    s.post(write, secret("api_key_openai", "sk-second-value-xyz"))
        .await
        .capture("two", "/id");
    s.post("/api/secrets/read", json!({})).await;
    for (key, value) in [
        ("api_key_claude", ""),
        ("api_key_groq", "short"),
        ("api_key_xai", "tencharsss"),
        ("api_key_bfl", "elevenchars"),
        ("libre_url", "http://127.0.0.1:5000/translate"),
        ("deeplx_url", "x"),
        ("unknown_key", "hidden value"),
        ("api_key_zai", "Ünï 🦊 secret"),
        ("_migrated", "marker"),
        ("csrfSecret", "old"),
    ] {
        s.post(write, secret(key, value)).await;
    }
    for body in [
        json!({}),
        json!({ "key": "api_key_openai" }),
        json!({ "key": "api_key_openai", "value": 5 }),
        json!({ "key": "", "value": "x" }),
        json!({ "value": "x" }),
        json!({ "key": "k", "value": null }),
        json!({ "key": 5, "value": "number key" }),
        json!({ "key": "api_key_cohere", "value": "v", "label": "" }),
        json!({ "key": "api_key_cohere", "value": "v", "label": null }),
        json!({ "key": "api_key_cohere", "value": "v", "label": 7 }),
    ] {
        s.post(write, body).await;
    }
    s.raw(
        write,
        r#"{"key":"api_key_nanogpt","value":"lone \ud83e \u0000 end of it"}"#,
    )
    .await;
    s.post("/api/secrets/read", json!({})).await;
}

async fn turning(s: &mut Scenario) {
    let key = "api_key_openai";
    let with_id = |id: &str| json!({ "key": key, "id": id });
    s.post("/api/secrets/rotate", with_id("{{one}}")).await;
    s.post("/api/secrets/read", json!({})).await;
    s.post(
        "/api/secrets/rename",
        json!({ "key": key, "id": "{{one}}", "label": "Renamed 🦊" }),
    )
    .await;
    s.post(
        "/api/secrets/rename",
        json!({ "key": key, "id": "none", "label": "x" }),
    )
    .await;
    s.post("/api/secrets/rotate", with_id("none")).await;
    s.post("/api/secrets/read", json!({})).await;
    for route in [
        "/api/secrets/rotate",
        "/api/secrets/rename",
        "/api/secrets/delete",
    ] {
        for body in [
            json!({}),
            json!({ "key": "" }),
            json!({ "id": "x" }),
            json!({ "key": "no_such_key", "id": "x", "label": "l" }),
        ] {
            s.post(route, body).await;
        }
    }
    s.post("/api/secrets/rename", json!({ "key": key, "id": "{{one}}" }))
        .await;
    s.post("/api/secrets/delete", with_id("none")).await;
    s.post("/api/secrets/delete", with_id("{{one}}")).await;
    s.post("/api/secrets/read", json!({})).await;
    s.post("/api/secrets/delete", json!({ "key": key })).await;
    s.post("/api/secrets/delete", json!({ "key": key })).await;
    s.post("/api/secrets/read", json!({})).await;
}

async fn finding(s: &mut Scenario) {
    for key in [
        "libre_url",
        "deeplx_url",
        "lingva_url",
        "api_key_openai",
        "api_key_groq",
        "unknown_key",
        "none",
        "api_key_zai",
    ] {
        s.post("/api/secrets/find", json!({ "key": key })).await;
        s.post("/api/secrets/find", json!({ "key": key, "id": "none" }))
            .await;
    }
    s.post(
        "/api/secrets/find",
        json!({ "key": "api_key_openai", "id": "{{one}}" }),
    )
    .await;
    for body in [
        json!({}),
        json!({ "key": "" }),
        json!({ "key": null }),
        json!({ "key": 5 }),
        json!({ "key": ["libre_url"] }),
    ] {
        s.post("/api/secrets/find", body).await;
    }
}

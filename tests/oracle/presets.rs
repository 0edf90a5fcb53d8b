//! `/api/presets`.

use serde_json::json;

use super::fixtures::{NAMES, long_name};
use super::scenario::Scenario;

const APIS: &[&str] = &[
    "kobold",
    "koboldhorde",
    "novel",
    "textgenerationwebui",
    "openai",
    "instruct",
    "context",
    "sysprompt",
    "reasoning",
    "unknown",
    "",
    "OPENAI",
];

#[tokio::test]
async fn oracle_presets() {
    let mut s = Scenario::start("presets", "").await;
    for api in APIS {
        s.post(
            "/api/presets/save",
            json!({ "apiId": api, "name": "Mine", "preset": { "z": 1, "a": [1.5], "api": api } }),
        )
        .await;
    }
    s.post("/api/settings/get", json!({})).await;
    let long = long_name();
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        s.post(
            "/api/presets/save",
            json!({ "apiId": "openai", "name": name, "preset": { "of": name } }),
        )
        .await;
    }
    typed(&mut s).await;
    s.post("/api/settings/get", json!({})).await;
    restoring(&mut s).await;
    removing(&mut s).await;
    s.post("/api/settings/get", json!({})).await;
    s.finish();
}

async fn typed(s: &mut Scenario) {
    s.raw("/api/presets/save", r#"{"apiId":"context","name":"Raw","preset":{"n":1.0,"e":1e21,"big":12345678901234567890,"lone":"\ud83e","nul":"\u0000","2":1,"1":2}}"#).await;
    for preset in [
        json!(null),
        json!(""),
        json!(0),
        json!(false),
        json!([]),
        json!("text"),
        json!(5),
    ] {
        s.post(
            "/api/presets/save",
            json!({ "apiId": "sysprompt", "name": "Typed", "preset": preset }),
        )
        .await;
    }
    for body in [
        json!({}),
        json!({ "name": 5, "preset": {} }),
        json!({ "name": "x" }),
        json!({ "name": "x", "preset": {} }),
    ] {
        s.post("/api/presets/save", body).await;
    }
}

async fn removing(s: &mut Scenario) {
    let long = long_name();
    for api in APIS {
        s.post("/api/presets/delete", json!({ "apiId": api, "name": "Mine" }))
            .await;
        s.post("/api/presets/delete", json!({ "apiId": api, "name": "Mine" }))
            .await;
    }
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        s.post("/api/presets/delete", json!({ "apiId": "openai", "name": name }))
            .await;
    }
    for body in [
        json!({}),
        json!({ "name": null }),
        json!({ "name": "" }),
        json!({ "name": "Default" }),
    ] {
        s.post("/api/presets/delete", body).await;
    }
}

async fn restoring(s: &mut Scenario) {
    let restore = "/api/presets/restore";
    for (api, name) in [
        ("openai", "Default"),
        ("kobold", "Neutral"),
        ("koboldhorde", "Neutral"),
        ("novel", "Talker-Chat-Clio"),
        ("textgenerationwebui", "Default"),
        ("instruct", "ChatML"),
        ("context", "ChatML"),
        ("sysprompt", "Actor"),
        ("reasoning", "DeepSeek"),
        ("openai", "Mine"),
        ("openai", "ChatML"),
        ("unknown", "Default"),
        ("context", "chatml"),
        ("context", "Chat:ML"),
        ("context", "ChatML.json"),
    ] {
        s.post(restore, json!({ "apiId": api, "name": name })).await;
    }
    for body in [
        json!({}),
        json!({ "apiId": "openai" }),
        json!({ "apiId": "openai", "name": 5 }),
        json!({ "apiId": "openai", "name": "" }),
    ] {
        s.post(restore, body).await;
    }
}

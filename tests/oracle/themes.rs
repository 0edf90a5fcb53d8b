//! `/api/themes`, `/api/moving-ui` and `/api/quick-replies`: documents stored whole under their names.

use serde_json::json;

use super::dsl::call;
use super::fixtures::{NAMES, long_name};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_themes() {
    let mut s = Scenario::start("themes", "").await;
    named(&mut s, "/api/themes/save", Some("/api/themes/delete")).await;
    s.post("/api/themes/delete", json!({ "name": "Azure" })).await;
    s.post("/api/settings/get", json!({})).await;
    s.finish();
}

#[tokio::test]
async fn oracle_quick_replies() {
    let mut s = Scenario::start("quick_replies", "").await;
    named(
        &mut s,
        "/api/quick-replies/save",
        Some("/api/quick-replies/delete"),
    )
    .await;
    s.finish();
}

#[tokio::test]
async fn oracle_moving_ui() {
    let mut s = Scenario::start("moving_ui", "").await;
    named(&mut s, "/api/moving-ui/save", None).await;
    s.finish();
}

/// Families that store the whole body under its name.
async fn named(s: &mut Scenario, save: &str, delete: Option<&str>) {
    s.post(
        save,
        json!({ "name": "Mine", "z": 1, "a": { "deep": [null, true] } }),
    )
    .await;
    s.post(save, json!({ "name": "Mine", "replaced": true })).await;
    s.raw(
        save,
        r#"{"name":"Raw","n":1.0,"e":1e21,"lone":"\ud83e","nul":"\u0000","2":1,"1":2}"#,
    )
    .await;
    let long = long_name();
    for name in NAMES.iter().copied().chain([long.as_str(), "Foo.json"]) {
        s.post(save, json!({ "name": name, "of": name })).await;
    }
    for body in [
        json!({}),
        json!({ "name": null }),
        json!({ "name": 5 }),
        json!({ "name": ["l"] }),
        json!({ "name": { "o": 1 } }),
        json!({ "name": false }),
        json!([]),
        json!(["x"]),
    ] {
        s.post(save, body.clone()).await;
        if let Some(delete) = delete {
            s.post(delete, body).await;
        }
    }
    s.send(call("POST", save)).await;
    s.send(call("GET", save)).await;
    s.post("/api/settings/get", json!({})).await;
    if let Some(delete) = delete {
        for name in NAMES
            .iter()
            .copied()
            .chain([long.as_str(), "Mine", "Mine", "none"])
        {
            s.post(delete, json!({ "name": name })).await;
        }
        s.post("/api/settings/get", json!({})).await;
    }
}

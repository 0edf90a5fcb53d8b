//! Awkward requests to settings, presets, the named documents and the secrets.

use serde_json::{Value, json};

use super::awkward::{Row, run};
use super::dsl::{Call, post};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_awkward_prefs() {
    let mut s = Scenario::start("awkward_prefs", "").await;
    s.post("/api/settings/make-snapshot", json!({})).await;
    s.post("/api/settings/get-snapshots", json!({}))
        .await
        .capture("snapshot", "/0/name");
    let rows: Vec<Row> = [presets(), documents(), settings()]
        .into_iter()
        .flatten()
        .collect();
    run(&mut s, &rows, &[]).await;
    s.finish();
}

#[tokio::test]
async fn oracle_awkward_secrets() {
    let mut s = Scenario::start("awkward_secrets", "allowKeysExposure: true\n").await;
    run(&mut s, &secrets(), &[]).await;
    s.finish();
}

fn settings_get() -> Call {
    post("/api/settings/get", &json!({}))
}

fn presets() -> Vec<Row> {
    let save = |api: &str| json!({ "apiId": api, "name": "awk", "preset": { "a": 1, "name": "awk" } });
    let saved = || post("/api/presets/save", &save("openai"));
    vec![
        Row::json("/api/presets/save", save("openai"))
            .inner(&["/preset/a"])
            .read(settings_get()),
        Row::json("/api/presets/save", save("instruct"))
            .called("(instruct)")
            .inner(&["/preset/name"])
            .read(settings_get()),
        Row::json(
            "/api/presets/restore",
            json!({ "apiId": "openai", "name": "Default" }),
        ),
        Row::json("/api/presets/delete", json!({ "apiId": "openai", "name": "awk" }))
            .before(saved())
            .read(settings_get()),
    ]
}

fn documents() -> Vec<Row> {
    let named = json!({ "name": "awk", "kept": { "a": 1 } });
    let row = |path: &'static str| {
        Row::json(path, named.clone())
            .inner(&["/kept/a"])
            .read(settings_get())
    };
    let delete = |path: &'static str, save: &str| {
        Row::json(path, json!({ "name": "awk" }))
            .before(post(save, &named))
            .read(settings_get())
    };
    vec![
        row("/api/themes/save"),
        delete("/api/themes/delete", "/api/themes/save"),
        row("/api/quick-replies/save"),
        delete("/api/quick-replies/delete", "/api/quick-replies/save"),
        row("/api/moving-ui/save"),
    ]
}

fn settings() -> Vec<Row> {
    let body: Value = json!({ "username": "User", "power_user": { "a": 1 } });
    let list = || post("/api/settings/get-snapshots", &json!({}));
    vec![
        Row::json("/api/settings/save", body)
            .inner(&["/power_user/a"])
            .read(settings_get()),
        Row::json("/api/settings/get", json!({ "unknown": 1 })),
        Row::json("/api/settings/get-snapshots", json!({ "unknown": 1 })),
        Row::json("/api/settings/load-snapshot", json!({ "name": "{{snapshot}}" })),
        Row::json(
            "/api/settings/restore-snapshot",
            json!({ "name": "{{snapshot}}" }),
        )
        .read(settings_get()),
        Row::json("/api/settings/make-snapshot", json!({ "unknown": 1 })).read(list()),
    ]
}

fn secrets() -> Vec<Row> {
    let write = || {
        post(
            "/api/secrets/write",
            &json!({ "key": "api_key_openai", "value": "sk-1234567890", "label": "L" }),
        )
    };
    let view = || post("/api/secrets/view", &json!({}));
    let read = || post("/api/secrets/read", &json!({}));
    let one = json!({ "key": "api_key_openai", "id": "{{id}}" });
    let with = |path: &'static str, body: Value| {
        Row::json(path, body)
            .before_keeping(write(), "id", "/id")
            .read(read())
    };
    vec![
        Row::json(
            "/api/secrets/write",
            json!({ "key": "api_key_openai", "value": "sk-1234567890", "label": "L" }),
        )
        .read(read())
        .read(view()),
        with("/api/secrets/find", one.clone()),
        with("/api/secrets/rotate", one.clone()),
        with(
            "/api/secrets/rename",
            json!({ "key": "api_key_openai", "id": "{{id}}", "label": "New" }),
        ),
        with("/api/secrets/delete", one),
        Row::json("/api/secrets/read", json!({ "unknown": 1 })),
        Row::json("/api/secrets/view", json!({ "unknown": 1 })),
        Row::json("/api/secrets/settings", json!({ "unknown": 1 })),
    ]
}

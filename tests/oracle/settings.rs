//! `/api/settings`: reading, saving and snapshots.

use serde_json::json;

use super::dsl::{call, post};
use super::fixtures::NAMES;
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_settings() {
    let mut s = Scenario::start("settings", "").await;
    reading(&mut s).await;
    saving(&mut s).await;
    snapshots(&mut s).await;
    s.finish();
}

#[tokio::test]
async fn oracle_settings_configured() {
    let config = "\
extensions:
  enabled: false
  autoUpdate: false
performance:
  requestCompression:
    enabled: true
    minPayloadSize: 1.5kb
    maxPayloadSize: 2mb
    timeout: 77
";
    let mut s = Scenario::start("settings_configured", config).await;
    s.post("/api/settings/get", json!({})).await;
    s.send(
        post("/api/settings/save", &json!({ "big": "x".repeat(5000) }))
            .gzip()
            .note("gzip of 5 kB"),
    )
    .await;
    s.post("/api/settings/get", json!({})).await;
    s.get("/scripts/extensions/third-party/none/x.js").await;
    s.get("/api/extensions/discover").await;
    s.finish();
}

async fn reading(s: &mut Scenario) {
    s.post("/api/settings/get", json!({})).await;
    s.send(call("POST", "/api/settings/get")).await;
    s.raw("/api/settings/get", "[]").await;
    s.send(call("GET", "/api/settings/get")).await;
    s.post("/api/settings/get/", json!({ "ignored": true })).await;
}

async fn saving(s: &mut Scenario) {
    let kept = json!({ "firstRun": false, "username": "Üser 🦊", "z": 1, "a": [1, 2.5, null, true], "nested": { "10": "ten", "9": "nine", "b": {} }, "empty": "" });
    let texts = [
        kept.to_string(),
        "{}".into(),
        "[]".into(),
        "[1,\"two\"]".into(),
        "".into(),
        r#"{"n":1.0,"e":1e21,"big":12345678901234567890,"neg":-0,"small":1e-7,"f":0.1}"#.into(),
        r#"{"lone":"\ud83e","nul":"a\u0000b","esc":"\u00e9\/\t","del":"\u007f\u2028"}"#.into(),
        r#"{"dup":1,"dup":2,"b":1,"2":1,"1":2}"#.into(),
        r#"{ "spaced" : [ 1 , 2 ] }"#.into(),
        "{\r\n\"crlf\":\r\n1}".into(),
        r#"{"__proto__":1,"constructor":2}"#.into(),
    ];
    for text in texts {
        s.raw("/api/settings/save", &text).await;
        s.post("/api/settings/get", json!({})).await;
    }
    for text in ["{", "null", "5", "\"x\"", "\u{feff}{}"] {
        s.raw("/api/settings/save", text).await;
    }
    s.send(post("/api/settings/save", &kept).gzip()).await;
    s.send(post("/api/settings/save", &kept).no_csrf()).await;
    s.send(
        call("POST", "/api/settings/save").body("application/x-www-form-urlencoded", b"a=1&b[c]=2&b[d][]=3"),
    )
    .await;
    s.post("/api/settings/get", json!({})).await;
    s.send(call("POST", "/api/settings/save").body("text/plain", b"not read"))
        .await;
    s.post("/api/settings/get", json!({})).await;
    s.post("/api/settings/save", kept).await;
    s.post("/api/settings/get", json!({})).await;
}

async fn snapshots(s: &mut Scenario) {
    s.post("/api/settings/get-snapshots", json!({})).await;
    s.post("/api/settings/make-snapshot", json!({})).await;
    s.post("/api/settings/get-snapshots", json!({}))
        .await
        .capture("snapshot", "/0/name");
    s.post("/api/settings/load-snapshot", json!({ "name": "{{snapshot}}" }))
        .await;
    s.post("/api/settings/save", json!({ "after": "snapshot" })).await;
    s.send(call("POST", "/api/settings/make-snapshot")).await;
    s.post("/api/settings/get-snapshots", json!({})).await;
    s.post(
        "/api/settings/restore-snapshot",
        json!({ "name": "{{snapshot}}" }),
    )
    .await;
    s.post("/api/settings/get", json!({})).await;
    for route in ["/api/settings/load-snapshot", "/api/settings/restore-snapshot"] {
        for name in [
            "settings_default-user_19990101-000000.json",
            "settings_other_1.json",
            "settings_default-user_",
            "chat_x.jsonl",
            "settings_default-user_/../x",
        ] {
            s.post(route, json!({ "name": name })).await;
        }
        for name in NAMES.iter().take(6) {
            s.post(route, json!({ "name": name })).await;
        }
        for body in [
            json!({}),
            json!({ "name": null }),
            json!({ "name": 5 }),
            json!({ "name": ["settings_default-user_x"] }),
        ] {
            s.post(route, body).await;
        }
    }
}

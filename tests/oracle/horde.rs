//! `/api/horde`: texts. Its library for pictures and accounts goes past the proxy, so `user-info` with a key and
//! `sd-models` cannot be compared; they are tested in `tests/api`.

use serde_json::{Value, json};

use super::dsl::{call, post};
use super::refusals::refusals;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

const API: &str = "https://aihorde.net/api/v2";
const REFERENCE: &str = "https://raw.githubusercontent.com/db0/AI-Horde-text-model-reference/main/db.json";

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("/api/horde{route}"), body).note(label))
        .await;
    s.reached(&format!("{route} {label}")).await;
}

/// Answers and their names, the good one last.
fn replies(good: &Value) -> Vec<(&'static str, Reply)> {
    let mut replies = refusals();
    replies.extend([("text", Reply::json(&json!("x"))), ("good", Reply::json(good))]);
    replies
}

#[tokio::test]
async fn oracle_horde() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("horde", "", &sites).await;
    tasks(&mut s, &sites).await;
    lists(&mut s, &sites).await;
    s.post("/api/horde/sd-samplers", json!({})).await;
    s.post("/api/horde/user-info", json!({})).await;
    s.finish();
}

async fn tasks(s: &mut Scenario, sites: &Sites) {
    let status = format!("{API}/generate/text/status/a-1");
    for (label, reply) in replies(&json!({ "id": "a-1", "done": true, "generations": [{ "text": "Grüße" }] }))
    {
        sites
            .on("GET", &status, reply.clone())
            .on("DELETE", &status, reply.clone())
            .on("GET", &format!("{API}/status/heartbeat"), reply.clone())
            .on("POST", &format!("{API}/generate/text/async"), reply);
        ask(s, "/task-status", label, &json!({ "taskId": "a-1" })).await;
        ask(s, "/cancel-task", label, &json!({ "taskId": "a-1" })).await;
        ask(
            s,
            "/generate-text",
            label,
            &json!({ "prompt": "Hällo", "params": { "n": 1 }, "models": [] }),
        )
        .await;
        // The frontend asks without a body.
        s.send(call("POST", "/api/horde/status").note(label)).await;
        s.reached(&format!("/status {label}")).await;
    }
    for id in [json!(null), json!(5), json!("a b"), json!("../../find_user")] {
        ask(s, "/task-status", &format!("task {id}"), &json!({ "taskId": id })).await;
    }
    let key = json!({ "key": "api_key_horde", "value": "horde-key", "label": "l" });
    s.post("/api/secrets/write", key).await;
    ask(s, "/generate-text", "with a key", &json!({ "prompt": "p" })).await;
    s.post(
        "/api/secrets/write",
        json!({ "key": "api_key_horde", "value": "", "label": "l" }),
    )
    .await;
}

async fn lists(s: &mut Scenario, sites: &Sites) {
    let workers = format!("{API}/workers?type=text");
    let models = format!("{API}/status/models?type=text");
    let list = json!([{ "name": "a", "count": 1, "x": 1 }, { "name": "b" }, {}, { "name": "c", "is_whitelisted": true }]);
    for (label, reply) in replies(&list) {
        sites.on("GET", &workers, reply.clone()).on("GET", &models, reply);
        for force in [true, false] {
            let body = json!({ "force": force });
            ask(s, "/text-workers", &format!("{label} force {force}"), &body).await;
            ask(s, "/text-models", &format!("{label} force {force}"), &body).await;
        }
    }
    for (label, reply) in [
        (
            "known",
            Reply::json(
                &json!({ "a": { "x": 2, "y": 3, "is_whitelisted": 5 }, "b": 0, "undefined": { "z": 1 } }),
            ),
        ),
        (
            "malformed",
            Reply::bytes("", "404: Not Found").with_status("404 Not Found"),
        ),
        ("null", Reply::json(&Value::Null)),
    ] {
        sites.on("GET", REFERENCE, reply);
        ask(
            s,
            "/text-models",
            &format!("reference {label}"),
            &json!({ "force": true }),
        )
        .await;
    }
    sites.on("GET", &models, Reply::json(&json!([{ "name": "a" }, null])));
    ask(s, "/text-models", "with null", &json!({ "force": true })).await;
}

//! `/api/backends/text-completions`: every type of back end, in every mood.

use serde_json::{Value, json};

use super::dsl::post;
use super::scenario::Scenario;
use super::text_sites::{self, server};
use crate::harness::Sites;

const FAMILY: &str = "/api/backends/text-completions";

/// Every `api_type`, and one that nobody knows.
pub(super) const TYPES: [&str; 16] = [
    "ooba",
    "mancer",
    "vllm",
    "aphrodite",
    "tabby",
    "koboldcpp",
    "togetherai",
    "llamacpp",
    "ollama",
    "infermaticai",
    "dreamgen",
    "openrouter",
    "featherless",
    "huggingface",
    "generic",
    "nonsense",
];

/// What the operator sets for a host, and for Ollama.
const CONFIG: &str = "\
requestOverrides:
  - hosts: [other.example]
    headers: {X-Probe: other}
  - hosts: [overridden.example:8080]
    headers: {X-Probe: overridden, Authorization: Basic abc, X-Other: 7}
ollama:
  keepAlive: 60
  batchSize: 512
";

pub(super) async fn start(family: &str) -> Scenario {
    let sites = Sites::default();
    text_sites::add(&sites);
    Scenario::in_world(family, CONFIG, &sites).await
}

/// A request with everything that any of the types does something about.
pub(super) fn body(kind: &str, mode: &str, extra: &Value) -> Value {
    let mut body = json!({
        "api_type": kind, "api_server": server(mode), "model": "m", "prompt": "Hällo 🦊", "stream": false, "n": 2,
        "max_tokens": 10, "max_new_tokens": 10, "num_predict": 10, "temperature": 0.5, "top_k": 40, "min_p": 0.1,
        "rep_pen": 1.1, "repeat_penalty": 1.1, "typical_p": 1, "stop": ["a", "b", "c", "d", "e"], "stopping_strings": ["a"],
        "seed": -1, "logit_bias": {}, "provider": ["One", "Two"], "allow_fallbacks": false, "ignore_eos": false,
        "guided_json": null, "include_reasoning": true, "top_a": 0, "secret_id": null,
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

/// Sends a body and compares what reached the back end. Words for malformed JSON are each implementation's own.
pub(super) async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    let call = post(&format!("{FAMILY}{route}"), body).note(label);
    let own_words = [
        "broken",
        "nochoices",
        "missing",
        "infermaticai null",
        "infermaticai text",
    ]
    .iter()
    .any(|word| label.contains(word));
    s.send(if own_words {
        call.ignore("body /response")
    } else {
        call
    })
    .await;
    s.reached(&format!("{route} {label}")).await;
}

pub(super) async fn store_keys(s: &mut Scenario) {
    for kind in TYPES {
        let secret = json!({ "key": format!("api_key_{kind}"), "value": format!("sk-{kind}"), "label": "l" });
        s.post("/api/secrets/write", secret).await;
    }
}

#[tokio::test]
async fn oracle_text_completions() {
    let mut s = start("text_completions").await;
    let modes = ["ok", "e401", "e429", "e500", "broken"];
    for kind in TYPES {
        // Without a key; then all keys are there.
        ask(
            &mut s,
            "/generate",
            &format!("{kind} without key"),
            &body(kind, "ok", &json!({})),
        )
        .await;
    }
    store_keys(&mut s).await;
    for kind in TYPES {
        for mode in modes {
            for stream in [false, true] {
                let label = format!("{kind} {mode} stream {stream}");
                ask(
                    &mut s,
                    "/generate",
                    &label,
                    &body(kind, mode, &json!({ "stream": stream })),
                )
                .await;
            }
        }
    }
    s.finish();
}

#[tokio::test]
async fn oracle_text_details() {
    let mut s = start("text_details").await;
    store_keys(&mut s).await;
    answers(&mut s).await;
    requests(&mut s).await;
    addresses(&mut s).await;
    s.finish();
}

/// What back ends answer besides completions.
async fn answers(s: &mut Scenario) {
    for kind in ["ooba", "infermaticai"] {
        for mode in [
            "empty",
            "null",
            "text",
            "list",
            "spelled",
            "chats",
            "nochoices",
            "cut",
            "e503",
            "e404",
            "hangup",
        ] {
            for stream in [false, true] {
                // A stream that breaks is each implementation's own way to break.
                if !(stream && mode == "cut") {
                    let label = format!("{kind} {mode} stream {stream}");
                    ask(
                        s,
                        "/generate",
                        &label,
                        &body(kind, mode, &json!({ "stream": stream })),
                    )
                    .await;
                }
            }
        }
    }
}

async fn requests(s: &mut Scenario) {
    let cases = [
        ("openrouter", json!({ "provider": [], "quantizations": ["int8"] })),
        (
            "openrouter",
            json!({ "provider": ["A"], "quantizations": ["int8", "fp8"], "allow_fallbacks": null }),
        ),
        ("openrouter", json!({ "provider": "A", "quantizations": [] })),
        ("openrouter", json!({ "provider": null, "quantizations": "int8" })),
        ("generic", json!({ "stop": "text", "logprobs": 5, "best_of": 1 })),
        ("generic", json!({ "stop": [], "stream": 1 })),
        (
            "vllm",
            json!({ "guided_json": { "type": "object" }, "echo": false, "suffix": "s" }),
        ),
        (
            "ollama",
            json!({ "num_batch": 5, "num_ctx": 4096, "tfs_z": 1, "stream": null }),
        ),
        ("ollama", json!({ "model": null, "images": ["x"] })),
        (
            "tabby",
            json!({ "nested": { "a": [1, { "b": null }] }, "10": 1, "2": 2 }),
        ),
        ("mancer", json!({ "stream": "yes" })),
    ];
    for (kind, extra) in &cases {
        ask(
            s,
            "/generate",
            &format!("{kind} {extra}"),
            &body(kind, "ok", extra),
        )
        .await;
    }
    let second = json!({ "key": "api_key_tabby", "value": "sk-second", "label": "l" });
    s.post("/api/secrets/write", second)
        .await
        .capture("second", "/id");
    let third = json!({ "key": "api_key_tabby", "value": "sk-third", "label": "l" });
    s.post("/api/secrets/write", third).await;
    for id in ["{{second}}", "none", ""] {
        let label = format!("tabby with secret {id}");
        ask(
            s,
            "/generate",
            &label,
            &body("tabby", "ok", &json!({ "secret_id": id })),
        )
        .await;
        ask(
            s,
            "/status",
            &label,
            &body("tabby", "ok", &json!({ "secret_id": id })),
        )
        .await;
    }
}

async fn addresses(s: &mut Scenario) {
    for address in [
        "http://text.example/ok/",
        "http://text.example/ok/v1",
        "http://text.example/ok/v1/",
        "http://text.example/ok/v1//",
        "http://localhost:5000/v1",
        "http://localhost:5000/localhost",
        "http://overridden.example:8080/v1",
        "HTTP://OVERRIDDEN.example:8080",
        "http://other.example:81/",
        "http://text.example/ok?x=1",
        "http://text.example/ok#f",
        "http://bypassed.invalid/x",
        "not a url",
        "",
        "ftp://text.example/ok",
        "http://user:pw@text.example/ok",
    ] {
        for kind in ["vllm", "koboldcpp"] {
            for route in ["/generate", "/status", "/props"] {
                let extra = json!({ "api_server": address });
                ask(
                    s,
                    route,
                    &format!("{kind} at {address:?}"),
                    &body(kind, "ok", &extra),
                )
                .await;
            }
        }
    }
    for wrong in [json!(null), json!(5)] {
        let extra = json!({ "api_server": wrong });
        for route in ["/generate", "/status", "/props"] {
            ask(
                s,
                route,
                &format!("address missing: {wrong}"),
                &body("vllm", "ok", &extra),
            )
            .await;
        }
    }
    for route in ["/generate", "/status", "/props"] {
        ask(s, route, "everything missing", &json!({})).await;
        ask(s, route, "a list, address missing", &json!([])).await;
    }
}

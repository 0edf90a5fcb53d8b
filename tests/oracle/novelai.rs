//! `/api/novelai`: texts.

use serde_json::{Value, json};

use super::dsl::post;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

const STATUS: &str = "/api/novelai/status";
const GENERATE: &str = "/api/novelai/generate";
const SUBSCRIPTION: &str = "https://image.novelai.net/user/subscription";

async fn ask(s: &mut Scenario, label: &str, body: &Value) {
    s.send(post(GENERATE, body).note(label)).await;
    s.reached(label).await;
}

/// Answers and their names.
fn replies() -> Vec<(&'static str, Reply)> {
    let refusal = json!({ "statusCode": 402, "message": "pay" });
    vec![
        ("ok", Reply::json(&json!({ "tier": 3, "output": "Grüße 👋" }))),
        (
            "401",
            Reply::json(&json!({ "message": "who?" })).with_status("401 Unauthorized"),
        ),
        ("402", Reply::json(&refusal).with_status("402 Payment Required")),
        (
            "429",
            Reply::json(&json!({})).with_status("429 Too Many Requests"),
        ),
        (
            "500",
            Reply::bytes("text/html", "<h1>oops</h1>").with_status("500 Internal Server Error"),
        ),
        (
            "null refusal",
            Reply::json(&Value::Null).with_status("500 Internal Server Error"),
        ),
        ("malformed", Reply::bytes("application/json", "{\"output\":")),
        ("null", Reply::json(&Value::Null)),
        ("text", Reply::json(&json!("x"))),
        ("hang-up", Reply::hang_up()),
    ]
}

#[tokio::test]
async fn oracle_novelai() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("novelai", "", &sites).await;
    s.post(STATUS, json!({})).await;
    s.post(GENERATE, json!({ "model": "kayra-v1" })).await;
    let key = json!({ "key": "api_key_novel", "value": "pst-novel", "label": "l" });
    s.post("/api/secrets/write", key).await;
    for (label, reply) in replies() {
        sites.on("GET", SUBSCRIPTION, reply.clone());
        s.send(post(STATUS, &json!({})).note(label)).await;
        s.reached(&format!("status {label}")).await;
        for (streaming, path) in [(false, "/ai/generate"), (true, "/ai/generate-stream")] {
            sites.on("POST", &format!("https://text.novelai.net{path}"), reply.clone());
            let body = json!({ "model": "kayra-v1", "input": "i", "streaming": streaming });
            ask(&mut s, &format!("{label} streaming {streaming}"), &body).await;
        }
    }
    for host in ["api", "text"] {
        sites.below(&format!("https://{host}.novelai.net/"), |_| {
            let text = "event: newToken\ndata: {\"token\":\"a👋\"}\n\n".as_bytes();
            Reply::stream("text/event-stream", &[&text[..36], &text[36..]])
        });
    }
    sites.on(
        "POST",
        "https://text.novelai.net/ai/generate-stream",
        Reply::stream("text/event-stream", &[b"data: 1\n\n"]),
    );
    sites.on(
        "POST",
        "https://text.novelai.net/ai/generate",
        Reply::json(&json!({ "output": "o" })),
    );
    parameters(&mut s).await;
    for wrong in [json!({}), json!({ "model": 5 })] {
        s.ours_refuses(&post(GENERATE, &wrong)).await;
    }
    s.finish();
}

async fn parameters(s: &mut Scenario) {
    for model in [
        "clio-v1",
        "kayra-v1",
        "llama-3-erato-v1",
        "hypebot",
        "krake-v2",
        "",
    ] {
        for streaming in [false, true] {
            let body = json!({
                "model": model, "input": "Hällo", "streaming": streaming, "prefix": "theme_textadventure",
                "temperature": 1.5, "max_length": 100, "bad_words_ids": [[1, 2], ["x"], [5.0], "t", 7, [1.5]],
                "logit_bias_exp": [{ "sequence": [7], "bias": 1 }], "order": [1, 2], "unknown": 5, "top_k": null,
            });
            ask(s, &format!("model {model} streaming {streaming}"), &body).await;
        }
    }
    for extra in [
        json!({ "use_string": false, "bad_words_ids": [[]], "logit_bias_exp": "x", "prefix": "vanilla" }),
        json!({ "use_string": null, "bad_words_ids": null, "num_logprobs": 10, "stop_sequences": [[1]] }),
        json!({ "repetition_penalty": 1, "repetition_penalty_range": 0, "min_p": 0.1, "math1_temp": 1, "phrase_rep_pen": "off" }),
    ] {
        let mut body = extra;
        body["model"] = "kayra-v1".into();
        ask(s, &body.to_string(), &body).await;
    }
}

//! `/api/backends/kobold`.

use serde_json::{Value, json};

use super::dsl::{file, post, upload};
use super::scenario::Scenario;
use super::text_sites::{self, server};
use crate::harness::Sites;

const FAMILY: &str = "/api/backends/kobold";

const CONFIG: &str = "\
requestOverrides:
  - hosts: [overridden.example:8080]
    headers: {X-Probe: overridden, content-type: text/csv}
";

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("{FAMILY}{route}"), body).note(label)).await;
    s.reached(&format!("{route} {label}")).await;
}

fn body(mode: &str, extra: &Value) -> Value {
    let mut body = json!({
        "api_server": server(mode), "prompt": "Hällo 🦊", "max_context_length": 2048, "max_length": 80, "rep_pen": 1.1,
        "rep_pen_range": 600, "rep_pen_slope": 0, "temperature": 0.7, "tfs": 1, "top_a": 0, "top_k": 0, "top_p": 0.9,
        "min_p": 0, "typical": 1, "sampler_order": [6, 0, 1], "singleline": 0, "use_default_badwordsids": true,
        "mirostat": 0, "mirostat_eta": 0.1, "mirostat_tau": 5, "grammar": "", "sampler_seed": 7, "stop_sequence": ["a"],
        "streaming": false, "can_abort": false, "other": 1,
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn oracle_kobold() {
    let sites = Sites::default();
    text_sites::add(&sites);
    let mut s = Scenario::in_world("kobold", CONFIG, &sites).await;
    for mode in [
        "ok", "e400", "e401", "e429", "e500", "e503", "msg", "broken", "empty", "null", "text", "list",
        "spelled", "cut", "hangup",
    ] {
        for streaming in [false, true] {
            if !(streaming && mode == "cut") {
                let extra = json!({ "streaming": streaming });
                ask(
                    &mut s,
                    "/generate",
                    &format!("{mode} streaming {streaming}"),
                    &body(mode, &extra),
                )
                .await;
            }
        }
    }
    for extra in [
        json!({ "gui_settings": true }),
        json!({ "can_abort": true }),
        json!({ "stop_sequence": "" }),
        json!({ "stop_sequence": null, "grammar": null, "singleline": true }),
        json!({ "api_server": "http://localhost:5000/api" }),
        json!({ "api_server": "http://overridden.example:8080/api" }),
        json!({ "api_server": "http://bypassed.invalid/api" }),
        json!({ "api_server": "ftp://text.example/" }),
    ] {
        ask(&mut s, "/generate", &extra.to_string(), &body("ok", &extra)).await;
    }
    for wrong in [json!({}), json!({ "api_server": "" }), json!({ "api_server": 5 })] {
        s.ours_refuses(&post(&format!("{FAMILY}/generate"), &wrong)).await;
    }
    status(&mut s).await;
    extras(&mut s).await;
    s.finish();
}

async fn status(s: &mut Scenario) {
    for address in [
        server("ok"),
        server("e401"),
        server("e500"),
        server("broken"),
        server("empty"),
        server("list"),
        server("hangup"),
        "nonsense".to_owned(),
        String::new(),
        "http://localhost:5000".to_owned(),
    ] {
        // The three questions arrive in an order of chance.
        s.send(post(&format!("{FAMILY}/status"), &json!({ "api_server": address })).note(&address))
            .await;
    }
    for wrong in [
        json!({}),
        json!({ "api_server": 5 }),
        json!({ "api_server": server("null") }),
    ] {
        s.ours_answers(&post(&format!("{FAMILY}/status"), &wrong)).await;
    }
    s.forget();
}

async fn extras(s: &mut Scenario) {
    let keys = [false, true];
    for with_key in keys {
        if with_key {
            let key = json!({ "key": "api_key_koboldcpp", "value": "sk-kobold", "label": "l" });
            s.post("/api/secrets/write", key).await;
        }
        // The path of the address is dropped, so how it behaves cannot be said there.
        for address in [
            "http://overridden.example:8080/x?y=1",
            "http://text.example/x",
            "nonsense",
            "",
        ] {
            let body = json!({ "server": address, "items": ["a", "ü"], "api_type": "vllm" });
            ask(s, "/embed", &format!("{address} {with_key}"), &body).await;
        }
    }
    ask(
        s,
        "/embed",
        "no items",
        &json!({ "server": "http://embed.example/" }),
    )
    .await;
    ask(s, "/embed", "nothing", &json!({})).await;
    let route = format!("{FAMILY}/transcribe-audio");
    for address in [
        "http://text.example/x",
        "http://overridden.example:8080",
        "nonsense",
    ] {
        s.upload(&route, file("a.wav", b"RIFF\x00\xff"), &[("server", address)])
            .await;
        s.reached(&format!("transcribe at {address}")).await;
    }
    s.upload(&route, file("a.wav", b"x"), &[]).await;
    s.send(upload(&route, None, &[("server", "http://text.example/")]))
        .await;
}

//! `/api/*/caption-image`. The Horde's library goes past the proxy, so it is tested in `tests/api` alone.

use serde_json::{Value, json};

use super::dsl::post;
use super::refusals::answers;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

const IMAGE: &str = "data:image/png;base64,iVBORw0KGgo=";
const PROXY: &str = "https://proxy.example/v1";
const SERVER: &str = "http://server.example:5000/v1/";

/// The values of `api`, and the keys of their secrets.
const SERVICES: [(&str, &str); 19] = [
    ("openai", "api_key_openai"),
    ("xai", "api_key_xai"),
    ("mistral", "api_key_mistralai"),
    ("custom", "api_key_custom"),
    ("openrouter", "api_key_openrouter"),
    ("ooba", "api_key_ooba"),
    ("koboldcpp", "api_key_koboldcpp"),
    ("llamacpp", "api_key_llamacpp"),
    ("vllm", "api_key_vllm"),
    ("aimlapi", "api_key_aimlapi"),
    ("groq", "api_key_groq"),
    ("cohere", "api_key_cohere"),
    ("moonshot", "api_key_moonshot"),
    ("nanogpt", "api_key_nanogpt"),
    ("chutes", "api_key_chutes"),
    ("electronhub", "api_key_electronhub"),
    ("zai", "api_key_zai"),
    ("pollinations", "api_key_pollinations"),
    ("workers_ai", "api_key_workers_ai"),
];

const CONFIG: &str = "\
requestOverrides:
  - hosts: ['server.example:5000', api.groq.com]
    headers: {X-Probe: overridden, Authorization: Bearer overridden}
";

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("/api/{route}/caption-image"), body).note(label))
        .await;
    s.reached(&format!("{route} {label}")).await;
}

fn good() -> Reply {
    Reply::json(&json!({ "choices": [{ "message": { "content": "Ein Füchslein 🦊" } }] }))
}

/// Everybody answers like this.
fn everywhere(sites: &Sites, reply: &Reply) {
    for scheme in ["http://", "https://"] {
        let reply = reply.clone();
        sites.below(scheme, move |_| reply.clone());
    }
}

fn body(api: &str, extra: &Value) -> Value {
    let mut body = json!({
        "api": api, "model": "m", "prompt": "Was ist das?", "image": IMAGE, "server_url": SERVER,
        "workers_ai_account_id": " acc/1 ",
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

async fn secrets(s: &mut Scenario, keys: impl IntoIterator<Item = &str>) {
    for key in keys {
        let secret = json!({ "key": key, "value": format!("key {key}"), "label": "l" });
        s.post("/api/secrets/write", secret).await;
    }
}

#[tokio::test]
async fn oracle_captions() {
    let sites = Sites::default();
    everywhere(&sites, &good());
    let mut s = Scenario::in_world("captions", CONFIG, &sites).await;
    for with_keys in [false, true] {
        if with_keys {
            secrets(&mut s, SERVICES.map(|(_, key)| key)).await;
        }
        for (api, _) in SERVICES {
            for extra in [
                json!({}),
                json!({ "reverse_proxy": PROXY }),
                json!({ "reverse_proxy": PROXY, "proxy_password": "pass" }),
            ] {
                let label = format!("{api} {extra} keys {with_keys}");
                ask(&mut s, "openai", &label, &body(api, &extra)).await;
            }
        }
    }
    for (label, reply) in answers(good()) {
        everywhere(&sites, &reply);
        for api in ["openai", "cohere"] {
            ask(
                &mut s,
                "openai",
                &format!("{api} {label}"),
                &body(api, &json!({})),
            )
            .await;
        }
    }
    for answer in [
        json!({ "message": { "content": [{ "text": "from Cohere" }] } }),
        json!({ "choices": [{ "message": { "content": null } }], "message": { "content": [{ "text": "second" }] } }),
        json!({ "choices": [{ "message": { "content": "" } }] }),
        json!({ "choices": [{ "message": { "content": [{ "text": "part" }] } }] }),
    ] {
        everywhere(&sites, &Reply::json(&answer));
        ask(&mut s, "openai", &answer.to_string(), &body("cohere", &json!({}))).await;
    }
    everywhere(&sites, &good());
    particulars(&mut s).await;
    s.finish();
}

/// What single services do differently.
async fn particulars(s: &mut Scenario) {
    let film = "data:video/mp4;base64,AAAA";
    let yaml = json!({
        "custom_include_body": "top_k: 5\nmodel: other", "custom_include_headers": "X-Probe: own\nAuthorization: Bearer mine",
        "custom_exclude_body": "- top_k\n- nothing",
    });
    for (api, extra) in [
        ("zai", json!({ "zai_endpoint": "coding" })),
        ("zai", json!({ "image": film })),
        ("zai", json!({ "image": "data:video/;base64,AAAA" })),
        ("openai", json!({ "image": film })),
        ("pollinations", json!({ "pollinations_endpoint": "anonymous" })),
        ("workers_ai", json!({ "workers_ai_account_id": "  " })),
        ("workers_ai", json!({ "workers_ai_account_id": 5 })),
        ("custom", yaml.clone()),
        ("openai", yaml),
        ("custom", json!({ "custom_include_body": "messages: text" })),
        (
            "custom",
            json!({ "custom_include_body": ": : no yaml", "custom_exclude_body": "model" }),
        ),
        ("custom", json!({ "server_url": null })),
        ("ooba", json!({ "server_url": null })),
        (
            "vllm",
            json!({ "server_url": "http://server.example:5000", "api_type": "tabby" }),
        ),
        ("llamacpp", json!({ "api_type": "vllm", "secret_id": "nobody" })),
        ("openai", json!({ "api_type": "openrouter" })),
        ("openai", json!({ "reverse_proxy": "no address" })),
        ("nonsense", json!({})),
        (
            "nonsense",
            json!({ "reverse_proxy": PROXY, "proxy_password": "pass" }),
        ),
        ("openai", json!({ "model": null, "prompt": null, "image": null })),
    ] {
        ask(s, "openai", &format!("{api} {extra}"), &body(api, &extra)).await;
    }
    ask(s, "openai", "only the service", &json!({ "api": "openai" })).await;
    ask(s, "openai", "nothing", &json!({})).await;
}

#[tokio::test]
async fn oracle_captions_system() {
    let sites = Sites::default();
    everywhere(&sites, &good());
    let config = "openai:\n  captionSystemPrompt: Beschreibe.\n";
    let mut s = Scenario::in_world("captions_system", config, &sites).await;
    secrets(&mut s, SERVICES.map(|(_, key)| key)).await;
    for api in ["openai", "groq", "zai", "custom", "ooba"] {
        ask(
            &mut s,
            "openai",
            api,
            &body(api, &json!({ "image": "data:video/mp4;base64,AA" })),
        )
        .await;
    }
    for yaml in ["messages: text", "messages: []", "messages: [{role: user}]"] {
        let extra = json!({ "custom_include_body": yaml });
        ask(&mut s, "openai", yaml, &body("custom", &extra)).await;
    }
    s.finish();
}

#[tokio::test]
async fn oracle_captions_claude() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("captions_claude", "", &sites).await;
    let claude = Reply::json(&json!({ "content": [{ "type": "text", "text": "Ein Füchslein" }] }));
    everywhere(&sites, &claude);
    let body = json!({ "model": "m", "prompt": "Was?", "image": IMAGE });
    ask(&mut s, "anthropic", "without key", &body).await;
    secrets(&mut s, ["api_key_claude"]).await;
    for (label, reply) in answers(claude) {
        everywhere(&sites, &reply);
        ask(&mut s, "anthropic", label, &body).await;
    }
    for answer in [
        json!({ "content": [{ "text": "" }] }),
        json!({ "content": [null] }),
        json!({ "content": [] }),
    ] {
        everywhere(&sites, &Reply::json(&answer));
        ask(&mut s, "anthropic", &answer.to_string(), &body).await;
    }
    for extra in [
        json!({ "reverse_proxy": PROXY, "proxy_password": "pass" }),
        json!({ "reverse_proxy": PROXY }),
        json!({ "reverse_proxy": "no address" }),
        json!({ "image": "iVBORw0KGgo=" }),
        json!({ "image": "data:image/png" }),
        json!({ "image": null }),
        json!({ "model": null, "prompt": null }),
    ] {
        let mut body = body.clone();
        for (key, value) in extra.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        ask(&mut s, "anthropic", &extra.to_string(), &body).await;
    }
    ask(&mut s, "anthropic", "nothing", &json!({})).await;
    s.finish();
}

#[tokio::test]
async fn oracle_captions_google() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("captions_google", "", &sites).await;
    let gemini =
        Reply::json(&json!({ "candidates": [{ "content": { "parts": [{ "text": "Ein Füchslein" }] } }] }));
    everywhere(&sites, &gemini);
    let body = json!({ "model": "gemini-x", "prompt": "Was?", "image": IMAGE });
    ask(&mut s, "google", "without key", &body).await;
    ask(
        &mut s,
        "google",
        "Vertex AI without key",
        &json!({ "api": "vertexai", "image": IMAGE }),
    )
    .await;
    secrets(&mut s, ["api_key_makersuite", "api_key_vertexai"]).await;
    for (label, reply) in answers(gemini) {
        everywhere(&sites, &reply);
        ask(&mut s, "google", label, &body).await;
    }
    for answer in [
        json!({ "candidates": [] }),
        json!({ "candidates": [{ "content": {} }] }),
        json!({ "candidates": [{ "content": { "parts": [{}] } }] }),
        json!({ "candidates": 0 }),
    ] {
        everywhere(&sites, &Reply::json(&answer));
        ask(&mut s, "google", &answer.to_string(), &body).await;
    }
    for extra in [
        json!({ "api": "vertexai", "vertexai_region": "eu", "vertexai_express_project_id": "p" }),
        json!({ "api": "vertexai", "vertexai_region": "evil.example/" }),
        json!({ "reverse_proxy": "https://proxy.example/x/", "proxy_password": "pass" }),
        json!({ "model": "", "prompt": null, "image": "iVBORw0KGgo=" }),
        json!({ "image": null }),
    ] {
        let mut body = body.clone();
        for (key, value) in extra.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        ask(&mut s, "google", &extra.to_string(), &body).await;
    }
    s.finish();
}

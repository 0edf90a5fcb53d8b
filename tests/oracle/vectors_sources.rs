//! `/api/vector`: how the sources are asked, and what becomes of their answers.

use serde_json::{Value, json};

use super::dsl::post;
use super::refusals::answers;
use super::scenario::Scenario;
use super::vectors::vector;
use crate::harness::{Reply, Request, Sites};

const SERVER: &str = "http://server.example:5000/v1/";
const SOURCES: [&str; 17] = [
    "openai",
    "togetherai",
    "mistral",
    "electronhub",
    "openrouter",
    "chutes",
    "nanogpt",
    "siliconflow",
    "workers_ai",
    "cohere",
    "nomicai",
    "palm",
    "vertexai",
    "ollama",
    "llamacpp",
    "vllm",
    "extras",
];
const KEYS: [&str; 15] = [
    "api_key_openai",
    "api_key_togetherai",
    "api_key_mistralai",
    "api_key_electronhub",
    "api_key_openrouter",
    "api_key_chutes",
    "api_key_nanogpt",
    "api_key_siliconflow",
    "api_key_workers_ai",
    "api_key_cohere",
    "api_key_nomicai",
    "api_key_makersuite",
    "api_key_vertexai",
    "api_key_llamacpp",
    "api_key_vllm",
];
const CONFIG: &str = "\
requestOverrides:
  - hosts: ['server.example:5000']
    headers: {X-Probe: overridden}
";

/// Every service at once: the field that the question has tells which answer it wants.
fn embed(request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let list = |field: &str| body[field].as_array().cloned();
    let vectors = |texts: &[Value]| texts.iter().map(vector).collect::<Vec<_>>();
    if let Some(texts) = list("input") {
        let data = vectors(&texts).into_iter().enumerate().rev();
        let data: Vec<Value> = data
            .map(|(index, vector)| json!({ "index": index, "embedding": vector }))
            .collect();
        return Reply::json(&json!({ "data": data, "embeddings": vectors(&texts) }));
    }
    if let Some(texts) = list("texts") {
        let vectors = vectors(&texts);
        return Reply::json(&match request.url.contains("cohere") {
            true => json!({ "embeddings": { "float": vectors } }),
            false => json!({ "embeddings": vectors }),
        });
    }
    if let Some(requests) = list("requests") {
        let texts: Vec<Value> = requests
            .iter()
            .map(|r| r["content"]["parts"][0]["text"].clone())
            .collect();
        let values: Vec<Value> = vectors(&texts)
            .into_iter()
            .map(|v| json!({ "values": v }))
            .collect();
        return Reply::json(&json!({ "embeddings": values }));
    }
    if let Some(instances) = list("instances") {
        let texts: Vec<Value> = instances.iter().map(|i| i["content"].clone()).collect();
        let values = vectors(&texts).into_iter();
        let values: Vec<Value> = values.map(|v| json!({ "embeddings": { "values": v } })).collect();
        return Reply::json(&json!({ "predictions": values }));
    }
    Reply::json(&json!({ "embedding": match list("text") {
        Some(texts) => vectors(&texts).into(),
        None => vector(&body["text"]),
    } }))
}

fn everywhere(sites: &Sites, answer: impl Fn(&Request) -> Reply + Clone + Send + Sync + 'static) {
    for scheme in ["http://", "https://"] {
        sites.below(scheme, answer.clone());
    }
}

fn body(source: &str, extra: &Value) -> Value {
    let mut body = json!({
        "collectionId": "c", "source": source, "model": "m-1", "searchText": "a fox", "apiUrl": SERVER,
        "items": [{ "hash": 1, "text": "a fox", "index": 0 }, { "hash": 2, "text": "zebra", "index": 1 }],
        "extrasUrl": "http://server.example:5000/x?y=1", "extrasKey": "extra", "workers_ai_account_id": " acc/1 ",
    });
    if source == "vertexai" {
        body["api"] = "vertexai".into();
    }
    for (key, value) in extra.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

/// Items in, a search and a list.
async fn round(s: &mut Scenario, label: &str, body: &Value) {
    for route in ["insert", "query", "list"] {
        s.send(post(&format!("/api/vector/{route}"), body).note(label))
            .await;
    }
    s.reached(label).await;
}

#[tokio::test]
async fn oracle_vectors_sources() {
    let sites = Sites::default();
    everywhere(&sites, embed);
    let mut s = Scenario::in_world("vectors_sources", CONFIG, &sites).await;
    for source in SOURCES {
        round(
            &mut s,
            &format!("{source} without key"),
            &body(source, &json!({})),
        )
        .await;
    }
    for key in KEYS {
        let secret = json!({ "key": key, "value": format!("key {key}"), "label": "l" });
        s.post("/api/secrets/write", secret).await;
    }
    for source in SOURCES {
        for extra in [
            json!({}),
            json!({ "model": "" }),
            json!({ "model": null }),
            json!({ "model": 5 }),
        ] {
            let label = format!("{source} {extra}");
            round(&mut s, &label, &body(source, &extra)).await;
        }
    }
    particulars(&mut s).await;
    brought(&mut s).await;
    s.post("/api/vector/purge", json!({ "collectionId": "c" })).await;
    for source in SOURCES {
        s.send(post("/api/vector/list", &body(source, &json!({}))).note(source))
            .await;
    }
    s.finish();
}

/// What single sources have besides.
async fn particulars(s: &mut Scenario) {
    for (source, extra) in [
        ("siliconflow", json!({ "siliconflow_endpoint": "cn" })),
        ("siliconflow", json!({ "siliconflow_endpoint": "com" })),
        ("workers_ai", json!({ "workers_ai_account_id": "  " })),
        ("workers_ai", json!({ "workers_ai_account_id": 5 })),
        ("chutes", json!({ "model": "evil.example/" })),
        ("ollama", json!({ "keep": true })),
        (
            "ollama",
            json!({ "keep": "", "apiUrl": "http://server.example:5000/api?x=1" }),
        ),
        ("ollama", json!({ "apiUrl": null })),
        ("llamacpp", json!({ "apiUrl": "http://server.example:5000" })),
        ("llamacpp", json!({ "apiUrl": "no address" })),
        ("vllm", json!({ "apiUrl": "http://server.example:5000//" })),
        ("vllm", json!({ "apiUrl": "" })),
        ("extras", json!({ "extrasKey": "" })),
        ("extras", json!({ "extrasKey": null })),
        ("extras", json!({ "extrasUrl": "nowhere" })),
        (
            "palm",
            json!({ "reverse_proxy": "https://proxy.example/x/", "proxy_password": "pass" }),
        ),
        ("palm", json!({ "api": "vertexai" })),
        ("vertexai", json!({ "api": "makersuite" })),
        (
            "vertexai",
            json!({ "vertexai_region": "eu", "vertexai_express_project_id": "p" }),
        ),
        ("vertexai", json!({ "vertexai_region": "evil.example/" })),
        (
            "openai",
            json!({ "secret_id": "nobody", "reverse_proxy": "https://proxy.example" }),
        ),
        (
            "mistral",
            json!({ "items": [{ "hash": 1 }, { "text": null }, { "text": 5 }] }),
        ),
    ] {
        let mut body = body(source, &extra);
        body["collectionId"] = format!("{source} {extra}").into();
        round(s, &format!("{source} {extra}"), &body).await;
    }
    let many: Vec<Value> = (0..23)
        .map(|n| json!({ "hash": n, "text": format!("t{n}"), "index": n }))
        .collect();
    for source in ["openai", "extras", "cohere"] {
        let body = body(source, &json!({ "items": many, "collectionId": "many" }));
        round(s, &format!("{source} many"), &body).await;
    }
}

/// Vectors that the browser brings along.
async fn brought(s: &mut Scenario) {
    let near = json!({ "a fox": [1, 0], "zebra": [0.5, 0.5] });
    for source in ["webllm", "koboldcpp"] {
        for (label, embeddings) in [
            ("both", near.clone()),
            ("one", json!({ "a fox": [1, 0] })),
            ("none", json!({})),
            ("nothing", Value::Null),
        ] {
            let label = format!("{source} {label}");
            let mut body = body(source, &json!({ "embeddings": embeddings }));
            body["collectionId"] = label.as_str().into();
            round(s, &label, &body).await;
        }
        let many: Vec<Value> = (0..23)
            .map(|n| json!({ "hash": n, "text": "zebra", "index": n }))
            .collect();
        let body = body(source, &json!({ "embeddings": near, "items": many }));
        round(s, &format!("{source} many"), &body).await;
    }
}

#[tokio::test]
async fn oracle_vectors_answers() {
    let sites = Sites::default();
    everywhere(&sites, embed);
    let mut s = Scenario::in_world("vectors_answers", "", &sites).await;
    for key in KEYS {
        let secret = json!({ "key": key, "value": "k", "label": "l" });
        s.post("/api/secrets/write", secret).await;
    }
    for (label, reply) in answers(Reply::json(&json!({ "data": [] }))) {
        everywhere(&sites, move |_: &Request| reply.clone());
        for source in [
            "openai", "cohere", "palm", "vertexai", "ollama", "vllm", "extras", "nomicai",
        ] {
            // Of its own, since the original removes a collection whose source answers what is no JSON.
            let mut body = body(source, &json!({}));
            body["collectionId"] = label.into();
            for route in ["insert", "query"] {
                let note = format!("{source} {label}");
                s.send(post(&format!("/api/vector/{route}"), &body).note(&note))
                    .await;
            }
        }
    }
    for (source, answer) in [
        ("openai", json!({ "data": [null] })),
        ("openai", json!({ "data": [{ "index": 0 }] })),
        (
            "openai",
            json!({ "data": [{ "embedding": [1, 2] }, { "embedding": [3, 4] }] }),
        ),
        (
            "openai",
            json!({ "data": [{ "index": "1", "embedding": [1] }, { "index": "0", "embedding": [0.5] }] }),
        ),
        ("openai", json!({ "data": [{ "index": 0, "embedding": [1] }] })),
        ("openai", json!({ "data": { "0": 1 } })),
        ("cohere", json!({ "embeddings": [[1], [2]] })),
        ("palm", json!({ "embeddings": [{}, {}] })),
        ("vertexai", json!({ "predictions": [{}] })),
        ("ollama", json!({ "embeddings": [[1, 2], [2, 1], [3, 3]] })),
        ("extras", json!({ "embedding": [[1, 2], [2, 1]] })),
    ] {
        everywhere(&sites, {
            let reply = Reply::json(&answer);
            move |_: &Request| reply.clone()
        });
        let label = format!("{source} {answer}");
        let mut body = body(source, &json!({}));
        body["collectionId"] = label.as_str().into();
        round(&mut s, &label, &body).await;
    }
    s.finish();
}

//! `/api/sd/comfy` and `/api/sd/comfyrunpod`.

use serde_json::{Value, json};

use super::dsl::post;
use super::refusals::answers;
use super::scenario::Scenario;
use crate::harness::{Reply, Request, Sites};

const SERVER: &str = "http://comfy.example:8188/";
const RUNPOD: &str = "https://api.runpod.ai/";

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("/api/sd/{route}"), body).note(label)).await;
    s.reached(&format!("{route} {label}")).await;
}

/// What the nodes of a server can be given.
fn nodes() -> Value {
    let node = |inputs: Value| json!({ "input": { "required": inputs } });
    json!({
        "KSampler": node(json!({ "sampler_name": [["euler", "dpm_2"], {}], "scheduler": [["normal"]] })),
        "VAELoader": node(json!({ "vae_name": [[]] })),
        "CheckpointLoaderSimple": node(json!({ "ckpt_name": [["sd_v1.5.safetensors", "x/a_b"]] })),
        "UNETLoader": node(json!({ "unet_name": [["flux_dev.sft", 5]] })),
        "UnetLoaderGGUF": node(json!({ "unet_name": [["q4_k.gguf"]] })),
    })
}

#[tokio::test]
async fn oracle_images_comfy() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_comfy", "", &sites).await;
    let routes = ["ping", "samplers", "schedulers", "vaes", "models"];
    for route in routes.map(|route| format!("comfy/{route}")) {
        for (label, reply) in answers(Reply::json(&nodes())) {
            sites.below(SERVER, move |_| reply.clone());
            ask(&mut s, &route, label, &json!({ "url": SERVER })).await;
        }
        for url in [
            json!("http://comfy.example:8188"),
            json!("http://comfy.example:8188/a/b//"),
            json!("comfy.example"),
            json!(""),
            json!(5),
        ] {
            ask(&mut s, &route, &format!("at {url}"), &json!({ "url": url })).await;
        }
        ask(&mut s, &route, "nothing", &json!({})).await;
    }
    for (label, node, input) in [
        ("no GGUF", "UnetLoaderGGUF", Value::Null),
        (
            "GGUF without names",
            "UnetLoaderGGUF",
            json!({ "input": { "required": {} } }),
        ),
        (
            "a number among checkpoints",
            "CheckpointLoaderSimple",
            json!({ "input": { "required": { "ckpt_name": [[5]] } } }),
        ),
        (
            "no list",
            "UNETLoader",
            json!({ "input": { "required": { "unet_name": ["x"] } } }),
        ),
    ] {
        let mut known = nodes();
        known[node] = input;
        sites.below(SERVER, move |_| Reply::json(&known));
        ask(&mut s, "comfy/models", label, &json!({ "url": SERVER })).await;
    }
    s.finish();
}

/// A server that finishes a workflow at once, with this in its history.
fn workshop(item: Value) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| {
        let path = request.url.strip_prefix(SERVER).unwrap_or_default();
        match path.split('?').next().unwrap_or_default() {
            "prompt" => Reply::json(&json!({ "prompt_id": "p-1" })),
            "history/p-1" => Reply::json(&json!({ "p-1": item })),
            "view" => Reply::bytes("image/png", vec![1, 2, 255]),
            _ => Reply::status("404 Not Found"),
        }
    }
}

#[tokio::test]
async fn oracle_images_comfy_generate() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_comfy_generate", "", &sites).await;
    let file = |name: &str| json!({ "filename": name, "subfolder": "a b", "type": "output" });
    let failure = json!({ "node_type": "KSampler", "node_id": 3, "exception_type": "E", "exception_message": "out of memory" });
    for (label, item) in [
        (
            "a picture",
            json!({ "status": {}, "outputs": { "9": { "images": [file("x_1.PNG")] } } }),
        ),
        (
            "several nodes",
            json!({ "status": {}, "outputs": { "12": { "images": [file("late.webp")] }, "3": { "images": [file("first")] } } }),
        ),
        (
            "a film",
            json!({ "status": {}, "outputs": { "9": { "gifs": [file("x#1.mp4")] }, "5": { "text": ["x"] } } }),
        ),
        ("nothing", json!({ "status": {}, "outputs": {} })),
        (
            "failed",
            json!({ "status": { "status_str": "error", "messages": [["execution_start", {}], ["execution_error", failure]] } }),
        ),
        (
            "failed in silence",
            json!({ "status": { "status_str": "error" } }),
        ),
    ] {
        sites.below(SERVER, workshop(item));
        ask(
            &mut s,
            "comfy/generate",
            label,
            &json!({ "url": SERVER, "prompt": "{\"prompt\":{\"3\":{}}}" }),
        )
        .await;
    }
    refused(&mut s, &sites).await;
    s.finish();
}

/// Prompts, addresses and answers that are none.
async fn refused(s: &mut Scenario, sites: &Sites) {
    let file = |name: &str| json!({ "filename": name, "subfolder": "a b", "type": "output" });
    for prompt in [json!(null), json!(5), json!("ünï")] {
        let label = format!("prompt {prompt}");
        ask(
            s,
            "comfy/generate",
            &label,
            &json!({ "url": SERVER, "prompt": prompt }),
        )
        .await;
    }
    for url in [json!("nowhere"), json!(5), json!(null)] {
        ask(
            s,
            "comfy/generate",
            &format!("at {url}"),
            &json!({ "url": url, "prompt": "{}" }),
        )
        .await;
    }
    let good = json!({ "prompt_id": "p-1" });
    for (label, reply) in answers(Reply::json(&good)) {
        // A task without an id is waited for for ever by the original.
        if matches!(label, "empty" | "list" | "text") {
            continue;
        }
        let rest = workshop(json!({ "status": {}, "outputs": { "9": { "images": [file("x.png")] } } }));
        sites.below(SERVER, move |request| {
            if request.url.ends_with("/prompt") {
                reply.clone()
            } else {
                rest(request)
            }
        });
        ask(
            s,
            "comfy/generate",
            label,
            &json!({ "url": SERVER, "prompt": "{}" }),
        )
        .await;
    }
    for (label, refused) in [("history", "history/p-1"), ("view", "view")] {
        let rest = workshop(json!({ "status": {}, "outputs": { "9": { "images": [file("x.png")] } } }));
        sites.below(SERVER, move |request| {
            if request.url.contains(refused) {
                Reply::status("500 Internal Server Error")
            } else {
                rest(request)
            }
        });
        ask(
            s,
            "comfy/generate",
            &format!("{label} refused"),
            &json!({ "url": SERVER, "prompt": "{}" }),
        )
        .await;
    }
}

#[tokio::test]
async fn oracle_images_runpod() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_runpod", "", &sites).await;
    let url = format!("{RUNPOD}v2/endpoint/");
    let body = json!({ "url": url, "prompt": "{\"prompt\":{\"3\":{\"class_type\":\"X\"}}}" });
    for route in ["comfyrunpod/ping", "comfyrunpod/generate"] {
        ask(&mut s, route, "without key", &body).await;
    }
    let secret = json!({ "key": "api_key_comfy_runpod", "value": "the key", "label": "l" });
    s.post("/api/secrets/write", secret).await;
    let health = json!({ "workers": { "ready": 0 } });
    for (label, reply) in answers(Reply::json(&health)) {
        sites.below(RUNPOD, move |_| reply.clone());
        ask(&mut s, "comfyrunpod/ping", label, &body).await;
    }
    ask(&mut s, "comfyrunpod/ping", "nowhere", &json!({})).await;
    let done =
        json!({ "output": { "images": [{ "filename": "a.webp", "data": "aGk=" }] }, "status": "COMPLETED" });
    for (label, reply) in answers(Reply::json(&json!({ "id": "j-1" }))) {
        if matches!(label, "empty" | "list" | "text") {
            continue;
        }
        let done = done.clone();
        sites.below(RUNPOD, move |request| {
            if request.url.ends_with("/run") {
                reply.clone()
            } else {
                Reply::json(&done)
            }
        });
        ask(&mut s, "comfyrunpod/generate", label, &body).await;
    }
    odd_jobs(&mut s, &sites, &url).await;
    s.finish();
}

/// Workflows in every envelope, and jobs that come to nothing.
async fn odd_jobs(s: &mut Scenario, sites: &Sites, url: &str) {
    let body = json!({ "url": url, "prompt": "{\"prompt\":{\"3\":{}}}" });
    for (label, prompt) in [
        (
            "wrapped",
            json!("{\"prompt\":{\"input\":{\"workflow\":{\"a\":1},\"x\":2}}}"),
        ),
        ("without a workflow", json!("{}")),
        ("no JSON", json!("{")),
        ("none", json!(null)),
    ] {
        ask(
            s,
            "comfyrunpod/generate",
            label,
            &json!({ "url": url, "prompt": prompt }),
        )
        .await;
    }
    for (label, refused) in [
        ("status refused", Reply::status("404 Not Found")),
        ("no images", Reply::json(&json!({ "output": {} }))),
    ] {
        sites.below(RUNPOD, move |request| {
            if request.url.ends_with("/run") {
                Reply::json(&json!({ "id": "j-1" }))
            } else {
                refused.clone()
            }
        });
        ask(s, "comfyrunpod/generate", label, &body).await;
    }
}

#[tokio::test]
async fn oracle_images_workflows() {
    let mut s = Scenario::start("images_workflows", "").await;
    let route = |name: &str| format!("/api/sd/comfy/{name}");
    let workflow = "{\n  \"3\": { \"text\": \"ünï %prompt%\" }\n}";
    for name in [
        "b.json",
        "A.JSON",
        "ä.json",
        "10.json",
        "2.json",
        ".hidden.json",
        "no.txt",
        "a/b.json",
        "..",
        "",
        "x\u{1}y.json",
    ] {
        let body = json!({ "file_name": name, "workflow": workflow });
        s.post(&route("save-workflow"), body).await;
    }
    for odd in [
        json!({ "workflow": "x" }),
        json!({ "file_name": 5, "workflow": 5 }),
        json!({ "file_name": "none.json", "workflow": "" }),
    ] {
        s.post(&route("save-workflow"), odd).await;
    }
    s.post(&route("workflows"), json!({})).await;
    for name in [
        "b.json",
        "Default_Comfy_Workflow.json",
        "missing.json",
        "..",
        "none.json",
        "../settings.json",
    ] {
        s.post(&route("workflow"), json!({ "file_name": name })).await;
    }
    s.post(&route("workflow"), json!({})).await;
    renamed(&mut s, route).await;
    for none in [
        json!({ "file_name": "A.JSON" }),
        json!({ "file_name": "A.JSON", "workflow": null }),
    ] {
        s.post(&route("save-workflow"), none).await;
    }
    s.finish();
}

/// Renamed, and deleted.
async fn renamed(s: &mut Scenario, route: fn(&str) -> String) {
    for (old, new) in [
        (json!("b.json"), json!("c.json")),
        (json!("c.json"), json!("A.JSON")),
        (json!("gone.json"), json!("d.json")),
        (json!("c.json"), json!("c.txt")),
        (json!("c.json"), json!("../c.json")),
        (json!("a/b.json"), json!("d.json")),
        (json!("c.json"), json!(".json")),
        (json!("c.json"), json!("c.json")),
        (json!(null), json!("d.json")),
        (json!("c.json"), json!("?c2?.json")),
    ] {
        s.post(
            &route("rename-workflow"),
            json!({ "old_name": old, "new_name": new }),
        )
        .await;
    }
    s.post(&route("rename-workflow"), json!({})).await;
    for name in ["c2.json", "gone.json", "..", "../../secrets.json"] {
        s.post(&route("delete-workflow"), json!({ "file_name": name }))
            .await;
    }
    s.post(&route("workflows"), json!({})).await;
}

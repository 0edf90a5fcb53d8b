//! Pictures by services that paint while one waits.

use serde_json::{Value, json};

use super::dsl::post;
use super::refusals::answers;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

const KEYS: &str = "api_key_togetherai api_key_pollinations api_key_stability api_key_huggingface api_key_electronhub
    api_key_chutes api_key_nanogpt api_key_xai api_key_aimlapi api_key_workers_ai api_key_openai api_key_makersuite
    api_key_novel api_key_zai";

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(route, body).note(label)).await;
    s.reached(&format!("{route} {label}")).await;
}

async fn secrets(s: &mut Scenario) {
    for key in KEYS.split_whitespace() {
        let secret = json!({ "key": key, "value": "the key", "label": "l" });
        s.post("/api/secrets/write", secret).await;
    }
}

/// What a picture is asked for with.
fn body() -> Value {
    json!({
        "prompt": "a fox 🦊/?", "negative_prompt": "blur", "model": "org/m-1", "steps": 20, "width": 512, "height": "768",
        "seed": 7, "scale": 7.5, "guidance_scale": 0, "size": "1x1", "quality": "", "account_id": " acc ount ",
        "aspect_ratio": "16:9", "resolution": "1k", "enhance": true, "payload": { "prompt": "ü", "seed": 5, "none": null },
    })
}

type Vendor = (&'static str, &'static str, Reply);

/// Routes, where they ask, and a good answer: lists.
fn lists() -> Vec<Vendor> {
    let model = |n: u32| json!({ "id": format!("m{n}"), "name": format!("Model {n}"), "type": "image" });
    let electron = json!({ "data": [{ "id": "a", "name": "A", "endpoints": ["/v1/images/generations"], "text": "old" }, { "endpoints": [] }, null] });
    vec![
        (
            "/api/sd/together/models",
            "https://api.together.xyz/",
            Reply::json(
                &json!([{ "id": "a", "type": "image", "display_name": "A" }, { "type": "chat" }, { "type": "image" }]),
            ),
        ),
        (
            "/api/sd/pollinations/models",
            "https://gen.pollinations.ai/",
            Reply::json(&json!([{ "name": "flux" }, {}, 5])),
        ),
        (
            "/api/sd/electronhub/models",
            "https://api.electronhub.ai/",
            Reply::json(&electron),
        ),
        (
            "/api/sd/chutes/models",
            "https://api.chutes.ai/",
            Reply::json(&json!({ "items": [{ "name": "b" }, { "name": "Á" }, { "name": "a" }] })),
        ),
        (
            "/api/sd/nanogpt/models",
            "https://nano-gpt.com/",
            Reply::json(&json!({ "models": { "image": { "z": { "model": "m", "name": "N" }, "2": {} } } })),
        ),
        (
            "/api/sd/aimlapi/models",
            "https://api.aimlapi.com/",
            Reply::json(
                &json!({ "data": [model(1), { "id": "triposr", "type": "image" }, { "id": "x", "type": "image", "info": { "name": "X!" } }, { "type": "chat" }] }),
            ),
        ),
        (
            "/api/sd/workersai/models",
            "https://api.cloudflare.com/",
            Reply::json(&json!({ "success": true, "result": [{ "name": "@cf/x" }, {}] })),
        ),
    ]
}

/// As [`lists`]: pictures.
fn pictures() -> Vec<Vendor> {
    let encoded = json!({ "data": [{ "b64_json": "aGk=" }] });
    let bytes = Reply::bytes("image/webp", vec![1, 2, 255]);
    vec![
        (
            "/api/sd/together/generate",
            "https://api.together.xyz/",
            Reply::json(&encoded),
        ),
        (
            "/api/sd/pollinations/generate",
            "https://gen.pollinations.ai/",
            bytes.clone(),
        ),
        (
            "/api/sd/huggingface/generate",
            "https://api-inference.huggingface.co/",
            bytes.clone(),
        ),
        (
            "/api/sd/electronhub/generate",
            "https://api.electronhub.ai/",
            Reply::json(&encoded),
        ),
        (
            "/api/sd/chutes/generate",
            "https://image.chutes.ai/",
            bytes.clone(),
        ),
        (
            "/api/sd/nanogpt/generate",
            "https://nano-gpt.com/",
            Reply::json(&encoded),
        ),
        ("/api/sd/xai/generate", "https://api.x.ai/", Reply::json(&encoded)),
        (
            "/api/sd/aimlapi/generate-image",
            "https://api.aimlapi.com/",
            Reply::json(&json!({ "images": [{ "base64": "aGk=" }] })),
        ),
        (
            "/api/sd/workersai/generate",
            "https://api.cloudflare.com/",
            Reply::json(&json!({ "result": { "image": "aGk=" } })),
        ),
        (
            "/api/openai/generate-image",
            "https://api.openai.com/",
            Reply::json(&encoded),
        ),
        (
            "/api/google/generate-image",
            "https://generativelanguage.googleapis.com/",
            Reply::json(&json!({ "predictions": [{ "bytesBase64Encoded": "aGk=" }] })),
        ),
    ]
}

#[tokio::test]
async fn oracle_images_vendors() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_vendors", "", &sites).await;
    for (route, ..) in lists().into_iter().chain(pictures()) {
        ask(&mut s, route, "without key", &body()).await;
    }
    secrets(&mut s).await;
    for (route, start, good) in lists().into_iter().chain(pictures()) {
        for (label, reply) in answers(good) {
            sites.below(start, move |_| reply.clone());
            ask(&mut s, route, label, &body()).await;
        }
    }
    for (route, start, good) in pictures() {
        sites.below(start, move |_| good.clone());
        ask(
            &mut s,
            route,
            "little",
            &json!({ "seed": 0, "account_id": "a", "model": "m" }),
        )
        .await;
    }
    s.finish();
}

#[tokio::test]
async fn oracle_images_forms() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_forms", "", &sites).await;
    secrets(&mut s).await;
    let picture = Reply::bytes("image/png", vec![1, 2, 255]);
    for (label, reply) in answers(picture.clone()) {
        let answer = reply.clone();
        sites.below("https://api.stability.ai/", move |_| answer.clone());
        sites.below("https://api.cloudflare.com/", move |_| reply.clone());
        for model in ["stable-image-ultra", "stable-image-core", "stable-diffusion-3"] {
            let mut asked = body();
            asked["model"] = model.into();
            ask(
                &mut s,
                "/api/sd/stability/generate",
                &format!("{model} {label}"),
                &asked,
            )
            .await;
        }
        for model in ["@cf/flux-1", "@cf/flux-2-dev"] {
            let mut asked = body();
            asked["model"] = model.into();
            ask(
                &mut s,
                "/api/sd/workersai/generate",
                &format!("{model} {label}"),
                &asked,
            )
            .await;
        }
    }
    odd_forms(&mut s, &sites).await;
    s.finish();
}

/// Bodies that lack something.
async fn odd_forms(s: &mut Scenario, sites: &Sites) {
    for odd in [
        json!({}),
        json!({ "payload": null, "model": "stable-image-core" }),
        json!({ "payload": {}, "model": "other" }),
    ] {
        ask(s, "/api/sd/stability/generate", &odd.to_string(), &odd).await;
    }
    for odd in [
        json!({}),
        json!({ "account_id": "a" }),
        json!({ "account_id": " ", "model": "m" }),
        json!({ "account_id": "a/../b", "model": " m " }),
    ] {
        ask(s, "/api/sd/workersai/generate", &odd.to_string(), &odd).await;
        ask(s, "/api/sd/workersai/models", &odd.to_string(), &odd).await;
    }
    for odd in [
        json!({ "width": "x", "height": 0, "steps": "5", "seed": null }),
        json!({ "seed": "3", "negative_prompt": "" }),
    ] {
        let mut asked = json!({ "account_id": "a", "model": "m", "prompt": null });
        asked
            .as_object_mut()
            .expect("an object")
            .extend(odd.as_object().cloned().unwrap_or_default());
        ask(s, "/api/sd/workersai/generate", &odd.to_string(), &asked).await;
    }
    sites.below("https://api.electronhub.ai/", |_| {
        Reply::json(&json!({ "sizes": ["1x1"] }))
    });
    ask(s, "/api/sd/electronhub/sizes", "good", &json!({ "model": "m" })).await;
    sites.below("https://api.electronhub.ai/", |_| {
        Reply::json(&json!({ "sizes": null }))
    });
    ask(s, "/api/sd/electronhub/sizes", "none", &json!({})).await;
    sites.below("https://api.electronhub.ai/", |_| Reply::status("404 Not Found"));
    ask(
        s,
        "/api/sd/electronhub/sizes",
        "refused",
        &json!({ "model": "m" }),
    )
    .await;
}

/// Pictures that an answer says are elsewhere, and shapes of answers.
#[tokio::test]
async fn oracle_images_elsewhere() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_elsewhere", "", &sites).await;
    secrets(&mut s).await;
    sites.below("https://files.example/", |request| {
        let status = if request.url.ends_with("gone.png") {
            "404 Not Found"
        } else {
            "200 OK"
        };
        Reply::bytes("image/png", vec![9, 8, 255]).with_status(status)
    });
    for url in [
        json!("https://files.example/a.png"),
        json!("https://files.example/gone.png"),
        json!("nowhere"),
        json!(null),
    ] {
        let found = json!({ "data": [{ "url": url }] });
        sites.below("https://api.together.xyz/", move |_| Reply::json(&found));
        ask(&mut s, "/api/sd/together/generate", &format!("at {url}"), &body()).await;
        let found = json!({ "images": [{ "url": url }] });
        sites.below("https://api.aimlapi.com/", move |_| Reply::json(&found));
        ask(
            &mut s,
            "/api/sd/aimlapi/generate-image",
            &format!("at {url}"),
            &body(),
        )
        .await;
    }
    for encoded in [
        "data:image/webp;base64,aGk=",
        "data:image/webp;base64,",
        "data:odd;base64,x",
        "plain",
    ] {
        let found = json!({ "data": [{ "b64_json": encoded }] });
        sites.below("https://api.x.ai/", move |_| Reply::json(&found));
        ask(&mut s, "/api/sd/xai/generate", encoded, &body()).await;
    }
    later(&mut s, &sites).await;
    s.finish();
}

/// Pictures of Z.AI and Google.
async fn later(s: &mut Scenario, sites: &Sites) {
    sites.below("https://cdn.z.ai/", |_| Reply::bytes("image/png", vec![7, 255]));
    for url in [
        "https://cdn.z.ai/a/b.JPG?x=.gif",
        "https://cdn.z.ai/plain",
        "https://evilz.ai/x",
        "https://z.ai/x",
        "nowhere",
        "",
    ] {
        let found = json!({ "data": [{ "url": url }] });
        sites.below("https://api.z.ai/", move |_| Reply::json(&found));
        ask(s, "/api/sd/zai/generate", &format!("at {url}"), &body()).await;
    }
    for (label, reply) in answers(Reply::json(&json!({ "data": [] }))) {
        sites.below("https://api.z.ai/", move |_| reply.clone());
        ask(s, "/api/sd/zai/generate", label, &body()).await;
    }
    let vertex = json!({ "api": "vertexai", "vertexai_auth_mode": "express", "prompt": "p", "seed": 5, "enhance": 1, "negative_prompt": "n" });
    let secret = json!({ "key": "api_key_vertexai", "value": "the key", "label": "l" });
    ask(s, "/api/google/generate-image", "vertex without key", &vertex).await;
    s.post("/api/secrets/write", secret).await;
    sites.below("https://us-central1-aiplatform.googleapis.com/", |_| {
        Reply::json(&json!({ "predictions": [{}] }))
    });
    ask(s, "/api/google/generate-image", "vertex", &vertex).await;
    ask(
        s,
        "/api/google/generate-image",
        "an old model",
        &json!({ "model": "imagegeneration@006", "aspect_ratio": 5 }),
    )
    .await;
    ask(
        s,
        "/api/google/generate-image",
        "no model",
        &json!({ "model": 5 }),
    )
    .await;
}

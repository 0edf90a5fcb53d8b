//! Pictures and films that take a while. The original sleeps before it asks, so that there is one of each kind.

use std::io::{Cursor, Write};

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::dsl::post;
use super::refusals::{answers, refusals};
use super::scenario::Scenario;
use crate::harness::{Reply, Request, Sites};

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(route, body).note(label)).await;
    s.reached(&format!("{route} {label}")).await;
}

/// A service whose answers go by what stands in the address.
fn service(answers: Vec<(&'static str, Value)>) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| {
        let found = answers.iter().find(|(part, _)| request.url.contains(part));
        match found {
            Some((_, Value::String(text))) => Reply::bytes("image/png", text.as_bytes()),
            Some((_, answer)) => Reply::json(answer),
            None => Reply::status("404 Not Found"),
        }
    }
}

async fn secrets(s: &mut Scenario, keys: &[&str]) {
    for key in keys {
        let secret = json!({ "key": key, "value": "the key", "label": "l" });
        s.post("/api/secrets/write", secret).await;
    }
}

#[tokio::test]
async fn oracle_images_tasks() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_tasks", "", &sites).await;
    let body = json!({ "prompt": "p", "model": "flux-pro-1.1", "steps": 5, "guidance": 3, "width": 1920, "height": 1080, "seed": 5 });
    for route in ["/api/sd/bfl/generate", "/api/sd/falai/generate"] {
        ask(&mut s, route, "without key", &body).await;
    }
    secrets(&mut s, &["api_key_bfl", "api_key_falai"]).await;
    for (label, reply) in refusals() {
        let answer = reply.clone();
        sites.below("https://api.bfl.ai/", move |_| answer.clone());
        sites.below("https://queue.fal.run/", move |_| reply.clone());
        for route in ["/api/sd/bfl/generate", "/api/sd/falai/generate"] {
            ask(&mut s, route, label, &body).await;
        }
    }
    finished(&mut s, &sites, &body).await;
    s.finish();
}

/// Sides of a picture that few would ask for.
const SIDES: [&str; 9] = [
    "0", "-512", "512", "10.5", "1e21", "\"768\"", "\"0\"", "null", "[5]",
];

/// Of pictures that nobody paints.
async fn odd_sides(s: &mut Scenario, body: &Value) {
    for (width, height) in SIDES.iter().flat_map(|width| SIDES.map(|height| (width, height))) {
        let mut body = body.clone();
        body["model"] = "none-ultra".into();
        for (name, side) in [("width", *width), ("height", height)] {
            body[name] = serde_json::from_str(side).expect("our own text");
        }
        let label = format!("{width} by {height}");
        ask(s, "/api/sd/bfl/generate", &label, &body).await;
    }
}

/// Tasks that come to an end.
async fn finished(s: &mut Scenario, sites: &Sites, body: &Value) {
    let sample = json!({ "status": "Ready", "result": { "sample": "https://files.example/a.png" } });
    sites.below("https://files.example/", |_| {
        Reply::bytes("image/png", vec![9, 255])
    });
    sites.below(
        "https://api.bfl.ai/",
        service(vec![
            ("get_result", sample),
            ("ultra", json!({ "id": "t 1" })),
            (
                "flux",
                json!({ "id": "t", "polling_url": "https://api.bfl.ai/get_result/7" }),
            ),
        ]),
    );
    for model in ["flux-pro-1.1-ultra", "flux-pro-1.1"] {
        let mut body = body.clone();
        body["model"] = model.into();
        ask(s, "/api/sd/bfl/generate", model, &body).await;
    }
    sites.below(
        "https://api.bfl.ai/",
        service(vec![
            ("get_result", json!({ "status": "Error" })),
            ("flux", json!({ "id": "t" })),
        ]),
    );
    ask(s, "/api/sd/bfl/generate", "failed", body).await;
    odd_sides(s, body).await;
    let task = json!({ "status_url": "https://queue.fal.run/status/1" });
    for (label, state, result) in [
        (
            "done",
            json!({ "status": "COMPLETED", "response_url": "https://queue.fal.run/result/1" }),
            json!({ "images": [{ "url": "https://v3.fal.media/a.png" }] }),
        ),
        (
            "refused",
            json!({ "status": "COMPLETED", "response_url": "https://queue.fal.run/result/1" }),
            json!({ "detail": [{ "loc": ["body", "prompt"], "msg": "too bad" }] }),
        ),
        ("failed", json!({ "status": "FAILED", "why": 5 }), Value::Null),
    ] {
        sites.below("https://v3.fal.media/", |_| {
            Reply::bytes("image/png", vec![3, 255])
        });
        sites.below(
            "https://queue.fal.run/",
            service(vec![
                ("status/1", state),
                ("result/1", result),
                ("fal-ai/", task.clone()),
            ]),
        );
        ask(s, "/api/sd/falai/generate", label, body).await;
    }
}

#[tokio::test]
async fn oracle_images_models() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_models", "", &sites).await;
    let item =
        |title: &str, id: &str| json!({ "title": title, "modelUrl": format!("https://fal.run/fal-ai/{id}") });
    let pages = [
        json!({ "items": [item("Zoom", "z"), item("Flux LoRA", "l"), item("Ärger", "a/b")], "page": 1, "pages": 3 }),
        json!({ "items": [item("aha", "aha"), { "title": "Other", "modelUrl": "x" }], "page": 2, "pages": 3 }),
    ];
    sites.below("https://fal.ai/", move |request| {
        Reply::json(&pages[usize::from(request.url.contains("page=2"))])
    });
    ask(&mut s, "/api/sd/falai/models", "pages", &json!({})).await;
    for (label, reply) in answers(Reply::json(&json!({ "items": [] }))) {
        sites.below("https://fal.ai/", move |_| reply.clone());
        ask(&mut s, "/api/sd/falai/models", label, &json!({})).await;
    }
    for odd in [json!({ "items": [{}] }), json!({ "items": [{ "title": "x" }] })] {
        let label = odd.to_string();
        sites.below("https://fal.ai/", move |_| Reply::json(&odd));
        ask(&mut s, "/api/sd/falai/models", &label, &json!({})).await;
    }
    s.finish();
}

/// Routes, and where they ask.
const FILMS: [(&str, &str); 3] = [
    ("/api/openai/generate-video", "https://api.openai.com/"),
    (
        "/api/google/generate-video",
        "https://generativelanguage.googleapis.com/",
    ),
    ("/api/sd/zai/generate-video", "https://api.z.ai/"),
];

#[tokio::test]
async fn oracle_images_films() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_films", "", &sites).await;
    let body = json!({ "prompt": "p", "model": "veo-3", "seconds": 20, "seed": 5, "size": "1x1", "quality": "q", "aspect_ratio": "1:1" });
    for (route, _) in FILMS {
        if !route.contains("google") {
            ask(&mut s, route, "without key", &body).await;
        }
    }
    secrets(&mut s, &["api_key_openai", "api_key_makersuite", "api_key_zai"]).await;
    for (route, start) in FILMS {
        for (label, reply) in refusals() {
            sites.below(start, move |_| reply.clone());
            ask(&mut s, route, label, &body).await;
        }
    }
    shot(&mut s, &sites, &body).await;
    s.finish();
}

/// Films that are made, or not.
async fn shot(s: &mut Scenario, sites: &Sites, body: &Value) {
    sites.below(
        "https://api.openai.com/",
        service(vec![
            ("/content", "film".into()),
            ("videos/v1", json!({ "status": "completed" })),
            ("videos", json!({ "id": "v1" })),
        ]),
    );
    let done = json!({ "done": true, "response": { "generateVideoResponse": { "generatedSamples": [{ "video": { "uri": "https://generativelanguage.googleapis.com/files/film" } }] } } });
    sites.below(
        "https://generativelanguage.googleapis.com/",
        service(vec![
            ("files/film", "film".into()),
            ("operations/o1", done),
            ("predictLongRunning", json!({ "name": "operations/o1" })),
        ]),
    );
    let done = json!({ "task_status": "SUCCESS", "video_result": [{ "url": "https://files.example/film" }] });
    sites.below(
        "https://api.z.ai/",
        service(vec![("async-result/t1", done), ("videos", json!({ "id": "t1" }))]),
    );
    sites.below("https://files.example/", |_| Reply::bytes("video/mp4", "film"));
    for (route, _) in FILMS {
        ask(s, route, "done", body).await;
    }
    sites.below(
        "https://api.openai.com/",
        service(vec![
            ("videos/v1", json!({ "status": "failed" })),
            ("videos", json!({ "id": "v1" })),
        ]),
    );
    sites.below(
        "https://api.z.ai/",
        service(vec![
            ("async-result/t1", json!({ "task_status": "FAIL" })),
            ("videos", json!({ "id": "t1" })),
        ]),
    );
    sites.below(
        "https://generativelanguage.googleapis.com/",
        service(vec![
            ("operations/o1", json!({ "done": true })),
            ("predictLongRunning", json!({ "name": "operations/o1" })),
        ]),
    );
    for (route, _) in FILMS {
        ask(s, route, "failed", body).await;
    }
}

/// An archive with a picture in it, as NovelAI sends it.
fn archive(name: &str) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file(name, SimpleFileOptions::default())
        .expect("a file");
    writer.write_all(b"a picture").expect("memory");
    writer.finish().expect("an archive").into_inner()
}

#[tokio::test]
async fn oracle_images_novelai() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_novelai", "", &sites).await;
    let route = "/api/novelai/generate-image";
    let body = json!({
        "prompt": "p", "negative_prompt": "n", "model": "nai-diffusion-4-5-full", "width": 640, "height": 960, "seed": 5, "steps": 9,
        "scale": 5.5, "sampler": "k_euler", "scheduler": "native", "variety_boost": true, "decrisper": true, "sm": true,
    });
    ask(&mut s, route, "without key", &body).await;
    secrets(&mut s, &["api_key_novel"]).await;
    for (label, reply) in answers(Reply::bytes("application/zip", archive("image_0.png"))) {
        sites.below("https://image.novelai.net/", move |_| reply.clone());
        ask(&mut s, route, label, &body).await;
    }
    for (label, name) in [("another file", "image.jpg"), ("rubbish", "__MACOSX/image.png")] {
        sites.below("https://image.novelai.net/", move |_| {
            Reply::bytes("application/zip", archive(name))
        });
        ask(&mut s, route, label, &body).await;
    }
    sites.below("https://image.novelai.net/", |_| {
        Reply::bytes("application/zip", archive("image_0.png"))
    });
    ask(&mut s, route, "nothing but a seed", &json!({ "seed": "12" })).await;
    for (label, reply) in answers(Reply::bytes("application/zip", archive("large.png"))) {
        sites.below("https://api.novelai.net/", move |_| reply.clone());
        let mut body = body.clone();
        body["upscale_ratio"] = 2.into();
        ask(&mut s, route, &format!("enlarged {label}"), &body).await;
    }
    for ratio in [json!("x"), json!(1), json!(null)] {
        let mut body = body.clone();
        body["upscale_ratio"] = ratio.clone();
        ask(&mut s, route, &format!("ratio {ratio}"), &body).await;
    }
    s.finish();
}

#[tokio::test]
async fn oracle_images_horde() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_horde", "", &sites).await;
    let route = "/api/horde/generate-image";
    let body = json!({
        "prompt": "a Girl, 18 year old, with small kids in school", "negative_prompt": "n", "sanitize": true, "sampler": "k_euler",
        "enable_hr": false, "restore_faces": true, "scale": 7, "steps": 20, "width": 512, "height": 512, "karras": 1,
        "clip_skip": 2, "seed": 5, "nfsw": true, "model": "m",
    });
    ask(&mut s, route, "nothing", &json!({})).await;
    for (label, reply) in refusals() {
        sites.below("https://aihorde.net/", move |_| reply.clone());
        ask(&mut s, route, label, &body).await;
    }
    sites.below("https://aihorde.net/", |_| {
        Reply::json(&json!({ "message": "no" }))
    });
    ask(&mut s, route, "no task", &body).await;
    for prompt in [json!(5), json!(["a girl"]), json!({}), json!(vec!["girls"; 1000])] {
        for sanitize in [true, false] {
            let mut body = body.clone();
            (body["prompt"], body["sanitize"]) = (prompt.clone(), sanitize.into());
            let label = format!("no text but {:.20}, sanitized: {sanitize}", prompt.to_string());
            ask(&mut s, route, &label, &body).await;
        }
    }
    let task = ("async", json!({ "id": "t1" }));
    for (label, check, status) in [
        (
            "done",
            json!({ "done": true }),
            json!({ "generations": [{ "img": "aGk=" }] }),
        ),
        ("faulted", json!({ "faulted": true }), Value::Null),
        ("without pictures", json!({ "done": true }), json!({})),
    ] {
        sites.below(
            "https://aihorde.net/",
            service(vec![("check/t1", check), ("status/t1", status), task.clone()]),
        );
        // The original withdraws every task once its connection closes, at whatever moment that is.
        s.send(post(route, &body).note(label)).await;
    }
    s.finish();
}

//! `/api/sd`: painters at an address of the user's, but for `ComfyUI`.

use serde_json::{Value, json};

use super::dsl::post;
use super::refusals::answers;
use super::scenario::Scenario;
use crate::harness::{Reply, Request, Sites};

const SERVER: &str = "http://paint.example:7860/";

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("/api/sd/{route}"), body).note(label)).await;
    s.reached(&format!("{route} {label}")).await;
}

/// Routes of one question, and a good answer.
fn questions() -> Vec<(&'static str, Value)> {
    let names = json!([{ "name": "None" }, { "name": "Zoë" }, {}, 5]);
    let options = json!({ "sd_model_checkpoint": "m.safetensors <b>", "model": "dt", "upscaler": null });
    vec![
        ("ping", json!({})),
        ("samplers", names.clone()),
        ("schedulers", names.clone()),
        ("models", json!([{ "title": "a [1]" }, {}, { "title": null }])),
        ("get-model", options.clone()),
        ("sd-next/upscalers", names),
        ("sdcpp/ping", json!({})),
        ("sdcpp/models", json!({ "data": [{ "id": "x" }] })),
        ("drawthings/ping", json!({})),
        ("drawthings/get-model", options.clone()),
        ("drawthings/get-upscaler", options),
        ("drawthings/generate", json!({ "images": ["aGk="] })),
        ("sdcpp/generate", json!({ "images": ["aGk="] })),
    ]
}

/// What a picture is asked for with.
fn picture() -> Value {
    json!({
        "url": SERVER, "auth": "ünï:pass", "prompt": "a fox 🦊", "negative_prompt": "", "width": 512, "height": null,
        "steps": 20, "cfg_scale": 7.5, "seed": -1, "model": "m", "sampler_name": "Euler", "scheduler": "k", "clip_skip": 2,
        "batch_size": 1, "override_settings": { "forge_additional_modules": ["a"], "CLIP_stop_at_last_layers": 1 }, "10": 1,
    })
}

#[tokio::test]
async fn oracle_images_local() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_local", "", &sites).await;
    for (route, good) in questions() {
        for (label, reply) in answers(Reply::json(&good)) {
            sites.below(SERVER, move |_| reply.clone());
            ask(&mut s, route, label, &picture()).await;
        }
    }
    sites.below(SERVER, |_| Reply::json(&json!([{ "name": "n" }])));
    for (route, _) in questions() {
        for url in [
            json!("http://paint.example:7860/deep/er//?k=1#f"),
            json!("http://paint.example:7860"),
            json!("paint.example:7860"),
            json!(""),
            json!(5),
            json!(null),
        ] {
            ask(&mut s, route, &format!("at {url}"), &json!({ "url": url })).await;
        }
        ask(&mut s, route, "nothing", &json!({})).await;
    }
    for skip in [json!(1), json!("3"), json!(null), json!("x")] {
        let body = json!({ "url": SERVER, "clip_skip": skip, "prompt": "" });
        ask(&mut s, "sdcpp/generate", &format!("clip skip {skip}"), &body).await;
    }
    s.finish();
}

/// A server that answers by the path that it is asked for.
fn web(answers: Value) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| {
        let path = request.url.split("/sdapi/v1/").nth(1).unwrap_or_default();
        match answers.get(path) {
            Some(Value::Null) => Reply::status("500 Internal Server Error"),
            Some(answer) => Reply::json(answer),
            None => Reply::status("404 Not Found"),
        }
    }
}

/// Lists of two questions, which arrive in any order, the second maybe after the answer.
#[tokio::test]
async fn oracle_images_webui() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_webui", "", &sites).await;
    let upscalers = json!([{ "name": "None" }, { "name": "R-ESRGAN" }]);
    for (label, known) in [
        (
            "both",
            json!({ "upscalers": upscalers, "latent-upscale-modes": [{ "name": "Latent" }] }),
        ),
        (
            "none",
            json!({ "upscalers": [], "latent-upscale-modes": [{ "name": "Latent" }, {}] }),
        ),
        (
            "one refused",
            json!({ "upscalers": upscalers, "latent-upscale-modes": null }),
        ),
        ("other refused", json!({ "latent-upscale-modes": [] })),
        ("no list", json!({ "upscalers": {}, "latent-upscale-modes": [] })),
        (
            "null in it",
            json!({ "upscalers": [null], "latent-upscale-modes": [] }),
        ),
    ] {
        sites.below(SERVER, web(known));
        let body = json!({ "url": SERVER });
        s.send(post("/api/sd/upscalers", &body).note(label)).await;
    }
    for (label, known) in [
        (
            "auto",
            json!({ "sd-vae": [{ "model_name": "a" }, {}], "sd-modules": [{ "model_name": "b" }] }),
        ),
        ("forge", json!({ "sd-modules": [{ "model_name": "b" }] })),
        (
            "auto no list",
            json!({ "sd-vae": {}, "sd-modules": [{ "model_name": "b" }] }),
        ),
        ("neither", json!({})),
        ("null in it", json!({ "sd-vae": [null] })),
    ] {
        sites.below(SERVER, web(known));
        s.send(post("/api/sd/vaes", &json!({ "url": SERVER })).note(label))
            .await;
    }
    s.finish();
}

#[tokio::test]
async fn oracle_images_webui_generate() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("images_webui_generate", "", &sites).await;
    loading(&mut s, &sites).await;
    painting(&mut s, &sites).await;
    s.finish();
}

async fn loading(s: &mut Scenario, sites: &Sites) {
    let done = json!({ "progress": 0.0, "state": { "job_count": 0 } });
    for (label, known) in [
        ("loaded", json!({ "options": {}, "progress": done })),
        ("refused", json!({ "options": null, "progress": done })),
        ("no progress", json!({ "options": {} })),
        (
            "no state",
            json!({ "options": {}, "progress": { "progress": 0 } }),
        ),
        (
            "null state",
            json!({ "options": {}, "progress": { "progress": 0, "state": null } }),
        ),
    ] {
        sites.below(SERVER, web(known));
        for body in [
            json!({ "url": SERVER, "model": "m.safetensors" }),
            json!({ "url": SERVER }),
        ] {
            ask(s, "set-model", &format!("{label} {body}"), &body).await;
        }
    }
    ask(s, "set-model", "nowhere", &json!({ "model": "m" })).await;
}

async fn painting(s: &mut Scenario, sites: &Sites) {
    let painted = json!({ "images": ["aGk="], "info": "{}" });
    for (label, known) in [
        ("auto", json!({ "options": { "a": 1 }, "txt2img": painted })),
        (
            "forge",
            json!({ "options": { "forge_preset": null }, "txt2img": painted }),
        ),
        ("list", json!({ "options": [], "txt2img": painted })),
        ("text", json!({ "options": "x", "txt2img": painted })),
        ("options refused", json!({ "options": null, "txt2img": painted })),
        ("refused", json!({ "options": {} })),
    ] {
        sites.below(SERVER, web(known));
        ask(s, "generate", label, &picture()).await;
        ask(
            s,
            "generate",
            &format!("{label}, no overrides"),
            &json!({ "url": SERVER }),
        )
        .await;
    }
    for (label, reply) in answers(Reply::json(&painted)) {
        sites.below(SERVER, move |request| {
            if request.url.ends_with("/options") {
                Reply::json(&json!({}))
            } else {
                reply.clone()
            }
        });
        ask(s, "generate", label, &picture()).await;
    }
    ask(s, "generate", "nowhere", &json!({ "prompt": "x" })).await;
}

//! `/api/openai/**/transcribe-audio`.

use serde_json::json;

use super::dsl::{file, upload};
use super::refusals::answers;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

const SERVICES: [(&str, &str, &str); 5] = [
    ("transcribe-audio", "https://api.openai.com/", "api_key_openai"),
    ("groq/transcribe-audio", "https://api.groq.com/", "api_key_groq"),
    (
        "mistral/transcribe-audio",
        "https://api.mistral.ai/",
        "api_key_mistralai",
    ),
    ("zai/transcribe-audio", "https://api.z.ai/", "api_key_zai"),
    (
        "chutes/transcribe-audio",
        "https://whisper-1.chutes.ai/",
        "api_key_chutes",
    ),
];

async fn ask(s: &mut Scenario, route: &str, label: &str, fields: &[(&str, &str)]) {
    let recording = file("r.webm", b"\x1aE\xdf\xa3\r\n--\x00");
    let path = format!("/api/openai/{route}");
    s.send(upload(&path, Some(recording), fields).note(label)).await;
    s.reached(&format!("{route} {label}")).await;
}

#[tokio::test]
async fn oracle_transcripts() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("transcripts", "", &sites).await;
    let model = [("model", "whisper-1")];
    for (route, _, key) in SERVICES {
        ask(&mut s, route, "without key", &model).await;
        let secret = json!({ "key": key, "value": "the key", "label": "l" });
        s.post("/api/secrets/write", secret).await;
    }
    for (route, start, _) in SERVICES {
        let good = if route.starts_with("chutes") {
            json!([{ "text": " Grüße" }, { "start": 1 }, { "text": "!  " }])
        } else {
            json!({ "text": "Grüße", "n": 1.0 })
        };
        for (label, reply) in answers(Reply::json(&good)) {
            sites.below(start, move |_| reply.clone());
            ask(&mut s, route, label, &model).await;
        }
        ask(
            &mut s,
            route,
            "with a language",
            &[("language", "de"), ("model", "whisper-1")],
        )
        .await;
        ask(
            &mut s,
            route,
            "with an empty language",
            &[("language", ""), ("model", "whisper-1")],
        )
        .await;
        ask(&mut s, route, "without model", &[]).await;
        s.send(upload(&format!("/api/openai/{route}"), None, &model).note("without file"))
            .await;
        s.reached(&format!("{route} without file")).await;
    }
    sites.below("https://whisper-1.chutes.ai/", |_| Reply::json(&json!([null])));
    ask(&mut s, "chutes/transcribe-audio", "nothing", &model).await;
    ask(
        &mut s,
        "chutes/transcribe-audio",
        "another host",
        &[("model", "evil.example/")],
    )
    .await;
    s.finish();
}

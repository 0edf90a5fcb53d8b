//! `/api/speech`: `ElevenLabs` and Pollinations.

use serde_json::{Value, json};

use super::dsl::{file, post, upload};
use super::refusals::answers;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

const SOUND: &[u8] = b"ID3\x04\x00\xff\xfb\x90 sound";

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("/api/speech/{route}"), body).note(label))
        .await;
    s.reached(&format!("{route} {label}")).await;
}

/// Routes, bodies that they take, where they ask, and a good answer.
fn routes() -> Vec<(&'static str, Value, &'static str, Reply)> {
    let eleven = "https://api.elevenlabs.io/";
    let list = Reply::json(&json!({ "voices": [{ "voice_id": "v", "name": "Zoë", "n": 1.0 }] }));
    let sound = Reply::bytes("audio/x-made-up", SOUND);
    let models = json!([{ "name": "other" }, { "name": "openai-audio", "aliases": ["gpt-audio"], "voices": ["a", "ü"] }]);
    let chat = json!({ "choices": [{ "message": { "audio": { "data": "SUQzBAD/+5Ag" } } }] });
    vec![
        ("elevenlabs/voices", json!({}), eleven, list.clone()),
        ("elevenlabs/voice-settings", json!({}), eleven, list.clone()),
        ("elevenlabs/history", json!({}), eleven, list.clone()),
        (
            "elevenlabs/synthesize",
            json!({ "voiceId": "v-1", "request": { "model_id": "m", "text": "Grüße", "n": 1.0 } }),
            eleven,
            sound.clone(),
        ),
        (
            "elevenlabs/history-audio",
            json!({ "historyItemId": "h-1" }),
            eleven,
            sound,
        ),
        (
            "elevenlabs/voices/add",
            json!({ "name": "Zoë", "description": "d", "labels": "l", "files": ["data:audio/mpeg;base64,SUQzBAD/", "data:audio/wav;base64,AA=="] }),
            eleven,
            Reply::json(&json!({ "voice_id": "v" })),
        ),
        (
            "pollinations/voices",
            json!({}),
            "https://gen.pollinations.ai/",
            Reply::json(&models),
        ),
        (
            "pollinations/generate",
            json!({ "text": "Grüße" }),
            "https://gen.pollinations.ai/",
            Reply::json(&chat),
        ),
    ]
}

#[tokio::test]
async fn oracle_speech() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("speech", "", &sites).await;
    for (route, body, ..) in routes() {
        ask(&mut s, route, "without key", &body).await;
    }
    recognize(&mut s, "without key").await;
    for key in ["api_key_elevenlabs", "api_key_pollinations"] {
        let secret = json!({ "key": key, "value": "the key", "label": "l" });
        s.post("/api/secrets/write", secret).await;
    }
    for (route, body, start, good) in routes() {
        for (label, reply) in answers(good) {
            // The original does not outlive a stream that breaks off.
            if label == "cut" && (route.ends_with("synthesize") || route.ends_with("history-audio")) {
                continue;
            }
            sites.below(start, move |_| reply.clone());
            ask(&mut s, route, label, &body).await;
        }
        ask(&mut s, route, "nothing", &json!({})).await;
    }
    let understood = json!({ "text": "Grüße", "words": [] });
    for (label, reply) in answers(Reply::json(&understood)) {
        sites.below("https://api.elevenlabs.io/", move |_| reply.clone());
        recognize(&mut s, label).await;
    }
    awkward(&mut s, &sites).await;
    s.finish();
}

async fn recognize(s: &mut Scenario, label: &str) {
    let route = "/api/speech/elevenlabs/recognize";
    for fields in [&[("model", "scribe_v1")][..], &[]] {
        s.send(
            upload(route, Some(file("r.wav", b"RIFF\x00\xff\r\n--")), fields)
                .note(&format!("{label} {fields:?}")),
        )
        .await;
        s.reached(&format!("recognize {label} {fields:?}")).await;
    }
    s.send(upload(route, None, &[("model", "m")]).note(label)).await;
    s.reached(&format!("recognize without file {label}")).await;
}

async fn awkward(s: &mut Scenario, sites: &Sites) {
    sites.below("https://api.elevenlabs.io/", |_| {
        Reply::bytes("text/plain", SOUND).with_status("206 Partly")
    });
    for id in [
        json!("a b ü"),
        json!("../voices"),
        json!("a/b?c#d"),
        json!(5),
        json!(["x"]),
        json!(""),
    ] {
        let label = format!("id {id}");
        ask(
            s,
            "elevenlabs/history-audio",
            &label,
            &json!({ "historyItemId": id }),
        )
        .await;
        ask(
            s,
            "elevenlabs/synthesize",
            &label,
            &json!({ "voiceId": id, "request": "text" }),
        )
        .await;
    }
    sites.below("https://api.elevenlabs.io/", |_| {
        Reply::json(&json!({ "voice_id": "v" }))
    });
    for files in [
        json!("a text"),
        json!(5),
        json!({ "a": 1 }),
        json!([
            null,
            5,
            "no data",
            "data:audio/nonsense;base64,AA==",
            "data:;base64,AA==",
            "data:audio/ogg;codecs=opus;base64,-_8="
        ]),
    ] {
        ask(
            s,
            "elevenlabs/voices/add",
            &format!("files {files}"),
            &json!({ "files": files }),
        )
        .await;
    }
    awkward_models(s, sites).await;
}

async fn awkward_models(s: &mut Scenario, sites: &Sites) {
    let models =
        json!([{ "name": "a", "aliases": "bcd", "voices": [] }, { "name": "e", "voices": "v" }, null]);
    sites.below("https://gen.pollinations.ai/", move |_| Reply::json(&models));
    for model in [json!("a"), json!("c"), json!("e"), json!("f"), json!(5)] {
        ask(
            s,
            "pollinations/voices",
            &format!("model {model}"),
            &json!({ "model": model }),
        )
        .await;
    }
    let audio = json!({ "choices": [{ "message": { "audio": { "data": "" } } }] });
    sites.below("https://gen.pollinations.ai/", move |_| Reply::json(&audio));
    let body = json!({ "text": ["x"], "model": "m", "voice": "v" });
    ask(s, "pollinations/generate", "without audio", &body).await;
}

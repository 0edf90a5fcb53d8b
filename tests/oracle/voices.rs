//! `/api/azure`, `/api/minimax`, `/api/volcengine`, and the voices of `/api/novelai` and `/api/openai`.

use serde_json::{Value, json};

use super::dsl::post;
use super::refusals::answers;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

const SOUND: &[u8] = b"ID3\x04\x00\xff\xfb\x90 sound";

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("/api/{route}"), body).note(label)).await;
    s.reached(&format!("{route} {label}")).await;
}

async fn secrets(s: &mut Scenario, keys: &[&str]) {
    for key in keys {
        let secret = json!({ "key": key, "value": format!("key {key}"), "label": "l" });
        s.post("/api/secrets/write", secret).await;
    }
}

/// Every way to answer, then every way to ask.
async fn exercise(s: &mut Scenario, sites: &Sites, route: &str, start: &str, good: &Reply, bodies: &[Value]) {
    for (label, reply) in answers(good.clone()) {
        sites.below(start, move |_| reply.clone());
        ask(s, route, label, &bodies[0]).await;
    }
    for body in &bodies[1..] {
        ask(s, route, &body.to_string(), body).await;
    }
    ask(s, route, "nothing", &json!({})).await;
}

#[tokio::test]
async fn oracle_voices() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("voices", "", &sites).await;
    let azure = json!({ "region": "westus", "text": "a <b> & 'c' ü", "voice": "de-DE-Katja'Neural" });
    let novel = json!({ "text": "a & b ü?", "voice": "Aini/x" });
    for (route, body) in [
        ("azure/list", &azure),
        ("azure/generate", &azure),
        ("novelai/generate-voice", &novel),
    ] {
        ask(&mut s, route, "without key", body).await;
    }
    secrets(&mut s, &["api_key_azure_tts", "api_key_novel"]).await;
    let list = Reply::json(&json!([{ "ShortName": "v", "n": 1.0 }]));
    let sound = Reply::bytes("audio/webm", SOUND);
    let start = "https://westus.tts.speech.microsoft.com/";
    let evil = json!({ "region": "evil.example/", "text": "t", "voice": "v" });
    exercise(
        &mut s,
        &sites,
        "azure/list",
        start,
        &list,
        &[azure.clone(), evil.clone()],
    )
    .await;
    let bodies = [
        azure,
        evil,
        json!({ "region": "westus", "text": "t" }),
        json!({ "region": "westus", "voice": "v" }),
        json!({ "text": "t", "voice": "v" }),
        json!({ "region": "westus", "text": 5, "voice": ["a-b-c"] }),
    ];
    exercise(&mut s, &sites, "azure/generate", start, &sound, &bodies).await;
    let bodies = [
        novel,
        json!({ "text": 5, "voice": ["a"] }),
        json!({ "text": "t" }),
        json!({ "voice": "v" }),
    ];
    let start = "https://api.novelai.net/";
    exercise(&mut s, &sites, "novelai/generate-voice", start, &sound, &bodies).await;
    s.finish();
}

/// Routes, where they ask, and bodies.
fn openai() -> Vec<(&'static str, &'static str, Vec<Value>)> {
    let own = json!({ "input": "Grüße", "provider_endpoint": "http://own.example:8/v1/audio" });
    vec![
        (
            "openai/generate-voice",
            "https://api.openai.com/",
            vec![
                json!({ "text": "Grüße", "voice": "nova", "speed": 1.5, "model": "m", "instructions": "slow", "x": 1 }),
                json!({ "text": null, "voice": null, "speed": 0, "model": "", "instructions": "" }),
            ],
        ),
        (
            "openai/custom/generate-voice",
            "http://own.example:8/",
            vec![
                own.clone(),
                json!({ "provider_endpoint": "http://own.example:8/", "input": null, "response_format": "wav", "voice": "v", "speed": "2", "model": 5 }),
                json!({ "provider_endpoint": "no address" }),
                json!({ "provider_endpoint": "ftp://own.example/" }),
                json!({ "provider_endpoint": 5 }),
            ],
        ),
        (
            "openai/electronhub/generate-voice",
            "https://api.electronhub.ai/",
            vec![
                json!({ "input": "Grüße", "voice": "v" }),
                json!({ "speed": null, "temperature": 0, "model": "", "own": { "a": null }, "instructions": "", "cfg_scale": "1", "pitch_adjustment": 2 }),
                json!({ "emotional_style": "e", "speech_rate": 1.5, "cfg_filter_top_k": 3, "cfg_scale": 0, "speaker_transcript": "t", "instructions": "i", "input": "x", "response_format": "wav", "temperature": null }),
            ],
        ),
        (
            "openai/chutes/generate-voice",
            "https://chutes-kokoro.chutes.ai/",
            vec![
                json!({ "input": "Grüße", "voice": "v", "speed": 2 }),
                json!({ "input": 5, "voice": "", "speed": 0 }),
            ],
        ),
    ]
}

#[tokio::test]
async fn oracle_voices_openai() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("voices_openai", "", &sites).await;
    let table = openai();
    for (route, start, bodies) in &table {
        sites.below(start, |_| Reply::bytes("audio/wav", SOUND));
        ask(&mut s, route, "without key", &bodies[0]).await;
    }
    secrets(
        &mut s,
        &[
            "api_key_openai",
            "api_key_custom_openai_tts",
            "api_key_electronhub",
            "api_key_chutes",
        ],
    )
    .await;
    for (route, start, bodies) in &table {
        let good = Reply::bytes("audio/wav", SOUND);
        exercise(&mut s, &sites, route, start, &good, bodies).await;
        for kind in ["", "text/html", "audio/mpeg; rate=5"] {
            sites.below(start, move |_| Reply::bytes(kind, SOUND));
            ask(&mut s, route, &format!("as {kind:?}"), &bodies[0]).await;
        }
    }
    s.finish();
}

#[tokio::test]
async fn oracle_voices_minimax() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("voices_minimax", "", &sites).await;
    let route = "minimax/generate-voice";
    let body = json!({ "text": "Grüße", "voiceId": "v" });
    ask(&mut s, route, "without key", &body).await;
    secrets(&mut s, &["api_key_minimax"]).await;
    let good = Reply::json(&json!({ "base_resp": { "status_code": 0 }, "data": { "audio": "0x49 4433ff" } }));
    let more = json!({
        "text": "t", "voiceId": 5, "apiHost": "http://mini.example:8/x", "model": "m", "speed": "1.5", "volume": null,
        "pitch": "x", "audioSampleRate": "8000", "bitrate": true, "format": "wav", "language": "de",
    });
    let bodies = [
        body.clone(),
        more,
        json!({ "text": "t", "voiceId": "v", "apiHost": "no address" }),
        json!({ "text": "t", "voiceId": "v", "apiHost": null }),
        json!({ "text": "", "voiceId": "v" }),
        json!({ "text": "t" }),
    ];
    sites.below("http://mini.example:8/", |_| {
        Reply::json(&json!({ "data": { "audio": "abc" } }))
    });
    exercise(&mut s, &sites, route, "https://api.minimax.io/", &good, &bodies).await;
    for format in ["mp3", "wav", "pcm", "flac", "aac", "ogg", ""] {
        let body = json!({ "text": "t", "voiceId": "v", "format": format });
        ask(&mut s, route, &format!("format {format}"), &body).await;
    }
    audio(&mut s, &sites, &body).await;
    refusals(&mut s, &sites, &body).await;
    s.finish();
}

/// Where and how `MiniMax` has the audio.
async fn audio(s: &mut Scenario, sites: &Sites, body: &Value) {
    let route = "minimax/generate-voice";
    sites
        .on("GET", "https://files.example/a", Reply::bytes("audio/x", SOUND))
        .on(
            "GET",
            "https://files.example/moved",
            Reply::redirect("https://files.example/a"),
        )
        .on("GET", "https://files.example/lost", Reply::hang_up())
        .on(
            "GET",
            "https://files.example/cut",
            Reply::bytes("audio/x", SOUND).cut(),
        );
    for data in [
        json!({ "audio": "" }),
        json!({ "audio": "0x" }),
        json!({ "audio": "xyz" }),
        json!({ "audio": 5 }),
        json!({ "audio": ["ff"] }),
        json!({ "url": "https://files.example/a" }),
        json!({ "url": "https://files.example/moved" }),
        json!({ "url": "https://files.example/gone" }),
        json!({ "url": "https://files.example/lost" }),
        json!({ "url": "https://files.example/cut" }),
        json!({ "url": "no address" }),
        json!({ "url": 5 }),
        json!("text"),
        json!(null),
    ] {
        let answer = json!({ "data": data, "base_resp": { "status_code": 0, "status_msg": "fine" } });
        sites.below("https://api.minimax.io/", move |_| Reply::json(&answer));
        ask(s, route, &format!("data {data}"), body).await;
    }
}

/// What `MiniMax` says when it does not do as it is told, with and without a status of failure.
async fn refusals(s: &mut Scenario, sites: &Sites, body: &Value) {
    for answer in [
        json!({ "base_resp": { "status_code": 1004, "status_msg": "login fail" } }),
        json!({ "base_resp": { "status_code": 5, "status_msg": "busy" } }),
        json!({ "base_resp": { "status_code": "0" } }),
        json!({ "base_resp": {} }),
        json!({ "base_resp": { "status_code": 0 }, "error": { "message": "inner" } }),
        json!({ "message": "outer", "detail": "more" }),
        json!({ "detail": [{ "loc": "x" }] }),
        json!({ "error": "text" }),
        json!([1]),
    ] {
        for status in ["200 OK", "422 Unprocessable Entity"] {
            let reply = Reply::json(&answer).with_status(status);
            sites.below("https://api.minimax.io/", move |_| reply.clone());
            ask(s, "minimax/generate-voice", &format!("{status} {answer}"), body).await;
        }
    }
}

#[tokio::test]
async fn oracle_voices_volcengine() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("voices_volcengine", "", &sites).await;
    let route = "volcengine/generate-voice";
    let start = "https://openspeech.bytedance.com/";
    let body = json!({ "resource_id": "r", "text": "Grüße", "voice_speaker": "v", "speed": "-50" });
    ask(&mut s, route, "without key", &body).await;
    secrets(&mut s, &["volcengine_app_id"]).await;
    ask(&mut s, route, "without the other key", &body).await;
    secrets(&mut s, &["volcengine_access_key"]).await;
    let lines = "{\"code\":0,\"data\":\"SUQz\"}\n\n{\"code\":20000000,\"message\":\"OK\",\"data\":null}\n";
    let own = |extra: Value| {
        let mut body = body.clone();
        for (key, value) in extra.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        body
    };
    let bodies = [
        body.clone(),
        own(json!({ "text": "" })),
        own(json!({ "voice_speaker": null })),
        own(json!({ "resource_id": 0 })),
        own(json!({ "resource_id": 5, "text": 5, "voice_speaker": ["v"], "speed": 7.9 })),
        own(json!({ "speed": "x" })),
        own(json!({ "provider_endpoint": "http://own.example:8/tts" })),
        own(json!({ "provider_endpoint": "no address" })),
        own(json!({ "provider_endpoint": "ftp://own.example/" })),
    ];
    sites.below("http://own.example:8/", move |_| Reply::bytes("", lines));
    exercise(
        &mut s,
        &sites,
        route,
        start,
        &Reply::bytes("application/json", lines),
        &bodies,
    )
    .await;
    lines_of(&mut s, &sites, &body).await;
    s.finish();
}

/// Lines that Volcengine may send.
async fn lines_of(s: &mut Scenario, sites: &Sites, body: &Value) {
    let route = "volcengine/generate-voice";
    let start = "https://openspeech.bytedance.com/";
    for (label, text) in [
        ("a code", "{\"code\":45000000,\"message\":\"no quota\"}\n"),
        ("a code without a line break", "{\"code\":1}"),
        (
            "a line that is none",
            "{\"code\":0,\"data\":\"SUQz\"}\nnonsense\n{\"code\":0,\"data\":\"BAD/\"}",
        ),
        (
            "an end that is none",
            "{\"code\":0,\"data\":\"SUQz\"}\n{\"code\":",
        ),
        ("nothing", ""),
        ("null", "null\n{\"code\":0,\"data\":\"SUQz\"}\n"),
    ] {
        sites.below(start, move |_| Reply::bytes("application/json", text));
        ask(s, route, label, body).await;
    }
    sites.below(start, |_| {
        Reply::json(&json!({ "code": 1 }))
            .with_status("403 No Way")
            .header("X-Tt-Logid", "log-1")
    });
    ask(s, route, "a refusal with a number", body).await;
}

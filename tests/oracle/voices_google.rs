//! The voices of `/api/google`: those of its translator and those of Gemini.

use serde_json::{Value, json};

use super::dsl::post;
use super::refusals::answers;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("/api/google/{route}"), body).note(label))
        .await;
    s.reached(&format!("{route} {label}")).await;
}

/// What the translator answers, the audio of each place as given.
fn read(audio: &[(&str, Value)]) -> Reply {
    let lines: Vec<Value> = audio
        .iter()
        .map(|(place, audio)| json!(["wrb.fr", "jQ1olc", audio.to_string(), null, null, null, place]))
        .collect();
    let lines = Value::Array(lines);
    let text = format!(")]}}'\n\n99\n{lines}\n25\n[[\"e\",4,null,null,99]]\n");
    Reply::bytes("application/json; charset=utf-8", text)
}

#[tokio::test]
async fn oracle_voices_google() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("voices_google", "", &sites).await;
    ask(&mut s, "list-voices", "", &json!({})).await;
    ask(&mut s, "list-native-voices", "", &json!({})).await;
    let start = "https://translate.google.com/";
    let good = read(&[("0", json!(["SUQzBAD/"]))]);
    for (label, reply) in answers(good) {
        sites.below(start, move |_| reply.clone());
        ask(
            &mut s,
            "generate-voice",
            label,
            &json!({ "text": "Hello \"you\" & (ünï)!", "voice": "de" }),
        )
        .await;
    }
    awkward(&mut s).await;
    lists(&mut s, &sites).await;
    s.finish();
}

/// Voices and texts that are none.
async fn awkward(s: &mut Scenario) {
    for voice in [
        json!(null),
        json!("German"),
        json!("chinese (SIMPLIFIED)"),
        json!("zh-CN"),
        json!("DE"),
        json!("xx"),
        json!(""),
        json!(5),
    ] {
        ask(
            s,
            "generate-voice",
            &format!("voice {voice}"),
            &json!({ "text": "Hi", "voice": voice }),
        )
        .await;
    }
    for text in [
        json!(null),
        json!(""),
        json!(5),
        json!(true),
        json!("a".repeat(200)),
        json!("a".repeat(201)),
        json!("🦊".repeat(101)),
        json!({ "a": "x" }),
    ] {
        let label = format!("text {}", text.to_string().chars().take(20).collect::<String>());
        ask(s, "generate-voice", &label, &json!({ "text": text })).await;
    }
    ask(s, "generate-voice", "nothing", &json!({})).await;
}

/// Several texts, and answers to some of them.
async fn lists(s: &mut Scenario, sites: &Sites) {
    let start = "https://translate.google.com/";
    let two = read(&[("1", json!(["BAD/"])), ("0", json!(["SUQz"]))]);
    for (label, reply) in [
        ("both", two),
        ("one", read(&[("0", json!(["SUQz"]))])),
        ("null", read(&[("0", json!(null)), ("1", json!([null]))])),
    ] {
        sites.below(start, move |_| reply.clone());
        let texts = json!(["a", { "text": "b", "to": "German" }]);
        ask(
            s,
            "generate-voice",
            &format!("two texts {label}"),
            &json!({ "text": texts }),
        )
        .await;
        ask(
            s,
            "generate-voice",
            &format!("one text {label}"),
            &json!({ "text": "a" }),
        )
        .await;
    }
}

/// What Gemini answers: audio of a media type.
fn spoken(media: &Value) -> Reply {
    let inline = json!({ "data": "AQIDBA==", "mimeType": media });
    Reply::json(&json!({ "candidates": [{ "content": { "parts": [{ "inlineData": inline }] } }] }))
}

#[tokio::test]
async fn oracle_voices_gemini() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("voices_gemini", "gemini:\n  apiVersion: v9\n", &sites).await;
    let body = json!({ "text": "Grüße", "voice": "Kore", "model": "gemini-tts" });
    let start = "https://generativelanguage.googleapis.com/";
    sites.below(start, |_| spoken(&json!("audio/L16;codec=pcm;rate=8000")));
    ask(&mut s, "generate-native-tts", "without key", &body).await;
    let vertex = json!({ "text": "t", "voice": "v", "model": "m", "api": "vertexai" });
    ask(&mut s, "generate-native-tts", "Vertex AI without key", &vertex).await;
    for key in ["api_key_makersuite", "api_key_vertexai"] {
        let secret = json!({ "key": key, "value": format!("key-{key}"), "label": "l" });
        s.post("/api/secrets/write", secret).await;
    }
    for (label, reply) in answers(spoken(&json!("audio/L16;codec=pcm;rate=8000"))) {
        sites.below(start, move |_| reply.clone());
        ask(&mut s, "generate-native-tts", label, &body).await;
    }
    for media in [
        json!("AUDIO/l16"),
        json!("audio/mpeg"),
        json!(null),
        json!(""),
        json!(5),
        json!("audio/l16;rate=99999999999"),
        json!("a\nb"),
    ] {
        let reply = spoken(&media);
        sites.below(start, move |_| reply.clone());
        ask(&mut s, "generate-native-tts", &format!("media {media}"), &body).await;
    }
    for error in [
        json!({ "error": { "message": "quota" } }),
        json!({ "error": { "message": ["q"] } }),
        json!({ "error": 5 }),
        json!([]),
    ] {
        let reply = Reply::json(&error).with_status("403 Forbidden");
        sites.below(start, move |_| reply.clone());
        ask(&mut s, "generate-native-tts", &format!("refusal {error}"), &body).await;
    }
    doors(&mut s, &sites).await;
    s.finish();
}

async fn doors(s: &mut Scenario, sites: &Sites) {
    for host in [
        "http://proxy.example/",
        "https://us-central1-aiplatform.googleapis.com/",
        "https://eu-aiplatform.googleapis.com/",
        "https://aiplatform.googleapis.com/",
    ] {
        sites.below(host, |_| spoken(&json!("audio/mpeg")));
    }
    for extra in [
        json!({}),
        json!({ "reverse_proxy": "http://proxy.example/x/", "proxy_password": "pass" }),
        json!({ "reverse_proxy": "http://proxy.example", "proxy_password": null }),
        json!({ "reverse_proxy": "no address" }),
        json!({ "api": "vertexai" }),
        json!({ "api": "vertexai", "vertexai_region": "eu", "vertexai_express_project_id": "p" }),
        json!({ "api": "vertexai", "vertexai_region": "global", "vertexai_express_project_id": "p" }),
        json!({ "api": "vertexai", "vertexai_region": "evil.example/" }),
        json!({ "api": "vertexai", "vertexai_auth_mode": "full" }),
        json!({ "api": "vertexai", "vertexai_auth_mode": "odd" }),
        json!({ "api": "vertexai", "reverse_proxy": "http://proxy.example/y", "proxy_password": "pass" }),
    ] {
        let mut body = extra.clone();
        body["text"] = json!("t");
        ask(s, "generate-native-tts", &extra.to_string(), &body).await;
    }
}

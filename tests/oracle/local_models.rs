//! Models that run inside the server, the same small ones on both sides.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, Rgba, RgbaImage};
use serde_json::{Value, json};

use super::compare::tree;
use super::dsl::post;
use super::http::Answer;
use super::scenario::Scenario;
use crate::harness::models;

const CONFIG: &str = "\
extensions:
  models:
    autoDownload: false
    classification: t/classifier
    captioning: t/captioner
    embedding: t/embedder
    speechToText: t/recognizer
    textToSpeech: t/synthesizer
";

/// Scores as both runtimes are bound to agree on them: to six digits.
fn rounded(answer: &Answer) -> Vec<u8> {
    let mut body = tree(&answer.text()).unwrap_or_default();
    for scored in body["classification"].as_array_mut().into_iter().flatten() {
        let score = scored["score"].as_f64().unwrap_or(f64::NAN);
        scored["score"] = Value::String(format!("{score:.6}"));
    }
    body.to_string().into_bytes()
}

async fn classify(s: &mut Scenario) {
    s.post("/api/extra/classify/labels", json!({})).await;
    for text in [
        "a",
        "A b, c. Unknown words",
        "dg e f g ##g [SEP] c",
        "",
        "  \n",
        "é à ÇA 日本 🦊",
        "a b c d e f a b c d e f",
        "a",
    ] {
        let call = post("/api/extra/classify", &json!({ "text": text }));
        s.send(call.ignore("body /classification*").ignore("header etag"))
            .await;
        s.viewed(&format!("scores of {text:?}"), rounded);
    }
    for body in [
        json!({}),
        json!({ "text": null }),
        json!({ "text": 5 }),
        json!({ "text": {} }),
        json!({ "text": [] }),
        json!({ "text": ["a", "b c"] }),
        json!({ "text": ["a", "b"] }),
    ] {
        s.post("/api/extra/classify", body).await;
    }
}

/// Texts that are found by what the model makes of them.
async fn remember(s: &mut Scenario) {
    let items: Vec<Value> = ["a b", "c d", "e f g", "g", "a", ""]
        .iter()
        .enumerate()
        .map(|(index, text)| json!({ "hash": index + 1, "text": text, "index": index }))
        .collect();
    let collection = json!({ "collectionId": "diary", "source": "transformers" });
    let asked = |more: Value| {
        let mut body = collection.clone();
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    };
    s.post("/api/vector/insert", asked(json!({ "items": items })))
        .await;
    s.post(
        "/api/vector/insert",
        asked(json!({ "items": [{ "hash": 9, "text": 5 }] })),
    )
    .await;
    s.post("/api/vector/list", asked(json!({}))).await;
    for text in ["a", "g", "e f", "unknown", ""] {
        let body = asked(json!({ "searchText": text, "topK": 3, "threshold": 0.1 }));
        s.post("/api/vector/query", body).await;
        let mut several =
            asked(json!({ "searchText": text, "topK": 4, "collectionIds": ["diary", "other"] }));
        several["threshold"] = 0.2.into();
        s.post("/api/vector/query-multi", several).await;
    }
    s.post("/api/vector/delete", asked(json!({ "hashes": [1, 9] })))
        .await;
    s.post("/api/vector/list", asked(json!({}))).await;
}

fn png(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 4]) -> String {
    let picture = RgbaImage::from_fn(width, height, |x, y| Rgba(colour(x, y)));
    let mut png = Vec::new();
    picture
        .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
        .expect("a vector takes any bytes");
    STANDARD.encode(png)
}

async fn caption(s: &mut Scenario) {
    let pictures = [
        ("red", png(8, 6, |_, _| [255, 0, 0, 255])),
        ("one pixel", png(1, 1, |_, _| [0, 250, 0, 255])),
        ("grown", png(2, 3, |x, y| [0, 0, (100 * x + 50 * y) as u8, 255])),
        (
            "shrunk",
            png(37, 11, |x, y| [(x * 6) as u8, (y * 20) as u8, 255, 255]),
        ),
        (
            "half transparent",
            png(9, 9, |x, _| [255, 20, 30, if x < 5 { 0 } else { 200 }]),
        ),
        (
            "as it is",
            png(4, 4, |x, y| [(x * 80) as u8, 255, (y * 80) as u8, 255]),
        ),
    ];
    for (note, image) in pictures {
        s.send(post("/api/extra/caption", &json!({ "image": image })).note(note))
            .await;
    }
    for body in [
        json!({}),
        json!({ "image": "" }),
        json!({ "image": "aGVsbG8=" }),
        json!({ "image": 5 }),
    ] {
        s.post("/api/extra/caption", body).await;
    }
}

/// A tone in 16 bits that grows over time.
fn wave(rate: u32, channels: u16, hertz: f64, loud: f64) -> String {
    let count = f64::from(rate) / 20.0;
    let mut data = Vec::new();
    for n in 0..count as u32 {
        let time = f64::from(n) / f64::from(rate);
        for channel in 0..channels {
            let tone = (time * hertz * f64::from(channel + 1) * std::f64::consts::TAU).sin();
            data.extend(((tone * loud * f64::from(n) / count) as i16).to_le_bytes());
        }
    }
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2 * u32::from(channels)).to_le_bytes());
    file.extend((channels * 2).to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(&data);
    let length = (file.len() - 8) as u32;
    file[4..8].copy_from_slice(&length.to_le_bytes());
    format!("data:audio/wav;base64,{}", STANDARD.encode(file))
}

async fn recognize(s: &mut Scenario) {
    for (rate, channels, hertz, loud) in [
        (16_000, 1, 300.0, 0.0),
        (16_000, 1, 400.0, 30_000.0),
        (8000, 1, 1200.0, 20_000.0),
        (44_100, 2, 2500.0, 25_000.0),
        (48_000, 1, 5500.0, 32_000.0),
    ] {
        let audio = wave(rate, channels, hertz, loud);
        for lang in [json!(null), json!("en"), json!("German")] {
            let body = json!({ "audio": audio, "lang": lang });
            let call = post("/api/speech/recognize", &body);
            s.send(call.note(&format!("{hertz} Hz at {rate} {lang}"))).await;
        }
    }
    let audio = wave(16_000, 1, 300.0, 100.0);
    let named = json!({ "audio": audio, "model": "t/recognizer" });
    s.send(post("/api/speech/recognize", &named).note("named")).await;
    let unknown = json!({ "audio": audio, "lang": "klingon" });
    s.send(post("/api/speech/recognize", &unknown).note("klingon"))
        .await;
    for body in [json!({}), json!({ "audio": "aGVsbG8=" }), json!({ "audio": 5 })] {
        s.post("/api/speech/recognize", body).await;
    }
}

#[tokio::test]
async fn oracle_local_models() {
    let mut s = Scenario::start("local_models", CONFIG).await;
    let missing = [
        ("/api/extra/classify", json!({ "text": "z" })),
        ("/api/extra/classify/labels", json!({})),
        ("/api/extra/caption", json!({ "image": png(1, 1, |_, _| [0; 4]) })),
        (
            "/api/speech/recognize",
            json!({ "audio": wave(16_000, 1, 1.0, 1.0) }),
        ),
        (
            "/api/speech/synthesize",
            json!({ "text": "z", "speaker": "AAAAAA==" }),
        ),
    ];
    for (route, body) in missing {
        s.send(post(route, &body).note("no model")).await;
    }
    let files = [
        models::classifier("t/classifier", "single_label_classification"),
        models::captioner("t/captioner"),
        models::recognizer("t/recognizer"),
    ];
    s.store_models(&files.concat());
    classify(&mut s).await;
    remember(&mut s).await;
    caption(&mut s).await;
    recognize(&mut s).await;
    s.finish();
}

/// The numbers that networks are given of pictures and sounds, to a hundredth.
#[tokio::test]
async fn oracle_local_models_numbers() {
    let mut s = Scenario::start("local_models_numbers", CONFIG).await;
    s.store_models(
        &[
            models::telling_captioner("t/captioner"),
            models::telling_recognizer("t/recognizer"),
        ]
        .concat(),
    );
    caption(&mut s).await;
    recognize(&mut s).await;
    s.finish();
}

#[tokio::test]
async fn oracle_local_models_sigmoid() {
    let mut s = Scenario::start("local_models_sigmoid", CONFIG).await;
    s.store_models(&models::classifier("t/classifier", "multi_label_classification"));
    for text in ["a", "c d f", "e b"] {
        let call = post("/api/extra/classify", &json!({ "text": text }));
        s.send(call.ignore("body /classification*").ignore("header etag"))
            .await;
        s.viewed(&format!("scores of {text:?}"), rounded);
    }
    s.finish();
}

//! Models that run inside the server, by models small enough to be reckoned by hand.

use std::io::Cursor;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use squaretable::config::Config;
use squaretable::models::embedding;

use crate::harness::models::{self, File, LABELS, MEANING, WEIGHTS};
use crate::harness::{Client, Options, Reply, Server, Sites, World};

const CLASSIFY: &str = "/api/extra/classify";
const CAPTION: &str = "/api/extra/caption";
const RECOGNIZE: &str = "/api/speech/recognize";
const SYNTHESIZE: &str = "/api/speech/synthesize";

/// Options with the small models, which nothing is downloaded for.
fn options() -> Options {
    let mut options = Options::default();
    name_models(&mut options.config);
    options.config.models.auto_download = false;
    options
}

fn name_models(config: &mut Config) {
    let models = &mut config.models;
    "t/classifier".clone_into(&mut models.classification);
    "t/embedder".clone_into(&mut models.embedding);
    "t/captioner".clone_into(&mut models.captioning);
    "t/recognizer".clone_into(&mut models.speech_to_text);
    "t/synthesizer".clone_into(&mut models.text_to_speech);
}

fn cache(server: &Server) -> PathBuf {
    server.app.config().data_dir.join("_cache")
}

/// A server that has these files, and a browser.
async fn server_with(files: &[File]) -> (Server, Client) {
    let server = Server::with(options()).await;
    models::store(&cache(&server), files);
    let client = server.client().await;
    (server, client)
}

/// What the classifier says of these tokens: their sum, rounded to 255 steps, times the weights.
fn logits(tokens: &[usize]) -> Vec<f32> {
    let sum = |part: usize| tokens.iter().map(|token| MEANING[*token][part]).sum::<f32>();
    let sums = [sum(0), sum(1)];
    let (least, most) = (sums[0].min(sums[1]).min(0.0), sums[0].max(sums[1]).max(0.0));
    let scale = (most - least) / 255.0;
    let zero = (-least / scale).round_ties_even().clamp(0.0, 255.0);
    let rounded = sums.map(|sum| ((sum / scale).round_ties_even() + zero).clamp(0.0, 255.0) - zero);
    let logit = |label: usize| {
        let product: f32 = (0..2)
            .map(|part| rounded[part] * f32::from(WEIGHTS[part][label]))
            .sum();
        product * scale * 0.125
    };
    (0..LABELS.len()).map(logit).collect()
}

fn best_five(scores: impl IntoIterator<Item = f64>) -> Vec<(String, f64)> {
    let labels = LABELS.map(str::to_owned).into_iter();
    let mut scored: Vec<(String, f64)> = labels.zip(scores).collect();
    scored.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    scored.truncate(5);
    scored
}

#[track_caller]
fn assert_scores(answer: &Value, expected: &[(String, f64)]) {
    let told = answer["classification"].as_array().expect("a list");
    assert_eq!(told.len(), expected.len(), "{answer}");
    for (told, (label, score)) in told.iter().zip(expected) {
        assert_eq!(told["label"], json!(label), "{answer}");
        assert!(
            (told["score"].as_f64().expect("a number") - score).abs() < 1e-5,
            "{answer} {expected:?}"
        );
    }
}

#[tokio::test]
async fn a_text_is_classified_by_softmax_or_by_sigmoids() {
    let (_server, client) =
        server_with(&models::classifier("t/classifier", "single_label_classification")).await;
    let labels = client
        .post(&format!("{CLASSIFY}/labels"), json!({}))
        .await
        .expect(200);
    assert_eq!(labels.json(), json!({ "labels": LABELS }));
    // Framed by [CLS] and [SEP], and cut behind six tokens.
    for (text, tokens) in [
        ("A b,c", &[2, 4, 5, 1, 6, 3][..]),
        ("dg.", &[2, 7, 10, 11, 3][..]),
        ("", &[2, 3][..]),
        ("a b c d e f a", &[2, 4, 5, 6, 7, 8][..]),
    ] {
        let answer = client.post(CLASSIFY, json!({ "text": text })).await.expect(200);
        let powers: Vec<f64> = logits(tokens)
            .iter()
            .map(|logit| f64::from(*logit).exp())
            .collect();
        let sum: f64 = powers.iter().sum();
        assert_scores(&answer.json(), &best_five(powers.iter().map(|power| power / sum)));
    }
    let (_server, client) =
        server_with(&models::classifier("t/classifier", "multi_label_classification")).await;
    let answer = client.post(CLASSIFY, json!({ "text": "a b" })).await.expect(200);
    let scores = logits(&[2, 4, 5, 3])
        .into_iter()
        .map(|logit| 1.0 / (1.0 + (-f64::from(logit)).exp()));
    assert_scores(&answer.json(), &best_five(scores));
}

#[tokio::test]
async fn an_idle_model_is_given_up_and_results_stay_with_their_tenant() {
    let files = models::classifier("t/classifier", "");
    let mut options = options();
    options.config.accounts.enabled = true;
    let server = Server::with(options).await;
    models::store(&cache(&server), &files);
    server.tenant("alice", false).await;
    server.tenant("bob", false).await;
    let (alice, bob) = (server.client_of("alice").await, server.client_of("bob").await);
    let models = server.app.models();
    let body = json!({ "text": "a" });
    assert_eq!(models.loaded(), 0);
    let first = alice.post(CLASSIFY, &body).await.expect(200);
    models.unload(Duration::from_secs(3600));
    assert_eq!(models.loaded(), 1, "it is not idle for an hour");
    models.unload(Duration::ZERO);
    assert_eq!(models.loaded(), 0);
    assert_eq!(alice.post(CLASSIFY, &body).await.expect(200).body, first.body);
    assert_eq!(models.loaded(), 0, "what was asked before needs no model");
    assert_eq!(bob.post(CLASSIFY, &body).await.expect(200).body, first.body);
    assert_eq!(models.loaded(), 1, "and is not known to others");
}

#[tokio::test]
async fn a_vector_is_the_mean_of_the_tokens_with_length_one() {
    let (server, _client) = server_with(&models::embedder("t/embedder")).await;
    let texts = ["a b", "c unknown"].map(str::to_owned).to_vec();
    let vectors = embedding::embed(server.app.models(), texts)
        .await
        .expect("a model");
    for (vector, tokens) in vectors.iter().zip([[2, 4, 5, 3], [2, 6, 1, 3]]) {
        let sum = |part: usize| tokens.iter().map(|token| MEANING[*token][part]).sum::<f32>();
        let length = sum(0).hypot(sum(1));
        assert_eq!(vector.len(), 2);
        for part in 0..2 {
            assert!((vector[part] - sum(part) / length).abs() < 1e-6, "{vector:?}");
        }
    }
    assert_eq!(vectors.len(), 2);
}

fn picture(colour: [u8; 3]) -> String {
    let mut png = Vec::new();
    let picture = RgbImage::from_pixel(8, 6, Rgb(colour));
    picture
        .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
        .expect("a vector takes any bytes");
    STANDARD.encode(png)
}

#[tokio::test]
async fn a_picture_is_captioned_word_by_word() {
    let (_server, client) = server_with(&models::captioner("t/captioner")).await;
    // A full colour outweighs what follows until the end does; most of one joins in later.
    for (colour, caption) in [
        ([255, 0, 0], "b b b b b"),
        ([0, 0, 255], "f f f f f"),
        ([204, 0, 0], "a b c"),
    ] {
        let answer = client
            .post(CAPTION, json!({ "image": picture(colour) }))
            .await
            .expect(200);
        assert_eq!(answer.json(), json!({ "caption": caption }), "{colour:?}");
    }
    for body in [
        json!({}),
        json!({ "image": 5 }),
        json!({ "image": "" }),
        json!({ "image": "aGVsbG8=" }),
    ] {
        let answer = client.post(CAPTION, &body).await.expect(400);
        assert_eq!(answer.text(), "Bad Request", "{body}");
    }
}

fn silence() -> String {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend(8000_u32.to_le_bytes());
    file.extend(16_000_u32.to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(800_u32.to_le_bytes());
    file.extend([0; 800]);
    format!("data:audio/wav;base64,{}", STANDARD.encode(file))
}

#[tokio::test]
async fn a_recording_is_recognized_in_a_language_or_in_any() {
    let (_server, client) = server_with(&models::recognizer("t/recognizer")).await;
    // Silence leaves what follows what: a language takes the place of the first word.
    for (language, text) in [
        (json!("English"), "a"),
        (json!("de"), "a"),
        (json!(null), "a a"),
        (json!(""), "a a"),
    ] {
        let body = json!({ "audio": silence(), "lang": language });
        let answer = client.post(RECOGNIZE, &body).await.expect(200);
        assert_eq!(answer.json(), json!({ "text": text }), "{language}");
    }
    for body in [
        json!({ "audio": silence(), "lang": "klingon" }),
        json!({ "audio": silence(), "model": 5 }),
        json!({ "audio": silence(), "model": "../t/recognizer" }),
        json!({ "audio": "aGVsbG8=" }),
        json!({}),
    ] {
        client.post(RECOGNIZE, body).await.expect(500);
    }
}

#[tokio::test]
async fn a_text_is_spoken_in_a_voice() {
    let (_server, client) = server_with(&models::synthesizer("t/synthesizer")).await;
    let voice: Vec<u8> = [0.75_f32, 9.0]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let voice = STANDARD.encode(voice);
    // [CLS] a b [SEP]: the mean of what they are first, and the first of the voice.
    let moment = [(1.0 + 2.0 - 1.0) / 4.0, 0.75];
    let (mut expected, mut last) = (Vec::new(), [0.0, 0.0]);
    for _ in 0..5 {
        let louder = [moment[0] + last[0], moment[1] + last[1]];
        expected.extend([louder[0] + louder[1], moment[0] + moment[1]]);
        last = louder.map(|part| part * 0.25);
    }
    for speaker in [
        voice.clone(),
        format!("data:application/octet-stream;base64,{voice}"),
    ] {
        let answer = client
            .post(SYNTHESIZE, json!({ "text": "a b", "speaker": speaker }))
            .await
            .expect(200);
        assert_eq!(answer.headers["content-type"], "audio/wav");
        assert_eq!(&answer.body[..4], b"RIFF");
        let samples = answer.body[44..].chunks_exact(4);
        let samples: Vec<f32> = samples
            .map(|four| f32::from_le_bytes(four.try_into().expect("four")))
            .collect();
        assert_eq!(samples.len(), expected.len());
        for (sample, expected) in samples.iter().zip(&expected) {
            assert!((sample - expected).abs() < 1e-5, "{samples:?} {expected:?}");
        }
    }
    for body in [
        json!({ "text": "a b" }),
        json!({ "text": "a b", "speaker": "AAAA" }),
        json!({ "speaker": voice }),
    ] {
        client.post(SYNTHESIZE, body).await.expect(500);
    }
}

#[tokio::test]
async fn without_a_model_every_route_fails_and_nothing_is_asked_for() {
    let world = World::start(&Sites::default()).await;
    let server = Server::with(options().through(&world)).await;
    let client = server.client().await;
    let speaker = STANDARD.encode([0; 8]);
    for (route, body) in [
        (CLASSIFY.to_owned(), json!({ "text": "a" })),
        (format!("{CLASSIFY}/labels"), json!({})),
        (CAPTION.to_owned(), json!({ "image": picture([0, 0, 0]) })),
        (RECOGNIZE.to_owned(), json!({ "audio": silence() })),
        (SYNTHESIZE.to_owned(), json!({ "text": "a", "speaker": speaker })),
    ] {
        let answer = client.post(&route, body).await.expect(500);
        assert_eq!(answer.text(), "Internal Server Error", "{route}");
    }
    assert!(
        embedding::embed(server.app.models(), vec!["a".to_owned()])
            .await
            .is_err()
    );
    assert!(world.take().is_empty());
}

/// A place that has these files, as huggingface.co has them: what is large is elsewhere.
fn hub(files: &[File]) -> Sites {
    let sites = Sites::default();
    for (name, bytes) in files {
        let (id, file) = name
            .match_indices('/')
            .nth(1)
            .map_or(("", ""), |(at, _)| (&name[..at], &name[at + 1..]));
        let url = format!("https://huggingface.co/{id}/resolve/main/{file}");
        if file.ends_with(".onnx") {
            let elsewhere = format!("https://cdn.example/{name}");
            sites.on("GET", &url, Reply::redirect(&elsewhere));
            sites.on("GET", &elsewhere, Reply::bytes("", bytes.clone()));
        } else {
            sites.on("GET", &url, Reply::bytes("", bytes.clone()));
        }
    }
    sites
}

fn all_files(folder: PathBuf) -> usize {
    let mut open = vec![folder];
    let mut count = 0;
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            count += usize::from(path.is_file());
            open.push(path);
        }
    }
    count
}

#[tokio::test]
async fn a_model_is_downloaded_once_and_whole() {
    let files = models::classifier("t/classifier", "");
    let sites = hub(&files);
    let network = "https://cdn.example/t/classifier/onnx/model_quantized.onnx";
    let bytes = files.last().expect("the network").1.clone();
    sites.on("GET", network, Reply::bytes("", bytes.clone()).cut());
    let world = World::start(&sites).await;
    let mut options = options().through(&world);
    options.config.models.auto_download = true;
    let server = Server::with(options).await;
    let client = server.client().await;
    let body = json!({ "text": "a" });
    client.post(CLASSIFY, &body).await.expect(500);
    assert_eq!(all_files(cache(&server)), 3, "what broke off is not kept");
    sites.on("GET", network, Reply::bytes("", bytes));
    world.take();
    client.post(CLASSIFY, &body).await.expect(200);
    let asked: Vec<String> = world.take().into_iter().map(|request| request.url).collect();
    let origin = "https://huggingface.co/t/classifier/resolve/main/onnx/model_quantized.onnx";
    assert_eq!(asked, [origin, network]);
    assert_eq!(all_files(cache(&server)), 4);
    server.app.models().unload(Duration::ZERO);
    client.post(CLASSIFY, json!({ "text": "b" })).await.expect(200);
    assert!(world.take().is_empty(), "everything is there");
}

#[tokio::test]
async fn a_model_that_a_request_names_is_downloaded_for_administrators_only() {
    let sites = hub(&models::recognizer("t/other"));
    let world = World::start(&sites).await;
    let mut options = options().through(&world);
    options.config.models.auto_download = true;
    options.config.accounts.enabled = true;
    let server = Server::with(options).await;
    server.tenant("bob", false).await;
    server.tenant("root", true).await;
    let (bob, root) = (server.client_of("bob").await, server.client_of("root").await);
    let body = json!({ "audio": silence(), "model": "t/other", "lang": "en" });
    bob.post(RECOGNIZE, &body).await.expect(500);
    assert!(world.take().is_empty());
    root.post(RECOGNIZE, &body).await.expect(200);
    assert!(!world.take().is_empty());
    let answer = bob.post(RECOGNIZE, &body).await.expect(200);
    assert_eq!(
        answer.json(),
        json!({ "text": "a" }),
        "what is there is everybody's"
    );
    let configured = json!({ "audio": silence(), "model": "t/recognizer" });
    bob.post(RECOGNIZE, &configured).await.expect(500);
    let asked = world.take();
    assert!(
        asked.iter().all(|request| request.url.contains("/t/recognizer/")),
        "{asked:?}"
    );
    assert!(
        !asked.is_empty(),
        "the configuration's is downloaded for everybody"
    );
}

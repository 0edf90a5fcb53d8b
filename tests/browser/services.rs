//! What the page's extensions ask besides a language model, on loopback: a painter (A1111), a voice, a translator and
//! embeddings.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::api::cards;

/// Dimensions of the embeddings.
const DIMENSIONS: usize = 512;
/// Samples of what the voice says, 8000 of them a second: half a second.
const SAMPLES: u32 = 4000;

type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// All of them at one address; they end with the value.
pub struct Services {
    /// `http://127.0.0.1:<port>`
    pub url: String,
    asked: Asked,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Services {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Services {
    /// Starts listening on a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let asked = Asked::default();
        let router = Router::new().fallback(answer).with_state(asked.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the services serve");
        });
        Self { url, asked, task }
    }

    /// The bodies sent to a path, oldest first.
    pub fn asked(&self, path: &str) -> Vec<Value> {
        let asked = self.asked.lock().expect("no holder panics");
        let of_path = asked.iter().filter(|(known, _)| known == path);
        of_path.map(|(_, body)| body.clone()).collect()
    }
}

async fn answer(State(asked): State<Asked>, uri: Uri, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = uri.path().to_owned();
    let answer = match path.as_str() {
        "/sdapi/v1/options" => json!({ "sd_model_checkpoint": "lighthouse.safetensors" }),
        "/sdapi/v1/sd-models" => json!([{ "title": "lighthouse.safetensors" }]),
        "/sdapi/v1/samplers" | "/sdapi/v1/schedulers" => json!([{ "name": "Euler" }]),
        "/sdapi/v1/upscalers" => json!([{ "name": "None" }]),
        "/sdapi/v1/txt2img" => {
            let picture = cards::png(&json!({ "data": { "name": "a picture" } }));
            json!({ "images": [BASE64_STANDARD.encode(picture)], "parameters": {}, "info": "{}" })
        }
        "/translate" => json!({ "translatedText": "Die Lampe summt." }),
        "/v1/embeddings" => embeddings(&body),
        "/v1/audio/speech" => {
            asked.lock().expect("no holder panics").push((path, body));
            return ([(CONTENT_TYPE, "audio/wav")], silence()).into_response();
        }
        _ => json!([]),
    };
    asked.lock().expect("no holder panics").push((path, body));
    ([(CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

/// Bags of words: how often each is in a text, at a place that its letters say.
fn embeddings(body: &Value) -> Value {
    let texts = match &body["input"] {
        Value::Array(texts) => texts.clone(),
        text => vec![text.clone()],
    };
    let embedded = texts.iter().enumerate().map(|(index, text)| {
        let mut bag = [0.0; DIMENSIONS];
        let text = text.as_str().unwrap_or_default().to_lowercase();
        for word in text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() > 3)
        {
            let place = word
                .bytes()
                .fold(7_usize, |sum, byte| sum * 31 % 65_521 + usize::from(byte));
            bag[place % DIMENSIONS] += 1.0;
        }
        json!({ "object": "embedding", "index": index, "embedding": bag.to_vec() })
    });
    json!({ "object": "list", "data": embedded.collect::<Vec<_>>(), "model": body["model"] })
}

/// A WAV file (RIFF, PCM, mono, 8 bits) in which nothing is heard.
fn silence() -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + SAMPLES).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(8000_u32.to_le_bytes());
    file.extend(8000_u32.to_le_bytes());
    file.extend([1, 0, 8, 0]);
    file.extend(b"data");
    file.extend(SAMPLES.to_le_bytes());
    file.extend(std::iter::repeat_n(128, SAMPLES as usize));
    file
}

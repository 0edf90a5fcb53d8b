//! A language model on loopback that begins each answer, and ends it when it is told to.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What every answer begins with, token by token.
const BEGINNING: [&str; 4] = ["The ", "lamp ", "is ", "lit"];
/// What follows after `POST /release`.
const END: [&str; 5] = [" and", " the", " tide", " turns", "."];
/// Between the empty tokens of a held answer. The page paints on a token's arrival and at most 30 times a second, so it
/// shows the last token of a burst when another one comes.
const HEARTBEAT: Duration = Duration::from_millis(50);

/// A running model; it ends with the value.
pub struct Model {
    /// `http://127.0.0.1:<port>`; the API is below `/v1`.
    pub url: String,
    state: Arc<Held>,
    task: tokio::task::JoinHandle<()>,
}

struct Held {
    prompts: Mutex<Vec<Value>>,
    released: watch::Sender<()>,
}

impl Drop for Model {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Model {
    /// Starts listening on a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let state = Arc::new(Held {
            prompts: Mutex::default(),
            released: watch::Sender::new(()),
        });
        let router = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(complete))
            .route("/release", post(release))
            .with_state(state.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the model serves");
        });
        Self { url, state, task }
    }

    /// The bodies of the completions asked for, oldest first.
    pub fn prompts(&self) -> Vec<Value> {
        self.state.prompts.lock().expect("no holder panics").clone()
    }
}

async fn models() -> Response {
    let list = json!({ "object": "list", "data": [{ "id": "other-model" }, { "id": "mock-model" }] });
    ([(CONTENT_TYPE, "application/json")], list.to_string()).into_response()
}

async fn complete(State(held): State<Arc<Held>>, body: Bytes) -> Response {
    // Subscribed before the first token leaves, so that no release can be missed.
    let released = held.released.subscribe();
    let prompt = serde_json::from_slice(&body).expect("a JSON body");
    held.prompts.lock().expect("no holder panics").push(prompt);
    let pause = stream::unfold(released, |mut released| async move {
        tokio::select! {
            _ = released.changed() => None,
            () = tokio::time::sleep(HEARTBEAT) => Some((token(""), released)),
        }
    });
    let done = stream::iter([Bytes::from_static(b"data: [DONE]\n\n")]);
    let events = stream::iter(BEGINNING.map(token))
        .chain(pause)
        .chain(stream::iter(END.map(token)))
        .chain(done)
        .map(Ok::<_, Infallible>);
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

/// Lets every answer that has begun go on to its end.
async fn release(State(held): State<Arc<Held>>) {
    held.released.send_replace(());
}

fn token(text: &str) -> Bytes {
    let event = json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] });
    format!("data: {event}\n\n").into()
}

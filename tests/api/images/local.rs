//! `/api/sd`: painters at an address of the user's.

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::{Client, Reply, Server, Sites};

/// A server that tells of every request and never finishes a picture; ends with the test.
async fn painter() -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
    let (tell, told) = mpsc::unbounded_channel();
    let tell = Arc::new(tell);
    let answer = move |uri: Uri| {
        let path = uri.path().to_owned();
        let _ = tell.send(path.clone());
        async move { answer(&path).await }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (url, told)
}

async fn answer(path: &str) -> Response {
    match path {
        "/sdapi/v1/txt2img" => std::future::pending().await,
        "/prompt" => json!({ "prompt_id": "p-1" }).to_string().into_response(),
        "/run" => json!({ "id": "j-1" }).to_string().into_response(),
        _ => "{}".into_response(),
    }
}

/// The browser goes once the painter was asked for `working`; the painter is told to stop.
async fn stops(route: &str, working: &str, stop: &str) {
    let server = Server::start().await;
    let client = server.client().await;
    let secret = json!({ "key": "api_key_comfy_runpod", "value": "the key" });
    client.post("/api/secrets/write", secret).await.expect(200);
    let (url, mut told) = painter().await;
    let body = json!({ "url": url, "auth": "a:b", "prompt": "{\"prompt\":{}}" });
    let asked = tokio::spawn({
        let client: Client = client.elsewhere(&server.url);
        let route = route.to_owned();
        async move { client.post(&route, body).await }
    });
    while told.recv().await.expect("the painter is asked") != working {}
    asked.abort();
    while told.recv().await.expect("the painter is told") != stop {}
}

#[tokio::test]
async fn the_web_api_is_interrupted_when_the_browser_goes() {
    stops("/api/sd/generate", "/sdapi/v1/txt2img", "/sdapi/v1/interrupt").await;
}

#[tokio::test]
async fn comfy_is_interrupted_when_the_browser_goes() {
    stops("/api/sd/comfy/generate", "/history/p-1", "/interrupt").await;
}

#[tokio::test]
async fn a_job_is_cancelled_when_the_browser_goes() {
    stops("/api/sd/comfyrunpod/generate", "/status/j-1", "/cancel/j-1").await;
}

/// The original asks on for ever.
#[tokio::test]
async fn a_job_that_failed_is_told() {
    let sites = Sites::default();
    sites.below("https://api.runpod.ai/", |request| {
        let id = json!({ "id": "j-1" });
        let failed = json!({ "id": "j-1", "status": "FAILED", "error": "out of memory" });
        Reply::json(if request.url.ends_with("/run") {
            &id
        } else {
            &failed
        })
    });
    let (_world, _server, client) = Server::in_world(&sites).await;
    let secret = json!({ "key": "api_key_comfy_runpod", "value": "the key" });
    client.post("/api/secrets/write", secret).await.expect(200);
    let body = json!({ "url": "https://api.runpod.ai/v2/e", "prompt": "{\"prompt\":{}}" });
    let answer = client
        .post("/api/sd/comfyrunpod/generate", body)
        .await
        .expect(500);
    assert_eq!(answer.text(), "The job on RunPod ended: FAILED");
}

/// The original waits for ever, too.
#[tokio::test]
async fn a_workflow_that_has_no_number_is_not_waited_for() {
    let sites = Sites::default();
    sites.below("http://comfy.example/", |_| {
        Reply::json(&json!({ "node_errors": {} }))
    });
    let (_world, _server, client) = Server::in_world(&sites).await;
    let body = json!({ "url": "http://comfy.example/", "prompt": "{}" });
    let answer = client.post("/api/sd/comfy/generate", body).await.expect(500);
    assert!(answer.text().contains("without a prompt_id"), "{}", answer.text());
}

#[tokio::test]
async fn workflows_are_files_of_the_users_own() {
    let server = Server::start().await;
    let client = server.client().await;
    let text = "{\"3\":{}}";
    let saved = json!({ "file_name": "mine.json", "workflow": text });
    let names = client
        .post("/api/sd/comfy/save-workflow", saved)
        .await
        .expect(200)
        .json();
    assert_eq!(names, json!(["mine.json"]));
    for nothing in [
        json!({ "file_name": "mine.json" }),
        json!({ "file_name": "mine.json", "workflow": null }),
    ] {
        let refused = client.post("/api/sd/comfy/save-workflow", nothing).await;
        refused.expect(400);
    }
    let shown = client
        .post("/api/sd/comfy/workflow", json!({ "file_name": "mine.json" }))
        .await;
    assert_eq!(shown.expect(200).json(), json!(text));
    // There is no default one in an empty user's folder.
    let missing = client
        .post("/api/sd/comfy/workflow", json!({ "file_name": "other.json" }))
        .await;
    missing.expect(500);
}

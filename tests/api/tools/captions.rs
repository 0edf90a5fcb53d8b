//! Captions that cannot be compared: the AI Horde's library goes past the proxy.

use axum::response::IntoResponse;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use squaretable::providers::caption::horde;

use crate::harness::{Reply, Server, Sites};

const API: &str = "https://aihorde.net/api/v2";
const ROUTE: &str = "/api/horde/caption-image";

/// Status and text of a caption that is asked for without waiting in between.
async fn ask(server: &Server, key: &str) -> (u16, String) {
    let body = json!({ "image": "aGk=" });
    let answer = horde::caption(&body, key, "1.19.0", server.app.relay(), horde::POLLING.hurried()).await;
    let response = answer.into_response();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn the_horde_is_asked_until_it_is_done() {
    let sites = Sites::default();
    let (world, server, _client) = Server::in_world(&sites).await;
    sites.on(
        "POST",
        &format!("{API}/interrogate/async"),
        Reply::json(&json!({ "id": "a/1" })),
    );
    let asked = std::sync::atomic::AtomicUsize::new(0);
    sites.below(&format!("{API}/interrogate/status/"), move |_| {
        let state = match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => json!({ "state": "waiting" }),
            1 => json!({ "state": "processing" }),
            _ => json!({ "state": "done", "forms": [{ "result": { "caption": "a fox" } }] }),
        };
        Reply::json(&state)
    });
    assert_eq!(ask(&server, "").await, (200, r#"{"caption":"a fox"}"#.to_owned()));
    let requests = world.take();
    assert_eq!(requests.len(), 4);
    let sent: Value = serde_json::from_slice(&requests[0].body).expect("JSON");
    assert_eq!(
        sent,
        json!({ "source_image": "aGk=", "forms": [{ "name": "caption" }] })
    );
    assert_eq!(requests[0].header("apikey"), Some("0000000000"));
    assert_eq!(
        requests[0].header("client-agent"),
        Some("SillyTavern:1.19.0:Cohee#1207")
    );
    for request in &requests[1..] {
        assert_eq!(request.url, format!("{API}/interrogate/status/a%2F1"));
        assert_eq!(request.header("apikey"), None);
    }
}

#[tokio::test]
async fn a_task_that_comes_to_nothing_is_a_failure() {
    let sites = Sites::default();
    let (world, server, client) = Server::in_world(&sites).await;
    let start = format!("{API}/interrogate/async");
    sites.on("POST", &start, Reply::json(&json!({ "message": "no workers" })));
    client.post(ROUTE, json!({ "image": "aGk=" })).await.expect(400);
    sites.on("POST", &start, Reply::status("403 Forbidden").body("{}"));
    client.post(ROUTE, json!({ "image": "aGk=" })).await.expect(500);
    sites.on("POST", &start, Reply::hang_up());
    client.post(ROUTE, json!({ "image": "aGk=" })).await.expect(500);
    world.take();
    sites.on("POST", &start, Reply::json(&json!({ "id": "a" })));
    for (state, status) in [
        (json!({ "state": "faulted" }), 503),
        (json!({ "state": "cancelled" }), 503),
        (json!({ "state": "done" }), 500),
        (json!({ "state": "done", "forms": [{}] }), 500),
    ] {
        let reply = Reply::json(&state);
        sites.on("GET", &format!("{API}/interrogate/status/a"), reply);
        assert_eq!(ask(&server, "k").await.0, status, "{state}");
        let requests = world.take();
        assert_eq!(requests[0].header("apikey"), Some("k"));
        assert_eq!(requests.len(), 2);
    }
    sites.on(
        "GET",
        &format!("{API}/interrogate/status/a"),
        Reply::json(&json!({ "state": "waiting" })),
    );
    assert_eq!(ask(&server, "k").await.0, 503);
    assert_eq!(world.take().len(), 201, "the Horde is not asked for ever");
}

#[tokio::test]
async fn the_users_key_goes_to_no_proxy() {
    let sites = Sites::default();
    sites.below("https://", |_| Reply::status("404 Not Found"));
    let (world, _server, client) = Server::in_world(&sites).await;
    for key in ["api_key_openrouter", "api_key_openai"] {
        let secret = json!({ "key": key, "value": "own key" });
        client.post("/api/secrets/write", secret).await.expect(200);
    }
    for api in ["openrouter", "openai"] {
        let body =
            json!({ "api": api, "reverse_proxy": "https://proxy.example/v1", "proxy_password": "pass" });
        client.post("/api/openai/caption-image", body).await.expect(500);
        let requests = world.take();
        assert_eq!(requests[0].url, "https://proxy.example/v1/chat/completions");
        assert_eq!(requests[0].header("authorization"), Some("Bearer pass"), "{api}");
    }
}

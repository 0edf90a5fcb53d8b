//! Pictures by services that take a key: where it goes, and where pictures are not fetched from.

use serde_json::{Value, json};

use crate::harness::{Client, Reply, Request, Server, Sites, World};

async fn keys(client: &Client, keys: &[&str]) {
    for key in keys {
        let secret = json!({ "key": key, "value": "the key" });
        client.post("/api/secrets/write", secret).await.expect(200);
    }
}

/// Who was asked, and whether with the key.
fn asked(world: &World) -> Vec<(String, bool)> {
    let requests = world.take();
    let told = requests.iter().map(|request| {
        let names = ["authorization", "x-key", "x-goog-api-key"];
        let has_key = names.iter().any(|name| request.header(name).is_some());
        (request.url.clone(), has_key)
    });
    told.collect()
}

#[tokio::test]
async fn a_task_is_asked_for_where_it_was_given() {
    let sites = Sites::default();
    sites.below("https://api.bfl.ai/", |_| {
        Reply::json(&json!({ "id": "t", "polling_url": "https://evil.example/poll" }))
    });
    sites.below("https://queue.fal.run/", |_| {
        Reply::json(&json!({ "status_url": "https://queue.fal.run.evil.example/status" }))
    });
    let (world, _server, client) = Server::in_world(&sites).await;
    keys(&client, &["api_key_bfl", "api_key_falai"]).await;
    let body = json!({ "prompt": "p", "model": "m", "width": 64, "height": 64 });
    for route in ["/api/sd/bfl/generate", "/api/sd/falai/generate"] {
        client.post(route, &body).await.expect(500);
    }
    let expected = ["https://api.bfl.ai/v1/m", "https://queue.fal.run/fal-ai/m"];
    assert_eq!(asked(&world), expected.map(|url| (url.to_owned(), true)));
}

#[tokio::test]
async fn a_redirect_takes_no_key_along() {
    let sites = Sites::default();
    let to = |address: &'static str| move |_: &Request| Reply::redirect(address).with_status("307 Moved");
    sites
        .below("https://api.bfl.ai/v1/away", to("https://evil.example/"))
        .below("https://api.bfl.ai/v1/m", to("https://api.bfl.ai/v2/m"))
        .below(
            "https://api-inference.huggingface.co/",
            to("https://evil.example/"),
        );
    let (world, _server, client) = Server::in_world(&sites).await;
    keys(&client, &["api_key_bfl", "api_key_huggingface"]).await;
    let model = |name: &str| json!({ "prompt": "p", "model": name, "width": 64, "height": 64 });
    for (route, name, last) in [
        ("bfl", "away", ("https://api.bfl.ai/v1/away", true)),
        ("bfl", "m", ("https://api.bfl.ai/v2/m", true)),
        ("huggingface", "m", ("https://evil.example/", false)),
    ] {
        let route = format!("/api/sd/{route}/generate");
        client.post(&route, model(name)).await.expect(500);
        let asked = asked(&world);
        let (url, has_key) = asked.last().expect("somebody is asked");
        assert_eq!((url.as_str(), *has_key), last);
    }
}

#[tokio::test]
async fn a_model_leads_to_no_other_route_of_its_vendor() {
    let sites = Sites::default();
    let (world, _server, client) = Server::in_world(&sites).await;
    let secrets = [
        "bfl",
        "falai",
        "huggingface",
        "workers_ai",
        "makersuite",
        "vertexai",
    ];
    for name in secrets {
        keys(&client, &[&format!("api_key_{name}")]).await;
    }
    for model in ["../../billing", "m/..", "m?x=", "m#", "%2e%2e/m", "a\\..\\m"] {
        let body = json!({
            "prompt": "p", "model": model, "width": 64, "height": 64, "account_id": "a", "max_tokens": 5,
            "messages": [{ "role": "user", "content": "x" }], "image": "data:image/png;base64,aGk=",
        });
        for route in [
            "bfl/generate",
            "falai/generate",
            "huggingface/generate",
            "workersai/generate",
        ] {
            client.post(&format!("/api/sd/{route}"), &body).await.expect(400);
        }
        client.post("/api/sd/electronhub/sizes", &body).await.expect(400);
        for route in ["caption-image", "generate-image", "generate-video"] {
            client
                .post(&format!("/api/google/{route}"), &body)
                .await
                .expect(400);
        }
        for source in ["makersuite", "vertexai"] {
            let mut body = body.clone();
            body["chat_completion_source"] = source.into();
            client
                .post("/api/backends/chat-completions/generate", &body)
                .await
                .expect(400);
        }
    }
    assert_eq!(asked(&world), []);
}

#[tokio::test]
async fn a_picture_elsewhere_is_fetched_without_the_key() {
    let sites = Sites::default();
    sites.below("https://queue.fal.run/", |request| {
        Reply::json(&match request.url.as_str() {
            "https://queue.fal.run/status" => {
                json!({ "status": "COMPLETED", "response_url": "https://queue.fal.run/result" })
            }
            "https://queue.fal.run/result" => json!({ "images": [{ "url": "https://files.example/a.png" }] }),
            _ => json!({ "status_url": "https://queue.fal.run/status" }),
        })
    });
    sites.below("https://files.example/", |_| {
        Reply::bytes("image/png", vec![1, 255])
    });
    let (world, _server, client) = Server::in_world(&sites).await;
    keys(&client, &["api_key_falai"]).await;
    let body = json!({ "prompt": "p", "model": "m" });
    let painted = client.post("/api/sd/falai/generate", body).await.expect(200);
    assert_eq!(painted.json(), json!({ "image": "Af8=" }));
    let fetched = ("https://files.example/a.png".to_owned(), false);
    assert_eq!(asked(&world).last(), Some(&fetched));
}

#[tokio::test]
async fn a_film_is_fetched_from_google_alone() {
    let sites = Sites::default();
    let film = json!({ "video": { "uri": "https://evil.example/film" } });
    sites.below("https://generativelanguage.googleapis.com/", move |_| {
        Reply::json(&json!({
            "name": "operations/o", "done": true,
            "response": { "generateVideoResponse": { "generatedSamples": [film] } },
        }))
    });
    let (world, _server, client) = Server::in_world(&sites).await;
    keys(&client, &["api_key_makersuite"]).await;
    let body = json!({ "prompt": "p" });
    client.post("/api/google/generate-video", body).await.expect(500);
    let asked = asked(&world);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(
        asked
            .iter()
            .all(|(url, _)| url.starts_with("https://generativelanguage.googleapis.com/"))
    );
}

#[tokio::test]
async fn pictures_at_private_addresses_are_not_fetched() {
    let sites = Sites::default();
    sites.below("https://api.together.xyz/", |_| {
        Reply::json(&json!({ "data": [{ "url": "http://10.0.0.1/a.png" }] }))
    });
    sites.below("https://api.aimlapi.com/", |_| {
        Reply::json(&json!({ "images": [{ "url": "http://[::ffff:127.0.0.1]/a.png" }] }))
    });
    sites.below("http://", |_| Reply::bytes("image/png", "inside"));
    let (world, _server, client) = Server::in_world(&sites).await;
    keys(&client, &["api_key_togetherai", "api_key_aimlapi"]).await;
    let body: Value = json!({ "prompt": "p", "model": "m" });
    for route in ["/api/sd/together/generate", "/api/sd/aimlapi/generate-image"] {
        client.post(route, &body).await.expect(500);
    }
    assert!(asked(&world).iter().all(|(url, _)| url.starts_with("https://")));
}

#[tokio::test]
async fn a_task_of_the_horde_is_withdrawn_when_the_browser_goes() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let sites = Sites::default();
    sites.below("https://aihorde.net/", move |request| {
        // The receiver is gone when the test is over.
        let _ = tell.send(format!("{} {}", request.method, request.url));
        Reply::json(&json!({ "id": "t1" }))
    });
    let (_world, server, client) = Server::in_world(&sites).await;
    let elsewhere = client.elsewhere(&server.url);
    let body = json!({ "prompt": "p" });
    let asked = tokio::spawn(async move { elsewhere.post("/api/horde/generate-image", body).await });
    let order = "POST https://aihorde.net/api/v2/generate/async";
    while told.recv().await.expect("the Horde is asked") != order {}
    // Once it is asked for the task, the task is known.
    while told.recv().await.expect("the Horde is asked").contains("/async") {}
    asked.abort();
    let withdrawal = "DELETE https://aihorde.net/api/v2/generate/status/t1";
    while told.recv().await.expect("the Horde is told") != withdrawal {}
}

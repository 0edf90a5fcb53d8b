//! What voices do that the original cannot show: where a key is not sent, how much is taken, how a stream breaks.

use serde_json::json;
use squaretable::config::upstream::PrivateAddresses;

use crate::harness::{Client, Options, Reply, Server, Sites, World, file};

async fn secret(client: &Client, key: &str) {
    let secret = json!({ "key": key, "value": "the key" });
    client.post("/api/secrets/write", secret).await.expect(200);
}

#[tokio::test]
async fn a_key_goes_to_no_host_that_a_request_makes_up() {
    let sites = Sites::default();
    sites.below("https://", |_| Reply::json(&json!([])));
    let (world, _server, client) = Server::in_world(&sites).await;
    for key in ["api_key_azure_tts", "api_key_chutes", "api_key_vertexai"] {
        secret(&client, key).await;
    }
    let evil = "evil.example/";
    let voice = json!({ "region": evil, "text": "t", "voice": "v" });
    client.post("/api/azure/list", &voice).await.expect(400);
    client.post("/api/azure/generate", &voice).await.expect(400);
    let route = "/api/openai/chutes/transcribe-audio";
    client
        .upload(route, file("a.wav", "RIFF"), &[("model", evil)])
        .await
        .expect(400);
    let vertex = json!({ "api": "vertexai", "vertexai_region": evil, "image": "data:image/png;base64,AA" });
    for route in ["/api/google/caption-image", "/api/google/generate-native-tts"] {
        client.post(route, &vertex).await.expect(400);
    }
    assert!(world.take().is_empty(), "nobody is asked");
    let fine = json!({ "region": "westus" });
    client.post("/api/azure/list", fine).await.expect(200);
    assert_eq!(world.take().len(), 1);
}

#[tokio::test]
async fn an_id_leads_to_no_other_address() {
    let sites = Sites::default();
    sites.below("https://api.elevenlabs.io/", |_| Reply::bytes("audio/mpeg", "x"));
    let (world, _server, client) = Server::in_world(&sites).await;
    secret(&client, "api_key_elevenlabs").await;
    for id in ["../user", "..", "a?b#c", "%2e%2e/x"] {
        let body = json!({ "historyItemId": id, "voiceId": id, "request": {} });
        for route in ["history-audio", "synthesize"] {
            let path = format!("/api/speech/elevenlabs/{route}");
            client.post(&path, &body).await.expect(200);
        }
    }
    for request in world.take() {
        let path = request.url.strip_prefix("https://api.elevenlabs.io/v1/");
        let step = path.and_then(|path| {
            path.strip_prefix("text-to-speech/")
                .or_else(|| path.strip_prefix("history/")?.strip_suffix("/audio"))
        });
        assert!(
            step.is_some_and(|step| !step.contains(['/', '?', '#'])),
            "{}",
            request.url
        );
    }
}

#[tokio::test]
async fn audio_that_is_elsewhere_is_not_fetched_from_a_private_address() {
    let inside = tokio::net::TcpListener::bind("127.0.0.2:0")
        .await
        .expect("a free port");
    let address = format!("http://{}/audio", inside.local_addr().expect("a bound socket"));
    let sites = Sites::default();
    let world = World::start(&sites).await;
    let mut options = Options::default();
    // No filter: the user's own MiniMax may be anywhere, but what it points to may not.
    options.config.upstream.private_addresses = PrivateAddresses {
        enabled: false,
        ..PrivateAddresses::default()
    };
    let server = Server::with(options).await;
    let client = server.client().await;
    secret(&client, "api_key_minimax").await;
    let answer = json!({ "data": { "url": address } });
    sites.below("/", move |_| Reply::json(&answer));
    // A world that is asked directly, without being a proxy, is a server on loopback.
    let body = json!({ "text": "t", "voiceId": "v", "apiHost": world.proxy() });
    let answer = client.post("/api/minimax/generate-voice", body).await.expect(500);
    let message = answer.json()["error"].as_str().unwrap_or_default().to_owned();
    assert!(message.starts_with("Failed to fetch audio: "), "{message}");
    assert_eq!(world.take().len(), 1, "MiniMax itself is asked");
    let asked = tokio::time::timeout(std::time::Duration::ZERO, inside.accept()).await;
    assert!(asked.is_err(), "the private address was asked");
}

#[tokio::test]
async fn a_stream_that_breaks_off_breaks_the_transfer() {
    let sites = Sites::default();
    sites.below("https://api.elevenlabs.io/", |_| {
        Reply::bytes("audio/mpeg", "part").cut()
    });
    let (_world, _server, client) = Server::in_world(&sites).await;
    secret(&client, "api_key_elevenlabs").await;
    let body = json!({ "voiceId": "v", "request": {} });
    let request = client.posting("/api/speech/elevenlabs/synthesize", &body);
    let answer = request.send().await.expect("a head");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "audio/mpeg");
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn a_recording_is_no_longer_than_a_body_may_be() {
    let sites = Sites::default();
    sites.below("https://api.openai.com/", |_| {
        Reply::json(&json!({ "text": "ok" }))
    });
    let world = World::start(&sites).await;
    let mut options = Options::default().through(&world);
    options.config.http.max_body_bytes = 100_000;
    let server = Server::with(options).await;
    let client = server.client().await;
    secret(&client, "api_key_openai").await;
    let route = "/api/openai/transcribe-audio";
    for (size, status) in [(100_000, 200), (100_001, 413)] {
        let recording = file("a.wav", vec![0; size]);
        client
            .upload(route, recording, &[("model", "m")])
            .await
            .expect(status);
    }
    assert_eq!(world.take().len(), 1);
}

#[tokio::test]
async fn an_object_is_no_text_to_read() {
    let (world, _server, client) = Server::in_world(&Sites::default()).await;
    let body = json!({ "text": { "a": "x" } });
    client.post("/api/google/generate-voice", body).await.expect(500);
    assert!(world.take().is_empty());
}

#[tokio::test]
async fn languages_have_names() {
    let (_world, _server, client) = Server::in_world(&Sites::default()).await;
    let languages = client
        .post("/api/google/list-voices", json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(languages["de"], "German");
}

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::provider::{Provider, STREAM, closed, response};
use crate::harness::{Server, file};

const GENERATE: &str = "/api/backends/text-completions/generate";
const KOBOLD: &str = "/api/backends/kobold/generate";

fn body(kind: &str, provider: &Provider, stream: bool) -> Value {
    json!({ "api_type": kind, "api_server": provider.url, "prompt": "p", "stream": stream })
}

#[tokio::test]
async fn a_stream_is_passed_on_byte_by_byte_as_it_arrives() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    let request = client
        .posting(GENERATE, &body("llamacpp", &provider, true))
        .send();
    let (first, second) = (
        &b"data: {\"content\":\"\xf0\x9f"[..],
        &b"\xa6\x8a\xff\"}\r\n\r\n"[..],
    );
    let upstream = async {
        let mut arrived = provider.request().await;
        assert!(
            arrived.head.starts_with("POST /completion HTTP/1.1"),
            "{}",
            arrived.head
        );
        arrived.stream.write_all(&[STREAM, first].concat()).await.unwrap();
        arrived.stream
    };
    let (answer, mut upstream) = tokio::join!(request, upstream);
    let answer = answer.unwrap();
    assert!(
        answer.headers().get("content-type").is_none() && answer.headers().get("content-encoding").is_none()
    );
    let mut chunks = answer.bytes_stream();
    let mut seen = Vec::new();
    // The back end sends nothing more until the browser has the first part.
    while seen.len() < first.len() {
        seen.extend_from_slice(&chunks.next().await.unwrap().unwrap());
    }
    upstream.write_all(second).await.unwrap();
    drop(upstream);
    while let Some(chunk) = chunks.next().await {
        seen.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(seen, [first, second].concat());
}

/// Ollama's values, however its stream is cut, and its errors; the original stalls on the first and hides the second.
#[tokio::test]
async fn ollamas_values_become_events() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    let event = |text: &str| format!("data: {{\"choices\":[{{\"text\":\"{text}\",\"thinking\":\"\"}}]}}\n\n");
    let done = "data: [DONE]\n\n";
    let error = |text: &str| format!("data: {{\"error\":{{\"message\":\"{text}\"}}}}\n\n");
    for (sent, expected) in [
        (
            "{\"response\":\"a\"}\n{\"response\":\"🦊\"}\n",
            [event("a"), event("🦊"), done.to_owned()].concat(),
        ),
        (
            "{\"response\":\"a\"}\n{\"error\":\"out of memory\"}\n",
            [event("a"), error("out of memory"), done.to_owned()].concat(),
        ),
    ] {
        let upstream = [STREAM, sent.as_bytes()].concat();
        let (answer, _) = tokio::join!(
            client.post(GENERATE, body("ollama", &provider, true)),
            provider.answer(&upstream)
        );
        assert_eq!(answer.expect(200).text(), expected);
    }
    let refusal = response("404 Not Found", "{\"error\":\"no such model\"}");
    let (answer, _) = tokio::join!(
        client.post(GENERATE, body("ollama", &provider, true)),
        provider.answer(&refusal)
    );
    assert_eq!(answer.expect(404).text(), "{\"error\":\"no such model\"}");
}

#[tokio::test]
async fn a_browser_that_goes_ends_the_request_to_the_back_end() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    for kind in ["vllm", "ollama"] {
        for stream in [true, false] {
            let request = tokio::spawn(client.posting(GENERATE, &body(kind, &provider, stream)).send());
            let arrived = provider.request().await;
            request.abort();
            closed(arrived.stream).await;
        }
        let request = client.posting(GENERATE, &body(kind, &provider, true)).send();
        let upstream = async {
            let mut arrived = provider.request().await;
            arrived
                .stream
                .write_all(&[STREAM, b"{\"response\":\"1\"}\n"].concat())
                .await
                .unwrap();
            arrived.stream
        };
        let (answer, upstream) = tokio::join!(request, upstream);
        let mut chunks = answer.unwrap().bytes_stream();
        chunks.next().await.unwrap().unwrap();
        drop(chunks);
        closed(upstream).await;
    }
}

/// KoboldCpp generates on when its connection closes, so it is told to stop; nobody else is.
#[tokio::test]
async fn koboldcpp_is_told_that_the_browser_has_gone() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    let secret = json!({ "key": "api_key_koboldcpp", "value": "k-1" });
    client.post("/api/secrets/write", secret).await.expect(200);
    let classic = |streaming: bool| json!({ "api_server": format!("{}/api", provider.url), "streaming": streaming, "can_abort": true });
    for stream in [true, false] {
        for (route, body, authorized) in [
            (GENERATE, body("koboldcpp", &provider, stream), true),
            (KOBOLD, classic(stream), false),
        ] {
            let request = tokio::spawn(client.posting(route, &body).send());
            let mut arrived = provider.request().await;
            if stream {
                arrived
                    .stream
                    .write_all(&[STREAM, b"data: 1\n\n"].concat())
                    .await
                    .unwrap();
                let mut chunks = request.await.unwrap().unwrap().bytes_stream();
                chunks.next().await.unwrap().unwrap();
            } else {
                request.abort();
            }
            let stop = provider.answer(&response("200 OK", "{}")).await;
            assert!(
                stop.head.starts_with("POST /api/extra/abort HTTP/1.1"),
                "{}",
                stop.head
            );
            assert_eq!(
                stop.head.to_lowercase().contains("authorization: bearer k-1"),
                authorized,
                "{}",
                stop.head
            );
            closed(arrived.stream).await;
        }
    }
}

#[tokio::test]
async fn koboldcpp_hears_nothing_after_a_whole_answer() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    for (stream, upstream) in [
        (true, [STREAM, b"data: 1\n\n"].concat()),
        (true, response("500 Oops", "no")),
        (false, response("200 OK", "{}")),
        (false, response("500 Oops", "no")),
    ] {
        let (answer, _) = tokio::join!(
            client.post(GENERATE, body("koboldcpp", &provider, stream)),
            provider.answer(&upstream)
        );
        drop(answer);
    }
    // The next request to arrive is the next one of ours: no word to stop came in between.
    let question = json!({ "api_type": "koboldcpp", "api_server": provider.url });
    let empty = response("200 OK", "{}");
    let (_, arrived) = tokio::join!(
        client.post("/api/backends/text-completions/status", question),
        provider.answer(&empty)
    );
    assert!(
        arrived.head.starts_with("GET /v1/models HTTP/1.1"),
        "{}",
        arrived.head
    );
}

#[tokio::test]
async fn a_request_without_an_address_is_refused() {
    let server = Server::start().await;
    let client = server.client().await;
    for wrong in [
        json!({}),
        json!({ "api_server": 5 }),
        json!([]),
        json!({ "api_server": null }),
    ] {
        let answer = client.post(GENERATE, &wrong).await.expect(200).json();
        assert_eq!(answer["error"], true, "{answer}");
        for route in [KOBOLD, "/api/backends/kobold/status"] {
            let answer = client.post(route, &wrong).await.expect(400).json();
            assert_eq!(
                answer["error"]["message"],
                "The address of the server is missing."
            );
        }
    }
    let answer = client
        .post(KOBOLD, json!({ "api_server": "nonsense" }))
        .await
        .expect(400);
    assert_eq!(answer.json()["error"]["message"], "Invalid URL");
    let null = json!({ "key": "api_key_novel", "value": "k" });
    client.post("/api/secrets/write", null).await.expect(200);
    let answer = client.post("/api/novelai/generate", json!({})).await.expect(400);
    assert_eq!(
        answer.json()["error"]["message"],
        "The name of the model is missing."
    );
}

#[tokio::test]
async fn a_server_of_nulls_is_as_good_as_none() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    let question = json!({ "api_server": provider.url });
    let null = response("200 OK", "null");
    let (answer, ..) = tokio::join!(
        client.post("/api/backends/kobold/status", question),
        provider.answer(&null),
        provider.answer(&null),
        provider.answer(&null)
    );
    let expected = json!({ "koboldUnitedVersion": "0.0.0", "model": "no_connection" });
    assert_eq!(answer.expect(200).json(), expected);
}

#[tokio::test]
async fn a_recording_is_sent_as_base64() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    let fields = [("server", provider.url.as_str())];
    let upload = client.upload(
        "/api/backends/kobold/transcribe-audio",
        file("a.wav", b"RIFF\x00\xff".to_vec()),
        &fields,
    );
    let heard = response("200 OK", "{\"text\":\"h\"}");
    let (answer, arrived) = tokio::join!(upload, provider.answer(&heard));
    assert_eq!(answer.expect(200).text(), "{\"text\":\"h\"}");
    assert_eq!(arrived.body, "{\"prompt\":\"\",\"audio_data\":\"UklGRgD/\"}");
}

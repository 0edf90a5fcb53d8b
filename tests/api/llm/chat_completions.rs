use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::harness::{Answer, Client, Server};

const GENERATE: &str = "/api/backends/chat-completions/generate";
const STATUS: &str = "/api/backends/chat-completions/status";
const PROCESS: &str = "/api/backends/chat-completions/process";

/// A provider on loopback: each connection is handed to the test.
struct Provider {
    listener: TcpListener,
    url: String,
}

impl Provider {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/v1", listener.local_addr().expect("a bound socket"));
        Self { listener, url }
    }

    /// The next request: its connection, head and body.
    async fn request(&self) -> (TcpStream, String, String) {
        let (mut stream, _) = self.listener.accept().await.expect("a connection");
        let mut raw = Vec::new();
        loop {
            if let Some(at) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&raw[..at]).to_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |length| length.parse().expect("a length"));
                if raw.len() >= at + 4 + length {
                    let body = String::from_utf8_lossy(&raw[at + 4..]).into_owned();
                    return (stream, head, body);
                }
            }
            assert_ne!(
                stream.read_buf(&mut raw).await.expect("a request"),
                0,
                "the request broke off"
            );
        }
    }

    /// Answers the next request with these bytes and closes; returns head and body of the request.
    async fn answer(&self, response: &[u8]) -> (String, String) {
        let (mut stream, head, body) = self.request().await;
        stream.write_all(response).await.expect("the relay reads");
        stream.shutdown().await.expect("the connection closes");
        (head, body)
    }
}

fn response(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// A request to source `custom`.
fn body(provider: &Provider, stream: bool) -> Value {
    json!({
        "chat_completion_source": "custom", "custom_url": provider.url, "model": "m", "stream": stream,
        "messages": [{ "role": "user", "content": "H\u{e4}llo \u{1F98A}\r\n" }],
    })
}

/// What the browser gets when the provider answers with `upstream`, and what the provider got.
async fn exchange(
    client: &Client,
    path: &str,
    body: &Value,
    provider: &Provider,
    upstream: &[u8],
) -> (Answer, String, String) {
    let (answer, (head, sent)) = tokio::join!(client.post(path, body), provider.answer(upstream));
    (answer, head, sent)
}

#[tokio::test]
async fn a_completion_passes_as_it_is_and_the_stored_key_is_sent() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    let secret = json!({ "key": "api_key_custom", "value": "sk-stored" });
    client.post("/api/secrets/write", secret).await.expect(200);
    let completion = "{ \"choices\": [{\"text\":\"\\ud800 \u{1F98A}\",\"n\":1.0}],\n \"b\":1e21 }";
    let (answer, head, sent) = exchange(
        &client,
        GENERATE,
        &body(&provider, false),
        &provider,
        &response("200 OK", completion),
    )
    .await;
    let answer = answer.expect(200);
    assert_eq!(answer.text(), completion);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    assert!(
        head.starts_with("post /v1/chat/completions http/1.1")
            && head.contains("authorization: bearer sk-stored"),
        "{head}"
    );
    let sent: Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(sent["messages"], body(&provider, false)["messages"]);
    assert!(
        sent.get("chat_completion_source").is_none() && sent.get("custom_url").is_none(),
        "{sent}"
    );
    for header in ["cookie:", "x-csrf-token:", "referer:"] {
        assert!(!head.contains(header), "{header} goes to the provider: {head}");
    }
}

#[tokio::test]
async fn a_stream_is_passed_on_byte_by_byte_as_it_arrives() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    let request = client.posting(GENERATE, &body(&provider, true)).send();
    let (first, second) = (
        &b"data: {\"a\":\"\xf0\x9f"[..],
        &b"\xa6\x8a\xff\x00\"}\r\n\r\ndata: [DONE]\n\n"[..],
    );
    let upstream = async {
        let (mut stream, _, sent) = provider.request().await;
        assert!(sent.contains("\"stream\":true"), "{sent}");
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        stream.write_all(head).await.unwrap();
        stream.write_all(first).await.unwrap();
        stream
    };
    let (answer, mut upstream) = tokio::join!(request, upstream);
    let answer = answer.expect("the server answers");
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().get("content-encoding").is_none());
    let mut chunks = answer.bytes_stream();
    let mut seen = Vec::new();
    // The provider sends nothing more until the browser has the first part.
    while seen.len() < first.len() {
        seen.extend_from_slice(&chunks.next().await.expect("a chunk").expect("a whole chunk"));
    }
    upstream.write_all(second).await.unwrap();
    upstream.shutdown().await.unwrap();
    while let Some(chunk) = chunks.next().await {
        seen.extend_from_slice(&chunk.expect("a whole chunk"));
    }
    assert_eq!(seen, [first, second].concat());
}

/// Waits until the relay closes the connection to the provider.
async fn closed(mut stream: TcpStream) {
    let end = timeout(Duration::from_secs(20), stream.read(&mut [0; 64])).await;
    let end = end.expect("the connection to the provider stays open though the browser has gone");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

#[tokio::test]
async fn a_browser_that_goes_ends_the_request_to_the_provider() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    for stream in [true, false] {
        let request = client.posting(GENERATE, &body(&provider, stream)).send();
        let request = tokio::spawn(request);
        let (upstream, _, _) = provider.request().await;
        request.abort();
        closed(upstream).await;
    }
    let request = client.posting(GENERATE, &body(&provider, true)).send();
    let upstream = async {
        let (mut stream, _, _) = provider.request().await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
            .await
            .unwrap();
        stream
    };
    let (answer, upstream) = tokio::join!(request, upstream);
    let mut chunks = answer.unwrap().bytes_stream();
    assert_eq!(&chunks.next().await.unwrap().unwrap()[..], b"data: 1\n\n");
    drop(chunks);
    closed(upstream).await;
}

/// An error that the frontend shows.
fn plain(message: &str, is_quota: bool) -> String {
    json!({ "error": { "message": message }, "quota_error": is_quota }).to_string()
}

/// Status and reason of the provider, its body, whether a stream was asked for; status and body for the browser.
#[tokio::test]
async fn a_providers_errors_have_the_shape_the_frontend_reads() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    let quota = r#"{"error":{"type":"insufficient_quota"}}"#;
    let cases: [(&str, &str, bool, u16, String); 9] = [
        ("401 Unauthorized", "{}", false, 200, plain("Unauthorized", false)),
        (
            "429 Too Many Requests",
            quota,
            false,
            200,
            plain("Too Many Requests", true),
        ),
        (
            "429 Too Many Requests",
            "{}",
            false,
            200,
            plain("Too Many Requests", false),
        ),
        (
            "500 Custom Reason",
            "<html>",
            false,
            200,
            plain("Custom Reason", false),
        ),
        ("401 Unauthorized", "{\"e\":1}", true, 400, "{\"e\":1}".to_owned()),
        ("429 Slow Down", "{\"e\":2}", true, 429, "{\"e\":2}".to_owned()),
        ("503 Busy", "text", true, 503, "text".to_owned()),
        (
            "200 OK",
            "<html>not JSON</html>",
            true,
            200,
            "<html>not JSON</html>".to_owned(),
        ),
        (
            "200 OK",
            "",
            false,
            502,
            json!({ "error": { "message": "Unexpected end of JSON input" } }).to_string(),
        ),
    ];
    for (status, text, stream, expected, shown) in cases {
        let (answer, _, _) = exchange(
            &client,
            GENERATE,
            &body(&provider, stream),
            &provider,
            &response(status, text),
        )
        .await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (expected, shown),
            "{status} {text} {stream}"
        );
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_a_bad_gateway() {
    let server = Server::start().await;
    let client = server.client().await;
    let provider = Provider::start().await;
    let dead = body(&provider, false);
    drop(provider);
    let answer = client.post(GENERATE, &dead).await.expect(502).json();
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Connection refused: "),
        "{answer}"
    );
    assert_eq!(answer["error"]["code"], "ECONNREFUSED");
    let answer = client.post(STATUS, &dead).await.expect(200);
    assert_eq!(answer.json(), json!({ "error": true }));
    let provider = Provider::start().await;
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"choices\":";
    let (answer, _, _) = exchange(&client, GENERATE, &body(&provider, false), &provider, cut).await;
    assert!(answer.expect(502).json()["error"]["message"].is_string());
}

#[tokio::test]
async fn a_stream_that_breaks_off_does_not_end_like_a_whole_one() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    let request = client.posting(GENERATE, &body(&provider, true)).send();
    let cut = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n";
    let (answer, _) = tokio::join!(request, provider.answer(cut));
    let read = answer.unwrap().bytes().await;
    assert!(
        read.is_err(),
        "the browser takes half an answer for a whole one: {read:?}"
    );
}

#[tokio::test]
async fn the_status_is_the_providers_list_of_models() {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let client = server.client().await;
    let list = r#"{"data":[{"id":"m","n":1.0}]}"#;
    for (upstream, expected) in [
        (response("200 OK", list), list.to_owned()),
        (
            response("200 OK", "no JSON"),
            json!({ "error": true }).to_string(),
        ),
        (
            response("401 Unauthorized", "{}"),
            json!({ "error": true, "data": { "data": [] } }).to_string(),
        ),
    ] {
        let (answer, head, _) =
            exchange(&client, STATUS, &body(&provider, false), &provider, &upstream).await;
        assert_eq!(answer.expect(200).text(), expected);
        assert!(head.starts_with("get /v1/models "), "{head}");
    }
}

#[tokio::test]
async fn sources_are_refused_by_what_is_known_of_them() {
    let server = Server::start().await;
    let client = server.client().await;
    for source in [json!("nonsense"), json!(null), json!(5), json!("")] {
        let body = json!({ "chat_completion_source": source, "messages": [] });
        let answer = client.post(GENERATE, &body).await;
        assert!(
            answer.status.is_client_error(),
            "{source}: {} {}",
            answer.status,
            answer.text()
        );
        assert_eq!(
            client.post(STATUS, &body).await.expect(400).json(),
            json!({ "error": true })
        );
    }
    let no_key = json!({ "chat_completion_source": "openai", "messages": [] });
    client.post(GENERATE, &no_key).await.expect(400);
    let answer = client
        .post(STATUS, json!({ "chat_completion_source": "claude" }))
        .await;
    assert_eq!(answer.expect(400).json(), json!({ "error": true }));
}

#[tokio::test]
async fn messages_are_processed_as_they_would_be_sent() {
    let server = Server::start().await;
    let client = server.client().await;
    let messages = json!([{ "role": "user", "content": "a" }, { "role": "user", "content": "b" }]);
    let answer = client
        .post(PROCESS, json!({ "messages": messages, "type": "merge" }))
        .await
        .expect(200);
    assert_eq!(
        answer.json(),
        json!({ "messages": [{ "role": "user", "content": "a\n\nb" }] })
    );
    for (body, error) in [
        (
            json!({ "messages": "x", "type": "merge" }),
            "Invalid messages format",
        ),
        (
            json!({ "messages": [], "type": "nonsense" }),
            "Unknown processing type",
        ),
        (json!({ "messages": [] }), "Unknown processing type"),
    ] {
        assert_eq!(
            client.post(PROCESS, &body).await.expect(400).json(),
            json!({ "error": error })
        );
    }
}

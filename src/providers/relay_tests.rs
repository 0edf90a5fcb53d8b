use std::net::SocketAddr;

use axum::body::to_bytes;
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt;
use hyper::ext::ReasonPhrase;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::chat::{Source, reply};
use super::super::upstream::{Upstream, UpstreamHeaders};
use super::{Relay, RelayError};
use crate::config::secret::Secret;
use crate::config::upstream::{PrivateAddresses, RequestProxy, UpstreamConfig};

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Accepts one connection and reads the request's head.
async fn accept(listener: &TcpListener) -> (TcpStream, Vec<u8>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (stream, head)
}

/// Answers every connection with the same bytes and closes it.
fn answer(listener: TcpListener, bytes: &'static [u8]) {
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = accept(&listener).await;
            stream.write_all(bytes).await.unwrap();
        }
    });
}

fn get(url: &str) -> Upstream {
    let mut headers = UpstreamHeaders::default();
    headers.set("X-Latin", "é");
    Upstream {
        method: Method::GET,
        url: url.parse().unwrap(),
        headers,
        body: Bytes::new(),
    }
}

fn relay() -> Relay {
    Relay::new(&UpstreamConfig::default()).unwrap()
}

fn filtered() -> Relay {
    let filter = PrivateAddresses {
        enabled: true,
        allowed_ranges: Vec::new(),
        ..PrivateAddresses::default()
    };
    Relay::new(&UpstreamConfig {
        private_addresses: filter,
        ..UpstreamConfig::default()
    })
    .unwrap()
}

async fn json_of(response: axum::response::Response) -> (StatusCode, Value) {
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_stream_split_inside_a_character_stays_byte_exact() {
    let (listener, address) = listen().await;
    let sending = tokio::spawn(async move {
        let (mut stream, head) = accept(&listener).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            .await
            .unwrap();
        (stream, head)
    });
    let reply = relay().send(get(&format!("http://{address}/"))).await.unwrap();
    let (mut upstream, head) = sending.await.unwrap();
    let latin1 = b"x-latin: \xe9\r\n";
    assert!(
        head.windows(latin1.len())
            .any(|line| line.eq_ignore_ascii_case(latin1))
    );

    let response = reply.into_stream().await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().is_empty());
    let mut chunks = response.into_body().into_data_stream();
    // Each piece arrives before the next is written: nothing waits for a whole event or character.
    for piece in [&b"data: \xe6\x97"[..], b"\xa5\r\n", b"\r\ndata: [DONE]\n\n"] {
        upstream.write_all(piece).await.unwrap();
        let mut got = Vec::new();
        while got.len() < piece.len() {
            got.extend(chunks.next().await.unwrap().unwrap());
        }
        assert_eq!(got, piece);
    }
    drop(upstream);
    assert!(chunks.next().await.is_none());
}

#[tokio::test]
async fn dropping_the_response_closes_the_upstream_connection() {
    let (listener, address) = listen().await;
    let sending = tokio::spawn(async move {
        let (mut stream, _) = accept(&listener).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
            .await
            .unwrap();
        stream
    });
    let response = relay()
        .send(get(&format!("http://{address}/")))
        .await
        .unwrap()
        .into_stream()
        .await;
    let mut chunks = response.into_body().into_data_stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "data: 1\n\n");
    drop(chunks);
    let mut upstream = sending.await.unwrap();
    assert!(matches!(upstream.read(&mut [0; 8]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn dropping_the_future_before_the_head_closes_the_upstream_connection() {
    let (listener, address) = listen().await;
    let relay = relay();
    let waiting =
        tokio::spawn(async move { relay.send(get(&format!("http://{address}/"))).await.map(|_| ()) });
    let (mut upstream, _) = accept(&listener).await;
    waiting.abort();
    assert!(matches!(upstream.read(&mut [0; 8]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn an_unauthorised_stream_becomes_400_with_its_phrase_and_text() {
    let (listener, address) = listen().await;
    answer(
        listener,
        b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 7\r\nx-a: b\r\n\r\n{\"e\":1}",
    );
    let outcome = relay().send(get(&format!("http://{address}/"))).await;
    let response = reply::generate(Source::OpenAi, outcome, true).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        response.extensions().get::<ReasonPhrase>().unwrap().as_bytes(),
        b"Unauthorized"
    );
    assert!(response.headers().is_empty());
    assert_eq!(to_bytes(response.into_body(), 99).await.unwrap(), "{\"e\":1}");
}

#[tokio::test]
async fn refusals_become_200_with_the_reason_phrase() {
    let (listener, address) = listen().await;
    answer(
        listener,
        b"HTTP/1.1 429 Slow Down\r\nconnection: close\r\n\r\n{\"error\":{\"type\":\"insufficient_quota\"}}",
    );
    let relay = relay();
    let url = format!("http://{address}/");
    let generated = json_of(reply::generate(Source::OpenAi, relay.send(get(&url)).await, false).await).await;
    let expected = json!({"error": {"message": "Slow Down"}, "quota_error": true});
    assert_eq!(generated, (StatusCode::OK, expected));
    let listed = json_of(reply::status(Source::OpenAi, relay.send(get(&url)).await).await).await;
    assert_eq!(
        listed,
        (StatusCode::OK, json!({"error": true, "data": {"data": []}}))
    );
}

#[tokio::test]
async fn an_empty_reason_phrase_is_an_unknown_error() {
    let (listener, address) = listen().await;
    answer(listener, b"HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n");
    let outcome = relay().send(get(&format!("http://{address}/"))).await;
    let (_, body) = json_of(reply::generate(Source::OpenAi, outcome, false).await).await;
    assert_eq!(
        body,
        json!({"error": {"message": "Unknown error occurred"}, "quota_error": false})
    );
}

#[tokio::test]
async fn failures_are_explained_as_the_original_does() {
    let (listener, address) = listen().await;
    drop(listener);
    let url = format!("http://{address}/v1");
    let refused = reply::generate(Source::OpenAi, relay().send(get(&url)).await, false).await;
    let message =
        format!("Connection refused: request to {url} failed, reason: connect ECONNREFUSED {address}");
    let expected = json!({"error": {
        "message": message, "type": "system", "errno": "ECONNREFUSED", "code": "ECONNREFUSED",
        "erroredSysCall": "connect",
    }});
    assert_eq!(json_of(refused).await, (StatusCode::BAD_GATEWAY, expected));

    let unresolved = relay()
        .send(get("http://no-such-host.invalid/v1"))
        .await
        .unwrap_err();
    let object = Value::Object(unresolved.to_object());
    let message = "request to http://no-such-host.invalid/v1 failed, reason: getaddrinfo ENOTFOUND no-such-host.invalid";
    assert_eq!(object["message"], message);
    assert_eq!(
        (&object["code"], &object["erroredSysCall"]),
        (&json!("ENOTFOUND"), &json!("getaddrinfo"))
    );
}

#[tokio::test]
async fn lost_connections_are_told_from_lost_bodies() {
    let (listener, address) = listen().await;
    answer(listener, b"");
    let url = format!("http://{address}/x");
    let error = relay().send(get(&url)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("request to {url} failed, reason: socket hang up")
    );
    assert_eq!(error.code(), Some("ECONNRESET"));

    let (listener, address) = listen().await;
    answer(listener, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"a\":");
    let url = format!("http://{address}/x");
    let error = relay().send(get(&url)).await.unwrap().bytes().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("Invalid response body while trying to fetch {url}: aborted")
    );
}

#[tokio::test]
async fn tls_against_plain_http_is_a_protocol_error() {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.ok();
    });
    let error = relay()
        .send(get(&format!("https://{address}/")))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("EPROTO"), "{error}");
}

#[tokio::test]
async fn redirects_stop_after_twenty() {
    let (listener, address) = listen().await;
    answer(
        listener,
        b"HTTP/1.1 302 Found\r\nlocation: /again\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
    let error = relay()
        .send(get(&format!("http://{address}/")))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("maximum redirect reached at: http://{address}/again")
    );
}

#[tokio::test]
async fn private_addresses_are_blocked_by_literal_name_and_redirect() {
    let blocked = |error: &RelayError| {
        error
            .to_string()
            .contains("Blocked request to private IP address: ")
    };
    let (listener, address) = listen().await;
    let relay = filtered();
    let literal = relay.send(get(&format!("http://{address}/"))).await.unwrap_err();
    assert!(blocked(&literal), "{literal}");
    let named = relay
        .send(get(&format!("http://localhost:{}/", address.port())))
        .await
        .unwrap_err();
    assert!(blocked(&named), "{named}");

    answer(
        listener,
        b"HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n",
    );
    let filter = PrivateAddresses {
        enabled: true,
        ..PrivateAddresses::default()
    };
    let relay = Relay::new(&UpstreamConfig {
        private_addresses: filter,
        ..UpstreamConfig::default()
    })
    .unwrap();
    let redirected = relay.send(get(&format!("http://{address}/"))).await.unwrap_err();
    assert!(blocked(&redirected), "{redirected}");
}

#[tokio::test]
async fn unusable_requests_are_refused_before_any_connection() {
    let relay = relay();
    let refusal = async |upstream: Upstream| relay.send(upstream).await.unwrap_err().to_string();
    assert_eq!(
        refusal(get("ftp://x/y")).await,
        "node-fetch cannot load ftp://x/y. URL scheme \"ftp\" is not supported."
    );
    assert_eq!(
        refusal(get("http://u:p@h/y")).await,
        "http://u:p@h/y is an url with embedded credentials."
    );
    let mut upstream = get("http://h/");
    upstream.headers.set("bad name", "x");
    assert_eq!(
        refusal(upstream).await,
        "Header name must be a valid HTTP token [\"bad name\"]"
    );
    let mut upstream = get("http://h/");
    upstream.headers.set("X-U", "中");
    assert_eq!(
        refusal(upstream).await,
        "Invalid character in header content [\"X-U\"]"
    );
}

#[tokio::test]
async fn a_proxy_gets_every_request_but_the_bypassed() {
    let (proxy, proxy_address) = listen().await;
    let (direct, direct_address) = listen().await;
    answer(direct, b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ndirect");
    answer(proxy, b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nproxied");
    let config = UpstreamConfig {
        proxy: Some(RequestProxy {
            url: Secret::new(format!("http://{proxy_address}")),
            bypass: vec![format!("127.0.0.1:{}", direct_address.port())],
        }),
        // The proxy itself is private here, and not the filter's business.
        private_addresses: PrivateAddresses {
            enabled: true,
            ..PrivateAddresses::default()
        },
        ..UpstreamConfig::default()
    };
    let relay = Relay::new(&config).unwrap();
    let body = async |url: String| relay.send(get(&url)).await.unwrap().text().await.unwrap();
    assert_eq!(body("http://8.8.8.8/".to_owned()).await, "proxied");
    assert_eq!(body("http://any.name.example/".to_owned()).await, "proxied");
    for address in ["http://10.0.0.1/", "http://[::ffff:169.254.169.254]/"] {
        let refused = relay.send(get(address)).await.unwrap_err().to_string();
        assert!(refused.contains("Blocked request"), "{refused}");
        let url = address.parse().unwrap();
        assert!(relay.route(&url).await.is_err(), "{address}");
    }
    assert_eq!(body(format!("http://{direct_address}/")).await, "direct");
}

#[tokio::test]
async fn what_nobody_vouches_for_is_filtered_without_being_told() {
    let (listener, address) = listen().await;
    answer(listener, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let untrusted = Relay::new(&UpstreamConfig::default())
        .unwrap()
        .untrusted(&UpstreamConfig::default())
        .unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}/", address.port());
        assert!(relay().send(get(&url)).await.is_ok(), "{host}");
        assert!(untrusted.send(get(&url)).await.is_err(), "{host}");
    }
    let proxied = UpstreamConfig {
        proxy: Some(RequestProxy {
            url: Secret::new(format!("http://{address}")),
            bypass: Vec::new(),
        }),
        ..UpstreamConfig::default()
    };
    let vouched = Relay::new(&proxied).unwrap();
    let untrusted = vouched.untrusted(&proxied).unwrap();
    let sent = async |relay: &Relay, url: &str| relay.send(get(url)).await.is_ok();
    assert!(sent(&vouched, "http://10.0.0.1/").await);
    assert!(!sent(&untrusted, "http://10.0.0.1/").await);
    assert!(sent(&untrusted, "http://any.name.example/").await);
}

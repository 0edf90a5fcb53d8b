//! The relay behind a real HTTP server, seen from the browser's socket.

use std::net::SocketAddr;

use axum::Router;
use axum::http::Method;
use axum::routing::get;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::chat::{Source, reply};
use super::super::upstream::{Upstream, UpstreamHeaders};
use super::Relay;
use crate::config::upstream::UpstreamConfig;

/// A server whose every request streams from `upstream`, and a browser's open connection with a request sent.
async fn browser_of(upstream: SocketAddr) -> TcpStream {
    let relay = Relay::new(&UpstreamConfig::default()).unwrap();
    let handler = async move || {
        let request = Upstream {
            method: Method::GET,
            url: format!("http://{upstream}/").parse().unwrap(),
            headers: UpstreamHeaders::default(),
            body: Bytes::new(),
        };
        reply::generate(Source::OpenAi, relay.send(request).await, true).await
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(handler));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let mut browser = TcpStream::connect(address).await.unwrap();
    browser
        .write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    browser
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 8]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn the_reason_phrase_reaches_the_browser_and_no_content_type_does() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut browser = browser_of(listener.local_addr().unwrap()).await;
    let (mut upstream, _) = listener.accept().await.unwrap();
    read_head(&mut upstream).await;
    let answer =
        b"HTTP/1.1 401 Get Lost\r\ncontent-type: text/html\r\nx-limit: 1\r\ncontent-length: 4\r\n\r\nnope";
    upstream.write_all(answer).await.unwrap();
    let head = read_head(&mut browser).await.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 400 get lost\r\n"), "{head}");
    assert!(
        !head.contains("content-type") && !head.contains("x-limit"),
        "{head}"
    );
    let mut body = [0; 4];
    browser.read_exact(&mut body).await.unwrap();
    assert_eq!(&body, b"nope");
}

#[tokio::test]
async fn a_browser_that_leaves_before_the_head_frees_the_upstream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let browser = browser_of(listener.local_addr().unwrap()).await;
    let (mut upstream, _) = listener.accept().await.unwrap();
    read_head(&mut upstream).await;
    drop(browser);
    assert!(is_closed(&mut upstream).await);
}

#[tokio::test]
async fn a_browser_that_leaves_in_mid_stream_frees_the_upstream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut browser = browser_of(listener.local_addr().unwrap()).await;
    let (mut upstream, _) = listener.accept().await.unwrap();
    read_head(&mut upstream).await;
    upstream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
        .await
        .unwrap();
    read_head(&mut browser).await;
    drop(browser);
    assert!(is_closed(&mut upstream).await);
}

/// A site that answers its connections one after the other, and then what reached it.
async fn site(answers: Vec<String>) -> (SocketAddr, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut heads = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            heads.push(read_head(&mut stream).await);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        heads
    });
    (address, serving)
}

async fn fetch(address: SocketAddr) -> Result<super::UpstreamReply, super::RelayError> {
    let relay = Relay::new(&UpstreamConfig::default()).unwrap();
    let request = Upstream {
        method: Method::GET,
        url: format!("http://{address}/first?key=secret").parse().unwrap(),
        headers: UpstreamHeaders::default(),
        body: Bytes::new(),
    };
    relay.send(request).await
}

#[tokio::test]
async fn a_redirect_does_not_tell_where_it_came_from() {
    let redirect =
        "HTTP/1.1 302 Found\r\nlocation: /second\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let (address, serving) = site(vec![redirect.to_owned(), answer.to_owned()]).await;
    let reply = fetch(address).await.unwrap();
    assert_eq!(reply.url().path(), "/second");
    let heads = serving.await.unwrap();
    assert!(heads[1].starts_with("GET /second "), "{}", heads[1]);
    assert!(!heads[1].contains("secret"), "{}", heads[1]);
}

#[tokio::test]
async fn a_redirect_to_no_address_is_an_error() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://[\r\ncontent-length: 0\r\n\r\n";
    let (address, _serving) = site(vec![redirect.to_owned()]).await;
    let error = fetch(address).await.unwrap_err();
    let message = "uri requested responds with an invalid redirect URL: http://[";
    assert_eq!(error.to_string(), message);
    assert_eq!(error.to_object()["type"], "invalid-redirect");
    assert!(!format!("{error:?}").contains("secret"));
}

#[tokio::test]
async fn a_body_is_held_up_to_a_limit_whether_announced_or_not() {
    for head in ["content-length: 5\r\n", ""] {
        for (limit, is_whole) in [(5, true), (4, false)] {
            let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{head}\r\nhello");
            let (address, _serving) = site(vec![answer]).await;
            let body = fetch(address).await.unwrap().bytes_within(limit).await.unwrap();
            assert_eq!(
                body.as_deref(),
                is_whole.then_some(&b"hello"[..]),
                "{head:?} {limit}"
            );
        }
    }
}

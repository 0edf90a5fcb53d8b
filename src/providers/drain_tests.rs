use bytes::Bytes;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::{Relay, RelayError, Upstream, UpstreamReply};
use crate::config::upstream::UpstreamConfig;
use crate::providers::upstream::UpstreamHeaders;

/// A listener, and a request to it.
async fn listen() -> (TcpListener, Upstream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let upstream = Upstream {
        method: axum::http::Method::GET,
        url: url.parse().unwrap(),
        headers: UpstreamHeaders::default(),
        body: Bytes::new(),
    };
    (listener, upstream)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream
}

/// Sends the request; the receiver gets what was kept, or an error when nothing was.
fn send(
    upstream: Upstream,
) -> (
    impl Future<Output = Result<UpstreamReply, RelayError>>,
    oneshot::Receiver<Bytes>,
) {
    let relay = Relay::new(&UpstreamConfig::default()).unwrap();
    let (sender, kept) = oneshot::channel();
    let keep = async move |answer| {
        sender.send(answer).unwrap();
    };
    (async move { relay.send_and_keep(upstream, keep).await }, kept)
}

const HEAD: &[u8] = b"HTTP/1.1 200 Fine\r\nx-a: b\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn an_answer_that_is_read_whole_is_not_kept() {
    let (listener, upstream) = listen().await;
    let (sending, kept) = send(upstream);
    let answering = async {
        let mut stream = accept(&listener).await;
        stream.write_all(&[HEAD, b"ab"].concat()).await.unwrap();
    };
    let (reply, ()) = tokio::join!(sending, answering);
    let reply = reply.unwrap();
    assert_eq!((reply.reason().as_str(), reply.status().as_u16()), ("Fine", 200));
    assert_eq!(reply.headers()["x-a"], "b");
    assert_eq!(reply.bytes().await.unwrap(), "ab");
    assert!(kept.await.is_err());
}

#[tokio::test]
async fn an_answer_whose_reader_goes_in_the_middle_is_kept_whole() {
    let (listener, upstream) = listen().await;
    let (sending, kept) = send(upstream);
    let answering = async {
        let mut stream = accept(&listener).await;
        stream.write_all(&[HEAD, b"first "].concat()).await.unwrap();
        stream
    };
    let (reply, mut stream) = tokio::join!(sending, answering);
    let mut pieces = reply.unwrap().into_pieces();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "first ");
    drop(pieces);
    stream.write_all(b"second").await.unwrap();
    drop(stream);
    assert_eq!(kept.await.unwrap(), "first second");
}

#[tokio::test]
async fn an_answer_whose_reader_goes_before_it_begins_is_kept() {
    let (listener, upstream) = listen().await;
    let (sending, kept) = send(upstream);
    let sending = tokio::spawn(sending);
    let mut stream = accept(&listener).await;
    sending.abort();
    assert!(sending.await.is_err_and(|error| error.is_cancelled()));
    stream.write_all(&[HEAD, b"all of it"].concat()).await.unwrap();
    drop(stream);
    assert_eq!(kept.await.unwrap(), "all of it");
}

#[tokio::test]
async fn refusals_and_failures_are_not_kept() {
    let (listener, upstream) = listen().await;
    let (sending, kept) = send(upstream.clone());
    let answering = async {
        let mut stream = accept(&listener).await;
        stream
            .write_all(b"HTTP/1.1 429 Slow Down\r\nconnection: close\r\n\r\nno")
            .await
            .unwrap();
    };
    let (reply, ()) = tokio::join!(sending, answering);
    assert_eq!(reply.unwrap().text().await.unwrap(), "no");
    assert!(kept.await.is_err());
    drop(listener);
    let (sending, kept) = send(upstream);
    assert_eq!(sending.await.unwrap_err().code(), Some("ECONNREFUSED"));
    assert!(kept.await.is_err());
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_error_to_the_reader_and_kept_from_nobody() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let (listener, upstream) = listen().await;
    let (sending, kept) = send(upstream.clone());
    let answering = async {
        accept(&listener).await.write_all(cut).await.unwrap();
    };
    let (reply, ()) = tokio::join!(sending, answering);
    let error = reply.unwrap().bytes().await.unwrap_err();
    assert!(error.to_string().ends_with(": aborted"), "{error}");
    assert!(kept.await.is_err());
    let (sending, kept) = send(upstream);
    let sending = tokio::spawn(sending);
    let mut stream = accept(&listener).await;
    sending.abort();
    assert!(sending.await.is_err());
    stream.write_all(cut).await.unwrap();
    drop(stream);
    assert_eq!(kept.await.unwrap(), "half");
}

#[tokio::test]
async fn of_an_endless_answer_the_start_is_held() {
    let (listener, upstream) = listen().await;
    let (sending, kept) = send(upstream);
    let sending = tokio::spawn(sending);
    let mut stream = accept(&listener).await;
    sending.abort();
    stream.write_all(HEAD).await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..17 {
        stream.write_all(&piece).await.unwrap();
    }
    drop(stream);
    assert_eq!(kept.await.unwrap().len(), super::MAX_HELD);
}

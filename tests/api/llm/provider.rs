//! A back end on loopback whose connections are handed to the test.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longest wait for something that has to happen.
pub const SOON: Duration = Duration::from_secs(30);

/// The head of a streamed answer.
pub const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// A listening back end.
pub struct Provider {
    listener: TcpListener,
    /// `http://127.0.0.1:<port>`.
    pub url: String,
}

/// A request that arrived, and the connection to answer on.
pub struct Arrived {
    pub stream: TcpStream,
    /// Request line and headers.
    pub head: String,
    pub body: String,
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        Self { listener, url }
    }

    /// The next request.
    pub async fn request(&self) -> Arrived {
        let accepted = timeout(SOON, self.listener.accept()).await;
        let (mut stream, _) = accepted.expect("no request comes").expect("a connection");
        let mut raw = Vec::new();
        loop {
            if let Some(at) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&raw[..at]).into_owned();
                let length = head.to_lowercase().lines().find_map(|line| {
                    line.strip_prefix("content-length: ")
                        .map(|length| length.parse().expect("a length"))
                });
                if raw.len() >= at + 4 + length.unwrap_or(0) {
                    let body = String::from_utf8_lossy(&raw[at + 4..]).into_owned();
                    return Arrived { stream, head, body };
                }
            }
            assert_ne!(
                stream.read_buf(&mut raw).await.expect("a request"),
                0,
                "the request broke off"
            );
        }
    }

    /// Answers the next request with these bytes and closes; returns it.
    pub async fn answer(&self, response: &[u8]) -> Arrived {
        let mut arrived = self.request().await;
        arrived.stream.write_all(response).await.expect("the relay reads");
        arrived.stream.shutdown().await.expect("the connection closes");
        arrived
    }
}

/// A whole answer of JSON.
pub fn response(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

/// Waits until the other side closes the connection.
pub async fn closed(mut stream: TcpStream) {
    let end = timeout(SOON, stream.read(&mut [0; 64])).await;
    let end = end.expect("the connection to the back end stays open though the browser has gone");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

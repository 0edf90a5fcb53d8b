//! Requests as no well-behaved client would write them: bytes in, bytes out.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for an answer that has to come.
const SOON: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug, Default)]
pub struct Reply {
    /// 0 when the connection was closed without a status line.
    pub status: u16,
    /// Status line and headers, as sent.
    pub head: String,
    /// What followed, transfer coding and all.
    pub body: String,
}

/// Opens a connection to a server at `http://<address>`.
pub async fn connect(url: &str) -> TcpStream {
    let address = url.strip_prefix("http://").expect("an address of ours");
    TcpStream::connect(address).await.expect("the server listens")
}

/// Sends these bytes and reads until the server closes the connection.
pub async fn exchange(url: &str, request: impl AsRef<[u8]>) -> Reply {
    let mut stream = connect(url).await;
    // A server that has seen enough may close before it has read everything.
    let _ = stream.write_all(request.as_ref()).await;
    rest(stream).await
}

/// Reads until the server closes the connection.
pub async fn rest(mut stream: TcpStream) -> Reply {
    let mut raw = Vec::new();
    let read = async {
        let mut piece = [0; 8192];
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            raw.extend_from_slice(&piece[..length]);
        }
    };
    let read = tokio::time::timeout(SOON, read).await;
    read.expect("the server answers and closes");
    parse(&raw)
}

fn parse(raw: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(raw);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Reply {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// `GET target` with these header lines, and the connection closed after it.
pub async fn get(url: &str, target: &str, headers: &[&str]) -> Reply {
    let mut request = format!("GET {target} HTTP/1.1\r\nConnection: close\r\n");
    for line in headers {
        request.push_str(line);
        request.push_str("\r\n");
    }
    exchange(url, request + "\r\n").await
}

//! A plain HTTP/1.1 client that sends exactly the bytes a step asks for: no URL clean-up, no added headers, no
//! redirects, no decompression. Malformed input has to reach both servers unchanged.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Request method.
    pub method: String,
    /// Request target, sent verbatim.
    pub target: String,
    /// Headers besides `Connection` and `Content-Length`; without `Host` it is the server's own.
    pub headers: Vec<(String, String)>,
    /// Body bytes; `None` sends no `Content-Length`.
    pub body: Option<Vec<u8>>,
}

impl Wire {
    /// A request without headers or body.
    pub fn new(method: &str, target: &str) -> Wire {
        Wire {
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
            body: None,
        }
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Status code; 0 when no answer came.
    pub status: u16,
    /// Reason phrase, or the transport error when `status` is 0.
    pub reason: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body with the transfer coding removed.
    pub body: Vec<u8>,
    /// The body ended before its announced length or last chunk.
    pub truncated: bool,
}

impl Answer {
    /// All values of a header, joined by `, `; `None` when absent.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The body as text, invalid UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends one request on a connection of its own and reads the answer to its end.
///
/// Errors: any transport failure, a malformed head, or 60 seconds without an end, as text.
pub async fn send(base_url: &str, wire: &Wire) -> Result<Answer, String> {
    let exchange = exchange(base_url, wire);
    tokio::time::timeout(Duration::from_secs(60), exchange)
        .await
        .map_err(|_| "no end within 60 s".to_owned())?
}

async fn exchange(base_url: &str, wire: &Wire) -> Result<Answer, String> {
    let host = base_url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host)
        .await
        .map_err(|error| format!("connect: {error}"))?;
    let mut head = format!(
        "{} {} HTTP/1.1\r\nConnection: close\r\n",
        wire.method, wire.target
    );
    if !wire.headers.iter().any(|(name, _)| name == "Host") {
        head.push_str(&format!("Host: {host}\r\n"));
    }
    for (name, value) in &wire.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = &wire.body {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(wire.body.as_deref().unwrap_or_default());
    // A server may answer and close before it has read the whole body; its answer still counts.
    let written = stream.write_all(&bytes).await;
    let mut raw = Vec::new();
    let read = stream.read_to_end(&mut raw).await;
    if raw.is_empty() {
        return Err(match (written, read) {
            (Err(error), _) => format!("write: {error}"),
            (_, Err(error)) => format!("read: {error}"),
            _ => "the connection closed without an answer".to_owned(),
        });
    }
    parse(&raw, wire.method == "HEAD")
}

/// Splits a raw answer into head and body.
fn parse(raw: &[u8], head_only: bool) -> Result<Answer, String> {
    let end = raw
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or("no end of headers")?;
    let head = String::from_utf8_lossy(&raw[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let mut parts = status_line.splitn(3, ' ');
    let (_, code, reason) = (
        parts.next(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let status = code
        .parse()
        .map_err(|_| format!("bad status line: {status_line}"))?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer {
        status,
        reason: reason.to_owned(),
        headers,
        ..Answer::default()
    };
    let rest = &raw[end + 4..];
    if head_only || matches!(status, 204 | 304) {
        answer.body = rest.to_vec();
    } else if answer
        .header("transfer-encoding")
        .is_some_and(|coding| coding.contains("chunked"))
    {
        (answer.body, answer.truncated) = dechunk(rest);
    } else {
        answer.body = rest.to_vec();
        let announced = answer
            .header("content-length")
            .and_then(|length| length.parse::<usize>().ok());
        answer.truncated = announced.is_some_and(|length| length != rest.len());
    }
    Ok(answer)
}

/// Removes the chunked coding; the flag tells whether the last chunk was missing.
fn dechunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = line.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else {
            return (body, true);
        };
        if size == 0 {
            return (body, false);
        }
        let start = end + 2;
        let Some(chunk) = rest.get(start..start + size) else {
            body.extend_from_slice(&rest[start.min(rest.len())..]);
            return (body, true);
        };
        body.extend_from_slice(chunk);
        rest = rest.get(start + size + 2..).unwrap_or_default();
    }
    (body, true)
}

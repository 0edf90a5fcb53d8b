//! A language-model provider on loopback that answers as its path says and records what reached it.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::compare;
use crate::harness::Request;

/// Request headers that belong to the contract with a provider; the rest is each HTTP client's own.
const HEADERS: &[&str] = &[
    "apikey",
    "authorization",
    "client-agent",
    "content-type",
    "http-referer",
    "x-title",
    "x-api-key",
    "x-probe",
    "x-other",
    "accept-language",
    "anthropic-beta",
    "anthropic-version",
    "api-key",
    "x-billing-mode",
    "x-provider",
    "x-session-affinity",
    "x-goog-api-key",
    "xi-api-key",
    "ocp-apim-subscription-key",
    "x-microsoft-outputformat",
    "mm-api-source",
    "x-api-app-id",
    "x-api-access-key",
    "x-api-resource-id",
];

/// Headers that a site sees besides, where the whole internet is played.
const MORE_HEADERS: &[&str] = &[
    "accept",
    "cookie",
    "dnt",
    "origin",
    "referer",
    "sec-fetch-mode",
    "user-agent",
    "x-requested-with",
];

/// What the two HTTP clients call themselves when nobody tells them what to say.
const CLIENTS: &[&str] = &["node-fetch", concat!("Squaretable/", env!("CARGO_PKG_VERSION"))];

/// A request that reached the upstream.
#[derive(Clone, Debug)]
pub struct Recorded {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Recorded {
    /// The compared parts of a request that reached a world. A form's boundary, which each client invents, gets a
    /// name.
    pub fn of(request: &Request) -> Recorded {
        let mut headers: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, value)| {
                let is_known = |list: &[&str]| list.contains(&name.as_str());
                let is_own = name == "user-agent" && CLIENTS.contains(&value.as_str());
                (is_known(HEADERS) || is_known(MORE_HEADERS)) && !is_own
            })
            .cloned()
            .collect();
        headers.sort();
        for (name, value) in &mut headers {
            // Made with a key of the installation.
            if name == "x-session-affinity" {
                *value = format!("<{} digits>", value.len());
            }
        }
        let mut body = unseeded(&unsigned(&String::from_utf8_lossy(&request.body)), &request.url);
        if let Some((_, boundary)) = request
            .header("content-type")
            .and_then(|kind| kind.split_once("boundary="))
        {
            // What follows the last boundary means nothing (RFC 2046, section 5.1.1), and one of them ends its line.
            body = body.trim_end().replace(boundary, "<boundary>");
            for (_, value) in &mut headers {
                // One of the clients leaves the space out.
                *value = value
                    .replace(boundary, "<boundary>")
                    .replace(";boundary=", "; boundary=");
            }
        }
        Recorded {
            method: request.method.clone(),
            path: unnumbered(&request.url),
            headers,
            body,
        }
    }

    /// The parts that have to be equal, as JSON.
    pub fn to_value(&self) -> Value {
        let headers: serde_json::Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), Value::String(value.clone())))
            .collect();
        let body = compare::tree(&self.body).unwrap_or_else(|| Value::String(self.body.clone()));
        json!({ "method": self.method, "path": self.path, "headers": headers, "body": body })
    }
}

/// An address without the number that its caller makes up.
fn unnumbered(address: &str) -> String {
    let made_up = regex::Regex::new("(_reqid=|ucid=)[0-9a-f]+").expect("a pattern");
    made_up.replace(address, "$1<number>").into_owned()
}

/// A body without the seed that its caller makes up, where one is asked for always: nobody writes one of that many digits.
fn unseeded(body: &str, url: &str) -> String {
    if !url.contains("pollinations.ai/") {
        return body.to_owned();
    }
    let made_up = regex::Regex::new("\"seed\":[0-9]{5,}").expect("a pattern");
    made_up.replace(body, "\"seed\":\"made up\"").into_owned()
}

/// A body without the moment and the signature of the JSON Web Token in it, if there is one; how long it is valid
/// stays.
fn unsigned(body: &str) -> String {
    let Some((start, token)) = body.split_once("assertion=") else {
        return body.to_owned();
    };
    let parts: Vec<&str> = token.split('.').collect();
    let claims = parts
        .get(1)
        .and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
    let Some(mut claims) = claims.and_then(|claims| compare::tree(&String::from_utf8_lossy(&claims))) else {
        return body.to_owned();
    };
    claims["exp"] = json!(claims["exp"].as_i64().unwrap_or(0) - claims["iat"].as_i64().unwrap_or(0));
    claims["iat"] = json!("now");
    format!(
        "{start}assertion={}.{claims}.{}",
        parts[0],
        parts.last().map_or(0, |signature| signature.len())
    )
}

/// A running upstream; it stops with the test's runtime.
pub struct Upstream {
    /// `http://127.0.0.1:<port>`.
    pub base_url: String,
    requests: Arc<Mutex<Vec<Recorded>>>,
}

impl Upstream {
    /// Starts listening on a port of its own.
    pub async fn start() -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base_url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone()));
            }
        });
        Upstream { base_url, requests }
    }

    /// Takes the requests recorded so far.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.requests.lock().expect("no holder panics"))
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<Recorded>>>) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    let path = request.path.clone();
    let stream_wanted = request.body.contains("\"stream\":true");
    seen.lock().expect("no holder panics").push(request);
    // A client that went away is its own business.
    let _ = answer(&mut stream, &path, stream_wanted).await;
    let _ = stream.shutdown().await;
}

/// Reads one request with `Content-Length`, or chunked, body.
async fn read(stream: &mut TcpStream) -> Option<Recorded> {
    let mut raw = Vec::new();
    let mut buffer = [0; 16384];
    let end = loop {
        if let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        raw.extend_from_slice(&buffer[..read]);
    };
    let head = String::from_utf8_lossy(&raw[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let all: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let find = |name: &str| {
        all.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let chunked = find("transfer-encoding").is_some();
    let length: usize = find("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = raw.split_off(end + 4);
    while if chunked {
        !body.ends_with(b"0\r\n\r\n")
    } else {
        body.len() < length
    } {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        body.extend_from_slice(&buffer[..read]);
    }
    let mut headers: Vec<_> = all
        .into_iter()
        .filter(|(name, _)| HEADERS.contains(&name.as_str()))
        .collect();
    headers.sort();
    Some(Recorded {
        method,
        path,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// Answers by the first segment of the path.
async fn answer(stream: &mut TcpStream, path: &str, stream_wanted: bool) -> std::io::Result<()> {
    let mode = path.split('/').nth(1).unwrap_or_default();
    let error = |code: u16| {
        json!({ "error": { "message": format!("upstream says {code}"), "type": "t", "code": code } })
            .to_string()
    };
    match mode {
        "e400" => whole(stream, "400 Bad Request", &error(400)).await,
        "e401" => whole(stream, "401 Unauthorized", &error(401)).await,
        "e402" => whole(stream, "402 Payment Required", &error(402)).await,
        "e403" => whole(stream, "403 Forbidden", &error(403)).await,
        "e404" => whole(stream, "404 Not Found", "plain not found").await,
        "e429" => whole(stream, "429 Too Many Requests", &error(429)).await,
        "quota" => whole(stream, "429 Too Many Requests", QUOTA).await,
        "e500" => whole(stream, "500 Internal Server Error", "boom, not JSON").await,
        "e503" => whole(stream, "503 Service Unavailable", &error(503)).await,
        "broken" => whole(stream, "200 OK", "{\"choices\": [").await,
        "inner" => whole(stream, "200 OK", &error(200)).await,
        "empty" => whole(stream, "200 OK", "{}").await,
        "list" => whole(stream, "200 OK", "[1,2]").await,
        "hangup" => Ok(()),
        _ if path.contains("/models") => whole(stream, "200 OK", MODELS).await,
        _ if stream_wanted => events(stream).await,
        _ => whole(stream, "200 OK", REPLY).await,
    }
}

const QUOTA: &str = r#"{"error":{"message":"pay","type":"insufficient_quota"}}"#;
const MODELS: &str = r#"{"object":"list","data":[{"id":"m-1","object":"model"},{"id":"m-0","name":"Zéro"}]}"#;
const REPLY: &str = r#"{"id":"r1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Grüße 👋 ok","tool_calls":[]},"finish_reason":"stop"}],"usage":{"total_tokens":7}}"#;

async fn whole(stream: &mut TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-Upstream: yes\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

/// A stream whose chunks end inside a four-byte character.
async fn events(stream: &mut TcpStream) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"a👋b\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"é\"}}]}\n\n";
    let cut = text.find('👋').expect("the text has a wave") + 2;
    for part in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
        chunk(stream, part).await?;
    }
    chunk(stream, b"data: [DONE]\n\n").await?;
    stream.write_all(b"0\r\n\r\n").await
}

async fn chunk(stream: &mut TcpStream, part: &[u8]) -> std::io::Result<()> {
    stream
        .write_all(format!("{:x}\r\n", part.len()).as_bytes())
        .await?;
    stream.write_all(part).await?;
    stream.write_all(b"\r\n").await?;
    stream.flush().await
}

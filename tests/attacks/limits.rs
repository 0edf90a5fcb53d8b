//! Too much, too long, too deep, too slow: refused early, and at nobody else's cost.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::tally::{LIMITS, Tally};
use super::wire;
use crate::harness::{Client, Options, Server};

/// Longest wait for something that has to happen.
const SOON: Duration = Duration::from_secs(60);

async fn accounts() -> Server {
    let mut options = Options::default();
    options.config.accounts.enabled = true;
    let server = Server::with(options).await;
    server.tenant("anna", false).await;
    server
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// Bodies beyond what a visitor may send: 1 MiB, inflated. `tests/api/account/sessions.rs` shows that users may.
#[tokio::test]
async fn a_visitor_gets_no_big_body_in() {
    let server = accounts().await;
    let client = server.client().await;
    let mut tally = Tally::new("bodies");
    let big = vec![b' '; 3 << 20];
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let inner = gzip(&bomb);
    assert!(bomb.len() < 1 << 20);
    for path in [
        "/api/users/login",
        "/api/users/recover-step1",
        "/api/users/list",
        "/api/chats/save",
        "/nothing",
        "/",
    ] {
        let kinds: [(&str, &str, &[u8], &[u16]); 7] = [
            ("application/json", "", &big, &[413]),
            ("application/x-www-form-urlencoded", "", &big, &[413]),
            ("application/json", "gzip", &bomb, &[413]),
            ("application/x-www-form-urlencoded", "gzip", &bomb, &[413]),
            ("application/json", "gzip, gzip", &inner, &[415]),
            ("application/json", "br", &bomb, &[415]),
            ("multipart/form-data; boundary=x", "", &big, &[413]),
        ];
        for (kind, encoding, body, expected) in kinds {
            let mut request = client.request(Method::POST, path).header("content-type", kind);
            if !encoding.is_empty() {
                request = request.header("content-encoding", encoding);
            }
            let what = format!("POST {path}: {kind} {encoding}, {} bytes", body.len());
            // A server that answers before it has read everything may be met by an error while sending.
            match request.body(body.to_vec()).send().await {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    tally.note(LIMITS, what, expected.contains(&status), status);
                }
                Err(error) => tally.note(LIMITS, what, error.is_request(), error),
            }
        }
    }
    endless(&client, &server, &mut tally).await;
    deep(&client, &mut tally).await;
    tally.finish(45);
}

/// Bodies that do not say how long they are: a form that goes on and on, in text and as a file.
async fn endless(client: &Client, server: &Server, tally: &mut Tally) {
    for part in ["name=\"handle\"", "name=\"avatar\"; filename=\"a\""] {
        let head = format!("--x\r\nContent-Disposition: form-data; {part}\r\n\r\n");
        let pieces = std::iter::once(head.into_bytes()).chain(std::iter::repeat_n(vec![b'a'; 1 << 20], 64));
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = sent.clone();
        let body = futures_util::stream::iter(pieces.map(move |piece| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(piece)
        }));
        let request = client
            .request(Method::POST, "/api/users/login")
            .header("content-type", "multipart/form-data; boundary=x")
            .body(reqwest::Body::wrap_stream(body));
        let what = format!("POST /api/users/login: multipart without a length, {part}");
        match request.send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                tally.note(LIMITS, &what, status == 413, status);
            }
            Err(error) => tally.note(LIMITS, &what, error.is_request(), error),
        }
        // Sockets hold some megabytes of what nobody reads.
        let taken = sent.load(Ordering::Relaxed);
        let what = format!("{what}: not all of it is taken");
        tally.note(LIMITS, what, taken < 32, format!("{taken} MiB"));
    }
    let left = std::fs::read_dir(server.app.uploads())
        .expect("our own folder")
        .count();
    tally.note(
        LIMITS,
        "nothing of them stays",
        left == 0,
        format!("{left} files"),
    );
}

/// Small bodies that are large once they are understood.
async fn deep(client: &Client, tally: &mut Tally) {
    let deep = format!("{{\"handle\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let keys: String = (0..50_000).map(|n| format!("k{n}=1&")).collect();
    let nested = format!("a{}=1", "[b]".repeat(50_000));
    for (kind, body) in [
        ("application/json", deep),
        ("application/x-www-form-urlencoded", keys),
        ("application/x-www-form-urlencoded", nested),
    ] {
        let what = format!("POST /api/users/login: {}…", &body[..20]);
        let answer = client.post_raw("/api/users/login", kind, body).await;
        tally.note(
            LIMITS,
            what,
            matches!(answer.status.as_u16(), 400 | 403 | 413),
            answer.text(),
        );
    }
    client.post("/api/users/list", json!({})).await.expect(200);
}

/// Heads that are too long or say two things at once; `<long>` is a word of 1 MiB, `<many>` 5,000 headers, and `<post>` how
/// a request with a body begins.
const HEADS: [(&str, &str); 20] = [
    ("5,000 headers", "GET / HTTP/1.1\r\n<host><many>\r\n"),
    ("a header of 1 MiB", "GET / HTTP/1.1\r\n<host>X-A: <long>\r\n\r\n"),
    (
        "a header's name of 1 MiB",
        "GET / HTTP/1.1\r\n<host><long>: b\r\n\r\n",
    ),
    (
        "a cookie of 1 MiB",
        "GET /api/users/me HTTP/1.1\r\n<host>Cookie: session=<long>\r\n\r\n",
    ),
    ("an address of 1 MiB", "GET /<long> HTTP/1.1\r\n<host>\r\n"),
    (
        "a query of 1 MiB",
        "GET /thumbnail?file=<long> HTTP/1.1\r\n<host>\r\n",
    ),
    ("a method of 1 MiB", "<long> / HTTP/1.1\r\n<host>\r\n"),
    ("no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    ("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n"),
    ("another version", "GET / HTTP/9.9\r\n<host>\r\n"),
    (
        "two lengths",
        "<post>Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}",
    ),
    ("a negative length", "<post>Content-Length: -1\r\n\r\n"),
    ("a length that is no number", "<post>Content-Length: 0x10\r\n\r\n"),
    (
        "an overflowing length",
        "<post>Content-Length: 99999999999999999999\r\n\r\n",
    ),
    (
        "an unknown coding",
        "<post>Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    ),
    ("a broken chunk", "<post>Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    (
        "a huge chunk",
        "<post>Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ),
    (
        "a space before the colon",
        "GET / HTTP/1.1\r\n<host>X-A : b\r\n\r\n",
    ),
    (
        "a line break in a header",
        "GET / HTTP/1.1\r\n<host>X-A: b\rc: d\r\n\r\n",
    ),
    ("NUL in a header", "GET / HTTP/1.1\r\n<host>X-A: b\0c\r\n\r\n"),
];

/// A length and a coding at once, and what is no second request behind them.
const BOTH: &str = "<post>Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /csrf-token HTTP/1.1\r\n<host>\r\n";

#[tokio::test]
async fn heads_are_short_and_mean_one_thing() {
    let server = accounts().await;
    let mut tally = Tally::new("heads");
    let long = "a".repeat(1 << 20);
    let many = "X-A: b\r\n".repeat(5000);
    let fill = |text: &str| {
        text.replace(
            "<post>",
            "POST /nothing HTTP/1.1\r\n<host>Content-Type: application/json\r\n",
        )
        .replace("<host>", "Host: localhost\r\nConnection: close\r\n")
        .replace("<long>", &long)
        .replace("<many>", &many)
    };
    for (what, head) in HEADS {
        let reply = wire::exchange(&server.url, fill(head)).await;
        let refused = reply.status == 0 || (400..500).contains(&reply.status);
        tally.note(LIMITS, what, refused, reply.head);
    }
    let reply = wire::exchange(&server.url, fill(BOTH)).await;
    let refused = !reply.body.contains("\"token\"");
    let seen = format!("{}\n{}", reply.head, reply.body);
    tally.note(LIMITS, "a length and a coding", refused, seen);
    server.client().await.get("/login").await.expect(200);
    tally.finish(21);
}

/// Heads that do not end: the server hangs up.
#[tokio::test]
async fn slow_heads_are_not_waited_for() {
    let server = Server::with_patience(Duration::from_millis(200)).await;
    let mut tally = Tally::new("slow_heads");
    for start in [
        "",
        "G",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b",
    ] {
        let mut stream = wire::connect(&server.url).await;
        stream
            .write_all(start.as_bytes())
            .await
            .expect("the server reads");
        let reply = tokio::time::timeout(SOON, wire::rest(stream)).await;
        let refused = reply
            .as_ref()
            .is_ok_and(|reply| !(200..400).contains(&reply.status));
        tally.note(
            LIMITS,
            format!("a head that ends after {start:?}"),
            refused,
            format!("{reply:?}"),
        );
    }
    let whole = wire::get(&server.url, "/version", &["Host: localhost"]).await;
    assert_eq!(whole.status, 200, "a head that comes: {}", whole.head);
    tally.finish(4);
}

/// Bodies that are announced and do not come cost whoever else is there nothing.
#[tokio::test]
async fn slow_bodies_hold_up_nobody() {
    let server = accounts().await;
    let client = server.client_of("anna").await;
    let mut tally = Tally::new("slow_bodies");
    let mut held: Vec<TcpStream> = Vec::new();
    for n in 0..200 {
        let mut stream = wire::connect(&server.url).await;
        let cookies = if n % 2 == 0 { client.cookies() } else { "" };
        let (path, kind) = match n % 3 {
            0 => ("/api/users/login", "application/json"),
            1 => ("/api/chats/save", "application/json"),
            _ => ("/api/characters/import", "multipart/form-data; boundary=x"),
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\nX-CSRF-Token: {}\r\n\
             Content-Type: {kind}\r\nContent-Length: 100000\r\n\r\n{{\"a\":",
            client.token()
        );
        stream.write_all(head.as_bytes()).await.expect("the server reads");
        held.push(stream);
    }
    // More than there are database connections: had they taken any, nothing would be answered.
    for n in 0..20 {
        let theme = json!({ "name": format!("theme {n}") });
        let saved = tokio::time::timeout(SOON, client.post("/api/themes/save", theme)).await;
        let is_answered = saved.is_ok_and(|answer| answer.status == 200);
        tally.note(
            LIMITS,
            format!("200 bodies that do not come, request {n}"),
            is_answered,
            "no answer",
        );
    }
    drop(held);
    tally.finish(20);
}

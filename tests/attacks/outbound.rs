//! Requests that the server is made to send into its own network: through every route that asks an address of the user's,
//! in every spelling of a private address, directly and by redirect.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Url;
use serde_json::{Map, Value, json};
use squaretable::config::Config;
use squaretable::config::ip_pattern::IpPattern;
use squaretable::router;
use tokio::net::TcpListener;

use super::doors;
use super::ssrf::{Kind, Ssrf};
use super::tally::{BODY, BYPASS, SPELLED, Tally};
use crate::harness::{Client, Log, Options, Server};

/// In every answer of the service inside.
const SECRET: &str = "inside-secret-9c1e";

/// What the log says of each refusal.
const REFUSAL: &str = "blocked a request to a private address";

/// Spellings of this machine, where the service inside listens.
const LOOPBACK: [&str; 24] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "0x7F.0x0.0x0.0x1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.01",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "any.localhost",
    "\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}",
    "127\u{3002}0\u{3002}0\u{3002}1",
    "0.0.0.0",
    "0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
];

/// Other private networks, and addresses that lead into them.
const PRIVATE: [&str; 29] = [
    "10.0.0.1",
    "10.255.255.254",
    "172.16.0.1",
    "192.168.1.1",
    "0xc0a80101",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "0.0.0.1",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:192.168.1.1]",
    "[::127.0.0.1]",
    "[::ffff:0:10.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a00:1]",
    "[2002:a9fe:a9fe::]",
    "[2001:0:808:808::5601:5601]",
];

/// A service that counts who asks it.
struct Service {
    url: String,
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Service {
    /// At an address of this machine, with this in its answers; with `onward` every request is sent on to there.
    async fn start(ip: &str, text: &'static str, onward: Option<String>) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let answer = move || {
            count.fetch_add(1, Ordering::Relaxed);
            let onward = onward.clone();
            async move { reply(text, onward) }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self {
            url: format!("http://{ip}:{port}"),
            port,
            asked,
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn reply(text: &str, onward: Option<String>) -> Response {
    if let Some(onward) = onward {
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, onward)]).into_response();
    }
    let body = json!({ "data": [], "text": text }).to_string();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Of all private addresses only 127.0.0.2 may be asked.
async fn server() -> (Server, Client) {
    let mut config = Config::default();
    config.http.cors_proxy = true;
    let filter = &mut config.upstream.private_addresses;
    filter.enabled = true;
    filter.allowed_ranges = IpPattern::parse("127.0.0.2").into_iter().collect();
    let hosts = LOOPBACK.iter().chain(&PRIVATE).chain(&["127.0.0.2"]);
    let hosts = hosts.filter_map(|host| {
        Url::parse(&format!("http://{host}/"))
            .ok()?
            .host_str()
            .map(str::to_owned)
    });
    config.content.import_domains = hosts.collect();
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    let client = server.client().await;
    (server, client)
}

fn refusals(log: &Log) -> usize {
    log.text().matches(REFUSAL).count()
}

#[tokio::test]
async fn no_route_asks_a_private_address() {
    let log = Log::start();
    let inside = Service::start("127.0.0.1", SECRET, None).await;
    let outside = Service::start("127.0.0.2", "outside", None).await;
    let onward = format!("http://127.0.0.1:{}/", inside.port);
    let mover = Service::start("127.0.0.2", "", Some(onward)).await;
    let (_server, client) = server().await;
    let doors = doors::all();
    let (mut tally, mut table) = (Tally::new("outbound"), Ssrf::default());
    for door in &doors {
        let before = outside.asked();
        door.knock(&client, &outside.url).await;
        assert!(
            outside.asked() > before,
            "{} asks nobody: it proves nothing",
            door.name()
        );
    }
    let loopback = LOOPBACK.map(|host| format!("http://{host}:{}", inside.port));
    let private = PRIVATE.map(|host| format!("http://{host}"));
    for (kind, urls) in [
        (Kind::Loopback, &loopback[..]),
        (Kind::Private, &private),
        (Kind::Redirect, std::slice::from_ref(&mover.url)),
    ] {
        let rule = if kind == Kind::Redirect { BYPASS } else { SPELLED };
        for url in urls {
            for door in &doors {
                let before = refusals(&log);
                let answer = door.knock(&client, url).await;
                let text = answer.text();
                // Some routes put the address in the place of `localhost` wherever it stands, which makes no address here.
                let is_address = Url::parse(&url.replace("localhost", "127.0.0.1")).is_ok();
                let is_logged = refusals(&log) > before || !is_address;
                let refused = inside.asked() == 0 && !text.contains(SECRET) && is_logged;
                let what = format!("{} to {url}", door.name());
                let seen = format!("{} {text}, asked {} times", answer.status, inside.asked());
                tally.note(door.rule, &what, refused, &seen);
                if door.rule == BODY {
                    tally.note(rule, what, refused, seen);
                }
                let kind = if url.contains("ffff:") { Kind::Mapped } else { kind };
                table.note(&door.name(), kind, refused);
            }
        }
    }
    table.write("outbound");
    tally.finish(3000);
}

/// Every name by which a route of the original takes an address.
const FIELDS: &str =
    "url urls api_server server_url server custom_url reverse_proxy baseUrl base_url apiUrl api_url extrasUrl
    apiHost endpoint provider_endpoint host address remote link target proxy auth download_url imageUrl image_url";

/// Whatever route asks an address that is in one of these fields, or in a secret, has to be among the doors.
#[tokio::test]
async fn every_route_that_asks_an_address_is_attacked() {
    let outside = Service::start("127.0.0.2", "outside", None).await;
    let (_server, client) = server().await;
    let doors = doors::all();
    let known: BTreeSet<&str> = doors.iter().map(|door| door.path.as_str()).collect();
    for door in &doors {
        // Leaves the address in each secret that is one.
        door.knock(&client, &outside.url).await;
    }
    let fields = FIELDS.split_ascii_whitespace();
    let addresses: Map<String, Value> = fields
        .map(|name| (name.to_owned(), outside.url.as_str().into()))
        .collect();
    let mut found = BTreeSet::new();
    for (source, kind) in [
        ("custom", "llamacpp"),
        ("openai", "ollama"),
        ("makersuite", "tabby"),
    ] {
        let rest = json!({
            "chat_completion_source": source, "api_type": kind, "model": "m", "name": "m", "prompt": "p", "query": "q",
            "text": "t", "lang": "en", "from_lang": "en", "to_lang": "de", "items": ["x"], "image": "aGk=", "input": "x",
            "messages": [{ "role": "user", "content": "x" }], "category": "bgm", "filename": "a.mp3", "action": "info",
            "id_slot": "0", "repo_id": "r", "voice": "v", "proxy_password": "p", "extensionName": "x",
            "collectionId": "c", "collectionIds": ["c"], "searchText": "x", "source": kind,
        });
        let mut body = addresses.clone();
        body.extend(rest.as_object().cloned().expect("an object"));
        for route in router::routes().merge(router::own()).served() {
            // These ask the video's site, whatever they are sent.
            if route.method != "POST" || route.path.ends_with("/transcript") {
                continue;
            }
            let before = outside.asked();
            client.post(&route.path, &body).await;
            if outside.asked() > before {
                found.insert(route.path.clone());
            }
        }
    }
    let unknown: Vec<_> = found
        .iter()
        .filter(|path| !known.contains(path.as_str()))
        .collect();
    assert!(unknown.is_empty(), "nobody attacks these: {unknown:?}");
    assert!(found.len() >= 20, "only these ask anybody: {found:?}");
}

/// `/api/search/visit` asks no address but that of a public site, even where an administrator allows others.
#[tokio::test]
async fn a_visit_goes_to_no_address_of_this_network() {
    let inside = Service::start("127.0.0.1", SECRET, None).await;
    let (_server, client) = server().await;
    let mut tally = Tally::new("visits");
    for host in LOOPBACK.iter().chain(&PRIVATE).chain(&["127.0.0.2"]) {
        for url in [
            format!("http://{host}/"),
            format!("http://{host}:{}/", inside.port),
        ] {
            for html in [true, false] {
                let body = json!({ "url": url, "html": html });
                let answer = client.post("/api/search/visit", body).await;
                let refused = answer.status == 400 && inside.asked() == 0;
                tally.note(
                    SPELLED,
                    format!("visit {url}, html {html}"),
                    refused,
                    answer.text(),
                );
            }
        }
    }
    tally.finish(200);
}

/// What accounts change: the operator's network is none of the users' business unless a file says so.
#[tokio::test]
async fn with_accounts_private_addresses_are_refused_by_default() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let load = |yaml: &str| {
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, yaml).expect("our own file");
        let path = path.display().to_string();
        let cli = clap::Parser::try_parse_from(["squaretable", "--config", &path]);
        let (config, warnings) = Config::load(&cli.expect("the flags parse")).expect("it is valid");
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        (config.upstream.private_addresses, warnings.join("\n"))
    };
    let (alone, _) = load("enableUserAccounts: false\n");
    assert!(!alone.enabled && alone.allowed_ranges.len() == 2);
    let (many, warnings) = load("enableUserAccounts: true\n");
    assert!(many.enabled && many.allowed_ranges.is_empty());
    assert!(!warnings.contains("privateAddressWhitelist"), "{warnings}");
    let (told, warnings) = load("enableUserAccounts: true\nprivateAddressWhitelist:\n  enabled: false\n");
    assert!(
        !told.enabled && warnings.contains("privateAddressWhitelist"),
        "{warnings}"
    );
    let ranges = "enableUserAccounts: true\nprivateAddressWhitelist:\n  allowedRanges: ['10.0.0.0/8']\n";
    let (some, _) = load(ranges);
    assert!(some.enabled && some.allowed_ranges.len() == 1);
}

//! DNS rebinding: a page whose name suddenly leads to this server may not talk to it.

use squaretable::config::Config;

use super::tally::{PROXY, REBINDING, Tally};
use super::wire;
use crate::harness::{Options, Server};

/// `Host` values of a browser that was led here under another name.
const FOREIGN: [&str; 22] = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "[::1].evil.example",
    "evil.example:127.0.0.1",
    "localhost@evil.example",
    "evil.example#localhost",
    "evil.example/localhost",
    "evil-localhost",
    "localhost-evil.example",
    "file:8000",
    "FILE:8000",
    "x-extension:8000",
    "evil.example-extension:80",
    "[::1",
    "[evil.example]",
    "0x7f000001",
    "127.1",
    "st.example.evil.example",
    "xst.example",
    "evil.example,localhost",
];

/// Paths of every kind: pages, static files, users' files, routes.
const PATHS: [&str; 7] = [
    "/",
    "/version",
    "/csrf-token",
    "/script.js",
    "/characters/x.png",
    "/thumbnail?type=avatar&file=x.png",
    "/api/users/me",
];

async fn server() -> Server {
    let mut config = Config::default();
    assert!(config.http.host_whitelist.enabled, "the check is on by default");
    config.http.host_whitelist.hosts = vec!["st.example".to_owned(), ".lan.example".to_owned()];
    // What they say is looked at where it is configured, and these requests are about the host.
    config.http.ip_whitelist.check_forwarded = false;
    Server::with(Options {
        config,
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn a_server_answers_under_its_own_names_only() {
    let server = server().await;
    let mut tally = Tally::new("hosts");
    for own in [
        "localhost",
        "127.0.0.1:8000",
        "[::1]:8000",
        "st.example",
        "a.lan.example:443",
    ] {
        let reply = wire::get(&server.url, "/version", &[&format!("Host: {own}")]).await;
        assert_eq!(reply.status, 200, "{own}: {}", reply.head);
    }
    for host in FOREIGN {
        for path in PATHS {
            let reply = wire::get(&server.url, path, &[&format!("Host: {host}")]).await;
            let refused = matches!(reply.status, 400 | 403) && !reply.body.contains("token");
            tally.note(REBINDING, format!("Host: {host}, {path}"), refused, reply.head);
        }
    }
    // Neither other headers nor TLS make a foreign name ours.
    for excuse in [
        "X-Forwarded-Host: localhost",
        "X-Original-Host: localhost",
        "X-Host: localhost",
        "Forwarded: host=localhost;proto=https",
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 127.0.0.1",
        "Origin: http://localhost",
        "Referer: http://localhost/",
        "Host: localhost",
        "HOST: st.example",
    ] {
        for lines in [["Host: evil.example", excuse], [excuse, "Host: evil.example"]] {
            let reply = wire::get(&server.url, "/version", &lines).await;
            let refused = matches!(reply.status, 400 | 403);
            tally.note(REBINDING, lines.join(" + "), refused, reply.head);
        }
    }
    targets(&server, &mut tally).await;
    tally.finish(170);
}

/// The host in the target of a request, which counts before `Host`.
async fn targets(server: &Server, tally: &mut Tally) {
    for target in [
        "http://evil.example/version",
        "https://evil.example/version",
        "http://evil.example:8000/version",
        "http://localhost.evil.example/version",
        "http://localhost@evil.example/version",
        "HTTP://EVIL.EXAMPLE/version",
    ] {
        let reply = wire::get(&server.url, target, &["Host: localhost"]).await;
        let refused = matches!(reply.status, 400 | 403);
        tally.note(REBINDING, format!("GET {target}"), refused, reply.head);
    }
    let reply = wire::get(&server.url, "http://localhost/version", &["Host: localhost"]).await;
    assert_eq!(reply.status, 200, "a whole address of ours: {}", reply.head);
    // Nobody gets a tunnel, and no address of somebody else is fetched.
    for target in ["evil.example:443", "127.0.0.1:22"] {
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n");
        let reply = wire::exchange(&server.url, request).await;
        tally.note(
            PROXY,
            format!("CONNECT {target}"),
            reply.status >= 400,
            reply.head,
        );
    }
}

/// The CORS proxy is not there unless it is switched on, and no address of it is shown.
#[tokio::test]
async fn there_is_no_open_proxy() {
    let server = Server::start().await;
    let client = server.client().await;
    let mut tally = Tally::new("cors_proxy");
    for address in [
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data/",
        "https://example.com/",
        "file:///etc/passwd",
        "<script>alert(1)</script>",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "javascript:alert(1)",
    ] {
        for path in [format!("/proxy/{address}"), format!("/PROXY/{address}")] {
            let reply = wire::get(&server.url, &path, &["Host: localhost"]).await;
            let shown = reply.body.contains("<script>alert") || reply.body.contains("root:");
            let refused = matches!(reply.status, 400 | 403 | 404) && !shown;
            tally.note(
                PROXY,
                format!("GET {path}"),
                refused,
                format!("{}\n{}", reply.head, reply.body),
            );
        }
        let posted = client
            .post(
                &format!("/proxy/{}", address.replace(['<', '>'], "")),
                serde_json::json!({}),
            )
            .await;
        let refused = matches!(posted.status.as_u16(), 400 | 403 | 404);
        tally.note(PROXY, format!("POST /proxy/{address}"), refused, posted.text());
    }
    tally.finish(21);
}

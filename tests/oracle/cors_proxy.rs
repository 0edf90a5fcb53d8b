//! `/proxy/<address>`: other sites for scripts of the page.

use serde_json::json;

use super::dsl::{Call, call, post};
use super::refusals::refusals;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

const ON: &str = "enableCorsProxy: true\n";
const SITE: &str = "https://voices.example/";

async fn ask(s: &mut Scenario, request: Call, label: &str) {
    s.send(request.note(label)).await;
    s.reached(label).await;
}

#[tokio::test]
async fn oracle_cors_proxy() {
    let sites = Sites::default();
    sites.below(SITE, |request| {
        Reply::bytes("text/html; charset=utf-8", format!("<b>{}</b>", request.method))
            .header("X-Secret", "1")
            .header("Set-Cookie", "a=b")
    });
    let mut s = Scenario::in_world("cors_proxy", ON, &sites).await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let path = format!("/proxy/{SITE}v1/list?dropped=1");
        ask(&mut s, call(method, &path).no_csrf(), method).await;
    }
    for address in [
        "https%3A%2F%2Fvoices.example%2Fv1%3Fa%3Db%26c%3D%2520",
        "https://voices.example",
        "https://voices.example/%C3%BC/",
        "HTTPS://VOICES.EXAMPLE/x/",
        "voices.example/x",
        "http://",
        "",
        "ftp://voices.example/x",
        "javascript:alert(1)",
        "https://user:secret@voices.example/",
        "https://voices.example/%E0%A4%A",
    ] {
        ask(
            &mut s,
            call("GET", &format!("/proxy/{address}")),
            &format!("to [{address}]"),
        )
        .await;
    }
    ask(
        &mut s,
        call("GET", "/PROXY/https://voices.example/Case/"),
        "in capitals",
    )
    .await;
    bodies(&mut s).await;
    headers(&mut s).await;
    for (label, reply) in refusals() {
        sites.below(SITE, move |_| reply.clone());
        ask(
            &mut s,
            call("GET", &format!("/proxy/{SITE}x")),
            &format!("answers {label}"),
        )
        .await;
    }
    s.finish();
}

/// Bodies of every type, which leave as JSON.
async fn bodies(s: &mut Scenario) {
    let path = format!("/proxy/{SITE}speak");
    let spoken = json!({ "text": "ü\u{1f98a}", "10": 1, "2": [1.0, null] });
    ask(s, post(&path, &spoken).no_csrf(), "JSON").await;
    for (kind, body) in [
        ("application/x-www-form-urlencoded", "a=1&b[]=2&b[]=3"),
        ("text/plain", "hello"),
        ("application/octet-stream", "bytes"),
        ("application/json", "[1, 2]"),
        ("application/json", "{"),
    ] {
        let request = call("POST", &path).body(kind, body.as_bytes()).no_csrf();
        ask(s, request, &format!("{kind} {body}")).await;
    }
}

/// The browser's headers, of which some are for this server.
async fn headers(s: &mut Scenario) {
    let mut request = call("GET", &format!("/proxy/{SITE}headers"));
    for (name, value) in [
        ("Authorization", "Bearer key"),
        ("X-Api-Key", "k"),
        ("X-Title", "t"),
        ("Accept", "audio/mpeg"),
        ("Accept-Language", "de"),
        ("Origin", "http://localhost:8000"),
        ("Referer", "http://localhost:8000/"),
        ("Sec-Fetch-Mode", "cors"),
        ("User-Agent", "Browser/1"),
        ("X-Requested-With", "x"),
    ] {
        request = request.header(name, value);
    }
    ask(s, request, "headers").await;
}

//! `/api/search`: services, and pages of the web.

use serde_json::{Value, json};

use super::dsl::post;
use super::refusals::refusals;
use super::scenario::Scenario;
use crate::harness::{Reply, Sites};

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("/api/search/{route}"), body).note(label))
        .await;
    s.reached(&format!("{route} {label}")).await;
}

fn replies() -> Vec<(&'static str, Reply)> {
    let found = json!({ "results": [{ "title": "Grüße", "n": 1.0 }] });
    let mut replies = refusals();
    replies.extend([
        ("null", Reply::json(&Value::Null)),
        ("text", Reply::json(&json!("x"))),
        ("good", Reply::json(&found)),
    ]);
    replies
}

const SERVICES: [(&str, &str); 5] = [
    ("serpapi", "https://serpapi.com/"),
    ("tavily", "https://api.tavily.com/"),
    ("serper", "https://google.serper.dev/"),
    ("zai", "https://api.z.ai/"),
    ("koboldcpp", "http://kobold.example:5001/"),
];

#[tokio::test]
async fn oracle_search() {
    let sites = Sites::default();
    let overrides =
        "requestOverrides:\n  - hosts: ['kobold.example:5001']\n    headers:\n      X-Probe: set\n";
    let mut s = Scenario::in_world("search", overrides, &sites).await;
    for (service, _) in SERVICES {
        ask(&mut s, service, "without key", &json!({ "query": "q" })).await;
    }
    for key in [
        "api_key_serpapi",
        "api_key_serper",
        "api_key_tavily",
        "api_key_zai",
    ] {
        s.post(
            "/api/secrets/write",
            json!({ "key": key, "value": "the key", "label": "l" }),
        )
        .await;
    }
    let address = "http://kobold.example:5001/v1/";
    for (label, reply) in replies() {
        for (service, start) in SERVICES {
            let reply = reply.clone();
            sites.below(start, move |_| reply.clone());
            ask(
                &mut s,
                service,
                label,
                &json!({ "query": "a b & ünï?", "url": address }),
            )
            .await;
        }
    }
    for (service, _) in SERVICES {
        for value in [json!(null), json!(""), json!(5), json!(["a"]), json!({ "a": 1 })] {
            let body = json!({ "query": value, "url": address, "images": value, "include_images": value });
            ask(&mut s, service, &format!("query {value}"), &body).await;
        }
        ask(&mut s, service, "nothing", &json!({ "url": address })).await;
    }
    for url in [
        json!(""),
        json!("no address"),
        json!("http://kobold.example:5001"),
        json!(5),
    ] {
        ask(
            &mut s,
            "koboldcpp",
            &format!("url {url}"),
            &json!({ "query": "q", "url": url }),
        )
        .await;
    }
    s.finish();
}

#[tokio::test]
async fn oracle_search_pages() {
    let sites = Sites::default();
    let mut s = Scenario::in_world("search_pages", "", &sites).await;
    visits(&mut s, &sites).await;
    instances(&mut s, &sites).await;
    videos(&mut s, &sites).await;
    s.finish();
}

async fn visits(s: &mut Scenario, sites: &Sites) {
    let page = "<html><body>Grüße <script>1</script></body></html>";
    for (path, reply) in [
        ("html", Reply::bytes("text/html; charset=utf-8", page)),
        ("xhtml", Reply::bytes("application/xhtml+xml", page)),
        ("picture", Reply::bytes("image/png", [137, 80, 78, 71, 0, 255])),
        ("untyped", Reply::bytes("", page)),
        (
            "gone",
            Reply::bytes("text/html", page).with_status("404 Not Found"),
        ),
        ("moved", Reply::redirect("https://site.example/html")),
        ("hang-up", Reply::hang_up()),
    ] {
        let url = format!("https://site.example/{path}");
        sites.on("GET", &url, reply);
        for html in [json!(null), json!(true), json!(false), json!(0)] {
            ask(
                s,
                "visit",
                &format!("{path} html {html}"),
                &json!({ "url": url, "html": html }),
            )
            .await;
        }
    }
    for url in [
        json!(null),
        json!(""),
        json!("site.example/html"),
        json!("ftp://site.example/"),
        json!("https://site.example:8443/html"),
        json!("https://site.example:443/html"),
        json!("http://127.0.0.1/"),
        json!("http://[::1]/"),
        json!("http://0x7f000001/"),
        json!("http://localhost/"),
        json!("http://a.localhost/"),
        json!("/etc/passwd"),
        json!(5),
        json!({ "a": 1 }),
    ] {
        ask(s, "visit", &format!("url {url}"), &json!({ "url": url })).await;
    }
}

async fn instances(s: &mut Scenario, sites: &Sites) {
    let first = |extra: &str| Reply::bytes("text/html", format!("<head>{extra}</head>"));
    let sheet = "<link href=\"/client-a.css\"><link href=\"/client-b.css\">";
    sites.below("http://searx.example/client", |_| Reply::bytes("text/css", ""));
    for (label, front, results) in [
        ("plain", first(""), Reply::bytes("text/html", "<p>Grüße</p>")),
        (
            "with a sheet",
            first(sheet),
            Reply::bytes("text/html", "<p>1</p>"),
        ),
        ("refused", first(sheet), Reply::status("429 Too Many Requests")),
        (
            "gone",
            Reply::status("502 Bad Gateway"),
            Reply::bytes("text/html", ""),
        ),
        ("hang-up", Reply::hang_up(), Reply::hang_up()),
    ] {
        let results = results.clone();
        sites.on("GET", "http://searx.example/", front);
        sites.below("http://searx.example/search", move |_| results.clone());
        let body = json!({ "baseUrl": "http://searx.example", "query": "a b & ü", "preferences": "eJx", "categories": "general,it" });
        ask(s, "searxng", label, &body).await;
    }
    for body in [
        json!({}),
        json!({ "baseUrl": "http://searx.example/" }),
        json!({ "query": "q" }),
        json!({ "baseUrl": "no address", "query": "q" }),
        json!({ "baseUrl": "http://searx.example/", "query": 5, "preferences": "", "categories": null }),
    ] {
        ask(s, "searxng", &body.to_string(), &body).await;
    }
}

async fn videos(s: &mut Scenario, sites: &Sites) {
    let track = |lang: &str| json!({ "baseUrl": format!("https://www.youtube.com/api/timedtext?v=1&lang={lang}"), "languageCode": lang });
    let captions =
        json!({ "playerCaptionsTracklistRenderer": { "captionTracks": [track("en"), track("de")] } });
    let page = |captions: &str| format!("<html>\"captions\":{captions}\n,\"videoDetails\":{{}}</html>");
    let xml = "<transcript><text start=\"0\" dur=\"1.5\">I&amp;#39;m &amp;quot;here&amp;quot; &amp;lt;3</text><text start=\"2\" dur=\"1\">a\nb</text><text>no</text></transcript>";
    sites.below("https://www.youtube.com/api/timedtext", move |_| {
        Reply::bytes("text/xml", xml)
    });
    for (id, html) in [
        ("good", page(&captions.to_string())),
        ("disabled", page("{}")),
        ("none", page(r#"{"playerCaptionsTracklistRenderer":{}}"#)),
        ("broken", page("{")),
        ("robot", "<div class=\"g-recaptcha\">".to_owned()),
        ("private", "\"playabilityStatus\":".to_owned()),
    ] {
        sites.on(
            "GET",
            &format!("https://www.youtube.com/watch?v={id}"),
            Reply::bytes("text/html", html),
        );
        for (lang, as_json) in [
            (json!(null), false),
            (json!("de"), true),
            (json!("fr"), true),
            (json!("fr"), false),
        ] {
            let body = json!({ "id": id, "lang": lang, "json": as_json });
            ask(s, "transcript", &body.to_string(), &body).await;
        }
    }
    for body in [
        json!({}),
        json!({ "id": "" }),
        json!({ "id": 5 }),
        json!({ "id": "gone", "json": true }),
    ] {
        ask(s, "transcript", &body.to_string(), &body).await;
    }
}

//! Code that a browser would run as this server's own: reflected in answers, or stored as a file and opened as a page.

use reqwest::Method;
use serde_json::json;
use squaretable::config::secret::Secret;
use squaretable::config::upstream::RequestProxy;
use squaretable::router;

use super::tally::{FILES, REFLECTED, Tally};
use super::wire;
use crate::harness::{Answer, Client, Options, Reply, Server, Sites, World, file};

/// Each would run if it were part of a page.
const CODE: [&str; 3] = [
    "<script>attack(1)</script>",
    "\"><img src=x onerror=attack(1)>",
    "'><svg onload=attack(1)>",
];

/// Every field that a route reads as text.
const FIELDS: &str = "avatar_url avatar ch_name file chatfile file_name original_file renamed_file new_name id name bg path
    is_group format exportfilename query field value group_id chat url category filename fileName extensionName branch key
    apiId folder text chat_completion_source custom_url api_type api_server server_url server api_key token handle
    newPassword code ch type data image label source destination taskId model";

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer
        .headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap_or_default())
}

/// Whether a browser would show this answer as a page with that code in it.
fn runs(answer: &Answer, code: &str) -> bool {
    let kind = header(answer, "content-type");
    let is_page = kind.is_empty() || kind.contains("html") || kind.contains("xml");
    is_page && answer.text().contains(code)
}

/// GHSA-xc4x-2452-5gc9: no answer of any route has what was sent to it as a page.
#[tokio::test]
async fn no_answer_reflects_code() {
    let mut options = Options::default();
    // Nobody outside is asked.
    options.config.upstream.proxy = Some(RequestProxy {
        url: Secret::new("http://127.0.0.1:1".to_owned()),
        bypass: Vec::new(),
    });
    let server = Server::with(options).await;
    let client = server.client().await;
    let mut tally = Tally::new("reflected");
    for code in CODE {
        let fields = FIELDS
            .split_ascii_whitespace()
            .map(|name| (name.to_owned(), code.into()));
        let mut body: serde_json::Map<_, _> = fields.collect();
        body.insert("urls".to_owned(), json!([code]));
        body.insert("hashes".to_owned(), json!([code]));
        let query =
            percent_encoding::utf8_percent_encode(code, percent_encoding::NON_ALPHANUMERIC).to_string();
        for route in router::routes().merge(router::own()).served() {
            let path = route
                .path
                .replace("/:folder?", &format!("/{query}"))
                .replace("/:source?", &format!("/{query}"));
            let path = format!(
                "{path}?type={query}&file={query}&name={query}&token={query}&hash={query}&model={query}&{query}"
            );
            let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
            let requests = [
                client.request(method.clone(), &path),
                client.posting(&path, &body),
                client
                    .request(method, &path)
                    .header("accept", "text/html")
                    .header("referer", code),
            ];
            for request in requests {
                let answer = client.send(request).await;
                let is_safe = !runs(&answer, code) && header(&answer, "x-content-type-options") == "nosniff";
                let seen = format!("{:?} {}", answer.headers, answer.text());
                tally.note(
                    REFLECTED,
                    format!("{} {} with {code}", route.method, route.path),
                    is_safe,
                    seen,
                );
            }
        }
        raw_paths(&server, code, &mut tally).await;
    }
    tally.finish(1200);
}

/// Code in the path as no client would leave it there, and in headers.
async fn raw_paths(server: &Server, code: &str, tally: &mut Tally) {
    let spaceless = code.replace(' ', "/");
    for place in [
        "/",
        "/nothing/",
        "/css",
        "/login/",
        "/callback/",
        "/characters/",
        "/api/",
        "/scripts/extensions/third-party/",
        "//evil.example/",
    ] {
        let target = format!("{place}{spaceless}");
        let host = "Host: localhost";
        let reply = wire::get(
            &server.url,
            &target,
            &[host, "Accept: text/html", &format!("Referer: {spaceless}")],
        )
        .await;
        let is_page =
            reply.head.to_lowercase().contains("html") || !reply.head.to_lowercase().contains("content-type");
        let is_safe = !(is_page && reply.body.contains(&spaceless));
        tally.note(
            REFLECTED,
            format!("GET {target}"),
            is_safe,
            format!("{}\n{}", reply.head, reply.body),
        );
        let away = reply.head.to_lowercase().contains("location: //") || reply.head.contains("ocation: http");
        tally.note(REFLECTED, format!("GET {target}: leads away"), !away, reply.head);
    }
}

const PAGE: &str = "<html xmlns='http://www.w3.org/1999/xhtml'><script>attack(1)</script></html>";
const SVG: &str = "<svg xmlns='http://www.w3.org/2000/svg'><script>attack(1)</script></svg>";

/// Extensions of files that browsers open as something that can run.
const KINDS: [(&str, &str); 18] = [
    ("html", PAGE),
    ("htm", PAGE),
    ("shtml", PAGE),
    ("xhtml", PAGE),
    ("xht", PAGE),
    ("svg", SVG),
    ("svgz", SVG),
    ("xml", PAGE),
    ("xsl", PAGE),
    ("xslt", PAGE),
    ("rdf", PAGE),
    ("atom", PAGE),
    ("rss", PAGE),
    ("mathml", PAGE),
    ("pdf", "%PDF-1.4"),
    ("swf", "FWS"),
    ("mht", "Content-Type: text/html"),
    ("unknown", PAGE),
];

/// Whether a browser that is sent to this answer runs anything of it in this origin.
fn is_contained(answer: &Answer) -> bool {
    let kind = header(answer, "content-type");
    let media = kind.split(';').next().unwrap_or_default();
    let policy = header(answer, "content-security-policy");
    let is_sandboxed = policy.split(';').any(|rule| rule.trim() == "sandbox");
    let is_inert = [
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "text/plain",
        "application/json",
        "application/octet-stream",
    ]
    .contains(&media)
        || media.starts_with("audio/")
        || media.starts_with("video/");
    let is_download = header(answer, "content-disposition").starts_with("attachment");
    header(answer, "x-content-type-options") == "nosniff" && (is_inert || is_sandboxed || is_download)
}

#[tokio::test]
async fn a_users_file_opened_as_a_page_runs_nothing() {
    let sites = Sites::default();
    sites.below("http://files.example/", |_| Reply::bytes("text/html", PAGE));
    let world = World::start(&sites).await;
    let mut options = Options::default();
    options.config.content.import_domains = vec!["files.example".to_owned()];
    options.config.upstream.proxy = Some(RequestProxy {
        url: Secret::new(world.proxy()),
        bypass: Vec::new(),
    });
    let server = Server::with(options).await;
    let client = server.client().await;
    let mut tally = Tally::new("files");
    let mut served = 0;
    for (kind, text) in KINDS {
        for kind in [kind.to_owned(), kind.to_uppercase()] {
            store(&client, &kind, text).await;
            for path in places(&client, &kind).await {
                for accept in ["*/*", "text/html,application/xhtml+xml"] {
                    let answer = client
                        .send(client.request(Method::GET, &path).header("accept", accept))
                        .await;
                    served += usize::from(answer.status == 200);
                    let is_safe = answer.status != 200 || is_contained(&answer);
                    tally.note(
                        FILES,
                        format!("GET {path}"),
                        is_safe,
                        format!("{:?}", answer.headers),
                    );
                }
            }
        }
    }
    assert!(served >= 100, "only {served} of these files are there");
    tally.finish(200);
}

/// Tries every way to store a file of this kind.
async fn store(client: &Client, kind: &str, text: &str) {
    let name = format!("a.{kind}");
    let fields = [("name", "Ada"), ("label", "sprite"), ("spriteName", "sprite")];
    client
        .upload("/api/sprites/upload", file(&name, text), &fields)
        .await;
    client
        .upload("/api/backgrounds/upload", file(&name, text), &[])
        .await;
    client
        .upload(
            "/api/avatars/upload",
            file(&name, text),
            &[("overwrite_name", &name)],
        )
        .await;
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text);
    let attached = json!({ "name": name, "data": encoded });
    client.post("/api/files/upload", attached).await;
    let image = json!({ "image": encoded, "format": kind, "filename": "a", "ch_name": "Ada" });
    client.post("/api/images/upload", image).await;
    for category in ["bgm", "ambient", "live2d", "vrm", "temp", "character"] {
        let asset =
            json!({ "url": format!("http://files.example/{name}"), "category": category, "filename": name });
        client.post("/api/assets/download", asset).await;
    }
}

/// Where such files are served, and where they are shown on the way to being deleted.
async fn places(client: &Client, kind: &str) -> Vec<String> {
    let mut all = vec![
        format!("/characters/Ada/sprite.{kind}"),
        format!("/backgrounds/a.{kind}"),
        format!("/User%20Avatars/a.{kind}"),
        format!("/user/files/a.{kind}"),
        format!("/user/images/Ada/a.{kind}"),
        format!("/assets/bgm/a.{kind}"),
        format!("/assets/vrm/a.{kind}"),
        format!("/thumbnail?type=bg&file=a.{kind}"),
        format!("/thumbnail?type=persona&file=a.{kind}"),
    ];
    let report = client
        .post("/api/data-maid/report", json!({}))
        .await
        .expect(200)
        .json();
    let token = report["token"].as_str().unwrap_or_default();
    let lists = report["report"]
        .as_object()
        .into_iter()
        .flat_map(|report| report.values());
    for entry in lists.filter_map(serde_json::Value::as_array).flatten() {
        if let Some(hash) = entry["hash"].as_str() {
            all.push(format!("/api/data-maid/view?token={token}&hash={hash}"));
        }
    }
    all
}

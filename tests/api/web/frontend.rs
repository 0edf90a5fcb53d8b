//! Pages and files of the frontend, and how answers travel.

use reqwest::Method;
use serde_json::json;

use super::base::{bare, header};
use crate::harness::Server;

#[tokio::test]
async fn small_routes_answer() {
    let server = Server::start().await;
    let client = server.client().await;
    let version = client.get("/version").await.expect(200).json();
    assert_eq!(
        (&version["agent"], &version["pkgVersion"]),
        (&json!("SillyTavern:1.19.0:Cohee#1207"), &json!("1.19.0"))
    );
    assert!(
        client
            .post_raw("/api/ping", "", "")
            .await
            .expect(204)
            .body
            .is_empty()
    );
    let answer = client.post_raw("/api/ping?extend=1", "", "").await.expect(204);
    assert!(
        answer.headers.contains_key("set-cookie"),
        "the session is renewed"
    );
    assert_eq!(header(&client.get("/login").await.expect(302), "location"), "/");
    assert_eq!(
        header(
            &client.get("/callback/x%20y?code=1&b=2").await.expect(307),
            "location"
        ),
        "/?source=x+y&query=code%3D1%26b%3D2"
    );
    assert_eq!(
        header(&client.get("/callback").await.expect(307), "location"),
        "/?"
    );
    let off = client.get("/proxy/http://example.com").await.expect(404);
    assert!(off.text().starts_with("CORS proxy is disabled."));
    client.get("/healthz").await.expect(200);
    client.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn json_answers_have_a_tag_and_reads_are_conditional() {
    let server = Server::start().await;
    let client = server.client().await;
    let answer = client.get("/version").await.expect(200);
    let tag = header(&answer, "etag").to_owned();
    assert!(tag.starts_with(&format!("W/\"{:x}-", answer.body.len())), "{tag}");
    for sent in [tag.as_str(), "*"] {
        let request = client
            .request(Method::GET, "/version")
            .header("if-none-match", sent);
        let answer = client.send(request).await.expect(304);
        assert!(answer.body.is_empty() && answer.headers.get("content-type").is_none());
    }
    let answer = client.post("/api/characters/all", json!({})).await.expect(200);
    assert!(answer.headers.contains_key("etag"));
    let request = client
        .posting("/api/characters/all", &json!({}))
        .header("if-none-match", "*");
    client.send(request).await.expect(200);
    let head = client
        .send(client.request(Method::HEAD, "/version"))
        .await
        .expect(200);
    assert_eq!((header(&head, "etag"), head.body.len()), (tag.as_str(), 0));
}

#[tokio::test]
async fn the_frontend_is_served_to_everyone() {
    let server = Server::start().await;
    for (path, kind) in [
        ("/", "text/html"),
        ("/script.js", "application/javascript"),
        ("/style.css", "text/css"),
        ("/img/ai4.png", "image/png"),
        ("/css/user.css", "text/css"),
    ] {
        let answer = bare(&server, Method::GET, path, &[], "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            header(&answer, "content-type").starts_with(kind),
            "{path}: {}",
            header(&answer, "content-type")
        );
        let conditional = [("if-none-match", header(&answer, "etag"))];
        assert_eq!(
            bare(&server, Method::GET, path, &conditional, "").await.status,
            304,
            "{path}"
        );
    }
    for path in [
        "/../package.json",
        "/%2e%2e/package.json",
        "/..%2fpackage.json",
        "/.gitkeep",
    ] {
        assert_eq!(
            bare(&server, Method::GET, path, &[], "").await.status,
            404,
            "{path}"
        );
    }
    assert_eq!(
        header(&bare(&server, Method::GET, "/css", &[], "").await, "location"),
        "/css/"
    );
}

#[tokio::test]
async fn big_texts_are_compressed_and_pictures_are_not() {
    let server = Server::start().await;
    let client = server.client().await;
    let theme = json!({ "name": "Big", "fill": "x".repeat(5000) });
    client.post("/api/themes/save", &theme).await.expect(200);
    client.post("/api/settings/save", json!({})).await.expect(200);
    client
        .post("/api/characters/create", json!({ "ch_name": "x" }))
        .await
        .expect(200);
    let raw = reqwest::Client::builder()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .build()
        .unwrap();
    let ask = |request: reqwest::RequestBuilder, encodings: &str| {
        let (_, request) = request.header("accept-encoding", encodings).build_split();
        raw.execute(request.expect("a request"))
    };
    for (encodings, expected) in [
        ("br, gzip", "br"),
        ("gzip, deflate", "gzip"),
        ("deflate", "deflate"),
        ("identity", ""),
    ] {
        let answer = ask(client.posting("/api/settings/get", &json!({})), encodings)
            .await
            .unwrap();
        let encoding = answer
            .headers()
            .get("content-encoding")
            .map_or("", |v| v.to_str().unwrap());
        assert_eq!(encoding, expected, "{encodings}");
        let size = answer.bytes().await.unwrap().len();
        assert_eq!(size > 5000, expected.is_empty(), "{encodings}: {size}");
    }
    let small = ask(client.request(Method::GET, "/version"), "br, gzip")
        .await
        .unwrap();
    assert!(small.headers().get("content-encoding").is_none());
    let picture = ask(client.request(Method::GET, "/characters/x.png"), "br, gzip")
        .await
        .unwrap();
    assert!(picture.headers().get("content-encoding").is_none());
}

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use squaretable::api::web::legacy::REDIRECTS;

use crate::harness::{Answer, Client, Server};

/// A request without cookies and token.
pub async fn bare(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let unfollowed = reqwest::redirect::Policy::none();
    let http = reqwest::Client::builder()
        .redirect(unfollowed)
        .build()
        .expect("a client");
    let mut request = http.request(method, format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request
        .body(body.to_owned())
        .send()
        .await
        .expect("the server answers");
    let (status, headers) = (response.status(), response.headers().clone());
    Answer {
        status,
        headers,
        body: response.bytes().await.expect("a whole answer"),
    }
}

/// A header's text; empty without one.
pub fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer
        .headers
        .get(name)
        .map_or("", |value| value.to_str().expect("ASCII"))
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_get_the_same_page() {
    let server = Server::with(crate::harness::Options {
        content: true,
        ..Default::default()
    })
    .await;
    let client = server.client().await;
    let page = client.get("/no/such/page").await.expect(404);
    assert!(page.text().contains("<html"), "{}", page.text());
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    for (method, path) in [
        (Method::GET, "/api/chats/save"),
        (Method::PUT, "/api/chats/save"),
        (Method::DELETE, "/api/characters/all"),
        (Method::PATCH, "/version"),
        (Method::POST, "/version"),
        (Method::POST, "/csrf-token"),
        (Method::POST, "/api"),
        (Method::POST, "/api/chats"),
        (Method::POST, "/api/chats/save/more"),
        (Method::GET, "/characters"),
        (Method::GET, "/%00"),
        (Method::POST, "/"),
    ] {
        let answer = client.send(client.request(method.clone(), path)).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        assert_eq!(answer.body, page.body, "{method} {path}");
    }
}

#[tokio::test]
async fn paths_are_matched_in_any_case_and_with_a_trailing_slash() {
    let server = Server::start().await;
    let client = server.client().await;
    for path in [
        "/API/CHATS/GET",
        "/api/chats/get/",
        "/Api/Chats/Get/",
        "/api/chats/get?x=1#y",
    ] {
        let answer = client
            .post(path, json!({ "avatar_url": "Ada.png" }))
            .await
            .expect(200);
        assert_eq!(answer.text(), "{}", "{path}");
    }
    client.get("/VERSION/").await.expect(200);
    assert!(client.get("/Csrf-Token").await.expect(200).json()["token"].is_string());
}

#[tokio::test]
async fn a_malformed_body_wins_over_a_missing_token_and_that_over_everything_else() {
    let server = Server::start().await;
    let json_type = ("content-type", "application/json");
    for path in ["/api/chats/save", "/no/such/path"] {
        let answer = bare(&server, Method::POST, path, &[json_type], "{broken").await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text().contains("<pre>Bad Request</pre>"));
        assert_eq!(header(&answer, "content-security-policy"), "default-src 'none'");
        assert!(answer.headers.get("etag").is_none());
        let answer = bare(&server, Method::POST, path, &[json_type], "{}").await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(
            answer.text().contains("<pre>Forbidden</pre>"),
            "{}",
            answer.text()
        );
    }
    let forged = [
        json_type,
        (
            "x-csrf-token",
            "0000000000000000000000000000000000000000000000000000000000000000",
        ),
    ];
    assert_eq!(
        bare(&server, Method::POST, "/api/chats/save", &forged, "{}")
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn bodies_of_any_kind_are_read_as_the_original_reads_them() {
    let server = Server::start().await;
    let client = server.client().await;
    let cases: [(&str, &'static [u8], u16); 14] = [
        ("application/json", b"{\"key\":\"libre_url\"}", 404),
        ("application/json; charset=utf-8", b"{\"key\":\"libre_url\"}", 404),
        (
            "application/json; charset=latin1",
            b"{\"key\":\"libre_url\"}",
            415,
        ),
        ("application/json", b"\xef\xbb\xbf{\"key\":\"libre_url\"}", 404),
        ("application/json", b"", 400),
        ("application/json", b"   ", 400),
        ("application/json", b"[]", 400),
        ("application/json", b"null", 400),
        ("application/json", b"1", 400),
        ("application/json", b"{\"key\":\"libre_url\"} trailing", 400),
        ("application/x-www-form-urlencoded", b"key=libre%5Furl", 404),
        ("text/plain", b"{\"key\":\"libre_url\"}", 400),
        ("", b"{\"key\":\"libre_url\"}", 400),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nlibre_url\r\n--x--",
            404,
        ),
    ];
    for (content_type, body, status) in cases {
        let answer = client.post_raw("/api/secrets/find", content_type, body).await;
        assert_eq!(
            answer.status,
            status,
            "{content_type} {}: {}",
            String::from_utf8_lossy(body),
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_file_in_another_field_is_a_server_error() {
    let server = Server::start().await;
    let client = server.client().await;
    let part = |name: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x\"\r\n\r\nbytes\r\n")
    };
    for parts in [
        part("file"),
        part("avatar") + &part("avatar"),
        "--b\r\nbroken".to_owned(),
        String::new(),
    ] {
        let whole = if parts.contains("broken") {
            parts
        } else {
            parts + "--b--\r\n"
        };
        let is_empty = whole == "--b--\r\n";
        let answer = client
            .post_raw(
                "/api/worldinfo/import",
                "multipart/form-data; boundary=b",
                whole.clone(),
            )
            .await;
        assert_eq!(
            answer.status,
            if is_empty { 400 } else { 500 },
            "{whole}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn the_token_belongs_to_the_session() {
    let server = Server::start().await;
    let (one, two) = (server.client().await, server.client().await);
    let token = one.get("/csrf-token").await.json()["token"].clone();
    assert_eq!(
        one.get("/csrf-token").await.json()["token"],
        token,
        "the same while the session lasts"
    );
    let other = two.get("/csrf-token").await.json()["token"].clone();
    assert_ne!(token, other);
    let request = |client: &Client, token: &Value| {
        let request = client.request(Method::POST, "/api/ping").headers({
            let mut headers = reqwest::header::HeaderMap::new();
            headers.insert("x-csrf-token", token.as_str().unwrap().parse().unwrap());
            headers
        });
        request.send()
    };
    assert_eq!(request(&one, &token).await.unwrap().status(), 204);
    assert_eq!(request(&one, &other).await.unwrap().status(), 403);
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let server = Server::start().await;
    let client = server.client().await;
    for answer in [
        client.get("/").await.expect(200),
        client.get("/version").await.expect(200),
        client.get("/nowhere").await.expect(404),
        client
            .post_raw("/api/chats/get", "application/json", "{")
            .await
            .expect(400),
        client.post("/api/characters/all", json!({})).await.expect(200),
    ] {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "SAMEORIGIN"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ("x-xss-protection", "0"),
        ] {
            assert_eq!(header(&answer, name), value, "{}", answer.status);
        }
        let time = header(&answer, "x-response-time")
            .strip_suffix("ms")
            .expect("milliseconds");
        assert_eq!(time.split_once('.').expect("a fraction").1.len(), 3);
        assert!(answer.headers.get("x-powered-by").is_none());
    }
}

#[tokio::test]
async fn preflights_are_answered_for_any_path_without_a_login() {
    let server = Server::start().await;
    let ask = [
        ("origin", "null"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-a, x-b"),
    ];
    for path in ["/api/chats/save", "/no/such/path", "/", "/characters/x.png"] {
        let answer = bare(&server, Method::OPTIONS, path, &ask, "").await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(header(&answer, "access-control-allow-methods"), "OPTIONS");
        assert_eq!(header(&answer, "access-control-allow-origin"), "null");
        assert_eq!(header(&answer, "access-control-allow-headers"), "x-a, x-b");
        assert_eq!(header(&answer, "vary"), "Origin, Access-Control-Request-Headers");
        assert!(answer.body.is_empty() && answer.headers.get("access-control-allow-credentials").is_none());
    }
    let answer = bare(
        &server,
        Method::OPTIONS,
        "/",
        &[("origin", "https://evil.example")],
        "",
    )
    .await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "");
    let answer = bare(
        &server,
        Method::GET,
        "/version",
        &[("origin", "https://evil.example")],
        "",
    )
    .await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "");
    assert!(
        header(&answer, "vary").starts_with("Origin"),
        "{}",
        header(&answer, "vary")
    );
}

#[tokio::test]
async fn every_old_address_leads_to_the_new_one() {
    let server = Server::start().await;
    let client = server.client().await;
    for (old, new) in REDIRECTS {
        let old = if old.ends_with('/') {
            format!("{old}folder%20name")
        } else {
            old.to_owned()
        };
        for path in [old.clone(), old.to_uppercase(), format!("{old}?query=dropped")] {
            for method in [Method::POST, Method::GET] {
                let answer = client.send(client.request(method.clone(), &path)).await;
                assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{method} {path}");
                assert_eq!(header(&answer, "location"), new, "{path}");
                assert_eq!(answer.text(), format!("Permanent Redirect. Redirecting to {new}"));
            }
        }
        let answer = bare(&server, Method::POST, &old, &[], "").await;
        assert_eq!(answer.status, 403, "{old} without a token");
    }
    let html = client
        .request(Method::GET, "/getchat")
        .header("accept", "text/html");
    let answer = client.send(html).await.expect(308);
    assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
}

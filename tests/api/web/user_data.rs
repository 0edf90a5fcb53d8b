use reqwest::Method;
use serde_json::json;

use crate::api::cards;
use crate::harness::{Answer, Client, Server, file};

/// A server with the character `x.png` (composed on read) and the background `b.png` (stored as it is).
async fn start() -> (Server, Client) {
    let server = Server::start().await;
    let client = server.client().await;
    client
        .post("/api/characters/create", json!({ "ch_name": "x" }))
        .await
        .expect(200);
    client
        .upload("/api/backgrounds/upload", file("b.png", cards::picture()), &[])
        .await
        .expect(200);
    (server, client)
}

const BOTH: [&str; 2] = ["/characters/x.png", "/backgrounds/b.png"];

async fn ask(client: &Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers
        .iter()
        .fold(client.request(method, path), |request, (name, value)| {
            request.header(*name, *value)
        });
    client.send(request).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer
        .headers
        .get(name)
        .map_or("", |value| value.to_str().expect("ASCII"))
}

#[tokio::test]
async fn files_are_served_with_any_method_and_head_without_body() {
    let (_server, client) = start().await;
    for path in BOTH {
        let whole = client.get(path).await.expect(200);
        assert_eq!(header(&whole, "content-type"), "image/png");
        assert_eq!(header(&whole, "cache-control"), "public, max-age=0");
        assert_eq!(header(&whole, "accept-ranges"), "bytes");
        assert!(
            header(&whole, "etag").starts_with(&format!("W/\"{:x}-", whole.body.len())),
            "{path}"
        );
        let head = ask(&client, Method::HEAD, path, &[]).await.expect(200);
        assert!(head.body.is_empty());
        for name in ["content-length", "etag", "last-modified", "content-type"] {
            assert_eq!(header(&head, name), header(&whole, name), "{path} {name}");
        }
        let posted = ask(&client, Method::POST, path, &[]).await.expect(200);
        assert_eq!(posted.body, whole.body);
    }
}

#[tokio::test]
async fn a_browser_that_has_the_file_is_not_sent_it_again() {
    let (_server, client) = start().await;
    for path in BOTH {
        let whole = client.get(path).await.expect(200);
        let (tag, modified) = (header(&whole, "etag"), header(&whole, "last-modified"));
        for condition in [
            ("if-none-match", tag),
            ("if-none-match", "*"),
            ("if-modified-since", modified),
        ] {
            let answer = ask(&client, Method::GET, path, &[condition]).await.expect(304);
            assert!(answer.body.is_empty(), "{condition:?}");
            assert_eq!(header(&answer, "etag"), tag);
        }
        for condition in [
            ("if-none-match", "\"other\""),
            ("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(
                ask(&client, Method::GET, path, &[condition])
                    .await
                    .expect(200)
                    .body,
                whole.body
            );
        }
    }
}

#[tokio::test]
async fn parts_of_a_file_can_be_asked_for() {
    let (_server, client) = start().await;
    for path in BOTH {
        let whole = client.get(path).await.expect(200).body;
        let size = whole.len();
        for (range, from, to) in [
            ("bytes=0-9", 0, 10),
            ("bytes=5-5", 5, 6),
            ("bytes=10-", 10, size),
            ("bytes=-7", size - 7, size),
            ("bytes=0-999999999", 0, size),
        ] {
            let answer = ask(&client, Method::GET, path, &[("range", range)])
                .await
                .expect(206);
            assert_eq!(answer.body, whole.slice(from..to), "{path} {range}");
            assert_eq!(
                header(&answer, "content-range"),
                format!("bytes {from}-{}/{size}", to - 1),
                "{range}"
            );
        }
        let beyond = format!("bytes={size}-");
        let answer = ask(&client, Method::GET, path, &[("range", &beyond)])
            .await
            .expect(416);
        assert_eq!(header(&answer, "content-range"), format!("bytes */{size}"));
        for ignored in ["lines=0-1", "nonsense", "bytes=0-1,3-4"] {
            assert_eq!(
                ask(&client, Method::GET, path, &[("range", ignored)])
                    .await
                    .expect(200)
                    .body,
                whole,
                "{ignored}"
            );
        }
        let stale = [("range", "bytes=0-9"), ("if-range", "\"other\"")];
        assert_eq!(
            ask(&client, Method::GET, path, &stale).await.expect(200).body,
            whole
        );
    }
}

#[tokio::test]
async fn names_are_decoded_twice_and_cannot_leave_their_folder() {
    let (_server, client) = start().await;
    client
        .post("/api/characters/create", json!({ "ch_name": "A b \u{1F98A}" }))
        .await
        .expect(200);
    client
        .post("/api/characters/create", json!({ "ch_name": "100%" }))
        .await
        .expect(200);
    for (path, status) in [
        ("/characters/A%20b%20%F0%9F%A6%8A.png", 200),
        ("/CHARACTERS/x.png", 200),
        ("/characters/X.png", 404),
        ("/characters/x.png/", 200),
        ("/characters/absent.png", 404),
        ("/characters/100%25.png", 500),
        ("/characters/100%2525.png", 200),
        ("/characters/", 500),
        ("/characters/%", 400),
        ("/characters/..%2fsettings.json", 403),
        ("/characters/%252e%252e%252fsettings.json", 403),
        ("/characters/a%2f..%2fx.png", 200),
        ("/characters/.hidden", 404),
        ("/characters/x.png%00", 404),
        ("/backgrounds/..%2fcharacters%2fx.png", 403),
        ("/user/files/absent.txt", 404),
        ("/user/images/a/b.png", 404),
        ("/assets/x", 404),
    ] {
        let answer = client.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn firefox_keeps_no_pictures() {
    let (_server, client) = start().await;
    for path in BOTH {
        let answer = ask(
            &client,
            Method::GET,
            path,
            &[("user-agent", "Mozilla/5.0 FireFox/140")],
        )
        .await
        .expect(200);
        assert_eq!(header(&answer, "cache-control"), "must-understand, no-store");
    }
}

use serde_json::{Value, json};

use crate::harness::{Client, Server};

/// Text and parsed list of a kind, as `settings/get` answers.
pub async fn listed(client: &Client, key: &str) -> Value {
    client
        .post("/api/settings/get", json!({}))
        .await
        .expect(200)
        .json()[key]
        .clone()
}

/// File names of the stored documents of a kind.
pub async fn stored(server: &Server, kind: &str) -> Vec<String> {
    let sql = "SELECT name FROM documents WHERE kind = $1 AND deleted_at IS NULL ORDER BY name";
    sqlx::query_scalar(sql)
        .bind(kind)
        .fetch_all(&mut server.sql().await)
        .await
        .expect("names")
}

/// A server with settings, so that `settings/get` answers.
pub async fn start() -> (Server, Client) {
    let server = Server::start().await;
    let client = server.client().await;
    client.post("/api/settings/save", json!({})).await.expect(200);
    (server, client)
}

/// Names that cannot be stored, and names with what becomes of them; for any family of named documents.
pub async fn names_are_sanitised(route: &str, kind: &str) {
    let (server, client) = start().await;
    for name in [json!(null), json!(""), json!(0), json!(false)] {
        assert_eq!(
            client
                .post(route, json!({ "name": name }))
                .await
                .expect(400)
                .text(),
            "Bad Request",
            "{name}"
        );
    }
    let answer = client.post(route, json!({ "name": "con" })).await;
    assert!(answer.status.as_u16() >= 500, "{}", answer.text());
    for broken in ["{", "17", "{\"name\":\"x\","] {
        client
            .post_raw(route, "application/json", broken)
            .await
            .expect(400);
    }
    assert_eq!(stored(&server, kind).await, Vec::<String>::new());
    let long = "w".repeat(300);
    for name in [
        "../x",
        "foo.",
        "..",
        "%2e%2e",
        "🦊",
        "e\u{301}",
        "\u{e9}",
        long.as_str(),
    ] {
        client
            .post(route, json!({ "name": name, "is": name }))
            .await
            .expect(200);
    }
    client.post(route, json!({ "name": 17 })).await.expect(200);
    let expected = [
        "%2e%2e.json",
        "...json",
        "..x.json",
        "17.json",
        "e\u{301}.json",
        "foo..json",
        &"w".repeat(255),
        "\u{e9}.json",
        "🦊.json",
    ];
    assert_eq!(stored(&server, kind).await, expected);
}

#[tokio::test]
async fn theme_names_are_sanitised() {
    names_are_sanitised("/api/themes/save", "themes").await;
}

#[tokio::test]
async fn a_theme_is_stored_whole_replaced_and_deleted() {
    let (server, client) = start().await;
    let text = r#"{"name":"Dark","z":1.50,"a":"\ud800","n":[1e21],"k":{"10":1,"9":2}}"#;
    let answer = client
        .post_raw("/api/themes/save", "application/json", text)
        .await
        .expect(200);
    assert_eq!(
        (answer.text().as_str(), &answer.headers["content-type"]),
        ("OK", &"text/plain; charset=utf-8".parse().unwrap())
    );
    let seen = client
        .post("/api/settings/get", json!({}))
        .await
        .expect(200)
        .text();
    let seen = String::from_utf8(squaretable_compat::json::minify(seen.as_bytes()).into_owned()).unwrap();
    assert!(seen.contains(&format!(r#""themes":[{text}]"#)), "{seen}");
    client
        .post("/api/themes/save", json!({ "name": "Dark", "new": true }))
        .await
        .expect(200);
    assert_eq!(
        listed(&client, "themes").await,
        json!([{ "name": "Dark", "new": true }])
    );
    for (body, status) in [
        (json!({}), 400),
        (json!({ "name": "" }), 400),
        (json!({ "name": "Absent" }), 404),
    ] {
        client.post("/api/themes/delete", &body).await.expect(status);
    }
    assert_eq!(
        client
            .post("/api/themes/delete", json!({ "name": "Dark" }))
            .await
            .expect(200)
            .text(),
        "OK"
    );
    assert_eq!(listed(&client, "themes").await, json!([]));
    client
        .post("/api/themes/delete", json!({ "name": "Dark" }))
        .await
        .expect(404);
    assert_eq!(
        server
            .count("SELECT count(*) FROM documents WHERE deleted_at IS NOT NULL")
            .await,
        1
    );
}

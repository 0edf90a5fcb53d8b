use serde_json::{Value, json};

use crate::harness::{Client, Server, file};

async fn get(client: &Client, name: &str) -> String {
    client
        .post("/api/worldinfo/get", json!({ "name": name }))
        .await
        .expect(200)
        .text()
}

async fn list(client: &Client) -> Value {
    client
        .post("/api/worldinfo/list", json!({}))
        .await
        .expect(200)
        .json()
}

const AWKWARD: &str = r#"{"entries":{"10":{"key":["\ud800"]},"9":{"content":"\u0000 🦊 é e\u0301 \r\n"}},"n":[1.0,1e21,123456789012345678901],"name":"Shown"}"#;

#[tokio::test]
async fn an_edit_is_stored_and_read_back_token_by_token() {
    let server = Server::start().await;
    let client = server.client().await;
    let body = format!(r#"{{"name":"Lore","data":{AWKWARD}}}"#);
    let answer = client
        .post_raw("/api/worldinfo/edit", "application/json", body)
        .await
        .expect(200);
    assert_eq!(answer.json(), json!({ "ok": true }));
    let seen = get(&client, "Lore").await;
    assert_eq!(
        squaretable_compat::json::minify(seen.as_bytes()),
        AWKWARD.as_bytes()
    );
    let stored: Vec<u8> =
        sqlx::query_scalar("SELECT body FROM documents WHERE kind = 'worlds' AND name = 'Lore.json'")
            .fetch_one(&mut server.sql().await)
            .await
            .expect("a row");
    assert!(
        stored.starts_with(b"{\n    \"entries\": {\n        \"10\": {"),
        "four spaces"
    );
    let expected = json!([{ "file_id": "Lore", "name": "Shown", "extensions": {} }]);
    assert_eq!(list(&client).await, expected);
}

#[tokio::test]
async fn an_import_is_stored_verbatim() {
    let server = Server::start().await;
    let client = server.client().await;
    let text = "{ \"entries\" :\t{}, \"x\": 1.50,\r\n \"y\": \"\\ud800\" }\n";
    let answer = client
        .upload("/api/worldinfo/import", file("My: Lore.v2.txt", text), &[])
        .await
        .expect(200);
    assert_eq!(answer.json(), json!({ "name": "My Lore.v2" }));
    assert_eq!(get(&client, "My Lore.v2").await, text);
    let converted = [("convertedData", "{\"entries\":{\"0\":{}}}")];
    client
        .upload(
            "/api/worldinfo/import",
            file("My Lore.v2.png", "PNG bytes"),
            &converted,
        )
        .await
        .expect(200);
    assert_eq!(get(&client, "My Lore.v2").await, "{\"entries\":{\"0\":{}}}");
}

#[tokio::test]
async fn what_is_no_world_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    client
        .post(
            "/api/worldinfo/edit",
            json!({ "name": "Lore", "data": { "entries": {} } }),
        )
        .await
        .expect(200);
    let before = get(&client, "Lore").await;
    for (body, sentence) in [
        (
            json!({ "data": { "entries": {} } }),
            "World file must have a name",
        ),
        (
            json!({ "name": "", "data": { "entries": {} } }),
            "World file must have a name",
        ),
        (json!({ "name": "Lore" }), "Is not a valid world info file"),
        (
            json!({ "name": "Lore", "data": {} }),
            "Is not a valid world info file",
        ),
        (
            json!({ "name": "Lore", "data": null }),
            "Is not a valid world info file",
        ),
    ] {
        let answer = client.post("/api/worldinfo/edit", &body).await.expect(400);
        assert_eq!(answer.text(), sentence, "{body}");
    }
    for (name, text, sentence) in [
        ("Lore.json", "not json", "Is not a valid world info file"),
        ("Lore.json", "{}", "Is not a valid world info file"),
        ("Lore.json", "", "Is not a valid world info file"),
    ] {
        let answer = client
            .upload("/api/worldinfo/import", file(name, text), &[])
            .await
            .expect(400);
        assert_eq!(answer.text(), sentence, "{name} {text}");
    }
    client.post("/api/worldinfo/import", json!({})).await.expect(400);
    assert_eq!(get(&client, "Lore").await, before);
    assert_eq!(server.count("SELECT count(*) FROM documents").await, 1);
}

#[tokio::test]
async fn a_world_that_is_not_there_reads_as_empty_and_cannot_be_deleted() {
    let server = Server::start().await;
    let client = server.client().await;
    assert_eq!(get(&client, "absent").await, r#"{"entries":{}}"#);
    for name in [json!(null), json!("")] {
        client
            .post("/api/worldinfo/get", json!({ "name": name }))
            .await
            .expect(400);
        client
            .post("/api/worldinfo/delete", json!({ "name": name }))
            .await
            .expect(400);
    }
    let answer = client
        .post("/api/worldinfo/delete", json!({ "name": "absent" }))
        .await
        .expect(500);
    assert!(answer.text().contains("<pre>Internal Server Error</pre>"));
    client
        .post(
            "/api/worldinfo/edit",
            json!({ "name": "Lore", "data": { "entries": {} } }),
        )
        .await
        .expect(200);
    assert_eq!(
        client
            .post("/api/worldinfo/delete", json!({ "name": "Lore" }))
            .await
            .expect(200)
            .text(),
        "OK"
    );
    assert_eq!(get(&client, "Lore").await, r#"{"entries":{}}"#);
    assert_eq!(
        server
            .count("SELECT count(*) FROM documents WHERE deleted_at IS NOT NULL")
            .await,
        1
    );
}

#[tokio::test]
async fn names_are_sanitised_with_their_extension() {
    let server = Server::start().await;
    let client = server.client().await;
    let long = "z".repeat(300);
    for (name, file) in [
        ("../x", "..x.json".to_owned()),
        ("foo.", "foo..json".to_owned()),
        ("..", "...json".to_owned()),
        ("%2f", "%2f.json".to_owned()),
        ("🦊", "🦊.json".to_owned()),
        ("e\u{301}", "e\u{301}.json".to_owned()),
        ("\u{e9}", "\u{e9}.json".to_owned()),
        (&long, "z".repeat(255)),
    ] {
        client
            .post(
                "/api/worldinfo/edit",
                json!({ "name": name, "data": { "entries": {}, "is": name } }),
            )
            .await
            .expect(200);
        let sql = "SELECT count(*) FROM documents WHERE kind = 'worlds' AND name = $1";
        let found: i64 = sqlx::query_scalar(sql)
            .bind(file)
            .fetch_one(&mut server.sql().await)
            .await
            .unwrap();
        assert_eq!(found, 1, "{name}");
        assert!(get(&client, name).await.contains(name), "{name}");
    }
    let answer = client
        .post(
            "/api/worldinfo/edit",
            json!({ "name": "con", "data": { "entries": {} } }),
        )
        .await;
    assert!(answer.status.as_u16() >= 500, "{}", answer.text());
}

#[tokio::test]
async fn the_list_is_in_locale_order() {
    let server = Server::start().await;
    let client = server.client().await;
    for name in ["b", "A", "a", "_x", "10", "2", "é", "f", "B"] {
        client
            .post(
                "/api/worldinfo/edit",
                json!({ "name": name, "data": { "entries": {} } }),
            )
            .await
            .expect(200);
    }
    let listed = list(&client).await;
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w["file_id"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["_x", "10", "2", "a", "A", "b", "B", "é", "f"]);
}

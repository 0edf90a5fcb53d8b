use serde_json::{Value, json};

use crate::harness::{Client, Options, Server};

const KEY: &str = "api_key_openai";
const PLAIN: &str = "sk-plain-text-canary-0123456789";

async fn write(client: &Client, key: &str, value: &str, label: Option<&str>) -> String {
    let mut body = json!({ "key": key, "value": value });
    if let Some(label) = label {
        body["label"] = label.into();
    }
    let answer = client.post("/api/secrets/write", body).await.expect(200).json();
    let id = answer["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned();
    assert!(uuid::Uuid::parse_str(&id).is_ok(), "{id}");
    id
}

async fn read(client: &Client) -> Value {
    client
        .post("/api/secrets/read", json!({}))
        .await
        .expect(200)
        .json()
}

async fn exposed() -> Server {
    let mut options = Options::default();
    options.config.content.allow_keys_exposure = true;
    Server::with(options).await
}

#[tokio::test]
async fn a_secret_is_masked_on_its_way_out() {
    let server = Server::start().await;
    let client = server.client().await;
    let first = read(&client).await;
    assert!(
        first.as_object().unwrap().len() > 60 && first.as_object().unwrap().values().all(Value::is_null),
        "{first}"
    );
    let id = write(&client, KEY, PLAIN, Some("work")).await;
    let short = write(&client, "api_key_claude", "short", None).await;
    let url = write(&client, "libre_url", "http://localhost:5000", None).await;
    write(&client, "unknown_key", "hidden", None).await;
    let seen = read(&client).await;
    assert_eq!(
        seen[KEY],
        json!([{ "id": id, "value": "*******789", "label": "work", "active": true }])
    );
    assert_eq!(
        seen["api_key_claude"],
        json!([{ "id": short, "value": "**********", "label": "Unlabeled", "active": true }])
    );
    assert_eq!(seen["libre_url"][0]["value"], "http://localhost:5000");
    assert_eq!(seen["libre_url"][0]["id"], json!(url));
    assert!(seen.get("unknown_key").is_none());
    assert_eq!(seen.as_object().unwrap().keys().next().unwrap(), "api_key_horde");
    assert!(!seen.to_string().contains(PLAIN));
}

#[tokio::test]
async fn secrets_are_encrypted_at_rest() {
    let server = Server::start().await;
    let client = server.client().await;
    write(&client, KEY, PLAIN, Some("label-canary")).await;
    let mut conn = server.sql().await;
    let sql = "SELECT table_name::text, column_name::text FROM information_schema.columns
               WHERE table_schema = 'public' AND data_type IN ('bytea', 'text')";
    let columns: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(&mut conn).await.unwrap();
    assert!(
        columns
            .iter()
            .any(|(table, column)| table == "secrets" && column == "body")
    );
    for (table, column) in columns {
        // The audit log tells which key it was, and nothing else of it.
        let names_keys = (table.as_str(), column.as_str()) == ("audit_log", "subject");
        let hidden: &[&str] = if names_keys {
            &[PLAIN, "label-canary"]
        } else {
            &[PLAIN, "label-canary", KEY]
        };
        for canary in hidden {
            let hex = hex::encode(canary);
            // Both as bytes and as text, whichever the column is.
            let sql = format!(
                "SELECT count(*) FROM {table} WHERE strpos({column}::text, '{canary}') > 0 OR strpos({column}::text, '{hex}') > 0"
            );
            let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_one(&mut conn)
                .await
                .unwrap();
            assert_eq!(found, 0, "{canary} can be read in {table}.{column}");
        }
    }
    let sealed: i64 = sqlx::query_scalar("SELECT count(*) FROM secrets")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(sealed, 1);
}

/// Value and state of the secrets under [`KEY`].
async fn values(client: &Client) -> Vec<(String, bool)> {
    let seen = read(client).await;
    let list = seen[KEY].as_array().expect("a list");
    let value = |secret: &Value| {
        (
            secret["value"].as_str().expect("a text").to_owned(),
            secret["active"] == true,
        )
    };
    list.iter().map(value).collect()
}

#[tokio::test]
async fn the_newest_secret_is_the_active_one_and_others_can_be_chosen() {
    let server = exposed().await;
    let client = server.client().await;
    let (one, two) = (
        write(&client, KEY, "one", None).await,
        write(&client, KEY, "two", Some("2")).await,
    );
    assert_eq!(
        values(&client).await,
        [("one".into(), false), ("two".into(), true)]
    );
    client
        .post("/api/secrets/rotate", json!({ "key": KEY, "id": one }))
        .await
        .expect(204);
    assert_eq!(
        values(&client).await,
        [("one".into(), true), ("two".into(), false)]
    );
    client
        .post("/api/secrets/rotate", json!({ "key": KEY, "id": "absent" }))
        .await
        .expect(204);
    assert_eq!(
        values(&client).await,
        [("one".into(), true), ("two".into(), false)]
    );
    client
        .post(
            "/api/secrets/rename",
            json!({ "key": KEY, "id": two, "label": "named" }),
        )
        .await
        .expect(204);
    assert_eq!(read(&client).await[KEY][1]["label"], "named");
    client
        .post("/api/secrets/delete", json!({ "key": KEY }))
        .await
        .expect(204);
    assert_eq!(
        values(&client).await,
        [("two".into(), true)],
        "the first of the rest takes over"
    );
    client
        .post("/api/secrets/delete", json!({ "key": KEY, "id": "absent" }))
        .await
        .expect(204);
    client
        .post("/api/secrets/delete", json!({ "key": KEY, "id": two }))
        .await
        .expect(204);
    assert_eq!(read(&client).await[KEY], Value::Null);
    client
        .post("/api/secrets/delete", json!({ "key": "nothing" }))
        .await
        .expect(204);
}

#[tokio::test]
async fn values_are_shown_only_where_the_operator_allows_it() {
    let server = Server::start().await;
    let client = server.client().await;
    write(&client, KEY, PLAIN, None).await;
    write(&client, "libre_url", "http://x", None).await;
    client.post("/api/secrets/view", json!({})).await.expect(403);
    client
        .post("/api/secrets/find", json!({ "key": KEY }))
        .await
        .expect(403);
    client
        .post("/api/secrets/find", json!({ "key": "api_key_claude" }))
        .await
        .expect(403);
    let found = client
        .post("/api/secrets/find", json!({ "key": "libre_url" }))
        .await
        .expect(200);
    assert_eq!(found.json(), json!({ "value": "http://x" }));
    client
        .post("/api/secrets/find", json!({ "key": "lingva_url" }))
        .await
        .expect(404);
    assert_eq!(
        client
            .post("/api/secrets/find", json!({}))
            .await
            .expect(400)
            .text(),
        "Key is required"
    );
    let settings = client.post("/api/secrets/settings", json!({})).await.expect(200);
    assert_eq!(settings.json(), json!({ "allowKeysExposure": false }));
}

#[tokio::test]
async fn an_open_server_shows_them() {
    let server = exposed().await;
    let client = server.client().await;
    let id = write(&client, KEY, "one", None).await;
    write(&client, KEY, PLAIN, None).await;
    write(&client, "mine", "x", None).await;
    let view = client.post("/api/secrets/view", json!({})).await.expect(200);
    assert_eq!(view.json(), json!({ KEY: PLAIN, "mine": "x" }));
    for (body, value) in [
        (json!({ "key": KEY }), PLAIN),
        (json!({ "key": KEY, "id": id }), "one"),
        (json!({ "key": KEY, "id": "absent" }), ""),
    ] {
        let found = client.post("/api/secrets/find", &body).await.expect(200);
        assert_eq!(found.json(), json!({ "value": value }), "{body}");
    }
    client
        .post("/api/secrets/find", json!({ "key": "api_key_claude" }))
        .await
        .expect(404);
    assert_eq!(
        client.post("/api/secrets/settings", json!({})).await.json(),
        json!({ "allowKeysExposure": true })
    );
}

#[tokio::test]
async fn what_is_no_secret_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    write(&client, KEY, PLAIN, None).await;
    let before = read(&client).await;
    for (route, body, sentence) in [
        (
            "write",
            json!({ "key": "", "value": "x" }),
            "Invalid key or value",
        ),
        ("write", json!({ "value": "x" }), "Invalid key or value"),
        ("write", json!({ "key": KEY }), "Invalid key or value"),
        ("write", json!({ "key": KEY, "value": 5 }), "Invalid key or value"),
        (
            "write",
            json!({ "key": KEY, "value": null }),
            "Invalid key or value",
        ),
        ("delete", json!({}), "Key and ID are required"),
        ("rotate", json!({ "key": KEY }), "Key and ID are required"),
        ("rotate", json!({ "id": "x" }), "Key and ID are required"),
        (
            "rename",
            json!({ "key": KEY, "id": "x" }),
            "Key, ID, and label are required",
        ),
        (
            "rename",
            json!({ "key": KEY, "id": "x", "label": "" }),
            "Key, ID, and label are required",
        ),
    ] {
        let answer = client
            .post(&format!("/api/secrets/{route}"), &body)
            .await
            .expect(400);
        assert_eq!(answer.text(), sentence, "{route} {body}");
    }
    assert_eq!(read(&client).await, before);
}

#[tokio::test]
async fn an_empty_value_and_awkward_text_are_secrets_too() {
    let server = exposed().await;
    let client = server.client().await;
    let raw = r#"{"key":"mine","value":"a\ud800b\u0000c 🦊","label":"l\udfff"}"#;
    client
        .post_raw("/api/secrets/write", "application/json", raw)
        .await
        .expect(200);
    let view = client
        .post("/api/secrets/view", json!({}))
        .await
        .expect(200)
        .text();
    assert_eq!(view, r#"{"mine":"a\ud800b\u0000c 🦊"}"#);
    write(&client, "mine", "", None).await;
    assert_eq!(
        client.post("/api/secrets/view", json!({})).await.json(),
        json!({ "mine": "" })
    );
}

#[tokio::test]
async fn secrets_written_at_once_are_all_kept() {
    let server = exposed().await;
    let client = server.client().await;
    futures_util::future::join_all((0..10).map(|n| {
        let client = &client;
        async move { write(client, KEY, &format!("value {n}"), None).await }
    }))
    .await;
    let seen = read(&client).await;
    let list = seen[KEY].as_array().unwrap();
    assert_eq!(list.len(), 10);
    assert_eq!(list.iter().filter(|secret| secret["active"] == true).count(), 1);
}

#[tokio::test]
async fn a_document_sealed_under_another_key_is_an_error_and_not_an_empty_answer() {
    let server = exposed().await;
    let client = server.client().await;
    write(&client, KEY, PLAIN, None).await;
    let sql = "UPDATE secrets SET body = overlay(body placing '\\x00000000'::bytea from 30 for 4)";
    sqlx::query(sql).execute(&mut server.sql().await).await.unwrap();
    for (route, body) in [
        ("read", json!({})),
        ("view", json!({})),
        ("find", json!({ "key": KEY })),
        ("write", json!({ "key": KEY, "value": "new" })),
        ("delete", json!({ "key": KEY })),
    ] {
        client
            .post(&format!("/api/secrets/{route}"), body)
            .await
            .expect(500);
    }
    assert_eq!(server.count("SELECT count(*) FROM secrets").await, 1);
}

#[tokio::test]
async fn an_id_that_is_no_text_is_no_secrets_id() {
    let server = exposed().await;
    let client = server.client().await;
    write(&client, KEY, PLAIN, None).await;
    for id in [json!(true), json!(7), json!([]), json!({})] {
        let body = json!({ "key": KEY, "id": id });
        let found = client.post("/api/secrets/find", body.clone()).await.expect(200);
        assert_eq!(found.json(), json!({ "value": "" }), "{id}");
        client.post("/api/secrets/delete", body).await.expect(204);
    }
    assert_eq!(read(&client).await[KEY].as_array().unwrap().len(), 1);
}

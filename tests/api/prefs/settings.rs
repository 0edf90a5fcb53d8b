use serde_json::{Value, json};

use crate::harness::{Client, Server};

const AWKWARD: &str = r#"{"zeta":1.0,"10":"\ud800","9":"\u0000 🦊 e\u0301 \r\n","alpha":{"n":[1e21,123456789012345678901,-0.0]},"empty":{},"list":[]}"#;

async fn save(client: &Client, text: &str) {
    let answer = client
        .post_raw("/api/settings/save", "application/json", text.to_owned())
        .await
        .expect(200);
    assert_eq!(answer.json(), json!({ "result": "ok" }));
}

async fn get(client: &Client) -> Value {
    client
        .post("/api/settings/get", json!({}))
        .await
        .expect(200)
        .json()
}

async fn settings(client: &Client) -> String {
    get(client).await["settings"].as_str().expect("a text").to_owned()
}

async fn snapshots(client: &Client) -> Vec<String> {
    let listed = client
        .post("/api/settings/get-snapshots", json!({}))
        .await
        .expect(200)
        .json();
    listed
        .as_array()
        .expect("a list of named snapshots")
        .iter()
        .map(|s| s["name"].as_str().expect("a list of named snapshots").to_owned())
        .collect()
}

#[tokio::test]
async fn settings_read_back_as_text_with_every_token_as_it_came() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, AWKWARD).await;
    let text = settings(&client).await;
    assert!(
        text.starts_with("{\n    \"zeta\": 1.0,\n    \"10\": \"\\ud800\",\n"),
        "{text}"
    );
    assert_eq!(
        squaretable_compat::json::minify(text.as_bytes()),
        AWKWARD.as_bytes()
    );
}

#[tokio::test]
async fn without_settings_there_is_no_frontend() {
    let server = Server::start().await;
    let client = server.client().await;
    assert_eq!(
        client
            .post("/api/settings/get", json!({}))
            .await
            .expect(500)
            .text(),
        "Internal Server Error"
    );
}

#[tokio::test]
async fn a_body_that_is_no_json_changes_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, AWKWARD).await;
    let before = settings(&client).await;
    for broken in ["{", "{\"a\":}", "\"text\"", "17", "null", "{} {}", "{'a':1}"] {
        let answer = client
            .post_raw("/api/settings/save", "application/json", broken)
            .await
            .expect(400);
        assert!(answer.text().contains("<pre>Bad Request</pre>"), "{broken}");
    }
    assert_eq!(settings(&client).await, before);
}

#[tokio::test]
async fn the_answer_has_everything_the_frontend_lists_in_its_order() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "{}").await;
    let answer = get(&client).await;
    let keys: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "settings",
            "koboldai_settings",
            "koboldai_setting_names",
            "world_names",
            "novelai_settings",
            "novelai_setting_names",
            "openai_settings",
            "openai_setting_names",
            "textgenerationwebui_presets",
            "textgenerationwebui_preset_names",
            "themes",
            "movingUIPresets",
            "quickReplyPresets",
            "instruct",
            "context",
            "sysprompt",
            "reasoning",
            "enable_extensions",
            "enable_extensions_auto_update",
            "enable_accounts",
            "request_compression",
        ]
    );
    let compression =
        json!({ "enabled": false, "minPayloadSize": 262_144, "maxPayloadSize": 8_388_608, "timeout": 4000 });
    assert_eq!(answer["request_compression"].as_object().unwrap().len(), 4);
    for key in ["minPayloadSize", "maxPayloadSize", "timeout"] {
        assert_eq!(answer["request_compression"][key], compression[key], "{key}");
    }
    assert_eq!(
        (&answer["enable_extensions"], &answer["enable_accounts"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test]
async fn presets_come_as_text_in_locale_order_and_the_rest_parsed_by_code_units() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "{}").await;
    for name in ["b", "A", "a", "_x", "10", "2", "é"] {
        let raw = format!(r#"{{"name":"{name}","apiId":"openai","preset":{{"n":1.0,"of":"{name}"}}}}"#);
        client
            .post_raw("/api/presets/save", "application/json", raw)
            .await
            .expect(200);
        let raw = format!(r#"{{"name":"{name}","n":1.0,"lone":"\ud800"}}"#);
        client
            .post_raw("/api/themes/save", "application/json", raw)
            .await
            .expect(200);
    }
    let answer = client.post("/api/settings/get", json!({})).await.expect(200);
    let text = answer.text();
    let answer: Value = serde_json::from_str(&text.replace("\\ud800", "LONE")).unwrap();
    assert_eq!(
        answer["openai_setting_names"],
        json!(["_x", "10", "2", "a", "A", "b", "é"])
    );
    assert_eq!(
        answer["openai_settings"][0],
        "{\n    \"n\": 1.0,\n    \"of\": \"_x\"\n}"
    );
    let themes: Vec<_> = answer["themes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["name"].as_str().unwrap())
        .collect();
    assert_eq!(themes, ["10", "2", "A", "_x", "a", "b", "é"]);
    assert_eq!(text.matches("\"lone\": \"\\ud800\"").count(), 7, "{text}");
}

#[tokio::test]
async fn worlds_are_named_even_when_they_cannot_be_read() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "{}").await;
    for name in ["b", "A"] {
        client
            .post(
                "/api/worldinfo/edit",
                json!({ "name": name, "data": { "entries": {} } }),
            )
            .await
            .expect(200);
    }
    let sql = "UPDATE documents SET body = 'broken', valid = false WHERE kind = 'worlds' AND name = 'b.json'";
    sqlx::query(sql).execute(&mut server.sql().await).await.unwrap();
    assert_eq!(get(&client).await["world_names"], json!(["A", "b"]));
    let answer = client
        .post("/api/worldinfo/get", json!({ "name": "b" }))
        .await
        .expect(500);
    assert!(answer.text().contains("<pre>Internal Server Error</pre>"));
}

#[tokio::test]
async fn the_first_save_makes_a_snapshot_and_the_next_does_not() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, AWKWARD).await;
    save(&client, r#"{"second":true}"#).await;
    let names = snapshots(&client).await;
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(
        names[0].starts_with("settings_default-user_20") && names[0].ends_with(".json"),
        "{names:?}"
    );
    let load = client
        .post("/api/settings/load-snapshot", json!({ "name": names[0] }))
        .await
        .expect(200);
    assert_eq!(load.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(squaretable_compat::json::minify(&load.body), AWKWARD.as_bytes());
    let restore = client
        .post("/api/settings/restore-snapshot", json!({ "name": names[0] }))
        .await
        .expect(204);
    assert!(restore.body.is_empty());
    assert_eq!(settings(&client).await, load.text());
}

#[tokio::test]
async fn snapshots_can_be_made_at_any_time_and_the_oldest_go() {
    let mut options = crate::harness::Options::default();
    options.config.content.backups.number_of_backups = 2;
    let server = Server::with(options).await;
    let client = server.client().await;
    save(&client, "{\"n\":0}").await;
    for age in [3, 2] {
        // Older than now, under a name of its own.
        let sql = format!(
            "INSERT INTO files (folder, name, hash, size, modified_at)
             SELECT folder, 'settings_default-user_2020010{age}-000000.json', hash, size, now() - interval '{age} days'
             FROM files WHERE folder = 'backups' AND name NOT LIKE '%_2020%'"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut server.sql().await)
            .await
            .unwrap();
    }
    client
        .post("/api/settings/make-snapshot", json!({}))
        .await
        .expect(204);
    let names = snapshots(&client).await;
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        !names.iter().any(|name| name.contains("_20200103-")),
        "the oldest goes first: {names:?}"
    );
}

#[tokio::test]
async fn other_files_are_no_snapshots() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, AWKWARD).await;
    let before = settings(&client).await;
    for route in ["load-snapshot", "restore-snapshot"] {
        let path = format!("/api/settings/{route}");
        for name in [
            json!("settings.json"),
            json!("settings_other_x.json"),
            json!(""),
            json!(null),
            json!(0),
        ] {
            let answer = client.post(&path, json!({ "name": name })).await.expect(400);
            assert_eq!(
                answer.json(),
                json!({ "error": "Invalid snapshot name" }),
                "{name}"
            );
        }
        for name in ["settings_default-user_../x", "settings_default-user_\u{0}"] {
            client.post(&path, json!({ "name": name })).await.expect(400);
        }
        // compat: the original throws on a name that is no text.
        client.post(&path, json!({ "name": 5 })).await.expect(500);
        let absent = json!({ "name": "settings_default-user_20200101-000000.json" });
        client.post(&path, absent).await.expect(404);
    }
    assert_eq!(settings(&client).await, before);
}

#[tokio::test]
async fn concurrent_saves_leave_one_of_them_whole() {
    let server = Server::start().await;
    let client = server.client().await;
    let texts: Vec<String> = (0..8)
        .map(|n| json!({ "writer": n, "fill": "x".repeat(50_000 + n) }).to_string())
        .collect();
    futures_util::future::join_all(texts.iter().map(|text| save(&client, text))).await;
    let seen = settings(&client).await;
    let seen = squaretable_compat::json::minify(seen.as_bytes());
    assert!(texts.iter().any(|text| text.as_bytes() == &*seen));
}

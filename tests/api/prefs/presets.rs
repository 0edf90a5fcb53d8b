use serde_json::{Value, json};

use super::themes::{listed, start, stored};
use crate::harness::{Options, Server};

#[tokio::test]
async fn every_api_has_a_folder_of_its_own() {
    let (server, client) = start().await;
    let apis = [
        ("kobold", "koboldai_setting_names"),
        ("koboldhorde", "koboldai_setting_names"),
        ("novel", "novelai_setting_names"),
        ("textgenerationwebui", "textgenerationwebui_preset_names"),
        ("openai", "openai_setting_names"),
    ];
    for (api, _) in apis {
        let body = json!({ "name": format!("of {api}"), "apiId": api, "preset": { "api": api } });
        let answer = client.post("/api/presets/save", body).await.expect(200);
        assert_eq!(answer.json(), json!({ "name": format!("of {api}") }));
    }
    for (api, key) in apis {
        let names = listed(&client, key).await;
        assert!(
            names.as_array().unwrap().contains(&json!(format!("of {api}"))),
            "{api}: {names}"
        );
    }
    for api in ["instruct", "context", "sysprompt", "reasoning"] {
        let body = json!({ "name": "mine", "apiId": api, "preset": { "name": "mine", "api": api } });
        client.post("/api/presets/save", body).await.expect(200);
        assert_eq!(
            listed(&client, api).await,
            json!([{ "name": "mine", "api": api }])
        );
    }
    assert_eq!(
        server
            .count("SELECT count(*) FROM documents WHERE kind <> 'root'")
            .await,
        9
    );
}

#[tokio::test]
async fn a_preset_is_stored_token_by_token() {
    let (_server, client) = start().await;
    let preset = r#"{"temperature":1.0,"bias":"\ud800","big":1e21,"b":{"10":0,"9":0}}"#;
    let body = format!(r#"{{"preset":{preset},"name":"P","apiId":"openai"}}"#);
    client
        .post_raw("/api/presets/save", "application/json", body)
        .await
        .expect(200);
    let text = listed(&client, "openai_settings").await[0]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        squaretable_compat::json::minify(text.as_bytes()),
        preset.as_bytes()
    );
}

/// The name is sanitised before the extension is added, unlike elsewhere.
#[tokio::test]
async fn the_answer_is_the_name_it_was_stored_under() {
    let (server, client) = start().await;
    let long = "p".repeat(300);
    for (name, stored) in [
        ("../x", "..x"),
        ("foo. ", "foo"),
        ("a:b", "ab"),
        ("🦊", "🦊"),
        (long.as_str(), &"p".repeat(255)),
    ] {
        let body = json!({ "name": name, "apiId": "openai", "preset": { "a": 1 } });
        assert_eq!(
            client.post("/api/presets/save", body).await.expect(200).json(),
            json!({ "name": stored })
        );
    }
    assert_eq!(stored(&server, "OpenAI Settings").await.len(), 5);
}

#[tokio::test]
async fn what_is_no_preset_is_refused_and_changes_nothing() {
    let (server, client) = start().await;
    let (ok, api) = (json!({ "a": 1 }), json!("openai"));
    let cases: [(Value, u16); 11] = [
        (json!({ "preset": ok, "apiId": api }), 500),
        (json!({ "name": 5, "preset": ok, "apiId": api }), 500),
        (json!({ "name": "", "preset": ok, "apiId": api }), 400),
        (json!({ "name": "..", "preset": ok, "apiId": api }), 400),
        (json!({ "name": "con", "preset": ok, "apiId": api }), 400),
        (json!({ "name": "x", "apiId": api }), 400),
        (json!({ "name": "x", "preset": null, "apiId": api }), 400),
        (json!({ "name": "x", "preset": 0, "apiId": api }), 400),
        (json!({ "name": "x", "preset": ok }), 400),
        (json!({ "name": "x", "preset": ok, "apiId": "unknown" }), 400),
        (json!({ "name": "x", "preset": ok, "apiId": "../openai" }), 400),
    ];
    for (body, status) in cases {
        let answer = client.post("/api/presets/save", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
    assert_eq!(
        server
            .count("SELECT count(*) FROM documents WHERE kind <> 'root'")
            .await,
        0
    );
}

#[tokio::test]
async fn deleting_a_preset_leaves_those_of_other_apis() {
    let (_server, client) = start().await;
    for api in ["openai", "novel"] {
        let body = json!({ "name": "P", "apiId": api, "preset": { "a": 1 } });
        client.post("/api/presets/save", body).await.expect(200);
    }
    for (body, status) in [
        (json!({ "apiId": "openai" }), 500),
        (json!({ "name": "", "apiId": "openai" }), 400),
        (json!({ "name": "P", "apiId": "x" }), 400),
        (json!({ "name": "Absent", "apiId": "openai" }), 404),
        (json!({ "name": "P", "apiId": "openai" }), 200),
        (json!({ "name": "P", "apiId": "openai" }), 404),
    ] {
        client.post("/api/presets/delete", &body).await.expect(status);
    }
    assert_eq!(listed(&client, "openai_setting_names").await, json!([]));
    assert_eq!(listed(&client, "novelai_setting_names").await, json!(["P"]));
}

#[tokio::test]
async fn only_shipped_presets_can_be_restored_and_nothing_is_written() {
    let server = Server::with(Options {
        content: true,
        ..Options::default()
    })
    .await;
    let client = server.client().await;
    let restore =
        |name: Value, api: &str| client.post("/api/presets/restore", json!({ "name": name, "apiId": api }));
    let mine = json!({ "name": "Default", "apiId": "openai", "preset": { "mine": true } });
    client.post("/api/presets/save", mine).await.expect(200);
    let answer = restore(json!("Default"), "openai").await.expect(200).json();
    assert_eq!(answer["isDefault"], true);
    assert!(answer["preset"]["prompts"].is_array(), "{answer}");
    for (name, api) in [("Absent", "openai"), ("Default", "unknown"), ("", "openai")] {
        let answer = restore(json!(name), api).await.expect(200).json();
        assert_eq!(
            answer,
            json!({ "isDefault": false, "preset": {} }),
            "{name} {api}"
        );
    }
    restore(json!(5), "openai").await.expect(500);
    assert_eq!(
        listed(&client, "openai_settings").await[0],
        "{\n    \"mine\": true\n}"
    );
}

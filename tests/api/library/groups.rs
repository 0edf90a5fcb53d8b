use serde_json::{Value, json};

use crate::harness::{Client, Server};

async fn all(client: &Client) -> Value {
    client.post("/api/groups/all", json!({})).await.expect(200).json()
}

#[tokio::test]
async fn a_new_group_has_its_defaults() {
    let server = Server::start().await;
    let client = server.client().await;
    let group = client
        .post("/api/groups/create", json!({ "hideMutedSprites": true }))
        .await
        .expect(200)
        .json();
    let id = group["id"].as_str().unwrap();
    assert!(id.parse::<u64>().is_ok(), "{id}");
    let expected = json!({
        "id": id, "name": "New Group", "members": [], "allow_self_responses": false, "activation_strategy": 0,
        "generation_mode": 0, "disabled_members": [], "chat_id": id, "chats": [id], "auto_mode_delay": 5,
        "generation_mode_join_prefix": "", "generation_mode_join_suffix": "",
    });
    assert_eq!(group.to_string(), expected.to_string());
    let listed = all(&client).await;
    assert_eq!(
        (
            listed[0]["id"].as_str(),
            &listed[0]["chat_size"],
            &listed[0]["date_last_chat"]
        ),
        (Some(id), &json!(0), &json!(0))
    );
    let given = json!({ "name": "G 🦊", "members": ["a.png"], "fav": true, "avatar_url": "x", "chats": ["7"], "chat_id": "7",
                        "allow_self_responses": 1, "unknown": 1 });
    let group = client.post("/api/groups/create", given).await.expect(200).json();
    assert_eq!(
        (&group["name"], &group["fav"], &group["chats"]),
        (&json!("G 🦊"), &json!(true), &json!(["7"]))
    );
    assert_eq!(
        (&group["allow_self_responses"], group.get("unknown")),
        (&json!(true), None)
    );
}

#[tokio::test]
async fn groups_created_at_once_are_all_kept() {
    let server = Server::start().await;
    let client = server.client().await;
    let create = |n: usize| client.post("/api/groups/create", json!({ "name": format!("group {n}") }));
    for answer in futures_util::future::join_all((0..16).map(create)).await {
        answer.expect(200);
    }
    assert_eq!(all(&client).await.as_array().unwrap().len(), 16);
}

#[tokio::test]
async fn an_edit_stores_the_body_as_it_is() {
    let server = Server::start().await;
    let client = server.client().await;
    let body = r#"{"id":"g","name":"\ud800\u0000 🦊","zeta":1,"alpha":{"10":1,"9":2},"chat_metadata":{"x":1},"past_metadata":{},"chats":[],"huge":1e21}"#;
    let answer = client
        .post_raw("/api/groups/edit", "application/json", body)
        .await
        .expect(200);
    assert_eq!(answer.json(), json!({ "ok": true }));
    let listed = client.post("/api/groups/all", json!({})).await.expect(200).text();
    let expected = r#"[{"id":"g","name":"\ud800\u0000 🦊","zeta":1,"alpha":{"9":2,"10":1},"chats":[],"huge":1e+21,"date_added":"#;
    assert!(listed.starts_with(expected), "{listed}");
}

#[tokio::test]
async fn the_list_is_in_byte_order_and_knows_of_chats() {
    let server = Server::start().await;
    let client = server.client().await;
    for id in ["b", "a", "é", "B", "10", "9"] {
        client
            .post(
                "/api/groups/edit",
                json!({ "id": id, "chats": [format!("chat of {id}"), "absent"] }),
            )
            .await
            .expect(200);
    }
    client
        .post(
            "/api/chats/group/save",
            json!({ "id": "chat of a", "chat": [{ "mes": "12345" }] }),
        )
        .await
        .expect(200);
    let listed = all(&client).await;
    let ids: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["10", "9", "B", "a", "b", "é"]);
    assert_eq!(listed[3]["chat_size"], 15);
    assert!(listed[3]["date_last_chat"].as_f64().unwrap() > 1.7e12);
    assert!(listed[3]["create_date"].as_str().unwrap().ends_with('Z'));
    assert_eq!(listed[4]["chat_size"], 0);
}

#[tokio::test]
async fn a_deleted_group_takes_the_chats_it_lists_along() {
    let server = Server::start().await;
    let client = server.client().await;
    for id in ["1", "2", "other"] {
        client
            .post(
                "/api/chats/group/save",
                json!({ "id": id, "chat": [{ "mes": id }] }),
            )
            .await
            .expect(200);
    }
    client
        .post(
            "/api/groups/edit",
            json!({ "id": "g", "chats": ["1", 2, "absent"] }),
        )
        .await
        .expect(200);
    let delete = |id: &str| client.post("/api/groups/delete", json!({ "id": id }));
    assert_eq!(delete("g").await.expect(200).json(), json!({ "ok": true }));
    assert_eq!(all(&client).await, json!([]));
    for (id, text) in [("1", "[]"), ("2", "[]"), ("other", r#"[{"mes":"other"}]"#)] {
        let chat = client
            .post("/api/chats/group/get", json!({ "id": id }))
            .await
            .expect(200);
        assert_eq!(chat.text(), text);
    }
    assert_eq!(
        delete("g").await.expect(200).json(),
        json!({ "ok": true }),
        "also where there is none"
    );
    assert_eq!(
        server
            .count("SELECT count(*) FROM documents WHERE deleted_at IS NOT NULL")
            .await,
        1
    );
    assert_eq!(
        server
            .count("SELECT count(*) FROM chats WHERE deleted_at IS NOT NULL")
            .await,
        2
    );
}

#[tokio::test]
async fn ids_are_checked() {
    let server = Server::start().await;
    let client = server.client().await;
    for route in ["edit", "delete"] {
        for id in [
            json!(null),
            json!(""),
            json!(0),
            json!("a/b"),
            json!("../x"),
            json!("x\u{0}"),
        ] {
            let answer = client
                .post(&format!("/api/groups/{route}"), json!({ "id": id }))
                .await;
            assert_eq!(answer.status, 400, "{route} {id}: {}", answer.text());
        }
        for id in ["con", "aux"] {
            let answer = client
                .post(&format!("/api/groups/{route}"), json!({ "id": id }))
                .await;
            assert!(
                answer.status.as_u16() >= 400 || route == "delete",
                "{route} {id}: {}",
                answer.text()
            );
        }
    }
    assert_eq!(all(&client).await, json!([]));
    let long = "x".repeat(300);
    for id in ["..", "%2e", "🦊", &long] {
        client
            .post("/api/groups/edit", json!({ "id": id, "name": id }))
            .await
            .expect(200);
    }
    assert_eq!(
        server
            .count("SELECT count(*) FROM documents WHERE length(name) <= 255")
            .await,
        4
    );
}

#[tokio::test]
async fn a_group_may_list_what_is_no_chat() {
    let server = Server::start().await;
    let client = server.client().await;
    let group = json!({ "id": "g", "name": "G", "chats": ["a\u{0}b", "one", null] });
    client.post("/api/groups/edit", group).await.expect(200);
    let chat = json!({ "id": "one", "chat": [{ "chat_metadata": {} }, { "name": "A", "mes": "hello" }] });
    client.post("/api/chats/group/save", chat).await.expect(200);
    let search = json!({ "group_id": "g", "query": "hello" });
    let found = client.post("/api/chats/search", search).await.expect(200).json();
    assert_eq!(found.as_array().unwrap().len(), 1);
}

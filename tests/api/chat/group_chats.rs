use serde_json::{Value, json};

use super::talk::{AWKWARD, chat};
use crate::harness::{Client, Server};

async fn save(client: &Client, id: impl Into<Value>, chat: &Value) -> crate::harness::Answer {
    client
        .post("/api/chats/group/save", json!({ "id": id.into(), "chat": chat }))
        .await
}

async fn get(client: &Client, id: impl Into<Value>) -> String {
    client
        .post("/api/chats/group/get", json!({ "id": id.into() }))
        .await
        .expect(200)
        .text()
}

#[tokio::test]
async fn a_group_chat_reads_back_byte_for_byte() {
    let server = Server::start().await;
    let client = server.client().await;
    let body = format!(r#"{{"id":"2026-01-01@00h00m00s","chat":{AWKWARD}}}"#);
    let answer = client
        .post_raw("/api/chats/group/save", "application/json", body)
        .await
        .expect(200);
    assert_eq!(answer.json(), json!({ "ok": true }));
    assert_eq!(get(&client, "2026-01-01@00h00m00s").await, AWKWARD);
}

#[tokio::test]
async fn ids_are_sanitised_and_numbers_are_ids_too() {
    let server = Server::start().await;
    let client = server.client().await;
    for (id, same) in [
        (json!("../1"), json!("..1")),
        (json!(17), json!("17")),
        (json!("a/b"), json!("ab")),
    ] {
        save(&client, id.clone(), &chat("x", &["y"])).await.expect(200);
        assert_eq!(get(&client, same).await, chat("x", &["y"]).to_string(), "{id}");
    }
    assert_eq!(get(&client, "absent").await, "[]", "never an object");
}

#[tokio::test]
async fn group_chats_follow_the_integrity_rule() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "1", &chat("a", &["x"])).await.expect(200);
    let refused = save(&client, "1", &chat("b", &["y"])).await.expect(400);
    assert_eq!(refused.json(), json!({ "error": "integrity" }));
    assert_eq!(get(&client, "1").await, chat("a", &["x"]).to_string());
    let forced = json!({ "id": "1", "chat": chat("b", &["y"]), "force": true });
    client.post("/api/chats/group/save", forced).await.expect(200);
    assert_eq!(get(&client, "1").await, chat("b", &["y"]).to_string());
}

#[tokio::test]
async fn every_group_chat_route_wants_an_id() {
    let server = Server::start().await;
    let client = server.client().await;
    for route in ["save", "get", "delete", "info"] {
        for id in [json!(null), json!(""), json!(0)] {
            let body = json!({ "id": id, "chat": chat("a", &["x"]) });
            client
                .post(&format!("/api/chats/group/{route}"), body)
                .await
                .expect(400);
        }
    }
    assert_eq!(
        save(&client, "1", &json!("text")).await.expect(400).json()["error"],
        "The request's body.chat is not an array."
    );
    assert_eq!(server.count("SELECT count(*) FROM chats").await, 0);
}

#[tokio::test]
async fn a_deleted_group_chat_stays_as_a_row() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "1", &chat("a", &["x"])).await.expect(200);
    let delete = |id: &str| client.post("/api/chats/group/delete", json!({ "id": id }));
    assert_eq!(delete("1").await.expect(200).json(), json!({ "ok": true }));
    assert_eq!(get(&client, "1").await, "[]");
    delete("1").await.expect(400);
    assert_eq!(
        server
            .count("SELECT count(*) FROM chats WHERE deleted_at IS NOT NULL")
            .await,
        1
    );
}

#[tokio::test]
async fn info_tells_of_a_group_chat() {
    let server = Server::start().await;
    let client = server.client().await;
    let info = |id: &str| client.post("/api/chats/group/info", json!({ "id": id }));
    assert_eq!(info("1").await.expect(200).json(), json!({ "match": false }));
    save(&client, "1", &chat("a", &["first", "last"]))
        .await
        .expect(200);
    let seen = info("1").await.expect(200).json();
    let size: usize = chat("a", &["first", "last"])
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l.to_string().len() + 1)
        .sum();
    let expected = json!({
        "match": true, "file_id": "1", "file_name": "1.jsonl", "file_size": format!("{}B", size - 1), "chat_items": 2,
        "mes": "last", "last_mes": "2026-01-02T03:04:05.678Z",
    });
    assert_eq!(seen, expected);
}

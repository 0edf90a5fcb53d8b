use serde_json::{Value, json};

use crate::api::cards;
use crate::harness::{Client, Server, file};

async fn character(client: &Client, name: &str) -> String {
    let card = cards::png(&json!({ "name": name, "description": "", "first_mes": "hi" }));
    let imported = client
        .upload(
            "/api/characters/import",
            file("x.png", card),
            &[("file_type", "png")],
        )
        .await;
    format!(
        "{}.png",
        imported.expect(200).json()["file_name"].as_str().expect("a name")
    )
}

async fn save(client: &Client, avatar: &str, file_name: &str, messages: &[Value]) {
    let mut chat = vec![json!({ "user_name": "unused", "character_name": "unused", "chat_metadata": {} })];
    chat.extend_from_slice(messages);
    let body = json!({ "avatar_url": avatar, "file_name": file_name, "chat": chat });
    client.post("/api/chats/save", body).await.expect(200);
}

async fn get(client: &Client) -> Value {
    client.post("/api/stats/get", json!({})).await.expect(200).json()
}

#[tokio::test]
async fn numbers_are_made_from_the_chats_of_each_character() {
    let server = Server::start().await;
    let client = server.client().await;
    let ada = character(&client, "Ada").await;
    let bob = character(&client, "Bob").await;
    let question = json!({ "is_user": true, "mes": "one two", "send_date": "2024-07-12T01:31:37.123Z" });
    let reply = json!({
        "mes": "three four five", "gen_started": "2024-07-12T01:31:37.000Z", "gen_finished": "2024-07-12T01:31:39.500Z",
        "swipes": ["three four five", "six"], "swipe_info": [{}, {}],
    });
    save(&client, &ada, "first", &[question.clone(), reply]).await;
    save(&client, &ada, "second", &[question]).await;
    assert_eq!(
        client
            .post("/api/stats/recreate", json!({}))
            .await
            .expect(200)
            .text(),
        "OK"
    );
    let stats = get(&client).await;
    let numbers = |avatar: &str, key: &str| stats[avatar][key].as_u64().unwrap();
    assert_eq!(numbers(&ada, "total_gen_time"), 2500);
    assert_eq!(
        (
            numbers(&ada, "user_word_count"),
            numbers(&ada, "non_user_word_count")
        ),
        (2, 4)
    );
    assert_eq!(
        (
            numbers(&ada, "user_msg_count"),
            numbers(&ada, "non_user_msg_count")
        ),
        (1, 2)
    );
    assert_eq!(numbers(&ada, "total_swipe_count"), 1);
    assert_eq!(numbers(&ada, "date_first_chat"), 1_720_747_897_123);
    let chats = client
        .post("/api/characters/chats", json!({ "avatar_url": ada }))
        .await
        .expect(200)
        .json();
    assert_eq!(chats.as_array().unwrap().len(), 2);
    assert!(numbers(&ada, "chat_size") > 300 && numbers(&ada, "date_last_chat") > 1_720_747_897_123);
    assert_eq!(
        (numbers(&bob, "chat_size"), numbers(&bob, "date_first_chat")),
        (0, 253_402_300_799_999)
    );
    assert!(stats["timestamp"].is_u64());
}

#[tokio::test]
async fn numbers_that_were_never_made_are_made_when_asked_for() {
    let server = Server::start().await;
    let client = server.client().await;
    let ada = character(&client, "Ada").await;
    let stats = get(&client).await;
    assert_eq!(stats[&ada]["user_msg_count"], 0);
    assert_eq!(get(&client).await, stats);
}

#[tokio::test]
async fn an_update_replaces_everything_and_gets_the_time() {
    let server = Server::start().await;
    let client = server.client().await;
    character(&client, "Ada").await;
    client.post("/api/stats/recreate", json!({})).await.expect(200);
    let body = json!({ "x.png": { "chat_size": 5, "own": ["kept", 1.5] }, "timestamp": 1 });
    assert_eq!(
        client.post("/api/stats/update", &body).await.expect(200).text(),
        "OK"
    );
    let stats = get(&client).await;
    assert_eq!(stats["x.png"], body["x.png"]);
    assert_eq!(
        stats.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["x.png", "timestamp"]
    );
    assert!(stats["timestamp"].as_u64().unwrap() > 1_700_000_000_000);
}

use std::time::Duration;

use serde_json::{Value, json};
use squaretable::config::Config;
use squaretable::store::{blobs, files};

use super::talk::{AWKWARD, chat, save, save_raw};
use crate::harness::{Answer, Client, Options, Server};

pub async fn start(change: impl FnOnce(&mut Config)) -> (Server, Client) {
    let mut config = Config::default();
    change(&mut config);
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    let client = server.client().await;
    (server, client)
}

pub async fn save_of(client: &Client, avatar: &str, text: &str) {
    let body =
        json!({ "avatar_url": avatar, "file_name": "talk", "chat": chat("i", &[text]), "force": true });
    client.post("/api/chats/save", body).await.expect(200);
}

pub async fn list(client: &Client) -> Vec<Value> {
    let listed = client
        .post("/api/backups/chat/get", json!({}))
        .await
        .expect(200)
        .json();
    listed.as_array().expect("a list").clone()
}

pub async fn names(client: &Client) -> Vec<String> {
    let name = |info: &Value| info["file_name"].as_str().expect("a name").to_owned();
    list(client).await.iter().map(name).collect()
}

/// The texts of the last messages, as the list shows them.
pub async fn texts(client: &Client) -> Vec<String> {
    let text = |info: &Value| info["mes"].as_str().expect("a text").to_owned();
    list(client).await.iter().map(text).collect()
}

pub async fn download(client: &Client, name: &str) -> Answer {
    client
        .post("/api/backups/chat/download", json!({ "name": name }))
        .await
}

/// Makes the backups of the last hour as old as if they had been taken `days` ago, names included.
pub async fn age(server: &Server, days: i32) {
    let sql = "UPDATE chat_backups SET
                   name = regexp_replace(name, '[0-9]{8}', to_char(now() - $1 * interval '1 day', 'YYYYMMDD')),
                   taken_at = taken_at - $1 * interval '1 day', saved_at = saved_at - $1 * interval '1 day'
               WHERE taken_at > now() - interval '1 hour'";
    sqlx::query(sql)
        .bind(days)
        .execute(&mut server.sql().await)
        .await
        .expect("an answer");
}

/// Leaves a file as the importer does.
pub async fn import(server: &Server, name: &str, bytes: &[u8], days_ago: i64) {
    let mut tx = server
        .tenant("default-user", false)
        .await
        .begin()
        .await
        .expect("an answer");
    let blob = blobs::put(&mut tx, bytes).await.expect("an answer");
    let at = chrono::Utc::now() - chrono::TimeDelta::days(days_ago);
    files::put_at(&mut tx, "backups", name, &blob, at)
        .await
        .expect("an answer");
    tx.commit().await.expect("an answer");
}

#[tokio::test]
async fn the_first_save_takes_a_backup_and_later_ones_share_the_next() {
    let (server, client) = start(|_| {}).await;
    for text in ["one", "two", "three"] {
        save_of(&client, "Ada.png", text).await;
    }
    assert_eq!(texts(&client).await, ["one"]);
    assert_eq!(server.count("SELECT count(*) FROM chat_backups").await, 2);
    let gap = "SELECT (extract(epoch FROM max(taken_at) - min(taken_at)) * 1000)::bigint FROM chat_backups";
    assert_eq!(server.count(gap).await, 10_000);
    age(&server, 1).await;
    assert_eq!(
        texts(&client).await,
        ["one", "three"],
        "the second one was taken meanwhile"
    );
    save_of(&client, "Ada.png", "four").await;
    assert_eq!(texts(&client).await, ["one", "three", "four"]);
}

#[tokio::test]
async fn a_backup_still_to_be_taken_can_neither_be_read_nor_deleted() {
    let (server, client) = start(|_| {}).await;
    save_of(&client, "Ada.png", "one").await;
    save_of(&client, "Ada.png", "two").await;
    let sql = "SELECT name FROM chat_backups ORDER BY taken_at DESC LIMIT 1";
    let name: String = sqlx::query_scalar(sql)
        .fetch_one(&mut server.sql().await)
        .await
        .expect("an answer");
    download(&client, &name).await.expect(404);
    client
        .post("/api/backups/chat/delete", json!({ "name": name }))
        .await
        .expect(404);
    assert_eq!(server.count("SELECT count(*) FROM chat_backups").await, 2);
}

#[tokio::test]
async fn names_that_differ_do_not_hold_each_other_up() {
    let (_server, client) = start(|_| {}).await;
    for avatar in ["Ada.png", "Bob.png", "Ünï.png"] {
        save_of(&client, avatar, avatar).await;
    }
    let body = json!({ "id": "Group 1", "chat": chat("i", &["in group"]) });
    client.post("/api/chats/group/save", body).await.expect(200);
    let found = names(&client).await;
    let starts = [
        "chat__n__216999f2_20",
        "chat_ada_20",
        "chat_bob_20",
        "chat_group_1_20",
    ];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (name, start) in found.iter().zip(starts) {
        assert!(name.starts_with(start) && name.ends_with(".jsonl"), "{name}");
    }
}

#[tokio::test]
async fn two_names_with_one_key_are_throttled_apart() {
    let (server, client) = start(|_| {}).await;
    save_of(&client, "A b.png", "one").await;
    age(&server, 1).await;
    // Its last backup is of yesterday, that of the other name would be of this moment.
    save_of(&client, "A_b.png", "two").await;
    assert_eq!(texts(&client).await, ["one", "two"]);
    assert_eq!(
        server.count("SELECT count(DISTINCT key) FROM chat_backups").await,
        1
    );
    assert_eq!(
        server
            .count("SELECT count(DISTINCT owner) FROM chat_backups")
            .await,
        2
    );
}

#[tokio::test]
async fn a_backup_is_the_chat_byte_for_byte() {
    let (_server, client) = start(|_| {}).await;
    save_raw(&client, "talk", AWKWARD).await.expect(200);
    let export =
        json!({ "avatar_url": "Ada.png", "file": "talk.jsonl", "format": "jsonl", "exportfilename": "x" });
    let export = client.post("/api/chats/export", export).await.expect(200).text();
    let name = names(&client).await.remove(0);
    let answer = download(&client, &name).await.expect(200);
    let text = serde_json::to_string(&answer.text()).expect("an answer");
    assert!(export.ends_with(&format!("\"result\":{text}}}")), "{text}");
    assert_eq!(
        answer.headers["content-disposition"],
        format!("attachment; filename=\"{name}\"").as_str()
    );
    assert_eq!(answer.headers["content-type"], "application/octet-stream");
    assert_eq!(
        list(&client).await[0]["file_size"],
        squaretable_compat::sizes::file_size(answer.body.len() as u64)
    );
}

#[tokio::test]
async fn a_backup_of_megabytes_comes_whole() {
    let (_server, client) = start(|_| {}).await;
    let long: Vec<String> = (0..40).map(|n| format!("{n} {}", "x".repeat(100_000))).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    let chat = chat("i", &long);
    save(&client, "talk", &chat).await.expect(200);
    let lines: Vec<String> = chat
        .as_array()
        .expect("an answer")
        .iter()
        .map(Value::to_string)
        .collect();
    let name = names(&client).await.remove(0);
    assert!(download(&client, &name).await.expect(200).text() == lines.join("\n"));
}

#[tokio::test]
async fn an_empty_chat_is_backed_up_too() {
    let (_server, client) = start(|_| {}).await;
    save(&client, "talk", &json!([])).await.expect(200);
    let listed = list(&client).await.remove(0);
    assert_eq!(listed["mes"], "[The chat is empty]");
    assert!(listed["last_mes"].is_number(), "{listed}");
    let name = listed["file_name"].as_str().expect("an answer");
    assert_eq!(download(&client, name).await.expect(200).text(), "");
}

#[tokio::test]
async fn a_backup_outlives_its_chat() {
    let (_server, client) = start(|_| {}).await;
    save_of(&client, "Ada.png", "kept").await;
    let name = names(&client).await.remove(0);
    let body =
        json!({ "avatar_url": "Ada.png", "original_file": "talk.jsonl", "renamed_file": "other.jsonl" });
    client.post("/api/chats/rename", body).await.expect(200);
    assert!(download(&client, &name).await.expect(200).text().contains("kept"));
    let body = json!({ "avatar_url": "Ada.png", "chatfile": "other.jsonl" });
    client.post("/api/chats/delete", body).await.expect(200);
    assert!(download(&client, &name).await.expect(200).text().contains("kept"));
    assert_eq!(texts(&client).await, ["kept"]);
}

#[tokio::test]
async fn deleting_a_backup_deletes_nothing_else() {
    let (server, client) = start(|_| {}).await;
    save_of(&client, "Ada.png", "kept").await;
    let name = names(&client).await.remove(0);
    let answer = client
        .post("/api/backups/chat/delete", json!({ "name": name }))
        .await
        .expect(200);
    assert_eq!(answer.text(), "OK");
    client
        .post("/api/backups/chat/delete", json!({ "name": name }))
        .await
        .expect(404);
    assert_eq!(list(&client).await, [] as [Value; 0]);
    assert_eq!(server.count("SELECT count(*) FROM revisions").await, 1);
    assert!(super::talk::get(&client, "talk").await.contains("kept"));
}

#[tokio::test]
async fn saving_the_same_again_backs_up_the_version_that_there_is() {
    let (server, client) = start(|config| config.content.backups.chat_throttle = Duration::ZERO).await;
    save_of(&client, "Ada.png", "same").await;
    age(&server, 1).await;
    save_of(&client, "Ada.png", "same").await;
    assert_eq!(texts(&client).await, ["same", "same"]);
    assert_eq!(server.count("SELECT count(*) FROM revisions").await, 1);
}

#[tokio::test]
async fn a_version_with_a_backup_cannot_be_removed() {
    let (server, client) = start(|_| {}).await;
    save_of(&client, "Ada.png", "kept").await;
    let removed = sqlx::query("DELETE FROM revisions")
        .execute(&mut server.sql().await)
        .await;
    assert!(
        removed.unwrap_err().to_string().contains("chat_backups"),
        "the backup stands in the way"
    );
}

#[tokio::test]
async fn backups_can_be_turned_off() {
    let (server, client) = start(|config| config.content.backups.chat_enabled = false).await;
    save_of(&client, "Ada.png", "x").await;
    assert_eq!(server.count("SELECT count(*) FROM chat_backups").await, 0);
    assert_eq!(list(&client).await, [] as [Value; 0]);
}

#[tokio::test]
async fn only_backups_of_chats_are_reached() {
    let (server, client) = start(|_| {}).await;
    import(&server, "settings_default-user_20200101-000000.json", b"{}", 1).await;
    for route in ["/api/backups/chat/download", "/api/backups/chat/delete"] {
        for (name, status) in [
            (json!("settings_default-user_20200101-000000.json"), 400),
            (json!("../chat_x"), 400),
            (json!(""), 400),
            (json!(".."), 400),
            (json!("chat_/../settings_default-user_20200101-000000.json"), 404),
            (json!("chat_none.jsonl"), 404),
            (json!("chat_\u{0}"), 404),
            (json!(5), 500),
            (json!(["chat_x"]), 500),
            (json!(null), 500),
        ] {
            let answer = client.post(route, json!({ "name": name })).await;
            assert_eq!(
                answer.status.as_u16(),
                status,
                "{route} {name}: {}",
                answer.text()
            );
        }
    }
    assert_eq!(
        server
            .count("SELECT count(*) FROM files WHERE folder = 'backups'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_clock_that_was_set_back_hides_no_backup_and_stops_none() {
    let (server, client) = start(|_| {}).await;
    save_of(&client, "Ada.png", "one").await;
    let sql = "UPDATE chat_backups SET taken_at = taken_at + interval '9 years', saved_at = saved_at + interval '9 years',
               name = 'chat_ada_20990101-000000.jsonl'";
    sqlx::query(sql)
        .execute(&mut server.sql().await)
        .await
        .expect("an answer");
    save_of(&client, "Ada.png", "two").await;
    assert_eq!(texts(&client).await, ["two", "one"]);
}

#[tokio::test]
async fn backups_are_the_users_own() {
    let (server, _) = start(|config| config.accounts.enabled = true).await;
    for handle in ["first", "second"] {
        server.tenant(handle, false).await;
    }
    let (first, second) = (server.client_of("first").await, server.client_of("second").await);
    save_of(&first, "Ada.png", "secret").await;
    let name = names(&first).await.remove(0);
    assert_eq!(list(&second).await, [] as [Value; 0]);
    download(&second, &name).await.expect(404);
    client_delete(&second, &name).await.expect(404);
    download(&first, &name).await.expect(200);
}

async fn client_delete(client: &Client, name: &str) -> Answer {
    client
        .post("/api/backups/chat/delete", json!({ "name": name }))
        .await
}

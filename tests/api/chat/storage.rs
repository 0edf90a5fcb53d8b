//! What a save writes: seen in the database, since no route shows it.

use serde_json::{Value, json};

use super::talk::{chat, get, header, message, save};
use crate::harness::Server;

const MESSAGES: &str = "SELECT count(*) FROM messages";
const REVISIONS: &str = "SELECT count(*) FROM revisions";

#[tokio::test]
async fn appending_to_a_big_chat_writes_one_message_and_one_revision() {
    let server = Server::start().await;
    let client = server.client().await;
    let text = |n: usize| format!("{n} {}", "lorem ipsum \u{e9} ".repeat(250));
    let mut lines = vec![header("a")];
    lines.extend((0..2000).map(|n| message(&text(n))));
    save(&client, "big", &Value::Array(lines.clone()))
        .await
        .expect(200);
    assert_eq!(
        (server.count(MESSAGES).await, server.count(REVISIONS).await),
        (2001, 1)
    );
    lines.push(message("the reply"));
    let whole = Value::Array(lines);
    save(&client, "big", &whole).await.expect(200);
    assert_eq!(
        (server.count(MESSAGES).await, server.count(REVISIONS).await),
        (2002, 2)
    );
    let added = "SELECT count(*) FROM messages m, revisions r
                 WHERE r.revision = 2 AND r.parent = 1 AND m.message_id = r.message_ids[2002]
                   AND convert_from(m.body, 'UTF8') LIKE '%the reply%'";
    assert_eq!(server.count(added).await, 1);
    let (shown, sent) = (get(&client, "big").await, whole.to_string());
    assert!(shown == sent, "the big chat changed on its way");
}

#[tokio::test]
async fn an_edit_keeps_what_it_replaced() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "talk", &chat("a", &["one", "two", "three"]))
        .await
        .expect(200);
    save(&client, "talk", &chat("a", &["one", "TWO"]))
        .await
        .expect(200);
    assert_eq!(
        (server.count(MESSAGES).await, server.count(REVISIONS).await),
        (5, 2)
    );
    let old = "SELECT count(*) FROM messages WHERE NOT live AND search IN ('two', 'three')
               AND message_id = ANY((SELECT message_ids FROM revisions WHERE revision = 1)::int[])";
    assert_eq!(server.count(old).await, 2);
    save(&client, "talk", &chat("a", &["one", "two", "three"]))
        .await
        .expect(200);
    assert_eq!(
        (server.count(MESSAGES).await, server.count(REVISIONS).await),
        (5, 3),
        "old lines are found again"
    );
    let same = "SELECT count(*) FROM revisions a, revisions b
                WHERE a.revision = 1 AND b.revision = 3 AND a.message_ids = b.message_ids";
    assert_eq!(server.count(same).await, 1);
}

#[tokio::test]
async fn saving_what_is_there_already_makes_no_revision_but_is_the_newest() {
    let server = Server::start().await;
    let client = server.client().await;
    let talk = chat("a", &["same", "same", "same"]);
    save(&client, "talk", &talk).await.expect(200);
    save(&client, "other", &chat("b", &["x"])).await.expect(200);
    save(&client, "talk", &talk).await.expect(200);
    assert_eq!(
        (server.count(MESSAGES).await, server.count(REVISIONS).await),
        (4, 2)
    );
    assert_eq!(get(&client, "talk").await, talk.to_string());
    let newest = "SELECT count(*) FROM chats WHERE file_name = 'talk.jsonl'
                  AND modified_at = (SELECT max(modified_at) FROM chats)";
    assert_eq!(server.count(newest).await, 1);
}

#[tokio::test]
async fn a_deleted_chat_stays_as_a_row_and_its_name_is_free() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "talk", &chat("old", &["precious"]))
        .await
        .expect(200);
    client
        .post(
            "/api/chats/delete",
            json!({ "avatar_url": "Ada.png", "chatfile": "talk" }),
        )
        .await
        .expect(200);
    assert_eq!(get(&client, "talk").await, "[]");
    let kept = "SELECT count(*) FROM chats c JOIN messages m USING (tenant_id, chat_id)
                WHERE c.deleted_at IS NOT NULL AND m.search = 'precious'";
    assert_eq!(server.count(kept).await, 1);
    // Another integrity: the new chat of this name has nothing to do with the old one.
    save(&client, "talk", &chat("new", &["fresh"])).await.expect(200);
    assert_eq!(get(&client, "talk").await, chat("new", &["fresh"]).to_string());
    assert_eq!(server.count(kept).await, 1);
    assert_eq!(server.count("SELECT count(*) FROM chats").await, 2);
}

#[tokio::test]
async fn every_acknowledged_save_of_concurrent_ones_is_a_revision_and_one_of_them_is_shown() {
    let server = Server::start().await;
    let client = server.client().await;
    let texts: Vec<String> = (0..12).map(|n| format!("writer {n}")).collect();
    let chats: Vec<Value> = texts.iter().map(|text| chat("a", &["shared", text])).collect();
    let saves = chats.iter().map(|chat| save(&client, "talk", chat));
    for answer in futures_util::future::join_all(saves).await {
        answer.expect(200);
    }
    assert_eq!(server.count(REVISIONS).await, 12);
    assert_eq!(
        server
            .count("SELECT count(DISTINCT message_ids) FROM revisions")
            .await,
        12
    );
    assert_eq!(
        server.count(MESSAGES).await,
        14,
        "the shared lines are stored once"
    );
    let shown = get(&client, "talk").await;
    let sent: Vec<String> = chats.iter().map(Value::to_string).collect();
    assert!(sent.contains(&shown), "{shown}");
    let live = "SELECT count(*) FROM messages WHERE live";
    assert_eq!(server.count(live).await, 3, "search sees the head only");
}

#[tokio::test]
async fn of_concurrent_first_saves_with_different_integrity_one_wins_and_the_others_are_told() {
    let server = Server::start().await;
    let client = server.client().await;
    let chats: Vec<Value> = (0..8).map(|n| chat(&format!("writer {n}"), &["x"])).collect();
    let answers = futures_util::future::join_all(chats.iter().map(|chat| save(&client, "talk", chat))).await;
    let won: Vec<_> = chats
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.status == 200)
        .collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert_eq!(get(&client, "talk").await, won[0].0.to_string());
    assert!(
        answers
            .iter()
            .filter(|a| a.status != 200)
            .all(|a| a.json() == json!({ "error": "integrity" }))
    );
}

#[tokio::test]
async fn concurrent_renames_to_one_name_leave_every_chat_in_place() {
    let server = Server::start().await;
    let client = server.client().await;
    let names: Vec<String> = (0..6).map(|n| format!("from {n}")).collect();
    for name in &names {
        save(&client, name, &chat("a", &[name])).await.expect(200);
    }
    let renames = names.iter().map(|name| {
        let from = format!("{name}.jsonl");
        client.post(
            "/api/chats/rename",
            json!({ "avatar_url": "Ada.png", "original_file": from, "renamed_file": "to.jsonl" }),
        )
    });
    let answers = futures_util::future::join_all(renames).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        1,
        "{answers:?}"
    );
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 200 || answer.json() == json!({ "error": true }))
    );
    assert_eq!(
        server
            .count("SELECT count(*) FROM chats WHERE deleted_at IS NULL")
            .await,
        6
    );
}

//! How many backups of chats stay, and those that came as files.

use std::time::Duration;

use serde_json::{Value, json};

use super::backups::{age, download, import, list, names, save_of, start, texts};
use super::talk::chat;

#[tokio::test]
async fn the_oldest_of_a_name_go_imported_ones_included() {
    let (server, client) = start(|config| {
        config.content.backups.chat_throttle = Duration::ZERO;
        config.content.backups.number_of_backups = 3;
    })
    .await;
    import(
        &server,
        "chat_ada_20200101-000000.jsonl",
        b"{\"name\":\"x\",\"mes\":\"old\"}",
        900,
    )
    .await;
    import(
        &server,
        "chat_ada_lovelace_20200101-000000.jsonl",
        b"{\"name\":\"x\",\"mes\":\"other\"}",
        901,
    )
    .await;
    for (text, days) in [("one", 3), ("two", 2)] {
        save_of(&client, "Ada.png", text).await;
        age(&server, days).await;
    }
    assert_eq!(texts(&client).await, ["old", "one", "two", "other"]);
    save_of(&client, "Ada.png", "three").await;
    assert_eq!(texts(&client).await, ["one", "two", "three", "other"]);
    age(&server, 1).await;
    save_of(&client, "Ada.png", "four").await;
    assert_eq!(texts(&client).await, ["two", "three", "four", "other"]);
    assert_eq!(
        server.count("SELECT count(*) FROM revisions").await,
        4,
        "no version goes"
    );
}

#[tokio::test]
async fn a_backup_still_to_be_taken_pushes_out_no_other() {
    let (_server, client) = start(|config| config.content.backups.number_of_backups = 1).await;
    save_of(&client, "Ada.png", "one").await;
    save_of(&client, "Ada.png", "two").await;
    assert_eq!(texts(&client).await, ["one"]);
}

#[tokio::test]
async fn there_can_be_a_limit_for_all_together() {
    let (server, client) = start(|config| {
        config.content.backups.chat_throttle = Duration::ZERO;
        config.content.backups.max_total_chat_backups = Some(2);
    })
    .await;
    import(&server, "chat_x.txt", b"text", 900).await;
    import(&server, "settings_default-user_20200101-000000.json", b"{}", 900).await;
    for (avatar, days) in [("Ada.png", 3), ("Bob.png", 2), ("Eve.png", 1)] {
        save_of(&client, avatar, avatar).await;
        age(&server, days).await;
    }
    assert_eq!(texts(&client).await, ["Bob.png", "Eve.png"]);
    assert_eq!(
        server
            .count("SELECT count(*) FROM files WHERE folder = 'backups'")
            .await,
        1,
        "settings are no chats"
    );
}

#[tokio::test]
async fn imported_backups_are_backups() {
    let (server, client) = start(|_| {}).await;
    let file = b"{\"chat_metadata\":{}}\r\n{\"name\":\"Ada\",\"mes\":\"old\",\"send_date\":7}";
    import(&server, "chat_ada_20200101-000000.jsonl", file, 900).await;
    import(&server, "chat_zoe_20200101-000000.jsonl", b"broken", 900).await;
    import(&server, "chat_note.txt", b"no chat", 900).await;
    save_of(&client, "Bob.png", "new").await;
    for _ in 0..2 {
        let listed = list(&client).await;
        assert_eq!(listed.len(), 3, "{listed:?}");
        let expected = json!({ "match": true, "file_id": "chat_ada_20200101-000000",
            "file_name": "chat_ada_20200101-000000.jsonl", "file_size": "62B", "chat_items": 1, "mes": "old",
            "last_mes": 7 });
        assert_eq!(listed[0], expected);
        assert_eq!(listed[1]["mes"], "new");
        assert_eq!(listed[2]["mes"], "[The message is empty]");
    }
    assert_eq!(server.count("SELECT count(*) FROM chat_file_summaries").await, 2);
    let name = "chat_ada_20200101-000000.jsonl";
    assert_eq!(&download(&client, name).await.expect(200).body[..], file);
    assert_eq!(
        download(&client, "chat_note.txt").await.expect(200).text(),
        "no chat"
    );
    client
        .post("/api/backups/chat/delete", json!({ "name": name }))
        .await
        .expect(200);
    download(&client, name).await.expect(404);
}

#[tokio::test]
async fn a_file_stands_before_a_backup_of_its_name_and_both_are_deleted() {
    let (server, client) = start(|_| {}).await;
    save_of(&client, "Ada.png", "row").await;
    let name = names(&client).await.remove(0);
    import(&server, &name, b"{\"name\":\"x\",\"mes\":\"file\"}", 1).await;
    assert_eq!(texts(&client).await, ["file"]);
    assert!(download(&client, &name).await.expect(200).text().contains("file"));
    client
        .post("/api/backups/chat/delete", json!({ "name": name }))
        .await
        .expect(200);
    assert_eq!(list(&client).await, [] as [Value; 0]);
}

#[tokio::test]
async fn concurrent_saves_of_one_character_all_succeed() {
    let (_server, client) = start(|config| {
        config.content.backups.chat_throttle = Duration::ZERO;
        config.content.backups.number_of_backups = 2;
        config.content.backups.max_total_chat_backups = Some(2);
    })
    .await;
    let saves = (0..12).map(|n| {
        let (client, body) = (
            &client,
            json!({ "avatar_url": "Ada.png", "file_name": format!("talk {n}"), "chat": chat("i", &["x"]) }),
        );
        async move { client.post("/api/chats/save", body).await }
    });
    for answer in futures_util::future::join_all(saves).await {
        answer.expect(200);
    }
    let found = names(&client).await;
    assert!((1..=2).contains(&found.len()), "{found:?}");
}

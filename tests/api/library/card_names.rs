//! Renaming, copying and deleting characters.

use serde_json::json;

use super::characters::{avatars, get, import, stored_card};
use crate::harness::{Client, Server};

async fn with_chat(client: &Client, avatar: &str) {
    let chat = json!({ "avatar_url": avatar, "file_name": "talk", "chat": [{ "mes": "said" }] });
    client.post("/api/chats/save", chat).await.expect(200);
}

async fn chat_of(client: &Client, avatar: &str) -> String {
    client
        .post(
            "/api/chats/get",
            json!({ "avatar_url": avatar, "file_name": "talk" }),
        )
        .await
        .expect(200)
        .text()
}

#[tokio::test]
async fn a_renamed_character_takes_its_chats_along() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    with_chat(&client, "Ada.png").await;
    let rename = |from: &str, to: &str| {
        client.post(
            "/api/characters/rename",
            json!({ "avatar_url": from, "new_name": to }),
        )
    };
    let answer = rename("Ada.png", "Grace: H.").await.expect(200);
    assert_eq!(answer.json(), json!({ "avatar": "Grace H.png" }));
    assert_eq!(avatars(&client).await, ["Grace H.png"]);
    let grace = stored_card(&client, "Grace H.png").await;
    assert_eq!(
        (&grace["name"], &grace["data"]["name"]),
        (&json!("Grace H"), &json!("Grace H"))
    );
    assert_eq!(grace["data"]["extensions"]["mine"], json!({ "deep": [null] }));
    assert_eq!(chat_of(&client, "Grace H.png").await, r#"[{"mes":"said"}]"#);
    get(&client, "Ada.png").await.expect(404);
    assert_eq!(
        rename("Grace H.png", "Grace H").await.expect(200).json()["avatar"],
        "Grace H1.png",
        "its own name is taken"
    );
    assert_eq!(chat_of(&client, "Grace H1.png").await, r#"[{"mes":"said"}]"#);
}

#[tokio::test]
async fn a_rename_never_mixes_chats_with_those_that_are_there() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    with_chat(&client, "Ada.png").await;
    let left = json!({ "avatar_url": "Bob.png", "file_name": "talk", "chat": [{ "mes": "left over" }] });
    client.post("/api/chats/save", left).await.expect(200);
    let body = json!({ "avatar_url": "Ada.png", "new_name": "Bob" });
    assert_eq!(
        client
            .post("/api/characters/rename", body)
            .await
            .expect(200)
            .json()["avatar"],
        "Bob.png"
    );
    assert_eq!(chat_of(&client, "Bob.png").await, r#"[{"mes":"left over"}]"#);
    assert_eq!(
        chat_of(&client, "Ada.png").await,
        r#"[{"mes":"said"}]"#,
        "where they were"
    );
    for (body, status) in [
        (json!({ "avatar_url": "Bob.png" }), 400),
        (json!({ "new_name": "x" }), 400),
        (json!({ "avatar_url": "Bob.png", "new_name": 5 }), 400),
        (json!({ "avatar_url": "absent.png", "new_name": "x" }), 500),
        (json!({ "avatar_url": "a/b.png", "new_name": "x" }), 400),
    ] {
        client.post("/api/characters/rename", &body).await.expect(status);
    }
    assert_eq!(avatars(&client).await, ["Bob.png"]);
}

#[tokio::test]
async fn copies_are_counted_up_and_have_no_chats() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    with_chat(&client, "Ada.png").await;
    let copy = |avatar: &str| client.post("/api/characters/duplicate", json!({ "avatar_url": avatar }));
    for (from, to) in [
        ("Ada.png", "Ada_1.png"),
        ("Ada.png", "Ada_2.png"),
        ("Ada_1.png", "Ada_3.png"),
    ] {
        assert_eq!(copy(from).await.expect(200).json(), json!({ "path": to }));
    }
    let (original, copied) = (
        client.get("/characters/Ada.png").await,
        client.get("/characters/Ada_3.png").await,
    );
    assert!(
        original.body == copied.expect(200).body,
        "a copy is the same file"
    );
    assert_eq!(chat_of(&client, "Ada_1.png").await, "{}");
    copy("absent.png").await.expect(404);
    copy("a/b.png").await.expect(400);
    copy("").await.expect(400);
}

#[tokio::test]
async fn a_deleted_character_keeps_its_chats_unless_told_otherwise() {
    let server = Server::start().await;
    let client = server.client().await;
    for (with_chats, left) in [
        (json!(null), true),
        (json!(false), true),
        (json!("true"), true),
        (json!(true), false),
        (json!("1"), false),
    ] {
        import(&client, "Ada").await;
        with_chat(&client, "Ada.png").await;
        let body = json!({ "avatar_url": "Ada.png", "delete_chats": with_chats });
        assert_eq!(
            client
                .post("/api/characters/delete", body)
                .await
                .expect(200)
                .text(),
            "OK"
        );
        get(&client, "Ada.png").await.expect(404);
        client.get("/characters/Ada.png").await.expect(404);
        let expected = if left { r#"[{"mes":"said"}]"# } else { "{}" };
        assert_eq!(chat_of(&client, "Ada.png").await, expected, "{with_chats}");
    }
    assert_eq!(
        server
            .count("SELECT count(*) FROM characters WHERE deleted_at IS NOT NULL")
            .await,
        5
    );
    assert!(
        server
            .count("SELECT count(*) FROM chats WHERE deleted_at IS NOT NULL")
            .await
            >= 2,
        "chats are kept as rows"
    );
    for (avatar, status) in [
        ("absent.png", 400),
        ("Ada?.png", 403),
        ("a/b.png", 400),
        ("..", 403),
        ("", 400),
    ] {
        client
            .post("/api/characters/delete", json!({ "avatar_url": avatar }))
            .await
            .expect(status);
    }
    client.post("/api/characters/delete", json!({})).await.expect(400);
}

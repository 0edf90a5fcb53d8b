//! What chats are called: sanitising, renaming, deleting.

use serde_json::{Value, json};

use super::talk::{AWKWARD, chat, get, names, save, save_raw};
use crate::harness::Server;

/// Given name, and the file it becomes.
#[tokio::test]
async fn file_names_are_sanitised_and_kept_apart() {
    let server = Server::start().await;
    let client = server.client().await;
    let long = "x".repeat(300);
    let cut = "x".repeat(255);
    let emoji = "😀".repeat(100);
    let cases = [
        ("..", "...jsonl"),
        (".", "..jsonl"),
        ("", ".jsonl"),
        ("../../etc/passwd", "....etcpasswd.jsonl"),
        ("a\\b:c*?\"<>|", "abc.jsonl"),
        (" leading", " leading.jsonl"),
        ("trailing. ", "trailing. .jsonl"),
        ("%2e%2e%2f", "%2e%2e%2f.jsonl"),
        ("100%", "100%.jsonl"),
        ("'; DROP TABLE chats; --", "'; DROP TABLE chats; --.jsonl"),
        ("\u{1}\u{7f}\u{85}", "\u{7f}.jsonl"),
        ("caf\u{e9}", "caf\u{e9}.jsonl"),
        ("cafe\u{301}", "cafe\u{301}.jsonl"),
        ("Case", "Case.jsonl"),
        ("case", "case.jsonl"),
        ("🦊 chat", "🦊 chat.jsonl"),
        (&long, &cut),
        (&emoji, &emoji[..252]),
    ];
    for (given, _) in cases {
        save(&client, given, &chat("a", &[given])).await.expect(200);
    }
    for (given, file) in cases {
        let shown = if given.is_empty() {
            "{}".to_owned()
        } else {
            chat("a", &[given]).to_string()
        };
        assert_eq!(get(&client, given).await, shown, "{given}");
        let sql = "SELECT count(*) FROM chats WHERE folder = 'chats/Ada' AND file_name = $1";
        let found: i64 = sqlx::query_scalar(sql)
            .bind(file)
            .fetch_one(&mut server.sql().await)
            .await
            .expect("a count");
        assert_eq!(found, 1, "{given} is not stored as {file}");
    }
    assert_eq!(
        server.count("SELECT count(*) FROM chats").await,
        cases.len() as i64
    );
}

/// compat: nothing is left of these names, and the original fails on writing to a folder.
#[tokio::test]
async fn a_name_of_which_nothing_is_left_is_an_error_and_stores_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    for name in ["con", "NUL", "aux.x", "com1", "LPT9"] {
        let answer = save(&client, name, &chat("a", &["x"])).await.expect(500);
        assert!(
            answer.json()["error"]
                .as_str()
                .is_some_and(|error| error.starts_with("An error has occurred"))
        );
    }
    assert_eq!(server.count("SELECT count(*) FROM chats").await, 0);
}

#[tokio::test]
async fn missing_names_read_as_javascript_spells_them() {
    let server = Server::start().await;
    let client = server.client().await;
    let talk = chat("a", &["x"]);
    client
        .post(
            "/api/chats/save",
            json!({ "avatar_url": "Ada.png", "chat": talk }),
        )
        .await
        .expect(200);
    for name in [json!(null), json!(7), json!(1.5), json!([1, 2])] {
        let body = json!({ "avatar_url": "Ada.png", "file_name": name, "chat": talk });
        client.post("/api/chats/save", body).await.expect(200);
    }
    assert_eq!(
        names(&client).await,
        [
            "1,2.jsonl",
            "1.5.jsonl",
            "7.jsonl",
            "null.jsonl",
            "undefined.jsonl"
        ]
    );
}

#[tokio::test]
async fn each_character_has_chats_of_its_own() {
    let server = Server::start().await;
    let client = server.client().await;
    for (avatar, text) in [
        ("a.png", "1"),
        ("b.png", "2"),
        ("A.png", "3"),
        ("a.pngb.png", "4"),
        ("a", "5"),
    ] {
        let body = json!({ "avatar_url": avatar, "file_name": "talk", "chat": chat("", &[text]) });
        client.post("/api/chats/save", body).await.expect(200);
    }
    for (avatar, text) in [
        ("a.png", "5"),
        ("b.png", "2"),
        ("A.png", "3"),
        ("ab.png.png", "4"),
    ] {
        let body = json!({ "avatar_url": avatar, "file_name": "talk" });
        let read = client.post("/api/chats/get", body).await.expect(200).text();
        assert_eq!(read, chat("", &[text]).to_string(), "{avatar}");
    }
}

#[tokio::test]
async fn renaming_moves_a_chat_and_nothing_else() {
    let server = Server::start().await;
    let client = server.client().await;
    let rename = |from: &str, to: &str, is_group: bool| {
        let body = json!({
            "avatar_url": "Ada.png", "original_file": from, "renamed_file": to, "is_group": is_group,
        });
        client.post("/api/chats/rename", body)
    };
    save_raw(&client, "old", AWKWARD).await.expect(200);
    save(&client, "taken", &chat("t", &["stays"])).await.expect(200);
    client
        .post(
            "/api/chats/group/save",
            json!({ "id": "old", "chat": chat("g", &["group"]) }),
        )
        .await
        .expect(200);
    for (from, to) in [
        ("absent.jsonl", "x.jsonl"),
        ("old.jsonl", "taken.jsonl"),
        ("old.jsonl", "old.jsonl"),
    ] {
        let answer = rename(from, to, false).await.expect(400);
        assert_eq!(answer.json(), json!({ "error": true }), "{from} to {to}");
    }
    for body in [
        json!({}),
        json!({ "original_file": "old.jsonl" }),
        json!({ "renamed_file": "x", "original_file": "" }),
    ] {
        client.post("/api/chats/rename", body).await.expect(400);
    }
    assert_eq!(names(&client).await, ["old.jsonl", "taken.jsonl"]);
    let answer = rename("old.jsonl", "../n:e*w 🦊.jsonl", false).await.expect(200);
    assert_eq!(
        answer.json(),
        json!({ "ok": true, "sanitizedFileName": "..new 🦊" })
    );
    assert_eq!(names(&client).await, ["..new 🦊.jsonl", "taken.jsonl"]);
    assert_eq!(get(&client, "..new 🦊").await, AWKWARD);
    rename("old.jsonl", "renamed.jsonl", true).await.expect(200);
    let group = client
        .post("/api/chats/group/get", json!({ "id": "renamed" }))
        .await
        .expect(200)
        .text();
    assert_eq!(group, chat("g", &["group"]).to_string());
}

#[tokio::test]
async fn a_chat_is_never_renamed_to_a_name_of_which_nothing_is_left() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "old", &chat("a", &["kept"])).await.expect(200);
    for to in ["..", "con.jsonl", "/", "???"] {
        let body = json!({ "avatar_url": "Ada.png", "original_file": "old.jsonl", "renamed_file": to });
        let answer = client.post("/api/chats/rename", body).await.expect(400);
        assert_eq!(answer.json(), json!({ "error": true }), "{to}");
    }
    assert_eq!(names(&client).await, ["old.jsonl"]);
    assert_eq!(get(&client, "old").await, chat("a", &["kept"]).to_string());
}

#[tokio::test]
async fn deleting_takes_the_name_with_or_without_its_extension() {
    let server = Server::start().await;
    let client = server.client().await;
    for name in ["one", "two", "a.b"] {
        save(&client, name, &chat("a", &[name])).await.expect(200);
    }
    let delete = |file: Value| {
        client.post(
            "/api/chats/delete",
            json!({ "avatar_url": "Ada.png", "chatfile": file }),
        )
    };
    for (file, status) in [
        (json!("absent"), 400),
        (json!("a.b"), 400),
        (json!("../two"), 400),
        (json!(""), 400),
        (json!(".."), 400),
        (json!(null), 500),
        (json!(5), 500),
    ] {
        let answer = delete(file.clone()).await;
        assert_eq!(answer.status, status, "{file}: {}", answer.text());
    }
    assert_eq!(names(&client).await, ["a.b.jsonl", "one.jsonl", "two.jsonl"]);
    assert_eq!(
        delete(json!("one")).await.expect(200).json(),
        json!({ "ok": true })
    );
    delete(json!("two.jsonl")).await.expect(200);
    delete(json!("a.b.jsonl")).await.expect(200);
    assert_eq!(names(&client).await, Vec::<String>::new());
    delete(json!("one")).await.expect(400);
}

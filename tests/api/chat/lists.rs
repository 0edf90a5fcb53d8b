use serde_json::{Value, json};

use super::talk::{chat, header, message, save};
use crate::api::cards;
use crate::harness::{Client, Server, file};

async fn import_character(client: &Client, name: &str) {
    let card = cards::png(
        &json!({ "name": name, "description": "", "personality": "", "scenario": "",
        "first_mes": "", "mes_example": "" }),
    );
    client
        .upload(
            "/api/characters/import",
            file("x.png", card),
            &[("file_type", "png")],
        )
        .await
        .expect(200);
}

async fn post(client: &Client, path: &str, body: Value) -> Value {
    client.post(path, body).await.expect(200).json()
}

fn column<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry[field].as_str().unwrap_or("-"))
        .collect()
}

#[tokio::test]
async fn a_characters_chats_are_listed_by_their_bytes() {
    let server = Server::start().await;
    let client = server.client().await;
    for name in ["b", "a", "B", "é", "a b", "10", "9"] {
        save(&client, name, &chat("i", &["first", name]))
            .await
            .expect(200);
    }
    let listed = post(
        &client,
        "/api/characters/chats",
        json!({ "avatar_url": "Ada.png" }),
    )
    .await;
    assert_eq!(column(&listed, "file_id"), ["10", "9", "B", "a b", "a", "b", "é"]);
    assert_eq!(column(&listed, "mes"), ["10", "9", "B", "a b", "a", "b", "é"]);
    let simple = post(
        &client,
        "/api/characters/chats",
        json!({ "avatar_url": "Ada.png", "simple": true }),
    )
    .await;
    assert_eq!(simple[0], json!({ "file_name": "10.jsonl", "file_id": "10" }));
    client
        .post("/api/characters/chats", json!({ "avatar_url": "a/b.png" }))
        .await
        .expect(400);
}

#[tokio::test]
async fn an_entry_tells_size_count_and_last_message() {
    let server = Server::start().await;
    let client = server.client().await;
    let talk = json!([
        { "chat_metadata": { "integrity": "i", "b": 1, "a": "\u{1F98A}" }, "user_name": "unused", "character_name": "unused" },
        message("first"),
        { "name": "Ada", "mes": "last \u{1F98A}", "send_date": "June 19, 2023 2:20pm" },
    ]);
    save(&client, "talk", &talk).await.expect(200);
    let body = json!({ "avatar_url": "Ada.png", "metadata": true });
    let listed = post(&client, "/api/characters/chats", body).await;
    let size: usize = talk
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.to_string().len() + 1)
        .sum::<usize>()
        - 1;
    let expected = json!([{
        "match": true, "file_id": "talk", "file_name": "talk.jsonl", "file_size": format!("{size}B"), "chat_items": 2,
        "mes": "last \u{1F98A}", "last_mes": "June 19, 2023 2:20pm",
        "chat_metadata": { "integrity": "i", "b": 1, "a": "\u{1F98A}" },
    }]);
    assert_eq!(listed.to_string(), expected.to_string());
    let plain = post(
        &client,
        "/api/characters/chats",
        json!({ "avatar_url": "Ada.png" }),
    )
    .await;
    assert!(plain[0].get("chat_metadata").is_none());
}

#[tokio::test]
async fn odd_chats_have_entries_too() {
    let server = Server::start().await;
    let client = server.client().await;
    let big = message(&"x".repeat(1500));
    for (name, lines) in [
        ("1 empty", json!([])),
        ("2 header", json!([header("i")])),
        ("3 no text", json!([header("i"), { "name": "Ada" }])),
        (
            "4 number",
            json!([header("i"), { "name": "Ada", "mes": "x", "send_date": 1_700_000_000_000_i64 }]),
        ),
        ("5 big", json!([header("i"), big])),
    ] {
        save(&client, name, &lines).await.expect(200);
    }
    let listed = post(
        &client,
        "/api/characters/chats",
        json!({ "avatar_url": "Ada.png" }),
    )
    .await;
    let empty = &listed[0];
    assert_eq!(
        (&empty["match"], &empty["mes"]),
        (&json!(false), &json!("[The chat is empty]"))
    );
    assert_eq!(
        (&empty["file_size"], &empty["chat_items"]),
        (&json!("0B"), &json!(0))
    );
    assert!(empty["last_mes"].as_f64().unwrap() > 1.7e12, "{empty}");
    for entry in &listed.as_array().unwrap()[1..3] {
        assert_eq!(entry["mes"], "[The message is empty]", "{entry}");
        assert!(entry["last_mes"].as_str().unwrap().ends_with('Z'), "{entry}");
    }
    assert_eq!(
        (&listed[1]["chat_items"], &listed[2]["chat_items"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(listed[3]["last_mes"], 1_700_000_000_000_i64);
    assert!(
        listed[4]["file_size"].as_str().unwrap().ends_with("KB"),
        "{}",
        listed[4]
    );
}

#[tokio::test]
async fn search_wants_every_word_anywhere_in_a_chat_or_all_in_its_name() {
    let server = Server::start().await;
    let client = server.client().await;
    save(
        &client,
        "one",
        &chat("metadata", &["Alpha beta", "GAMMA 100% _x"]),
    )
    .await
    .expect(200);
    save(
        &client,
        "two",
        &chat("metadata", &["alphabet", "İstanbul \u{0}nul"]),
    )
    .await
    .expect(200);
    save(&client, "Third name", &chat("metadata", &["nothing"]))
        .await
        .expect(200);
    let cases: [(&str, &[&str]); 17] = [
        ("alpha", &["one", "two"]),
        ("ALPHA gamma", &["one"]),
        ("gamma\talpha\n", &["one"]),
        ("beta alphabet", &[]),
        ("name third", &["Third name"]),
        ("third nothing", &[]),
        ("nothing", &["Third name"]),
        ("%", &["one"]),
        ("_", &["one"]),
        ("a%b", &[]),
        ("a_p", &[]),
        ("metadata", &[]),
        ("unused", &[]),
        ("i\u{307}stanbul", &["two"]),
        ("\u{0}nul", &["two"]),
        ("\\", &[]),
        ("  ", &["Third name", "one", "two"]),
    ];
    for (query, expected) in cases {
        let body = json!({ "avatar_url": "Ada.png", "query": query, "group_id": null });
        let found = post(&client, "/api/chats/search", body).await;
        assert_eq!(column(&found, "file_name"), expected, "{query:?}");
    }
    for query in [json!(null), json!(""), json!(0), json!(false)] {
        let found = post(
            &client,
            "/api/chats/search",
            json!({ "avatar_url": "Ada.png", "query": query }),
        )
        .await;
        assert_eq!(found.as_array().unwrap().len(), 3, "{query}");
    }
    for query in [json!(5), json!(["x"]), json!({})] {
        let body = json!({ "avatar_url": "Ada.png", "query": query });
        let failed = client.post("/api/chats/search", body).await.expect(500);
        assert_eq!(failed.json(), json!({ "error": "Search failed" }));
    }
}

#[tokio::test]
async fn search_looks_at_the_chat_as_it_is_now() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "talk", &chat("i", &["before", "kept"]))
        .await
        .expect(200);
    save(&client, "talk", &chat("i", &["after", "kept"]))
        .await
        .expect(200);
    for (query, hits) in [("before", 0), ("after", 1), ("kept after", 1), ("kept before", 0)] {
        let body = json!({ "avatar_url": "Ada.png", "query": query });
        let found = post(&client, "/api/chats/search", body).await;
        assert_eq!(found.as_array().unwrap().len(), hits, "{query}");
    }
    client
        .post(
            "/api/chats/delete",
            json!({ "avatar_url": "Ada.png", "chatfile": "talk" }),
        )
        .await
        .expect(200);
    let found = post(
        &client,
        "/api/chats/search",
        json!({ "avatar_url": "Ada.png", "query": "after" }),
    )
    .await;
    assert_eq!(found, json!([]));
}

/// compat: the first line counts as the header, whatever it is.
#[tokio::test]
async fn search_never_looks_at_the_first_line() {
    let server = Server::start().await;
    let client = server.client().await;
    save(
        &client,
        "old",
        &json!([message("opening"), message("second"), message("third")]),
    )
    .await
    .expect(200);
    save(
        &client,
        "again",
        &json!([message("twofold"), message("x"), message("twofold")]),
    )
    .await
    .expect(200);
    for (query, hits) in [
        ("opening", 0),
        ("second", 1),
        ("second third", 1),
        ("opening third", 0),
        ("twofold", 1),
    ] {
        let found = post(
            &client,
            "/api/chats/search",
            json!({ "avatar_url": "Ada.png", "query": query }),
        )
        .await;
        assert_eq!(found.as_array().unwrap().len(), hits, "{query}");
    }
}

#[tokio::test]
async fn a_search_result_shows_the_end_of_the_last_message() {
    let server = Server::start().await;
    let client = server.client().await;
    let long = format!("{}{}", "a".repeat(100), "z".repeat(400));
    save(&client, "talk", &chat("i", &["x", &long])).await.expect(200);
    let found = post(&client, "/api/chats/search", json!({ "avatar_url": "Ada.png" })).await;
    let entry = found[0].as_object().unwrap();
    assert_eq!(
        entry.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "file_name",
            "file_size",
            "message_count",
            "last_mes",
            "preview_message"
        ]
    );
    assert_eq!(entry["preview_message"], format!("...{}", "z".repeat(400)));
    assert_eq!(
        (&entry["file_name"], &entry["message_count"]),
        (&json!("talk"), &json!(2))
    );
}

#[tokio::test]
async fn a_groups_search_looks_at_the_chats_it_lists() {
    let server = Server::start().await;
    let client = server.client().await;
    for id in ["1", "2", "3"] {
        let body = json!({ "id": id, "chat": chat("i", &[&format!("word {id}")]) });
        client.post("/api/chats/group/save", body).await.expect(200);
    }
    let group = json!({ "id": "g", "name": "G", "members": [], "chats": ["2", "absent", "1"] });
    post(&client, "/api/groups/edit", group).await;
    for (group, query, expected) in [
        ("g", "word", vec!["2", "1"]),
        ("g", "3", vec![]),
        ("g", "2", vec!["2"]),
        ("unknown", "word", vec![]),
    ] {
        let body = json!({ "group_id": group, "query": query, "avatar_url": null });
        let found = post(&client, "/api/chats/search", body).await;
        assert_eq!(column(&found, "file_name"), expected, "{group} {query}");
    }
}

#[tokio::test]
async fn recent_chats_are_those_of_existing_characters_and_groups_newest_first() {
    let server = Server::start().await;
    let client = server.client().await;
    import_character(&client, "Ada").await;
    save(&client, "oldest", &chat("i", &["1"])).await.expect(200);
    let body = json!({ "id": "gc", "chat": chat("i", &["2"]) });
    client.post("/api/chats/group/save", body).await.expect(200);
    let unlisted = json!({ "id": "unlisted", "chat": chat("i", &["x"]) });
    client.post("/api/chats/group/save", unlisted).await.expect(200);
    post(
        &client,
        "/api/groups/edit",
        json!({ "id": "g", "chats": ["gc", "absent"] }),
    )
    .await;
    let stray = json!({ "avatar_url": "Gone.png", "file_name": "stray", "chat": chat("i", &["x"]) });
    client.post("/api/chats/save", stray).await.expect(200);
    save(&client, "newest", &chat("i", &["3"])).await.expect(200);
    let recent = post(&client, "/api/chats/recent", json!({})).await;
    assert_eq!(
        column(&recent, "file_name"),
        ["newest.jsonl", "gc.jsonl", "oldest.jsonl"]
    );
    assert_eq!(column(&recent, "avatar"), ["Ada.png", "-", "Ada.png"]);
    assert_eq!(column(&recent, "group"), ["-", "g", "-"]);
    save(&client, "oldest", &chat("i", &["1", "again"]))
        .await
        .expect(200);
    let recent = post(&client, "/api/chats/recent", json!({ "max": 1 })).await;
    assert_eq!(column(&recent, "file_name"), ["oldest.jsonl"]);
}

#[tokio::test]
async fn pinned_chats_come_first_and_on_top_of_the_maximum() {
    let server = Server::start().await;
    let client = server.client().await;
    import_character(&client, "Ada").await;
    for name in ["a", "b", "c", "d"] {
        save(&client, name, &chat("i", &[name])).await.expect(200);
    }
    let pin = |name: &str| json!({ "file_name": format!("{name}.jsonl"), "avatar": "Ada.png" });
    let cases: [(Value, &[&str]); 6] = [
        (json!({ "max": 1, "pinned": [pin("a")] }), &["a", "d"]),
        (
            json!({ "max": 1, "pinned": [pin("a"), pin("b")] }),
            &["b", "a", "d"],
        ),
        (json!({ "max": "2" }), &["d", "c"]),
        (json!({ "max": 0 }), &[]),
        (json!({ "max": "no number" }), &[]),
        (
            json!({ "pinned": [{ "file_name": "b.jsonl", "avatar": "Other.png", "group": null }] }),
            &["d", "c", "b", "a"],
        ),
    ];
    for (body, expected) in cases {
        let recent = post(&client, "/api/chats/recent", body.clone()).await;
        assert_eq!(column(&recent, "file_id"), expected, "{body}");
    }
    let recent = post(
        &client,
        "/api/chats/recent",
        json!({ "max": 1, "metadata": true }),
    )
    .await;
    assert_eq!(recent[0]["chat_metadata"]["integrity"], "i");
}

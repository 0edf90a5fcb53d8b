use std::io::Write;

use serde_json::{Value, json};

use super::talk::{AWKWARD, chat, get, header, message, names, save, save_raw};
use crate::harness::Server;

#[tokio::test]
async fn a_saved_chat_reads_back_byte_for_byte() {
    let server = Server::start().await;
    let client = server.client().await;
    assert_eq!(
        save_raw(&client, "talk", AWKWARD).await.expect(200).json(),
        json!({ "ok": true })
    );
    assert_eq!(get(&client, "talk").await, AWKWARD);
    let deep = format!(
        r#"[{{"chat_metadata":{{}}}},{{"mes":"deep","x":{}1{}}}]"#,
        "[".repeat(1500),
        "]".repeat(1500)
    );
    save_raw(&client, "deep", &deep).await.expect(200);
    assert_eq!(get(&client, "deep").await, deep);
}

#[tokio::test]
async fn white_space_between_tokens_is_dropped_and_falsy_lines_are_not_shown() {
    let server = Server::start().await;
    let client = server.client().await;
    let spaced = "[ {\"mes\" : \"a b\\n\" ,\n \"n\" :\t1.50}\r\n, null, 0, \"\", false, -1, \"x\" ]";
    save_raw(&client, "talk", spaced).await.expect(200);
    assert_eq!(get(&client, "talk").await, r#"[{"mes":"a b\n","n":1.50},-1,"x"]"#);
    let export =
        json!({ "avatar_url": "Ada.png", "file": "talk.jsonl", "format": "jsonl", "exportfilename": "x" });
    let file = client.post("/api/chats/export", export).await.expect(200).json();
    assert_eq!(
        file["result"],
        "{\"mes\":\"a b\\n\",\"n\":1.50}\nnull\n0\n\"\"\nfalse\n-1\n\"x\""
    );
}

#[tokio::test]
async fn a_chat_without_lines_is_a_chat() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "empty", &json!([])).await.expect(200);
    assert_eq!(names(&client).await, ["empty.jsonl"]);
    assert_eq!(get(&client, "empty").await, "[]");
    save(&client, "empty", &chat("a", &["filled"])).await.expect(200);
    save(&client, "empty", &json!([])).await.expect(200);
    assert_eq!(get(&client, "empty").await, "[]");
}

#[tokio::test]
async fn reading_what_is_not_there_says_so_without_failing() {
    let server = Server::start().await;
    let client = server.client().await;
    let list = json!({ "avatar_url": "Ada.png" });
    assert_eq!(
        client
            .post("/api/characters/chats", &list)
            .await
            .expect(200)
            .json(),
        json!({ "error": true })
    );
    assert_eq!(get(&client, "talk").await, "{}", "no folder");
    assert_eq!(
        client
            .post("/api/characters/chats", &list)
            .await
            .expect(200)
            .json(),
        json!([]),
        "get makes the folder"
    );
    assert_eq!(get(&client, "talk").await, "[]", "no chat");
    for name in [json!(""), json!(null), json!(0), json!(false)] {
        let body = json!({ "avatar_url": "Ada.png", "file_name": name });
        assert_eq!(
            client.post("/api/chats/get", body).await.expect(200).text(),
            "{}",
            "{name}"
        );
    }
    for avatar in ["a/b.png", "../Ada.png", "..", "Ada\u{0}.png", "."] {
        let body = json!({ "avatar_url": avatar, "file_name": "talk" });
        client.post("/api/chats/get", body).await.expect(400);
    }
}

#[tokio::test]
async fn a_save_with_a_stale_integrity_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    let ours = chat("ours", &["one", "two"]);
    save(&client, "talk", &ours).await.expect(200);
    let before = server
        .count("SELECT extract(epoch FROM modified_at)::bigint * 1000 + head FROM chats")
        .await;
    let refused = save(&client, "talk", &chat("stale", &["lost"])).await.expect(400);
    assert_eq!(refused.json(), json!({ "error": "integrity" }));
    assert_eq!(get(&client, "talk").await, ours.to_string());
    assert_eq!(server.count("SELECT count(*) FROM messages").await, 3);
    let after = server
        .count("SELECT extract(epoch FROM modified_at)::bigint * 1000 + head FROM chats")
        .await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn integrity_is_checked_only_where_both_sides_have_one_and_nobody_forces() {
    let server = Server::start().await;
    let client = server.client().await;
    let bare = json!([{ "chat_metadata": {}, "user_name": "unused" }, message("bare")]);
    let number = |n: f64| json!([{ "chat_metadata": { "integrity": n } }, message("number")]);
    let cases: [(&str, Value, Value, u16); 9] = [
        ("no slug comes in", chat("a", &["x"]), bare.clone(), 200),
        ("no slug is stored", bare.clone(), chat("b", &["y"]), 200),
        ("both agree", chat("a", &["x"]), chat("a", &["y"]), 200),
        ("both differ", chat("a", &["x"]), chat("b", &["y"]), 400),
        ("an empty slug is none", chat("a", &["x"]), chat("", &["y"]), 200),
        ("the stored chat has no lines", json!([]), chat("b", &["y"]), 200),
        (
            "the stored header is no object",
            json!(["text"]),
            chat("b", &["y"]),
            400,
        ),
        ("numbers are compared as numbers", number(1.0), number(1.5), 400),
        ("the type counts", number(1.0), chat("1", &["y"]), 400),
    ];
    for (n, (case, stored, incoming, status)) in cases.iter().enumerate() {
        let name = format!("case {n}");
        save(&client, &name, stored).await.expect(200);
        let answer = save(&client, &name, incoming).await;
        assert_eq!(answer.status, *status, "{case}: {}", answer.text());
        let expected = if *status == 200 { incoming } else { stored };
        assert_eq!(get(&client, &name).await, expected.to_string(), "{case}");
    }
    for force in [json!(true), json!(1), json!("yes")] {
        save(&client, "forced", &chat("a", &["x"])).await;
        let body = json!({ "avatar_url": "Ada.png", "file_name": "forced", "chat": chat("b", &["y"]), "force": force });
        client.post("/api/chats/save", body).await.expect(200);
        assert_eq!(get(&client, "forced").await, chat("b", &["y"]).to_string());
        let body = json!({ "avatar_url": "Ada.png", "file_name": "forced", "chat": chat("a", &["x"]), "force": true });
        client.post("/api/chats/save", body).await.expect(200);
    }
}

#[tokio::test]
async fn the_integrity_check_can_be_switched_off() {
    let mut options = crate::harness::Options::default();
    options.config.content.backups.check_integrity = false;
    let server = Server::with(options).await;
    let client = server.client().await;
    save(&client, "talk", &chat("a", &["x"])).await.expect(200);
    save(&client, "talk", &chat("b", &["y"])).await.expect(200);
    assert_eq!(get(&client, "talk").await, chat("b", &["y"]).to_string());
}

#[tokio::test]
async fn a_save_that_is_no_chat_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    let good = chat("a", &["kept"]);
    save(&client, "talk", &good).await.expect(200);
    for bad in [
        json!("text"),
        json!({ "0": header("a") }),
        json!(null),
        json!(5),
        json!(true),
    ] {
        let answer = save(&client, "talk", &bad).await.expect(400);
        assert_eq!(
            answer.json(),
            json!({ "error": "The request's body.chat is not an array." }),
            "{bad}"
        );
    }
    let absent = client
        .post(
            "/api/chats/save",
            json!({ "avatar_url": "Ada.png", "file_name": "talk" }),
        )
        .await;
    assert_eq!(
        absent.expect(400).json()["error"],
        "The request's body.chat is not an array."
    );
    for avatar in ["a/b.png", "../x", "..", ".", "x\u{0}.png"] {
        let body = json!({ "avatar_url": avatar, "file_name": "talk", "chat": chat("a", &["x"]) });
        client.post("/api/chats/save", body).await.expect(400);
    }
    for broken in ["{", "[1,]", "", "null", "\"x\"", "{\"chat\":[{}]"] {
        let answer = client
            .post_raw("/api/chats/save", "application/json", broken)
            .await
            .expect(400);
        assert!(
            broken.is_empty() || answer.text().contains("<pre>Bad Request</pre>"),
            "{broken}: {}",
            answer.text()
        );
    }
    assert_eq!(get(&client, "talk").await, good.to_string());
    assert_eq!(server.count("SELECT count(*) FROM chats").await, 1);
}

#[tokio::test]
async fn a_compressed_body_is_inflated_first() {
    let server = Server::start().await;
    let client = server.client().await;
    let body = format!(r#"{{"avatar_url":"Ada.png","file_name":"talk","chat":{AWKWARD}}}"#);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    let send = |encoding: &str, bytes: Vec<u8>| {
        let request = client.request(reqwest::Method::POST, "/api/chats/save");
        let request = request
            .header("content-type", "application/json")
            .header("content-encoding", encoding);
        client.send(request.body(bytes))
    };
    let gzip = gzip.finish().unwrap();
    send("gzip", gzip.clone()).await.expect(200);
    assert_eq!(get(&client, "talk").await, AWKWARD);
    send("br", gzip.clone()).await.expect(415);
    send("gzip", gzip[..gzip.len() / 2].to_vec()).await.expect(400);
    send("gzip", b"not gzip".to_vec()).await.expect(400);
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate
        .write_all(br#"{"avatar_url":"Ada.png","file_name":"two","chat":[{"mes":"z"}]}"#)
        .unwrap();
    send("deflate", deflate.finish().unwrap()).await.expect(200);
    assert_eq!(get(&client, "two").await, r#"[{"mes":"z"}]"#);
}

/// The body's own oddities are JavaScript's: the last of two equal keys counts, and a text that is not UTF-8 is mended.
#[tokio::test]
async fn odd_bodies_are_read_as_javascript_reads_them() {
    let server = Server::start().await;
    let client = server.client().await;
    let twice = r#"{"avatar_url":"Bob.png","avatar_url":"Ada.png","file_name":"twice","chat":[{"mes":"first"}],"chat":[{"mes":"last"}]}"#;
    client
        .post_raw("/api/chats/save", "application/json", twice)
        .await
        .expect(200);
    assert_eq!(get(&client, "twice").await, r#"[{"mes":"last"}]"#);
    let lone = r#"{"avatar_url":"Ada.png","\ud800":1,"file_name":"lone","force":"\udfff","chat":[{"\ud800":"\udfff"}]}"#;
    client
        .post_raw("/api/chats/save", "application/json", lone)
        .await
        .expect(200);
    assert_eq!(get(&client, "lone").await, r#"[{"\ud800":"\udfff"}]"#);
    let escaped =
        r#"{"avatar_\u0075rl":"Ada.png","file\u005fname":"esc\u0061ped","ch\u0061t":[{"mes":"x"}]}"#;
    client
        .post_raw("/api/chats/save", "application/json", escaped)
        .await
        .expect(200);
    assert_eq!(get(&client, "escaped").await, r#"[{"mes":"x"}]"#);
    let broken = b"{\"avatar_url\":\"Ada.png\",\"file_name\":\"broken\",\"chat\":[{\"mes\":\"a\xffb\"}]}";
    client
        .post_raw("/api/chats/save", "application/json", &broken[..])
        .await
        .expect(200);
    assert_eq!(get(&client, "broken").await, "[{\"mes\":\"a\u{FFFD}b\"}]");
}

/// Bodies this long are checked by their route, not before it.
#[tokio::test]
async fn a_long_body_that_breaks_off_is_refused_everywhere_and_changes_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    let fill = "x".repeat(1_200_000);
    let bodies = [
        (
            "/api/chats/save",
            format!(r#"{{"avatar_url":"Ada.png","file_name":"t","chat":[{{"mes":"{fill}"}}],"force":tru"#),
        ),
        (
            "/api/chats/group/save",
            format!(r#"{{"id":"1","chat":[{{"mes":"{fill}"}}]"#),
        ),
        ("/api/settings/save", format!(r#"{{"a":"{fill}","b":}}"#)),
        (
            "/api/worldinfo/edit",
            format!(r#"{{"name":"w","data":{{"entries":{{}},"a":"{fill}"}}"#),
        ),
        (
            "/api/presets/save",
            format!(r#"{{"name":"p","apiId":"openai","preset":{{"a":"{fill}"}},"#),
        ),
        ("/api/themes/save", format!(r#"{{"name":"t","a":"{fill}"#)),
        (
            "/api/groups/edit",
            format!(r#"{{"id":"g","a":"{fill}"}} trailing"#),
        ),
    ];
    for (path, body) in bodies {
        let answer = client.post_raw(path, "application/json", body).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
    }
    assert_eq!(server.count("SELECT count(*) FROM chats").await, 0);
    assert_eq!(server.count("SELECT count(*) FROM documents").await, 0);
}

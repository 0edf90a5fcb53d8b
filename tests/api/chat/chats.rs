use std::io::Write;

use serde_json::{Value, json};

use super::talk::{AWKWARD, chat, get, header, message, names, save, save_raw};
use crate::harness::Server;

#[tokio::test]
async fn a_saved_chat_reads_back_byte_for_byte() {
    let server = Server::start().await;
    let client = server.client().await;
    assert_eq!(save_raw(&client, "talk", AWKWARD).await.expect(200).json(), json!({ "ok": true }));
    assert_eq!(get(&client, "talk").await, AWKWARD);
    let deep = format!(r#"[{{"chat_metadata":{{}}}},{{"mes":"deep","x":{}1{}}}]"#, "[".repeat(1500), "]".repeat(1500));
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
    let export = json!({ "avatar_url": "Ada.png", "file": "talk.jsonl", "format": "jsonl", "exportfilename": "x" });
    let file = client.post("/api/chats/export", export).await.expect(200).json();
    assert_eq!(file["result"], "{\"mes\":\"a b\\n\",\"n\":1.50}\nnull\n0\n\"\"\nfalse\n-1\n\"x\"");
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
    assert_eq!(client.post("/api/characters/chats", &list).await.expect(200).json(), json!({ "error": true }));
    assert_eq!(get(&client, "talk").await, "{}", "no folder");
    assert_eq!(client.post("/api/characters/chats", &list).await.expect(200).json(), json!([]), "get makes the folder");
    assert_eq!(get(&client, "talk").await, "[]", "no chat");
    for name in [json!(""), json!(null), json!(0), json!(false)] {
        let body = json!({ "avatar_url": "Ada.png", "file_name": name });
        assert_eq!(client.post("/api/chats/get", body).await.expect(200).text(), "{}", "{name}");
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
    let before = server.count("SELECT extract(epoch FROM modified_at)::bigint * 1000 + head FROM chats").await;
    let refused = save(&client, "talk", &chat("stale", &["lost"])).await.expect(400);
    assert_eq!(refused.json(), json!({ "error": "integrity" }));
    assert_eq!(get(&client, "talk").await, ours.to_string());
    assert_eq!(server.count("SELECT count(*) FROM messages").await, 3);
    let after = server.count("SELECT extract(epoch FROM modified_at)::bigint * 1000 + head FROM chats").await;
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
        ("the stored header is no object", json!(["text"]), chat("b", &["y"]), 400),
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
    for bad in [json!("text"), json!({ "0": header("a") }), json!(null), json!(5), json!(true)] {
        let answer = save(&client, "talk", &bad).await.expect(400);
        assert_eq!(answer.json(), json!({ "error": "The request's body.chat is not an array." }), "{bad}");
    }
    let absent = client.post("/api/chats/save", json!({ "avatar_url": "Ada.png", "file_name": "talk" })).await;
    assert_eq!(absent.expect(400).json()["error"], "The request's body.chat is not an array.");
    for avatar in ["a/b.png", "../x", "..", ".", "x\u{0}.png"] {
        let body = json!({ "avatar_url": avatar, "file_name": "talk", "chat": chat("a", &["x"]) });
        client.post("/api/chats/save", body).await.expect(400);
    }
    for broken in ["{", "[1,]", "", "null", "\"x\"", "{\"chat\":[{}]"] {
        let answer = client.post_raw("/api/chats/save", "application/json", broken).await.expect(400);
        assert!(broken.is_empty() || answer.text().contains("<pre>Bad Request</pre>"), "{broken}: {}", answer.text());
    }
    assert_eq!(get(&client, "talk").await, good.to_string());
    assert_eq!(server.count("SELECT count(*) FROM chats").await, 1);
}

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
        let shown = if given.is_empty() { "{}".to_owned() } else { chat("a", &[given]).to_string() };
        assert_eq!(get(&client, given).await, shown, "{given}");
        let sql = "SELECT count(*) FROM chats WHERE folder = 'chats/Ada' AND file_name = $1";
        let found: i64 =
            sqlx::query_scalar(sql).bind(file).fetch_one(&mut server.sql().await).await.expect("a count");
        assert_eq!(found, 1, "{given} is not stored as {file}");
    }
    assert_eq!(server.count("SELECT count(*) FROM chats").await, cases.len() as i64);
}

/// compat: nothing is left of these names, and the original fails on writing to a folder.
#[tokio::test]
async fn a_name_of_which_nothing_is_left_is_an_error_and_stores_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    for name in ["con", "NUL", "aux.x", "com1", "LPT9"] {
        let answer = save(&client, name, &chat("a", &["x"])).await.expect(500);
        assert!(answer.json()["error"].as_str().is_some_and(|error| error.starts_with("An error has occurred")));
    }
    assert_eq!(server.count("SELECT count(*) FROM chats").await, 0);
}

#[tokio::test]
async fn missing_names_read_as_javascript_spells_them() {
    let server = Server::start().await;
    let client = server.client().await;
    let talk = chat("a", &["x"]);
    client.post("/api/chats/save", json!({ "avatar_url": "Ada.png", "chat": talk })).await.expect(200);
    for name in [json!(null), json!(7), json!(1.5), json!([1, 2])] {
        let body = json!({ "avatar_url": "Ada.png", "file_name": name, "chat": talk });
        client.post("/api/chats/save", body).await.expect(200);
    }
    assert_eq!(names(&client).await, ["1,2.jsonl", "1.5.jsonl", "7.jsonl", "null.jsonl", "undefined.jsonl"]);
}

#[tokio::test]
async fn each_character_has_chats_of_its_own() {
    let server = Server::start().await;
    let client = server.client().await;
    for (avatar, text) in [("a.png", "1"), ("b.png", "2"), ("A.png", "3"), ("a.pngb.png", "4"), ("a", "5")] {
        let body = json!({ "avatar_url": avatar, "file_name": "talk", "chat": chat("", &[text]) });
        client.post("/api/chats/save", body).await.expect(200);
    }
    for (avatar, text) in [("a.png", "5"), ("b.png", "2"), ("A.png", "3"), ("ab.png.png", "4")] {
        let body = json!({ "avatar_url": avatar, "file_name": "talk" });
        let read = client.post("/api/chats/get", body).await.expect(200).text();
        assert_eq!(read, chat("", &[text]).to_string(), "{avatar}");
    }
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
        let request = request.header("content-type", "application/json").header("content-encoding", encoding);
        client.send(request.body(bytes))
    };
    let gzip = gzip.finish().unwrap();
    send("gzip", gzip.clone()).await.expect(200);
    assert_eq!(get(&client, "talk").await, AWKWARD);
    send("br", gzip.clone()).await.expect(415);
    send("gzip", gzip[..gzip.len() / 2].to_vec()).await.expect(400);
    send("gzip", b"not gzip".to_vec()).await.expect(400);
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(br#"{"avatar_url":"Ada.png","file_name":"two","chat":[{"mes":"z"}]}"#).unwrap();
    send("deflate", deflate.finish().unwrap()).await.expect(200);
    assert_eq!(get(&client, "two").await, r#"[{"mes":"z"}]"#);
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
    client.post("/api/chats/group/save", json!({ "id": "old", "chat": chat("g", &["group"]) })).await.expect(200);
    for (from, to) in [("absent.jsonl", "x.jsonl"), ("old.jsonl", "taken.jsonl"), ("old.jsonl", "old.jsonl")] {
        let answer = rename(from, to, false).await.expect(400);
        assert_eq!(answer.json(), json!({ "error": true }), "{from} to {to}");
    }
    for body in [json!({}), json!({ "original_file": "old.jsonl" }), json!({ "renamed_file": "x", "original_file": "" })] {
        client.post("/api/chats/rename", body).await.expect(400);
    }
    assert_eq!(names(&client).await, ["old.jsonl", "taken.jsonl"]);
    let answer = rename("old.jsonl", "../n:e*w 🦊.jsonl", false).await.expect(200);
    assert_eq!(answer.json(), json!({ "ok": true, "sanitizedFileName": "..new 🦊" }));
    assert_eq!(names(&client).await, ["..new 🦊.jsonl", "taken.jsonl"]);
    assert_eq!(get(&client, "..new 🦊").await, AWKWARD);
    rename("old.jsonl", "renamed.jsonl", true).await.expect(200);
    let group = client.post("/api/chats/group/get", json!({ "id": "renamed" })).await.expect(200).text();
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
    let delete = |file: Value| client.post("/api/chats/delete", json!({ "avatar_url": "Ada.png", "chatfile": file }));
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
    assert_eq!(delete(json!("one")).await.expect(200).json(), json!({ "ok": true }));
    delete(json!("two.jsonl")).await.expect(200);
    delete(json!("a.b.jsonl")).await.expect(200);
    assert_eq!(names(&client).await, Vec::<String>::new());
    delete(json!("one")).await.expect(400);
}

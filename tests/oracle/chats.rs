//! `/api/chats` for characters: saving, reading and renaming.

use serde_json::{Value, json};

use super::dsl::post;
use super::fixtures::{NAMES, long_name};
use super::scenario::Scenario;

pub(super) const SAVE: &str = "/api/chats/save";
const GET: &str = "/api/chats/get";
pub(super) const ID: &str = "00000000-0000-4000-8000-000000000001";
const OTHER: &str = "00000000-0000-4000-8000-000000000002";

#[tokio::test]
async fn oracle_chats() {
    let mut s = Scenario::start("chats", "").await;
    saving(&mut s).await;
    integrity(&mut s).await;
    odd_values(&mut s).await;
    odd_names(&mut s).await;
    renaming(&mut s).await;
    s.finish();
}

#[tokio::test]
async fn oracle_chats_unchecked() {
    let mut s = Scenario::start(
        "chats_unchecked",
        "backups:\n  chat:\n    enabled: false\n    checkIntegrity: false\n",
    )
    .await;
    for id in [ID, OTHER] {
        s.post(SAVE, save("default_Seraphina.png", "u", chat(id, &["a"])))
            .await;
        s.post(GET, read("default_Seraphina.png", "u")).await;
    }
    s.post("/api/backups/chat/get", json!({})).await;
    s.finish();
}

pub(super) fn chat(integrity: &str, messages: &[&str]) -> Value {
    let mut lines = vec![
        json!({ "chat_metadata": { "integrity": integrity, "note": "n" }, "user_name": "unused", "character_name": "unused" }),
    ];
    for (index, text) in messages.iter().enumerate() {
        lines.push(json!({ "name": if index % 2 == 0 { "Bot" } else { "Me" }, "is_user": index % 2 == 1, "is_system": false, "send_date": "2023-06-19T14:20:00.000Z", "mes": text, "extra": {}, "swipes": [text, "other"], "swipe_id": 0 }));
    }
    Value::Array(lines)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "json! takes the value by reference, callers have no other use for it"
)]
pub(super) fn save(avatar: &str, name: &str, chat: Value) -> Value {
    json!({ "avatar_url": avatar, "file_name": name, "ch_name": "x", "chat": chat })
}

fn read(avatar: &str, name: &str) -> Value {
    json!({ "avatar_url": avatar, "file_name": name })
}

async fn saving(s: &mut Scenario) {
    let bot = "default_Seraphina.png";
    s.post(GET, json!({ "avatar_url": bot })).await;
    s.post(GET, read(bot, "first")).await;
    s.post(SAVE, save(bot, "first", chat(ID, &["hello", "hi there"])))
        .await;
    s.post(GET, read(bot, "first")).await;
    s.send(
        post(
            SAVE,
            &save(bot, "first", chat(ID, &["hello", "hi there", "zipped"])),
        )
        .gzip()
        .note("gzip"),
    )
    .await;
    s.post(GET, read(bot, "first")).await;
    s.post(SAVE, save("No such card.png", "x", chat(ID, &["orphan"])))
        .await;
    s.post(GET, read("No such card.png", "x")).await;
    s.post(SAVE, save(bot, "empty", json!([]))).await;
    s.post(GET, read(bot, "empty")).await;
    s.post(SAVE, save(bot, "header only", chat(ID, &[]))).await;
    for body in [
        json!({}),
        json!({ "avatar_url": bot }),
        json!({ "avatar_url": bot, "file_name": "n", "chat": "text" }),
        json!({ "avatar_url": bot, "file_name": "n", "chat": {} }),
        json!({ "avatar_url": bot, "file_name": "n", "chat": null }),
        save("../x.png", "n", json!([])),
        save("a/b.png", "n", json!([])),
        json!({ "avatar_url": "..", "file_name": "n", "chat": [] }),
    ] {
        s.post(SAVE, body).await;
    }
    for body in [
        json!({}),
        json!({ "avatar_url": "../x", "file_name": "n" }),
        json!({ "avatar_url": "..", "file_name": "n" }),
        json!({ "avatar_url": "Fresh folder.png", "file_name": "n" }),
        json!({ "avatar_url": "Fresh folder.png", "file_name": "n" }),
        json!({ "avatar_url": bot, "file_name": 5 }),
        json!({ "avatar_url": bot, "file_name": "" }),
        json!({ "avatar_url": bot, "file_name": null }),
    ] {
        s.post(GET, body).await;
    }
    s.post("/api/characters/chats", json!({ "avatar_url": bot }))
        .await;
    s.post(
        "/api/characters/chats",
        json!({ "avatar_url": bot, "metadata": true }),
    )
    .await;
    s.post(
        "/api/characters/chats",
        json!({ "avatar_url": bot, "simple": true }),
    )
    .await;
}

async fn integrity(s: &mut Scenario) {
    let bot = "default_Seraphina.png";
    s.post(SAVE, save(bot, "guarded", chat(ID, &["one"]))).await;
    s.post(SAVE, save(bot, "guarded", chat(OTHER, &["two"]))).await;
    s.post(GET, read(bot, "guarded")).await;
    for force in [json!(true), json!(1), json!("yes"), json!(false), json!(null)] {
        let mut body = save(bot, "guarded", chat(OTHER, &["forced"]));
        body["force"] = force;
        s.post(SAVE, body).await;
        s.post(SAVE, save(bot, "guarded", chat(ID, &["back"]))).await;
    }
    s.post(
        SAVE,
        save(
            bot,
            "guarded",
            json!([{ "chat_metadata": {} }, { "name": "a", "mes": "no slug" }]),
        ),
    )
    .await;
    s.post(SAVE, save(bot, "guarded", chat(OTHER, &["after no slug"])))
        .await;
    s.post(SAVE, save(bot, "guarded", json!([{ "no": "metadata" }])))
        .await;
    s.post(SAVE, save(bot, "guarded", json!(["text header"]))).await;
    s.post(SAVE, save(bot, "guarded", chat(ID, &["over text header"])))
        .await;
    s.post(SAVE, save(bot, "guarded", json!([null]))).await;
    s.post(
        SAVE,
        save(bot, "guarded", json!([{ "chat_metadata": { "integrity": 5 } }])),
    )
    .await;
    s.post(
        SAVE,
        save(bot, "guarded", json!([{ "chat_metadata": { "integrity": "5" } }])),
    )
    .await;
    s.post(GET, read(bot, "guarded")).await;
}

async fn odd_values(s: &mut Scenario) {
    let bodies = [
        r#"[{"chat_metadata":{}},{"mes":"lone \ud83e","name":"\udc00"}]"#,
        r#"[{"chat_metadata":{}},{"mes":"nul \u0000 and \u2028","name":"n"}]"#,
        r#"[{"chat_metadata":{}},{"mes":"numbers","a":1.0,"b":1e21,"c":12345678901234567890,"d":-0,"e":0.1,"f":1e-7,"name":"n"}]"#,
        r#"[{"chat_metadata":{}},{"mes":"crlf\r\nin text","name":"n"},{"mes":"emoji 🦊 é é","name":"n"}]"#,
        r#"[{"chat_metadata":{}}, {"mes":"dup","mes":"wins","name":"n"} , {"10":1,"9":2,"name":"n","mes":"key order"}]"#,
        r#"[{"chat_metadata":{}},null,0,false,"",[],"text",5,[1],{}]"#,
        r#"[[],{"name":"n","mes":"array header"}]"#,
        r#"[{"chat_metadata":{}},{"name":"n","mes":"","send_date":5}]"#,
        r#"[{"chat_metadata":{}},{"name":"n","mes":"date","send_date":"June 19, 2023 2:20pm"}]"#,
        r#"[{"chat_metadata":{}},{"mes":"no name, no date"}]"#,
    ];
    for (index, chat) in bodies.iter().enumerate() {
        s.raw(
            SAVE,
            &format!(r#"{{"avatar_url":"Odd.png","file_name":"v{index}","chat":{chat}}}"#),
        )
        .await;
        s.post(GET, read("Odd.png", &format!("v{index}"))).await;
        s.post("/api/chats/export", json!({ "file": format!("v{index}.jsonl"), "avatar_url": "Odd.png", "is_group": false, "format": "jsonl", "exportfilename": "out.jsonl" })).await;
    }
    s.post("/api/characters/chats", json!({ "avatar_url": "Odd.png" }))
        .await;
    s.post(
        "/api/chats/search",
        json!({ "avatar_url": "Odd.png", "query": "" }),
    )
    .await;
}

async fn odd_names(s: &mut Scenario) {
    let long = long_name();
    for name in NAMES
        .iter()
        .copied()
        .chain([long.as_str(), "with.jsonl", "2023-1-1 @10h 5m 3s 1ms"])
    {
        s.post(SAVE, save("Names.png", name, chat(ID, &[name]))).await;
        s.post(GET, read("Names.png", name)).await;
    }
    s.post(
        "/api/characters/chats",
        json!({ "avatar_url": "Names.png", "simple": true }),
    )
    .await;
    for avatar in [
        "Ünï 🦊.png",
        "e\u{301}.png",
        "100%.png",
        "a.pngb.png",
        "con.png",
        " lead.png",
        "no extension",
        ".png",
        ".",
    ] {
        s.post(SAVE, save(avatar, "c", chat(ID, &["in an odd folder"])))
            .await;
        s.post(GET, read(avatar, "c")).await;
        s.post("/api/characters/chats", json!({ "avatar_url": avatar }))
            .await;
    }
}

async fn renaming(s: &mut Scenario) {
    let rename = |from: &str, to: &str| json!({ "avatar_url": "Ren.png", "is_group": false, "original_file": from, "renamed_file": to });
    s.post(SAVE, save("Ren.png", "a", chat(ID, &["x"]))).await;
    s.post(SAVE, save("Ren.png", "b", chat(ID, &["y"]))).await;
    for (from, to) in [
        ("a.jsonl", "c.jsonl"),
        ("none.jsonl", "d.jsonl"),
        ("c.jsonl", "b.jsonl"),
        ("c.jsonl", "c.jsonl"),
        ("c.jsonl", "sla/sh:ed?.jsonl"),
        ("slashed.jsonl", "Ünï 🦊.jsonl"),
        ("Ünï 🦊.jsonl", "no extension"),
        ("no extension", "../up.jsonl"),
        ("..up.jsonl", "back.jsonl"),
        ("back.jsonl", "..."),
        ("back.jsonl", "con"),
    ] {
        s.post("/api/chats/rename", rename(from, to)).await;
    }
    s.post("/api/characters/chats", json!({ "avatar_url": "Ren.png" }))
        .await;
    for body in [
        json!({}),
        rename("", "x"),
        rename("x", ""),
        json!({ "original_file": "a", "renamed_file": "b" }),
        json!({ "avatar_url": "../x", "original_file": "a", "renamed_file": "b" }),
        json!({ "avatar_url": "Ren.png", "original_file": 5, "renamed_file": "b" }),
        json!({ "avatar_url": "..", "original_file": "a", "renamed_file": "b" }),
    ] {
        s.post("/api/chats/rename", body).await;
    }
}

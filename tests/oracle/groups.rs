//! `/api/groups` and `/api/chats/group`.

use serde_json::{Value, json};

use super::chats::{ID, chat};
use super::dsl::{call, file, upload};
use super::fixtures::{NAMES, long_name};
use super::scenario::Scenario;

const ALL: &str = "/api/groups/all";
const GET: &str = "/api/chats/group/get";
const SAVE: &str = "/api/chats/group/save";
const INFO: &str = "/api/chats/group/info";
const DELETE: &str = "/api/chats/group/delete";
const OTHER: &str = "00000000-0000-4000-8000-000000000009";

#[tokio::test]
async fn oracle_groups() {
    let mut s = Scenario::start("groups", "").await;
    groups(&mut s).await;
    edits(&mut s).await;
    chats(&mut s).await;
    odd_chats(&mut s).await;
    others(&mut s).await;
    s.finish();
}

async fn groups(s: &mut Scenario) {
    s.post(ALL, json!({})).await;
    s.send(call("POST", ALL)).await;
    s.post("/api/groups/create", json!({}))
        .await
        .capture("first", "/id");
    s.next_second().await;
    let full = json!({
        "name": "Ünï 🦊", "members": ["a.png", "b.png"], "avatar_url": "img/x.png", "allow_self_responses": 1,
        "activation_strategy": 2, "generation_mode": 1, "disabled_members": ["b.png"], "fav": true, "chat_id": "c1",
        "chats": ["c1", "c2"], "auto_mode_delay": 0, "generation_mode_join_prefix": "p", "generation_mode_join_suffix": "s",
        "hideMutedSprites": true, "unknown": "dropped", "id": "ignored"
    });
    s.post("/api/groups/create", full).await.capture("second", "/id");
    s.post(ALL, json!({})).await;
    s.next_second().await;
    s.post(
        "/api/groups/create",
        json!({ "name": null, "members": "text", "fav": null, "chats": {}, "auto_mode_delay": null }),
    )
    .await
    .capture("third", "/id");
    s.send(call("POST", "/api/groups/create"))
        .await
        .capture("fourth", "/id");
    s.post(SAVE, json!({ "id": "c1", "chat": chat(ID, &["hi"]) }))
        .await;
    s.post(SAVE, json!({ "id": "c2", "chat": chat(ID, &["hi", "there"]) }))
        .await;
    s.post(ALL, json!({})).await;
    s.post("/api/groups/delete", json!({ "id": "{{second}}" })).await;
    s.post(GET, json!({ "id": "c1" })).await;
    s.post("/api/groups/delete", json!({ "id": "{{second}}" })).await;
    s.post("/api/groups/delete", json!({ "id": "{{fourth}}" })).await;
    s.post(ALL, json!({})).await;
}

async fn edits(s: &mut Scenario) {
    let edit = "/api/groups/edit";
    s.post(edit, json!({ "id": "{{first}}", "name": "Edited", "extra": { "z": 1, "a": [null] }, "chat_metadata": { "gone": 1 }, "past_metadata": {} })).await;
    s.post(ALL, json!({})).await;
    s.post(
        edit,
        json!({ "id": "made by edit", "name": "New", "chats": ["x"] }),
    )
    .await;
    s.post(edit, json!({ "id": 12345, "name": "Numeric" })).await;
    s.raw(
        edit,
        r#"{"id":"raw","n":1.0,"e":1e21,"lone":"\ud83e","nul":"\u0000"}"#,
    )
    .await;
    for body in [
        json!({}),
        json!({ "id": "" }),
        json!({ "id": "../x" }),
        json!({ "id": 0 }),
        json!({ "id": null }),
        json!({ "id": ["a/b"] }),
        json!({ "id": "x:y*z", "name": "cleaned" }),
    ] {
        s.post(edit, body.clone()).await;
        s.post("/api/groups/delete", body).await;
    }
    let long = long_name();
    for id in NAMES.iter().copied().filter(|name| !name.contains('\u{0}')) {
        s.post(edit, json!({ "id": id, "name": "odd id" })).await;
    }
    s.post(ALL, json!({})).await;
    // Reserved names end the original's process here: they clean up to nothing, and it unlinks its own folder.
    let reserved = ["con", "nul.txt", "LPT1"];
    for id in NAMES
        .iter()
        .copied()
        .chain([long.as_str()])
        .filter(|name| !reserved.contains(name))
    {
        s.post("/api/groups/delete", json!({ "id": id })).await;
    }
    s.post(ALL, json!({})).await;
}

async fn chats(s: &mut Scenario) {
    for route in [GET, INFO, DELETE] {
        for body in [
            json!({}),
            json!({ "id": "" }),
            json!({ "id": "none" }),
            json!({ "id": null }),
            json!({ "id": 77 }),
            json!({ "id": "../x" }),
        ] {
            s.post(route, body).await;
        }
    }
    let save =
        |id: &str, integrity: &str, text: &str| json!({ "id": id, "chat": chat(integrity, &[text, "end"]) });
    s.post(SAVE, save("g", ID, "one")).await;
    s.post(GET, json!({ "id": "g" })).await;
    s.post(INFO, json!({ "id": "g" })).await;
    s.post(SAVE, save("g", OTHER, "two")).await;
    let mut forced = save("g", OTHER, "three");
    forced["force"] = json!(true);
    s.post(SAVE, forced).await;
    s.post(GET, json!({ "id": "g" })).await;
    s.post(
        SAVE,
        json!({ "id": "bare", "chat": [{ "name": "N", "mes": "no header" }] }),
    )
    .await;
    s.post(GET, json!({ "id": "bare" })).await;
    s.post(INFO, json!({ "id": "bare" })).await;
    s.post(SAVE, json!({ "id": "empty", "chat": [] })).await;
    s.post(INFO, json!({ "id": "empty" })).await;
    for body in [
        json!({}),
        json!({ "id": "x" }),
        json!({ "id": "x", "chat": "text" }),
        json!({ "chat": [] }),
        json!({ "id": "x", "chat": {} }),
    ] {
        s.post(SAVE, body).await;
    }
}

async fn odd_chats(s: &mut Scenario) {
    let long = long_name();
    for id in NAMES.iter().copied().chain([long.as_str()]) {
        s.post(SAVE, json!({ "id": id, "chat": chat(ID, &[id]) })).await;
        s.post(GET, json!({ "id": id })).await;
    }
    let blemished: &[(&str, &[u8])] = &[
        (
            "crlf",
            b"{\"chat_metadata\":{}}\r\n{\"name\":\"a\",\"mes\":\"x\",\"send_date\":\"d\"}\r\n",
        ),
        (
            "bom",
            "\u{feff}{\"chat_metadata\":{}}\n{\"name\":\"a\",\"mes\":\"x\"}".as_bytes(),
        ),
        (
            "blank",
            b"{\"chat_metadata\":{}}\n\n\n{\"name\":\"a\",\"mes\":\"x\"}\n\n",
        ),
        (
            "truncated",
            b"{\"chat_metadata\":{}}\n{\"name\":\"a\",\"mes\":\"x\"}\n{\"name\":\"b\",\"me",
        ),
        ("not json", b"hello\nworld"),
        ("empty", b""),
        (
            "bytes",
            b"{\"chat_metadata\":{}}\n{\"name\":\"caf\xe9\",\"mes\":\"\xff\"}",
        ),
        ("scalars", b"1\n\"text\"\nnull\n[]\n{\"mes\":\"last\"}"),
        (
            "bare cr",
            b"{\"chat_metadata\":{}}\r{\"name\":\"a\",\"mes\":\"x\"}",
        ),
    ];
    for (label, bytes) in blemished {
        s.upload("/api/chats/group/import", file(label, bytes), &[])
            .await
            .capture("made", "/res");
        for route in [GET, INFO] {
            s.post(route, json!({ "id": "{{made}}" })).await;
        }
        s.post(
            "/api/chats/export",
            json!({ "file": "{{made}}.jsonl", "is_group": true, "format": "jsonl", "exportfilename": "x" }),
        )
        .await;
        s.post(SAVE, json!({ "id": "{{made}}", "chat": chat(ID, &["over it"]) }))
            .await;
        s.post(DELETE, json!({ "id": "{{made}}" })).await;
    }
    s.send(upload("/api/chats/group/import", None, &[])).await;
    s.post("/api/chats/group/import", json!({})).await;
}

async fn others(s: &mut Scenario) {
    s.post(
        "/api/groups/edit",
        json!({ "id": "sg", "chats": ["g", "bare", "empty", "missing"] }),
    )
    .await;
    for (group, query) in [
        ("sg", ""),
        ("sg", "three"),
        ("sg", "bare"),
        ("sg", "END"),
        ("none", ""),
        ("", "x"),
    ] {
        s.post(
            "/api/chats/search",
            json!({ "group_id": group, "query": query, "avatar_url": null }),
        )
        .await;
    }
    let rename = |from: &str, to: &str| -> Value {
        json!({ "is_group": true, "original_file": from, "renamed_file": to })
    };
    for (from, to) in [
        ("g.jsonl", "g2.jsonl"),
        ("g.jsonl", "g3.jsonl"),
        ("g2.jsonl", "bare.jsonl"),
        ("g2.jsonl", "a/b.jsonl"),
    ] {
        s.post("/api/chats/rename", rename(from, to)).await;
    }
    for format in ["jsonl", "txt"] {
        s.post(
            "/api/chats/export",
            json!({ "file": "bare.jsonl", "is_group": true, "format": format, "exportfilename": "e" }),
        )
        .await;
    }
    s.post("/api/chats/group/delete", json!({ "id": "bare" })).await;
    s.post("/api/chats/group/delete", json!({ "id": "bare" })).await;
    s.post("/api/backups/chat/get", json!({})).await;
}

//! `/api/chats`: exporting, searching, deleting, recent chats.

use serde_json::json;

use super::chats::{ID, SAVE, chat, save};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_chats_lists() {
    let mut s = Scenario::start("chats_lists", "").await;
    exporting(&mut s).await;
    searching(&mut s).await;
    deleting(&mut s).await;
    recent(&mut s).await;
    s.finish();
}

async fn exporting(s: &mut Scenario) {
    let lines = json!([{ "chat_metadata": {}, "user_name": "U" }, { "name": "Bot", "mes": "one\r\ntwo" }, { "name": "Sys", "is_system": true, "mes": "hidden" }, { "name": "Me", "mes": "orig", "extra": { "display_text": "shown" } }, { "name": "E", "mes": "" }, { "mes": "nameless" }]);
    s.post(SAVE, save("Exp.png", "e", lines)).await;
    for format in ["jsonl", "txt", "other"] {
        for name in ["e.jsonl", "none.jsonl", "e"] {
            s.post("/api/chats/export", json!({ "file": name, "avatar_url": "Exp.png", "is_group": false, "format": format, "exportfilename": "o.txt" })).await;
        }
    }
    for body in [
        json!({}),
        json!({ "file": "" }),
        json!({ "file": "e.jsonl", "is_group": false }),
        json!({ "file": "e.jsonl", "avatar_url": "../Exp.png", "format": "jsonl" }),
        json!({ "file": "../Exp/e.jsonl", "avatar_url": "Exp.png", "format": "jsonl" }),
        json!({ "file": "e.jsonl", "avatar_url": "Exp.png", "format": "jsonl" }),
        json!({ "file": "none.jsonl", "is_group": true, "format": "txt" }),
        json!({ "file": "x", "avatar_url": "..", "is_group": false }),
    ] {
        s.post("/api/chats/export", body).await;
    }
}

async fn searching(s: &mut Scenario) {
    let long = format!("{} Needle END", "long text ".repeat(60));
    s.post(
        SAVE,
        save(
            "Sea.png",
            "alpha chat",
            chat(ID, &["The quick brown", "fox jumps"]),
        ),
    )
    .await;
    s.post(
        SAVE,
        save("Sea.png", "beta", chat(ID, &["ÜBER straße", long.as_str()])),
    )
    .await;
    s.post(SAVE, save("Sea.png", "gamma", chat(ID, &[]))).await;
    s.post(SAVE, save("Sea.png", "zero", json!([]))).await;
    for query in [
        "",
        "quick",
        "QUICK fox",
        "quick  jumps ",
        "quick missing",
        "alpha",
        "alpha quick",
        "über",
        "needle",
        "unused",
        "gamma",
        "zero",
        ".*",
        "   ",
        "fox beta",
    ] {
        s.post(
            "/api/chats/search",
            json!({ "avatar_url": "Sea.png", "query": query, "group_id": null }),
        )
        .await;
    }
    for body in [
        json!({}),
        json!({ "avatar_url": "none.png" }),
        json!({ "avatar_url": "../x" }),
        json!({ "avatar_url": null }),
        json!({ "avatar_url": "Sea.png" }),
        json!({ "avatar_url": "Sea.png", "query": 5 }),
        json!({ "avatar_url": "Sea.png", "query": null }),
        json!({ "group_id": "none", "query": "x" }),
        json!({ "group_id": 5, "avatar_url": "Sea.png" }),
    ] {
        s.post("/api/chats/search", body).await;
    }
}

async fn deleting(s: &mut Scenario) {
    for name in ["a", "b", "c.d"] {
        s.post(SAVE, save("Del.png", name, chat(ID, &["x"]))).await;
    }
    for file in [
        "a.jsonl",
        "a.jsonl",
        "b",
        "c.d",
        "c.d.jsonl",
        "none",
        "../Del/b.jsonl",
        "..",
        ".",
        "",
    ] {
        s.post(
            "/api/chats/delete",
            json!({ "avatar_url": "Del.png", "chatfile": file }),
        )
        .await;
    }
    for body in [
        json!({}),
        json!({ "avatar_url": "../x", "chatfile": "a" }),
        json!({ "avatar_url": "..", "chatfile": "a" }),
        json!({ "avatar_url": "Del.png", "chatfile": 5 }),
        json!({ "chatfile": "a.jsonl" }),
    ] {
        s.post("/api/chats/delete", body).await;
    }
    s.post("/api/characters/chats", json!({ "avatar_url": "Del.png" }))
        .await;
}

async fn recent(s: &mut Scenario) {
    let recent = "/api/chats/recent";
    s.post(recent, json!({})).await;
    s.post("/api/characters/create", json!({ "ch_name": "Rec" }))
        .await;
    for (avatar, name) in [
        ("Rec.png", "r1"),
        ("default_Seraphina.png", "s1"),
        ("Rec.png", "r2"),
        ("No card.png", "n1"),
        (".", "root chat"),
    ] {
        s.post(SAVE, save(avatar, name, chat(ID, &[name, "last"]))).await;
    }
    s.post(
        "/api/groups/create",
        json!({ "name": "G", "chats": ["g-chat", "missing"], "chat_id": "g-chat", "members": ["Rec.png"] }),
    )
    .await;
    s.post(
        "/api/chats/group/save",
        json!({ "id": "g-chat", "chat": chat(ID, &["in group"]) }),
    )
    .await;
    let pins = json!([{ "file_name": "r1.jsonl", "avatar": "Rec.png" }]);
    for body in [
        json!({}),
        json!({ "max": 2 }),
        json!({ "max": "3" }),
        json!({ "max": 0 }),
        json!({ "max": -1 }),
        json!({ "max": "x" }),
        json!({ "max": null }),
        json!({ "metadata": true }),
        json!({ "max": 1, "pinned": pins }),
        json!({ "pinned": [{ "file_name": "none.jsonl", "avatar": "x" }], "max": 1 }),
        json!({ "pinned": "text" }),
        json!({ "pinned": {} }),
    ] {
        s.post(recent, body).await;
    }
}

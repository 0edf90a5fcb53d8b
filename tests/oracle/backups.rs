//! `/api/backups/chat`.

use serde_json::{Value, json};

use super::chats::{ID, SAVE, chat, save};
use super::dsl::post;
use super::fixtures::{NAMES, long_name};
use super::scenario::Scenario;

const GET: &str = "/api/backups/chat/get";
const DOWNLOAD: &str = "/api/backups/chat/download";
const DELETE: &str = "/api/backups/chat/delete";

#[tokio::test]
async fn oracle_backups() {
    let config = "backups:\n  common:\n    numberOfBackups: 2\n  chat:\n    throttleInterval: 0\n    maxTotalBackups: 5\n";
    let mut s = Scenario::start("backups", config).await;
    taking(&mut s).await;
    reading(&mut s).await;
    refusing(&mut s).await;
    limits(&mut s).await;
    s.finish();
}

/// One character, one backup until ten seconds have passed; and with backups turned off none.
#[tokio::test]
async fn oracle_backups_throttled() {
    let mut s = Scenario::start("backups_throttled", "").await;
    for text in ["one", "two", "three"] {
        s.post(SAVE, save("Thr.png", "t", chat(ID, &[text]))).await;
    }
    s.post(SAVE, save("Thr.png", "another chat", chat(ID, &["four"])))
        .await;
    s.post(SAVE, save("Other.png", "t", chat(ID, &["five"]))).await;
    s.post(
        "/api/chats/group/save",
        json!({ "id": "Thr", "chat": chat(ID, &["of a group"]) }),
    )
    .await;
    s.post(GET, json!({})).await;
    s.finish();
    let mut s = Scenario::start("backups_off", "backups:\n  chat:\n    enabled: false\n").await;
    s.post(SAVE, save("Off.png", "t", chat(ID, &["one"]))).await;
    s.post(GET, json!({})).await;
    s.finish();
}

/// Keys of every kind of name, chats of every kind of last line.
async fn taking(s: &mut Scenario) {
    s.post(GET, json!({})).await;
    let kinds = [
        json!([]),
        json!([{ "chat_metadata": {}, "user_name": "unused", "character_name": "unused" }]),
        json!([{ "chat_metadata": { "x": 1 } }, { "name": "A", "mes": "", "send_date": 5 }]),
        json!([{ "chat_metadata": {} }, { "mes": "nameless" }]),
        json!([{ "chat_metadata": {} }, 5]),
    ];
    for (n, lines) in kinds.into_iter().enumerate() {
        s.post(SAVE, save(&format!("Kind {n}.png"), "k", lines)).await;
    }
    s.post(GET, json!({})).await;
    for avatar in [
        "Üñí 日本.png",
        "e\u{301} 🦊.png",
        "100%.png",
        "a.pngb.png",
        "UPPER lower-1.2.png",
    ] {
        s.post(SAVE, save(avatar, "n", chat(ID, &[avatar]))).await;
        s.post(GET, json!({})).await;
    }
    for id in [
        json!("2024-07-12@01h31m37s123ms"),
        json!(5),
        json!("a/b"),
        json!("x\u{7f}"),
    ] {
        let body = json!({ "id": id, "chat": chat(ID, &["group"]) });
        s.post("/api/chats/group/save", body).await;
        s.post(GET, json!({})).await;
    }
}

async fn reading(s: &mut Scenario) {
    s.post(SAVE, save("Read.png", "r", chat(ID, &["one", "zwei 日本"])))
        .await;
    s.post(GET, json!({})).await;
    let newest = backups(&s.answer().text())
        .iter()
        .position(|name| name.starts_with("chat_read_"))
        .expect("the original took a backup");
    s.capture("backup", &format!("/{newest}/file_name"));
    let body = json!({ "name": "{{backup}}" });
    s.post(DOWNLOAD, body.clone()).await;
    for (name, value) in [
        ("Range", "bytes=0-9"),
        ("Range", "bytes=-5"),
        ("If-Match", "\"x\""),
    ] {
        s.send(post(DOWNLOAD, &body).header(name, value).note(value))
            .await;
    }
    s.post(DELETE, json!({ "name": "../{{backup}}" })).await;
    s.post(DELETE, body.clone()).await;
    s.post(DELETE, body.clone()).await;
    s.post(DOWNLOAD, body).await;
    s.post(GET, json!({})).await;
}

fn backups(list: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(list).expect("JSON");
    let list = list.as_array().expect("a list").clone();
    list.iter()
        .map(|info| info["file_name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn refusing(s: &mut Scenario) {
    let long = long_name();
    for route in [DOWNLOAD, DELETE] {
        for name in NAMES
            .iter()
            .copied()
            .chain([long.as_str(), "settings_default-user_x.json"])
        {
            s.post(route, json!({ "name": name })).await;
            s.post(route, json!({ "name": format!("chat_{name}") })).await;
        }
        for body in [
            json!({}),
            json!([]),
            json!({ "name": 5 }),
            json!({ "name": null }),
            json!({ "name": ["chat_x"] }),
            json!({ "name": { "chat_": 1 } }),
        ] {
            s.post(route, body).await;
        }
        s.raw(route, "{\"name\":\"chat_\\ud800\"}").await;
    }
}

/// Two of a name, five of all.
async fn limits(s: &mut Scenario) {
    for text in ["one", "two", "three"] {
        s.next_second().await;
        s.post(SAVE, save("Limit.png", "l", chat(ID, &[text]))).await;
        s.post(GET, json!({})).await;
    }
    // The same content again is a backup again.
    s.next_second().await;
    s.post(SAVE, save("Limit.png", "l", chat(ID, &["three"]))).await;
    s.post(GET, json!({})).await;
}

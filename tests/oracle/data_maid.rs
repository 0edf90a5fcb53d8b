//! `/api/data-maid`.

use serde_json::{Value, json};

use super::chats::{ID, SAVE, chat, save};
use super::dsl::{get, post};
use super::fixtures::png;
use super::http::Answer;
use super::scenario::Scenario;

const REPORT: &str = "/api/data-maid/report";
const DELETE: &str = "/api/data-maid/delete";
const FINALIZE: &str = "/api/data-maid/finalize";

#[tokio::test]
async fn oracle_data_maid() {
    let mut s = Scenario::start("data_maid", "").await;
    report(&mut s, "nothing yet").await;
    pictures(&mut s).await;
    attachments(&mut s).await;
    chats(&mut s).await;
    viewing(&mut s).await;
    refusing(&mut s).await;
    deleting(&mut s).await;
    finalizing(&mut s).await;
    s.finish();
}

/// A report; its ids are each server's own, so that they are compared by their form alone.
async fn report(s: &mut Scenario, label: &str) {
    s.send(post(REPORT, &json!({})).note(label).ignore("body*")).await;
    s.capture("token", "/token").viewed(label, without_ids);
}

fn without_ids(answer: &Answer) -> Vec<u8> {
    let Ok(mut report) = serde_json::from_slice::<Value>(&answer.body) else {
        return answer.body.clone();
    };
    let is_hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    for entries in report["report"]
        .as_object_mut()
        .into_iter()
        .flat_map(|map| map.values_mut())
    {
        for entry in entries.as_array_mut().into_iter().flatten() {
            assert!(is_hex(entry["hash"].as_str().unwrap_or_default()), "{entry}");
            entry["hash"] = "<hash>".into();
        }
    }
    report.to_string().into_bytes()
}

async fn upload(s: &mut Scenario, folder: &str, name: &str) {
    use base64::Engine as _;
    let image = base64::engine::general_purpose::STANDARD.encode(png(4, 4));
    let mut body = json!({ "image": image, "format": "png", "filename": name });
    if !folder.is_empty() {
        body["ch_name"] = folder.into();
    }
    s.post("/api/images/upload", body).await;
}

fn showing(extra: &Value) -> Value {
    let header =
        json!({ "chat_metadata": { "integrity": ID }, "user_name": "unused", "character_name": "unused" });
    json!([header, { "name": "Bot", "mes": "look", "extra": extra }])
}

async fn pictures(s: &mut Scenario) {
    for (folder, name) in [
        ("Ada", "one"),
        ("Ada", "two"),
        ("Zoe", "three"),
        ("", "four"),
        ("", "Zz"),
        ("Ünï b", "fünf"),
    ] {
        upload(s, folder, name).await;
    }
    report(s, "pictures").await;
    for (name, extra) in [
        ("image", json!({ "image": "/user/images/Ada/one.png" })),
        ("video", json!({ "video": "user/images/Zoe/../Zoe//three.png" })),
        ("data", json!({ "image": "data:image/png;base64,AA==" })),
        (
            "http",
            json!({ "image": "http://127.0.0.1/user/images/Ada/two.png" }),
        ),
        ("falsy", json!({ "image": "", "video": null, "media": [] })),
    ] {
        s.post(SAVE, save("default_Seraphina.png", name, showing(&extra)))
            .await;
        report(s, &format!("shown by {name}")).await;
    }
    let media = json!({ "media": [{ "url": "user/images/four.png", "type": "image" }, {}, null] });
    let body = json!({ "id": "maid group", "chat": showing(&media) });
    s.post("/api/chats/group/save", body).await;
    let header = json!([{ "chat_metadata": { "chat_backgrounds": ["user/images/Zz.png", null] }, "user_name": "unused" }]);
    s.post(SAVE, save("default_Seraphina.png", "header", header))
        .await;
    report(s, "shown by a group and a header").await;
}

async fn attachments(s: &mut Scenario) {
    for name in ["a.txt", "b.txt", "c.txt", "d.txt", "e.txt", "f.json", "Z"] {
        s.post("/api/files/upload", json!({ "name": name, "data": "aGVsbG8=" }))
            .await;
    }
    report(s, "attachments").await;
    let extra = json!({ "file": { "url": "/user/files/a.txt" }, "files": [{ "url": "user/files/b.txt" }, { "name": "x" }] });
    s.post(SAVE, save("default_Seraphina.png", "files", showing(&extra)))
        .await;
    let header = json!([{ "chat_metadata": { "attachments": [{ "url": "/user/files/c.txt" }] }, "user_name": "unused" }]);
    s.post(SAVE, save("default_Seraphina.png", "bank", header)).await;
    report(s, "attached to chats").await;
    let settings = json!({ "extension_settings": {
        "attachments": [{ "url": "/user/files/d.txt" }, {}],
        "character_attachments": { "x.png": [{ "url": "/user/files/e.txt" }], "y.png": 5 } } });
    s.post("/api/settings/save", settings).await;
    report(s, "in the data bank").await;
}

async fn chats(s: &mut Scenario) {
    for (avatar, name) in [
        ("No card.png", "b"),
        ("No card.png", "a.b"),
        ("Ünï.png", "c"),
        ("default_Seraphina.png.png", "d"),
    ] {
        s.post(SAVE, save(avatar, name, chat(ID, &["alone"]))).await;
    }
    for id in ["listed", "shown", "loose", "a.b"] {
        let body = json!({ "id": id, "chat": chat(ID, &["in a group"]) });
        s.post("/api/chats/group/save", body).await;
    }
    s.post(
        "/api/groups/create",
        json!({ "name": "G", "members": [], "chats": ["listed"], "chat_id": "shown" }),
    )
    .await;
    report(s, "chats").await;
}

/// Keeps the first ids of the last report under `{{<category>}}`.
fn capture_first(s: &mut Scenario) {
    for category in [
        "images",
        "files",
        "chats",
        "groupChats",
        "chatBackups",
        "settingsBackups",
    ] {
        s.capture(category, &format!("/report/{category}/0/hash"));
    }
}

async fn viewing(s: &mut Scenario) {
    send_report(s).await;
    capture_first(s);
    for category in ["images", "files", "chats", "groupChats", "chatBackups"] {
        s.get(&format!(
            "/api/data-maid/view?token={{{{token}}}}&hash={{{{{category}}}}}"
        ))
        .await;
    }
    let settings = get("/api/data-maid/view?token={{token}}&hash={{settingsBackups}}");
    // The settings that each server starts with, in its own spelling.
    s.send(settings.ignore("body*").ignore("header etag")).await;
    for query in [
        "",
        "?token={{token}}",
        "?hash={{files}}",
        "?token=&hash={{files}}",
        "?token=x&hash={{files}}",
        "?token={{token}}&hash=x",
        "?token={{token}}&hash=",
        "?token={{token}}&token={{token}}&hash={{files}}",
        "?token={{token}}&hash={{files}}&hash={{files}}",
        "?token={{token}}&hash=%00",
        "?token=%00&hash=x",
    ] {
        s.get(&format!("/api/data-maid/view{query}")).await;
    }
}

async fn send_report(s: &mut Scenario) {
    s.send(post(REPORT, &json!({})).note("for its ids").ignore("body*"))
        .await;
    s.capture("token", "/token");
}

async fn refusing(s: &mut Scenario) {
    for body in [
        json!({}),
        json!([]),
        json!({ "token": "{{token}}" }),
        json!({ "token": "{{token}}", "hashes": [] }),
        json!({ "token": "{{token}}", "hashes": "{{files}}" }),
        json!({ "token": "{{token}}", "hashes": { "0": "{{files}}" } }),
        json!({ "token": "", "hashes": ["{{files}}"] }),
        json!({ "token": 5, "hashes": ["{{files}}"] }),
        json!({ "token": "x", "hashes": ["{{files}}"] }),
        json!({ "token": ["{{token}}"], "hashes": ["{{files}}"] }),
        json!({ "token": "{{token}}", "hashes": ["x", 5, null, {}, "../settings.json", "\u{0}"] }),
    ] {
        s.post(DELETE, body).await;
    }
    s.raw(DELETE, "{\"token\":\"{{token}}\",\"hashes\":[\"\\ud800\"]}")
        .await;
    report(s, "nothing was deleted").await;
}

async fn deleting(s: &mut Scenario) {
    send_report(s).await;
    capture_first(s);
    for category in [
        "images",
        "files",
        "chats",
        "groupChats",
        "chatBackups",
        "settingsBackups",
    ] {
        let body = json!({ "token": "{{token}}", "hashes": [format!("{{{{{category}}}}}"), "x"] });
        s.post(DELETE, body.clone()).await;
        s.post(DELETE, body).await;
        s.get(&format!(
            "/api/data-maid/view?token={{{{token}}}}&hash={{{{{category}}}}}"
        ))
        .await;
    }
    s.post(
        "/api/chats/get",
        json!({ "avatar_url": "No card.png", "file_name": "a.b" }),
    )
    .await;
    s.post("/api/chats/group/get", json!({ "id": "a.b" })).await;
    s.post("/api/characters/chats", json!({ "avatar_url": "No card.png" }))
        .await;
    s.post("/api/backups/chat/get", json!({})).await;
    report(s, "after deleting").await;
}

async fn finalizing(s: &mut Scenario) {
    for token in [
        json!(null),
        json!(""),
        json!("x"),
        json!({}),
        json!([]),
        json!(true),
        json!(["{{token}}"]),
    ] {
        s.post(FINALIZE, json!({ "token": token })).await;
    }
    send_report(s).await;
    for _ in 0..2 {
        s.post(FINALIZE, json!({ "token": "{{token}}" })).await;
    }
    s.post(DELETE, json!({ "token": "{{token}}", "hashes": ["x"] }))
        .await;
    s.get("/api/data-maid/view?token={{token}}&hash=x").await;
    s.post(FINALIZE, json!({})).await;
}

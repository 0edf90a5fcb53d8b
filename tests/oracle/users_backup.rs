//! `/api/users/backup`: which entries the archive has, and the content of each.

use std::io::{Cursor, Read};

use serde_json::{Map, Value, json};
use zip::ZipArchive;

use super::compare::tree;
use super::dsl::{Call, file, post};
use super::fixtures::png;
use super::http::Answer;
use super::images;
use super::scenario::Scenario;

const BACKUP: &str = "/api/users/backup";
const CONTENT: &str = "the entries of the archive";

#[tokio::test]
async fn oracle_users_backup() {
    let mut s = Scenario::start("users_backup", "").await;
    for body in [
        json!({}),
        json!([]),
        json!({ "handle": "" }),
        json!({ "handle": null }),
        json!({ "handle": 0 }),
        json!({ "handle": 5 }),
        json!({ "handle": true }),
        json!({ "handle": ["default-user"] }),
        json!({ "handle": { "a": 1 } }),
    ] {
        s.post(BACKUP, body).await;
    }
    s.send(post(BACKUP, &json!({ "handle": "default-user" })).no_csrf())
        .await;
    for handle in ["nobody", "../default-user", "default-user/"] {
        s.send(archive(handle)).await;
    }
    // Everything that a first start gives a user.
    s.send(archive("default-user")).await;
    s.viewed(CONTENT, entries);
    fill(&mut s).await;
    s.send(archive("default-user")).await;
    s.viewed(CONTENT, entries);
    s.finish();
}

#[tokio::test]
async fn oracle_users_backup_with_keys() {
    let mut s = Scenario::start("users_backup_keys", "allowKeysExposure: true\n").await;
    let secret = json!({ "key": "api_key_openai", "value": "sk-1", "label": "mine" });
    s.post("/api/secrets/write", secret).await;
    s.send(archive("default-user")).await;
    s.viewed(CONTENT, entries);
    s.finish();
}

#[tokio::test]
async fn oracle_users_backup_off() {
    let config = "backups:\n  allowFullDataBackup: false\n";
    let mut s = Scenario::start("users_backup_off", config).await;
    for body in [json!({}), json!({ "handle": "default-user" })] {
        s.post(BACKUP, body).await;
    }
    s.finish();
}

/// Asks for an archive; two compressors never agree on its bytes.
fn archive(handle: &str) -> Call {
    post(BACKUP, &json!({ "handle": handle })).ignore("body ")
}

async fn fill(s: &mut Scenario) {
    let card = json!({ "ch_name": "Äda & Co", "description": "d 🦊", "first_mes": "hi", "tags": "a, b" });
    s.post("/api/characters/create", card).await;
    let chat = json!([
        { "chat_metadata": { "integrity": "11111111-1111-4111-8111-111111111111" }, "user_name": "u", "character_name": "c" },
        { "name": "Äda & Co", "is_user": false, "mes": "line\nline", "send_date": "2026-01-01T00:00:00.000Z" },
    ]);
    let talk =
        json!({ "avatar_url": "Äda & Co.png", "file_name": "first talk", "ch_name": "x", "chat": chat });
    s.post("/api/chats/save", talk).await;
    s.post("/api/chats/group/save", json!({ "id": "77", "chat": chat }))
        .await;
    let group =
        json!({ "id": "77", "name": "G", "members": ["Äda & Co.png"], "chat_id": "77", "chats": ["77"] });
    s.post("/api/groups/edit", group).await;
    s.post(
        "/api/worldinfo/edit",
        json!({ "name": "Lore ü", "data": { "entries": { "0": { "uid": 0 } } } }),
    )
    .await;
    s.post("/api/themes/save", json!({ "name": "Mine", "a": 1 }))
        .await;
    s.post("/api/quick-replies/save", json!({ "name": "Set", "qrList": [] }))
        .await;
    s.post("/api/moving-ui/save", json!({ "name": "Panels" })).await;
    let preset = json!({ "name": "P", "apiId": "openai", "preset": { "temperature": 1 } });
    s.post("/api/presets/save", preset).await;
    s.post(
        "/api/secrets/write",
        json!({ "key": "api_key_openai", "value": "sk" }),
    )
    .await;
    s.post(
        "/api/files/upload",
        json!({ "name": "note.txt", "data": "YQ0KYg==" }),
    )
    .await;
    let picture = png(40, 30);
    s.upload("/api/backgrounds/upload", file("sky.png", &picture), &[])
        .await;
    s.upload(
        "/api/avatars/upload",
        file("me.png", &picture),
        &[("overwrite_name", "me.png")],
    )
    .await;
    let image = json!({ "image": "aGk=", "format": "png", "filename": "shot", "ch_name": "Äda" });
    s.post("/api/images/upload", image).await;
    s.get("/thumbnail?type=bg&file=sky.png").await;
}

/// The archive as an object: path to content, pictures by what can be seen of them.
fn entries(answer: &Answer) -> Vec<u8> {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(&answer.body)) else {
        return b"no archive".to_vec();
    };
    let mut found = Map::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("an intact entry");
        found.insert(entry.name().expect("a name").into_owned(), seen(bytes));
    }
    Value::Object(found).to_string().into_bytes()
}

fn seen(bytes: Vec<u8>) -> Value {
    if let Some(picture) = images::look(&bytes) {
        let texts = picture.texts.iter().map(|(name, text)| json!([name, tree(text)]));
        return json!({ "form": picture.form, "texts": texts.collect::<Vec<_>>() });
    }
    match String::from_utf8(bytes) {
        Ok(text) => tree(&text).unwrap_or(Value::String(text)),
        Err(error) => Value::String(blake3::hash(error.as_bytes()).to_string()),
    }
}

//! Chats for tests.

use serde_json::{Value, json};

use crate::harness::{Answer, Client};

/// A header with this `integrity`.
pub fn header(integrity: &str) -> Value {
    json!({ "chat_metadata": { "integrity": integrity }, "user_name": "unused", "character_name": "unused" })
}

/// A message.
pub fn message(text: &str) -> Value {
    json!({ "name": "Ada", "is_user": false, "mes": text, "send_date": "2026-01-02T03:04:05.678Z", "extra": {} })
}

/// A chat: a header, then one message for each text.
pub fn chat(integrity: &str, texts: &[&str]) -> Value {
    let messages = texts.iter().map(|text| message(text));
    std::iter::once(header(integrity)).chain(messages).collect()
}

/// Saves a chat of `Ada.png`.
pub async fn save(client: &Client, name: &str, chat: &Value) -> Answer {
    client
        .post(
            "/api/chats/save",
            json!({ "avatar_url": "Ada.png", "file_name": name, "chat": chat }),
        )
        .await
}

/// Saves a chat of `Ada.png`, given as JSON text.
pub async fn save_raw(client: &Client, name: &str, chat: &str) -> Answer {
    let body = format!(r#"{{"avatar_url":"Ada.png","file_name":"{name}","chat":{chat}}}"#);
    client.post_raw("/api/chats/save", "application/json", body).await
}

/// The text that `chats/get` answers for a chat of `Ada.png`.
pub async fn get(client: &Client, name: &str) -> String {
    let body = json!({ "avatar_url": "Ada.png", "file_name": name });
    client.post("/api/chats/get", body).await.expect(200).text()
}

/// The file names that `characters/chats` lists for `Ada.png`.
pub async fn names(client: &Client) -> Vec<String> {
    let body = json!({ "avatar_url": "Ada.png", "simple": true });
    let listed = client
        .post("/api/characters/chats", body)
        .await
        .expect(200)
        .json();
    let listed = listed
        .as_array()
        .unwrap_or_else(|| panic!("a list: {listed}"))
        .clone();
    listed
        .iter()
        .map(|chat| chat["file_name"].as_str().expect("a name").to_owned())
        .collect()
}

/// A chat text that no re-encoding survives: lone surrogates, NUL, odd numbers, key order, line ends inside texts.
pub const AWKWARD: &str = concat!(
    r#"[{"chat_metadata":{"integrity":"i","z":1,"10":[],"a":{},"2":null},"user_name":"unused"},"#,
    r#"{"name":"Ada","mes":"\ud800 \udc00\ud800 \u0000 \\ud800 😀\ud83d\ude00 é é 1\r\n2\r3\n \u2028","x":"#,
    r#"[1.0,1e21,1E+2,-0,-0.0,123456789012345678901234567890,0.1e-7,5e-324]},"#,
    r#"{"mes":"\/ <b>\u003c","mes2":"\t","constructor":1,"__proto__":{"a":1}},{},[],"text",true,7]"#
);

//! Importing chats: JSONL with every kind of blemish, and the foreign JSON formats.

use serde_json::{Value, json};

use super::dsl::{file, upload};
use super::scenario::Scenario;

const IMPORT: &str = "/api/chats/import";

#[tokio::test]
async fn oracle_chats_import() {
    let mut s = Scenario::start("chats_import", "").await;
    s.post("/api/characters/create", json!({ "ch_name": "Imp" }))
        .await;
    lines(&mut s).await;
    foreign(&mut s).await;
    refusals(&mut s).await;
    s.post("/api/characters/chats", json!({ "avatar_url": "Imp.png" }))
        .await;
    s.finish();
}

async fn import(s: &mut Scenario, label: &str, kind: &str, bytes: &[u8]) {
    let fields = [
        ("file_type", kind),
        ("avatar_url", "Imp.png"),
        ("character_name", "Imp"),
        ("user_name", "Me"),
    ];
    s.upload(IMPORT, file(label, bytes), &fields).await;
    if s.answer().text().contains("\"fileNames\":[\"") {
        s.capture("made", "/fileNames/0");
        let export = json!({ "file": "{{made}}", "avatar_url": "Imp.png", "is_group": false, "format": "jsonl", "exportfilename": "o" });
        s.post("/api/chats/export", export).await;
        s.post(
            "/api/chats/delete",
            json!({ "avatar_url": "Imp.png", "chatfile": "{{made}}" }),
        )
        .await;
    }
}

const HEADER: &str =
    r#"{"user_name":"U","character_name":"C","create_date":"2023-1-1","chat_metadata":{"x":1}}"#;

/// Files whose lines are separated or ended in unusual ways.
fn separated() -> Vec<(&'static str, String)> {
    let header = HEADER;
    vec![
        (
            "plain.jsonl",
            format!("{header}\n{{\"name\":\"C\",\"mes\":\"hi\"}}"),
        ),
        (
            "trailing newline.jsonl",
            format!("{header}\n{{\"name\":\"C\",\"mes\":\"hi\"}}\n"),
        ),
        (
            "crlf.jsonl",
            format!("{header}\r\n{{\"name\":\"C\",\"mes\":\"hi\"}}\r\n"),
        ),
        (
            "bom.jsonl",
            format!("\u{feff}{header}\n{{\"name\":\"C\",\"mes\":\"hi\"}}"),
        ),
        (
            "blank lines.jsonl",
            format!("{header}\n\n\n{{\"name\":\"C\",\"mes\":\"hi\"}}\n\n"),
        ),
        (
            "truncated.jsonl",
            format!("{header}\n{{\"name\":\"C\",\"mes\":\"h"),
        ),
        (
            "spaces.jsonl",
            format!("{header}\n  {{ \"name\" : \"C\" , \"mes\" : \"hi\" }}  "),
        ),
        ("header only.jsonl", header.to_owned()),
        (
            "name header.jsonl",
            "{\"name\":\"C\",\"mes\":\"no header\"}".to_owned(),
        ),
    ]
}

/// Files whose lines hold unusual values.
fn valued() -> Vec<(&'static str, String)> {
    let header = HEADER;
    vec![
        (
            "numbers.jsonl",
            format!("{header}\n{{\"a\":1.0,\"b\":1e21,\"c\":12345678901234567890,\"d\":-0}}"),
        ),
        (
            "surrogate.jsonl",
            format!("{header}\n{{\"mes\":\"\\ud83e x\",\"n\":\"\\u0000\",\"u\":\"\\u00e9\"}}"),
        ),
        (
            "scalars.jsonl",
            format!("{header}\n5\nnull\n\"text\"\n[1, 2]\nfalse"),
        ),
        (
            "chub.jsonl",
            format!(
                "{header}\n{{\"name\":\"C\",\"mes\":{{\"message\":\"deep\"}},\"swipes\":[{{\"message\":\"s1\"}},\"s2\",{{\"x\":1}}]}}"
            ),
        ),
        (
            "chub null swipe.jsonl",
            format!("{header}\n{{\"mes\":{{\"message\":\"m\"}},\"swipes\":[null]}}"),
        ),
        (
            "key order.jsonl",
            format!("{header}\n{{\"z\":1,\"2\":2,\"1\":1,\"a\":{{\"message\":1}}}}"),
        ),
        (
            "unicode.jsonl",
            format!("{header}\n{{\"mes\":\"🦊 é é \u{2028}\"}}"),
        ),
        ("no known keys.jsonl", "{\"foo\":1}\n{\"name\":\"x\"}".to_owned()),
        ("not json.jsonl", "hello\nworld".to_owned()),
        ("empty.jsonl", String::new()),
        ("array header.jsonl", "[1]\n{}".to_owned()),
        ("null header.jsonl", "null\n{}".to_owned()),
    ]
}

async fn lines(s: &mut Scenario) {
    for (label, text) in separated().iter().chain(&valued()) {
        import(s, label, "jsonl", text.as_bytes()).await;
    }
    import(
        s,
        "latin1.jsonl",
        "jsonl",
        b"{\"user_name\":\"caf\xe9\"}\n{\"mes\":\"\xff\xfe\"}",
    )
    .await;
    import(s, "utf16.jsonl", "jsonl", b"\xff\xfe{\x00}\x00").await;
}

async fn foreign(s: &mut Scenario) {
    let time = 1_600_000_000_000_u64;
    let cases: &[(&str, Value)] = &[
        (
            "ooba",
            json!({ "data_visible": [["hi", "hello"], ["", "only bot"], ["only me", ""], [null, "x"]] }),
        ),
        ("ooba empty", json!({ "data_visible": [] })),
        (
            "agnai",
            json!({ "messages": [{ "userId": "u", "msg": "a" }, { "characterId": "c", "msg": "b" }, { "msg": 5 }, {}] }),
        ),
        (
            "kobold",
            json!({ "savedsettings": { "chatname": "You", "chatopponent": "Kob||$||Other" }, "prompt": "Once", "actions": ["{{[INPUT]}}hey", "{{[OUTPUT]}} yo ", "plain"] }),
        ),
        ("kobold bare", json!({ "savedsettings": {}, "actions": [] })),
        ("kobold wrong", json!({ "savedsettings": {}, "actions": "x" })),
        (
            "risu",
            json!({ "type": "risuChat", "data": { "message": [{ "role": "user", "data": "a", "time": time }, { "role": "char", "data": "b", "time": time, "name": "Named" }, { "role": "char" }] } }),
        ),
        ("risu wrong", json!({ "type": "risuChat" })),
        (
            "risu bad time",
            json!({ "type": "risuChat", "data": { "message": [{ "role": "user", "data": "a", "time": "never" }] } }),
        ),
        (
            "cai",
            json!({ "histories": { "histories": [{ "msgs": [{ "src": { "is_human": true }, "text": "t" }] }] } }),
        ),
        ("cai empty", json!({ "histories": {} })),
        ("unknown", json!({ "x": 1 })),
        ("list", json!([])),
    ];
    for (label, value) in cases {
        import(s, label, "json", value.to_string().as_bytes()).await;
    }
    import(s, "broken", "json", b"{").await;
    import(s, "null", "json", b"null").await;
}

async fn refusals(s: &mut Scenario) {
    let fields = |avatar, character, user| {
        let all = [
            ("avatar_url", avatar),
            ("character_name", character),
            ("user_name", user),
        ];
        let given = all.into_iter().filter(|(_, value): &(_, &str)| !value.is_empty());
        [("file_type", "jsonl")]
            .into_iter()
            .chain(given)
            .collect::<Vec<_>>()
    };
    let line = b"{\"user_name\":\"U\"}";
    s.send(upload(IMPORT, None, &fields("Imp.png", "I", "M"))).await;
    for (avatar, character, user) in [
        ("../Imp.png", "I", "M"),
        ("No folder.png", "I", "M"),
        ("", "I", "M"),
        ("Imp.png", "", "M"),
        ("Imp.png", "...", "/"),
    ] {
        s.upload(IMPORT, file("x", line), &fields(avatar, character, user))
            .await;
    }
    s.post(
        IMPORT,
        json!({ "file_type": "jsonl", "avatar_url": "Imp.png", "character_name": "I", "user_name": "M" }),
    )
    .await;
}

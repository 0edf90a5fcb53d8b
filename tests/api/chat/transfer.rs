use serde_json::{Value, json};

use super::talk::{AWKWARD, chat, get, header, names, save, save_raw};
use crate::harness::{Answer, Client, Server, file};

async fn export(client: &Client, name: &str, format: &str) -> Answer {
    let body = json!({ "avatar_url": "Ada.png", "file": name, "format": format, "exportfilename": "out.x", "is_group": false });
    client.post("/api/chats/export", body).await
}

/// Imports into `Ada.png`; answers the new chat's name without its extension.
async fn import(client: &Client, format: &str, bytes: impl Into<Vec<u8>>) -> Answer {
    let fields = [
        ("file_type", format),
        ("avatar_url", "Ada.png"),
        ("character_name", "Ada"),
        ("user_name", "Me"),
    ];
    client
        .upload("/api/chats/import", file("chat", bytes), &fields)
        .await
}

async fn make_folder(client: &Client) {
    assert_eq!(get(client, "").await, "{}");
}

#[tokio::test]
async fn an_export_is_the_files_text() {
    let server = Server::start().await;
    let client = server.client().await;
    save_raw(&client, "talk", AWKWARD).await.expect(200);
    let answer = export(&client, "talk.jsonl", "jsonl").await.expect(200).json();
    assert_eq!(answer["message"], "Chat saved to out.x");
    let lines: Vec<&str> = answer["result"].as_str().unwrap().split('\n').collect();
    assert_eq!(format!("[{}]", lines.join(",")), AWKWARD);
}

#[tokio::test]
async fn an_export_keeps_every_character_there_is() {
    let server = Server::start().await;
    let client = server.client().await;
    // The ends of planes and of private use areas.
    let text: String = "\u{10D800}\u{10DFFF}\u{10E000}\u{10FFFF}\u{E000}\u{FFFD}\u{7F}\u{9F}".into();
    let talk = chat("i", &[&text]);
    save(&client, "talk", &talk).await.expect(200);
    assert_eq!(get(&client, "talk").await, talk.to_string());
    let jsonl = export(&client, "talk.jsonl", "jsonl").await.expect(200).json();
    assert!(jsonl["result"].as_str().unwrap().contains(&text), "{jsonl}");
    let plain = export(&client, "talk.jsonl", "txt").await.expect(200).json();
    assert_eq!(plain["result"], format!("Ada: {text}\n\n"));
}

#[tokio::test]
async fn a_text_export_shows_what_the_user_saw() {
    let server = Server::start().await;
    let client = server.client().await;
    let talk = json!([
        header("i"),
        { "name": "Ada", "mes": "one\r\ntwo" },
        { "name": "Hidden", "mes": "x", "is_system": true },
        { "name": "Me", "mes": "original", "extra": { "display_text": "translated 🦊" } },
        { "name": "Empty", "mes": "" },
        { "mes": "nobody" },
    ]);
    save(&client, "talk", &talk).await.expect(200);
    let answer = export(&client, "talk.jsonl", "txt").await.expect(200).json();
    assert_eq!(
        answer["result"],
        "Ada: one\ntwo\n\nMe: translated 🦊\n\nundefined: nobody\n\n"
    );
}

#[tokio::test]
async fn an_export_of_nothing_is_an_error() {
    let server = Server::start().await;
    let client = server.client().await;
    let absent = export(&client, "absent.jsonl", "jsonl").await.expect(404).json();
    let message = absent["message"].as_str().unwrap();
    assert!(
        message.starts_with("Could not find JSONL file to export. Source chat file: "),
        "{message}"
    );
    for body in [
        json!({}),
        json!({ "file": "", "avatar_url": "Ada.png" }),
        json!({ "file": "talk.jsonl", "is_group": false }),
        json!({ "file": 5, "avatar_url": "Ada.png" }),
        json!({ "file": "talk.jsonl", "avatar_url": "a/b.png" }),
    ] {
        client.post("/api/chats/export", &body).await.expect(400);
    }
}

#[tokio::test]
async fn a_group_chat_is_imported_and_exported_verbatim() {
    let server = Server::start().await;
    let client = server.client().await;
    for text in [
        "{\"chat_metadata\":{}}\r\n{\"mes\":\"crlf\"}\r\n",
        "{\"mes\":1.0}\n\n  {\"mes\" : \"spaced\"}  \nnot json\n",
        "\u{feff}{\"mes\":\"bom\"}",
        "",
        "\n",
        "{\"same\":1}\n{\"same\":1}\n{\"same\":1}",
    ] {
        let answer = client
            .upload("/api/chats/group/import", file("x.jsonl", text), &[])
            .await
            .expect(200)
            .json();
        let id = answer["res"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned();
        let body = json!({ "file": format!("{id}.jsonl"), "format": "jsonl", "exportfilename": "x", "is_group": true });
        let back = client.post("/api/chats/export", body).await.expect(200).json();
        assert_eq!(back["result"], text);
    }
    client
        .post("/api/chats/group/import", json!({}))
        .await
        .expect(400);
}

#[tokio::test]
async fn group_imports_at_once_become_chats_of_their_own() {
    let server = Server::start().await;
    let client = server.client().await;
    let texts: Vec<String> = (0..10).map(|n| format!("{{\"mes\":\"import {n}\"}}")).collect();
    let imports = texts
        .iter()
        .map(|text| client.upload("/api/chats/group/import", file("x", text.as_bytes()), &[]));
    for (text, answer) in texts.iter().zip(futures_util::future::join_all(imports).await) {
        let id = answer.expect(200).json()["res"].clone();
        let chat = client
            .post("/api/chats/group/get", json!({ "id": id }))
            .await
            .expect(200)
            .text();
        assert_eq!(chat, format!("[{text}]"));
    }
}

#[tokio::test]
async fn a_jsonl_chat_is_imported_byte_for_byte() {
    let server = Server::start().await;
    let client = server.client().await;
    make_folder(&client).await;
    let text =
        "{\"user_name\":\"Me\",\"n\":1}\n{\"mes\":\"\\ud800 \u{e9}\",\"x\":1e+21}\n\n{\"mes\":\"last\"}\n";
    let answer = import(&client, "jsonl", text).await.expect(200).json();
    let name = answer["fileNames"][0].as_str().unwrap();
    assert_eq!(answer, json!({ "res": true, "fileNames": [name] }));
    assert!(
        name.starts_with("Ada - 20") && name.ends_with(" imported.jsonl"),
        "{name}"
    );
    let back = export(&client, name, "jsonl").await.expect(200);
    assert!(back.text().contains(r"\\ud800"), "{}", back.text());
    assert_eq!(back.json()["result"], text);
    assert_eq!(names(&client).await, [name]);
}

#[tokio::test]
async fn chats_of_other_programs_become_messages() {
    let server = Server::start().await;
    let client = server.client().await;
    make_folder(&client).await;
    let cases = [
        ("jsonl", "{\"user_name\":\"x\",\"name\":\"y\"}\n{\"name\":\"Ada\",\"mes\":{\"message\":\"chub\"},\"swipes\":[{\"message\":\"chub\"}]}".to_owned(),
         vec![("Ada", "chub")]),
        ("json", json!({ "data_visible": [["hello", "hi"], ["", "again"]] }).to_string(),
         vec![("Me", "hello"), ("Ada", "hi"), ("Ada", "again")]),
        ("json", json!({ "messages": [{ "userId": "u", "msg": "q" }, { "msg": "a" }] }).to_string(),
         vec![("Me", "q"), ("Ada", "a")]),
        ("json", json!({ "type": "risuChat", "data": { "message": [{ "role": "user", "data": "r" }, { "role": "char", "data": "s" }] } }).to_string(),
         vec![("Me", "r"), ("Ada", "s")]),
        ("json", json!({ "savedsettings": { "chatname": "K", "chatopponent": "L||$||M" }, "prompt": "p",
                         "actions": ["{{[INPUT]}}i{{[OUTPUT]}}", "o"] }).to_string(),
         vec![("L", "p"), ("K", "i"), ("L", "o")]),
    ];
    for (format, text, expected) in cases {
        let answer = import(&client, format, text.clone()).await.expect(200).json();
        let name = answer["fileNames"][0]
            .as_str()
            .unwrap_or_else(|| panic!("{text}: {answer}"))
            .to_owned();
        let lines: Value =
            serde_json::from_str(&get(&client, name.trim_end_matches(".jsonl")).await).unwrap();
        let seen: Vec<_> = lines.as_array().unwrap()[1..]
            .iter()
            .map(|line| (line["name"].as_str().unwrap(), line["mes"].as_str().unwrap()))
            .collect();
        assert_eq!(seen, expected, "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_imported_says_so_and_stores_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    let good = "{\"user_name\":\"x\"}\n{\"mes\":\"y\"}";
    assert_eq!(
        import(&client, "jsonl", good).await.expect(200).json(),
        json!({ "error": true }),
        "no chat folder"
    );
    make_folder(&client).await;
    for (format, text) in [
        ("json", "not json"),
        ("json", "{}"),
        ("json", "null"),
        ("json", "{\"histories\":{\"histories\":[{}]}}"),
        ("json", "{\"savedsettings\":{}}"),
        ("jsonl", "not json"),
        ("jsonl", "{}"),
        ("jsonl", ""),
        ("jsonl", "[1]\n{}"),
    ] {
        let answer = import(&client, format, text).await.expect(200);
        assert_eq!(answer.json(), json!({ "error": true }), "{format}: {text}");
    }
    import(&client, "txt", good).await.expect(400);
    let fields = [
        ("file_type", "jsonl"),
        ("avatar_url", "a/b.png"),
        ("character_name", "Ada"),
        ("user_name", "Me"),
    ];
    client
        .upload("/api/chats/import", file("x", good), &fields)
        .await
        .expect(400);
    let body =
        json!({ "file_type": "jsonl", "avatar_url": "Ada.png", "character_name": "Ada", "user_name": "Me" });
    client.post("/api/chats/import", body).await.expect(400);
    assert_eq!(names(&client).await, Vec::<String>::new());
    assert_eq!(server.count("SELECT count(*) FROM chats").await, 0);
}

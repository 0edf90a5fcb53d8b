//! Cards of other programs and other installs.

use serde_json::json;

use super::characters::{avatars, card, get, import, stored_card};
use crate::api::cards;
use crate::harness::{Server, file};

#[tokio::test]
async fn a_png_is_imported_with_everything_in_it() {
    let server = Server::start().await;
    let client = server.client().await;
    assert_eq!(import(&client, "Ada").await, "Ada");
    let ada = get(&client, "Ada.png").await.expect(200).json();
    assert_eq!(ada["data"]["description"], "line\r\nline 🦊 e\u{301}");
    assert_eq!(ada["data"]["extensions"]["mine"], json!({ "deep": [null] }));
    assert_eq!(ada["unknown"].to_string(), r#"{"z":1,"a":[1e+21]}"#);
    assert_eq!(
        (&ada["fav"], &ada["data"]["extensions"]["fav"]),
        (&json!(false), &json!(false)),
        "private fields go"
    );
    assert_ne!(ada["chat"], "private");
    assert_eq!(ada["data_size"].as_u64().map(|size| size > 30), Some(true));
    let served = client.get("/characters/Ada.png").await.expect(200);
    assert_eq!(served.headers["content-type"], "image/png");
    let picture = image::load_from_memory(&served.body).expect("a picture");
    assert_eq!((picture.width(), picture.height()), (6, 4));
    let stored = stored_card(&client, "Ada.png").await;
    assert_eq!(
        (&stored["spec"], &stored["spec_version"]),
        (&json!("chara_card_v3"), &json!("3.0"))
    );
}

#[tokio::test]
async fn lone_surrogates_and_nul_survive_an_import() {
    let server = Server::start().await;
    let client = server.client().await;
    let text = r#"{"spec":"chara_card_v2","spec_version":"2.0","name":"Odd","data":{"name":"Odd","description":"a\ud800b\u0000c","extensions":{"k\udfff":1}}}"#;
    let answer = client
        .upload(
            "/api/characters/import",
            file("x.json", text),
            &[("file_type", "json")],
        )
        .await;
    assert_eq!(answer.expect(200).json(), json!({ "file_name": "Odd" }));
    let seen = get(&client, "Odd.png").await.expect(200).text();
    assert!(seen.contains(r#""description":"a\ud800b\u0000c""#), "{seen}");
    assert!(seen.contains(r#""k\udfff":1"#), "{seen}");
    assert!(
        client
            .post("/api/characters/all", json!({}))
            .await
            .expect(200)
            .text()
            .contains(r"a\ud800b\u0000c")
    );
    let export = json!({ "avatar_url": "Odd.png", "format": "json" });
    assert!(
        client
            .post("/api/characters/export", export)
            .await
            .expect(200)
            .text()
            .contains(r"a\ud800b\u0000c")
    );
}

#[tokio::test]
async fn other_formats_are_imported() {
    let server = Server::start().await;
    let client = server.client().await;
    let v1 = json!({ "name": "V1", "description": "d", "personality": "", "scenario": "", "first_mes": "f",
                     "mes_example": "", "creator_notes": "Creator's notes go here.", "unknown": 1 });
    let pygmalion = json!({ "char_name": "Pyg", "char_persona": "d", "char_greeting": "f" });
    for (format, text, name, description, first) in [
        ("json", v1.to_string(), "V1", "d", "f"),
        ("json", pygmalion.to_string(), "Pyg", "d", "f"),
        (
            "yaml",
            "name: Yam\ncontext: |-\n  d\ngreeting: f\n".to_owned(),
            "Yam",
            "d",
            "f",
        ),
        (
            "yml",
            "name: Yml\ncontext: d\ngreeting: f".to_owned(),
            "Yml",
            "d",
            "f",
        ),
    ] {
        let answer = client
            .upload(
                "/api/characters/import",
                file("x", text),
                &[("file_type", format)],
            )
            .await;
        assert_eq!(answer.expect(200).json(), json!({ "file_name": name }));
        let seen = get(&client, &format!("{name}.png")).await.expect(200).json();
        assert_eq!(
            (&seen["name"], &seen["data"]["name"]),
            (&json!(name), &json!(name))
        );
        assert_eq!(
            (&seen["data"]["description"], &seen["data"]["first_mes"]),
            (&json!(description), &json!(first))
        );
        assert!(seen.get("unknown").is_none());
    }
}

#[tokio::test]
async fn what_is_no_card_is_refused_and_stores_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    let send = |format: &'static str, bytes: Vec<u8>| async {
        client
            .upload(
                "/api/characters/import",
                file("x", bytes),
                &[("file_type", format)],
            )
            .await
    };
    for (format, bytes) in [
        ("png", cards::picture()),
        ("png", b"not a png".to_vec()),
        ("png", Vec::new()),
        (
            "png",
            cards::with_chunk(&cards::picture(), "chara", "no base64 of JSON"),
        ),
        ("json", b"{".to_vec()),
        ("json", b"null".to_vec()),
        ("yaml", b"- a\n- list".to_vec()),
        ("yaml", b": : :".to_vec()),
    ] {
        let answer = send(format, bytes).await.expect(200);
        assert_eq!(answer.json(), json!({ "error": true }), "{format}");
    }
    for (format, bytes) in [
        ("json", &b"{}"[..]),
        ("json", b"[1]"),
        (
            "json",
            b"{\"spec\":\"x\",\"name\":\"?\",\"data\":{\"name\":\"?\"}}",
        ),
    ] {
        send(format, bytes.to_vec()).await.expect(400);
    }
    for format in ["charx", "byaf", "exe", ""] {
        let answer = send(format, b"x".to_vec()).await.expect(200);
        assert_eq!(answer.json(), json!({ "error": true }), "{format}");
    }
    client
        .post("/api/characters/import", json!({ "file_type": "png" }))
        .await
        .expect(400);
    assert_eq!(server.count("SELECT count(*) FROM characters").await, 0);
}

#[tokio::test]
async fn an_import_may_replace_a_card() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    let upload = file("x.png", cards::png(&card("New Ada")));
    let fields = [("file_type", "png"), ("preserved_name", "Ada.png")];
    let answer = client
        .upload("/api/characters/import", upload, &fields)
        .await
        .expect(200);
    assert_eq!(answer.json(), json!({ "file_name": "Ada" }));
    assert_eq!(avatars(&client).await, ["Ada.png"]);
    assert_eq!(get(&client, "Ada.png").await.json()["name"], "New Ada");
}

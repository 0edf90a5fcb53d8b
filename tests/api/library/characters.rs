use serde_json::{Value, json};
use squaretable_compat::png;

use crate::api::cards;
use crate::harness::{Answer, Client, Server, file};

/// A V2 card with texts that re-encoding spoils.
pub fn card(name: &str) -> Value {
    json!({
        "spec": "chara_card_v2", "spec_version": "2.0", "name": name, "unknown": { "z": 1.0, "a": [1e21] }, "fav": true,
        "chat": "private",
        "data": {
            "name": name, "description": "line\r\nline 🦊 e\u{301}", "personality": "p", "scenario": "s",
            "first_mes": "hello", "mes_example": "", "creator_notes": "", "system_prompt": "",
            "post_history_instructions": "", "alternate_greetings": ["x"], "tags": ["one", "two"], "creator": "c",
            "character_version": "1", "extensions": { "fav": true, "mine": { "deep": [null] } },
        },
    })
}

/// Imports a card; answers its internal name.
pub async fn import(client: &Client, name: &str) -> String {
    let upload = file("card.png", cards::png(&card(name)));
    let answer = client
        .upload("/api/characters/import", upload, &[("file_type", "png")])
        .await
        .expect(200)
        .json();
    answer["file_name"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

/// What `characters/get` answers.
pub async fn get(client: &Client, avatar: &str) -> Answer {
    client
        .post("/api/characters/get", json!({ "avatar_url": avatar }))
        .await
}

/// File names of all characters, in the order of the list.
pub async fn avatars(client: &Client) -> Vec<String> {
    let all = client
        .post("/api/characters/all", json!({}))
        .await
        .expect(200)
        .json();
    all.as_array()
        .expect("a list")
        .iter()
        .map(|c| c["avatar"].as_str().expect("a name").to_owned())
        .collect()
}

/// The card text in a served PNG.
pub async fn stored_card(client: &Client, avatar: &str) -> Value {
    let served = client.get(&format!("/characters/{avatar}")).await.expect(200);
    serde_json::from_slice(&png::read_card(&served.body).expect("a card")).expect("JSON")
}

#[tokio::test]
async fn a_form_becomes_a_card_with_a_chat_folder() {
    let server = Server::start().await;
    let client = server.client().await;
    let form = [
        ("ch_name", "Ada"),
        ("description", "first\r\nsecond 🦊"),
        ("tags", "a, b,, c "),
        ("fav", "true"),
        ("talkativeness", "0.7"),
        ("creator_notes", "notes"),
        ("alternate_greetings", "one"),
        ("alternate_greetings", "two"),
        (
            "json_data",
            r#"{"foreign":{"kept":1.0},"json_data":"dropped","data":{"extensions":{"mine":[1]}}}"#,
        ),
        ("extensions", r#"{"world":"","nested":{"x":1}}"#),
        ("depth_prompt_depth", ""),
    ];
    let answer = client
        .upload("/api/characters/create", file("a.png", cards::picture()), &form)
        .await
        .expect(200);
    assert_eq!(answer.text(), "Ada.png");
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    let ada = get(&client, "Ada.png").await.expect(200).json();
    for (pointer, expected) in [
        ("/name", json!("Ada")),
        ("/data/name", json!("Ada")),
        ("/description", json!("first\r\nsecond 🦊")),
        ("/data/description", json!("first\r\nsecond 🦊")),
        ("/tags", json!(["a", "b", "c"])),
        ("/fav", json!(true)),
        ("/talkativeness", json!("0.7")),
        ("/creatorcomment", json!("notes")),
        ("/data/alternate_greetings", json!(["one", "two"])),
        ("/foreign/kept", json!(1)),
        ("/data/extensions/mine", json!([1])),
        ("/data/extensions/nested/x", json!(1)),
        ("/data/extensions/depth_prompt/depth", json!(0)),
        ("/data/extensions/depth_prompt/role", json!("system")),
        ("/avatar", json!("Ada.png")),
        ("/chat_size", json!(0)),
        ("/date_last_chat", json!(0)),
    ] {
        assert_eq!(ada.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert!(ada["json_data"].as_str().unwrap().contains("\"foreign\""));
    assert!(ada["chat"].as_str().unwrap().starts_with("Ada - 20"));
    let chats = client
        .post("/api/characters/chats", json!({ "avatar_url": "Ada.png" }))
        .await
        .expect(200);
    assert_eq!(chats.json(), json!([]));
}

#[tokio::test]
async fn taken_names_get_a_number() {
    let server = Server::start().await;
    let client = server.client().await;
    for expected in ["Ada.png", "Ada1.png", "Ada2.png"] {
        let answer = client
            .post("/api/characters/create", json!({ "ch_name": "Ada" }))
            .await
            .expect(200);
        assert_eq!(answer.text(), expected);
    }
    client
        .post("/api/characters/delete", json!({ "avatar_url": "Ada1.png" }))
        .await
        .expect(200);
    assert_eq!(
        client
            .post("/api/characters/create", json!({ "ch_name": "Ada" }))
            .await
            .text(),
        "Ada1.png"
    );
    assert_eq!(import(&client, "Ada").await, "Ada3");
    assert_eq!(import(&client, "ADA").await, "ADA");
}

#[tokio::test]
async fn concurrent_creations_of_one_name_are_all_kept() {
    let server = Server::start().await;
    let client = server.client().await;
    let create = |n: usize| {
        client.post(
            "/api/characters/create",
            json!({ "ch_name": "Ada", "description": n.to_string() }),
        )
    };
    let answers = futures_util::future::join_all((0..8).map(create)).await;
    let mut names: Vec<String> = answers
        .into_iter()
        .map(|answer| answer.expect(200).text())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 8, "{names:?}");
    assert_eq!(avatars(&client).await.len(), 8);
}

#[tokio::test]
async fn names_are_sanitised() {
    let server = Server::start().await;
    let client = server.client().await;
    let long = "y".repeat(300);
    for (name, avatar) in [
        ("../../etc/passwd", "....etcpasswd.png".to_owned()),
        ("a/b\\c:*?\"<>|", "abc.png".to_owned()),
        ("..", ".png".to_owned()),
        ("con", "1.png".to_owned()),
        ("caf\u{e9}", "caf\u{e9}.png".to_owned()),
        ("cafe\u{301}", "cafe\u{301}.png".to_owned()),
        ("🦊 100%", "🦊 100%.png".to_owned()),
        ("dots. .", "dots.png".to_owned()),
        (&long, format!("{}.png", "y".repeat(255))),
    ] {
        let answer = client
            .post("/api/characters/create", json!({ "ch_name": name }))
            .await
            .expect(200);
        assert_eq!(answer.text(), avatar, "{name}");
        assert_eq!(
            get(&client, &avatar).await.expect(200).json()["avatar"],
            avatar.as_str()
        );
    }
    for body in [json!({}), json!({ "ch_name": 5 }), json!({ "ch_name": null })] {
        client.post("/api/characters/create", body).await.expect(500);
    }
    for given in ["a/b", "../x", "x\u{0}"] {
        let body = json!({ "ch_name": "Ada", "file_name": given });
        client.post("/api/characters/create", body).await.expect(400);
    }
    assert_eq!(server.count("SELECT count(*) FROM characters").await, 9);
}

#[tokio::test]
async fn a_given_file_name_is_taken_and_replaces() {
    let server = Server::start().await;
    let client = server.client().await;
    for name in ["One", "Two"] {
        let body = json!({ "ch_name": name, "file_name": "Fixed name" });
        assert_eq!(
            client
                .post("/api/characters/create", body)
                .await
                .expect(200)
                .text(),
            "Fixed name.png"
        );
    }
    assert_eq!(avatars(&client).await, ["Fixed name.png"]);
    assert_eq!(get(&client, "Fixed name.png").await.json()["name"], "Two");
}

#[tokio::test]
async fn the_list_is_in_byte_order_and_knows_of_chats() {
    let server = Server::start().await;
    let client = server.client().await;
    for name in ["b", "a", "é", "B", "10", "9"] {
        import(&client, name).await;
    }
    assert_eq!(
        avatars(&client).await,
        ["10.png", "9.png", "B.png", "a.png", "b.png", "é.png"]
    );
    let chat = json!({ "avatar_url": "a.png", "file_name": "t", "chat": [{ "mes": "12345" }] });
    client.post("/api/chats/save", chat).await.expect(200);
    let all = client
        .post("/api/characters/all", json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(all[3]["chat_size"], 15);
    assert!(all[3]["date_last_chat"].as_f64().unwrap() > 1.7e12);
    assert_eq!(
        (&all[4]["chat_size"], &all[4]["date_last_chat"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(all[3], get(&client, "a.png").await.json());
}

#[tokio::test]
async fn the_short_list_has_what_the_gallery_shows() {
    let mut options = crate::harness::Options::default();
    options.config.content.lazy_load_characters = true;
    let server = Server::with(options).await;
    let client = server.client().await;
    import(&client, "Ada").await;
    let all = client
        .post("/api/characters/all", json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&all[0]["shallow"], &all[0]["name"], &all[0]["avatar"]),
        (&json!(true), &json!("Ada"), &json!("Ada.png"))
    );
    assert_eq!(all[0]["data"]["tags"], json!(["one", "two"]));
    assert!(all[0]["data"].get("description").is_none() && all[0].get("json_data").is_none());
    assert!(get(&client, "Ada.png").await.json().get("shallow").is_none());
}

#[tokio::test]
async fn reading_a_card_checks_its_name() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    for (body, status) in [
        (json!({ "avatar_url": "absent.png" }), 404),
        (json!({ "avatar_url": "ada.png" }), 404),
        (json!({ "avatar_url": "../characters/Ada.png" }), 400),
        (json!({ "avatar_url": "Ada.png\u{0}" }), 400),
        (json!({}), 500),
        (json!({ "avatar_url": 5 }), 500),
    ] {
        let answer = client.post("/api/characters/get", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
}

#[tokio::test]
async fn exports_are_public() {
    let server = Server::start().await;
    let client = server.client().await;
    let form = [("ch_name", "Ada 🦊"), ("fav", "true"), ("description", "d")];
    client
        .upload("/api/characters/create", file("a.png", cards::picture()), &form)
        .await
        .expect(200);
    let export = |format: &str| {
        client.post(
            "/api/characters/export",
            json!({ "avatar_url": "Ada 🦊.png", "format": format }),
        )
    };
    let answer = export("json").await.expect(200);
    let text = answer.text();
    assert!(text.starts_with("{\n    \""), "{text}");
    let card = answer.json();
    assert_eq!(
        (&card["fav"], &card["data"]["extensions"]["fav"]),
        (&json!(false), &json!(false))
    );
    assert!(card.get("chat").is_none() && card.get("json_data").is_none());
    let answer = export("png").await.expect(200);
    assert_eq!(answer.headers["content-type"], "image/png");
    assert_eq!(
        answer.headers["content-disposition"],
        "attachment; filename=\"Ada%20%F0%9F%A6%8A.png\""
    );
    let card: Value = serde_json::from_slice(&png::read_card(&answer.body).unwrap()).unwrap();
    assert_eq!((&card["fav"], card.get("chat")), (&json!(false), None));
    assert_eq!(
        get(&client, "Ada 🦊.png").await.json()["fav"],
        true,
        "the card itself stays as it is"
    );
    export("webp").await.expect(400);
    for (body, status) in [
        (json!({ "avatar_url": "Ada 🦊.png" }), 400),
        (json!({ "format": "png" }), 400),
        (json!({ "avatar_url": "x/y.png", "format": "png" }), 400),
        (json!({ "avatar_url": "absent.png", "format": "png" }), 404),
    ] {
        client.post("/api/characters/export", &body).await.expect(status);
    }
}

//! Changing characters.

use serde_json::{Value, json};

use super::characters::{avatars, card, get, import, stored_card};
use crate::api::cards;
use crate::harness::{Server, file};

#[tokio::test]
async fn an_edit_replaces_the_card_and_keeps_the_picture() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    let json_data = get(&client, "Ada.png").await.json()["json_data"]
        .as_str()
        .unwrap()
        .to_owned();
    let edit = json!({
        "avatar_url": "Ada.png", "ch_name": "Ada L.", "description": "new", "json_data": json_data,
        "chat": "my chat", "create_date": "2020-01-01T00:00:00.000Z", "fav": "false",
    });
    assert_eq!(
        client.post("/api/characters/edit", edit).await.expect(200).text(),
        "OK"
    );
    let ada = get(&client, "Ada.png").await.expect(200).json();
    for (pointer, expected) in [
        ("/name", "Ada L."),
        ("/data/description", "new"),
        ("/chat", "my chat"),
        ("/create_date", "2020-01-01T00:00:00.000Z"),
    ] {
        assert_eq!(
            ada.pointer(pointer).and_then(Value::as_str),
            Some(expected),
            "{pointer}"
        );
    }
    assert_eq!(
        ada["unknown"]["a"].to_string(),
        "[1e+21]",
        "foreign keys travel in json_data"
    );
    assert_eq!(ada["data"]["extensions"]["mine"], json!({ "deep": [null] }));
    let picture = image::load_from_memory(&client.get("/characters/Ada.png").await.expect(200).body).unwrap();
    assert_eq!((picture.width(), picture.height()), (6, 4));
    assert_eq!(avatars(&client).await, ["Ada.png"]);
}

#[tokio::test]
async fn edits_that_are_none_change_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    let before = get(&client, "Ada.png").await.text();
    for route in ["edit", "edit-attribute"] {
        for name in [json!(""), json!(".")] {
            let body = json!({ "avatar_url": "Ada.png", "ch_name": name, "field": "name", "value": "x" });
            let answer = client
                .post(&format!("/api/characters/{route}"), body)
                .await
                .expect(400);
            assert_eq!(answer.text(), "Error: invalid name.");
        }
        let body = json!({ "avatar_url": "Ada.png" });
        assert_eq!(
            client
                .post(&format!("/api/characters/{route}"), body)
                .await
                .expect(400)
                .text(),
            "Error: invalid name."
        );
        let body = json!({ "avatar_url": "x/Ada.png", "ch_name": "x" });
        client
            .post(&format!("/api/characters/{route}"), body)
            .await
            .expect(400);
        let body = json!({ "ch_name": "x", "field": "name", "value": "y" });
        let code = if route == "edit" { 400 } else { 500 };
        client
            .post(&format!("/api/characters/{route}"), body)
            .await
            .expect(code);
    }
    assert_eq!(get(&client, "Ada.png").await.text(), before);
}

#[tokio::test]
async fn fields_and_pictures_that_are_none_change_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    let before = get(&client, "Ada.png").await.text();
    for (field, sentence) in [
        ("json_data", "Error: cannot edit json_data field."),
        ("nonsense", "Error: invalid field."),
    ] {
        let body = json!({ "avatar_url": "Ada.png", "ch_name": "Ada", "field": field, "value": "x" });
        assert_eq!(
            client
                .post("/api/characters/edit-attribute", body)
                .await
                .expect(400)
                .text(),
            sentence
        );
    }
    let upload = || file("x.png", cards::picture());
    let answer = client
        .post("/api/characters/edit-avatar", json!({ "avatar_url": "Ada.png" }))
        .await
        .expect(400);
    assert_eq!(answer.text(), "Error: no file uploaded");
    let answer = client
        .upload("/api/characters/edit-avatar", upload(), &[])
        .await
        .expect(400);
    assert_eq!(answer.text(), "Error: no avatar_url in request body");
    let fields = [("avatar_url", "absent.png")];
    let answer = client
        .upload("/api/characters/edit-avatar", upload(), &fields)
        .await
        .expect(400);
    assert_eq!(answer.text(), "Error: character file does not exist");
    assert_eq!(get(&client, "Ada.png").await.text(), before);
}

#[tokio::test]
async fn an_attribute_is_set_in_both_places() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    let body =
        json!({ "avatar_url": "Ada.png", "ch_name": "Ada", "field": "description", "value": "v 🦊\r\n" });
    assert_eq!(
        client
            .post("/api/characters/edit-attribute", body)
            .await
            .expect(200)
            .text(),
        "OK"
    );
    let stored = stored_card(&client, "Ada.png").await;
    assert_eq!(
        (&stored["description"], &stored["data"]["description"]),
        (&json!("v 🦊\r\n"), &json!("v 🦊\r\n"))
    );
    assert_eq!(stored["unknown"]["z"], 1);
}

#[tokio::test]
async fn another_picture_keeps_the_card() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    let before = stored_card(&client, "Ada.png").await;
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(9, 7)
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    let upload = file("x.png", bytes.into_inner());
    let answer = client
        .upload(
            "/api/characters/edit-avatar",
            upload,
            &[("avatar_url", "Ada.png")],
        )
        .await;
    assert_eq!(answer.expect(200).text(), "OK");
    let served = client.get("/characters/Ada.png").await.expect(200);
    let picture = image::load_from_memory(&served.body).unwrap();
    assert_eq!((picture.width(), picture.height()), (9, 7));
    assert_eq!(stored_card(&client, "Ada.png").await, before);
}

#[tokio::test]
async fn attributes_are_merged_deeply_and_only_into_valid_cards() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    let merge = |body: Value| client.post("/api/characters/merge-attributes", body);
    let update = json!({
        "avatar": "Ada.png", "data": { "tags": ["new"], "extensions": { "mine": { "more": 1 } } },
        "unknown": { "z": "__@@UNSET@@__" },
    });
    assert_eq!(merge(update).await.expect(200).text(), "OK");
    let ada = stored_card(&client, "Ada.png").await;
    assert_eq!(ada["data"]["tags"], json!(["new"]));
    assert_eq!(
        ada["data"]["extensions"]["mine"],
        json!({ "deep": [null], "more": 1 })
    );
    assert!(ada["unknown"].get("z").is_none());
    let invalid = merge(json!({ "avatar": "Ada.png", "spec": "nonsense", "name": "__@@UNSET@@__" })).await;
    assert_eq!(
        invalid.expect(400).json(),
        json!({ "message": "Validation failed for Ada.png", "error": "spec" })
    );
    let absent = merge(json!({ "avatar": "absent.png", "name": "x" }))
        .await
        .expect(500)
        .json();
    assert_eq!(absent["message"], "Unexpected error while saving character.");
    assert!(
        absent["error"].as_str().unwrap().starts_with("Error: ENOENT"),
        "{absent}"
    );
    merge(json!({ "avatar": "x/y.png" })).await.expect(400);
    merge(json!({})).await.expect(500);
    assert_eq!(stored_card(&client, "Ada.png").await, ada);
}

#[tokio::test]
async fn many_cards_are_merged_at_once() {
    let server = Server::start().await;
    let client = server.client().await;
    for name in ["Ada", "Bob", "Cy"] {
        import(&client, name).await;
    }
    let merge = |body: Value| client.post("/api/characters/merge-attributes", body);
    merge(json!({ "avatar": "Bob.png", "data": { "extensions": { "marked": null } } }))
        .await
        .expect(200);
    let body = json!({ "avatars": ["Ada.png", "absent.png"], "data": { "data": { "creator": "me" } } });
    let answer = merge(body).await.expect(200).json();
    assert_eq!(
        answer,
        json!({ "updated": ["Ada.png"], "skipped": [], "failed": ["absent.png"] })
    );
    let body = json!({ "avatars": [], "data": { "data": { "creator": "all" } }, "filter": { "path": "data.extensions.marked" } });
    let answer = merge(body).await.expect(200).json();
    assert_eq!(
        answer,
        json!({ "updated": ["Bob.png"], "skipped": ["Ada.png", "Cy.png"], "failed": [] })
    );
    let creators = [("Ada.png", "me"), ("Bob.png", "all"), ("Cy.png", "c")];
    for (avatar, creator) in creators {
        assert_eq!(stored_card(&client, avatar).await["data"]["creator"], creator);
    }
    for (avatars, name) in [
        (json!(["x/y.png"]), "x/y.png"),
        (json!(["Ada.jpg"]), "Ada.jpg"),
        (json!([5]), "5"),
    ] {
        let answer = merge(json!({ "avatars": avatars, "data": {} }))
            .await
            .expect(400)
            .json();
        assert_eq!(
            answer,
            json!({ "message": format!("Invalid avatar filename: {name}") })
        );
    }
    for data in [json!(null), json!([]), json!("x")] {
        let answer = merge(json!({ "avatars": ["Ada.png"], "data": data }))
            .await
            .expect(400)
            .json();
        assert_eq!(answer, json!({ "message": "No valid update data provided." }));
    }
}

#[tokio::test]
async fn a_linked_world_is_copied_into_the_card() {
    let server = Server::start().await;
    let client = server.client().await;
    let world = json!({ "entries": { "0": { "uid": 0, "key": ["k"], "keysecondary": [], "comment": "c", "content": "lore",
        "constant": false, "selective": true, "order": 7, "position": 0, "disable": false } } });
    client
        .post("/api/worldinfo/edit", json!({ "name": "Lore", "data": world }))
        .await
        .expect(200);
    client
        .post(
            "/api/characters/create",
            json!({ "ch_name": "Ada", "world": "Lore" }),
        )
        .await
        .expect(200);
    let book = stored_card(&client, "Ada.png").await["data"]["character_book"].clone();
    assert_eq!(
        (&book["name"], &book["entries"][0]["content"]),
        (&json!("Lore"), &json!("lore"))
    );
    assert_eq!(
        (
            &book["entries"][0]["insertion_order"],
            &book["entries"][0]["position"]
        ),
        (&json!(7), &json!("before_char"))
    );
    client
        .post(
            "/api/characters/create",
            json!({ "ch_name": "Bob", "world": "absent" }),
        )
        .await
        .expect(200);
    let bob = stored_card(&client, "Bob.png").await;
    assert_eq!(
        (
            &bob["data"]["extensions"]["world"],
            bob["data"].get("character_book")
        ),
        (&json!("absent"), None)
    );
}

#[tokio::test]
async fn concurrent_merges_of_one_card_are_all_kept() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    let merges = (0..10).map(|n| {
        let mark = Value::Object(serde_json::Map::from_iter([(format!("mark{n}"), json!(n))]));
        client.post(
            "/api/characters/merge-attributes",
            json!({ "avatar": "Ada.png", "data": { "extensions": mark } }),
        )
    });
    for answer in futures_util::future::join_all(merges).await {
        answer.expect(200);
    }
    let ada = stored_card(&client, "Ada.png").await;
    for n in 0..10 {
        assert_eq!(ada["data"]["extensions"][format!("mark{n}")], n);
    }
    assert_eq!(ada["data"]["tags"], card("Ada")["data"]["tags"]);
}

#[tokio::test]
async fn an_edit_names_a_card_or_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    import(&client, "Ada").await;
    for avatar in [
        json!(null),
        json!(5),
        json!(["Ada.png"]),
        json!({ "toString": 1 }),
    ] {
        let body = json!({ "avatar_url": avatar, "ch_name": "X" });
        client.post("/api/characters/edit", body).await.expect(400);
    }
    assert_eq!(avatars(&client).await, ["Ada.png"]);
    let body = json!({ "avatar_url": "🦊", "ch_name": "Fox" });
    client.post("/api/characters/edit", body).await.expect(200);
    assert_eq!(avatars(&client).await, ["Ada.png", "🦊.png"], "a card is a PNG");
}

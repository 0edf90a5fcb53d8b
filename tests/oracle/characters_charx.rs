//! Importing CharX archives: the card, its picture, sprites, backgrounds and gallery.

use image::ImageFormat;
use serde_json::{Value, json};

use super::characters_archives::{IMPORT, deflated, import, look};
use super::dsl::file;
use super::fixtures::{card, encode, long_name, picture, png, zip};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_characters_charx() {
    let mut s = Scenario::start("characters_charx", "").await;
    assets(&mut s).await;
    kinds(&mut s).await;
    icons(&mut s).await;
    replacing(&mut s).await;
    odd_cards(&mut s).await;
    s.finish();
}

/// `card.json` with these assets.
pub fn charx_card(name: &str, assets: &Value) -> String {
    json!({
        "spec": "chara_card_v3", "spec_version": "3.0", "name": "top", "fav": true, "chat": "private",
        "data": { "name": name, "description": "d", "first_mes": "f", "assets": assets, "extensions": { "fav": true },
                  "character_book": { "entries": [{ "keys": ["k"], "content": "c", "enabled": true }], "extensions": {} } },
    })
    .to_string()
}

/// An asset that is a PNG.
pub fn asset(kind: &str, name: &str, path: &str) -> Value {
    json!({ "type": kind, "name": name, "uri": format!("embeded://{path}"), "ext": "png" })
}

async fn charx(s: &mut Scenario, name: &str, assets: Value, files: &[(&str, &[u8])]) {
    let text = charx_card(name, &assets);
    let mut entries: Vec<(&str, &[u8])> = vec![("card.json", text.as_bytes())];
    entries.extend(files);
    import(s, &format!("{name}.charx"), "charx", &deflated(&entries), &[]).await;
}

/// Assets of every kind, and some that are none.
fn every_asset() -> Value {
    json!([
        asset("icon", "main", "assets/main.png"),
        asset("emotion", "Very Happy", "assets/joy.png"),
        asset("EXPRESSION", "sad.png", "assets/joy.png"),
        asset("emotion", "Very-Happy!", "assets/main.png"),
        asset("background", "Room 1", "assets/room.png"),
        asset("background", "Room_1.jpg", "assets/room.png"),
        asset("x-art", "Art #1", "assets/art.png"),
        asset("", "", "assets/art.png"),
        asset("other", "con", "assets/art.png"),
        asset("other", "émoji 🦊", "assets/art.png"),
        asset("other", "🦊", "assets/art.png"),
        asset("other", "a.b.c", "assets/art.png"),
        asset("emotion", "-x-", "assets/joy.png"),
        asset("user_icon", "me", "assets/art.png"),
        { "type": "emotion", "name": 5, "uri": "embeded://assets/joy.png", "ext": null },
        { "type": 7, "name": "seven", "uri": " EMBEDED://./assets//x/../art.png ", "ext": " .PNG " },
        { "type": "other", "name": "one", "uri": "embedded://assets\\art.png" },
        { "type": "other", "name": "two", "uri": "__asset:assets/art.png", "ext": "jpg" },
        { "type": "other", "name": "three", "uri": "/assets/art.png", "ext": "png" },
        { "type": "other", "name": "four", "uri": "embeded:///assets/art.png", "ext": "png" },
        { "type": "other", "name": "five", "uri": "embeded://../assets/art.png", "ext": "png" },
        { "type": "other", "name": "six", "uri": "embeded://", "ext": "png" },
        { "type": "other", "name": "far", "uri": "https://example.invalid/a.png", "ext": "png" },
        { "type": "other", "name": "data", "uri": "data:image/png;base64,AAAA", "ext": "png" },
        { "type": "other", "name": "lost", "uri": "embeded://assets/none.png", "ext": "png" },
        { "type": "x-music", "name": "tune", "uri": "embeded://assets/tune.mp3", "ext": "mp3" },
        { "type": "other", "uri": 5 }, {}, "text", 5, null, [], true
    ])
}

async fn assets(s: &mut Scenario) {
    let (red, blue) = (png(10, 10), png(20, 20));
    let files: [(&str, &[u8]); 5] = [
        ("assets/joy.png", &red),
        ("assets/main.png", &blue),
        ("assets/room.png", &red),
        ("assets\\art.png", &blue),
        ("assets/tune.mp3", b"ID3"),
    ];
    charx(s, "All assets", every_asset(), &files).await;
    s.post("/api/images/folders", json!({})).await;
    look(
        s,
        "All assets",
        &[
            "/characters/All%20assets/very-happy.png",
            "/characters/All%20assets/sad.png",
            "/characters/All%20assets/x.png",
            "/characters/All%20assets/sprite-14.png",
            "/characters/All%20assets/backgrounds/room_1.png",
            "/characters/All%20assets/backgrounds/room_1.jpg",
            "/user/images/All%20assets/art_1.png",
            "/user/images/All%20assets/misc-7.png",
            "/user/images/All%20assets/misc-8.png",
            "/user/images/All%20assets/misc-10.png",
            "/user/images/All%20assets/moji.png",
            "/user/images/All%20assets/a_b_c.png",
            "/user/images/All%20assets/one.png",
            "/user/images/All%20assets/two.jpg",
            "/user/images/All%20assets/seven.png",
            "/user/images/All%20assets/tune.mp3",
        ],
    )
    .await;
}

/// Pictures of every type, as assets and as the icon.
async fn kinds(s: &mut Scenario) {
    for (ext, bytes) in [
        ("png", png(12, 16)),
        ("jpg", picture(12, 16, ImageFormat::Jpeg)),
        ("jfif", picture(12, 16, ImageFormat::Jpeg)),
        ("gif", picture(12, 16, ImageFormat::Gif)),
        ("bmp", picture(12, 16, ImageFormat::Bmp)),
        ("webp", picture(12, 16, ImageFormat::WebP)),
        ("avif", b"no picture".to_vec()),
        ("apng", Vec::new()),
        ("svg", b"<svg/>".to_vec()),
    ] {
        let (name, path) = (format!("Kind {ext}"), format!("a.{ext}"));
        let uri = format!("embeded://{path}");
        let list = json!([{ "type": "icon", "uri": uri, "ext": ext }, { "type": "emotion", "name": "e", "uri": uri },
                          { "type": "x", "name": "g", "uri": uri }]);
        charx(s, &name, list, &[(&path, &bytes)]).await;
        let sprite = format!("/characters/{}/e.{ext}", encode(&name));
        look(
            s,
            &name,
            &[&sprite, &format!("/user/images/{}/g.{ext}", encode(&name))],
        )
        .await;
    }
}

async fn icons(s: &mut Scenario) {
    let (one, two) = (png(10, 14), png(14, 10));
    let files: [(&str, &[u8]); 3] = [("one.png", &one), ("two.png", &two), ("bad.png", b"no picture")];
    for (name, list) in [
        (
            "Main last",
            json!([asset("icon", "x", "one.png"), asset("icon", "MAIN", "two.png")]),
        ),
        (
            "No main",
            json!([asset("icon", "x", "one.png"), asset("ICON", "y", "two.png")]),
        ),
        (
            "Main lost",
            json!([asset("icon", "x", "one.png"), asset("icon", "main", "none.png")]),
        ),
        ("Bad icon", json!([asset("icon", "main", "bad.png")])),
        ("No assets", json!([])),
        ("Assets text", json!("text")),
    ] {
        charx(s, name, list, &files).await;
    }
    let carrying = card(&[("chara", r#"{"name":"inner"}"#)]);
    charx(
        s,
        "Icon is a card",
        json!([asset("icon", "main", "c.png")]),
        &[("c.png", &carrying)],
    )
    .await;
}

async fn replacing(s: &mut Scenario) {
    let (one, two) = (png(10, 10), png(20, 20));
    let first = json!([
        asset("emotion", "joy", "a"),
        asset("background", "room", "a"),
        asset("x", "art", "a"),
        asset("x", "old", "a")
    ]);
    charx(s, "Again", first, &[("a", &one)]).await;
    let gif = picture(8, 8, ImageFormat::Gif);
    let second = json!([
        { "type": "emotion", "name": "joy", "uri": "embeded://a", "ext": "gif" },
        { "type": "background", "name": "room", "uri": "embeded://a", "ext": "gif" },
        { "type": "x", "name": "art", "uri": "embeded://a", "ext": "gif" },
        asset("x", "old", "b"), asset("icon", "main", "b")
    ]);
    let paths = [
        "/characters/Again/joy.png",
        "/characters/Again/joy.gif",
        "/characters/Again/backgrounds/room.png",
        "/characters/Again/backgrounds/room.gif",
        "/user/images/Again/art.png",
        "/user/images/Again/art.gif",
        "/user/images/Again/old.png",
    ];
    look(s, "Again", &paths).await;
    charx(s, "Again", second.clone(), &[("a", &gif), ("b", &two)]).await;
    look(s, "Again", &paths).await;
    let text = charx_card("New name", &second);
    let archive = deflated(&[("card.json", text.as_bytes()), ("a", &gif), ("b", &two)]);
    for preserved in ["Again.png", "a/../Again1.png", "Fresh", "", "/"] {
        import(s, "p.charx", "charx", &archive, &[("preserved_name", preserved)]).await;
    }
    look(s, "New name", &["/characters/New%20name/joy.gif"]).await;
    s.post("/api/characters/all", json!({})).await;
}

async fn odd_cards(s: &mut Scenario) {
    let picture = png(10, 10);
    for text in [
        "{",
        "",
        "null",
        "5",
        "[]",
        r#"{"name":"x"}"#,
        r#"{"spec":null,"name":"Spec null"}"#,
        r#"{"spec":"x","name":"No data"}"#,
        r#"{"spec":"x","name":5}"#,
        r#"{"spec":"x","data":{}}"#,
        r#"{"spec":"x","name":"Top","data":{"name":""}}"#,
        r#"{"spec":"x","name":"Top 2","data":{"assets":[{"type":"emotion","name":"a","uri":"embeded://a.png"}]}}"#,
        r#"{"spec":"x","data":{"name":"A/b: c?","assets":[{"type":"emotion","name":"a","uri":"embeded://a.png"}]}}"#,
        r#"{"spec":"x","data":{"name":"Em🦊 e\u0301","assets":[{"type":"emotion","name":"a","uri":"embeded://a.png"}]}}"#,
        "\u{feff}{\"spec\":\"x\",\"name\":\"Marked\"}",
    ] {
        let archive = zip(&[("card.json", text.as_bytes()), ("a.png", &picture)]);
        import(
            s,
            &format!("odd {text}").replace(['"', '\u{feff}'], ""),
            "charx",
            &archive,
            &[],
        )
        .await;
    }
    look(s, "Top 2", &[]).await;
    look(s, "Ab c", &["/characters/Ab%20c/a.png"]).await;
    look(s, "Em🦊 e\u{301}", &[]).await;
    let long = charx_card(&long_name(), &json!([]));
    let archive = zip(&[("card.json", long.as_bytes())]);
    s.upload(IMPORT, file("long.charx", &archive), &[("file_type", "charx")])
        .await;
}

//! `/api/characters`: creating, editing and listing cards.

use serde_json::{Value, json};

use super::dsl::{call, file, upload};
use super::fixtures::{NAMES, long_name, picture, png, png_with};
use super::scenario::Scenario;
use image::ImageFormat;

pub(super) const ALL: &str = "/api/characters/all";
pub(super) const GET: &str = "/api/characters/get";

pub(super) fn avatar(name: &str) -> Value {
    json!({ "avatar_url": name })
}

#[tokio::test]
async fn oracle_characters() {
    let mut s = Scenario::start("characters", "").await;
    reading(&mut s).await;
    creating(&mut s).await;
    odd_names(&mut s).await;
    editing(&mut s).await;
    avatars(&mut s).await;
    attributes(&mut s).await;
    s.post(ALL, json!({})).await;
    s.finish();
}

#[tokio::test]
async fn oracle_characters_shallow() {
    let mut s = Scenario::start("characters_shallow", "performance:\n  lazyLoadCharacters: true\n").await;
    s.post(
        "/api/characters/create",
        json!({ "ch_name": "Lazy", "tags": "a,b", "fav": "true", "world": "Eldoria", "creator_notes": "n" }),
    )
    .await;
    s.post(ALL, json!({})).await;
    s.post(GET, avatar("Lazy.png")).await;
    s.finish();
}

async fn reading(s: &mut Scenario) {
    s.post(ALL, json!({})).await;
    s.send(call("POST", ALL)).await;
    s.post(GET, avatar("default_Seraphina.png")).await;
    for name in [
        "none.png",
        "../x.png",
        "a\u{0}b.png",
        "",
        ".",
        "default_Seraphina",
        "DEFAULT_SERAPHINA.PNG",
    ] {
        s.post(GET, avatar(name)).await;
    }
    for body in [
        json!({}),
        json!({ "avatar_url": null }),
        json!({ "avatar_url": 5 }),
        json!({ "avatar_url": ["default_Seraphina.png"] }),
    ] {
        s.post(GET, body).await;
    }
    for body in [
        avatar("default_Seraphina.png"),
        avatar("none.png"),
        avatar("../x"),
        json!({}),
        json!({ "avatar_url": 7 }),
        json!({ "avatar_url": "default_Seraphina.png", "simple": true }),
    ] {
        s.post("/api/characters/chats", body).await;
    }
}

async fn creating(s: &mut Scenario) {
    let create = "/api/characters/create";
    s.post(create, json!({ "ch_name": "Plain" })).await;
    s.post(GET, avatar("Plain.png")).await;
    let fields = [
        ("ch_name", "Full Ünï 🦊"),
        ("description", "Line 1\r\nLine 2"),
        ("personality", "calm"),
        ("scenario", "here"),
        ("first_mes", "Hello {{user}}"),
        ("mes_example", "<START>\n{{char}}: hi"),
        ("creator_notes", "notes"),
        ("system_prompt", "sys"),
        ("post_history_instructions", "post"),
        ("tags", " one, two ,,three "),
        ("creator", "me"),
        ("character_version", "1.0"),
        ("talkativeness", "0.7"),
        ("fav", "true"),
        ("world", "Eldoria"),
        ("alternate_greetings", "first"),
        ("alternate_greetings", "second"),
        ("depth_prompt_prompt", "deep"),
        ("depth_prompt_depth", "7"),
        ("depth_prompt_role", "user"),
        ("extensions", r#"{"mine":{"a":1},"depth_prompt":{"extra":true}}"#),
        ("json_data", r#"{"unknown":"kept","data":{"also":"kept"}}"#),
    ];
    s.upload(create, file("a.png", &png(50, 80)), &fields).await;
    s.post(GET, avatar("Full Ünï 🦊.png")).await;
    s.get("/characters/Full%20%C3%9Cn%C3%AF%20%F0%9F%A6%8A.png").await;
    for (key, value) in [
        ("tags", json!(["x", "y"])),
        ("alternate_greetings", json!("one")),
        ("alternate_greetings", json!([])),
        ("depth_prompt_depth", json!("")),
        ("depth_prompt_depth", json!("abc")),
        ("talkativeness", json!(0)),
        ("fav", json!(true)),
        ("extensions", json!("{broken")),
        ("json_data", json!("{broken")),
        ("world", json!("No such world")),
        ("tags", json!("")),
    ] {
        s.post(create, json!({ "ch_name": "Variant", key: value }))
            .await
            .capture("made", "");
        s.post(GET, avatar("{{made}}")).await;
    }
    colliding(s).await;
}

async fn colliding(s: &mut Scenario) {
    let create = "/api/characters/create";
    s.post(create, json!({ "ch_name": "Plain" })).await;
    s.post(create, json!({ "ch_name": "Other", "file_name": "Plain" }))
        .await;
    s.post(GET, avatar("Plain.png")).await;
    for body in [
        json!({}),
        json!({ "ch_name": 5 }),
        json!({ "ch_name": null }),
        json!({ "ch_name": "X", "file_name": "a/b" }),
        json!({ "ch_name": "X", "file_name": "" }),
    ] {
        s.post(create, body).await;
    }
    let crop =
        "%7B%22x%22%3A5%2C%22y%22%3A10%2C%22width%22%3A20%2C%22height%22%3A30%2C%22want_resize%22%3Atrue%7D";
    s.upload(
        &format!("{create}?crop={crop}"),
        file("a.png", &png(50, 80)),
        &[("ch_name", "Cropped")],
    )
    .await;
    s.get("/characters/Cropped.png").await;
    s.upload(
        &format!("{create}?crop=%7Bbroken"),
        file("a.png", &png(50, 80)),
        &[("ch_name", "Uncropped")],
    )
    .await;
    s.get("/characters/Uncropped.png").await;
}

async fn odd_names(s: &mut Scenario) {
    let long = long_name();
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        s.post(
            "/api/characters/create",
            json!({ "ch_name": name, "description": "odd" }),
        )
        .await
        .capture("made", "");
        s.post(GET, avatar("{{made}}")).await;
    }
    s.raw(
        "/api/characters/create",
        r#"{"ch_name":"lone \ud83e end","description":"\ud800"}"#,
    )
    .await;
    s.post(ALL, json!({})).await;
}

async fn editing(s: &mut Scenario) {
    let edit = "/api/characters/edit";
    s.post(GET, avatar("Full Ünï 🦊.png"))
        .await
        .capture("json", "/json_data");
    let fields = [
        ("ch_name", "Renamed inside"),
        ("avatar_url", "Full Ünï 🦊.png"),
        ("json_data", "{{json}}"),
        ("chat", "my chat"),
        ("create_date", "2020-01-01T00:00:00.000Z"),
        ("description", "edited"),
        ("fav", "false"),
    ];
    s.send(upload(edit, None, &fields)).await;
    s.post(GET, avatar("Full Ünï 🦊.png")).await;
    for (kind, format) in [
        ("jpg", ImageFormat::Jpeg),
        ("webp", ImageFormat::WebP),
        ("gif", ImageFormat::Gif),
        ("bmp", ImageFormat::Bmp),
    ] {
        s.upload(
            edit,
            file(&format!("new.{kind}"), &picture(30, 20, format)),
            &[("ch_name", "P"), ("avatar_url", "Plain.png")],
        )
        .await;
        s.get("/characters/Plain.png").await;
    }
    s.upload(
        edit,
        file("new.png", b"not a picture"),
        &[("ch_name", "P"), ("avatar_url", "Plain.png")],
    )
    .await;
    s.get("/characters/Plain.png").await;
    s.post(
        edit,
        json!({ "ch_name": "New file", "avatar_url": "made by edit.png" }),
    )
    .await;
    s.post(GET, avatar("made by edit.png")).await;
    for body in [
        json!({ "avatar_url": "Plain.png" }),
        json!({ "ch_name": "", "avatar_url": "Plain.png" }),
        json!({ "ch_name": ".", "avatar_url": "Plain.png" }),
        json!({ "ch_name": "x", "avatar_url": "../Plain.png" }),
    ] {
        s.post(edit, body).await;
    }
    s.post(
        edit,
        json!({ "ch_name": "a/b:c", "avatar_url": "Plain.png", "create_date": null }),
    )
    .await;
    s.post(GET, avatar("Plain.png")).await;
}

async fn avatars(s: &mut Scenario) {
    let route = "/api/characters/edit-avatar";
    s.upload(route, file("n.png", &png(64, 64)), &[("avatar_url", "Plain.png")])
        .await;
    s.get("/characters/Plain.png").await;
    s.upload(
        &format!("{route}?crop=%7B%22x%22:0,%22y%22:0,%22width%22:10,%22height%22:12%7D"),
        file("n.png", &png(64, 64)),
        &[("avatar_url", "Plain.png")],
    )
    .await;
    s.get("/characters/Plain.png").await;
    s.upload(
        route,
        file("n.png", &png_with(&[("Comment", "stays?")])),
        &[("avatar_url", "Plain.png")],
    )
    .await;
    s.get("/characters/Plain.png").await;
    s.send(upload(route, None, &[("avatar_url", "Plain.png")])).await;
    s.upload(route, file("n.png", &png(9, 9)), &[]).await;
    s.upload(route, file("n.png", &png(9, 9)), &[("avatar_url", "none.png")])
        .await;
    s.upload(route, file("n.png", &png(9, 9)), &[("avatar_url", "../x.png")])
        .await;
    s.post(route, avatar("Plain.png")).await;
}

async fn attributes(s: &mut Scenario) {
    let route = "/api/characters/edit-attribute";
    let edit = |field: &str, value: Value| json!({ "avatar_url": "Plain.png", "ch_name": "Plain", "field": field, "value": value });
    for (field, value) in [
        ("description", json!("by attribute")),
        ("name", json!("N")),
        ("tags", json!(["t"])),
        ("fav", json!(true)),
        ("talkativeness", json!(0.25)),
        ("nope", json!(1)),
        ("json_data", json!("{}")),
        ("chat", json!("c")),
        ("creator", json!(null)),
    ] {
        s.post(route, edit(field, value)).await;
    }
    s.post(GET, avatar("Plain.png")).await;
    for body in [
        json!({}),
        json!({ "ch_name": "", "field": "name" }),
        json!({ "ch_name": "x", "field": "name" }),
        json!({ "ch_name": "x", "avatar_url": "none.png", "field": "name", "value": "v" }),
        json!({ "ch_name": "x", "avatar_url": "../a", "field": "name" }),
        json!({ "ch_name": "x", "avatar_url": "Plain.png" }),
    ] {
        s.post(route, body).await;
    }
}

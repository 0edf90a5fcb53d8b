//! `/api/characters`: creating, editing, renaming, copying, deleting and listing cards.

use serde_json::{Value, json};

use super::dsl::{Scenario, call, file, post, upload};
use super::fixtures::{NAMES, long_name, picture, png, png_with};
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
async fn oracle_characters_lifecycle() {
    let mut s = Scenario::start("characters_lifecycle", "").await;
    renaming(&mut s).await;
    duplicating(&mut s).await;
    deleting(&mut s).await;
    merging(&mut s).await;
    merging_many(&mut s).await;
    s.post(ALL, json!({})).await;
    s.finish();
}

#[tokio::test]
async fn oracle_characters_shallow() {
    let mut s = Scenario::start("characters_shallow", "performance:\n  lazyLoadCharacters: true\n").await;
    s.post("/api/characters/create", json!({ "ch_name": "Lazy", "tags": "a,b", "fav": "true", "world": "Eldoria", "creator_notes": "n" })).await;
    s.post(ALL, json!({})).await;
    s.post(GET, avatar("Lazy.png")).await;
    s.finish();
}

async fn reading(s: &mut Scenario) {
    s.post(ALL, json!({})).await;
    s.send(call("POST", ALL)).await;
    s.post(GET, avatar("default_Seraphina.png")).await;
    for name in ["none.png", "../x.png", "a\u{0}b.png", "", ".", "default_Seraphina", "DEFAULT_SERAPHINA.PNG"] {
        s.post(GET, avatar(name)).await;
    }
    for body in [json!({}), json!({ "avatar_url": null }), json!({ "avatar_url": 5 }), json!({ "avatar_url": ["default_Seraphina.png"] })] {
        s.post(GET, body).await;
    }
    for body in [avatar("default_Seraphina.png"), avatar("none.png"), avatar("../x"), json!({}), json!({ "avatar_url": 7 }), json!({ "avatar_url": "default_Seraphina.png", "simple": true })] {
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
    for (key, value) in [("tags", json!(["x", "y"])), ("alternate_greetings", json!("one")), ("alternate_greetings", json!([])), ("depth_prompt_depth", json!("")), ("depth_prompt_depth", json!("abc")), ("talkativeness", json!(0)), ("fav", json!(true)), ("extensions", json!("{broken")), ("json_data", json!("{broken")), ("world", json!("No such world")), ("tags", json!(""))] {
        s.post(create, json!({ "ch_name": "Variant", key: value })).await.capture("made", "");
        s.post(GET, avatar("{{made}}")).await;
    }
    s.post(create, json!({ "ch_name": "Plain" })).await;
    s.post(create, json!({ "ch_name": "Other", "file_name": "Plain" })).await;
    s.post(GET, avatar("Plain.png")).await;
    for body in [json!({}), json!({ "ch_name": 5 }), json!({ "ch_name": null }), json!({ "ch_name": "X", "file_name": "a/b" }), json!({ "ch_name": "X", "file_name": "" })] {
        s.post(create, body).await;
    }
    let crop = "%7B%22x%22%3A5%2C%22y%22%3A10%2C%22width%22%3A20%2C%22height%22%3A30%2C%22want_resize%22%3Atrue%7D";
    s.upload(&format!("{create}?crop={crop}"), file("a.png", &png(50, 80)), &[("ch_name", "Cropped")]).await;
    s.get("/characters/Cropped.png").await;
    s.upload(&format!("{create}?crop=%7Bbroken"), file("a.png", &png(50, 80)), &[("ch_name", "Uncropped")]).await;
    s.get("/characters/Uncropped.png").await;
}

async fn odd_names(s: &mut Scenario) {
    let long = long_name();
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        s.post("/api/characters/create", json!({ "ch_name": name, "description": "odd" })).await.capture("made", "");
        s.post(GET, avatar("{{made}}")).await;
    }
    s.raw("/api/characters/create", r#"{"ch_name":"lone \ud83e end","description":"\ud800"}"#).await;
    s.post(ALL, json!({})).await;
}

async fn editing(s: &mut Scenario) {
    let edit = "/api/characters/edit";
    s.post(GET, avatar("Full Ünï 🦊.png")).await.capture("json", "/json_data");
    let fields = [("ch_name", "Renamed inside"), ("avatar_url", "Full Ünï 🦊.png"), ("json_data", "{{json}}"), ("chat", "my chat"), ("create_date", "2020-01-01T00:00:00.000Z"), ("description", "edited"), ("fav", "false")];
    s.send(upload(edit, None, &fields)).await;
    s.post(GET, avatar("Full Ünï 🦊.png")).await;
    for (kind, format) in [("jpg", ImageFormat::Jpeg), ("webp", ImageFormat::WebP), ("gif", ImageFormat::Gif), ("bmp", ImageFormat::Bmp)] {
        s.upload(edit, file(&format!("new.{kind}"), &picture(30, 20, format)), &[("ch_name", "P"), ("avatar_url", "Plain.png")]).await;
        s.get("/characters/Plain.png").await;
    }
    s.upload(edit, file("new.png", b"not a picture"), &[("ch_name", "P"), ("avatar_url", "Plain.png")]).await;
    s.get("/characters/Plain.png").await;
    s.post(edit, json!({ "ch_name": "New file", "avatar_url": "made by edit.png" })).await;
    s.post(GET, avatar("made by edit.png")).await;
    for body in [json!({ "avatar_url": "Plain.png" }), json!({ "ch_name": "", "avatar_url": "Plain.png" }), json!({ "ch_name": ".", "avatar_url": "Plain.png" }), json!({ "ch_name": "x", "avatar_url": "../Plain.png" })] {
        s.post(edit, body).await;
    }
    s.post(edit, json!({ "ch_name": "a/b:c", "avatar_url": "Plain.png", "create_date": null })).await;
    s.post(GET, avatar("Plain.png")).await;
}

async fn avatars(s: &mut Scenario) {
    let route = "/api/characters/edit-avatar";
    s.upload(route, file("n.png", &png(64, 64)), &[("avatar_url", "Plain.png")]).await;
    s.get("/characters/Plain.png").await;
    s.upload(&format!("{route}?crop=%7B%22x%22:0,%22y%22:0,%22width%22:10,%22height%22:12%7D"), file("n.png", &png(64, 64)), &[("avatar_url", "Plain.png")]).await;
    s.get("/characters/Plain.png").await;
    s.upload(route, file("n.png", &png_with(&[("Comment", "stays?")])), &[("avatar_url", "Plain.png")]).await;
    s.get("/characters/Plain.png").await;
    s.send(upload(route, None, &[("avatar_url", "Plain.png")])).await;
    s.upload(route, file("n.png", &png(9, 9)), &[]).await;
    s.upload(route, file("n.png", &png(9, 9)), &[("avatar_url", "none.png")]).await;
    s.upload(route, file("n.png", &png(9, 9)), &[("avatar_url", "../x.png")]).await;
    s.post(route, avatar("Plain.png")).await;
}

async fn attributes(s: &mut Scenario) {
    let route = "/api/characters/edit-attribute";
    let edit = |field: &str, value: Value| json!({ "avatar_url": "Plain.png", "ch_name": "Plain", "field": field, "value": value });
    for (field, value) in [("description", json!("by attribute")), ("name", json!("N")), ("tags", json!(["t"])), ("fav", json!(true)), ("talkativeness", json!(0.25)), ("nope", json!(1)), ("json_data", json!("{}")), ("chat", json!("c")), ("creator", json!(null))] {
        s.post(route, edit(field, value)).await;
    }
    s.post(GET, avatar("Plain.png")).await;
    for body in [json!({}), json!({ "ch_name": "", "field": "name" }), json!({ "ch_name": "x", "field": "name" }), json!({ "ch_name": "x", "avatar_url": "none.png", "field": "name", "value": "v" }), json!({ "ch_name": "x", "avatar_url": "../a", "field": "name" }), json!({ "ch_name": "x", "avatar_url": "Plain.png" })] {
        s.post(route, body).await;
    }
}

async fn renaming(s: &mut Scenario) {
    s.post("/api/characters/create", json!({ "ch_name": "Old", "first_mes": "hi" })).await;
    s.post("/api/chats/save", json!({ "avatar_url": "Old.png", "file_name": "talk", "chat": [{ "chat_metadata": {} }, { "name": "Old", "mes": "hi", "send_date": "x" }] })).await;
    s.post("/api/characters/rename", json!({ "avatar_url": "Old.png", "new_name": "New: name?" })).await;
    s.post(GET, avatar("New name.png")).await;
    s.post(GET, avatar("Old.png")).await;
    s.post("/api/characters/chats", avatar("New name.png")).await;
    s.post("/api/characters/chats", avatar("Old.png")).await;
    s.post("/api/characters/rename", json!({ "avatar_url": "New name.png", "new_name": "New name" })).await;
    s.post(GET, avatar("New name1.png")).await;
    s.post("/api/characters/rename", json!({ "avatar_url": "New name1.png", "new_name": "..." })).await;
    for body in [json!({}), json!({ "avatar_url": "x.png" }), json!({ "new_name": "x" }), json!({ "avatar_url": "none.png", "new_name": "x" }), json!({ "avatar_url": "../x.png", "new_name": "x" }), json!({ "avatar_url": "x.png", "new_name": "" })] {
        s.post("/api/characters/rename", body).await;
    }
}

async fn duplicating(s: &mut Scenario) {
    s.post("/api/characters/create", json!({ "ch_name": "Twin" })).await;
    s.post("/api/characters/create", json!({ "ch_name": "Num_7" })).await;
    for name in ["Twin.png", "Twin.png", "Twin_1.png", "Num_7.png", "Twin_3.png", "none.png", "../Twin.png", "Twin"] {
        s.post("/api/characters/duplicate", avatar(name)).await;
    }
    s.post(GET, avatar("Twin_1.png")).await;
    for body in [json!({}), json!({ "avatar_url": "" }), json!({ "avatar_url": 5 })] {
        s.post("/api/characters/duplicate", body).await;
    }
    s.send(post("/api/characters/duplicate", &avatar("Twin.png")).no_csrf()).await;
}

async fn deleting(s: &mut Scenario) {
    let delete = "/api/characters/delete";
    for (name, flag) in [("Gone", json!(true)), ("Kept", json!(false)), ("One", json!(1)), ("Text", json!("true")), ("Digit", json!("1"))] {
        let png = format!("{name}.png");
        s.post("/api/characters/create", json!({ "ch_name": name })).await;
        s.post("/api/chats/save", json!({ "avatar_url": png, "file_name": "c", "chat": [{ "chat_metadata": {} }] })).await;
        s.get(&format!("/thumbnail?type=avatar&file={png}")).await;
        s.post(delete, json!({ "avatar_url": png, "delete_chats": flag })).await;
        s.post("/api/characters/chats", avatar(&png)).await;
        s.get(&format!("/thumbnail?type=avatar&file={png}")).await;
        s.post(delete, avatar(&png)).await;
    }
    for body in [json!({}), avatar(""), avatar("none.png"), avatar("a:b.png"), avatar("../x.png"), avatar("x.png "), avatar("."), avatar(&long_name())] {
        s.post(delete, body).await;
    }
}

async fn merging(s: &mut Scenario) {
    let merge = "/api/characters/merge-attributes";
    s.post("/api/characters/create", json!({ "ch_name": "Merge", "description": "d" })).await;
    let updates = [
        json!({ "data": { "extensions": { "deep": { "a": 1, "b": [1, 2] } } } }),
        json!({ "data": { "extensions": { "deep": { "a": null, "b": [3] } } } }),
        json!({ "data": { "extensions": { "deep": { "a": "__@@UNSET@@__" } } } }),
        json!({ "description": "top", "data": { "description": "inner" } }),
        json!({ "unknown": { "x": "y" }, "json_data": "ignored" }),
        json!({ "spec": "nonsense" }),
        json!({ "data": { "name": "__@@UNSET@@__" } }),
        json!({ "data": { "tags": "not a list" } }),
        json!({ "data": { "character_book": { "entries": "no" } } }),
        json!({ "data": null }),
        json!({ "spec_version": "9.9" }),
    ];
    for mut update in updates {
        update["avatar"] = json!("Merge.png");
        s.post(merge, update).await;
        s.post(GET, avatar("Merge.png")).await;
    }
    for body in [json!({}), json!({ "avatar": "none.png" }), json!({ "avatar": "../x.png" }), json!({ "avatar": 5 }), json!({ "avatar": null })] {
        s.post(merge, body).await;
    }
}

async fn merging_many(s: &mut Scenario) {
    let merge = "/api/characters/merge-attributes";
    let data = json!({ "data": { "extensions": { "bulk": 1 } } });
    s.post(merge, json!({ "avatars": ["Merge.png"], "data": data })).await;
    s.post(merge, json!({ "avatars": ["Merge.png", "none.png"], "data": data, "filter": { "path": "data.extensions.bulk" } })).await;
    s.post(merge, json!({ "avatars": ["Merge.png"], "data": data, "filter": { "path": "data.extensions.nothing" } })).await;
    s.post(merge, json!({ "avatars": ["Merge.png"], "data": data, "filter": { "path": "data.tags[0]" } })).await;
    s.post(merge, json!({ "avatars": ["Merge.png"], "data": { "data": { "extensions": { "bulk": "__@@UNSET@@__" } } } })).await;
    s.post(GET, avatar("Merge.png")).await;
    for body in [json!({ "avatars": [] }), json!({ "avatars": ["x.txt"], "data": {} }), json!({ "avatars": ["../x.png"], "data": {} }), json!({ "avatars": [5], "data": {} }), json!({ "avatars": ["Merge.png"], "data": [] }), json!({ "avatars": "Merge.png", "data": {} }), json!({ "avatars": ["NONE.PNG"], "data": {} })] {
        s.post(merge, body).await;
    }
    // Cards are updated side by side, so the order of the lists is open; one card at a time fixes it.
    s.post(merge, json!({ "avatars": ["default_Seraphina.png"], "data": { "data": { "extensions": { "all": true } } } })).await;
}

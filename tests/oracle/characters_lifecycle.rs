//! `/api/characters`: renaming, copying, deleting and merging cards.

use serde_json::json;

use super::characters::{ALL, GET, avatar};
use super::dsl::post;
use super::fixtures::long_name;
use super::scenario::Scenario;

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

async fn renaming(s: &mut Scenario) {
    s.post(
        "/api/characters/create",
        json!({ "ch_name": "Old", "first_mes": "hi" }),
    )
    .await;
    s.post("/api/chats/save", json!({ "avatar_url": "Old.png", "file_name": "talk", "chat": [{ "chat_metadata": {} }, { "name": "Old", "mes": "hi", "send_date": "x" }] })).await;
    s.post(
        "/api/characters/rename",
        json!({ "avatar_url": "Old.png", "new_name": "New: name?" }),
    )
    .await;
    s.post(GET, avatar("New name.png")).await;
    s.post(GET, avatar("Old.png")).await;
    s.post("/api/characters/chats", avatar("New name.png")).await;
    s.post("/api/characters/chats", avatar("Old.png")).await;
    s.post(
        "/api/characters/rename",
        json!({ "avatar_url": "New name.png", "new_name": "New name" }),
    )
    .await;
    s.post(GET, avatar("New name1.png")).await;
    s.post(
        "/api/characters/rename",
        json!({ "avatar_url": "New name1.png", "new_name": "..." }),
    )
    .await;
    for body in [
        json!({}),
        json!({ "avatar_url": "x.png" }),
        json!({ "new_name": "x" }),
        json!({ "avatar_url": "none.png", "new_name": "x" }),
        json!({ "avatar_url": "../x.png", "new_name": "x" }),
        json!({ "avatar_url": "x.png", "new_name": "" }),
    ] {
        s.post("/api/characters/rename", body).await;
    }
}

async fn duplicating(s: &mut Scenario) {
    s.post("/api/characters/create", json!({ "ch_name": "Twin" }))
        .await;
    s.post("/api/characters/create", json!({ "ch_name": "Num_7" }))
        .await;
    for name in [
        "Twin.png",
        "Twin.png",
        "Twin_1.png",
        "Num_7.png",
        "Twin_3.png",
        "none.png",
        "../Twin.png",
        "Twin",
    ] {
        s.post("/api/characters/duplicate", avatar(name)).await;
    }
    s.post(GET, avatar("Twin_1.png")).await;
    for body in [json!({}), json!({ "avatar_url": "" }), json!({ "avatar_url": 5 })] {
        s.post("/api/characters/duplicate", body).await;
    }
    s.send(post("/api/characters/duplicate", &avatar("Twin.png")).no_csrf())
        .await;
}

async fn deleting(s: &mut Scenario) {
    let delete = "/api/characters/delete";
    for (name, flag) in [
        ("Gone", json!(true)),
        ("Kept", json!(false)),
        ("One", json!(1)),
        ("Text", json!("true")),
        ("Digit", json!("1")),
    ] {
        let png = format!("{name}.png");
        s.post("/api/characters/create", json!({ "ch_name": name })).await;
        s.post(
            "/api/chats/save",
            json!({ "avatar_url": png, "file_name": "c", "chat": [{ "chat_metadata": {} }] }),
        )
        .await;
        s.get(&format!("/thumbnail?type=avatar&file={png}")).await;
        s.post(delete, json!({ "avatar_url": png, "delete_chats": flag }))
            .await;
        s.post("/api/characters/chats", avatar(&png)).await;
        s.get(&format!("/thumbnail?type=avatar&file={png}")).await;
        s.post(delete, avatar(&png)).await;
    }
    for body in [
        json!({}),
        avatar(""),
        avatar("none.png"),
        avatar("a:b.png"),
        avatar("../x.png"),
        avatar("x.png "),
        avatar("."),
        avatar(&long_name()),
    ] {
        s.post(delete, body).await;
    }
}

async fn merging(s: &mut Scenario) {
    let merge = "/api/characters/merge-attributes";
    s.post(
        "/api/characters/create",
        json!({ "ch_name": "Merge", "description": "d" }),
    )
    .await;
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
    for body in [
        json!({}),
        json!({ "avatar": "none.png" }),
        json!({ "avatar": "../x.png" }),
        json!({ "avatar": 5 }),
        json!({ "avatar": null }),
    ] {
        s.post(merge, body).await;
    }
}

async fn merging_many(s: &mut Scenario) {
    let merge = "/api/characters/merge-attributes";
    let data = json!({ "data": { "extensions": { "bulk": 1 } } });
    s.post(merge, json!({ "avatars": ["Merge.png"], "data": data }))
        .await;
    s.post(merge, json!({ "avatars": ["Merge.png", "none.png"], "data": data, "filter": { "path": "data.extensions.bulk" } })).await;
    s.post(
        merge,
        json!({ "avatars": ["Merge.png"], "data": data, "filter": { "path": "data.extensions.nothing" } }),
    )
    .await;
    s.post(
        merge,
        json!({ "avatars": ["Merge.png"], "data": data, "filter": { "path": "data.tags[0]" } }),
    )
    .await;
    s.post(merge, json!({ "avatars": ["Merge.png"], "data": { "data": { "extensions": { "bulk": "__@@UNSET@@__" } } } })).await;
    s.post(GET, avatar("Merge.png")).await;
    for body in [
        json!({ "avatars": [] }),
        json!({ "avatars": ["x.txt"], "data": {} }),
        json!({ "avatars": ["../x.png"], "data": {} }),
        json!({ "avatars": [5], "data": {} }),
        json!({ "avatars": ["Merge.png"], "data": [] }),
        json!({ "avatars": "Merge.png", "data": {} }),
        json!({ "avatars": ["NONE.PNG"], "data": {} }),
    ] {
        s.post(merge, body).await;
    }
    // Cards are updated side by side, so the order of the lists is open; one card at a time fixes it.
    s.post(merge, json!({ "avatars": ["default_Seraphina.png"], "data": { "data": { "extensions": { "all": true } } } })).await;
}

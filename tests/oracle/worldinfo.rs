//! `/api/worldinfo`.

use serde_json::json;

use super::dsl::{call, file, upload};
use super::fixtures::{NAMES, long_name};
use super::scenario::Scenario;

const GET: &str = "/api/worldinfo/get";
const EDIT: &str = "/api/worldinfo/edit";
const DELETE: &str = "/api/worldinfo/delete";
const IMPORT: &str = "/api/worldinfo/import";
const LIST: &str = "/api/worldinfo/list";

#[tokio::test]
async fn oracle_worldinfo() {
    let mut s = Scenario::start("worldinfo", "").await;
    s.post(LIST, json!({})).await;
    s.post(GET, json!({ "name": "Eldoria" })).await;
    editing(&mut s).await;
    names(&mut s).await;
    importing(&mut s).await;
    refusals(&mut s).await;
    s.post(LIST, json!({})).await;
    s.post("/api/settings/get", json!({})).await;
    embedding(&mut s).await;
    s.finish();
}

async fn editing(s: &mut Scenario) {
    for data in [
        r#"{"entries":{"0":{"uid":0,"key":["a"],"content":"c","order":100}},"name":"Shown","extensions":{"x":1}}"#,
        r#"{"entries":[],"z":1,"10":"ten","9":"nine"}"#,
        r#"{"entries":null,"name":5,"extensions":"text"}"#,
        r#"{"entries":{"1":{"content":"lone \ud83e \u0000 \u2028","n":1.0,"e":1e21}}}"#,
        r#"{"other":1}"#,
        r#"[]"#,
        r#"null"#,
        r#""text""#,
        r#"5"#,
    ] {
        s.raw(EDIT, &format!(r#"{{"name":"World","data":{data}}}"#)).await;
        s.post(GET, json!({ "name": "World" })).await;
        s.post(LIST, json!({})).await;
    }
}

async fn names(s: &mut Scenario) {
    let long = long_name();
    for name in NAMES
        .iter()
        .copied()
        .chain([long.as_str(), "World.json", "world"])
    {
        s.post(
            EDIT,
            json!({ "name": name, "data": { "entries": {}, "of": name } }),
        )
        .await;
        s.post(GET, json!({ "name": name })).await;
    }
    s.post(LIST, json!({})).await;
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        s.post(DELETE, json!({ "name": name })).await;
    }
    s.post(LIST, json!({})).await;
}

async fn importing(s: &mut Scenario) {
    let world = "{ \"entries\": {},\r\n \"kept\": 1.0 }";
    for name in [
        "plain.json",
        "Ünï 🦊.json",
        "no extension",
        "two.dots.json",
        "lore.lorebook",
        ".json",
        "...",
        "a/b.json",
        "con.json",
        "UPPER.JSON",
        "nam\"e.json",
    ] {
        s.upload(IMPORT, file(name, world.as_bytes()), &[]).await;
    }
    s.post(GET, json!({ "name": "plain" })).await;
    s.upload(IMPORT, file("plain.json", b"{\"entries\":{\"over\":1}}"), &[])
        .await;
    s.post(GET, json!({ "name": "plain" })).await;
    s.upload(
        IMPORT,
        file("bom.json", "\u{feff}{\"entries\":{}}".as_bytes()),
        &[],
    )
    .await;
    odd_imports(s).await;
}

async fn odd_imports(s: &mut Scenario) {
    for bytes in [
        &b"{}"[..],
        b"[]",
        b"null",
        b"5",
        b"\"entries\"",
        b"{broken",
        b"",
        b"\xff\xfe",
        b"[\"entries\"]",
    ] {
        s.upload(IMPORT, file("bad.json", bytes), &[]).await;
    }
    s.upload(
        IMPORT,
        file("conv.json", b"ignored"),
        &[("convertedData", "{\"entries\":{\"c\":1}}")],
    )
    .await;
    s.upload(
        IMPORT,
        file("conv2.json", b"{\"entries\":{}}"),
        &[("convertedData", "{broken")],
    )
    .await;
    s.upload(
        IMPORT,
        file("conv3.json", b"{\"entries\":{\"file\":1}}"),
        &[("convertedData", "")],
    )
    .await;
    s.post(GET, json!({ "name": "conv" })).await;
    s.post(GET, json!({ "name": "conv3" })).await;
}

async fn refusals(s: &mut Scenario) {
    s.send(upload(IMPORT, None, &[("convertedData", "{}")])).await;
    s.post(IMPORT, json!({})).await;
    for route in [GET, DELETE, EDIT] {
        for body in [
            json!({}),
            json!({ "name": "" }),
            json!({ "name": null }),
            json!({ "name": 5 }),
            json!({ "name": "No such world" }),
            json!({ "name": ["World"] }),
            json!({ "name": { "a": 1 } }),
        ] {
            s.post(route, body).await;
        }
        s.send(call("POST", route)).await;
        s.send(call("GET", route)).await;
    }
    s.post(DELETE, json!({ "name": "plain" })).await;
    s.post(DELETE, json!({ "name": "plain" })).await;
}

/// A world given by name is copied into a card that is created.
async fn embedding(s: &mut Scenario) {
    let entry = |uid: u32| json!({ "uid": uid, "key": ["k1", "k2"], "keysecondary": ["s"], "comment": "c", "content": "text", "constant": true, "selective": false, "order": 7, "position": uid, "disable": uid == 1, "depth": 2, "probability": 50, "useProbability": true, "role": 1, "group": "g", "sticky": 3, "extensions": { "own": true } });
    s.post(EDIT, json!({ "name": "Book", "data": { "entries": { "0": entry(0), "1": entry(1), "4": {} }, "originalData": { "name": "orig", "entries": [] } } })).await;
    for world in ["Book", "Eldoria", "absent", ""] {
        s.post(
            "/api/characters/create",
            json!({ "ch_name": "With world", "world": world }),
        )
        .await
        .capture("made", "");
        s.post("/api/characters/get", json!({ "avatar_url": "{{made}}" }))
            .await;
    }
}

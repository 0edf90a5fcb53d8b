//! Importing and exporting cards: PNG, JSON, YAML, CHARX and BYAF.

use serde_json::{Value, json};

use super::characters::{ALL, GET, avatar};
use super::dsl::{file, upload};
use super::fixtures::{card, png, png_with, zip};
use super::scenario::Scenario;

const IMPORT: &str = "/api/characters/import";

#[tokio::test]
async fn oracle_characters_import() {
    let mut s = Scenario::start("characters_import", "").await;
    pictures(&mut s).await;
    texts(&mut s).await;
    archives(&mut s).await;
    refusals(&mut s).await;
    s.post(ALL, json!({})).await;
    exports(&mut s).await;
    s.finish();
}

fn v2(name: &str) -> Value {
    json!({
        "spec": "chara_card_v2", "spec_version": "2.0", "fav": true, "chat": "private", "zeta": 1, "name": "top name",
        "data": {
            "name": name, "description": "d", "personality": "p", "scenario": "s", "first_mes": "f", "mes_example": "m",
            "creator_notes": "n", "system_prompt": "", "post_history_instructions": "", "alternate_greetings": ["g"],
            "tags": ["t1", "t2"], "creator": "c", "character_version": "1",
            "extensions": { "fav": true, "talkativeness": "0.9", "other": { "k": [1, 2] } },
            "character_book": { "entries": [{ "keys": ["k"], "content": "c", "extensions": {}, "enabled": true, "insertion_order": 1 }], "extensions": {} }
        }
    })
}

async fn import(s: &mut Scenario, name: &str, kind: &str, bytes: &[u8]) {
    s.upload(
        IMPORT,
        file(name, bytes),
        &[("file_type", kind), ("user_name", "Me")],
    )
    .await;
    if s.answer().text().contains("file_name") {
        s.capture("made", "/file_name");
        s.post(GET, avatar("{{made}}.png")).await;
        s.get("/characters/{{made}}.png").await;
    }
}

async fn pictures(s: &mut Scenario) {
    let second = v2("From card").to_string();
    let third = json!({ "spec": "chara_card_v3", "spec_version": "3.0", "data": { "name": "V3 name", "description": "three", "nickname": "nick", "assets": [], "extensions": {} } }).to_string();
    let first = json!({ "name": "V1: name", "description": "d", "personality": "p", "first_mes": "f", "mes_example": "m", "scenario": "s", "fav": true, "unknown": 1, "creator_notes": "Creator's notes go here. rest", "tags": ["x"] }).to_string();
    for (label, chunks) in [
        ("v2.png", vec![("chara", second.as_str())]),
        ("v3.png", vec![("ccv3", third.as_str())]),
        (
            "both.png",
            vec![("chara", second.as_str()), ("ccv3", third.as_str())],
        ),
        ("upper.png", vec![("CHARA", second.as_str())]),
        ("v1.png", vec![("chara", first.as_str())]),
        (
            "two.png",
            vec![("chara", second.as_str()), ("chara", first.as_str())],
        ),
        ("broken json.png", vec![("chara", "{broken")]),
        (
            "no name.png",
            vec![("chara", r#"{"spec":"chara_card_v2","data":{}}"#)],
        ),
        (
            "no data.png",
            vec![("chara", r#"{"spec":"chara_card_v2","name":"Bare"}"#)],
        ),
        (
            "surrogate.png",
            vec![(
                "chara",
                r#"{"spec":"chara_card_v2","data":{"name":"Lone","description":"\ud83e \u0000 \u2028 1.0"}}"#,
            )],
        ),
        (
            "numbers.png",
            vec![(
                "chara",
                r#"{"spec":"chara_card_v2","big":1e21,"one":1.0,"data":{"name":"Numbers","x":12345678901234567890}}"#,
            )],
        ),
    ] {
        import(s, label, "png", &card(&chunks)).await;
    }
    damaged(s).await;
    for odd in [
        "../up", "a/b", "..", "a\\b", "dots...", "CON", " spaced ", "%41", "e\u{301}",
    ] {
        import(
            s,
            &format!("name {odd}.png"),
            "png",
            &card(&[("chara", &v2(odd).to_string())]),
        )
        .await;
    }
}

async fn damaged(s: &mut Scenario) {
    let second = v2("From card").to_string();
    import(s, "plain.png", "png", &png(20, 20)).await;
    import(
        s,
        "text.png",
        "png",
        &png_with(&[("chara", "not base64 §"), ("Comment", "c")]),
    )
    .await;
    let mut damaged = card(&[("chara", second.as_str())]);
    let middle = damaged.len() - 40;
    damaged[middle] ^= 1;
    import(s, "bad crc.png", "png", &damaged).await;
    import(s, "cut.png", "png", &card(&[("chara", second.as_str())])[..120]).await;
    import(s, "not a picture.png", "png", b"hello").await;
    let preserved = [("file_type", "png"), ("preserved_name", "Kept name.png")];
    for _ in 0..2 {
        s.upload(
            IMPORT,
            file("v2.png", &card(&[("chara", second.as_str())])),
            &preserved,
        )
        .await;
    }
    s.post(GET, avatar("Kept name.png")).await;
}

async fn texts(s: &mut Scenario) {
    let second = v2("From json").to_string();
    import(s, "v2.json", "json", second.as_bytes()).await;
    import(s, "bom.json", "json", format!("\u{feff}{second}").as_bytes()).await;
    import(s, "v1.json", "json", br#"{"name":"V1 json","description":"d","creatorcomment":"cc","talkativeness":0.1,"tags":"a, b","creator":"x","junk":true}"#).await;
    import(s, "pyg.json", "json", br#"{"char_name":"Pyg","char_persona":"pp","char_greeting":"gg","example_dialogue":"ee","world_scenario":"ww"}"#).await;
    for text in [
        "{}",
        "[]",
        "null",
        "5",
        "{broken",
        "",
        r#"{"name":5}"#,
        r#"{"name":""}"#,
        r#"{"spec":1,"name":"spec number"}"#,
        r#"{"spec":"x","data":{"name":"Tags","tags":"text"}}"#,
        r#"{"spec":"chara_card_v2","data":{"name":"Null ext","extensions":null}}"#,
    ] {
        import(s, "odd.json", "json", text.as_bytes()).await;
    }
    let yaml = "name: 'Yaml: one'\ncontext: |\n  line 1\n  line 2\ngreeting: hi\nturn_template: x\n";
    import(s, "y.yaml", "yaml", yaml.as_bytes()).await;
    import(s, "y.yml", "yml", b"name: Yml\n").await;
    for text in [
        "",
        "- a\n- b\n",
        "name: 5\n",
        "greeting: no name\n",
        "a: [",
        "name: Multi\ngreeting: [1, 2]\n",
    ] {
        import(s, "odd.yaml", "yaml", text.as_bytes()).await;
    }
    let risu = json!({ "spec": "chara_card_v2", "data": { "name": "Risu", "extensions": { "risuai": { "emotions": [["happy", "iVBORw0KGgo="]], "additionalAssets": [["extra", "AAAA"]], "stay": 1 } } } });
    import(s, "risu.json", "json", risu.to_string().as_bytes()).await;
    s.get("/api/sprites/get?name=Risu").await;
}

async fn archives(s: &mut Scenario) {
    let mut inner = v2("Charx one");
    inner["spec"] = json!("chara_card_v3");
    inner["data"]["assets"] = json!([
        { "type": "icon", "name": "main", "uri": "embeded://assets/icon/main.png", "ext": "png" },
        { "type": "emotion", "name": "Very Happy", "uri": "embeded://assets/joy.png", "ext": "png" },
        { "type": "background", "name": "Room 1", "uri": "__asset:assets/room.png", "ext": "png" },
        { "type": "x-music", "name": "tune", "uri": "embeded://assets/tune.mp3", "ext": "mp3" },
        { "type": "icon", "name": "remote", "uri": "https://example.invalid/x.png", "ext": "png" }
    ]);
    let text = inner.to_string();
    let picture = png(33, 44);
    let entries: Vec<(&str, &[u8])> = vec![
        ("card.json", text.as_bytes()),
        ("assets/icon/main.png", &picture),
        ("assets/joy.png", &picture),
        ("assets/room.png", &picture),
        ("assets/tune.mp3", b"ID3"),
    ];
    import(s, "one.charx", "charx", &zip(&entries)).await;
    s.get("/api/sprites/get?name=Charx%20one").await;
    s.post("/api/images/folders", json!({})).await;
    s.post("/api/images/list", json!({ "folder": "Charx one", "type": 7 }))
        .await;
    let mut prefixed = b"garbage before".to_vec();
    prefixed.extend_from_slice(&zip(&[(
        "sub/card.json",
        v2("Deep charx").to_string().as_bytes(),
    )]));
    import(s, "deep.charx", "charx", &prefixed).await;
    for (label, bytes) in [
        ("no card", zip(&[("x.json", b"{}")])),
        ("bad json", zip(&[("card.json", b"{")])),
        ("no spec", zip(&[("card.json", br#"{"name":"x"}"#)])),
        ("not zip", b"hello".to_vec()),
        ("empty", Vec::new()),
    ] {
        import(s, label, "charx", &bytes).await;
    }
    let manifest = json!({ "schemaVersion": 1, "characters": ["characters/one/character.json"], "scenarios": ["scenarios/s1.json"], "author": { "name": "An author", "backyardURL": "https://example.invalid" } }).to_string();
    let character = json!({ "name": "Byaf", "displayName": "Byaf: shown", "isNSFW": true, "persona": "I am {character}, you are {user}", "images": [{ "path": "images/a.png", "label": "smile" }], "loreItems": [{ "key": "a, b", "value": "lore" }] }).to_string();
    let scenario = json!({ "title": "First", "narrative": "n", "firstMessages": [{ "characterID": "x", "text": "Hi {user}" }], "exampleMessages": [{ "characterID": "x", "text": "#{user}: a\n#{character}: b" }], "formattingInstructions": "f", "messages": [] }).to_string();
    let byaf = zip(&[
        ("manifest.json", manifest.as_bytes()),
        ("characters/one/character.json", character.as_bytes()),
        ("characters/one/images/a.png", &picture),
        ("scenarios/s1.json", scenario.as_bytes()),
    ]);
    import(s, "one.byaf", "byaf", &byaf).await;
    for bytes in [
        zip(&[("x", b"")]),
        zip(&[("manifest.json", b"{}")]),
        b"junk".to_vec(),
    ] {
        import(s, "odd.byaf", "byaf", &bytes).await;
    }
}

async fn refusals(s: &mut Scenario) {
    s.send(upload(IMPORT, None, &[("file_type", "png")])).await;
    s.upload(IMPORT, file("x.png", &png(4, 4)), &[]).await;
    for kind in ["PNG", "exe", "", "jpg"] {
        s.upload(IMPORT, file("x.png", &png(4, 4)), &[("file_type", kind)])
            .await;
    }
    s.post(IMPORT, json!({ "file_type": "png" })).await;
}

async fn exports(s: &mut Scenario) {
    let export = "/api/characters/export";
    for name in [
        "From card.png",
        "V1 name.png",
        "default_Seraphina.png",
        "Lone.png",
        "e\u{301}.png",
    ] {
        for format in ["png", "json"] {
            s.post(export, json!({ "avatar_url": name, "format": format }))
                .await;
        }
    }
    for body in [
        json!({}),
        json!({ "avatar_url": "From card.png" }),
        json!({ "format": "png" }),
        json!({ "avatar_url": "none.png", "format": "png" }),
        json!({ "avatar_url": "From card.png", "format": "yaml" }),
        json!({ "avatar_url": "../x.png", "format": "png" }),
        json!({ "avatar_url": "From card.png", "format": 5 }),
        json!({ "avatar_url": 5, "format": "json" }),
    ] {
        s.post(export, body).await;
    }
}

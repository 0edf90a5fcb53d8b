//! Importing BYAF archives: the card, chats of its scenarios, their backgrounds, and further pictures.

use image::ImageFormat;
use serde_json::{Value, json};

use super::characters::avatar;
use super::characters_archives::{IMPORT, deflated, import, look};
use super::dsl::file;
use super::fixtures::{picture, png, zip};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_characters_byaf() {
    let mut s = Scenario::start("characters_byaf", "").await;
    scenarios(&mut s).await;
    pictures(&mut s).await;
    odd_messages(&mut s).await;
    odd_manifests(&mut s).await;
    odd_archives(&mut s).await;
    s.finish();
}

/// Archive of a character, scenarios and other files.
fn byaf(character: &Value, scenarios: &[Value], files: &[(&str, &[u8])]) -> Vec<u8> {
    let names: Vec<String> = (0..scenarios.len())
        .map(|at| format!("scenarios/s{at}.json"))
        .collect();
    let manifest = json!({ "schemaVersion": 1, "characters": ["characters/c/character.json"], "scenarios": names,
                           "author": { "name": "An author", "backyardURL": "https://example.invalid/a" } });
    let (manifest, character) = (manifest.to_string(), character.to_string());
    let texts: Vec<String> = scenarios.iter().map(Value::to_string).collect();
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("manifest.json", manifest.as_bytes()),
        ("characters/c/character.json", character.as_bytes()),
    ];
    entries.extend(
        names
            .iter()
            .map(String::as_str)
            .zip(texts.iter().map(String::as_bytes)),
    );
    entries.extend(files);
    deflated(&entries)
}

async fn import_byaf(s: &mut Scenario, label: &str, archive: &[u8]) {
    let label = format!("{label}.byaf").replace('"', "");
    import(s, &label, "byaf", archive, &[]).await;
}

/// The chats of the last imported character: their list, and each of them.
async fn chats(s: &mut Scenario, count: usize) {
    for at in 0..count {
        s.post("/api/characters/chats", avatar("{{made}}.png")).await;
        s.capture("chat", &format!("/{at}/file_id"));
        s.post(
            "/api/chats/get",
            json!({ "avatar_url": "{{made}}.png", "file_name": "{{chat}}" }),
        )
        .await;
    }
}

/// Scenarios with everything that one can have.
fn every_scenario() -> [Value; 5] {
    let human =
        |text: &str, at: i64| json!({ "type": "human", "text": text, "createdAt": at, "updatedAt": at });
    let ai = |texts: &[&str], at: i64| {
        let outputs: Vec<Value> = texts
            .iter()
            .enumerate()
            .map(|(order, text)| json!({ "text": text, "createdAt": at + 1, "activeTimestamp": format!("2024-01-0{}T00:00:00.000Z", 3 - order) }))
            .collect();
        json!({ "type": "ai", "outputs": outputs })
    };
    [
        json!({ "title": "Afternoon: one?", "narrative": "n {user}", "formattingInstructions": "{character} speaks", "model": "m",
                "temperature": 0, "topK": 1, "minPEnabled": false, "grammar": "g", "promptTemplate": null, "canDeleteExampleMessages": true,
                "firstMessages": [{ "text": "Hi {user}" }], "exampleMessages": [{ "text": "#{user}: a\n#{character}: b" }, {}, { "text": "c " }],
                "backgroundImage": "bg/room.jpg", "messages": [human("one", 10), human("two", 20), ai(&["un", "uno"], 11), ai(&["deux"], 21)] }),
        json!({ "title": "Bedtime", "firstMessages": [{ "text": "Other {character}" }], "backgroundImage": "bg/same.jpg", "messages": [] }),
        json!({ "title": "Cinema", "firstMessages": [{ "text": "Other {CHARACTER}" }], "backgroundImage": "bg/street",
                "messages": [ai(&["first", "x", "first"], 1), human("one", 10), human("two", 20)] }),
        json!({ "title": "Dinner", "messages": [{ "type": "human", "text": "dated", "createdAt": "2024-05-06T07:08:09.000Z" }] }),
        json!({ "title": "Evening" }),
    ]
}

async fn scenarios(s: &mut Scenario) {
    let room = picture(16, 9, ImageFormat::Jpeg);
    let street = png(16, 9);
    let list = every_scenario();
    let character = json!({ "name": "Real/name", "displayName": "Shown: name?", "isNSFW": true,
        "persona": "{character} and #{User}: {USER} {{user}} {user}} {{char}}",
        "images": [{ "path": "images/a.png", "label": "smile" }],
        "loreItems": [{ "key": "a, ,b {user}", "value": "{character} lore" }, null, { "key": 5 }] });
    let files: [(&str, &[u8]); 5] = [
        ("characters/c/images/a.png", &street),
        ("bg/room.jpg", &room),
        ("bg/same.jpg", &room),
        ("bg/street", &street),
        ("bg/unused.png", &street),
    ];
    let archive = byaf(&character, &list, &files);
    import(s, "all.byaf", "byaf", &archive, &[]).await;
    chats(s, 5).await;
    let folder = "/user/images/Shown_%20name_";
    s.post("/api/images/list", json!({ "folder": "Shown_ name_", "type": 7 }))
        .await;
    for name in [
        "Shown_%20name__bg%20(1).jpg",
        "Shown_%20name__bg%20(2).png",
        "Shown_%20name__bg%20(3).png",
    ] {
        s.get(&format!("{folder}/{name}")).await;
    }
    import(s, "again.byaf", "byaf", &archive, &[]).await;
    s.post("/api/characters/chats", avatar("{{made}}.png")).await;
    for preserved in ["Shown_ name_.png", "Fresh byaf"] {
        import(s, "p.byaf", "byaf", &archive, &[("preserved_name", preserved)]).await;
        s.post("/api/images/folders", json!({})).await;
    }
    s.post("/api/characters/chats", avatar("Fresh byaf.png")).await;
    s.upload(
        IMPORT,
        file(
            "no user.byaf",
            &byaf(&json!({ "name": "No user" }), &list[3..4], &[]),
        ),
        &[("file_type", "byaf")],
    )
    .await;
    s.capture("made", "/file_name");
    chats(s, 1).await;
    s.post("/api/characters/all", json!({})).await;
}

async fn pictures(s: &mut Scenario) {
    let pictures = [
        png(10, 10),
        picture(11, 11, ImageFormat::Jpeg),
        picture(12, 12, ImageFormat::Gif),
        picture(13, 13, ImageFormat::WebP),
    ];
    let files: [(&str, &[u8]); 5] = [
        ("characters/c/images/a.png", &pictures[0]),
        ("characters/c/images/b.jpg", &pictures[1]),
        ("characters/c/images/c.gif", &pictures[2]),
        ("characters/c/images/d", &pictures[3]),
        ("characters/c/images/e.txt", b"no picture"),
    ];
    let character = json!({ "name": "Album", "images": [
        { "path": "images/b.jpg", "label": "first" }, { "path": "images/a.png", "label": "smile: big" },
        { "path": "/images/c.gif", "label": "smile: big" }, { "path": "images/c.gif", "label": "" }, { "path": "images/d" },
        { "path": "images/e.txt", "label": "con" }, { "path": "images/none.png", "label": "lost" }, { "path": "" }, {}, null, "text"
    ] });
    import(s, "album.byaf", "byaf", &byaf(&character, &[], &files), &[]).await;
    let paths = [
        "smile_%20big%20(1).png",
        "smile_%20big%20(1).gif",
        "alt%20(1).gif",
        "alt%20(1).png",
        "_%20(1).txt",
    ]
    .map(|name| format!("/characters/Album/{name}"));
    look(s, "Album", &paths.each_ref().map(String::as_str)).await;
    chats(s, 1).await;
    odd_albums(s, &files).await;
}

/// Pictures and names of characters that are not what they should be.
async fn odd_albums(s: &mut Scenario, files: &[(&str, &[u8])]) {
    for images in [
        json!([{ "path": "images/e.txt" }]),
        json!([{ "path": "images/none" }, { "path": "images/d" }]),
        json!([{ "path": 5 }]),
        json!([{ "path": "images/a.png" }, { "path": "images/a.png", "label": 5 }]),
        json!([]),
        json!("text"),
    ] {
        let character =
            json!({ "name": format!("Odd album {}", images.to_string().len()), "images": images });
        import_byaf(s, &format!("album {images}"), &byaf(&character, &[], files)).await;
    }
    for name in [json!("a/b"), json!("Em🦊"), json!(""), json!(null), json!(5)] {
        let character = json!({ "name": name, "images": [{ "path": "images/a.png" }, { "path": "images/a.png", "label": "x" }] });
        import_byaf(s, &format!("named {name}"), &byaf(&character, &[], files)).await;
    }
    look(s, "ab", &["/characters/ab/x%20(1).png"]).await;
    for shown in [json!("Only shown"), json!(5)] {
        let character = json!({ "displayName": shown });
        import_byaf(s, &format!("shown {shown}"), &byaf(&character, &[], files)).await;
    }
}

async fn odd_messages(s: &mut Scenario) {
    let output = json!({ "text": "t", "createdAt": "5", "activeTimestamp": "x" });
    for (at, messages) in [
        json!(null),
        json!("text"),
        json!({}),
        json!([{}]),
        json!([5]),
        json!([{ "createdAt": 1 }]),
        json!([{ "createdAt": 1, "type": "ai" }]),
        json!([{ "createdAt": 1, "type": "ai", "outputs": [] }]),
        json!([{ "createdAt": 1, "type": "ai", "outputs": [output, output] }]),
        json!([{ "createdAt": 1, "type": "ai", "outputs": [{}] }]),
        json!([{ "createdAt": null, "type": "human" }, { "createdAt": [], "type": "human", "text": 5 }]),
        json!([{ "createdAt": 1, "type": "human" }, { "type": "ai", "outputs": [{ "text": "a" }, { "text": "b" }] }, { "type": "note" }]),
    ]
    .iter()
    .enumerate()
    {
        let scenario = json!({ "title": "t", "firstMessages": [{ "text": "Hi" }], "messages": messages });
        let archive = byaf(&json!({ "name": format!("Messages {at}") }), &[scenario], &[]);
        import(s, &format!("messages {at}.byaf"), "byaf", &archive, &[]).await;
        if s.answer().text().contains("error") {
            continue;
        }
        chats(s, 1).await;
    }
    for (at, scenario) in [
        json!([]),
        json!(5),
        json!({ "title": 5, "firstMessages": "text" }),
        json!({ "title": ["a"], "firstMessages": [] }),
        json!({ "firstMessages": [null] }),
        json!({ "narrative": 5, "formattingInstructions": {}, "exampleMessages": [5, null], "firstMessages": [{ "text": 5 }] }),
    ]
    .iter()
    .enumerate()
    {
        let archive = byaf(&json!({ "name": format!("Scenario {at}") }), std::slice::from_ref(scenario), &[]);
        import(s, &format!("scenario {at}.byaf"), "byaf", &archive, &[]).await;
        chats(s, 1).await;
    }
    let null = byaf(&json!({ "name": "Null" }), &[json!({}), json!(null)], &[]);
    import(s, "null.byaf", "byaf", &null, &[]).await;
    let background = byaf(
        &json!({ "name": "Bg" }),
        &[json!({ "title": "t", "backgroundImage": 5 })],
        &[("5", b"x")],
    );
    import(s, "background.byaf", "byaf", &background, &[]).await;
}

async fn odd_manifests(s: &mut Scenario) {
    let character = br#"{"name":"Manifest"}"#;
    for manifest in [
        "",
        "{",
        "null",
        "5",
        "[]",
        "{}",
        r#"{"characters":"a"}"#,
        r#"{"characters":[]}"#,
        r#"{"characters":[""]}"#,
        r#"{"characters":[null,"character.json"]}"#,
        r#"{"characters":["none.json"]}"#,
        r#"{"characters":["broken"]}"#,
        r#"{"characters":["character.json","other.json"],"scenarios":["none","broken",null,5],"author":"text"}"#,
        r#"{"characters":["r.json"],"author":{"name":5}}"#,
    ] {
        let archive = zip(&[
            ("x/manifest.json", manifest.as_bytes()),
            ("character.json", character),
            ("broken", b"{"),
        ]);
        import_byaf(s, &format!("manifest {manifest}"), &archive).await;
    }
}

/// Archives that lack something or are no archives.
async fn odd_archives(s: &mut Scenario) {
    let character = br#"{"name":"Manifest"}"#;
    let manifest = br#"{"characters":["character.json"]}"#;
    let whole = zip(&[("manifest.json", manifest), ("character.json", character)]);
    for (label, bytes) in [
        ("empty", Vec::new()),
        ("text", b"hello".to_vec()),
        ("no manifest", zip(&[("character.json", character)])),
        ("prefixed", [b"before".as_slice(), &whole].concat()),
        ("cut", whole[..whole.len() - 5].to_vec()),
        (
            "out",
            zip(&[
                ("manifest.json", manifest),
                ("../x", b""),
                ("character.json", character),
            ]),
        ),
        (
            "null",
            zip(&[("manifest.json", manifest), ("character.json", b"null")]),
        ),
        (
            "number",
            zip(&[("manifest.json", manifest), ("character.json", b"5")]),
        ),
    ] {
        if label != "number" {
            import(s, &format!("{label}.byaf"), "byaf", &bytes, &[]).await;
        }
        import(
            s,
            &format!("{label}.byaf"),
            "byaf",
            &bytes,
            &[("preserved_name", "Kept")],
        )
        .await;
    }
}

//! Cards that come as archives: all of it is stored, in its place, or nothing.

use std::io::{Cursor, Write as _};

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::characters::{avatars, get};
use crate::api::cards;
use crate::harness::{Answer, Client, Server, file};

const ENTRIES: SimpleFileOptions = SimpleFileOptions::DEFAULT;

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, ENTRIES).expect("a name");
        writer.write_all(content).expect("a vector takes any bytes");
    }
    writer.finish().expect("a vector takes any bytes").into_inner()
}

async fn import(client: &Client, kind: &str, bytes: Vec<u8>) -> Answer {
    let fields = [("file_type", kind), ("user_name", "Me")];
    client
        .upload("/api/characters/import", file("x", bytes), &fields)
        .await
}

fn charx_card(name: &str, assets: &Value) -> Vec<u8> {
    json!({ "spec": "chara_card_v3", "name": name, "data": { "name": name, "assets": assets } })
        .to_string()
        .into_bytes()
}

fn asset(kind: &str, name: &str, path: &str) -> Value {
    json!({ "type": kind, "name": name, "uri": format!("embeded://{path}"), "ext": "png" })
}

fn byaf(character: &Value, scenarios: &[Value], files: &[(&str, &[u8])]) -> Vec<u8> {
    let names: Vec<String> = (0..scenarios.len()).map(|at| format!("s{at}.json")).collect();
    let manifest = json!({ "characters": ["c/character.json"], "scenarios": names }).to_string();
    let texts: Vec<String> = scenarios.iter().map(Value::to_string).collect();
    let character = character.to_string();
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("manifest.json", manifest.as_bytes()),
        ("c/character.json", character.as_bytes()),
    ];
    entries.extend(
        names
            .iter()
            .map(String::as_str)
            .zip(texts.iter().map(String::as_bytes)),
    );
    entries.extend(files);
    zip(&entries)
}

/// Panics if anything of an import is there.
async fn nothing_is_stored(server: &Server) {
    for sql in [
        "SELECT count(*) FROM characters",
        "SELECT count(*) FROM chats",
        "SELECT count(*) FROM files WHERE folder LIKE 'characters%' OR folder LIKE 'user/images%'",
        "SELECT count(*) FROM folders WHERE path LIKE 'characters/%' OR path LIKE 'user/images/%' OR path LIKE 'chats/%'",
    ] {
        assert_eq!(server.count(sql).await, 0, "{sql}");
    }
}

#[tokio::test]
async fn a_charx_card_brings_its_pictures_to_their_places() {
    let server = Server::start().await;
    let client = server.client().await;
    let assets = json!([
        asset("icon", "main", "i.png"),
        asset("emotion", "joy", "i.png"),
        asset("background", "room", "i.png"),
        asset("x", "art", "i.png")
    ]);
    let picture = cards::picture();
    let archive = zip(&[("card.json", &charx_card("Ada", &assets)), ("i.png", &picture)]);
    let prefixed = [b"garbage".as_slice(), &archive].concat();
    let answer = import(&client, "charx", prefixed).await.expect(200).json();
    assert_eq!(answer, json!({ "file_name": "Ada" }));
    for path in [
        "/characters/Ada/joy.png",
        "/characters/Ada/backgrounds/room.png",
        "/user/images/Ada/art.png",
    ] {
        assert_eq!(client.get(path).await.expect(200).body, picture, "{path}");
    }
    let served = client.get("/characters/Ada.png").await.expect(200);
    let served = image::load_from_memory(&served.body).expect("a picture");
    assert_eq!((served.width(), served.height()), (6, 4));
}

#[tokio::test]
async fn a_byaf_card_brings_its_chats() {
    let server = Server::start().await;
    let client = server.client().await;
    let scenario = |title: &str| json!({ "title": title, "firstMessages": [{ "text": title }], "backgroundImage": "bg.png", "messages": [] });
    let long = "n".repeat(300);
    let scenarios = [
        scenario("same"),
        scenario("same"),
        scenario("same"),
        scenario(&long),
        scenario("con."),
    ];
    let picture = cards::picture();
    let archive = byaf(&json!({ "name": "Ada" }), &scenarios, &[("bg.png", &picture)]);
    import(&client, "byaf", archive).await.expect(200);
    let chats = client
        .post("/api/characters/chats", json!({ "avatar_url": "Ada.png" }))
        .await
        .expect(200)
        .json();
    let mut first: Vec<String> = Vec::new();
    for chat in chats.as_array().expect("a list") {
        let body = json!({ "avatar_url": "Ada.png", "file_name": chat["file_id"] });
        let lines = client.post("/api/chats/get", body).await.expect(200).json();
        assert_eq!(
            lines[0]["chat_metadata"]["chat_backgrounds"],
            json!(["/user/images/Ada/Ada_bg (1).png"])
        );
        first.push(lines[1]["mes"].as_str().expect("a text").to_owned());
    }
    first.sort();
    assert_eq!(
        first,
        ["con.", long.as_str(), "same", "same", "same"],
        "no chat is lost, whatever its title"
    );
    assert_eq!(
        client
            .get("/user/images/Ada/Ada_bg%20(1).png")
            .await
            .expect(200)
            .body,
        picture
    );
    let card = get(&client, "Ada.png").await.expect(200).json();
    let named = card["chat"].as_str().expect("a name");
    assert!(
        chats
            .as_array()
            .expect("a list")
            .iter()
            .any(|chat| chat["file_id"] == named),
        "{named}"
    );
}

#[tokio::test]
async fn what_fails_leaves_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    let picture = cards::picture();
    let files: [(&str, &[u8]); 3] = [
        ("bg.png", &picture),
        ("c/a.png", &picture),
        ("c/bad.n\0ul", &picture),
    ];
    let good = json!({ "title": "t", "backgroundImage": "bg.png", "messages": [] });
    let images = json!([{ "path": "a.png" }, { "path": "a.png", "label": "x" }]);
    for (character, scenario) in [
        (
            json!({ "name": "Ada", "images": images }),
            json!({ "messages": [{ "createdAt": 1, "type": "ai" }] }),
        ),
        (json!({ "name": "Ada", "images": images }), json!(null)),
        (
            json!({ "name": "Ada", "images": [{ "path": "a.png" }, { "path": "bad.n\0ul" }] }),
            json!({}),
        ),
        (
            json!({ "name": "Ada", "images": [{ "path": "a.png" }, { "path": "a.png", "label": [] }] }),
            json!({}),
        ),
    ] {
        let archive = byaf(&character, &[good.clone(), scenario], &files);
        let answer = import(&client, "byaf", archive).await.expect(200);
        assert_eq!(answer.json(), json!({ "error": true }), "{character}");
        nothing_is_stored(&server).await;
    }
    let nameless = byaf(&json!({ "images": images }), &[good], &files);
    import(&client, "byaf", nameless).await.expect(400);
    let assets = json!([asset("emotion", "joy", "i.png")]);
    let nameless = zip(&[("card.json", &charx_card("?", &assets)), ("i.png", &picture)]);
    import(&client, "charx", nameless).await.expect(400);
    nothing_is_stored(&server).await;
}

#[tokio::test]
async fn bombs_are_refused() {
    let server = Server::start().await;
    let client = server.client().await;
    let card = charx_card(
        "Ada",
        &json!([
            asset("emotion", "small", "small.png"),
            asset("emotion", "bomb", "bomb.png")
        ]),
    );
    let zeroes = vec![0; 129 << 20];
    let inflating = zip(&[
        ("card.json", &card),
        ("small.png", b"small"),
        ("bomb.png", &zeroes),
    ]);
    drop(zeroes);
    assert!(inflating.len() < 1 << 20);
    let names: Vec<String> = (0..10_001).map(|number| format!("{number}")).collect();
    let mut entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    entries.push(("card.json", &card));
    let many_entries = zip(&entries);
    let assets: Vec<Value> = names
        .iter()
        .map(|name| asset("emotion", name, "small.png"))
        .collect();
    let many_assets = zip(&[
        ("card.json", &charx_card("Ada", &assets.into())),
        ("small.png", b"small"),
    ]);
    for (label, archive) in [
        ("inflating", inflating),
        ("entries", many_entries),
        ("assets", many_assets),
    ] {
        let answer = import(&client, "charx", archive).await.expect(413);
        assert!(answer.json()["error"].is_string(), "{label}");
        nothing_is_stored(&server).await;
    }
    let scenarios = vec![json!("s0.json"); 10_001];
    let manifest = json!({ "characters": ["c"], "scenarios": scenarios }).to_string();
    let archive = zip(&[
        ("manifest.json", manifest.as_bytes()),
        ("c", b"{\"name\":\"Ada\"}"),
    ]);
    import(&client, "byaf", archive).await.expect(413);
    nothing_is_stored(&server).await;
}

#[tokio::test]
async fn nothing_leaves_its_folder() {
    let server = Server::start().await;
    let client = server.client().await;
    let picture = cards::picture();
    let mut assets = Vec::new();
    for path in [
        "../a.png",
        "x/../../a.png",
        "/../a.png",
        "..\\a.png",
        "a.png",
        "link.png",
    ] {
        for name in [
            "../../x",
            "..",
            "a/b",
            "\u{0}",
            "%2e%2e%2fx",
            "...",
            "x/../../../y.png",
        ] {
            for kind in ["emotion", "background", "other"] {
                assets.push(asset(kind, name, path));
            }
        }
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("card.json", ENTRIES).expect("a name");
    let card = charx_card("../../Ada/..", &assets.into());
    writer.write_all(&card).expect("a vector takes any bytes");
    writer.start_file("a.png", ENTRIES).expect("a name");
    writer.write_all(&picture).expect("a vector takes any bytes");
    writer
        .add_symlink("link.png", "/etc/passwd", ENTRIES)
        .expect("a name");
    let archive = writer.finish().expect("a vector takes any bytes").into_inner();
    let answer = import(&client, "charx", archive).await.expect(200).json();
    assert_eq!(answer, json!({ "file_name": "....Ada" }));
    let images = json!([{ "path": "a.png" }, { "path": "a.png", "label": "../../x" }, { "path": "a.png/../..", "label": ".." }]);
    let character = json!({ "name": "../Bob", "displayName": "../../Bob", "images": images });
    let scenario = json!({ "title": "../../../t", "backgroundImage": "bg/../../a.png", "messages": [] });
    let files: [(&str, &[u8]); 1] = [("c/a.png", &picture)];
    let archive = byaf(&character, &[scenario], &files);
    let answer = import(&client, "byaf", archive).await.expect(200).json();
    assert_eq!(answer, json!({ "file_name": ".._.._Bob" }));
    let stored = "SELECT count(*) FROM files WHERE folder LIKE 'characters/%' OR folder LIKE 'user/images/%'";
    assert!(server.count(stored).await > 3);
    let strays = "SELECT count(*) FROM files WHERE (folder LIKE 'characters%' OR folder LIKE 'user/images%')
                  AND (folder NOT IN ('characters/....Ada', 'characters/....Ada/backgrounds', 'user/images/....Ada',
                                      'characters/..Bob', 'user/images/.._.._Bob') OR name LIKE '%/%' OR name IN ('.', '..'))";
    assert_eq!(server.count(strays).await, 0);
    let links = "SELECT count(*) FROM files WHERE folder LIKE '%Ada%' AND size = 11";
    assert_eq!(server.count(links).await, 0, "the target of a link is no picture");
    assert_eq!(avatars(&client).await, ["....Ada.png", ".._.._Bob.png"]);
}

#[tokio::test]
async fn a_nameless_card_that_replaces_another_keeps_to_a_folder_of_its_own() {
    let server = Server::start().await;
    let client = server.client().await;
    super::characters::import(&client, "joy").await;
    let assets = json!([asset("emotion", "joy", "i.png")]);
    let archive = zip(&[("card.json", &charx_card("?", &assets)), ("i.png", b"i")]);
    let fields = [("file_type", "charx"), ("preserved_name", "Kept.png")];
    let answer = client
        .upload("/api/characters/import", file("x", archive), &fields)
        .await;
    assert_eq!(answer.expect(200).json(), json!({ "file_name": "Kept" }));
    assert_eq!(
        client.get("/characters/Kept/joy.png").await.expect(200).body,
        &b"i"[..]
    );
    assert_eq!(
        get(&client, "joy.png").await.expect(200).json()["name"],
        "joy",
        "no card is taken for a sprite"
    );
}

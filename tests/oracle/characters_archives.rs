//! Importing what brings more than a card: shared by the CharX and BYAF scenarios, and what cards carry inside.

use std::io::{Cursor, Write as _};

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::characters::{GET, avatar};
use super::dsl::file;
use super::fixtures::{card, encode};
use super::scenario::Scenario;

/// The route.
pub const IMPORT: &str = "/api/characters/import";

#[tokio::test]
async fn oracle_characters_brought_along() {
    let mut s = Scenario::start("characters_brought_along", "").await;
    risu(&mut s).await;
    yaml(&mut s).await;
    s.finish();
}

/// An archive with deflated entries.
pub fn deflated(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .expect("a name");
        writer.write_all(content).expect("a vector takes any bytes");
    }
    writer.finish().expect("a vector takes any bytes").into_inner()
}

/// Imports a file and reads the card back, when there is one.
pub async fn import(s: &mut Scenario, label: &str, kind: &str, bytes: &[u8], more: &[(&str, &str)]) {
    let mut fields = vec![("file_type", kind), ("user_name", "Me")];
    fields.extend(more);
    s.upload(IMPORT, file(label, bytes), &fields).await;
    if s.answer().text().contains("file_name") {
        s.capture("made", "/file_name");
        s.post(GET, avatar("{{made}}.png")).await;
        s.get("/characters/{{made}}.png").await;
    }
}

/// What stands in the folders of a character, and each of these files.
pub async fn look(s: &mut Scenario, name: &str, files: &[&str]) {
    s.get(&format!("/api/sprites/get?name={}", encode(name))).await;
    s.post("/api/images/list", json!({ "folder": name, "type": 7 }))
        .await;
    for path in files {
        s.get(path).await;
    }
}

/// Pictures inside the JSON of a RisuAI card.
async fn risu(s: &mut Scenario) {
    let risu = |name: &str, risu: Value| {
        json!({ "spec": "chara_card_v3", "name": "top", "data": { "name": name, "extensions": { "risuai": risu } } }).to_string()
    };
    for (at, (name, value)) in [
        ("Risu", json!({ "emotions": [["happy", "iVBORw0KGgo="], ["sad.x", "AAAA"]], "additionalAssets": [["extra", "AAAA", "png"], ["happy", "AAAA"]], "stay": 1 })),
        ("Risu", json!({ "emotions": [["happy", "////"], ["new", "////"]] })),
        ("Risu/odd: ?", json!({ "emotions": [["a/b", "AAAA"], ["e\u{301}🦊", "AA=="], ["", "AAAA"]] })),
        ("Risu stops", json!({ "emotions": [["fine", "AAAA"], ["con", "AAAA"], ["after", "AAAA"]] })),
        ("Risu null", json!({ "emotions": [["fine", "AAAA"], null, ["after", "AAAA"]] })),
        ("Risu text", json!({ "emotions": ["ab", ["after", "AAAA"]] })),
        ("Risu none", json!({ "emotions": [], "additionalAssets": "text" })),
        ("Risu list", json!([])),
    ]
    .into_iter()
    .enumerate()
    {
        let text = risu(name, value);
        import(s, &format!("risu {at}.json"), "json", text.as_bytes(), &[]).await;
        import(s, &format!("risu {at}.png"), "png", &card(&[("ccv3", &text)]), &[]).await;
        s.get(&format!("/api/sprites/get?name={}", encode(&name.replace(['/', ':', '?'], "")))).await;
    }
    let paths =
        ["happy.png", "sad.x.png", "extra.png", "new.png"].map(|name| format!("/characters/Risu/{name}"));
    look(s, "Risu", &paths.each_ref().map(String::as_str)).await;
}

/// YAML with what YAML can be.
async fn yaml(s: &mut Scenario) {
    for (at, text) in [
        "name: Folded\ncontext: >\n  a\n  b\n\n  c\ngreeting: |+\n  x\n\n",
        "\u{feff}name: Marked\n",
        "---\nname: Document\n...\n",
        "name: One\n---\nname: Two\n",
        "%YAML 1.1\n---\nname: Directive\ngreeting: yes\n",
        "{name: Flow, context: \"a\\u0041\\n\", greeting: 'it''s'}",
        "base: &b {x: 1}\nname: &n Anchor\ncontext: *n\ngreeting: *b\n",
        "name: Merge\n<<: {context: merged}\n",
        "name: Bool\ncontext: yes\ngreeting: true\n",
        "name: Numbers\ncontext: 0x1F\ngreeting: 1e3\n",
        "name: Infinite\ncontext: .inf\ngreeting: .nan\n",
        "name: Nulls\ncontext: ~\ngreeting:\n",
        "name: Date\ncontext: 2024-05-06\ngreeting: 12:30:45\n",
        "name: Keys\n5: x\ntrue: y\nnull: z\n? [a, b]\n: w\n",
        "name: Tagged\ncontext: !!str 5\ngreeting: !mine text\n",
        "name: Twice\nname: Again\n",
        "name: Map\ncontext: {a: 1, b: [2]}\ngreeting: [x, y]\n",
        "name: \"Quoted # no comment\" # comment\r\ncontext: a # comment\r\n",
        "name: Tab\n\tcontext: x\n",
        "name: *missing\n",
        "'name': Single\n\"context\": double\n",
        "name: 😀\ncontext: \"\\ud83d\"\n",
        "# only a comment\n",
        "just text",
        "name:\n",
        "name: yes\n",
        "name: \"\"\n",
        "name: a/b\n",
    ]
    .iter()
    .enumerate()
    {
        import(s, &format!("{at}.yaml"), "yaml", text.as_bytes(), &[]).await;
    }
    import(s, "latin.yaml", "yaml", b"name: Latin\ncontext: \xe9t\xe9\n", &[]).await;
}

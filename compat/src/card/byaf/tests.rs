use chrono::{DateTime, Local, TimeZone, Utc};
use proptest::prelude::{any, proptest};
use serde_json::{Value, json};

use super::card::with_macros;
use super::{Byaf, Error, beside, chat_file_name, read};
use crate::card::members::fixture::zip;
use crate::zip::Limits;

fn now() -> DateTime<Local> {
    Local
        .with_ymd_and_hms(2024, 5, 6, 7, 8, 9)
        .single()
        .expect("a moment")
}

/// An archive of a character and scenarios, with some more files.
fn archive(character: &Value, scenarios: &[Value], files: &[(&str, &[u8])]) -> Vec<u8> {
    let names: Vec<String> = (0..scenarios.len())
        .map(|at| format!("scenarios/s{at}.json"))
        .collect();
    let manifest = json!({ "characters": ["characters/c/character.json", "ignored"], "scenarios": names,
                           "author": { "name": "An author", "backyardURL": "https://example.invalid" } });
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
    zip(&entries)
}

fn read_all(file: &[u8]) -> Byaf {
    read(file, Limits::default(), now()).expect("a card")
}

fn lines(byaf: &Byaf, at: usize) -> Result<Vec<Value>, Error> {
    let user = json!("Me");
    let lines = byaf.chat_lines(&byaf.scenarios[at], Some(&user), None, now().with_timezone(&Utc))?;
    Ok(lines
        .iter()
        .map(|line| serde_json::from_slice(line).expect("JSON"))
        .collect())
}

#[test]
fn a_character_becomes_a_card() {
    let character = json!({ "name": "Real", "displayName": "Shown: it", "isNSFW": true,
        "persona": "{character} #{User}: {USER} {{user}} {user}}",
        "loreItems": [{ "key": " a, ,{user}", "value": "{character}" }, null, { "value": 5 }] });
    let scenarios = [
        json!({ "narrative": "n {user}", "formattingInstructions": "f", "firstMessages": [{ "text": "Hi" }],
                "exampleMessages": [{ "text": "#{character}: x" }, { "text": "" }, { "text": "last \n" }] }),
        json!({ "firstMessages": [{ "text": "Hi" }] }),
        json!({ "firstMessages": [{ "text": "Other {user}" }] }),
        json!({ "firstMessages": [{ "text": "Other {USER}" }] }),
    ];
    let card = read_all(&archive(&character, &scenarios, &[])).card;
    assert_eq!(
        card["data"],
        json!({
            "name": "Real", "description": "{{char}} {{user}}: {{user}} {{user}} {user}}", "personality": "",
            "scenario": "n {{user}}", "first_mes": "Hi",
            "mes_example": "<START>\n{{char}}: x\n<START>\nlast",
            "creator_notes": "https://example.invalid", "system_prompt": "f", "post_history_instructions": "",
            "alternate_greetings": ["Other {{user}}"],
            "character_book": { "entries": [
                { "keys": ["a", "{{user}}"], "content": "{{char}}", "extensions": {}, "enabled": true, "insertion_order": 0 },
                { "keys": [], "content": "5", "extensions": {}, "enabled": true, "insertion_order": 2 }
            ], "extensions": {} },
            "tags": ["nsfw"], "creator": "An author", "character_version": "",
            "extensions": { "display_name": "Shown: it" }
        })
    );
    assert_eq!(
        (&card["name"], &card["first_mes"]),
        (&json!("Real"), &json!("Hi"))
    );
    let byaf = read_all(&archive(&json!({}), &[], &[]));
    assert_eq!(byaf.card["data"]["extensions"], json!({}));
    assert!(byaf.card["data"].get("character_book").is_none());
    assert_eq!((byaf.scenarios.len(), byaf.images.len()), (1, 0));
    assert_eq!(byaf.internal_name().ok().as_deref(), Some(""));
}

#[test]
fn names_come_from_what_is_shown() {
    let byaf = read_all(&archive(
        &json!({ "name": "a/b", "displayName": "x: y" }),
        &[],
        &[],
    ));
    assert_eq!(byaf.internal_name().ok().as_deref(), Some("x_ y"));
    assert_eq!(byaf.folder().ok().as_deref(), Some("ab"));
    let byaf = read_all(&archive(&json!({ "name": 5 }), &[], &[]));
    assert!(byaf.internal_name().is_err() && byaf.folder().is_err());
    assert!(
        read_all(&archive(&json!(null), &[], &[]))
            .internal_name()
            .is_err()
    );
}

#[test]
fn pictures_lie_beside_the_character() {
    let images = json!([
        { "path": "images/a.png", "label": "smile?" },
        { "path": "/images/b", "label": "" },
        { "path": "images/none.png" },
        {}, null
    ]);
    let files: [(&str, &[u8]); 2] = [
        ("characters/c/images/a.png", b"A"),
        ("characters/c/images/b", b"B"),
    ];
    let byaf = read_all(&archive(&json!({ "images": images }), &[], &files));
    let names: Vec<_> = byaf
        .images
        .iter()
        .filter_map(|image| image.base_name().ok())
        .collect();
    let name = |base: &str| (base.to_owned(), ".png".to_owned());
    assert_eq!(names, [name("smile_"), name("alt")]);
    assert_eq!(byaf.images[1].bytes, b"B");
    assert_eq!(beside("character.json", "a.png"), "./a.png");
    let odd = archive(&json!({ "images": [{ "path": 5 }] }), &[], &[]);
    assert!(matches!(
        read(&odd, Limits::default(), now()),
        Err(Error::Shape(_))
    ));
}

#[test]
fn equal_backgrounds_are_one() {
    let scenarios = [
        json!({ "backgroundImage": "bg/one.jpg" }),
        json!({ "backgroundImage": "bg/same" }),
        json!({ "backgroundImage": "bg/none.png" }),
        json!({ "backgroundImage": "bg/two" }),
        json!({}),
    ];
    let files: [(&str, &[u8]); 3] = [("bg/one.jpg", b"1"), ("bg/same", b"1"), ("bg/two", b"2")];
    let byaf = read_all(&archive(&json!({ "name": "N" }), &scenarios, &files));
    let extensions: Vec<_> = byaf
        .backgrounds
        .iter()
        .filter_map(|bg| bg.extension().ok())
        .collect();
    assert_eq!(extensions, [".jpg", ".png"]);
    let of: Vec<_> = byaf
        .scenarios
        .iter()
        .map(|scenario| byaf.background_of(scenario))
        .collect();
    assert_eq!(of, [Some(0), Some(0), None, Some(1), None]);
}

#[test]
fn messages_alternate_when_they_can() {
    let ai = |text: &str, at: i64| {
        json!({ "type": "ai", "outputs": [
            { "text": "older", "createdAt": 1, "activeTimestamp": "2024-01-01T00:00:00Z" },
            { "text": text, "createdAt": at, "activeTimestamp": "2024-01-02T00:00:00Z" }] })
    };
    let human = |text: &str, at: i64| json!({ "type": "human", "text": text, "createdAt": at });
    let scenario = json!({ "firstMessages": [{ "text": "Hi {user}" }],
        "messages": [human("one", 10), human("two", 20), ai("un", 11), ai("deux", 21)] });
    let uneven = json!({ "messages": [human("one", 10), human("two", 20), ai("un", 11)] });
    let byaf = read_all(&archive(
        &json!({ "name": "N" }),
        &[scenario, uneven, json!({})],
        &[],
    ));
    let chat = lines(&byaf, 0).expect("a chat");
    assert_eq!(
        chat[1],
        json!({ "name": "N", "is_user": false, "send_date": 10, "mes": "Hi {user}" })
    );
    assert_eq!(
        chat[2],
        json!({ "name": "Me", "is_user": true, "send_date": 10, "mes": "one" })
    );
    assert_eq!(
        chat[3],
        json!({ "name": "N", "is_user": false, "send_date": 11, "mes": "un", "swipes": ["older", "un"], "swipe_id": 1 })
    );
    assert_eq!(
        (&chat[4]["mes"], &chat[5]["mes"]),
        (&json!("two"), &json!("deux"))
    );
    let texts: Vec<_> = lines(&byaf, 1).expect("a chat")[1..]
        .iter()
        .map(|line| line["mes"].clone())
        .collect();
    assert_eq!(texts, ["one", "two", "un"]);
    assert_eq!(lines(&byaf, 2).expect("a chat").len(), 1);
}

#[test]
fn a_header_keeps_the_settings_of_the_scenario() {
    let scenario = json!({ "narrative": "n", "model": "m", "topK": 0, "minPEnabled": false, "grammar": "g", "messages": [] });
    let byaf = read_all(&archive(&json!({ "name": "N" }), &[scenario], &[]));
    let now = now().with_timezone(&Utc);
    let chat = byaf.chat_lines(&byaf.scenarios[0], None, Some("/user/images/N/N_bg (1).png"), now);
    let header: Value = serde_json::from_slice(&chat.expect("a chat")[0]).expect("JSON");
    let metadata = &header["chat_metadata"];
    assert_eq!(
        metadata["custom_background"],
        "url(\"/user/images/N/N_bg%20(1).png\")"
    );
    assert_eq!(
        metadata["chat_backgrounds"],
        json!(["/user/images/N/N_bg (1).png"])
    );
    assert_eq!(
        metadata["byaf_model_settings"].to_string(),
        r#"{"model":"m","temperature":1.2,"top_k":0,"top_p":0.9,"min_p":0.1,"min_p_enabled":false,"repeat_penalty":1.05,"repeat_penalty_tokens":256,"by_prompt_template":"general","grammar":"g"}"#
    );
}

#[test]
fn malformed_messages_are_refused() {
    for messages in [
        json!("text"),
        json!({}),
        json!([{}]),
        json!([null]),
        json!([{ "createdAt": 1 }]),
        json!([{ "createdAt": 1, "type": "ai" }]),
        json!([{ "createdAt": 1, "type": "ai", "outputs": [] }]),
        json!([{ "createdAt": 1, "type": "ai", "outputs": [null] }]),
    ] {
        let byaf = read_all(&archive(
            &json!({ "name": "N" }),
            &[json!({ "messages": messages })],
            &[],
        ));
        // Neither kind of message is no message at all.
        let is_neither = messages == json!([{ "createdAt": 1 }]);
        assert!(lines(&byaf, 0).is_err() != is_neither, "{messages}");
    }
}

#[test]
fn a_chat_is_named_after_its_title_and_stays_a_chat() {
    let name = chat_file_name("a/b", now());
    assert_eq!(name, "a_b - 2024-05-06@07h08m09s000ms imported.jsonl");
    for title in ["n".repeat(300), "ä".repeat(200), "con.".to_owned()] {
        let name = chat_file_name(&title, now());
        assert!(name.ends_with("ms imported.jsonl") && name.len() <= 255, "{name}");
    }
}

#[test]
fn what_is_no_character_is_refused() {
    let limits = Limits {
        entries: 3,
        entry_bytes: 1000,
        total_bytes: 2000,
    };
    for (file, is_limit) in [
        (zip(&[("x", b"")]), false),
        (zip(&[("manifest.json", b"[]")]), false),
        (zip(&[("manifest.json", b"{}")]), false),
        (zip(&[("manifest.json", br#"{"characters":[]}"#)]), false),
        (zip(&[("manifest.json", br#"{"characters":["a"]}"#)]), false),
        (
            zip(&[("manifest.json", br#"{"characters":["a"]}"#), ("a", b"{")]),
            false,
        ),
        (zip(&[("manifest.json", &[b' '; 1001])]), true),
        (
            zip(&[
                ("manifest.json", br#"{"characters":["a"],"scenarios":[1,2,3,4]}"#),
                ("a", b"{}"),
            ]),
            true,
        ),
        (
            zip(&[
                (
                    "manifest.json",
                    br#"{"characters":["a"],"scenarios":["b","b","b"]}"#,
                ),
                ("a", b"{}"),
                ("b", &[b' '; 900]),
            ]),
            true,
        ),
    ] {
        let refused = read(&file, limits, now()).map(drop);
        assert_eq!(
            matches!(&refused, Err(Error::Zip(error)) if error.is_limit()),
            is_limit,
            "{refused:?}"
        );
        assert!(refused.is_err());
    }
}

proptest! {
    #[test]
    fn arbitrary_texts_never_panic(bytes: Vec<u8>, text: String, other: String) {
        let _ = read(&bytes, Limits::default(), now());
        let _ = read(&zip(&[("manifest.json", &bytes)]), Limits::default(), now());
        let _ = with_macros(Some(&json!(text)));
        let name = chat_file_name(&text, now());
        assert!(name.ends_with(".jsonl") && name.len() <= 255 && !name.contains('/'));
        let character = json!({ "name": text, "displayName": other, "images": [{ "path": other, "label": text }] });
        let scenario = json!({ "title": text, "backgroundImage": other, "firstMessages": [{ "text": text }], "messages": [] });
        if let Ok(byaf) = read(&archive(&character, &[scenario], &[]), Limits::default(), now()) {
            assert!(lines(&byaf, 0).is_ok());
        }
    }

    #[test]
    fn mutated_archives_never_panic(
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let scenario = json!({ "backgroundImage": "bg", "messages": [{ "type": "human", "createdAt": 1 }] });
        let mut file = archive(&json!({ "name": "N", "images": [{ "path": "a" }] }), &[scenario], &[("bg", b"1")]);
        for (place, value) in edits {
            let place = place.index(file.len());
            file[place] = value;
        }
        if let Ok(byaf) = read(&file, Limits::default(), now()) {
            for at in 0..byaf.scenarios.len() {
                let _ = (lines(&byaf, at), byaf.chat_title(&byaf.scenarios[at]));
            }
        }
    }
}

//! `/api/content`: characters and lorebooks of Chub.

use serde_json::{Value, json};

use super::content::{CONFIG, FAILURES, URL, UUID, data_link, failure, import, last, pictures};
use super::fixtures;
use super::scenario::Scenario;
use crate::harness::{Reply, Request, Sites};

/// How Chub describes a character with this picture and these changes.
fn chub_character(picture: &Value, changes: &Value) -> Reply {
    let mut definition = json!({
        "name": "Ada: the \"Good\"?", "personality": "desc", "tavern_personality": "bright", "scenario": "s",
        "first_message": "hi 🦊", "example_dialogs": "ex", "description": "notes", "system_prompt": "sys",
        "post_history_instructions": "phi", "alternate_greetings": ["a"], "embedded_lorebook": { "entries": [] },
        "extensions": { "chub": { "id": 1.0, "10": 2, "2": 3 } }, "unknown": 5
    });
    for (key, value) in changes.as_object().into_iter().flatten() {
        definition[key] = value.clone();
    }
    Reply::json(&json!({ "node": { "definition": definition, "topics": ["x", 5], "max_res_url": picture } }))
}

fn chub_page(request: &Request) -> Reply {
    let name = last(request);
    let good = json!("https://pictures.example/good.png");
    match name.as_str() {
        "good" => chub_character(&good, &json!({})),
        "bom" => Reply::bytes(
            "application/json",
            "\u{feff}{\"node\":{\"definition\":{\"name\":\"Bom\"}}}",
        ),
        "bare" => Reply::json(&json!({ "node": { "definition": { "name": "Bare" } } })),
        "unicode" => chub_character(&good, &json!({ "name": "日本 🦊" })),
        "latin" => chub_character(&good, &json!({ "name": "Café\n" })),
        "dots" => chub_character(&good, &json!({ "name": ".." })),
        "number" => chub_character(&good, &json!({ "name": 5 })),
        "nameless" => chub_character(&good, &json!({ "name": null })),
        "definition" => Reply::json(&json!({ "node": { "definition": null } })),
        "word" => Reply::json(&json!({ "node": { "definition": "word", "max_res_url": good } })),
        "node" => Reply::json(&json!({ "node": null })),
        "picture-none" => chub_character(&json!(""), &json!({})),
        "picture-false" => chub_character(&json!(false), &json!({})),
        "picture-list" => chub_character(&json!([good]), &json!({})),
        "picture-number" => chub_character(&json!(5), &json!({})),
        "picture-data" => chub_character(&json!(data_link("image/png", &fixtures::png(9, 9))), &json!({})),
        "picture-path" => chub_character(&json!("/a.png"), &json!({})),
        "picture-user" => chub_character(&json!("https://a:b@pictures.example/good.png"), &json!({})),
        _ if name.starts_with("picture-") => {
            let link = format!("https://pictures.example/{}", name.trim_start_matches("picture-"));
            chub_character(&json!(link), &json!({}))
        }
        "id-0" => Reply::json(&json!({ "node": { "id": 0 } })),
        "id-text" => Reply::json(&json!({ "node": { "id": "a b/c" } })),
        "id-e404" => Reply::json(&json!({ "node": { "id": 404 } })),
        "id-untyped" => Reply::json(&json!({ "node": { "id": 7 } })),
        _ if name.starts_with("book") => Reply::json(&json!({ "node": { "id": 1234 } })),
        "raw" => match request.url.split('/').nth(6) {
            Some("404") => Reply::status("404 Not Found"),
            Some("7") => Reply::bytes("", "{}"),
            _ => Reply::bytes("application/json", "{\"entries\":{ }}"),
        },
        _ => failure(&name).unwrap_or_else(|| Reply::status("404 Not Found")),
    }
}

/// Projects that are characters.
#[rustfmt::skip] // a table
const CHARACTERS: &[&str] = &[
    "good", "bom", "bare", "unicode", "latin", "dots", "number", "nameless", "definition", "word", "node",
    "picture-none", "picture-false", "picture-list", "picture-number", "picture-data", "picture-path", "picture-user",
    "picture-card.png", "picture-photo.jpg", "picture-text.png", "picture-moved", "picture-e404", "picture-hangup",
    "picture-cut", "picture-away",
];

/// What may follow Chub's host.
#[rustfmt::skip] // a table
const PATHS: &[&str] = &[
    "", "/", "/ada", "/ada/good", "/ada/good/", "/users/ada/good", "/Characters/ada/good", "/LOREBOOKS/ada/book",
    "/characters", "/characters/", "/characters/ada", "/characters/ada/good/extra", "/characters/ada/good?x=1",
    "/characters/ada/good#frag", "/characters/../good", "/characters/a b/c%20d", "/characters/é/🦊",
    "/characters/a|b/{c}^`", "/lorebooks/ada", "/x/chub.ai/characters/ada/good", "/characters/ada/a\\b",
];

#[tokio::test]
async fn oracle_content_chub() {
    let sites = Sites::default();
    pictures(&sites);
    sites.below("https://api.chub.ai/", chub_page);
    let mut scenario = Scenario::in_world("content_chub", CONFIG, &sites).await;
    let s = &mut scenario;
    for name in CHARACTERS {
        import(s, URL, format!("https://chub.ai/characters/ada/{name}")).await;
    }
    for name in ["good", "latin", "unicode", "e404", "node"] {
        import(s, UUID, format!("ada/{name}")).await;
    }
    for name in FAILURES {
        import(s, URL, format!("https://www.characterhub.org/ada/{name}")).await;
        import(s, URL, format!("https://chub.ai/lorebooks/ada/{name}")).await;
    }
    for name in [
        "book",
        "book<>:2",
        "id-0",
        "id-text",
        "id-e404",
        "id-untyped",
        "e404",
    ] {
        import(s, URL, format!("https://www.chub.ai/lorebooks/ada/{name}")).await;
        import(s, UUID, format!("lorebooks/ada/{name}")).await;
    }
    for path in PATHS {
        import(s, URL, format!("https://chub.ai{path}")).await;
    }
    for host in [
        "venus.chub.ai",
        "chub.ai:8443",
        "CHUB.AI",
        "chub.ai.",
        "notchub.ai",
    ] {
        import(s, URL, format!("https://{host}/characters/ada/good")).await;
    }
    for odd in [
        "x",
        "lorebook",
        "lorebooks/ada",
        "a/lorebook/c",
        "/",
        "ada/../../x",
        "ada/good?a",
        "é/🦊",
        " ",
    ] {
        import(s, UUID, odd).await;
    }
    s.raw(UUID, "{\"url\":\"a\\ud800/b\"}").await;
    s.reached("a lone surrogate").await;
    scenario.finish();
}

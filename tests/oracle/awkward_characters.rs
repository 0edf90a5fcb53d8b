//! Awkward requests to the characters.

use serde_json::json;

use super::awkward::{NO_TEXT, Omitted, Row, UNSPEAKABLE, left_out, run_without};
use super::awkward_forms::Form;
use super::dsl::{Call, post};
use super::fixtures::png;
use super::scenario::Scenario;

/// Ends of the names of the steps of a form where a field is no text.
const NO_TEXT_OF_A_FORM: &[&str] = &[" missing", " repeated", " list", " object", " with toString"];

const LEFT_OUT: &[Omitted<'_>] = &[
    left_out(
        "POST /api/characters/edit avatar_url",
        NO_TEXT_OF_A_FORM,
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/edit (json) avatar_url",
        NO_TEXT,
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/edit (json) avatar_url",
        &[" missing", "=null", "=0"],
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/edit ch_name",
        &[" object", " with toString"],
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/edit (json) ch_name",
        UNSPEAKABLE,
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/edit (json) fav",
        UNSPEAKABLE,
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/edit (json) world",
        UNSPEAKABLE,
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/edit (json) depth_prompt_depth",
        UNSPEAKABLE,
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/edit (json) extensions",
        UNSPEAKABLE,
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/edit (json) json_data",
        NO_TEXT,
        "Ends the process where it is a number or `true`.",
    ),
    left_out(
        "POST /api/characters/edit-attribute field",
        &["=\"__proto__\"", "=\"constructor\""],
        "Finds what every object of JavaScript has, and stores it in the card, where all later reads show it.",
    ),
    left_out(
        "POST /api/characters/rename avatar_url",
        NO_TEXT,
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/rename new_name",
        NO_TEXT,
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/delete avatar_url",
        NO_TEXT,
        "Ends the process.",
    ),
    left_out(
        "POST /api/characters/delete delete_chats",
        UNSPEAKABLE,
        "Ends the process.",
    ),
];

#[tokio::test]
async fn oracle_awkward_characters() {
    let mut s = Scenario::start("awkward_characters", "").await;
    let rows: Vec<Row> = [reads(), changes(), forms(), moves()]
        .into_iter()
        .flatten()
        .collect();
    s.send(create("Awk")).await;
    // The original changes many cards at once, and lists them as they come.
    s.post(
        "/api/characters/delete",
        json!({ "avatar_url": "default_Seraphina.png" }),
    )
    .await;
    run_without(&mut s, &rows, LEFT_OUT).await;
    s.finish();
}

fn create(name: &str) -> Call {
    post(
        "/api/characters/create",
        &json!({ "ch_name": name, "file_name": name, "description": "d", "tags": "a, b" }),
    )
}

impl Row {
    /// Deletes the cards whose chats would be the folder of all chats, and what is around it: their sizes are no card's;
    /// and the one that has half a character for a name in the original.
    fn without_odd_cards(self) -> Row {
        [".png", "..png", "...png", "\u{fffd}.png"]
            .iter()
            .fold(self, |row, avatar| {
                row.read(post("/api/characters/delete", &json!({ "avatar_url": avatar })))
            })
    }
}

fn read() -> Call {
    post("/api/characters/get", &json!({ "avatar_url": "Awk.png" }))
}

fn all() -> Call {
    post("/api/characters/all", &json!({}))
}

fn reads() -> Vec<Row> {
    let awk = json!({ "avatar_url": "Awk.png" });
    vec![
        Row::json("/api/characters/get", awk.clone()),
        Row::json("/api/characters/all", json!({ "unknown": 1 })),
        Row::json("/api/characters/chats", awk),
        Row::json(
            "/api/characters/export",
            json!({ "format": "json", "avatar_url": "Awk.png" }),
        ),
        Row::json(
            "/api/characters/export",
            json!({ "format": "png", "avatar_url": "Awk.png" }),
        )
        .called("(png)"),
    ]
}

fn forms() -> Vec<Row> {
    let picture = || png(12, 16);
    let edited = json!({
        "ch_name": "Awk", "avatar_url": "Awk.png", "chat": "c", "create_date": "d", "description": "d", "tags": "a, b",
        "talkativeness": "0.5", "fav": "false", "world": "", "alternate_greetings": ["x"], "depth_prompt_prompt": "p",
        "depth_prompt_depth": "4", "depth_prompt_role": "system", "extensions": "{}", "json_data": "{}", "creator": "me"
    });
    vec![
        Row::form(
            "/api/characters/create",
            Form::with_file(&[("ch_name", "New"), ("file_name", "New")], "n.png", picture()),
        )
        .without_odd_cards()
        .read(all()),
        Row::json("/api/characters/create", json!({ "ch_name": "Own" }))
            .called("(own name)")
            .without_odd_cards()
            .read(all()),
        Row::json(
            "/api/characters/create",
            json!({ "ch_name": "Made", "file_name": "Made", "extensions": "{}", "tags": "a" }),
        )
        .called("(json)")
        .without_odd_cards()
        .read(all()),
        Row::form(
            "/api/characters/edit",
            Form::with_file(
                &[("ch_name", "Awk"), ("avatar_url", "Awk.png")],
                "n.png",
                picture(),
            ),
        )
        .read(read()),
        Row::json("/api/characters/edit", edited)
            .called("(json)")
            .each(read())
            .without_odd_cards()
            .read(all()),
        Row::form(
            "/api/characters/edit-avatar",
            Form::with_file(&[("avatar_url", "Awk.png")], "n.png", picture()),
        )
        .read(read()),
    ]
}

fn changes() -> Vec<Row> {
    vec![
        Row::json("/api/characters/edit-attribute", json!({ "avatar_url": "Awk.png", "ch_name": "Awk", "field": "creator", "value": "v" })).each(read()),
        Row::json("/api/characters/merge-attributes", json!({ "avatar": "Awk.png", "data": { "creator": "m", "extensions": { "x": 1 } } }))
            .inner(&["/data/creator", "/data/extensions", "/data/extensions/x"])
            .before(create("Awk"))
            .each(read()),
        Row::json("/api/characters/merge-attributes", json!({ "avatars": ["Awk.png"], "data": { "creator": "m" }, "filter": { "path": "data.creator" } }))
            .called("(many)")
            .inner(&["/avatars/0", "/filter/path", "/data/creator"])
            .before(create("Awk"))
            .each(read()),
    ]
}

fn moves() -> Vec<Row> {
    vec![
        Row::json("/api/characters/duplicate", json!({ "avatar_url": "Awk.png" }))
            .before(create("Awk"))
            .read(all()),
        Row::json(
            "/api/characters/rename",
            json!({ "avatar_url": "Awk.png", "new_name": "Renamed" }),
        )
        .before(create("Awk"))
        .without_odd_cards()
        .read(all()),
        Row::json(
            "/api/characters/delete",
            json!({ "avatar_url": "Awk.png", "delete_chats": true }),
        )
        .before(create("Awk"))
        .read(all()),
    ]
}

//! Awkward requests to the chats, the groups, their chats and the statistics.

use serde_json::{Value, json};

use super::awkward::{NO_TEXT, Omitted, Row, UNSPEAKABLE, left_out, run_without};
use super::awkward_forms::Form;
use super::chats::{ID, chat};
use super::dsl::{Call, post};
use super::scenario::Scenario;

const ROOT: &str =
    "Stores the chat beside the characters' folders, where every list of recent chats shows it from then on.";

/// What is left of these names stands for the folder.
const NOTHING_LEFT: &[&str] = &["=\" \"", "=\".\"", "=\"..\"", "=\"CON\""];

const LEFT_OUT: &[Omitted<'_>] = &[
    left_out(
        "POST /api/chats/save avatar_url",
        &["=\"\"", "=\".\"", "=[]"],
        ROOT,
    ),
    left_out("POST /api/chats/import avatar_url", &["=", "=."], ROOT),
    left_out("POST /api/chats/import file_type", &[], "Never answers."),
    left_out("POST /api/chats/export file", NO_TEXT, "Ends the process."),
    left_out("POST /api/chats/export (txt) file", NO_TEXT, "Ends the process."),
    left_out(
        "POST /api/chats/export (txt) file",
        NOTHING_LEFT,
        "Ends the process: it reads a folder line by line.",
    ),
    left_out(
        "POST /api/chats/export avatar_url",
        UNSPEAKABLE,
        "Ends the process.",
    ),
    left_out(
        "POST /api/chats/export (txt) avatar_url",
        UNSPEAKABLE,
        "Ends the process.",
    ),
    left_out(
        "POST /api/chats/export (txt) exportfilename",
        UNSPEAKABLE,
        "Ends the process.",
    ),
];

#[tokio::test]
async fn oracle_awkward_chats() {
    let mut s = Scenario::start("awkward_chats", "").await;
    s.post("/api/characters/create", json!({ "ch_name": "Awk" }))
        .await;
    let rows: Vec<Row> = [chats(), chat_changes(), imports(), statistics()]
        .into_iter()
        .flatten()
        .collect();
    run_without(&mut s, &rows, LEFT_OUT).await;
    s.finish();
}

const LEFT_OUT_GROUPS: &[Omitted<'_>] = &[
    left_out(
        "POST /api/groups/delete id",
        &["=\"CON\""],
        "Ends the process: it deletes the folder of the groups as a file.",
    ),
    left_out("POST /api/groups/delete id", UNSPEAKABLE, "Ends the process."),
    left_out("POST /api/chats/export file", NO_TEXT, "Ends the process."),
];

#[tokio::test]
async fn oracle_awkward_groups() {
    let mut s = Scenario::start("awkward_groups", "").await;
    let rows: Vec<Row> = [groups(), group_chats()].into_iter().flatten().collect();
    run_without(&mut s, &rows, LEFT_OUT_GROUPS).await;
    s.finish();
}

fn saved() -> Value {
    json!({ "avatar_url": "Awk.png", "file_name": "one", "ch_name": "Awk", "chat": chat(ID, &["hello", "there"]) })
}

fn save() -> Call {
    let mut body = saved();
    body["force"] = json!(true);
    post("/api/chats/save", &body)
}

fn list() -> Call {
    post(
        "/api/characters/chats",
        &json!({ "avatar_url": "Awk.png", "metadata": true }),
    )
}

fn recent() -> Call {
    post("/api/chats/recent", &json!({}))
}

fn chats() -> Vec<Row> {
    let mut forced = saved();
    forced["force"] = json!(true);
    vec![
        Row::json("/api/chats/save", forced)
            .inner(&[
                "/chat/0",
                "/chat/0/chat_metadata",
                "/chat/0/chat_metadata/integrity",
                "/chat/1",
                "/chat/1/mes",
                "/chat/1/name",
                "/chat/2/send_date",
            ])
            .each(post("/api/chats/get", &json!({ "avatar_url": "Awk.png", "file_name": "one" })))
            .each(list())
            .read(recent()),
        Row::json("/api/chats/get", json!({ "avatar_url": "Awk.png", "file_name": "one" })).read(list()),
        Row::json("/api/characters/chats", json!({ "avatar_url": "Awk.png", "metadata": true, "simple": false })),
        Row::json("/api/chats/recent", json!({ "max": 3, "metadata": true, "pinned": [{ "file_name": "one.jsonl", "avatar": "Awk.png" }] }))
            .inner(&["/pinned/0", "/pinned/0/file_name", "/pinned/0/avatar"]),
        Row::json("/api/chats/search", json!({ "query": "hello", "avatar_url": "Awk.png", "group_id": null })),
        Row::json("/api/chats/export", json!({ "file": "one.jsonl", "avatar_url": "Awk.png", "is_group": false, "format": "jsonl", "exportfilename": "out" })),
        Row::json("/api/chats/export", json!({ "file": "one.jsonl", "avatar_url": "Awk.png", "is_group": false, "format": "txt", "exportfilename": "out" })).called("(txt)"),
    ]
}

fn chat_changes() -> Vec<Row> {
    vec![
        Row::json("/api/chats/rename", json!({ "is_group": false, "avatar_url": "Awk.png", "original_file": "one.jsonl", "renamed_file": "two.jsonl" }))
            .before(save())
            .before(post("/api/chats/delete", &json!({ "avatar_url": "Awk.png", "chatfile": "two" })))
            .read(list())
            .read(recent()),
        Row::json("/api/chats/delete", json!({ "avatar_url": "Awk.png", "chatfile": "one.jsonl" }))
            .before(save())
            .read(list())
            .read(recent()),
    ]
}

fn imports() -> Vec<Row> {
    let lines = "{\"user_name\":\"U\",\"character_name\":\"C\",\"chat_metadata\":{}}\n{\"name\":\"C\",\"mes\":\"hi\"}";
    let fields = [
        ("file_type", "jsonl"),
        ("avatar_url", "Awk.png"),
        ("character_name", "Awk"),
        ("user_name", "Me"),
    ];
    vec![Row::form(
        "/api/chats/import",
        Form::with_file(&fields, "c.jsonl", lines.into()),
    )]
}

fn statistics() -> Vec<Row> {
    vec![
        Row::json(
            "/api/stats/update",
            json!({ "Awk.png": { "total_gen_time": 5 }, "timestamp": 1 }),
        )
        .inner(&["/Awk.png/total_gen_time"])
        .each(post("/api/stats/get", &json!({}))),
        Row::json("/api/stats/recreate", json!({})).read(post("/api/stats/get", &json!({}))),
        Row::json("/api/stats/get", json!({})),
    ]
}

fn all() -> Call {
    post("/api/groups/all", &json!({}))
}

fn edit() -> Call {
    post(
        "/api/groups/edit",
        &json!({ "id": "awk", "name": "Group", "chats": ["one"], "members": ["a.png"] }),
    )
}

fn save_group() -> Call {
    post(
        "/api/chats/group/save",
        &json!({ "id": "one", "chat": chat(ID, &["hello"]), "force": true }),
    )
}

fn groups() -> Vec<Row> {
    let full = json!({
        "name": "G", "members": ["a.png"], "avatar_url": "x.png", "allow_self_responses": false, "activation_strategy": 1,
        "generation_mode": 1, "disabled_members": [], "fav": true, "chat_id": "c", "chats": ["one"], "auto_mode_delay": 5,
        "generation_mode_join_prefix": "", "generation_mode_join_suffix": "", "chat_metadata": {}
    });
    vec![
        // Before groups of all names are there, one of which ours alone would delete.
        Row::json("/api/groups/delete", json!({ "id": "awk" })).before(save_group()).before(edit()).each(all()),
        Row::json("/api/groups/edit", json!({ "id": "awk", "name": "Group", "chats": ["one"], "members": ["a.png"], "fav": false, "chat_metadata": {}, "past_metadata": {} }))
            .inner(&["/chats/0"])
            .before(save_group())
            .each(all())
            .each(recent())
            .each(post("/api/chats/search", &json!({ "group_id": "awk", "query": "hello" }))),
        Row::json("/api/groups/create", full).read(all()),
        Row::json("/api/groups/all", json!({ "unknown": 1 })),
    ]
}

fn group_chats() -> Vec<Row> {
    let lines = "{\"chat_metadata\":{}}\n{\"name\":\"C\",\"mes\":\"hi\"}";
    let one = json!({ "id": "one" });
    vec![
        Row::json(
            "/api/chats/group/save",
            json!({ "id": "one", "chat": chat(ID, &["hello"]), "force": true }),
        )
        .inner(&["/chat/0", "/chat/0/chat_metadata/integrity", "/chat/1/mes"])
        .before(edit())
        .each(post("/api/chats/group/get", &one))
        .each(post("/api/chats/group/info", &one))
        .read(all())
        .read(recent()),
        Row::json("/api/chats/group/get", one.clone()).before(save_group()),
        Row::json("/api/chats/group/info", one.clone()).before(save_group()),
        Row::json(
            "/api/chats/search",
            json!({ "group_id": "awk", "query": "hello" }),
        )
        .before(save_group()),
        Row::json(
            "/api/chats/rename",
            json!({ "is_group": true, "original_file": "one.jsonl", "renamed_file": "two.jsonl" }),
        )
        .before(save_group())
        .before(post("/api/chats/group/delete", &json!({ "id": "two" })))
        .read(all()),
        Row::json(
            "/api/chats/export",
            json!({ "file": "one.jsonl", "is_group": true, "format": "jsonl", "exportfilename": "out" }),
        )
        .before(save_group()),
        Row::json("/api/chats/group/delete", one)
            .before(save_group())
            .read(all()),
        Row::form(
            "/api/chats/group/import",
            Form::with_file(&[("unknown", "x")], "g.jsonl", lines.into()),
        ),
    ]
}

//! Names that are paths: of characters, chats and files. They are data here, and name a row or nothing.

use serde_json::{Value, json};

use super::tally::{AVATAR, IMPORT, Tally};
use crate::canary::{CANARY, fill, snapshot};
use crate::harness::{Client, Server, file};

/// What may stand where a file's name is wanted.
const PATHS: [&str; 30] = [
    ".",
    "..",
    "...",
    "",
    " ",
    "/",
    "\\",
    "../",
    "..\\",
    "../..",
    ".png",
    "..png",
    "...png",
    "..png.png",
    "../.png",
    "../settings.json",
    "..\\settings.json",
    "..%2fsettings.json",
    "%2e%2e%2fsettings.json",
    "%252e%252e%252fsettings.json",
    "..%c0%afsettings.json",
    "../secrets.json.png",
    "a/../../settings.json",
    "a/../..\\secrets.json",
    "..\0.png",
    "\0",
    "settings.json\0.png",
    "/etc/passwd",
    "file:///etc/passwd",
    "\u{2025}/\u{ff0e}\u{ff0e}/settings.json",
];

/// The files of the user's root that paths in names led to.
const FILES: [&str; 6] = [
    "settings.json",
    "secrets.json",
    "../settings.json",
    "../../settings",
    "..",
    ".",
];

/// Routes that read, change or remove by `avatar_url` or `file`, with a body that names both.
const ROUTES: [&str; 21] = [
    "/api/chats/export",
    "/api/chats/delete",
    "/api/chats/get",
    "/api/chats/save",
    "/api/chats/rename",
    "/api/chats/search",
    "/api/chats/group/get",
    "/api/chats/group/info",
    "/api/chats/group/delete",
    "/api/backups/chat/download",
    "/api/backups/chat/delete",
    "/api/characters/get",
    "/api/characters/chats",
    "/api/characters/export",
    "/api/characters/rename",
    "/api/characters/duplicate",
    "/api/characters/delete",
    "/api/characters/edit-attribute",
    "/api/avatars/delete",
    "/api/backgrounds/delete",
    "/api/files/delete",
];

/// One body for all of them.
fn body(path: &str, target: &str) -> Value {
    json!({
        "avatar_url": path, "avatar": path, "ch_name": "x", "file": target, "chatfile": target, "file_name": target,
        "original_file": target, "renamed_file": "mine.jsonl", "new_name": "Mine", "id": target, "name": target,
        "bg": target, "path": target, "is_group": false, "format": "jsonl", "exportfilename": "x.jsonl",
        "delete_chats": true, "query": "", "field": "name", "value": "x", "group_id": null,
        "chat": [{ "chat_metadata": {}, "user_name": "unused", "character_name": "unused" }],
    })
}

/// What the user has; other things may have been added, but these are as they were.
async fn state(client: &Client) -> String {
    let mut all = snapshot(client).await;
    all.retain(|(path, _)| !path.ends_with("/stats/get"));
    format!("{all:?}")
}

/// Names of rows that are paths, if there are any.
const LEAVING: &str = r"SELECT string_agg(name, ' | ') FROM (
    SELECT folder || '/' || name FROM files WHERE folder ~ '(^|/)\.{1,2}(/|$)' OR name ~ '^\.{0,2}$' OR name ~ '/'
    UNION ALL SELECT folder || '/' || file_name FROM chats
        WHERE folder ~ '(^|/)\.{0,2}(/|$)' OR file_name ~ '^\.{0,2}$' OR file_name ~ '/'
    UNION ALL SELECT avatar FROM characters
        WHERE avatar ~ '^\.{0,2}$' OR avatar ~ '/'
    UNION ALL SELECT path FROM folders WHERE path ~ '(^|/)\.{1,2}(/|$)'
    UNION ALL SELECT name FROM documents WHERE name ~ '^\.{0,2}$' OR name ~ '/') AS found (name)";

/// Notes that nothing is stored under a path.
async fn note_stored(server: &Server, tally: &mut Tally, rule: &'static str) {
    let found: Option<String> = sqlx::query_scalar(LEAVING)
        .fetch_one(&mut server.sql().await)
        .await
        .expect("an answer");
    let what = "names of all that was stored";
    tally.note(rule, what, found.is_none(), found.unwrap_or_default());
}

#[tokio::test]
async fn avatar_urls_that_are_paths_lead_nowhere() {
    let server = Server::start().await;
    let client = server.client().await;
    fill(&client).await;
    let before = state(&client).await;
    let mut tally = Tally::new("avatar_urls");
    for path in PATHS {
        for target in FILES {
            for route in ROUTES {
                let answer = client.post(route, body(path, target)).await;
                let shown = answer.text();
                let refused = !shown.contains(CANARY) && !shown.contains("root:");
                let what = format!("{route} avatar_url {path:?}, file {target:?}");
                tally.note(AVATAR, what, refused, format!("{} {shown}", answer.status));
            }
        }
        let unchanged = state(&client).await == before;
        tally.note(
            AVATAR,
            format!("all routes, {path:?}: nothing is gone"),
            unchanged,
            "something changed",
        );
    }
    note_stored(&server, &mut tally, AVATAR).await;
    tally.finish(3800);
}

/// `character_name`, `avatar_url` and the file's own name, in imports of every kind.
#[tokio::test]
async fn imports_store_under_names_and_not_under_paths() {
    let server = Server::start().await;
    let client = server.client().await;
    fill(&client).await;
    let before = state(&client).await;
    let mut tally = Tally::new("imports");
    for path in PATHS {
        import_chats(&client, path, &mut tally).await;
        upload(&client, path, &mut tally).await;
        create(&client, path, &mut tally).await;
    }
    note_stored(&server, &mut tally, IMPORT).await;
    let unchanged = expect_kept(&client, &before).await;
    tally.note(IMPORT, "the rest is as it was", unchanged, "something changed");
    tally.finish(580);
}

const CHAT: &str = "{\"chat_metadata\":{},\"user_name\":\"a\",\"character_name\":\"b\"}\n{\"name\":\"a\",\"mes\":\"planted\"}\n";
const OOBA: &str = r#"{"internal":[["q","planted"]],"visible":[["q","planted"]]}"#;

async fn import_chats(client: &Client, path: &str, tally: &mut Tally) {
    for (kind, text) in [("jsonl", CHAT), ("json", OOBA)] {
        for (avatar, character) in [(path, "x"), ("Ada.png", path), (path, path)] {
            let fields = [
                ("file_type", kind),
                ("avatar_url", avatar),
                ("character_name", character),
                ("user_name", path),
            ];
            let chat = file("a.jsonl", text);
            let answer = client.upload("/api/chats/import", chat, &fields).await.text();
            let what = format!("{kind}: avatar_url {avatar:?}, character_name {character:?}");
            tally.note(IMPORT, what, !leaves(&answer), &answer);
        }
    }
}

/// The names that browsers give files, and fields that name them.
async fn upload(client: &Client, path: &str, tally: &mut Tally) {
    let name = path.replace(['\0', '\\'], "");
    let fields = [
        ("file_type", "png"),
        ("overwrite_name", path),
        ("name", path),
        ("label", path),
        ("spriteName", path),
    ];
    for route in [
        "/api/chats/group/import",
        "/api/worldinfo/import",
        "/api/backgrounds/upload",
        "/api/avatars/upload",
        "/api/characters/import",
        "/api/sprites/upload",
    ] {
        let picture = file(&name, crate::api::cards::picture());
        let answer = client.upload(route, picture, &fields).await.text();
        tally.note(
            IMPORT,
            format!("{route} named {name:?}"),
            !leaves(&answer),
            &answer,
        );
    }
}

/// What is made from a body of JSON.
async fn create(client: &Client, path: &str, tally: &mut Tally) {
    let image = json!({ "image": "aGk=", "format": "png", "filename": path, "ch_name": path });
    let group = json!({ "name": path, "members": [path], "id": path });
    let world = json!({ "name": path, "data": { "entries": {} } });
    for (route, body) in [
        (
            "/api/characters/create",
            json!({ "ch_name": path, "file_name": path }),
        ),
        ("/api/characters/create", json!({ "ch_name": path })),
        ("/api/groups/create", group),
        ("/api/worldinfo/edit", world),
        (
            "/api/presets/save",
            json!({ "name": path, "apiId": "openai", "preset": {} }),
        ),
        ("/api/themes/save", json!({ "name": path })),
        ("/api/images/upload", image),
    ] {
        let answer = client.post(route, body).await.text();
        // A group's name and members are data, which the answer repeats.
        let clean = route == "/api/groups/create" || !leaves(&answer);
        tally.note(IMPORT, format!("{route} {path:?}"), clean, &answer);
    }
    let attached = json!({ "name": path, "data": "aGk=" });
    let answer = client.post("/api/files/upload", attached).await;
    let refused = answer.status == 400;
    tally.note(
        IMPORT,
        format!("/api/files/upload {path:?}"),
        refused,
        answer.text(),
    );
}

/// Whether a path in an answer has a folder up in it.
fn leaves(text: &str) -> bool {
    text.split(['/', '"']).any(|part| part == "..")
}

/// Whether the documents that paths led to are as they were.
async fn expect_kept(client: &Client, before: &str) -> bool {
    let settings = client.post("/api/settings/get", json!({})).await.expect(200);
    let secrets = client.post("/api/secrets/read", json!({})).await.expect(200);
    let chat = json!({ "avatar_url": "Ada.png", "file_name": "talk" });
    let chat = client.post("/api/chats/get", chat).await.expect(200).text();
    before.contains(&chat.escape_debug().to_string())
        && settings.text().contains(CANARY)
        && secrets.text().contains(CANARY)
}

//! Nobody sees another tenant's data: for every route served, by construction of the walk rather than by memory.

use reqwest::Method;
use serde_json::json;
use squaretable::config::Config;
use squaretable::router;
use squaretable::routes::Route;
use squaretable::store::accounts::NewUser;
use squaretable::tenant::Tenant;

use crate::harness::{Client, Options, Server, file};

/// Occurs in everything that the first user stores.
const CANARY: &str = "canary-7f3a";

/// Names the files of the first user; a stranger may guess it, and hears only of his own guess.
const NAME: &str = "guessable-name";

/// Routes that repeat the names they were asked about.
const ECHOES: [&str; 1] = ["/api/files/verify"];

async fn two_users() -> (Server, Client, Client) {
    let mut config = Config::default();
    config.accounts.enabled = true;
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    for handle in ["first", "second"] {
        let user = NewUser {
            handle,
            name: handle,
            password: "",
            salt: "",
            admin: false,
            enabled: true,
            avatar: "",
            created_at: chrono::Utc::now(),
        };
        Tenant::open(server.app.db(), &user)
            .await
            .expect("an account can be made");
    }
    let first = server.client_of("first").await;
    let second = server.client_of("second").await;
    (server, first, second)
}

/// Leaves the canary in every kind of stored thing, under guessable names.
async fn fill(client: &Client) {
    let card = crate::api::cards::png(&json!({
        "spec": "chara_card_v2", "spec_version": "2.0", "name": "Ada",
        "data": { "name": "Ada", "description": CANARY, "personality": "", "scenario": "", "first_mes": CANARY,
                  "mes_example": "", "creator_notes": "", "system_prompt": "", "post_history_instructions": "",
                  "alternate_greetings": [], "tags": [], "creator": "", "character_version": "", "extensions": {} },
    }));
    client
        .upload(
            "/api/characters/import",
            file("Ada.png", card),
            &[("file_type", "png")],
        )
        .await
        .expect(200);
    let chat = json!([
        { "chat_metadata": { "integrity": CANARY }, "user_name": "unused", "character_name": "unused" },
        { "name": "Ada", "is_user": false, "mes": CANARY, "send_date": "2026-01-01T00:00:00.000Z" },
    ]);
    let body = json!({ "avatar_url": "Ada.png", "file_name": "talk", "chat": chat });
    client.post("/api/chats/save", body).await.expect(200);
    client
        .post("/api/chats/group/save", json!({ "id": "1", "chat": chat }))
        .await
        .expect(200);
    let group = json!({ "id": "1", "name": CANARY, "members": ["Ada.png"], "chats": ["1"] });
    client.post("/api/groups/edit", group).await.expect(200);
    fill_documents(client).await;
    fill_files(client).await;
}

async fn fill_documents(client: &Client) {
    let world = json!({ "name": "Lore", "data": { "entries": {}, "note": CANARY } });
    client.post("/api/worldinfo/edit", world).await.expect(200);
    client
        .post("/api/settings/save", json!({ "note": CANARY }))
        .await
        .expect(200);
    client
        .post("/api/settings/make-snapshot", json!({}))
        .await
        .expect(204);
    client
        .post("/api/themes/save", json!({ "name": CANARY }))
        .await
        .expect(200);
    client
        .post("/api/moving-ui/save", json!({ "name": CANARY }))
        .await
        .expect(200);
    client
        .post("/api/quick-replies/save", json!({ "name": CANARY }))
        .await
        .expect(200);
    let preset = json!({ "name": CANARY, "apiId": "openai", "preset": { "note": CANARY } });
    client.post("/api/presets/save", preset).await.expect(200);
    let secret = json!({ "key": "api_key_openai", "value": CANARY, "label": CANARY });
    client.post("/api/secrets/write", secret).await.expect(200);
    client
        .post("/api/stats/update", json!({ "Ada.png": { "note": CANARY } }))
        .await
        .expect(200);
}

async fn fill_files(client: &Client) {
    let picture = crate::api::cards::picture();
    let name = format!("{NAME}.png");
    client
        .upload("/api/backgrounds/upload", file(&name, picture.clone()), &[])
        .await
        .expect(200);
    let fields = [("overwrite_name", name.as_str())];
    client
        .upload("/api/avatars/upload", file(&name, picture.clone()), &fields)
        .await
        .expect(200);
    let fields = [("name", "Ada"), ("label", NAME)];
    client
        .upload("/api/sprites/upload", file("a.png", picture.clone()), &fields)
        .await
        .expect(200);
    let fields = [("name", "Ada/bgm"), ("label", NAME)];
    client
        .upload("/api/sprites/upload", file("a.mp3", picture.clone()), &fields)
        .await
        .expect(200);
    let image = json!({ "image": "aGk=", "format": "png", "filename": NAME, "ch_name": "Ada" });
    client.post("/api/images/upload", image).await.expect(200);
    client
        .post(
            "/api/files/upload",
            json!({ "name": format!("{NAME}.txt"), "data": "aGk=" }),
        )
        .await
        .expect(200);
}

/// One body that names everything that [`fill`] made, in every field any route reads.
fn guesses() -> serde_json::Value {
    json!({
        "avatar_url": "Ada.png", "avatar": "Ada.png", "file_name": "talk", "chatfile": "talk.jsonl", "id": "1",
        "group_id": "", "query": "", "file": "talk.jsonl", "format": "jsonl", "exportfilename": "x", "is_group": false,
        "name": "Lore", "key": "api_key_openai", "apiId": "openai", "folder": "Ada", "bg": format!("{NAME}.png"),
        "path": format!("/user/images/Ada/{NAME}.png"), "urls": [format!("/user/files/{NAME}.txt")],
        "original_file": "talk.jsonl", "renamed_file": "mine.jsonl", "new_name": "Mine", "ch_name": "Ada",
        "handle": "first", "field": "description", "value": "overwritten", "messages": [], "chat_completion_source": "openai",
    })
}

/// Every route, asked by a stranger with the right names: no answer may hold a trace of the first user's data, and
/// afterwards everything of the first user is as it was.
#[tokio::test]
async fn a_second_user_reaches_nothing_of_the_first() {
    let (_server, first, second) = two_users().await;
    fill(&first).await;
    let before = snapshot(&first).await;
    assert!(
        before
            .iter()
            .all(|(_, body)| body.contains(CANARY) || body.contains(NAME)),
        "the walk would prove nothing: {before:?}"
    );
    let mut walked = 0;
    for Route { method, path } in router::routes().served() {
        let path = path.replace("/:folder?", "/Ada").replace("/:source?", "/x");
        let answer = match method.as_str() {
            "GET" => {
                second
                    .get(&format!("{path}?type=avatar&file=Ada.png&name=Ada"))
                    .await
            }
            _ => second.post(&path, guesses()).await,
        };
        let text = answer.text();
        assert!(
            !text.contains(CANARY),
            "{method} {path} shows another tenant's data: {text}"
        );
        assert!(
            !text.contains(NAME) || ECHOES.contains(&path.as_str()),
            "{method} {path} shows another tenant's names: {text}"
        );
        walked += 1;
    }
    for path in [
        "/characters/Ada.png",
        &format!("/backgrounds/{NAME}.png"),
        &format!("/user/files/{NAME}.txt"),
        &format!("/characters/Ada/{NAME}.png"),
        &format!("/characters/Ada/bgm/{NAME}.mp3"),
    ] {
        second.get(path).await.expect(404);
        first.get(path).await.expect(200);
    }
    assert!(walked > 80, "only {walked} routes were walked");
    assert_eq!(
        before,
        snapshot(&first).await,
        "a stranger changed the first user's data"
    );
}

/// What the first user sees of everything that [`fill`] made.
async fn snapshot(client: &Client) -> Vec<(&'static str, String)> {
    let mut seen = Vec::new();
    for (path, body) in [
        ("/api/characters/get", json!({ "avatar_url": "Ada.png" })),
        (
            "/api/chats/get",
            json!({ "avatar_url": "Ada.png", "file_name": "talk" }),
        ),
        ("/api/chats/group/get", json!({ "id": "1" })),
        ("/api/groups/all", json!({})),
        ("/api/worldinfo/get", json!({ "name": "Lore" })),
        ("/api/settings/get", json!({})),
        ("/api/secrets/read", json!({})),
        ("/api/stats/get", json!({})),
        ("/api/backgrounds/all", json!({})),
        ("/api/avatars/get", json!({})),
        ("/api/images/list", json!({ "folder": "Ada" })),
        (
            "/api/files/verify",
            json!({ "urls": [format!("/user/files/{NAME}.txt")] }),
        ),
        ("/api/assets/character?name=Ada&category=bgm", json!({})),
    ] {
        seen.push((path, client.post(path, body).await.expect(200).text()));
    }
    seen
}

/// Without a login every private route answers 403, whatever is asked.
#[tokio::test]
async fn an_anonymous_visitor_is_refused_everywhere() {
    let (server, _, _) = two_users().await;
    let anonymous = server.client().await;
    const PUBLIC: [&str; 6] = [
        "/",
        "/csrf-token",
        "/login",
        "/callback/:source?",
        "/lib.js",
        "/css/user.css",
    ];
    for Route { method, path } in router::routes().served() {
        if PUBLIC.contains(&path.as_str()) {
            continue;
        }
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = anonymous
            .send(anonymous.request(method.clone(), &path.replace("/:folder?", "")))
            .await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
    anonymous.get("/characters/Ada.png").await.expect(403);
}

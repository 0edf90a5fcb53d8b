//! One of everything that a user can store, with a word in it that nobody else may see.

use serde_json::json;

use crate::harness::{Client, file};

/// Occurs in everything that the first user stores.
pub const CANARY: &str = "canary-7f3a";

/// Names the files of the first user; a stranger may guess it, and hears only of his own guess.
pub const NAME: &str = "guessable-name";

/// Leaves the canary in every kind of stored thing, under guessable names.
pub async fn fill(client: &Client) {
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

/// What the first user sees of everything that [`fill`] made.
pub async fn snapshot(client: &Client) -> Vec<(&'static str, String)> {
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

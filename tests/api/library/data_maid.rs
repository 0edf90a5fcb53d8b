use serde_json::{Value, json};
use squaretable::store::{Tx, blobs, documents, files};
use squaretable_compat::layout::DocumentKind;

use crate::api::cards;
use crate::harness::{Answer, Client, Server, file};

const REPORT: &str = "/api/data-maid/report";
pub const DELETE: &str = "/api/data-maid/delete";

/// A report and its token.
pub struct Report {
    report: Value,
    pub token: String,
}

impl Report {
    pub async fn of(client: &Client) -> Self {
        let answer = client.post(REPORT, json!({})).await.expect(200).json();
        Self {
            report: answer["report"].clone(),
            token: answer["token"].as_str().expect("a token").to_owned(),
        }
    }

    fn entries(&self, category: &str) -> Vec<Value> {
        self.report[category].as_array().expect("a list").clone()
    }

    pub fn names(&self, category: &str) -> Vec<String> {
        let name = |entry: &Value| entry["name"].as_str().expect("a name").to_owned();
        self.entries(category).iter().map(name).collect()
    }

    pub fn hash(&self, category: &str, name: &str) -> String {
        let entries = self.entries(category);
        let entry = entries.iter().find(|entry| entry["name"] == name);
        let entry = entry.unwrap_or_else(|| panic!("{name} in {entries:?}"));
        entry["hash"].as_str().expect("a hash").to_owned()
    }

    pub async fn delete(&self, client: &Client, hashes: &[String]) -> Answer {
        client
            .post(DELETE, json!({ "token": self.token, "hashes": hashes }))
            .await
    }

    pub async fn view(&self, client: &Client, hash: &str) -> Answer {
        let path = format!("/api/data-maid/view?token={}&hash={hash}", self.token);
        client.get(&path).await
    }
}

pub async fn put_file(tx: &mut Tx, folder: &str, name: &str, bytes: &[u8]) {
    let blob = blobs::put(tx, bytes).await.expect("an answer");
    files::put(tx, folder, name, &blob).await.expect("an answer");
}

/// Pictures and attachments, by path below the user's root.
pub async fn put_files(server: &Server, paths: &[&str]) {
    let mut tx = server
        .tenant("default-user", false)
        .await
        .begin()
        .await
        .expect("an answer");
    for path in paths {
        let (folder, name) = path.rsplit_once('/').expect("an answer");
        put_file(&mut tx, folder, name, path.as_bytes()).await;
    }
    tx.commit().await.expect("an answer");
}

pub async fn save(client: &Client, avatar: &str, name: &str, messages: Value) {
    let mut lines = vec![json!({ "chat_metadata": {}, "user_name": "unused", "character_name": "unused" })];
    lines.extend(messages.as_array().expect("messages").iter().cloned());
    let body = json!({ "avatar_url": avatar, "file_name": name, "chat": lines });
    client.post("/api/chats/save", body).await.expect(200);
}

pub fn showing(extra: &Value) -> Value {
    json!([{ "name": "Ada", "mes": "look", "extra": extra }])
}

#[tokio::test]
async fn pictures_and_attachments_that_nothing_refers_to_are_found() {
    let server = Server::start().await;
    let client = server.client().await;
    put_files(
        &server,
        &[
            "user/images/z.png",
            "user/images/b.png",
            "user/images/Ada/shown.png",
            "user/images/Ada/loose.png",
            "user/images/Ada/deep/kept.png",
            "user/files/loose.txt",
            "user/files/sent.txt",
            "user/files/bank.txt",
            "user/files/of-a-group.txt",
            "user/files/deep/kept.txt",
        ],
    )
    .await;
    save(
        &client,
        "Ada.png",
        "a",
        showing(&json!({ "image": "/user/images/Ada/shown.png" })),
    )
    .await;
    save(
        &client,
        "Ada.png",
        "b",
        showing(&json!({ "files": [{ "url": "user/files/sent.txt" }] })),
    )
    .await;
    let settings = json!({ "extension_settings": { "character_attachments": { "x": [{ "url": "/user/files/bank.txt" }] } } });
    client.post("/api/settings/save", settings).await.expect(200);
    // As old versions left it; saving a group drops it.
    let group = br#"{"id":"1","past_metadata":{"x":{"attachments":[{"url":"/user/files/of-a-group.txt"}]}}}"#;
    let mut tx = server
        .tenant("default-user", false)
        .await
        .begin()
        .await
        .expect("an answer");
    documents::put(&mut tx, DocumentKind::Groups, "1.json", group)
        .await
        .expect("an answer");
    tx.commit().await.expect("an answer");
    let report = Report::of(&client).await;
    assert_eq!(report.names("images"), ["loose.png", "b.png", "z.png"]);
    assert_eq!(report.names("files"), ["loose.txt"]);
    let entry = &report.entries("images")[0];
    assert_eq!((&entry["parent"], &entry["size"]), (&json!("Ada"), &json!(25)));
    assert_eq!(report.entries("images")[1]["parent"], "images");
    assert_eq!(report.entries("files")[0]["parent"], Value::Null);
}

#[tokio::test]
async fn a_reference_that_is_no_text_hides_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    put_files(&server, &["user/images/a.png", "user/images/b.png"]).await;
    save(
        &client,
        "Ada.png",
        "a",
        showing(&json!({ "image": 5, "image_swipes": [null, "user/images/a.png"] })),
    )
    .await;
    assert_eq!(Report::of(&client).await.names("images"), ["b.png"]);
}

#[tokio::test]
async fn only_the_version_that_is_shown_refers() {
    let server = Server::start().await;
    let client = server.client().await;
    put_files(&server, &["user/images/a.png", "user/images/b.png"]).await;
    save(
        &client,
        "Ada.png",
        "a",
        showing(&json!({ "image": "user/images/a.png" })),
    )
    .await;
    save(
        &client,
        "Ada.png",
        "b",
        showing(&json!({ "image": "user/images/b.png" })),
    )
    .await;
    save(&client, "Ada.png", "a", json!([])).await;
    assert_eq!(Report::of(&client).await.names("images"), ["a.png"]);
    let body = json!({ "avatar_url": "Ada.png", "chatfile": "b.jsonl" });
    client.post("/api/chats/delete", body).await.expect(200);
    assert_eq!(Report::of(&client).await.names("images"), ["a.png", "b.png"]);
}

#[tokio::test]
async fn what_cannot_be_read_makes_nothing_loose() {
    let server = Server::start().await;
    let client = server.client().await;
    put_files(&server, &["user/files/a.txt"]).await;
    client
        .post(
            "/api/chats/group/save",
            json!({ "id": "1", "chat": [{ "chat_metadata": {} }] }),
        )
        .await
        .expect(200);
    let report = Report::of(&client).await;
    assert_eq!(
        (report.names("files").len(), report.names("groupChats").len()),
        (1, 1)
    );
    let mut tx = server
        .tenant("default-user", false)
        .await
        .begin()
        .await
        .expect("an answer");
    for (kind, name) in [
        (DocumentKind::Root, "settings.json"),
        (DocumentKind::Groups, "g.json"),
    ] {
        documents::put(&mut tx, kind, name, b"{\"cut")
            .await
            .expect("an answer");
    }
    tx.commit().await.expect("an answer");
    let report = Report::of(&client).await;
    assert_eq!(
        (report.names("files").len(), report.names("groupChats").len()),
        (0, 0)
    );
}

#[tokio::test]
async fn chats_without_a_character_or_a_group_are_found_and_kept_when_deleted() {
    let server = Server::start().await;
    let client = server.client().await;
    let card =
        cards::png(&json!({ "spec": "chara_card_v2", "spec_version": "2.0", "data": { "name": "Ada" } }));
    client
        .upload(
            "/api/characters/import",
            file("Ada.png", card),
            &[("file_type", "png")],
        )
        .await
        .expect(200);
    save(&client, "Ada.png", "own", json!([])).await;
    save(&client, "Gone.png", "two", json!([])).await;
    save(&client, "Gone.png", "one", json!([])).await;
    for id in ["listed", "loose", "5"] {
        let body = json!({ "id": id, "chat": [{ "chat_metadata": {} }] });
        client.post("/api/chats/group/save", body).await.expect(200);
    }
    let group = json!({ "id": "1", "chats": ["listed", 5] });
    client.post("/api/groups/edit", group).await.expect(200);
    let report = Report::of(&client).await;
    assert_eq!(report.names("chats"), ["one.jsonl", "two.jsonl"]);
    assert_eq!(report.entries("chats")[0]["parent"], "Gone");
    assert_eq!(report.names("groupChats"), ["loose.jsonl"]);
    let viewed = report
        .view(&client, &report.hash("chats", "one.jsonl"))
        .await
        .expect(200);
    assert!(
        viewed.text().starts_with("{\"chat_metadata\":{}"),
        "{}",
        viewed.text()
    );
    let doomed = [
        report.hash("chats", "one.jsonl"),
        report.hash("groupChats", "loose.jsonl"),
    ];
    report.delete(&client, &doomed).await.expect(204);
    assert_eq!(
        server
            .count("SELECT count(*) FROM chats WHERE deleted_at IS NOT NULL")
            .await,
        2
    );
    let report = Report::of(&client).await;
    assert_eq!(report.names("chats"), ["two.jsonl"]);
    assert_eq!(report.names("groupChats"), [""; 0]);
}

#[tokio::test]
async fn thumbnails_without_a_picture_are_found() {
    let server = Server::start().await;
    let client = server.client().await;
    let picture = cards::picture();
    for (route, fields) in [
        ("/api/backgrounds/upload", &[][..]),
        ("/api/avatars/upload", &[("overwrite_name", "p.png")]),
    ] {
        client
            .upload(route, file("p.png", picture.clone()), fields)
            .await
            .expect(200);
    }
    for kind in ["bg", "persona"] {
        client
            .get(&format!("/thumbnail?type={kind}&file=p.png"))
            .await
            .expect(200);
    }
    let none = Report::of(&client).await;
    assert_eq!(
        none.names("backgroundThumbnails").len() + none.names("personaThumbnails").len(),
        0
    );
    let sql = "DELETE FROM files WHERE folder IN ('backgrounds', 'User Avatars')";
    sqlx::query(sql)
        .execute(&mut server.sql().await)
        .await
        .expect("an answer");
    let sql = "INSERT INTO thumbnails (kind, name, source, form, image)
               SELECT 'avatar', 'gone.png', source, form, image FROM thumbnails WHERE kind = 'bg'";
    sqlx::query(sql)
        .execute(&mut server.sql().await)
        .await
        .expect("an answer");
    let report = Report::of(&client).await;
    assert_eq!(report.names("backgroundThumbnails"), ["p.png"]);
    assert_eq!(report.names("personaThumbnails"), ["p.png"]);
    assert_eq!(report.names("avatarThumbnails"), ["gone.png"]);
    let hash = report.hash("avatarThumbnails", "gone.png");
    let viewed = report.view(&client, &hash).await.expect(200);
    assert_eq!(viewed.headers["content-type"], "image/png");
    assert_eq!(
        json!(viewed.body.len()),
        report.entries("avatarThumbnails")[0]["size"]
    );
    report.delete(&client, &[hash]).await.expect(204);
    assert_eq!(server.count("SELECT count(*) FROM thumbnails").await, 2);
}

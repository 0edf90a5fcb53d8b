use std::io::{Cursor, Write as _};

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::harness::{Client, Server, file};

const UPLOAD: &str = "/api/sprites/upload";
const ZIP: &str = "/api/sprites/upload-zip";

/// An archive of files with their contents.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .expect("an answer");
        writer.write_all(content).expect("an answer");
    }
    writer.finish().expect("an answer").into_inner()
}

/// Labels and addresses without their times.
async fn sprites(client: &Client, name: &str) -> Vec<(String, String)> {
    let found = client
        .get(&format!("/api/sprites/get?name={name}"))
        .await
        .expect(200)
        .json();
    let text = |value: &Value| value.as_str().expect("an answer").to_owned();
    let found = found.as_array().expect("an answer").iter();
    found
        .map(|sprite| {
            let path = text(&sprite["path"]);
            let (path, stamp) = path.split_once("?t=").expect("an answer");
            assert!(stamp.len() == 14 && stamp.bytes().all(|byte| byte.is_ascii_digit()));
            (text(&sprite["label"]), path.to_owned())
        })
        .collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(label, path)| ((*label).to_owned(), (*path).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_sprite_takes_the_place_of_its_namesakes() {
    let server = Server::start().await;
    let client = server.client().await;
    for (name, content) in [("a.png", "first"), ("b.webp", "second")] {
        let fields = [("name", "Ada"), ("label", "joy"), ("spriteName", "joy-1")];
        let answer = client
            .upload(UPLOAD, file(name, content), &fields)
            .await
            .expect(200);
        assert_eq!(answer.json(), json!({ "ok": true }));
    }
    let fields = [("name", "Ada"), ("label", "joy")];
    client
        .upload(UPLOAD, file("a.png", "plain"), &fields)
        .await
        .expect(200);
    let expected = pairs(&[
        ("joy", "/characters/Ada/joy-1.webp"),
        ("joy", "/characters/Ada/joy.png"),
    ]);
    assert_eq!(sprites(&client, "Ada").await, expected);
    let served = client.get("/characters/Ada/joy-1.webp").await.expect(200);
    assert_eq!(
        (served.text().as_str(), &served.headers["content-type"]),
        ("second", &"image/webp".parse().expect("an answer"))
    );
    client.get("/characters/Ada/joy-1.png").await.expect(404);
    let body = json!({ "name": "Ada", "label": "joy", "spriteName": "joy-1" });
    client.post("/api/sprites/delete", body).await.expect(200);
    assert_eq!(sprites(&client, "Ada").await, expected[1..]);
}

#[tokio::test]
async fn a_refused_upload_changes_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    let put = |name: &'static str, label: &'static str, original: &'static str| {
        let client = &client;
        async move {
            let fields = [("name", name), ("label", label)];
            client.upload(UPLOAD, file(original, "x"), &fields).await
        }
    };
    put("Ada", "joy", "a.png").await.expect(200);
    put("Ada/joy", "below", "a.png").await.expect(200);
    let before = sprites(&client, "Ada").await;
    // The folder `joy` cannot be replaced by the file `joy`, and is one of the things with that base name.
    put("Ada", "joy", "a.webp").await.expect(500);
    put("Ada", "joy", "noext").await.expect(500);
    client
        .post("/api/sprites/delete", json!({ "name": "Ada", "label": "joy" }))
        .await
        .expect(500);
    put("New", "con", "a.png").await.expect(500);
    assert_eq!(sprites(&client, "Ada").await, before);
    assert_eq!(sprites(&client, "Ada/joy").await.len(), 1);
    let body = json!({ "name": "New", "label": "x" });
    client.post("/api/sprites/delete", body).await.expect(404);
}

#[tokio::test]
async fn what_has_no_text_is_refused() {
    let server = Server::start().await;
    let client = server.client().await;
    for field in ["name[a]", "name[toString]"] {
        let fields = [(field, "x"), ("label", "joy")];
        client
            .upload(UPLOAD, file("a.png", "x"), &fields)
            .await
            .expect(400);
        client
            .upload(ZIP, file("a.zip", archive(&[])), &fields)
            .await
            .expect(400);
    }
    for field in ["label[a]", "spriteName[a]"] {
        let fields = [("name", "Ada"), ("label", "joy"), (field, "x")];
        let fields = if field == "label[a]" {
            [fields[0], fields[2], fields[2]]
        } else {
            fields
        };
        client
            .upload(UPLOAD, file("a.png", "x"), &fields)
            .await
            .expect(500);
    }
    let body = json!({ "name": { "toString": 1 }, "label": "joy" });
    client.post("/api/sprites/delete", body).await.expect(400);
    assert_eq!(sprites(&client, "Ada").await, []);
}

#[tokio::test]
async fn an_archive_is_stored_whole() {
    let server = Server::start().await;
    let client = server.client().await;
    let large = vec![7; 3 << 20];
    let bytes = archive(&[
        ("pack/joy.png", &large),
        ("notes.txt", b"x"),
        ("__MACOSX/sad.png", b"x"),
        ("fear.webp", b"y"),
    ]);
    let answer = client
        .upload(ZIP, file("a.zip", bytes), &[("name", "Ada")])
        .await
        .expect(200);
    assert_eq!(answer.json(), json!({ "ok": true, "count": 2 }));
    let expected = pairs(&[
        ("fear", "/characters/Ada/fear.webp"),
        ("joy", "/characters/Ada/joy.png"),
    ]);
    assert_eq!(sprites(&client, "Ada").await, expected);
    assert_eq!(
        client.get("/characters/Ada/joy.png").await.expect(200).body,
        large
    );
    // Three of one base name: the original fails at the third, with the first two stored.
    let bytes = archive(&[("joy.gif", b"1"), ("joy.bmp", b"2"), ("joy.webp", b"3")]);
    client
        .upload(ZIP, file("b.zip", bytes), &[("name", "Ada")])
        .await
        .expect(200);
    let labels: Vec<_> = sprites(&client, "Ada")
        .await
        .into_iter()
        .map(|(_, path)| path)
        .collect();
    assert_eq!(
        labels,
        ["fear.webp", "joy.bmp", "joy.gif", "joy.webp"].map(|name| format!("/characters/Ada/{name}"))
    );
}

#[tokio::test]
async fn a_broken_archive_changes_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    let fields = [("name", "Ada"), ("label", "joy")];
    client
        .upload(UPLOAD, file("a.png", "old"), &fields)
        .await
        .expect(200);
    let good = archive(&[("joy.png", b"new"), ("sad.png", &[9; 5000])]);
    let mut damaged = good.clone();
    let end = damaged.len();
    // The second entry's content, behind its local header.
    let at = damaged
        .windows(7)
        .rposition(|part| part == b"sad.png")
        .expect("an answer");
    let at = damaged[..at]
        .windows(7)
        .rposition(|part| part == b"sad.png")
        .expect("an answer")
        + 8;
    damaged[at..at + 4].fill(0xff);
    let mut encrypted = good.clone();
    let directory = encrypted
        .windows(4)
        .rposition(|part| part == b"PK\x01\x02")
        .expect("an answer");
    encrypted[directory + 8] |= 1;
    for (label, bytes) in [
        ("damaged", damaged),
        ("encrypted", encrypted),
        ("cut", good[..end - 40].to_vec()),
        ("leads out", archive(&[("joy.png", b"new"), ("../sad.png", b"x")])),
        ("reserved", archive(&[("joy.png", b"new"), ("con.png", b"x")])),
        ("text", b"no archive".to_vec()),
    ] {
        let answer = client.upload(ZIP, file("a.zip", bytes), &fields[..1]).await;
        assert_eq!(answer.status, 500, "{label}");
        let expected = pairs(&[("joy", "/characters/Ada/joy.png")]);
        assert_eq!(sprites(&client, "Ada").await, expected, "{label}");
        assert_eq!(
            client.get("/characters/Ada/joy.png").await.text(),
            "old",
            "{label}"
        );
    }
    client.get("/characters/sad.png").await.expect(404);
}

#[tokio::test]
async fn an_archive_cannot_swell_past_the_limit() {
    let server = Server::start().await;
    let client = server.client().await;
    // 257 MiB of one byte.
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file("joy.png", SimpleFileOptions::default())
        .expect("an answer");
    let piece = vec![0; 1 << 20];
    for _ in 0..257 {
        writer.write_all(&piece).expect("an answer");
    }
    let bytes = writer.finish().expect("an answer").into_inner();
    assert!(bytes.len() < 1 << 20);
    let answer = client
        .upload(ZIP, file("a.zip", bytes), &[("name", "Ada")])
        .await
        .expect(413);
    assert!(
        answer.text().contains("inflates to more than"),
        "{}",
        answer.text()
    );
    assert_eq!(sprites(&client, "Ada").await, []);
}

#[tokio::test]
async fn folders_are_no_sprites() {
    let server = Server::start().await;
    let client = server.client().await;
    let fields = [("name", "Ada/folder.png"), ("label", "joy")];
    client
        .upload(UPLOAD, file("a.png", "x"), &fields)
        .await
        .expect(200);
    assert_eq!(sprites(&client, "Ada").await, []);
    assert_eq!(sprites(&client, "Ada/folder.png").await.len(), 1);
}

use image::ImageFormat;
use serde_json::{Value, json};

use super::pictures::{plain, png};
use crate::harness::{Client, Server, file};

async fn put(client: &Client, name: &str, bytes: Vec<u8>) {
    let answer = client
        .upload("/api/backgrounds/upload", file(name, bytes), &[])
        .await
        .expect(200);
    assert_eq!(answer.text(), name);
}

async fn index(client: &Client) -> Value {
    client
        .post("/api/image-metadata/all", json!({}))
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn pictures_are_listed_in_locale_order_and_videos_are_not() {
    let server = Server::start().await;
    let client = server.client().await;
    put(&client, "b.png", png(4, 4, [1, 2, 3])).await;
    put(&client, "A.gif", plain(4, 4, [1, 2, 3], ImageFormat::Gif)).await;
    put(&client, "a.png", b"no picture at all".to_vec()).await;
    put(&client, "c.mp4", b"a film".to_vec()).await;
    let listed = client
        .post("/api/backgrounds/all", json!({}))
        .await
        .expect(200)
        .json();
    let expected = json!({
        "images": [
            { "filename": "A.gif", "isAnimated": true },
            { "filename": "a.png", "isAnimated": false },
            { "filename": "b.png", "isAnimated": false },
        ],
        "config": { "width": 160, "height": 90 },
    });
    assert_eq!(listed, expected);
    assert_eq!(
        client.get("/backgrounds/c.mp4").await.expect(200).text(),
        "a film"
    );
}

#[tokio::test]
async fn an_upload_is_kept_as_it_is_and_indexed() {
    let server = Server::start().await;
    let client = server.client().await;
    let bytes = png(16, 9, [10, 20, 30]);
    let answer = client
        .upload("/api/backgrounds/upload", file("x?.png", bytes.clone()), &[])
        .await
        .expect(200);
    assert_eq!(answer.text(), "x.png");
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(client.get("/backgrounds/x.png").await.expect(200).body, bytes);
    let entry = &index(&client).await["images"]["backgrounds/x.png"];
    assert_eq!(entry["aspectRatio"], 1.7778);
    assert_eq!(entry["dominantColor"], "#0a141e");
    assert_eq!(entry["thumbnailResolution"], 14_400);
    client
        .post("/api/backgrounds/upload", json!({}))
        .await
        .expect(400);
}

#[tokio::test]
async fn a_replaced_picture_stays_in_its_folders() {
    let server = Server::start().await;
    let client = server.client().await;
    put(&client, "x.png", png(16, 9, [10, 20, 30])).await;
    let folder = client
        .post("/api/image-metadata/folders/create", json!({ "name": "F" }))
        .await
        .json();
    let assign = json!({ "id": folder["id"], "paths": ["backgrounds/x.png"] });
    client
        .post("/api/image-metadata/folders/assign", assign)
        .await
        .expect(200);
    put(&client, "x.png", png(9, 9, [30, 20, 10])).await;
    let entry = &index(&client).await["images"]["backgrounds/x.png"];
    assert_eq!(
        (&entry["aspectRatio"], &entry["dominantColor"]),
        (&json!(1), &json!("#1e140a"))
    );
    let folders = client
        .post("/api/backgrounds/folders", json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        folders,
        json!({ "folders": [folder], "imageFolderMap": { "x.png": [folder["id"]] } })
    );
}

#[tokio::test]
async fn renaming_moves_the_file_its_entry_and_its_place_as_a_cover() {
    let server = Server::start().await;
    let client = server.client().await;
    put(&client, "x.png", png(16, 9, [10, 20, 30])).await;
    put(&client, "taken.png", png(1, 1, [0, 0, 0])).await;
    let folder = client
        .post("/api/image-metadata/folders/create", json!({ "name": "F" }))
        .await
        .json();
    let covers = json!({ "updates": [{ "id": folder["id"], "thumbnailFile": "x.png" }] });
    client
        .post("/api/image-metadata/folders/set-thumbnails", covers)
        .await
        .expect(200);
    let before = index(&client).await["images"]["backgrounds/x.png"].clone();
    for (body, status) in [
        (json!({ "old_bg": "gone.png", "new_bg": "y.png" }), 400),
        (json!({ "old_bg": "x.png", "new_bg": "taken.png" }), 400),
        (json!({ "old_bg": "x.png" }), 500),
        (json!({ "old_bg": "", "new_bg": "y.png" }), 500),
        (json!({ "old_bg": "x.png", "new_bg": "" }), 400),
    ] {
        client.post("/api/backgrounds/rename", &body).await.expect(status);
    }
    let answer = client
        .post(
            "/api/backgrounds/rename",
            json!({ "old_bg": "x.png", "new_bg": "y:.png" }),
        )
        .await;
    assert_eq!(answer.expect(200).text(), "ok");
    client.get("/backgrounds/x.png").await.expect(404);
    client.get("/backgrounds/y.png").await.expect(200);
    let index = index(&client).await;
    assert_eq!(index["images"]["backgrounds/y.png"], before);
    assert!(index["images"].get("backgrounds/x.png").is_none());
    assert_eq!(index["folders"][0]["thumbnailFile"], "y.png");
}

#[tokio::test]
async fn deleting_removes_the_file_its_entry_and_its_place_as_a_cover() {
    let server = Server::start().await;
    let client = server.client().await;
    put(&client, "x.png", png(16, 9, [10, 20, 30])).await;
    let folder = client
        .post("/api/image-metadata/folders/create", json!({ "name": "F" }))
        .await
        .json();
    let covers = json!({ "updates": [{ "id": folder["id"], "thumbnailFile": "x.png" }] });
    client
        .post("/api/image-metadata/folders/set-thumbnails", covers)
        .await
        .expect(200);
    for (body, status) in [
        (json!({ "bg": "a/x.png" }), 400),
        (json!({ "bg": "x?.png" }), 403),
        (json!({ "bg": "gone.png" }), 400),
        (json!({}), 500),
    ] {
        client.post("/api/backgrounds/delete", &body).await.expect(status);
    }
    assert_eq!(
        client
            .post("/api/backgrounds/delete", json!({ "bg": "x.png" }))
            .await
            .expect(200)
            .text(),
        "ok"
    );
    client.get("/backgrounds/x.png").await.expect(404);
    let index = index(&client).await;
    assert_eq!(
        (&index["images"], &index["folders"][0]["thumbnailFile"]),
        (&json!({}), &json!(""))
    );
}

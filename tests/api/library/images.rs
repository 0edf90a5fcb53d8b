use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::harness::{Client, Server};

async fn put(client: &Client, folder: &str, filename: &str, format: &str) -> Value {
    let image = BASE64_STANDARD.encode(filename);
    let body = json!({ "image": image, "format": format, "filename": filename, "ch_name": folder });
    client.post("/api/images/upload", body).await.expect(200).json()["path"].clone()
}

async fn list(client: &Client, body: Value) -> Value {
    client.post("/api/images/list", body).await.expect(200).json()
}

#[tokio::test]
async fn an_upload_is_stored_under_the_names_that_are_left() {
    let server = Server::start().await;
    let client = server.client().await;
    assert_eq!(
        put(&client, "A/da", "my.old?.gif", "png").await,
        "/user/images/Ada/my.old.png"
    );
    assert_eq!(put(&client, "", "plain", "mp4").await, "/user/images/plain.mp4");
    assert_eq!(
        client.get("/user/images/Ada/my.old.png").await.expect(200).text(),
        "my.old?.gif"
    );
    let unnamed = json!({ "image": "aGk=", "format": "webp" });
    let path = client
        .post("/api/images/upload", unnamed)
        .await
        .expect(200)
        .json()["path"]
        .clone();
    let path = path.as_str().unwrap();
    assert!(
        path.strip_prefix("/user/images/")
            .unwrap()
            .strip_suffix(".webp")
            .unwrap()
            .parse::<u64>()
            .is_ok()
    );
    assert_eq!(client.get(path).await.expect(200).text(), "hi");
}

#[tokio::test]
async fn uploads_are_checked() {
    let server = Server::start().await;
    let client = server.client().await;
    for (body, status, message) in [
        (json!({}), 400, "No image data provided"),
        (json!({ "image": "aGk=" }), 400, "Invalid image format"),
        (
            json!({ "image": "aGk=", "format": "PNG" }),
            400,
            "Invalid image format",
        ),
        (
            json!({ "image": "aGk=", "format": "svg" }),
            400,
            "Invalid image format",
        ),
        (
            json!({ "image": 5, "format": "png" }),
            500,
            "Failed to save the image",
        ),
        (
            json!({ "image": "aGk=", "format": "png", "filename": "con" }),
            500,
            "Failed to save the image",
        ),
        (
            json!({ "image": "aGk=", "format": "png", "ch_name": 5 }),
            500,
            "Failed to save the image",
        ),
    ] {
        let answer = client.post("/api/images/upload", &body).await.expect(status);
        assert_eq!(answer.json(), json!({ "error": message }), "{body}");
    }
}

#[tokio::test]
async fn a_folder_is_listed_by_kind_and_order() {
    let server = Server::start().await;
    let client = server.client().await;
    for (name, format) in [
        ("b", "png"),
        ("A", "jpg"),
        ("a", "png"),
        ("film", "mp4"),
        ("song", "mp3"),
    ] {
        put(&client, "Ada", name, format).await;
    }
    assert_eq!(
        list(&client, json!({ "folder": "Ada" })).await,
        json!(["b.png", "A.jpg", "a.png"])
    );
    let desc = json!({ "folder": "Ada", "sortOrder": "desc" });
    assert_eq!(list(&client, desc).await, json!(["a.png", "A.jpg", "b.png"]));
    let named = json!({ "folder": "Ada", "sortField": "name", "type": 7 });
    assert_eq!(
        list(&client, named).await,
        json!(["A.jpg", "a.png", "b.png", "film.mp4", "song.mp3"])
    );
    assert_eq!(
        list(&client, json!({ "folder": "Ada", "type": "4" })).await,
        json!(["song.mp3"])
    );
    let bytes = json!({ "folder": "Ada", "sortField": "none" });
    assert_eq!(list(&client, bytes).await, json!(["A.jpg", "a.png", "b.png"]));
    let in_url = client.post("/api/images/list/Ada", json!({})).await.expect(200);
    assert_eq!(in_url.json(), json!(["b.png", "A.jpg", "a.png"]));
}

#[tokio::test]
async fn listing_a_folder_makes_it() {
    let server = Server::start().await;
    let client = server.client().await;
    assert_eq!(list(&client, json!({ "folder": "New: one" })).await, json!([]));
    put(&client, "Ada", "x", "png").await;
    let folders = client.post("/api/images/folders", json!({})).await.expect(200);
    assert_eq!(folders.json(), json!(["Ada", "New one"]));
    for (path, body, message) in [
        ("/api/images/list", json!({}), "No folder specified"),
        (
            "/api/images/list/A",
            json!({ "folder": "B" }),
            "Folder specified in both URL and body",
        ),
    ] {
        assert_eq!(
            client.post(path, body).await.expect(400).json(),
            json!({ "error": message })
        );
    }
    let answer = client
        .post("/api/images/list", json!({ "folder": 5 }))
        .await
        .expect(500);
    assert_eq!(answer.json(), json!({ "error": "Unable to retrieve files" }));
}

#[tokio::test]
async fn only_pictures_of_the_gallery_are_deleted() {
    let server = Server::start().await;
    let client = server.client().await;
    put(&client, "Ada", "x", "png").await;
    for (path, status, message) in [
        (json!(""), 400, "No path specified"),
        (json!("/user/files/x.png"), 400, "Invalid path"),
        (json!("/user/images/../../settings.json"), 400, "Invalid path"),
        (json!("/user/images-old/x.png"), 400, "Invalid path"),
        (json!("/user/images/Ada/gone.png"), 404, "File not found"),
        (json!("/user/images/Ada/x.png/"), 404, "File not found"),
        (json!("/user/images/Ada"), 500, "Internal Server Error"),
        (json!(5), 500, "Internal Server Error"),
    ] {
        let answer = client
            .post("/api/images/delete", json!({ "path": path }))
            .await
            .expect(status);
        assert_eq!(answer.text(), message, "{path}");
    }
    let answer = client
        .post("/api/images/delete", json!({ "path": "/user/images/Ada/x.png" }))
        .await;
    assert_eq!(answer.expect(200).text(), "OK");
    client.get("/user/images/Ada/x.png").await.expect(404);
    assert_eq!(
        client.post("/api/images/folders", json!({})).await.json(),
        json!(["Ada"])
    );
}

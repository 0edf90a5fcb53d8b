use image::ImageFormat;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::pictures::{animated_png, plain, png, seen};
use crate::harness::{Server, file};

fn with_crop(crop: &str) -> String {
    format!(
        "/api/avatars/upload?crop={}",
        utf8_percent_encode(crop, NON_ALPHANUMERIC)
    )
}

#[tokio::test]
async fn an_upload_is_listed_and_served_as_png() {
    let server = Server::start().await;
    let client = server.client().await;
    let jpeg = plain(10, 20, [1, 2, 3], ImageFormat::Jpeg);
    let answer = client
        .upload("/api/avatars/upload", file("x.jpg", jpeg), &[])
        .await
        .expect(200);
    let name = answer.json()["path"].as_str().unwrap().to_owned();
    assert!(
        name.strip_suffix(".png").unwrap().parse::<u64>().is_ok(),
        "{name}"
    );
    assert_eq!(
        client
            .post("/api/avatars/get", json!({}))
            .await
            .expect(200)
            .json(),
        json!([name])
    );
    let served = client.get(&format!("/User%20Avatars/{name}")).await.expect(200);
    assert_eq!(seen(&served.body), (ImageFormat::Png, 10, 20));
}

#[tokio::test]
async fn a_crop_decides_on_the_size() {
    let server = Server::start().await;
    let client = server.client().await;
    let cases = [
        (
            r#"{"x":0,"y":0,"width":5,"height":4,"want_resize":true}"#,
            (512, 768),
        ),
        (r#"{"x":1.4,"y":1.6,"width":3.5,"height":4.5}"#, (4, 5)),
        (r#"{"x":"0","y":0,"width":5,"height":4}"#, (10, 20)),
        ("undefined", (10, 20)),
    ];
    for (crop, (width, height)) in cases {
        let upload = file("x.png", png(10, 20, [1, 2, 3]));
        client
            .upload(&with_crop(crop), upload, &[("overwrite_name", "me.png")])
            .await
            .expect(200);
        let served = client.get("/User%20Avatars/me.png").await.expect(200);
        assert_eq!(seen(&served.body), (ImageFormat::Png, width, height), "{crop}");
    }
}

#[tokio::test]
async fn overwriting_keeps_the_name_whatever_its_extension() {
    let server = Server::start().await;
    let client = server.client().await;
    for side in [3, 7] {
        let upload = file("x.png", png(side, side, [1, 2, 3]));
        let answer = client
            .upload("/api/avatars/upload", upload, &[("overwrite_name", "Me?.webp")])
            .await;
        assert_eq!(answer.expect(200).json(), json!({ "path": "Me.webp" }));
    }
    assert_eq!(
        client.post("/api/avatars/get", json!({})).await.json(),
        json!(["Me.webp"])
    );
    let served = client.get("/User%20Avatars/Me.webp").await.expect(200);
    assert_eq!(seen(&served.body), (ImageFormat::Png, 7, 7));
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    let good = file("x.png", png(3, 3, [1, 2, 3]));
    client
        .upload("/api/avatars/upload", good, &[("overwrite_name", "me.png")])
        .await
        .expect(200);
    for bytes in [b"text".to_vec(), Vec::new(), animated_png()] {
        let answer = client
            .upload(
                "/api/avatars/upload",
                file("x.png", bytes),
                &[("overwrite_name", "me.png")],
            )
            .await;
        assert_eq!(answer.expect(400).text(), "Is not a valid image");
    }
    let beside = with_crop(r#"{"x":50,"y":0,"width":5,"height":5}"#);
    let answer = client
        .upload(&beside, file("x.png", png(3, 3, [1, 2, 3])), &[])
        .await;
    assert_eq!(answer.expect(400).text(), "Is not a valid image");
    let outside = client
        .upload(
            "/api/avatars/upload",
            file("x.png", png(3, 3, [1, 2, 3])),
            &[("overwrite_name", "../x.png")],
        )
        .await;
    assert_eq!(outside.expect(400).text(), "Bad Request");
    client.post("/api/avatars/upload", json!({})).await.expect(400);
    assert_eq!(
        client.post("/api/avatars/get", json!({})).await.json(),
        json!(["me.png"])
    );
    assert_eq!(
        seen(&client.get("/User%20Avatars/me.png").await.body),
        (ImageFormat::Png, 3, 3)
    );
}

#[tokio::test]
async fn deleting_checks_the_name() {
    let server = Server::start().await;
    let client = server.client().await;
    let upload = file("x.png", png(3, 3, [1, 2, 3]));
    client
        .upload("/api/avatars/upload", upload, &[("overwrite_name", "me.png")])
        .await
        .expect(200);
    for (body, status) in [
        (json!({ "avatar": "a/b.png" }), 400),
        (json!({ "avatar": "me?.png" }), 403),
        (json!({ "avatar": "other.png" }), 404),
        (json!({}), 500),
        (json!({ "avatar": "" }), 500),
    ] {
        client.post("/api/avatars/delete", &body).await.expect(status);
    }
    let deleted = client
        .post("/api/avatars/delete", json!({ "avatar": "me.png" }))
        .await
        .expect(200);
    assert_eq!(deleted.json(), json!({ "result": "ok" }));
    assert_eq!(client.post("/api/avatars/get", json!({})).await.json(), json!([]));
    client.get("/User%20Avatars/me.png").await.expect(404);
}

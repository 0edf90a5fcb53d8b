use image::ImageFormat;
use reqwest::Method;
use serde_json::json;
use squaretable::config::Config;
use squaretable::config::content::ThumbnailFormat;

use super::pictures::{animated_png, plain, png, seen, strongest};
use crate::api::cards;
use crate::harness::{Client, Options, Server, file};

async fn background(client: &Client, name: &str, bytes: Vec<u8>) {
    client
        .upload("/api/backgrounds/upload", file(name, bytes), &[])
        .await
        .expect(200);
}

#[tokio::test]
async fn a_background_keeps_its_proportions_at_the_configured_area() {
    let server = Server::start().await;
    let client = server.client().await;
    background(&client, "x.png", png(400, 100, [200, 0, 0])).await;
    let answer = client.get("/thumbnail?type=bg&file=x.png").await.expect(200);
    assert_eq!(answer.headers["content-type"], "image/png");
    assert_eq!(seen(&answer.body), (ImageFormat::Jpeg, 240, 60));
    let again = client.get("/thumbnail/?type=bg&file=x.png&t=1").await.expect(200);
    assert_eq!(
        (&again.body, &again.headers["etag"]),
        (&answer.body, &answer.headers["etag"])
    );
    let conditional = client.request(Method::GET, "/thumbnail?type=bg&file=x.png");
    let conditional = conditional.header("if-none-match", &answer.headers["etag"]);
    client.send(conditional).await.expect(304);
    let firefox = client
        .request(Method::GET, "/thumbnail?type=bg&file=x.png")
        .header("user-agent", "Firefox/1");
    assert_eq!(
        client.send(firefox).await.headers["cache-control"],
        "must-understand, no-store"
    );
}

#[tokio::test]
async fn a_thumbnail_is_never_older_than_its_picture() {
    let server = Server::start().await;
    let client = server.client().await;
    for (channel, color) in [[200, 0, 0], [0, 200, 0], [0, 0, 200]].into_iter().enumerate() {
        background(&client, "x.png", png(400, 100, color)).await;
        let answer = client.get("/thumbnail?type=bg&file=x.png").await.expect(200);
        assert_eq!(strongest(&answer.body), channel);
    }
    client
        .post("/api/backgrounds/delete", json!({ "bg": "x.png" }))
        .await
        .expect(200);
    client.get("/thumbnail?type=bg&file=x.png").await.expect(404);
}

#[tokio::test]
async fn characters_and_personas_fill_their_frame() {
    let server = Server::start().await;
    let client = server.client().await;
    let upload = file("x.png", png(300, 300, [0, 200, 0]));
    client
        .upload("/api/avatars/upload", upload, &[("overwrite_name", "me.png")])
        .await
        .expect(200);
    let persona = client
        .get("/thumbnail?type=persona&file=me.png")
        .await
        .expect(200);
    assert_eq!(seen(&persona.body), (ImageFormat::Jpeg, 96, 144));
    let card = cards::png(&json!({ "name": "Ada", "description": "", "first_mes": "hi" }));
    let imported = client
        .upload(
            "/api/characters/import",
            file("ada.png", card),
            &[("file_type", "png")],
        )
        .await;
    let name = imported.expect(200).json()["file_name"]
        .as_str()
        .unwrap()
        .to_owned();
    let avatar = client
        .get(&format!("/thumbnail?type=avatar&file={name}.png"))
        .await
        .expect(200);
    assert_eq!(seen(&avatar.body), (ImageFormat::Jpeg, 96, 144));
}

#[tokio::test]
async fn what_cannot_be_scaled_is_served_as_it_is() {
    let server = Server::start().await;
    let client = server.client().await;
    let gif = plain(300, 300, [1, 2, 3], ImageFormat::Gif);
    for (name, bytes) in [
        ("moving.png", animated_png()),
        ("still.gif", gif),
        ("film.mp4", b"a film".to_vec()),
        ("broken.jpg", b"no picture".to_vec()),
        ("new.avif", b"\0\0\0\x18ftypavif".to_vec()),
    ] {
        background(&client, name, bytes.clone()).await;
        let answer = client
            .get(&format!("/thumbnail?type=bg&file={name}"))
            .await
            .expect(200);
        assert_eq!(answer.body, bytes, "{name}");
        let animated = client
            .get(&format!("/thumbnail?type=bg&file={name}&animated=true"))
            .await
            .expect(200);
        assert_eq!(animated.body, bytes, "{name}");
    }
}

#[tokio::test]
async fn bad_requests_are_told_apart() {
    let server = Server::start().await;
    let client = server.client().await;
    for (query, status) in [
        ("", 400),
        ("type=bg", 400),
        ("file=x.png", 400),
        ("type=other&file=x.png", 400),
        ("type=bg&type=bg&file=x.png", 400),
        ("type=bg&file[]=x.png", 400),
        ("type=bg&file=..%2Fsettings.json", 403),
        ("type=bg&file=x%3F.png", 403),
        ("type=bg&file=", 500),
        ("type=bg&file=x.png", 404),
        ("type=avatar&file=x.png", 404),
    ] {
        client.get(&format!("/thumbnail?{query}")).await.expect(status);
    }
}

#[tokio::test]
async fn configuration_chooses_size_and_format() {
    let mut config = Config::default();
    config.content.thumbnails.background = (20, 20);
    config.content.thumbnails.format = ThumbnailFormat::Png;
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    let client = server.client().await;
    background(&client, "x.jpg", plain(100, 100, [1, 2, 3], ImageFormat::Jpeg)).await;
    let answer = client.get("/thumbnail?type=bg&file=x.jpg").await.expect(200);
    assert_eq!(answer.headers["content-type"], "image/jpeg");
    assert_eq!(seen(&answer.body), (ImageFormat::Png, 20, 20));
}

#[tokio::test]
async fn without_thumbnails_the_picture_itself_is_served() {
    let mut config = Config::default();
    config.content.thumbnails.enabled = false;
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    let client = server.client().await;
    let bytes = png(400, 100, [1, 2, 3]);
    background(&client, "x.png", bytes.clone()).await;
    assert_eq!(
        client.get("/thumbnail?type=bg&file=x.png").await.expect(200).body,
        bytes
    );
}

//! `/thumbnail`.

use image::ImageFormat;
use serde_json::json;

use super::dsl::{file, get};
use super::fixtures::{picture, png};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_thumbnails() {
    let mut s = Scenario::start("thumbnails", "").await;
    for (width, height) in [(400, 200), (100, 500), (160, 90), (10, 10), (1, 300)] {
        let name = format!("b{width}x{height}.png");
        s.upload("/api/backgrounds/upload", file(&name, &png(width, height)), &[])
            .await;
        s.get(&format!("/thumbnail?type=bg&file={name}")).await;
    }
    for (name, format) in [
        ("j.jpg", ImageFormat::Jpeg),
        ("w.webp", ImageFormat::WebP),
        ("g.gif", ImageFormat::Gif),
        ("m.bmp", ImageFormat::Bmp),
    ] {
        s.upload(
            "/api/backgrounds/upload",
            file(name, &picture(300, 200, format)),
            &[],
        )
        .await;
        s.get(&format!("/thumbnail?type=bg&file={name}")).await;
        s.get(&format!("/thumbnail?type=bg&file={name}&animated=true"))
            .await;
    }
    s.upload("/api/backgrounds/upload", file("v.mp4", b"not a video"), &[])
        .await;
    s.upload("/api/backgrounds/upload", file("broken.png", b"broken"), &[])
        .await;
    s.upload("/api/backgrounds/upload", file("Ünï 100%.png", &png(50, 50)), &[])
        .await;
    queries(&mut s).await;
    s.finish();
}

async fn queries(s: &mut Scenario) {
    let queries = [
        "type=bg&file=v.mp4",
        "type=bg&file=v.mp4&animated=true",
        "type=bg&file=broken.png",
        "type=bg&file=%C3%9Cn%C3%AF%20100%25.png",
        "type=avatar&file=default_Seraphina.png",
        "type=persona&file=user-default.png",
        "type=avatar&file=none.png",
        "type=bg&file=royal.jpg&t=123",
        "type=bg&file=royal.jpg&animated=false",
        "",
        "type=bg",
        "file=royal.jpg",
        "type=other&file=royal.jpg",
        "type=bg&file=..%2Fx.png",
        "type=bg&file=a%3Ab.png",
        "type=bg&file=",
        "type=bg&type=bg&file=royal.jpg",
        "type=bg&file=royal.jpg&file=x",
        "type[]=bg&file=royal.jpg",
        "TYPE=bg&file=royal.jpg",
        "type=BG&file=royal.jpg",
        "type=bg&file=royal.jpg%00",
        "type=bg&file=%ff",
    ];
    for query in queries {
        s.get(&format!("/thumbnail?{query}")).await;
    }
    s.get("/thumbnail/?type=bg&file=royal.jpg").await;
    s.send(
        get("/thumbnail?type=bg&file=royal.jpg")
            .header("User-Agent", "Firefox")
            .note("Firefox"),
    )
    .await;
    s.send(
        get("/thumbnail?type=bg&file=royal.jpg")
            .header("Range", "bytes=0-3")
            .note("range")
            .ignore("header content-range"),
    )
    .await;
    s.send(get("/thumbnail?type=bg&file=royal.jpg").no_cookie()).await;
}

#[tokio::test]
async fn oracle_thumbnails_configured() {
    let config = "thumbnails:\n  format: png\n  quality: 50\n  dimensions:\n    bg: [80, 45]\n    avatar: [48, 72]\n    persona: [20, 20]\n";
    let mut s = Scenario::start("thumbnails_configured", config).await;
    for query in [
        "type=bg&file=royal.jpg",
        "type=avatar&file=default_Seraphina.png",
        "type=persona&file=user-default.png",
    ] {
        s.get(&format!("/thumbnail?{query}")).await;
    }
    s.post("/api/backgrounds/all", json!({})).await;
    s.finish();
}

//! `/api/avatars`, `/api/backgrounds` and `/thumbnail`.

use image::ImageFormat;
use serde_json::json;

use super::dsl::{file, get, upload};
use super::fixtures::{NAMES, encode, long_name, picture, png};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_avatars() {
    let mut s = Scenario::start("avatars", "").await;
    let (list, send, delete) = ("/api/avatars/get", "/api/avatars/upload", "/api/avatars/delete");
    s.post(list, json!({})).await;
    s.upload(send, file("me.png", &png(200, 300)), &[]).await.capture("made", "/path");
    s.get("/User%20Avatars/{{made}}").await;
    s.get("/thumbnail?type=persona&file={{made}}").await;
    s.post(delete, json!({ "avatar": "{{made}}" })).await;
    for (name, format) in [("j.jpg", ImageFormat::Jpeg), ("w.webp", ImageFormat::WebP), ("g.gif", ImageFormat::Gif), ("b.bmp", ImageFormat::Bmp), ("t.tiff", ImageFormat::Tiff)] {
        s.upload(send, file(name, &picture(40, 30, format)), &[("overwrite_name", name)]).await;
        s.get(&format!("/User%20Avatars/{name}")).await;
    }
    for crop in ["{\"x\":10,\"y\":20,\"width\":50,\"height\":60}", "{\"x\":0,\"y\":0,\"width\":30,\"height\":30,\"want_resize\":true}", "{\"x\":\"0\",\"y\":0,\"width\":30,\"height\":30}", "{broken", "null"] {
        s.upload(&format!("{send}?crop={}", encode(crop)), file("c.png", &png(120, 160)), &[("overwrite_name", "crop.png")]).await;
        s.get("/User%20Avatars/crop.png").await;
    }
    for bytes in [&b"not an image"[..], b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>"] {
        s.upload(send, file("x.png", bytes), &[("overwrite_name", "x.png")]).await;
    }
    for name in NAMES.iter().copied().filter(|name| !name.contains(['"', '\u{0}'])) {
        s.upload(send, file("n.png", &png(4, 4)), &[("overwrite_name", name)]).await;
    }
    s.post(list, json!({})).await;
    s.send(upload(send, None, &[])).await;
    let long = long_name();
    for name in NAMES.iter().copied().chain([long.as_str(), "none.png"]).filter(|name| !matches!(*name, "." | "..")) {
        s.post(delete, json!({ "avatar": name })).await;
    }
    for body in [json!({}), json!({ "avatar": 5 }), json!({ "avatar": null })] {
        s.post(delete, body).await;
    }
    s.post(list, json!({})).await;
    s.finish();
}

#[tokio::test]
async fn oracle_backgrounds() {
    let mut s = Scenario::start("backgrounds", "").await;
    s.post("/api/backgrounds/all", json!({})).await;
    s.post("/api/backgrounds/folders", json!({})).await;
    uploads(&mut s).await;
    renames(&mut s).await;
    deletes(&mut s).await;
    s.post("/api/backgrounds/all", json!({})).await;
    s.finish();
}

async fn uploads(s: &mut Scenario) {
    let send = "/api/backgrounds/upload";
    let names = ["plain.png", "Ünï 🦊.png", "e\u{301}.png", "two words.png", "a/b.png", "q?m.png", "con.png", "video.mp4", "text.txt", "noext", "UP.PNG", ".hidden.png", "x.avif", "x.svg", "x.jfif"];
    for name in names {
        s.upload(send, file(name, &png(64, 32)), &[]).await;
    }
    s.upload(send, file("plain.png", &png(32, 64)), &[]).await;
    s.get("/backgrounds/plain.png").await;
    s.upload(send, file("broken.png", b"broken"), &[]).await;
    s.upload(send, file("anim.gif", &picture(20, 10, ImageFormat::Gif)), &[]).await;
    s.send(upload(send, None, &[])).await;
    s.post(send, json!({})).await;
    s.post("/api/backgrounds/all", json!({})).await;
    s.post("/api/image-metadata/all", json!({ "prefix": "backgrounds/" })).await;
}

async fn renames(s: &mut Scenario) {
    let rename = |old: &str, new: &str| json!({ "old_bg": old, "new_bg": new });
    for (old, new) in [("plain.png", "fresh.png"), ("plain.png", "again.png"), ("fresh.png", "two words.png"), ("fresh.png", "fresh.png"), ("fresh.png", "../up.png"), ("..up.png", "sla/sh.png"), ("slash.png", "Ünï.png"), ("../Ünï.png", "x.png")] {
        s.post("/api/backgrounds/rename", rename(old, new)).await;
    }
    for body in [json!({}), json!({ "old_bg": "two words.png" }), json!({ "old_bg": 5, "new_bg": "x" }), json!({ "new_bg": "x" })] {
        s.post("/api/backgrounds/rename", body).await;
    }
    s.post("/api/backgrounds/all", json!({})).await;
}

async fn deletes(s: &mut Scenario) {
    for name in ["two words.png", "two words.png", "Ünï 🦊.png", "none.png", "../x.png", "a:b.png", "x.png.", "video.mp4"] {
        s.post("/api/backgrounds/delete", json!({ "bg": name })).await;
    }
    for body in [json!({}), json!({ "bg": 5 }), json!({ "bg": null }), json!({ "bg": ["x/y"] })] {
        s.post("/api/backgrounds/delete", body).await;
    }
}

#[tokio::test]
async fn oracle_thumbnails() {
    let mut s = Scenario::start("thumbnails", "").await;
    for (width, height) in [(400, 200), (100, 500), (160, 90), (10, 10), (1, 300)] {
        let name = format!("b{width}x{height}.png");
        s.upload("/api/backgrounds/upload", file(&name, &png(width, height)), &[]).await;
        s.get(&format!("/thumbnail?type=bg&file={name}")).await;
    }
    for (name, format) in [("j.jpg", ImageFormat::Jpeg), ("w.webp", ImageFormat::WebP), ("g.gif", ImageFormat::Gif), ("m.bmp", ImageFormat::Bmp)] {
        s.upload("/api/backgrounds/upload", file(name, &picture(300, 200, format)), &[]).await;
        s.get(&format!("/thumbnail?type=bg&file={name}")).await;
        s.get(&format!("/thumbnail?type=bg&file={name}&animated=true")).await;
    }
    s.upload("/api/backgrounds/upload", file("v.mp4", b"not a video"), &[]).await;
    s.upload("/api/backgrounds/upload", file("broken.png", b"broken"), &[]).await;
    s.upload("/api/backgrounds/upload", file("Ünï 100%.png", &png(50, 50)), &[]).await;
    let queries = ["type=bg&file=v.mp4", "type=bg&file=v.mp4&animated=true", "type=bg&file=broken.png", "type=bg&file=%C3%9Cn%C3%AF%20100%25.png", "type=avatar&file=default_Seraphina.png", "type=persona&file=user-default.png", "type=avatar&file=none.png", "type=bg&file=royal.jpg&t=123", "type=bg&file=royal.jpg&animated=false", "", "type=bg", "file=royal.jpg", "type=other&file=royal.jpg", "type=bg&file=..%2Fx.png", "type=bg&file=a%3Ab.png", "type=bg&file=", "type=bg&type=bg&file=royal.jpg", "type=bg&file=royal.jpg&file=x", "type[]=bg&file=royal.jpg", "TYPE=bg&file=royal.jpg", "type=BG&file=royal.jpg", "type=bg&file=royal.jpg%00", "type=bg&file=%ff"];
    for query in queries {
        s.get(&format!("/thumbnail?{query}")).await;
    }
    s.get("/thumbnail/?type=bg&file=royal.jpg").await;
    s.send(get("/thumbnail?type=bg&file=royal.jpg").header("User-Agent", "Firefox").note("Firefox")).await;
    s.send(get("/thumbnail?type=bg&file=royal.jpg").header("Range", "bytes=0-3").note("range").ignore("header content-range")).await;
    s.send(get("/thumbnail?type=bg&file=royal.jpg").no_cookie()).await;
    s.finish();
}

#[tokio::test]
async fn oracle_thumbnails_configured() {
    let config = "thumbnails:\n  format: png\n  quality: 50\n  dimensions:\n    bg: [80, 45]\n    avatar: [48, 72]\n    persona: [20, 20]\n";
    let mut s = Scenario::start("thumbnails_configured", config).await;
    for query in ["type=bg&file=royal.jpg", "type=avatar&file=default_Seraphina.png", "type=persona&file=user-default.png"] {
        s.get(&format!("/thumbnail?{query}")).await;
    }
    s.post("/api/backgrounds/all", json!({})).await;
    s.finish();
}

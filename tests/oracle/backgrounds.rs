//! `/api/backgrounds`.

use image::ImageFormat;
use serde_json::json;

use super::dsl::{file, upload};
use super::fixtures::{picture, png};
use super::scenario::Scenario;

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
    let names = [
        "plain.png",
        "Ünï 🦊.png",
        "e\u{301}.png",
        "two words.png",
        "a/b.png",
        "q?m.png",
        "con.png",
        "video.mp4",
        "text.txt",
        "noext",
        "UP.PNG",
        ".hidden.png",
        "x.avif",
        "x.svg",
        "x.jfif",
    ];
    for name in names {
        s.upload(send, file(name, &png(64, 32)), &[]).await;
    }
    s.upload(send, file("plain.png", &png(32, 64)), &[]).await;
    s.get("/backgrounds/plain.png").await;
    s.upload(send, file("broken.png", b"broken"), &[]).await;
    s.upload(send, file("anim.gif", &picture(20, 10, ImageFormat::Gif)), &[])
        .await;
    s.send(upload(send, None, &[])).await;
    s.post(send, json!({})).await;
    s.post("/api/backgrounds/all", json!({})).await;
    s.post("/api/image-metadata/all", json!({ "prefix": "backgrounds/" }))
        .await;
}

async fn renames(s: &mut Scenario) {
    let rename = |old: &str, new: &str| json!({ "old_bg": old, "new_bg": new });
    for (old, new) in [
        ("plain.png", "fresh.png"),
        ("plain.png", "again.png"),
        ("fresh.png", "two words.png"),
        ("fresh.png", "fresh.png"),
        ("fresh.png", "../up.png"),
        ("..up.png", "sla/sh.png"),
        ("slash.png", "Ünï.png"),
        ("../Ünï.png", "x.png"),
    ] {
        s.post("/api/backgrounds/rename", rename(old, new)).await;
    }
    for body in [
        json!({}),
        json!({ "old_bg": "two words.png" }),
        json!({ "old_bg": 5, "new_bg": "x" }),
        json!({ "new_bg": "x" }),
    ] {
        s.post("/api/backgrounds/rename", body).await;
    }
    s.post("/api/backgrounds/all", json!({})).await;
}

async fn deletes(s: &mut Scenario) {
    for name in [
        "two words.png",
        "two words.png",
        "Ünï 🦊.png",
        "none.png",
        "../x.png",
        "a:b.png",
        "x.png.",
        "video.mp4",
    ] {
        s.post("/api/backgrounds/delete", json!({ "bg": name })).await;
    }
    for body in [
        json!({}),
        json!({ "bg": 5 }),
        json!({ "bg": null }),
        json!({ "bg": ["x/y"] }),
    ] {
        s.post("/api/backgrounds/delete", body).await;
    }
}

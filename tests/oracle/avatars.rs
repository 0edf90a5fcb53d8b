//! `/api/avatars`: pictures of personas.

use image::ImageFormat;
use serde_json::json;

use super::dsl::{file, upload};
use super::fixtures::{NAMES, encode, long_name, picture, png};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_avatars() {
    let mut s = Scenario::start("avatars", "").await;
    let (list, send, delete) = ("/api/avatars/get", "/api/avatars/upload", "/api/avatars/delete");
    s.post(list, json!({})).await;
    s.upload(send, file("me.png", &png(200, 300)), &[])
        .await
        .capture("made", "/path");
    s.get("/User%20Avatars/{{made}}").await;
    s.get("/thumbnail?type=persona&file={{made}}").await;
    s.post(delete, json!({ "avatar": "{{made}}" })).await;
    for (name, format) in [
        ("j.jpg", ImageFormat::Jpeg),
        ("w.webp", ImageFormat::WebP),
        ("g.gif", ImageFormat::Gif),
        ("b.bmp", ImageFormat::Bmp),
        ("t.tiff", ImageFormat::Tiff),
    ] {
        s.upload(
            send,
            file(name, &picture(40, 30, format)),
            &[("overwrite_name", name)],
        )
        .await;
        s.get(&format!("/User%20Avatars/{name}")).await;
    }
    avatar_crops(&mut s).await;
    s.post(list, json!({})).await;
    avatar_deletes(&mut s).await;
    s.post(list, json!({})).await;
    s.finish();
}

async fn avatar_crops(s: &mut Scenario) {
    let send = "/api/avatars/upload";
    for crop in [
        "{\"x\":10,\"y\":20,\"width\":50,\"height\":60}",
        "{\"x\":0,\"y\":0,\"width\":30,\"height\":30,\"want_resize\":true}",
        "{\"x\":\"0\",\"y\":0,\"width\":30,\"height\":30}",
        "{broken",
        "null",
    ] {
        s.upload(
            &format!("{send}?crop={}", encode(crop)),
            file("c.png", &png(120, 160)),
            &[("overwrite_name", "crop.png")],
        )
        .await;
        s.get("/User%20Avatars/crop.png").await;
    }
    for bytes in [
        &b"not an image"[..],
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ] {
        s.upload(send, file("x.png", bytes), &[("overwrite_name", "x.png")])
            .await;
    }
    for name in NAMES
        .iter()
        .copied()
        .filter(|name| !name.contains(['"', '\u{0}']))
    {
        s.upload(send, file("n.png", &png(4, 4)), &[("overwrite_name", name)])
            .await;
    }
}

async fn avatar_deletes(s: &mut Scenario) {
    let delete = "/api/avatars/delete";
    let send = "/api/avatars/upload";
    s.send(upload(send, None, &[])).await;
    let long = long_name();
    for name in NAMES
        .iter()
        .copied()
        .chain([long.as_str(), "none.png"])
        .filter(|name| !matches!(*name, "." | ".."))
    {
        s.post(delete, json!({ "avatar": name })).await;
    }
    for body in [json!({}), json!({ "avatar": 5 }), json!({ "avatar": null })] {
        s.post(delete, body).await;
    }
}

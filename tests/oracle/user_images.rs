//! `/api/images`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fixtures::{NAMES, long_name, png};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_images() {
    let mut s = Scenario::start("images", "").await;
    let data = STANDARD.encode(png(8, 8));
    s.post("/api/images/folders", json!({})).await;
    for (format, name) in [
        ("png", "one"),
        ("jpg", "two.png"),
        ("mp4", "film"),
        ("mp3", "tune.x.y"),
        ("gif", ""),
        ("jfif", "j"),
    ] {
        s.post(
            "/api/images/upload",
            json!({ "image": data, "format": format, "filename": name, "ch_name": "Bot" }),
        )
        .await;
    }
    for format in ["PNG", "svg", "exe", "", ".png", "tiff", "avif", "webm", "opus"] {
        s.post(
            "/api/images/upload",
            json!({ "image": data, "format": format, "filename": "f" }),
        )
        .await;
    }
    let long = long_name();
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        s.post(
            "/api/images/upload",
            json!({ "image": data, "format": "png", "filename": name, "ch_name": "Odd" }),
        )
        .await;
        s.post(
            "/api/images/upload",
            json!({ "image": data, "format": "png", "filename": "in folder", "ch_name": name }),
        )
        .await;
    }
    for body in [
        json!({}),
        json!({ "image": "" }),
        json!({ "image": data }),
        json!({ "image": 5, "format": "png" }),
        json!({ "image": "not base64!", "format": "png", "filename": "nb" }),
        json!({ "image": data, "format": ["png"], "filename": "list" }),
        json!({ "image": data, "format": "png", "filename": 5 }),
        json!({ "image": data, "format": "png", "filename": "x", "ch_name": 5 }),
    ] {
        s.post("/api/images/upload", body).await;
    }
    image_deletes(&mut s).await;
    s.finish();
}

async fn image_deletes(s: &mut Scenario) {
    listing(s).await;
    for path in [
        "/user/images/Bot/one.png",
        "/user/images/Bot/one.png",
        "user/images/Bot/two.jpg",
        "/user/images/../../settings.json",
        "/user/files/x",
        "/user/images/none.png",
        "",
        "/user/images/Bot/../Odd/%.png",
        "/user/images/Bot",
    ] {
        s.post("/api/images/delete", json!({ "path": path })).await;
    }
    for body in [
        json!({}),
        json!({ "path": 5 }),
        json!({ "path": ["/user/images/x"] }),
    ] {
        s.post("/api/images/delete", body).await;
    }
    s.post("/api/images/list", json!({ "folder": "Bot", "type": 7 }))
        .await;
}

async fn listing(s: &mut Scenario) {
    s.post("/api/images/folders", json!({})).await;
    for folder in ["Bot", "Odd", "Created by listing", "../x", "a:b", "..", "", "Ünï"] {
        for extra in [
            json!({}),
            json!({ "type": 7, "sortField": "name" }),
            json!({ "type": 2 }),
            json!({ "sortField": "name", "sortOrder": "desc" }),
            json!({ "type": 0 }),
            json!({ "type": "5" }),
        ] {
            let mut body: Value = extra;
            body["folder"] = json!(folder);
            s.post("/api/images/list", body).await;
        }
    }
    for (path, body) in [
        ("/api/images/list/Bot", json!({})),
        ("/api/images/list/Bot", json!({ "folder": "Odd" })),
        ("/api/images/list", json!({})),
        ("/api/images/list", json!({ "folder": 5 })),
        (
            "/api/images/list/B%6ft",
            json!({ "type": 7, "sortField": "name" }),
        ),
        ("/api/images/list/a%2Fb", json!({})),
    ] {
        s.post(path, body).await;
    }
    s.post("/api/images/folders", json!({})).await;
    s.get("/user/images/Bot/one.png").await;
}

//! `/api/image-metadata`.

use serde_json::json;

use super::dsl::file;
use super::fixtures::png;
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_image_metadata() {
    let mut s = Scenario::start("image_metadata", "").await;
    let root = "/api/image-metadata";
    s.post(&format!("{root}/all"), json!({})).await;
    s.post(root, json!({ "path": "backgrounds/royal.jpg", "type": "bg" }))
        .await;
    s.post(root, json!({ "path": "backgrounds/none.jpg", "type": "bg" }))
        .await;
    s.post(root, json!({ "path": "../../x", "type": "bg" })).await;
    s.post(root, json!({ "path": "settings.json", "type": "bg" }))
        .await;
    s.post(root, json!({ "paths": ["backgrounds/royal.jpg", "backgrounds/none.jpg", "../x", "backgrounds/_white.jpg"], "type": "bg" })).await;
    for body in [
        json!({}),
        json!({ "paths": "x" }),
        json!({ "path": 5 }),
        json!({ "paths": [] }),
        json!({ "path": "characters/default_Seraphina.png", "type": "avatar" }),
        json!({ "path": "backgrounds/_black.jpg" }),
    ] {
        s.post(root, body).await;
    }
    s.post(&format!("{root}/all"), json!({})).await;
    s.post(&format!("{root}/all"), json!({ "prefix": "backgrounds/_" }))
        .await;
    s.post(&format!("{root}/all"), json!({ "prefix": 5 })).await;
    folders(&mut s).await;
    s.upload("/api/backgrounds/upload", file("gone.png", &png(30, 20)), &[])
        .await;
    s.post("/api/backgrounds/delete", json!({ "bg": "gone.png" }))
        .await;
    s.post(&format!("{root}/cleanup"), json!({})).await;
    s.post(&format!("{root}/all"), json!({})).await;
    s.finish();
}

async fn folders(s: &mut Scenario) {
    let root = "/api/image-metadata/folders";
    s.post(&format!("{root}/get"), json!({})).await;
    s.post(&format!("{root}/create"), json!({ "name": "  Trimmed 🦊 " }))
        .await
        .capture("one", "/id");
    s.post(&format!("{root}/create"), json!({ "name": "Second" }))
        .await
        .capture("two", "/id");
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": 5 }),
        json!({ "name": "   " }),
        json!({ "name": "Second" }),
    ] {
        s.post(&format!("{root}/create"), body).await;
    }
    s.post(
        &format!("{root}/update"),
        json!({ "id": "{{one}}", "name": "Renamed" }),
    )
    .await;
    s.post(
        &format!("{root}/update"),
        json!({ "id": "{{one}}", "thumbnailFile": "royal.jpg", "extra": 1 }),
    )
    .await;
    s.post(
        &format!("{root}/assign"),
        json!({ "id": "{{one}}", "paths": ["backgrounds/royal.jpg", "backgrounds/none.jpg"] }),
    )
    .await;
    s.post(
        &format!("{root}/assign"),
        json!({ "id": "{{two}}", "paths": ["backgrounds/royal.jpg", "backgrounds/tavern day.jpg"] }),
    )
    .await;
    s.post(
        &format!("{root}/assign"),
        json!({ "id": "{{one}}", "paths": ["characters/x.png"] }),
    )
    .await;
    s.post("/api/backgrounds/folders", json!({})).await;
    s.post(
        "/api/backgrounds/rename",
        json!({ "old_bg": "tavern day.jpg", "new_bg": "tavern.jpg" }),
    )
    .await;
    s.post("/api/backgrounds/folders", json!({})).await;
    s.post(
        &format!("{root}/unassign"),
        json!({ "id": "{{two}}", "paths": ["backgrounds/royal.jpg", "backgrounds/none.jpg"] }),
    )
    .await;
    s.post(&format!("{root}/set-thumbnails"), json!({ "updates": [{ "id": "{{two}}", "thumbnailFile": "tavern.jpg" }, { "id": "none", "thumbnailFile": "x" }] })).await;
    s.post(&format!("{root}/get"), json!({})).await;
    folder_errors(s).await;
}

async fn folder_errors(s: &mut Scenario) {
    let root = "/api/image-metadata/folders";
    for route in ["update", "delete", "assign", "unassign"] {
        for body in [
            json!({}),
            json!({ "id": 5 }),
            json!({ "id": "none" }),
            json!({ "id": "none", "paths": [] }),
            json!({ "id": "none", "paths": "x" }),
        ] {
            s.post(&format!("{root}/{route}"), body).await;
        }
    }
    for body in [
        json!({}),
        json!({ "updates": {} }),
        json!({ "updates": [{}] }),
        json!({ "updates": [] }),
        json!({ "updates": [null] }),
    ] {
        s.post(&format!("{root}/set-thumbnails"), body).await;
    }
    s.post("/api/backgrounds/delete", json!({ "bg": "tavern.jpg" }))
        .await;
    s.post(&format!("{root}/delete"), json!({ "id": "{{one}}" }))
        .await;
    s.post(&format!("{root}/delete"), json!({ "id": "{{one}}" }))
        .await;
    s.post("/api/backgrounds/folders", json!({})).await;
    s.post(&format!("{root}/get"), json!({})).await;
}

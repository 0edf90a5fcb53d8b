//! Awkward requests to worlds, backgrounds, the gallery's metadata, avatars, images, files and thumbnails.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::awkward::{Row, run};
use super::awkward_forms::Form;
use super::dsl::{Call, file, post, upload};
use super::fixtures::png;
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_awkward_library() {
    let mut s = Scenario::start("awkward_library", "").await;
    let rows: Vec<Row> = [worlds(), files(), images(), avatars()]
        .into_iter()
        .flatten()
        .collect();
    run(&mut s, &rows, &[]).await;
    s.finish();
}

/// The backgrounds of a new user but for the one that the rows use.
const SHIPPED: &[&str] = &[
    "bedroom clean.jpg",
    "bedroom cyberpunk.jpg",
    "bedroom red.jpg",
    "bedroom tatami.jpg",
    "cityscape medieval market.jpg",
    "cityscape medieval night.jpg",
    "cityscape postapoc.jpg",
    "forest treehouse fireworks air baloons (by kallmeflocc).jpg",
    "japan classroom side.jpg",
    "japan classroom.jpg",
    "japan path cherry blossom.jpg",
    "japan university.jpg",
    "landscape autumn great tree.jpg",
    "landscape beach day.png",
    "landscape beach night.jpg",
    "landscape mountain lake.jpg",
    "landscape postapoc.jpg",
    "landscape winter lake house.jpg",
    "tavern day.jpg",
];

#[tokio::test]
async fn oracle_awkward_backgrounds() {
    let mut s = Scenario::start("awkward_backgrounds", "").await;
    // The pictures that come along are large; looking at all of them would take longer than all the rest.
    for name in SHIPPED {
        s.post("/api/backgrounds/delete", json!({ "bg": name })).await;
    }
    s.send(all()).await;
    s.post("/api/image-metadata/folders/create", json!({ "name": "Folder" }))
        .await
        .capture("folder", "/id");
    let rows: Vec<Row> = [thumbnails(), metadata(), folders(), backgrounds()]
        .into_iter()
        .flatten()
        .collect();
    run(&mut s, &rows, &[]).await;
    s.finish();
}

fn worlds() -> Vec<Row> {
    let list = || post("/api/worldinfo/list", &json!({}));
    let body = json!({ "name": "awk", "data": { "entries": {}, "name": "Awk", "extensions": {} } });
    let world = b"{\"entries\":{}}".to_vec();
    vec![
        Row::json("/api/worldinfo/edit", body.clone())
            .inner(&["/data/entries", "/data/name", "/data/extensions"])
            .each(list())
            .read(post("/api/worldinfo/get", &json!({ "name": "awk" }))),
        Row::json("/api/worldinfo/get", json!({ "name": "awk" })),
        Row::form(
            "/api/worldinfo/import",
            Form::with_file(
                &[("convertedData", "{\"entries\":{\"a\":1}}")],
                "imported.json",
                world,
            ),
        )
        .read(list())
        .read(post("/api/worldinfo/get", &json!({ "name": "imported" }))),
        Row::json("/api/worldinfo/list", json!({ "unknown": 1 })),
        Row::json("/api/worldinfo/delete", json!({ "name": "awk" }))
            .before(post("/api/worldinfo/edit", &body))
            .read(list()),
    ]
}

fn files() -> Vec<Row> {
    let body = json!({ "name": "awk.txt", "data": "aGVsbG8=" });
    let verify = || {
        post(
            "/api/files/verify",
            &json!({ "urls": ["/user/files/awk.txt", "/user/files/CON"] }),
        )
    };
    vec![
        Row::json("/api/files/sanitize-filename", json!({ "fileName": "awk" })),
        Row::json("/api/files/upload", body.clone()).read(verify()),
        Row::json("/api/files/verify", json!({ "urls": ["/user/files/awk.txt"] })).inner(&["/urls/0"]),
        Row::json("/api/files/delete", json!({ "path": "/user/files/awk.txt" }))
            .before(post("/api/files/upload", &body))
            .read(verify()),
    ]
}

fn images() -> Vec<Row> {
    let body: Value =
        json!({ "image": STANDARD.encode(png(8, 8)), "format": "png", "filename": "awk", "ch_name": "Awk" });
    let folders = || post("/api/images/folders", &json!({}));
    let list = || {
        post(
            "/api/images/list",
            &json!({ "folder": "Awk", "sortField": "name", "type": 7 }),
        )
    };
    vec![
        Row::json("/api/images/upload", body.clone())
            .read(folders())
            .read(list()),
        // A folder without pictures: by date those of one millisecond come in any order. `images.rs` has the orders.
        Row::json(
            "/api/images/list",
            json!({ "folder": "Empty", "type": 7, "sortField": "name", "sortOrder": "asc" }),
        )
        .read(folders()),
        Row::json("/api/images/folders", json!({ "unknown": 1 })),
        Row::json(
            "/api/images/delete",
            json!({ "path": "/user/images/Awk/awk.png" }),
        )
        .before(post("/api/images/upload", &body))
        .read(list()),
    ]
}

fn avatars() -> Vec<Row> {
    let list = || post("/api/avatars/get", &json!({}));
    let sent = || {
        upload(
            "/api/avatars/upload",
            Some(file("a.png", &png(8, 8))),
            &[("overwrite_name", "awk.png")],
        )
    };
    vec![
        Row::form(
            "/api/avatars/upload",
            Form::with_file(&[("overwrite_name", "awk.png")], "a.png", png(8, 8)),
        )
        .read(list()),
        Row::json("/api/avatars/get", json!({ "unknown": 1 })),
        Row::json("/api/avatars/delete", json!({ "avatar": "awk.png" }))
            .before(sent())
            .read(list()),
    ]
}

fn background(name: &str) -> Call {
    upload("/api/backgrounds/upload", Some(file(name, &png(16, 9))), &[])
}

fn all() -> Call {
    post("/api/backgrounds/all", &json!({}))
}

fn index() -> Call {
    post("/api/image-metadata/all", &json!({ "prefix": "backgrounds/awk" }))
}

fn backgrounds() -> Vec<Row> {
    vec![
        Row::form(
            "/api/backgrounds/upload",
            Form::with_file(&[], "awk.png", png(16, 9)),
        )
        .read(all())
        .read(index()),
        Row::json("/api/backgrounds/all", json!({ "unknown": 1 })),
        Row::json("/api/backgrounds/folders", json!({ "unknown": 1 })),
        Row::json(
            "/api/backgrounds/rename",
            json!({ "old_bg": "awk.png", "new_bg": "awk2.png" }),
        )
        .before(background("awk.png"))
        .before(post("/api/backgrounds/delete", &json!({ "bg": "awk2.png" })))
        .read(all())
        .read(index()),
        Row::json("/api/backgrounds/delete", json!({ "bg": "awk.png" }))
            .before(background("awk.png"))
            .read(all())
            .read(index()),
    ]
}

fn metadata() -> Vec<Row> {
    vec![
        Row::json(
            "/api/image-metadata",
            json!({ "path": "backgrounds/royal.jpg", "type": "bg" }),
        ),
        Row::json(
            "/api/image-metadata",
            json!({ "paths": ["backgrounds/royal.jpg"], "type": "bg" }),
        )
        .called("(many)")
        .inner(&["/paths/0"]),
        Row::json("/api/image-metadata/all", json!({ "prefix": "backgrounds/r" })),
        Row::json("/api/image-metadata/cleanup", json!({ "unknown": 1 })),
    ]
}

fn folders() -> Vec<Row> {
    let get = || post("/api/image-metadata/folders/get", &json!({}));
    let shown = || post("/api/backgrounds/folders", &json!({}));
    let member = json!({ "id": "{{folder}}", "paths": ["backgrounds/royal.jpg"] });
    let assign = || post("/api/image-metadata/folders/assign", &member);
    vec![
        Row::json("/api/image-metadata/folders/create", json!({ "name": "Made" })).read(get()),
        Row::json(
            "/api/image-metadata/folders/update",
            json!({ "id": "{{folder}}", "name": "New", "thumbnailFile": "royal.jpg", "extra": 1 }),
        )
        .each(get()),
        Row::json(
            "/api/image-metadata/folders/set-thumbnails",
            json!({ "updates": [{ "id": "{{folder}}", "thumbnailFile": "royal.jpg" }] }),
        )
        .inner(&["/updates/0", "/updates/0/id", "/updates/0/thumbnailFile"])
        .each(get()),
        Row::json("/api/image-metadata/folders/assign", member.clone())
            .inner(&["/paths/0"])
            .read(shown()),
        Row::json("/api/image-metadata/folders/unassign", member.clone())
            .inner(&["/paths/0"])
            .before(assign())
            .read(shown()),
        Row::json("/api/image-metadata/folders/get", json!({ "unknown": 1 })),
        Row::json("/api/image-metadata/folders/delete", json!({ "id": "{{made}}" }))
            .before_keeping(
                post("/api/image-metadata/folders/create", &json!({ "name": "Made" })),
                "made",
                "/id",
            )
            .read(shown()),
    ]
}

fn thumbnails() -> Vec<Row> {
    vec![Row::query(
        "/thumbnail",
        &[("type", "bg"), ("file", "royal.jpg"), ("animated", "false")],
    )]
}

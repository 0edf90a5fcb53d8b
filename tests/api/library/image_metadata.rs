use serde_json::{Value, json};

use super::pictures::{animated_png, png};
use crate::harness::{Client, Server, file};

const ROOT: &str = "/api/image-metadata";

async fn background(client: &Client, name: &str, bytes: Vec<u8>) {
    client
        .upload("/api/backgrounds/upload", file(name, bytes), &[])
        .await
        .expect(200);
}

async fn post(client: &Client, path: &str, body: Value, status: u16) -> Value {
    client
        .post(&format!("{ROOT}{path}"), body)
        .await
        .expect(status)
        .json()
}

#[tokio::test]
async fn an_entry_tells_what_the_picture_is() {
    let server = Server::start().await;
    let client = server.client().await;
    let bytes = png(16, 9, [10, 20, 30]);
    background(&client, "x.png", bytes.clone()).await;
    let entry = post(
        &client,
        "",
        json!({ "path": "backgrounds/x.png", "type": "bg" }),
        200,
    )
    .await;
    let modified = client.get("/backgrounds/x.png").await.headers["etag"]
        .to_str()
        .unwrap()
        .to_owned();
    let milliseconds = entry["mtime"].as_f64().unwrap().round() as u64;
    assert!(
        modified.contains(&format!("-{milliseconds:x}")),
        "{modified} {entry}"
    );
    assert!(entry["addedTimestamp"].is_u64());
    let known: Vec<&String> = entry.as_object().unwrap().keys().collect();
    let keys = [
        "hash",
        "aspectRatio",
        "isAnimated",
        "dominantColor",
        "folderIds",
        "addedTimestamp",
        "thumbnailResolution",
        "mtime",
    ];
    assert_eq!(known, keys);
    let hash = <sha2::Sha256 as sha2::Digest>::digest(&bytes);
    assert_eq!(entry["hash"], hex::encode(hash));
    assert_eq!(entry["aspectRatio"], 1.7778);
    assert_eq!(entry["dominantColor"], "#0a141e");
    assert_eq!(entry["thumbnailResolution"], 14_400);
}

#[tokio::test]
async fn several_paths_are_answered_one_by_one() {
    let server = Server::start().await;
    let client = server.client().await;
    background(&client, "x.png", animated_png()).await;
    background(&client, "y.png", b"no picture".to_vec()).await;
    let paths = [
        "backgrounds/x.png",
        "backgrounds/y.png",
        "backgrounds/z.png",
        "../x.png",
        "/backgrounds/x.png",
    ];
    let answer = post(&client, "", json!({ "paths": paths, "type": "bg" }), 200).await;
    assert_eq!(answer["backgrounds/x.png"]["isAnimated"], true);
    assert_eq!(answer["backgrounds/x.png"]["dominantColor"], "#808080");
    let missing = json!({ "error": "File not found or could not process." });
    assert_eq!(
        (&answer["backgrounds/y.png"], &answer["backgrounds/z.png"]),
        (&missing, &missing)
    );
    for outside in ["../x.png", "/backgrounds/x.png"] {
        let message = format!("Path \"{outside}\" is outside the user data directory.");
        assert_eq!(answer[outside], json!({ "error": message }));
    }
}

#[tokio::test]
async fn failures_have_the_forms_of_the_original() {
    let server = Server::start().await;
    let client = server.client().await;
    background(&client, "y.png", b"no picture".to_vec()).await;
    for (body, status, message) in [
        (json!({}), 400, "Either \"path\" or \"paths\" is required."),
        (json!({ "paths": "x" }), 400, "Invalid request format."),
        (json!({ "path": "backgrounds/z.png" }), 404, "File not found."),
        (
            json!({ "path": "backgrounds/y.png" }),
            404,
            "Could not generate metadata for file.",
        ),
        (json!({ "path": "../../x.png" }), 500, "Internal server error."),
        (json!({ "path": 5 }), 500, "Internal server error."),
    ] {
        assert_eq!(
            post(&client, "", body.clone(), status).await,
            json!({ "error": message }),
            "{body}"
        );
    }
}

#[tokio::test]
async fn the_index_is_shown_whole_or_below_a_prefix() {
    let server = Server::start().await;
    let client = server.client().await;
    let empty = json!({ "version": 1, "images": {}, "folders": [] });
    assert_eq!(post(&client, "/all", json!({}), 200).await, empty);
    background(&client, "x.png", png(4, 4, [1, 2, 3])).await;
    let upload = file("x.png", png(4, 4, [1, 2, 3]));
    client
        .upload("/api/avatars/upload", upload, &[("overwrite_name", "me.png")])
        .await
        .expect(200);
    post(
        &client,
        "",
        json!({ "path": "User Avatars/me.png", "type": "persona" }),
        200,
    )
    .await;
    let below = post(&client, "/all", json!({ "prefix": "backgrounds/" }), 200).await;
    assert_eq!(
        below["images"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["backgrounds/x.png"]
    );
    assert_eq!(
        below.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["version", "images"]
    );
    let all = post(&client, "/all", json!({}), 200).await;
    assert_eq!(
        all["images"]["User Avatars/me.png"]["thumbnailResolution"],
        96 * 144
    );
}

#[tokio::test]
async fn cleaning_up_drops_entries_without_a_file() {
    let server = Server::start().await;
    let client = server.client().await;
    background(&client, "x.png", png(4, 4, [1, 2, 3])).await;
    let upload = file("x.png", png(4, 4, [1, 2, 3]));
    client
        .upload("/api/avatars/upload", upload, &[("overwrite_name", "me.png")])
        .await
        .expect(200);
    post(&client, "", json!({ "path": "User Avatars/me.png" }), 200).await;
    assert_eq!(
        post(&client, "/cleanup", json!({}), 200).await,
        json!({ "removed": [], "count": 0 })
    );
    client
        .post("/api/avatars/delete", json!({ "avatar": "me.png" }))
        .await
        .expect(200);
    let removed = json!({ "removed": ["User Avatars/me.png"], "count": 1 });
    assert_eq!(post(&client, "/cleanup", json!({}), 200).await, removed);
    let left = post(&client, "/all", json!({}), 200).await;
    assert_eq!(
        left["images"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["backgrounds/x.png"]
    );
}

#[tokio::test]
async fn folders_are_made_changed_and_removed() {
    let server = Server::start().await;
    let client = server.client().await;
    let folder = post(&client, "/folders/create", json!({ "name": "  Sea " }), 200).await;
    let id = folder["id"].as_str().unwrap();
    assert_eq!(folder, json!({ "id": id, "name": "Sea", "thumbnailFile": "" }));
    let renamed = json!({ "id": id, "name": "Lake", "thumbnailFile": "x.png" });
    assert_eq!(
        post(&client, "/folders/update", renamed.clone(), 200).await,
        renamed
    );
    let covers =
        json!({ "updates": [{ "id": id, "thumbnailFile": "y.png" }, { "id": "?", "thumbnailFile": "" }] });
    assert_eq!(
        post(&client, "/folders/set-thumbnails", covers, 200).await,
        json!({ "ok": true })
    );
    let listed = post(&client, "/folders/get", json!({}), 200).await;
    assert_eq!(
        listed,
        json!([{ "id": id, "name": "Lake", "thumbnailFile": "y.png" }])
    );
    assert_eq!(
        post(&client, "/folders/delete", json!({ "id": id }), 200).await,
        json!({ "ok": true })
    );
    assert_eq!(post(&client, "/folders/get", json!({}), 200).await, json!([]));
}

#[tokio::test]
async fn pictures_are_put_into_folders_and_taken_out() {
    let server = Server::start().await;
    let client = server.client().await;
    background(&client, "x.png", png(4, 4, [1, 2, 3])).await;
    let folder = post(&client, "/folders/create", json!({ "name": "F" }), 200).await;
    let id = &folder["id"];
    let paths = ["backgrounds/x.png", "backgrounds/./x.png", "backgrounds/gone.png"];
    post(
        &client,
        "/folders/assign",
        json!({ "id": id, "paths": paths }),
        200,
    )
    .await;
    let folders = |client| async move { post(client, "/all", json!({}), 200).await["images"].clone() };
    assert_eq!(
        folders(&client).await["backgrounds/x.png"]["folderIds"],
        json!([id])
    );
    assert!(folders(&client).await.get("backgrounds/gone.png").is_none());
    let bad = json!({ "id": id, "paths": ["User Avatars/x.png"] });
    assert_eq!(
        post(&client, "/folders/assign", bad, 500).await,
        json!({ "error": "Internal server error." })
    );
    let out = json!({ "id": id, "paths": ["backgrounds/x.png"] });
    post(&client, "/folders/unassign", out.clone(), 200).await;
    assert_eq!(
        folders(&client).await["backgrounds/x.png"]["folderIds"],
        json!([])
    );
    post(&client, "/folders/assign", out, 200).await;
    post(&client, "/folders/delete", json!({ "id": id }), 200).await;
    assert_eq!(
        folders(&client).await["backgrounds/x.png"]["folderIds"],
        json!([])
    );
}

#[tokio::test]
async fn folder_requests_are_checked() {
    let server = Server::start().await;
    let client = server.client().await;
    let unknown = "Folder 'f' not found.";
    for (path, body, status, message) in [
        ("/create", json!({ "name": "" }), 400, "\"name\" is required."),
        ("/update", json!({}), 400, "\"id\" is required."),
        ("/update", json!({ "id": "f" }), 404, unknown),
        ("/delete", json!({ "id": 5 }), 400, "\"id\" is required."),
        ("/delete", json!({ "id": "f" }), 404, unknown),
        (
            "/assign",
            json!({ "id": "f" }),
            400,
            "\"paths\" array is required.",
        ),
        ("/assign", json!({ "id": "f", "paths": [] }), 404, unknown),
        ("/unassign", json!({ "paths": [] }), 400, "\"id\" is required."),
        (
            "/set-thumbnails",
            json!({ "updates": [{ "id": "f" }] }),
            400,
            "\"updates\" must be an array of {id, thumbnailFile}.",
        ),
    ] {
        let answer = post(&client, &format!("/folders{path}"), body.clone(), status).await;
        assert_eq!(answer, json!({ "error": message }), "{path} {body}");
    }
}

#[tokio::test]
async fn first_editors_do_not_overwrite_each_other() {
    let server = Server::start().await;
    let client = server.client().await;
    let names = ["a", "b", "c", "d", "e", "f"];
    let create = |name| post(&client, "/folders/create", json!({ "name": name }), 200);
    futures_util::future::join_all(names.map(create)).await;
    let listed = post(&client, "/folders/get", json!({}), 200).await;
    let mut found: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["name"].as_str().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, names);
}

use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn names_are_sanitised_on_request() {
    let server = Server::start().await;
    let client = server.client().await;
    for (body, name) in [
        (json!({ "fileName": "a/b:c.json" }), "abc.json"),
        (json!({ "fileName": 5 }), "5"),
        (json!({ "fileName": null }), "null"),
        (json!({}), "undefined"),
        (json!({ "fileName": "..." }), ""),
    ] {
        let answer = client
            .post("/api/files/sanitize-filename", &body)
            .await
            .expect(200);
        assert_eq!(answer.json(), json!({ "fileName": name }), "{body}");
    }
    let answer = client
        .post("/api/files/sanitize-filename", json!({ "fileName": "" }))
        .await
        .expect(400);
    assert_eq!(answer.text(), "No fileName specified");
}

#[tokio::test]
async fn an_attachment_is_stored_served_and_deleted() {
    let server = Server::start().await;
    let client = server.client().await;
    for data in ["Zmlyc3Q=", "c2Vjb25k"] {
        let answer = client
            .post("/api/files/upload", json!({ "name": "a.txt", "data": data }))
            .await
            .expect(200);
        assert_eq!(answer.json(), json!({ "path": "/user/files/a.txt" }));
    }
    assert_eq!(client.get("/user/files/a.txt").await.expect(200).text(), "second");
    let answer = client
        .post("/api/files/delete", json!({ "path": "/user/files/a.txt" }))
        .await
        .expect(200);
    assert_eq!(answer.text(), "OK");
    client.get("/user/files/a.txt").await.expect(404);
}

#[tokio::test]
async fn uploads_are_checked() {
    let server = Server::start().await;
    let client = server.client().await;
    for (body, status, message) in [
        (json!({ "data": "eA==" }), 400, "No upload name specified"),
        (json!({ "name": "a.txt" }), 400, "No upload data specified"),
        (
            json!({ "name": "a b.txt", "data": "eA==" }),
            400,
            "Illegal character in filename; only alphanumeric, '_', '-' are accepted.",
        ),
        (
            json!({ "name": "a.EXE", "data": "eA==" }),
            400,
            "Forbidden file extension.",
        ),
        (
            json!({ "name": ".a", "data": "eA==" }),
            400,
            "Filename cannot start with '.'",
        ),
        (
            json!({ "name": "con.txt", "data": "eA==" }),
            400,
            "Reserved or long filename.",
        ),
        (json!({ "name": 5, "data": "eA==" }), 500, "Internal Server Error"),
    ] {
        let answer = client.post("/api/files/upload", &body).await.expect(status);
        assert_eq!(answer.text(), message, "{body}");
    }
}

#[tokio::test]
async fn only_attachments_are_deleted() {
    let server = Server::start().await;
    let client = server.client().await;
    client
        .post("/api/files/upload", json!({ "name": "a.txt", "data": "eA==" }))
        .await
        .expect(200);
    for (path, status, message) in [
        (json!(null), 400, "No path specified"),
        (json!("/user/images/a.txt"), 400, "Invalid path"),
        (json!("/user/files/../../settings.json"), 400, "Invalid path"),
        (json!("/user/files-old/a.txt"), 404, "File not found"),
        (json!("/user/files/gone.txt"), 404, "File not found"),
        (json!("/user/files"), 500, "Internal Server Error"),
    ] {
        let answer = client
            .post("/api/files/delete", json!({ "path": path }))
            .await
            .expect(status);
        assert_eq!(answer.text(), message, "{path}");
    }
    client.get("/user/files/a.txt").await.expect(200);
}

#[tokio::test]
async fn verifying_leaves_out_what_is_no_attachment() {
    let server = Server::start().await;
    let client = server.client().await;
    client
        .post("/api/files/upload", json!({ "name": "a.txt", "data": "eA==" }))
        .await
        .expect(200);
    let urls = [
        "/user/files/a.txt",
        "user/files/x/../a.txt",
        "/user/files/b.txt",
        "/user/images/a.txt",
        "/user/files",
    ];
    let answer = client
        .post("/api/files/verify", json!({ "urls": urls }))
        .await
        .expect(200);
    let expected = json!({
        "/user/files/a.txt": true, "user/files/x/../a.txt": true, "/user/files/b.txt": false, "/user/files": true,
    });
    assert_eq!(answer.json(), expected);
    let answer = client
        .post("/api/files/verify", json!({ "urls": "x" }))
        .await
        .expect(400);
    assert_eq!(answer.text(), "No URLs specified");
    client
        .post("/api/files/verify", json!({ "urls": [5] }))
        .await
        .expect(500);
}

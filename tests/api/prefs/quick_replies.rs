use serde_json::json;

use super::themes::{listed, names_are_sanitised, start};

#[tokio::test]
async fn a_set_is_stored_whole_listed_and_deleted() {
    let (_server, client) = start().await;
    let set =
        json!({ "version": 2, "name": "Mine", "qrList": [{ "id": 1, "message": "/echo \u{1F98A}\r\n" }] });
    assert_eq!(
        client
            .post("/api/quick-replies/save", &set)
            .await
            .expect(200)
            .text(),
        "OK"
    );
    assert_eq!(
        listed(&client, "quickReplyPresets").await.to_string(),
        json!([set]).to_string()
    );
    client
        .post("/api/quick-replies/delete", json!({}))
        .await
        .expect(400);
    for name in ["Mine", "Mine", "Absent"] {
        assert_eq!(
            client
                .post("/api/quick-replies/delete", json!({ "name": name }))
                .await
                .expect(200)
                .text(),
            "OK"
        );
    }
    assert_eq!(listed(&client, "quickReplyPresets").await, json!([]));
}

#[tokio::test]
async fn set_names_are_sanitised() {
    names_are_sanitised("/api/quick-replies/save", "QuickReplies").await;
}

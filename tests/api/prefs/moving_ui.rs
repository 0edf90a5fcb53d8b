use serde_json::json;

use super::themes::{listed, names_are_sanitised, start};

#[tokio::test]
async fn a_layout_is_stored_whole_and_listed() {
    let (_server, client) = start().await;
    let layout = json!({ "name": "Wide", "movingUIState": { "b": { "top": 1 }, "a": {} } });
    assert_eq!(
        client
            .post("/api/moving-ui/save", &layout)
            .await
            .expect(200)
            .text(),
        "OK"
    );
    assert_eq!(
        listed(&client, "movingUIPresets").await.to_string(),
        json!([layout]).to_string()
    );
    client
        .post("/api/moving-ui/delete", json!({ "name": "Wide" }))
        .await
        .expect(404);
}

#[tokio::test]
async fn layout_names_are_sanitised() {
    names_are_sanitised("/api/moving-ui/save", "movingUI").await;
}

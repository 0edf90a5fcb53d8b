//! Backups of chats and settings in the data maid's report.

use serde_json::json;

use super::data_maid::{Report, put_files, save};
use crate::harness::{Client, Server};

#[tokio::test]
async fn every_backup_is_found() {
    let server = Server::start().await;
    let client = server.client().await;
    save(&client, "Ada.png", "a", json!([])).await;
    client
        .post("/api/settings/save", json!({ "n": 1 }))
        .await
        .expect(200);
    put_files(
        &server,
        &[
            "backups/chat_zoe.txt",
            "backups/other.txt",
            "backups/settings_other_x.json",
        ],
    )
    .await;
    let report = Report::of(&client).await;
    let chats = report.names("chatBackups");
    assert!(
        chats.len() == 2 && chats[0].starts_with("chat_ada_2") && chats[1] == "chat_zoe.txt",
        "{chats:?}"
    );
    let settings = report.names("settingsBackups");
    assert!(
        settings.len() == 1 && settings[0].starts_with("settings_default-user_2"),
        "{settings:?}"
    );
    let viewed = report
        .view(&client, &report.hash("settingsBackups", &settings[0]))
        .await
        .expect(200);
    assert_eq!(viewed.json(), json!({ "n": 1 }));
    assert_eq!(viewed.headers["content-type"], "application/json");
    let row = report.hash("chatBackups", &chats[0]);
    assert!(
        report
            .view(&client, &row)
            .await
            .expect(200)
            .text()
            .contains("chat_metadata")
    );
    let doomed = [
        row,
        report.hash("chatBackups", &chats[1]),
        report.hash("settingsBackups", &settings[0]),
    ];
    report.delete(&client, &doomed).await.expect(204);
    no_backup_is_left(&server, &client).await;
}

async fn no_backup_is_left(server: &Server, client: &Client) {
    let report = Report::of(client).await;
    assert_eq!(
        report.names("chatBackups").len() + report.names("settingsBackups").len(),
        0
    );
    assert_eq!(
        server.count("SELECT count(*) FROM revisions").await,
        1,
        "versions stay"
    );
    assert_eq!(
        server
            .count("SELECT count(*) FROM files WHERE folder = 'backups'")
            .await,
        2
    );
}

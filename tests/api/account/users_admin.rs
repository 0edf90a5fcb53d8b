use serde_json::{Value, json};

use super::accounts;
use crate::harness::{Client, Server};

async fn admin_and(server: &Server, handle: &str) -> (Client, Client) {
    server.tenant("admin", true).await;
    server.tenant(handle, false).await;
    (server.client_of("admin").await, server.client_of(handle).await)
}

async fn users(client: &Client, route: &str, body: Value) -> crate::harness::Answer {
    client.post(&format!("/api/users/{route}"), body).await
}

#[tokio::test]
async fn a_new_standing_ends_the_sessions_of_before() {
    for route in ["disable", "promote"] {
        let server = accounts().await;
        let (admin, anna) = admin_and(&server, "anna").await;
        anna.get("/api/users/me").await.expect(200);
        users(&admin, route, json!({ "handle": "anna" }))
            .await
            .expect(204);
        anna.get("/api/users/me").await.expect(403);
        let undo = if route == "disable" { "enable" } else { "demote" };
        users(&admin, undo, json!({ "handle": "anna" })).await.expect(204);
        anna.get("/api/users/me").await.expect(403);
        // What changes nothing ends nothing.
        let anna = server.client_of("anna").await;
        users(&admin, undo, json!({ "handle": "anna" })).await.expect(204);
        anna.get("/api/users/me").await.expect(200);
    }
}

#[tokio::test]
async fn a_demoted_administrator_is_none_at_once_on_every_node() {
    let server = accounts().await;
    let (admin, _) = admin_and(&server, "anna").await;
    users(&admin, "promote", json!({ "handle": "anna" }))
        .await
        .expect(204);
    let anna = server.client_of("anna").await;
    let node = server.beside(super::options(|_| {})).await;
    let elsewhere = Client::with_cookies(&node.url, anna.cookies().to_owned()).await;
    users(&elsewhere, "get", json!({})).await.expect(200);
    users(&admin, "demote", json!({ "handle": "anna" }))
        .await
        .expect(204);
    users(&elsewhere, "get", json!({})).await.expect(403);
    users(&anna, "get", json!({})).await.expect(403);
}

#[tokio::test]
async fn nobody_takes_the_own_account_away_however_it_is_spelled() {
    let server = accounts().await;
    let (admin, _) = admin_and(&server, "anna").await;
    for route in ["disable", "demote", "delete"] {
        for handle in [json!("admin"), json!(["admin"]), json!([["admin"]])] {
            users(&admin, route, json!({ "handle": handle, "purge": true }))
                .await
                .expect(400);
        }
    }
    for handle in [json!("default-user"), json!(["default-user"])] {
        users(&admin, "delete", json!({ "handle": handle, "purge": true }))
            .await
            .expect(400);
    }
    assert_eq!(
        users(&admin, "get", json!({}))
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

/// The original joins these with the data folder's path and removes what it finds there.
#[tokio::test]
async fn a_purge_removes_one_accounts_data_and_nothing_else() {
    let server = accounts().await;
    let (admin, anna) = admin_and(&server, "anna").await;
    users(
        &anna,
        "change-name",
        json!({ "handle": "anna", "name": "Still here" }),
    )
    .await
    .expect(204);
    anna.post("/api/themes/save", json!({ "name": "Mine" }))
        .await
        .expect(200);
    let tenants = server.count("SELECT count(*) FROM tenants").await;
    for handle in [
        ".", "..", "../anna", "anna/.", "_system", "_storage", "", "%", "a\u{0}b",
    ] {
        let answer = users(&admin, "delete", json!({ "handle": handle, "purge": true })).await;
        assert!(
            [204, 400].contains(&answer.status.as_u16()),
            "{handle}: {}",
            answer.text()
        );
    }
    assert_eq!(server.count("SELECT count(*) FROM tenants").await, tenants);
    anna.get("/api/users/me").await.expect(200);
    users(&admin, "delete", json!({ "handle": ["anna"], "purge": true }))
        .await
        .expect(500);
    anna.get("/api/users/me").await.expect(200);
    users(&admin, "delete", json!({ "handle": "anna", "purge": true }))
        .await
        .expect(204);
    anna.get("/api/users/me").await.expect(403);
    assert_eq!(server.count("SELECT count(*) FROM tenants").await, tenants - 1);
}

#[tokio::test]
async fn data_that_was_left_is_found_by_the_next_account_and_by_no_old_session() {
    let server = accounts().await;
    let (admin, anna) = admin_and(&server, "anna").await;
    anna.post("/api/themes/save", json!({ "name": "Mine" }))
        .await
        .expect(200);
    users(&admin, "delete", json!({ "handle": "anna" }))
        .await
        .expect(204);
    users(&admin, "create", json!({ "handle": "anna", "name": "Anna" }))
        .await
        .expect(200);
    anna.get("/api/users/me").await.expect(403);
    let again = server.client_of("anna").await;
    let settings = again.post("/api/settings/get", json!({})).await.expect(200);
    assert!(settings.text().contains("Mine"));
    users(&admin, "delete", json!({ "handle": "anna" }))
        .await
        .expect(204);
    users(&admin, "delete", json!({ "handle": "anna", "purge": true }))
        .await
        .expect(204);
    users(&admin, "create", json!({ "handle": "anna", "name": "Anna" }))
        .await
        .expect(200);
    let new = server.client_of("anna").await;
    let settings = new.post("/api/settings/get", json!({})).await.expect(200);
    assert!(!settings.text().contains("\"Mine\""), "a purge leaves nothing");
}

/// The original's account store takes it, and its disk does not: every later account fails.
#[tokio::test]
async fn a_handle_is_no_longer_than_a_folders_name() {
    let server = accounts().await;
    let (admin, _) = admin_and(&server, "anna").await;
    let create = |length: usize| json!({ "handle": "n".repeat(length), "name": "N" });
    users(&admin, "create", create(256)).await.expect(400);
    users(&admin, "create", create(255)).await.expect(200);
}

#[tokio::test]
async fn two_administrators_make_one_account_of_a_handle() {
    let server = accounts().await;
    let (admin, _) = admin_and(&server, "anna").await;
    let new = || json!({ "handle": "new", "name": "New" });
    let both = tokio::join!(users(&admin, "create", new()), users(&admin, "create", new()));
    let mut codes = [both.0.status.as_u16(), both.1.status.as_u16()];
    codes.sort_unstable();
    assert_eq!(codes, [200, 409]);
}

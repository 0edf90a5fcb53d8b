use serde_json::json;
use squaretable::config::Config;
use squaretable::config::secret::Secret;

use super::options;
use crate::harness::{Client, Redis, Server};

fn shared(redis: &Redis) -> impl Fn(&mut Config) {
    let url = redis.url();
    move |config| config.database.redis_url = Some(Secret::new(url.clone()))
}

/// Two nodes on one database and one Redis, and a browser that is logged in, on each.
async fn two_nodes(redis: &Redis) -> ([Server; 2], [Client; 2]) {
    let first = Server::with(options(shared(redis))).await;
    let second = first.beside(options(shared(redis))).await;
    first.tenant("admin", true).await;
    first.tenant("anna", false).await;
    let here = first.client_of("anna").await;
    let there = here.elsewhere(&second.url);
    for client in [&here, &there] {
        client.get("/api/users/me").await.expect(200);
    }
    ([first, second], [here, there])
}

/// Removes the sessions from the database behind the server's back: what still works, works by Redis alone.
async fn forget(server: &Server) {
    sqlx::query("DELETE FROM sessions")
        .execute(&mut server.sql().await)
        .await
        .expect("an answer");
}

#[tokio::test]
async fn redis_answers_for_the_database() {
    let redis = Redis::start().await;
    let ([first, _second], [here, there]) = two_nodes(&redis).await;
    assert!(redis.ask("DBSIZE").await.starts_with(":1"), "one session");
    forget(&first).await;
    for client in [&here, &there] {
        client.post("/api/ping", json!({})).await.expect(204);
        client
            .post("/api/themes/save", json!({ "name": "Mine" }))
            .await
            .expect(200);
    }
    // An entry ends by itself.
    let keys = redis.ask("KEYS squaretable:session:*").await;
    let key = keys
        .lines()
        .find(|line| line.starts_with("squaretable"))
        .expect("a key");
    let life: i64 = redis.ask(&format!("TTL {key}")).await[1..]
        .trim()
        .parse()
        .expect("seconds");
    assert!((1..=30).contains(&life), "{life}");
    let entry = redis.ask(&format!("GET {key}")).await;
    assert!(entry.contains("\"anna\"") && !entry.contains("argon2"), "{entry}");
    assert!(redis.ask("FLUSHALL").await.starts_with("+OK"));
    here.get("/api/users/me").await.expect(403);
}

#[tokio::test]
async fn what_ends_sessions_ends_them_in_redis_at_once() {
    let redis = Redis::start().await;
    let (nodes, _) = two_nodes(&redis).await;
    let admin = nodes[0].client_of("admin").await;
    for (route, undo) in [("disable", "enable"), ("promote", "demote")] {
        let here = nodes[0].client_of("anna").await;
        let there = here.elsewhere(&nodes[1].url);
        there.get("/api/users/me").await.expect(200);
        admin
            .post(&format!("/api/users/{route}"), json!({ "handle": "anna" }))
            .await
            .expect(204);
        for client in [&here, &there] {
            client.post("/api/ping", json!({})).await.expect(403);
        }
        admin
            .post(&format!("/api/users/{undo}"), json!({ "handle": "anna" }))
            .await
            .expect(204);
    }
    let here = nodes[0].client_of("anna").await;
    let there = nodes[1].client_of("anna").await;
    there.get("/api/users/me").await.expect(200);
    let body = json!({ "handle": "anna", "newPassword": "secret" });
    here.post("/api/users/change-password", body).await.expect(204);
    there.get("/api/users/me").await.expect(403);
    here.get("/api/users/me").await.expect(200);
    let moved = here.elsewhere(&nodes[1].url);
    moved.post("/api/users/logout", json!({})).await.expect(204);
    here.get("/api/users/me").await.expect(403);
    let mut last = nodes[1].client().await;
    last.log_in("anna", "secret").await.expect(200);
    last.get("/api/users/me").await.expect(200);
    let purge = json!({ "handle": "anna", "purge": true });
    admin.post("/api/users/delete", purge).await.expect(204);
    last.get("/api/users/me").await.expect(403);
}

#[tokio::test]
async fn without_redis_the_database_is_asked() {
    let mut redis = Redis::start().await;
    let ([first, second], [here, there]) = two_nodes(&redis).await;
    redis.stop();
    for client in [&here, &there] {
        client.get("/api/users/me").await.expect(200);
        client
            .post("/api/themes/save", json!({ "name": "Mine" }))
            .await
            .expect(200);
    }
    // Logging in and out, and taking rights away, need it as little.
    let admin = first.client_of("admin").await;
    let new = second.client_of("anna").await;
    new.post("/api/users/logout", json!({})).await.expect(204);
    new.get("/api/users/me").await.expect(403);
    admin
        .post("/api/users/promote", json!({ "handle": "anna" }))
        .await
        .expect(204);
    for client in [&here, &there] {
        client.get("/api/users/me").await.expect(403);
    }
    redis.start_again().await;
    for client in [&here, &there] {
        client.get("/api/users/me").await.expect(403);
    }
    let again = first.client_of("anna").await;
    again.get("/api/users/me").await.expect(200);
}

#[tokio::test]
async fn a_server_starts_without_its_redis() {
    let mut redis = Redis::start().await;
    redis.stop();
    let server = Server::with(options(shared(&redis))).await;
    server.tenant("anna", false).await;
    let client = server.client_of("anna").await;
    client.get("/api/users/me").await.expect(200);
}

use std::time::Duration;

use serde_json::json;
use squaretable::config::http::SessionTimeout;

use super::{accounts, options};
use crate::harness::{Client, Server};

const LIST: &str = "/api/squaretable/sessions/list";
const REVOKE: &str = "/api/squaretable/sessions/revoke";

/// Moves every session's times back.
async fn wait(server: &Server, interval: &str) {
    let sql = format!(
        "UPDATE sessions SET expires_at = expires_at - interval '{interval}', seen_at = seen_at - interval '{interval}'"
    );
    let mut conn = server.sql().await;
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .execute(&mut conn)
        .await
        .expect("an answer");
}

async fn with_life(life: SessionTimeout) -> (Server, Client) {
    let server = Server::with(options(|config| config.http.session_timeout = life)).await;
    server.tenant("anna", false).await;
    let client = server.client_of("anna").await;
    (server, client)
}

#[tokio::test]
async fn sessions_are_listed_and_revoked_by_their_owner() {
    let server = accounts().await;
    for handle in ["anna", "bob"] {
        server.tenant(handle, false).await;
    }
    let first = server.client_of("anna").await;
    let second = server.client_of("anna").await;
    let third = server.client_of("anna").await;
    let bob = server.client_of("bob").await;
    let list = second.post(LIST, json!({})).await.expect(200).json();
    let list = list.as_array().expect("a list");
    assert_eq!(list.len(), 3);
    let current: Vec<bool> = list.iter().map(|entry| entry["current"] == true).collect();
    assert_eq!(current, [false, true, false], "the newest first");
    assert_eq!(list[0]["client"], "127.0.0.1");
    let oldest = json!({ "id": list[2]["id"] });
    bob.post(REVOKE, &oldest).await.expect(404);
    first.get("/api/users/me").await.expect(200);
    second.post(REVOKE, &oldest).await.expect(200);
    first.get("/api/users/me").await.expect(403);
    second.post(REVOKE, &oldest).await.expect(404);
    for wrong in [json!({}), json!({ "id": "" })] {
        second.post(REVOKE, wrong).await.expect(400);
    }
    for wrong in ["00", "x", "%", ""] {
        let answer = second.post(REVOKE, json!({ "id": format!("{wrong}zz") })).await;
        assert_eq!(answer.status, 404, "{wrong}");
    }
    let done = second
        .post(REVOKE, json!({ "others": true }))
        .await
        .expect(200)
        .json();
    assert_eq!(done["revoked"], 1);
    third.get("/api/users/me").await.expect(403);
    second.get("/api/users/me").await.expect(200);
    bob.get("/api/users/me").await.expect(200);
}

#[tokio::test]
async fn a_session_is_extended_by_signs_of_life_and_ends_without() {
    let (server, client) = with_life(SessionTimeout::After(Duration::from_secs(3600))).await;
    wait(&server, "50 minutes").await;
    client.get("/api/users/me").await.expect(200);
    client.post("/api/ping?extend=1", json!({})).await.expect(204);
    wait(&server, "50 minutes").await;
    client.get("/").await.expect(200);
    wait(&server, "50 minutes").await;
    client.post("/api/ping", json!({})).await.expect(204);
    wait(&server, "11 minutes").await;
    client.get("/api/users/me").await.expect(403);
    // Nobody revoked it: the page that asks for the password is where it leads.
    let answer = client.get("/").await.expect(302);
    assert_eq!(answer.headers["location"], "/login");
}

#[tokio::test]
async fn a_browsers_session_lasts_a_day_of_silence_and_the_others_400_days() {
    for (life, before, after) in [
        (SessionTimeout::BrowserSession, "23 hours", "2 hours"),
        (SessionTimeout::Never, "399 days", "2 days"),
    ] {
        let (server, client) = with_life(life).await;
        wait(&server, before).await;
        client.get("/api/users/me").await.expect(200);
        wait(&server, after).await;
        client.get("/api/users/me").await.expect(403);
    }
}

#[tokio::test]
async fn the_cookie_says_how_long_it_lasts_and_is_secure_behind_tls() {
    let (_server, client) = with_life(SessionTimeout::BrowserSession).await;
    let touch = || client.posting("/api/ping?extend=1", &json!({}));
    let answer = client.send(touch()).await.expect(204);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.ends_with("; path=/; samesite=lax; httponly"), "{cookie}");
    let answer = client
        .send(touch().header("x-forwarded-proto", "https"))
        .await
        .expect(204);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.ends_with("; path=/; samesite=lax; secure; httponly"),
        "{cookie}"
    );
}

#[tokio::test]
async fn a_restart_and_another_node_know_session_and_token() {
    let server = accounts().await;
    server.tenant("anna", false).await;
    let client = server.client_of("anna").await;
    let node = server.beside(options(|_| {})).await;
    // The same cookies and the same token, sent to the other node.
    let moved = client.elsewhere(&node.url);
    moved.post("/api/ping", json!({})).await.expect(204);
    moved
        .post("/api/themes/save", json!({ "name": "Mine" }))
        .await
        .expect(200);
    moved.post("/api/users/logout", json!({})).await.expect(204);
    client.get("/api/users/me").await.expect(403);
}

#[tokio::test]
async fn a_forged_cookie_is_nobodys() {
    let server = accounts().await;
    server.tenant("anna", false).await;
    let client = server.client_of("anna").await;
    let forged = client.cookies().replace(".sig=", ".sig=x");
    let thief = Client::cookies_only(&server.url, forged);
    thief.get("/api/users/me").await.expect(403);
    // What an earlier version, or the original, would have taken for a login.
    let policy = squaretable::stack::outside(&server.app).session;
    for session in [
        json!({ "handle": "anna" }),
        json!({ "handle": "anna", "version": "x" }),
        json!({ "handle": "anna", "session": "guess" }),
        json!({ "handle": "a\u{0}b", "session": "guess" }),
    ] {
        let value = squaretable_compat::cookie::encode(session.as_object().unwrap());
        let signature = squaretable_compat::cookie::sign(&policy.name, &value, &policy.secret);
        let cookies = format!("{0}={value}; {0}.sig={signature}", policy.name);
        let old = Client::cookies_only(&server.url, cookies);
        old.get("/api/users/me").await.expect(403);
    }
}

/// Whoever is not logged in, any more or yet, gets no big body in.
#[tokio::test]
async fn big_bodies_are_for_who_is_logged_in() {
    let change = |config: &mut squaretable::config::Config| config.http.max_anonymous_body_bytes = 1000;
    let server = Server::with(options(change)).await;
    server.tenant("anna", false).await;
    let anonymous = server.client().await;
    let client = server.client_of("anna").await;
    let big = json!({ "name": "Mine", "pad": "x".repeat(2000) });
    anonymous.post("/api/themes/save", &big).await.expect(413);
    client.post("/api/themes/save", &big).await.expect(200);
    client.post("/api/users/logout", json!({})).await.expect(204);
    client.post("/api/themes/save", &big).await.expect(413);
}

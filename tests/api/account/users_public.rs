use serde_json::json;
use squaretable::store::accounts::NewUser;
use squaretable::tenant::Tenant;
use squaretable_compat::password;

use super::{accounts, options};
use crate::harness::{Log, Server};

/// An account as the importer brings it: its password under the original's hash.
async fn imported(server: &Server, handle: &str, given: &str) {
    let salt = "c2FsdA==";
    let user = NewUser {
        handle,
        name: handle,
        password: &password::hash(given, salt),
        salt,
        admin: false,
        enabled: true,
        avatar: "",
        created_at: chrono::Utc::now(),
    };
    Tenant::open(server.app.db(), &user).await.expect("an account");
}

/// The stored hash of an account's password, and its salt.
async fn stored(server: &Server, handle: &str) -> (String, String) {
    let user = server.app.accounts().find(handle).await.expect("an answer");
    let user = user.expect("an account");
    (user.password, user.salt)
}

#[tokio::test]
async fn an_imported_password_is_hashed_anew_at_the_first_login() {
    let server = accounts().await;
    imported(&server, "anna", "pa\u{308}ss").await;
    let mut client = server.client().await;
    client.log_in("anna", "wrong").await.expect(403);
    assert!(
        !stored(&server, "anna").await.0.starts_with('$'),
        "a wrong one changes nothing"
    );
    client.log_in("anna", "p\u{e4}ss").await.expect(200);
    let (hash, salt) = stored(&server, "anna").await;
    assert!(
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && salt.is_empty(),
        "{hash}"
    );
    // The session that came of it outlives the change, and the password is the same.
    client.get("/api/users/me").await.expect(200);
    let mut other = server.client().await;
    other.log_in("anna", "pa\u{308}ss").await.expect(200);
    other.log_in("anna", "pass").await.expect(403);
    assert_eq!(stored(&server, "anna").await.0, hash, "once is enough");
}

#[tokio::test]
async fn attempts_to_log_in_are_limited_by_address() {
    let server = Server::with(options(|config| {
        config.accounts.rate_limits.login = 2;
        config.http.ip_whitelist.check_forwarded = false;
    }))
    .await;
    imported(&server, "anna", "right").await;
    let mut client = server.client().await;
    client.log_in("anna", "wrong").await.expect(403);
    client.log_in("anna", "right").await.expect(200);
    for _ in 0..2 {
        client.log_in("anna", "wrong").await.expect(403);
    }
    let refused = client.log_in("anna", "right").await.expect(429);
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // A header that anyone can send makes no other address.
    let spoofed = client.posting(
        "/api/users/login",
        &json!({ "handle": "anna", "password": "right" }),
    );
    let spoofed = spoofed
        .header("x-forwarded-for", "10.0.0.1")
        .header("x-real-ip", "10.0.0.2");
    client.send(spoofed).await.expect(429);
}

#[tokio::test]
async fn a_login_gives_a_session_that_nobody_could_know_before() {
    let server = accounts().await;
    imported(&server, "anna", "right").await;
    let mut client = server.client().await;
    let planted = client.cookies().to_owned();
    client.log_in("anna", "right").await.expect(200);
    let thief = crate::harness::Client::with_cookies(&server.url, planted).await;
    thief.get("/api/users/me").await.expect(403);
    // Logging in again ends the session before.
    let first = client.cookies().to_owned();
    client.log_in("anna", "right").await.expect(200);
    client.get("/api/users/me").await.expect(200);
    let old = crate::harness::Client::cookies_only(&server.url, first);
    old.get("/api/users/me").await.expect(403);
}

#[tokio::test]
async fn anonymous_visitors_cost_no_storage() {
    let server = accounts().await;
    for _ in 0..3 {
        let client = server.client().await;
        client.get("/login?noauto=1").await.expect(200);
        client.post("/api/users/list", json!({})).await.expect(200);
    }
    assert_eq!(server.count("SELECT count(*) FROM sessions").await, 0);
}

#[tokio::test]
async fn a_recovery_code_works_once_and_ends_all_sessions() {
    let log = Log::start();
    let server = accounts().await;
    imported(&server, "anna", "forgotten").await;
    let mut before = server.client().await;
    before.log_in("anna", "forgotten").await.expect(200);
    let mut client = server.client().await;
    let step1 = json!({ "handle": "anna" });
    client.post("/api/users/recover-step1", step1).await.expect(204);
    let code = log.code();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let step2 = |code: &str, handle: &str| json!({ "handle": handle, "code": code, "newPassword": "new" });
    let path = "/api/users/recover-step2";
    client.post(path, step2(wrong, "anna")).await.expect(403);
    client.post(path, step2(&code, "default-user")).await.expect(403);
    // Any node knows it.
    let node = server.beside(options(|_| {})).await;
    let other = node.client().await;
    other.post(path, step2(&code, "anna")).await.expect(204);
    client.post(path, step2(&code, "anna")).await.expect(403);
    before.get("/api/users/me").await.expect(403);
    client.log_in("anna", "forgotten").await.expect(403);
    client.log_in("anna", "new").await.expect(200);
}

#[tokio::test]
async fn a_code_dies_of_too_many_guesses_wherever_they_come_from() {
    let log = Log::start();
    let server = Server::with(options(|config| config.accounts.rate_limits.recover = 0)).await;
    imported(&server, "anna", "forgotten").await;
    let client = server.client().await;
    let step1 = json!({ "handle": "anna" });
    client.post("/api/users/recover-step1", &step1).await.expect(204);
    let code = log.code();
    for _ in 0..20 {
        let guess = json!({ "handle": "anna", "code": "guess" });
        client.post("/api/users/recover-step2", guess).await.expect(403);
    }
    let right = json!({ "handle": "anna", "code": code, "newPassword": "new" });
    client.post("/api/users/recover-step2", right).await.expect(403);
    client.post("/api/users/recover-step1", &step1).await.expect(204);
    let right = json!({ "handle": "anna", "code": log.code(), "newPassword": "new" });
    client.post("/api/users/recover-step2", right).await.expect(204);
}

#[tokio::test]
async fn discreet_login_lists_nobody() {
    let server = Server::with(options(|config| config.accounts.discreet_login = true)).await;
    let client = server.client().await;
    let answer = client.post("/api/users/list", json!({})).await.expect(204);
    assert!(answer.body.is_empty());
}

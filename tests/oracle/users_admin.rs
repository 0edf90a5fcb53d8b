//! `/api/users` of administrators, and what becomes of the accounts they change.

use serde_json::{Value, json};

use super::dsl::{call, get, post};
use super::scenario::Scenario;

/// Account mode without limits on attempts.
pub const ACCOUNTS: &str = "enableUserAccounts: true
rateLimiting:
  accountsLoginMaxAttempts: 0
  accountsRecoverMaxAttempts: 0
  accountsResetMaxAttempts: 0
";

/// The routes of this room behind the login.
pub const PRIVATE: [&str; 16] = [
    "/api/users/logout",
    "/api/users/change-avatar",
    "/api/users/change-password",
    "/api/users/change-name",
    "/api/users/backup",
    "/api/users/reset-settings",
    "/api/users/reset-step1",
    "/api/users/reset-step2",
    "/api/users/get",
    "/api/users/disable",
    "/api/users/enable",
    "/api/users/promote",
    "/api/users/demote",
    "/api/users/create",
    "/api/users/delete",
    "/api/users/slugify",
];

/// Logs the browser in on both sides.
pub async fn log_in(s: &mut Scenario, handle: &str, password: &str) {
    let body = json!({ "handle": handle, "password": password });
    s.post("/api/users/login", body).await;
}

async fn users(s: &mut Scenario, route: &str, body: Value) {
    s.post(&format!("/api/users/{route}"), body).await;
}

#[tokio::test]
async fn oracle_users_admin() {
    let mut s = Scenario::start("users_admin", ACCOUNTS).await;
    anonymous(&mut s).await;
    log_in(&mut s, "default-user", "").await;
    s.get("/api/users/me").await;
    s.get("/").await;
    s.get("/version").await;
    s.post("/api/ping?extend=1", json!({})).await;
    users(&mut s, "get", json!({})).await;
    // The lists show every picture: small ones from here on.
    small_picture(&mut s, "default-user").await;
    create(&mut s).await;
    stand(&mut s).await;
    remove(&mut s).await;
    slugs(&mut s).await;
    users(&mut s, "logout", json!({})).await;
    s.get("/api/users/me").await;
    s.get("/").await;
    s.finish();
}

async fn small_picture(s: &mut Scenario, handle: &str) {
    let picture = "data:image/png;base64,aGk=";
    users(s, "change-avatar", json!({ "handle": handle, "avatar": picture })).await;
}

async fn anonymous(s: &mut Scenario) {
    for path in [
        "/",
        "/?a=1&b=%20",
        "/login?noauto=1",
        "/login?noauto=true&x",
        "/version",
        "/api/users/me",
        "/characters/default_Seraphina.png",
        "/thumbnail?type=avatar&file=default_Seraphina.png",
        "/no/such/page",
    ] {
        s.get(path).await;
    }
    for path in PRIVATE {
        s.post(path, json!({})).await;
    }
    s.post("/api/ping", json!({})).await;
    s.post("/api/characters/all", json!({})).await;
    s.send(post("/api/users/login", &json!({ "handle": "default-user" })).no_csrf())
        .await;
    users(s, "list", json!({})).await;
    // The only account has no password.
    s.browser("automatic").await;
    s.get("/login").await;
    s.get("/api/users/me").await;
    s.get("/login").await;
    s.browser("").await;
}

async fn create(s: &mut Scenario) {
    for body in [
        json!({}),
        json!({ "handle": "anna" }),
        json!({ "name": "Anna" }),
        json!({ "handle": "🦊", "name": "Fox" }),
        json!({ "handle": "default-user", "name": "Twice" }),
        json!({ "handle": "Default User", "name": "Twice" }),
        json!({ "handle": "Änna ", "name": "Anna 🦊", "password": "pässwörd" }),
        json!({ "handle": "anna", "name": "Twice" }),
        json!({ "handle": "bob", "name": "Bob" }),
        json!({ "handle": "../carol/..", "name": "Carol", "password": "", "admin": true }),
    ] {
        users(s, "create", body).await;
    }
    for handle in ["anna", "bob", "carol"] {
        small_picture(s, handle).await;
    }
    users(s, "get", json!({})).await;
    users(s, "list", json!({})).await;
    s.browser("anna").await;
    log_in(s, "anna", "passwort").await;
    log_in(s, "anna", "").await;
    log_in(s, "Anna", "pässwörd").await;
    // The same letters, put together.
    log_in(s, "anna", "pa\u{308}sswo\u{308}rd").await;
    s.get("/api/users/me").await;
    s.get("/login").await;
    s.get("/").await;
    s.post("/api/settings/get", json!({})).await;
    s.post("/api/characters/all", json!({})).await;
    s.post("/api/backgrounds/all", json!({})).await;
    for path in PRIVATE.iter().skip(8) {
        s.post(path, json!({ "handle": "bob", "name": "B", "text": "B" }))
            .await;
    }
    for (route, body) in [
        ("change-name", json!({ "handle": "bob", "name": "Bobby" })),
        ("change-avatar", json!({ "handle": "bob", "avatar": "" })),
        ("change-password", json!({ "handle": "bob", "newPassword": "x" })),
        ("backup", json!({ "handle": "bob" })),
        ("backup", json!({ "handle": "nobody" })),
        ("change-name", json!({ "handle": "nobody", "name": "Bobby" })),
        ("change-name", json!({ "handle": ["anna"], "name": "Bobby" })),
    ] {
        users(s, route, body).await;
    }
    s.browser("").await;
}

async fn stand(s: &mut Scenario) {
    for route in ["disable", "enable", "promote", "demote"] {
        for handle in ["nobody", "default-user", "bob"] {
            users(s, route, json!({ "handle": handle })).await;
        }
        users(s, "get", json!({})).await;
    }
    users(s, "disable", json!({ "handle": "anna" })).await;
    s.browser("anna").await;
    s.get("/").await;
    s.get("/api/users/me").await;
    s.post("/api/characters/all", json!({})).await;
    log_in(s, "anna", "pässwörd").await;
    log_in(s, "anna", "wrong").await;
    users(s, "list", json!({})).await;
    users(s, "recover-step1", json!({ "handle": "anna" })).await;
    users(s, "recover-step2", json!({ "handle": "anna", "code": "123456" })).await;
    s.browser("").await;
    users(
        s,
        "change-password",
        json!({ "handle": "anna", "newPassword": "x" }),
    )
    .await;
    users(s, "change-name", json!({ "handle": "anna", "name": "Still" })).await;
    users(s, "enable", json!({ "handle": "anna" })).await;
    users(s, "promote", json!({ "handle": "anna" })).await;
    s.browser("anna").await;
    log_in(s, "anna", "pässwörd").await;
    users(s, "get", json!({})).await;
    users(s, "demote", json!({ "handle": "anna" })).await;
    s.browser("").await;
    users(s, "demote", json!({ "handle": "anna" })).await;
    s.browser("anna").await;
    log_in(s, "anna", "pässwörd").await;
    users(s, "get", json!({})).await;
    s.browser("").await;
}

async fn remove(s: &mut Scenario) {
    s.browser("bob").await;
    log_in(s, "bob", "whatever").await;
    s.post("/api/themes/save", json!({ "name": "Mine", "a": 1 }))
        .await;
    s.browser("").await;
    for handle in ["", "default-user", "nobody", "bob"] {
        users(s, "delete", json!({ "handle": handle })).await;
    }
    s.browser("bob").await;
    s.get("/").await;
    s.get("/api/users/me").await;
    log_in(s, "bob", "").await;
    s.browser("").await;
    users(s, "get", json!({})).await;
    // The data was left, and comes back.
    users(s, "create", json!({ "handle": "bob", "name": "Bob again" })).await;
    users(s, "get", json!({})).await;
    s.browser("bob again").await;
    log_in(s, "bob", "").await;
    s.post("/api/settings/get", json!({})).await;
    s.browser("").await;
    users(s, "delete", json!({ "handle": "bob", "purge": true })).await;
    users(s, "delete", json!({ "handle": "bob", "purge": true })).await;
    users(s, "create", json!({ "handle": "bob", "name": "Another" })).await;
    s.browser("another bob").await;
    log_in(s, "bob", "").await;
    s.post("/api/settings/get", json!({})).await;
    s.browser("").await;
}

async fn slugs(s: &mut Scenario) {
    for text in [
        json!(null),
        json!(""),
        json!("  Héllo   Wörld! "),
        json!("ÆŒß ŁØĐ"),
        json!("--a__b--"),
        json!("🦊"),
        json!("../.."),
        json!("İI"),
        json!(5),
        json!(true),
        json!(["A", "b"]),
        json!({ "a": 1 }),
        json!("n".repeat(300)),
    ] {
        users(s, "slugify", json!({ "text": text })).await;
    }
    s.send(call("POST", "/api/users/slugify")).await;
    s.send(get("/api/users/slugify")).await;
}

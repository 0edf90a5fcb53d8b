//! Limits on attempts, discreet login, single sign-on, sessions of other lengths.

use serde_json::json;

use super::dsl::{get, post};
use super::scenario::Scenario;
use super::users_admin::{ACCOUNTS, log_in};

#[tokio::test]
async fn oracle_users_limits() {
    let mut s = Scenario::start(
        "users_limits",
        "enableUserAccounts: true\nenableDiscreetLogin: true\n",
    )
    .await;
    s.post("/api/users/list", json!({})).await;
    // A success forgives the failures before it; a request without a handle is no attempt.
    for handle in ["nobody", "nobody", "default-user"] {
        log_in(&mut s, handle, "").await;
    }
    s.post("/api/users/login", json!({})).await;
    for _ in 0..6 {
        log_in(&mut s, "nobody", "").await;
    }
    log_in(&mut s, "default-user", "").await;
    // Wrong digits count for the reset; asking for them does not.
    for _ in 0..7 {
        s.post("/api/users/reset-step1", json!({})).await;
    }
    for _ in 0..6 {
        s.post("/api/users/reset-step2", json!({ "code": "wrong" })).await;
    }
    s.post("/api/users/reset-step1", json!({})).await;
    // Both steps count for the recovery.
    for _ in 0..3 {
        s.post("/api/users/recover-step1", json!({ "handle": "nobody" }))
            .await;
    }
    for _ in 0..4 {
        let body = json!({ "handle": "default-user", "code": "wrong" });
        s.post("/api/users/recover-step2", body).await;
    }
    s.post("/api/users/recover-step1", json!({ "handle": "default-user" }))
        .await;
    s.finish();
}

#[tokio::test]
async fn oracle_users_sso() {
    let config = format!("{ACCOUNTS}sso:\n  autheliaAuth: true\n  authentikAuth: true\nsessionTimeout: 0\n");
    let mut s = Scenario::start("users_sso", &config).await;
    log_in(&mut s, "default-user", "").await;
    for handle in ["anna", "bob"] {
        let body = json!({ "handle": handle, "name": handle, "password": "x" });
        s.post("/api/users/create", body).await;
    }
    s.post("/api/users/disable", json!({ "handle": "bob" })).await;
    for (index, (name, value)) in [
        ("Remote-User", "anna"),
        ("Remote-User", "ANNA"),
        ("Remote-User", "nobody"),
        ("Remote-User", ""),
        ("Remote-User", "bob"),
        ("Remote-User", "anna, default-user"),
        ("X-Authentik-Username", "Anna"),
        ("X-Other", "anna"),
    ]
    .into_iter()
    .enumerate()
    {
        s.browser(&format!("{index}")).await;
        s.send(get("/login?noauto=1").header(name, value)).await;
        // Only the login page obeys it.
        s.send(get("/api/users/me").header(name, value)).await;
        s.send(get("/login").header(name, value).note(&format!("{name} {value}")))
            .await;
        s.get("/api/users/me").await;
    }
    s.browser("both").await;
    let both = get("/login").header("Remote-User", "nobody");
    s.send(both.header("X-Authentik-Username", "anna")).await;
    s.get("/api/users/me").await;
    s.finish();
}

/// Names from whoever is no trusted proxy count for nothing; addresses count where that is asked for.
#[tokio::test]
async fn oracle_users_headers() {
    let config = "enableUserAccounts: true
enableForwardedWhitelist: false
sessionTimeout: 3600
sso:
  autheliaAuth: true
  trustedProxies: [10.0.0.0/8, 11.0.0.0/8]
rateLimiting:
  preferRealIpHeader: true
  accountsLoginMaxAttempts: 1
";
    let mut s = Scenario::start("users_headers", config).await;
    log_in(&mut s, "default-user", "").await;
    let body = json!({ "handle": "anna", "name": "Anna" });
    s.post("/api/users/create", body).await;
    s.browser("spoofer").await;
    for header in ["X-Forwarded-For", "X-Real-IP"] {
        let call = get("/login")
            .header("Remote-User", "anna")
            .header(header, "10.0.0.1");
        s.send(call.note(header)).await;
        s.get("/api/users/me").await;
    }
    let body = json!({ "handle": "nobody" });
    for (name, value) in [
        ("X-Real-IP", "10.0.0.1"),
        ("X-Real-IP", "10.0.0.1"),
        ("X-Real-IP", "10.0.0.2"),
        ("X-Forwarded-For", "10.0.0.1, 10.0.0.2"),
        ("X-Forwarded-For", "10.0.0.9"),
        ("CF-Connecting-IP", "10.0.0.8"),
        ("CF-Connecting-IP", "10.0.0.7"),
    ] {
        let call = post("/api/users/login", &body).header(name, value);
        s.send(call.note(&format!("{name} {value}"))).await;
    }
    s.finish();
}

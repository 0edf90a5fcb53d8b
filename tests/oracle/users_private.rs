//! `/api/users` of the own account: name, picture, password, resets, recovery.

use serde_json::{Value, json};

use super::dsl::post;
use super::scenario::Scenario;
use super::users_admin::{ACCOUNTS, log_in};

const PICTURE: &str = "data:image/png;base64,aGk=";

async fn users(s: &mut Scenario, route: &str, body: Value) {
    s.post(&format!("/api/users/{route}"), body).await;
}

/// An administrator in the first browser, `anna` with a password in another of her name.
async fn with_anna(s: &mut Scenario) {
    log_in(s, "default-user", "").await;
    let anna = json!({ "handle": "anna", "name": "Anna", "password": "secret" });
    users(s, "create", anna).await;
    s.browser("anna").await;
    log_in(s, "anna", "secret").await;
}

#[tokio::test]
async fn oracle_users_private() {
    let mut s = Scenario::start("users_private", ACCOUNTS).await;
    with_anna(&mut s).await;
    names_and_pictures(&mut s).await;
    passwords(&mut s).await;
    recovery(&mut s).await;
    s.finish();
}

async fn names_and_pictures(s: &mut Scenario) {
    for body in [
        json!({ "handle": "anna" }),
        json!({ "handle": "anna", "name": "" }),
        json!({ "handle": "anna", "name": "Änna 🦊 <b>" }),
        json!({ "handle": "anna", "name": "n".repeat(3000) }),
        json!({ "handle": "anna", "name": "Anna" }),
    ] {
        users(s, "change-name", body).await;
        s.get("/api/users/me").await;
    }
    for avatar in [
        json!("data:text/html,x"),
        json!("x"),
        json!(null),
        json!(5),
        json!([PICTURE]),
        json!({ "a": 1 }),
        json!(PICTURE),
        json!(""),
    ] {
        users(s, "change-avatar", json!({ "handle": "anna", "avatar": avatar })).await;
        s.get("/api/users/me").await;
    }
    users(s, "change-avatar", json!({ "handle": "anna" })).await;
    // The picture of the default persona.
    for settings in [
        json!({ "user_avatar": "user-default.png" }),
        json!({ "user_avatar": "user-default.png", "power_user": { "default_persona": "none.png" } }),
        json!({ "user_avatar": "../settings.json" }),
        json!({ "user_avatar": ".." }),
        json!({ "user_avatar": 5, "power_user": { "default_persona": "" } }),
        json!({ "power_user": null }),
    ] {
        s.post("/api/settings/save", settings).await;
        s.get("/api/users/me").await;
        users(s, "list", json!({})).await;
    }
}

async fn passwords(s: &mut Scenario) {
    for body in [
        json!({ "handle": "anna", "newPassword": "x" }),
        json!({ "handle": "anna", "oldPassword": "wrong", "newPassword": "x" }),
        json!({ "handle": "anna", "oldPassword": 5, "newPassword": "x" }),
        json!({ "handle": "anna", "oldPassword": "secret", "newPassword": 5 }),
        json!({ "handle": "anna", "oldPassword": "secret", "newPassword": ["x"] }),
        json!({ "handle": "anna", "oldPassword": "secret", "newPassword": "second" }),
    ] {
        users(s, "change-password", body).await;
        s.get("/api/users/me").await;
    }
    // A session in another browser ends with the password, wherever it is looked at.
    s.browser("second").await;
    log_in(s, "anna", "second").await;
    s.browser("third").await;
    log_in(s, "anna", "second").await;
    s.browser("anna").await;
    let body = json!({ "handle": "anna", "oldPassword": "second", "newPassword": "third" });
    users(s, "change-password", body).await;
    s.get("/api/users/me").await;
    s.browser("second").await;
    s.get("/css/login.css").await;
    s.get("/api/users/me").await;
    s.get("/").await;
    s.browser("third").await;
    s.post("/api/characters/all", json!({})).await;
    s.browser("third again").await;
    log_in(s, "anna", "second").await;
    log_in(s, "anna", "third").await;
    // An administrator needs no old password, and the user is out.
    s.browser("").await;
    users(
        s,
        "change-password",
        json!({ "handle": "anna", "newPassword": "fourth" }),
    )
    .await;
    s.browser("anna").await;
    s.get("/").await;
    s.browser("anna again").await;
    log_in(s, "anna", "fourth").await;
    users(
        s,
        "change-password",
        json!({ "handle": "anna", "oldPassword": "fourth", "newPassword": "" }),
    )
    .await;
    s.get("/api/users/me").await;
    users(s, "list", json!({})).await;
    users(
        s,
        "change-password",
        json!({ "handle": "anna", "newPassword": "secret" }),
    )
    .await;
    s.get("/api/users/me").await;
}

async fn recovery(s: &mut Scenario) {
    s.browser("lost").await;
    for (step, body) in [
        ("recover-step1", json!({})),
        ("recover-step1", json!({ "handle": "nobody" })),
        ("recover-step2", json!({ "handle": "anna" })),
        ("recover-step2", json!({ "code": "123456" })),
        ("recover-step2", json!({ "handle": "nobody", "code": "123456" })),
        (
            "recover-step2",
            json!({ "handle": "anna", "code": "none was asked for" }),
        ),
        ("recover-step1", json!({ "handle": "anna" })),
    ] {
        users(s, step, body).await;
    }
    s.capture_code("first", "Anna, your password recovery code is: ");
    users(s, "recover-step1", json!({ "handle": "anna" })).await;
    s.capture_code("code", "Anna, your password recovery code is: ");
    for body in [
        json!({ "handle": "anna", "code": "12345", "newPassword": "x" }),
        json!({ "handle": "anna", "code": 5, "newPassword": "x" }),
        json!({ "handle": "anna", "code": ["{{code}}"], "newPassword": "x" }),
        json!({ "handle": "anna", "code": "{{first}}", "newPassword": "x" }),
        json!({ "handle": "default-user", "code": "{{code}}", "newPassword": "x" }),
        json!({ "handle": "anna", "code": "{{code}}", "newPassword": 5 }),
        json!({ "handle": "anna", "code": "{{code}}", "newPassword": "recovered" }),
        json!({ "handle": "anna", "code": "{{code}}", "newPassword": "again" }),
    ] {
        users(s, "recover-step2", body).await;
    }
    s.browser("anna again").await;
    s.get("/").await;
    s.browser("lost").await;
    log_in(s, "anna", "recovered").await;
    s.get("/api/users/me").await;
    // Who is logged in stays so.
    users(s, "recover-step1", json!({ "handle": "anna" })).await;
    s.capture_code("code", "Anna, your password recovery code is: ");
    users(
        s,
        "recover-step2",
        json!({ "handle": "anna", "code": "{{code}}" }),
    )
    .await;
    s.get("/api/users/me").await;
}

#[tokio::test]
async fn oracle_users_reset() {
    let mut s = Scenario::start("users_reset", ACCOUNTS).await;
    with_anna(&mut s).await;
    let theme = json!({ "name": "Mine", "a": 1 });
    s.post("/api/themes/save", theme).await;
    s.post("/api/settings/save", json!({ "mine": 1 })).await;
    for body in [
        json!({}),
        json!({ "password": "wrong" }),
        json!({ "password": 5 }),
        json!({ "password": "secret" }),
    ] {
        users(&mut s, "reset-settings", body).await;
        s.post("/api/settings/get", json!({})).await;
    }
    users(&mut s, "reset-step2", json!({ "password": "secret" })).await;
    users(
        &mut s,
        "reset-step2",
        json!({ "password": "secret", "code": "123456" }),
    )
    .await;
    users(&mut s, "reset-step1", json!({})).await;
    s.capture_code("code", "Anna, your account reset code is: ");
    for body in [
        json!({ "code": "{{code}}" }),
        json!({ "code": "{{code}}", "password": "wrong" }),
        json!({ "code": "000", "password": "secret" }),
        json!({ "code": 5, "password": "secret" }),
    ] {
        users(&mut s, "reset-step2", body).await;
    }
    s.post("/api/themes/save", json!({ "name": "Second" })).await;
    let right = json!({ "code": "{{code}}", "password": "secret" });
    users(&mut s, "reset-step2", right.clone()).await;
    users(&mut s, "reset-step2", right).await;
    s.get("/api/users/me").await;
    s.post("/api/settings/get", json!({})).await;
    s.post("/api/characters/all", json!({})).await;
    s.post("/api/backgrounds/all", json!({})).await;
    // Another user's code is no code.
    s.browser("").await;
    users(&mut s, "reset-step1", json!({})).await;
    s.capture_code("other", "User, your account reset code is: ");
    s.browser("anna").await;
    users(
        &mut s,
        "reset-step2",
        json!({ "code": "{{other}}", "password": "secret" }),
    )
    .await;
    s.finish();
}

/// With accounts off the same routes are there, and everyone is the default user.
#[tokio::test]
async fn oracle_users_off() {
    let mut s = Scenario::start("users_off", "").await;
    s.get("/api/users/me").await;
    s.get("/login").await;
    for route in ["list", "get"] {
        users(&mut s, route, json!({})).await;
    }
    users(
        &mut s,
        "create",
        json!({ "handle": "anna", "name": "Anna", "password": "secret" }),
    )
    .await;
    users(
        &mut s,
        "change-name",
        json!({ "handle": "default-user", "name": "Renamed" }),
    )
    .await;
    users(
        &mut s,
        "change-avatar",
        json!({ "handle": "default-user", "avatar": PICTURE }),
    )
    .await;
    users(
        &mut s,
        "change-password",
        json!({ "handle": "default-user", "newPassword": "x" }),
    )
    .await;
    s.get("/api/users/me").await;
    users(&mut s, "get", json!({})).await;
    log_in(&mut s, "anna", "wrong").await;
    log_in(&mut s, "anna", "secret").await;
    s.get("/api/users/me").await;
    users(&mut s, "disable", json!({ "handle": "default-user" })).await;
    users(&mut s, "disable", json!({ "handle": "anna" })).await;
    users(&mut s, "reset-settings", json!({})).await;
    users(&mut s, "delete", json!({ "handle": "anna", "purge": true })).await;
    users(&mut s, "list", json!({})).await;
    users(&mut s, "slugify", json!({ "text": "A b" })).await;
    users(&mut s, "reset-step1", json!({})).await;
    s.capture_code("code", "User, your account reset code is: ");
    users(&mut s, "reset-step2", json!({ "code": "{{code}}" })).await;
    s.post("/api/settings/get", json!({})).await;
    users(&mut s, "logout", json!({})).await;
    s.send(post("/api/users/list", &json!({})).no_csrf()).await;
    s.finish();
}

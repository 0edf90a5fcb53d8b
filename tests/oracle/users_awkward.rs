//! `/api/users` with values that no frontend sends.

use serde_json::{Value, json};

use super::dsl::{call, post};
use super::scenario::Scenario;
use super::users_admin::{ACCOUNTS, log_in};

/// Handles that are none, or not spelled so.
fn handles() -> Vec<Value> {
    let mut handles = vec![
        json!(null),
        json!(0),
        json!(5),
        json!(true),
        json!([]),
        json!(["anna"]),
        json!(["anna", "bob"]),
        json!({}),
        json!({ "a": 1 }),
        json!({ "toString": 1 }),
    ];
    handles.extend(
        [
            "",
            " ",
            "anna ",
            "ANNA",
            ".",
            "..",
            "../anna",
            "anna/",
            "anna/../anna",
            "%2e%2e%2fanna",
            "_storage",
            "_system",
            "__proto__",
            "constructor",
            "toString",
            "🦊",
            "a\u{0}b",
            "\u{feff}anna",
            "anna\n",
        ]
        .map(|handle| json!(handle)),
    );
    handles
}

async fn two_accounts(s: &mut Scenario) {
    log_in(s, "default-user", "").await;
    for handle in ["default-user", "anna", "bob"] {
        let body = json!({ "handle": handle, "name": handle, "password": "secret" });
        s.post("/api/users/create", body).await;
        let body = json!({ "handle": handle, "avatar": "data:image/png;base64,aGk=" });
        s.post("/api/users/change-avatar", body).await;
    }
}

#[tokio::test]
async fn oracle_users_awkward() {
    let mut s = Scenario::start("users_awkward", ACCOUNTS).await;
    two_accounts(&mut s).await;
    for (route, rest) in [
        ("login", json!({ "password": "wrong" })),
        ("recover-step1", json!({})),
        ("recover-step2", json!({ "code": "wrong" })),
        ("change-name", json!({ "name": "Same" })),
        ("change-avatar", json!({ "avatar": "" })),
        ("change-password", json!({ "newPassword": "secret" })),
        ("disable", json!({})),
        ("enable", json!({})),
        ("promote", json!({})),
        ("demote", json!({})),
    ] {
        for handle in handles().into_iter().chain([json!("n".repeat(300))]) {
            let mut body = rest.clone();
            body["handle"] = handle;
            s.send(post(&format!("/api/users/{route}"), &body)).await;
        }
        for body in ["[]", "{}", "{\"handle\":\"anna\"", "null", "\"x\""] {
            let call = call("POST", &format!("/api/users/{route}"));
            s.send(call.body("application/json", body.as_bytes())).await;
        }
        let form = call("POST", &format!("/api/users/{route}"));
        s.send(form.body(
            "application/x-www-form-urlencoded",
            b"handle=nobody&name=x&avatar=&code=1",
        ))
        .await;
        s.send(call("POST", &format!("/api/users/{route}")).note("no body"))
            .await;
    }
    s.post("/api/users/get", json!({})).await;
    s.finish();
}

#[tokio::test]
async fn oracle_users_awkward_accounts() {
    let mut s = Scenario::start("users_awkward_accounts", ACCOUNTS).await;
    two_accounts(&mut s).await;
    for handle in handles() {
        s.post("/api/users/delete", json!({ "handle": handle })).await;
        let body = json!({ "handle": handle, "name": "Somebody" });
        s.post("/api/users/create", body).await;
        if s.answer().status == 200 {
            s.capture("made", "/handle");
            s.post(
                "/api/users/change-avatar",
                json!({ "handle": "{{made}}", "avatar": "data:image/png,x" }),
            )
            .await;
        }
    }
    s.post("/api/users/get", json!({})).await;
    for name in [
        json!(5),
        json!(true),
        json!(["a"]),
        json!({ "toString": 1 }),
        json!("a\u{0}b"),
    ] {
        s.post("/api/users/change-name", json!({ "handle": "bob", "name": name }))
            .await;
    }
    s.post(
        "/api/users/change-name",
        json!({ "handle": "bob", "name": "Bob" }),
    )
    .await;
    for password in [json!(5), json!(true), json!(["a"]), json!({ "a": 1 })] {
        let body = json!({ "handle": "carl", "name": "Carl", "password": password });
        s.post("/api/users/create", body).await;
        s.post(
            "/api/users/login",
            json!({ "handle": "bob", "password": password }),
        )
        .await;
    }
    awkward_admins(&mut s).await;
    for purge in [json!(0), json!(""), json!("false")] {
        s.post("/api/users/delete", json!({ "handle": "bob", "purge": purge }))
            .await;
    }
    s.post("/api/users/get", json!({})).await;
    too_long(&mut s).await;
    s.finish();
}

async fn awkward_admins(s: &mut Scenario) {
    for (handle, admin) in [
        ("a0", json!(0)),
        ("a1", json!("false")),
        ("a2", json!([])),
        ("a3", json!(null)),
    ] {
        let body = json!({ "handle": handle, "name": "A", "admin": admin });
        s.post("/api/users/create", body).await;
        s.post(
            "/api/users/change-avatar",
            json!({ "handle": handle, "avatar": "data:image/png,x" }),
        )
        .await;
    }
}

/// The last, as no account can be made after it in the original.
async fn too_long(s: &mut Scenario) {
    let body = json!({ "handle": "n".repeat(300), "name": "N" });
    s.post("/api/users/create", body).await;
}

use serde_json::json;

use super::accounts;
use crate::harness::{Client, Server};

/// An administrator, and `anna`, who has a password, in two browsers.
async fn three_browsers(server: &Server) -> (Client, [Client; 2]) {
    server.tenant("admin", true).await;
    let admin = server.client_of("admin").await;
    let body = json!({ "handle": "anna", "name": "Anna", "password": "first" });
    admin.post("/api/users/create", body).await.expect(200);
    let mut browsers = [server.client().await, server.client().await];
    for browser in &mut browsers {
        browser.log_in("anna", "first").await.expect(200);
    }
    (admin, browsers)
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_on_every_node() {
    let server = accounts().await;
    let (_, [first, second]) = three_browsers(&server).await;
    let node = server.beside(super::options(|_| {})).await;
    let elsewhere = Client::with_cookies(&node.url, second.cookies().to_owned()).await;
    elsewhere.get("/api/users/me").await.expect(200);
    let body = json!({ "handle": "anna", "oldPassword": "first", "newPassword": "second" });
    first.post("/api/users/change-password", body).await.expect(204);
    first.get("/api/users/me").await.expect(200);
    for other in [&second, &elsewhere] {
        let refused = other.get("/css/login.css").await.expect(403);
        let cookies: Vec<_> = refused.headers.get_all("set-cookie").iter().collect();
        assert!(
            cookies.len() == 2 && cookies[0].to_str().unwrap().contains("expires=Thu, 01 Jan 1970"),
            "{cookies:?}"
        );
    }
    let mut again = server.client().await;
    again.log_in("anna", "first").await.expect(403);
    again.log_in("anna", "second").await.expect(200);
}

#[tokio::test]
async fn a_logout_ends_the_session_for_whoever_kept_the_cookie() {
    let server = accounts().await;
    let (_, [first, second]) = three_browsers(&server).await;
    first.post("/api/users/logout", json!({})).await.expect(204);
    first.get("/api/users/me").await.expect(403);
    second.get("/api/users/me").await.expect(200);
}

#[tokio::test]
async fn names_and_pictures_are_texts() {
    let server = accounts().await;
    let (admin, [anna, _]) = three_browsers(&server).await;
    let rename = |name: serde_json::Value| json!({ "handle": "anna", "name": name });
    anna.post("/api/users/change-name", rename(json!(5)))
        .await
        .expect(204);
    assert_eq!(anna.get("/api/users/me").await.json()["name"], "5");
    anna.post("/api/users/change-name", rename(json!("a\u{0}b")))
        .await
        .expect(400);
    anna.post("/api/users/change-name", rename(json!({ "toString": 1 })))
        .await
        .expect(400);
    let picture = json!({ "handle": "anna", "avatar": "data:image/png;base64,aGk=\u{0}" });
    anna.post("/api/users/change-avatar", picture).await.expect(400);
    let picture = json!({ "handle": "anna", "avatar": "data:image/png;base64,aGk=" });
    admin.post("/api/users/change-avatar", &picture).await.expect(204);
    assert_eq!(
        anna.get("/api/users/me").await.json()["avatar"],
        picture["avatar"]
    );
}

/// What the original stores of these, or fails at: nothing is changed here.
#[tokio::test]
async fn another_users_account_is_an_administrators_business() {
    let server = accounts().await;
    let (admin, [anna, _]) = three_browsers(&server).await;
    for (route, rest) in [
        ("change-name", json!({ "name": "Taken" })),
        ("change-avatar", json!({ "avatar": "" })),
        ("change-password", json!({ "newPassword": "taken" })),
        ("backup", json!({})),
    ] {
        for handle in ["admin", "nobody", "default-user"] {
            let mut body = rest.clone();
            body["handle"] = handle.into();
            let answer = anna.post(&format!("/api/users/{route}"), body).await.expect(403);
            assert_eq!(answer.json()["error"], "Unauthorized", "{route} {handle}");
        }
    }
    assert_eq!(admin.get("/api/users/me").await.json()["name"], "admin");
    assert_eq!(admin.get("/api/users/me").await.json()["password"], false);
}

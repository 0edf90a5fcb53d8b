//! Sessions that somebody else chose, and requests that another site makes a browser send.

use reqwest::Method;
use serde_json::{Value, json};

use super::sessions::{is_worthless, server};
use super::tally::{FIXATION, FORGERY, Tally};
use crate::harness::Client;

/// A cookie that an attacker planted, and the token that he read with it, are worth nothing once its victim logs in.
#[tokio::test]
async fn what_was_planted_before_a_login_is_worthless_after_it() {
    let server = server(|_| {}).await;
    let mut tally = Tally::new("fixation");
    for victim in ["anna", "admin"] {
        // The attacker's: signed by the server, with a token that he knows.
        let attacker = server.client().await;
        let (planted, token) = (attacker.cookies().to_owned(), attacker.token().to_owned());
        let mut browser = Client::with_cookies(&server.url, planted.clone()).await;
        browser.log_in(victim, "").await.expect(200);
        let thief = Client::cookies_only(&server.url, planted).with_token(&token);
        let outcome = is_worthless(&thief).await;
        let seen = outcome.clone().err().unwrap_or_default();
        tally.note(
            FIXATION,
            format!("{victim}: the planted cookie"),
            outcome.is_ok(),
            seen,
        );
        let forged = Client::cookies_only(&server.url, browser.cookies().to_owned()).with_token(&token);
        let answer = forged.post("/api/settings/save", json!({ "forged": true })).await;
        tally.note(
            FORGERY,
            format!("{victim}: the token from before the login"),
            answer.status == 403,
            answer.text(),
        );
        // Nor does the cookie say more than it may, or travel further.
        let login = json!({ "handle": victim, "password": "" });
        let request = server.client().await.posting("/api/users/login", &login);
        let answer = browser
            .send(request.header("x-forwarded-proto", "https"))
            .await
            .expect(200);
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("ASCII").to_lowercase();
            for flag in ["; secure", "; httponly", "; samesite=lax", "; path=/"] {
                let name = cookie.split('=').next().unwrap_or_default();
                tally.note(
                    FIXATION,
                    format!("{victim}: {name} without{flag}"),
                    cookie.contains(flag),
                    &cookie,
                );
            }
            tally.note(
                FIXATION,
                format!("{victim}: a cookie for other hosts"),
                !cookie.contains("domain="),
                &cookie,
            );
        }
    }
    tally.finish(20);
}

/// A changing request needs the token of its own session, in the header, whatever else it brings.
#[tokio::test]
async fn no_other_site_can_make_a_browser_change_anything() {
    let server = server(|_| {}).await;
    let (anna, admin) = (server.client_of("anna").await, server.client_of("admin").await);
    let anonymous = server.client().await;
    anna.post("/api/settings/save", json!({ "mine": true }))
        .await
        .expect(200);
    let mut tally = Tally::new("forgery");
    let own = anna.token().to_owned();
    let tokens: Vec<(&str, String)> = vec![
        ("none", String::new()),
        ("another user's", admin.token().to_owned()),
        ("an anonymous visitor's", anonymous.token().to_owned()),
        ("zeros", "0".repeat(64)),
        ("half of it", own[..32].to_owned()),
        ("more than it", format!("{own}0")),
        ("in capitals", own.to_uppercase()),
        ("the word for none", "disabled".to_owned()),
        ("undefined", "undefined".to_owned()),
    ];
    for (what, token) in &tokens {
        let forged = Client::cookies_only(&server.url, anna.cookies().to_owned()).with_token(token);
        across(&forged, what, &mut tally).await;
    }
    let bare = Client::cookies_only(&server.url, anna.cookies().to_owned());
    elsewhere(&bare, &own, &mut tally).await;
    let settings = anna.post("/api/settings/get", json!({})).await.expect(200).text();
    tally.note(
        FORGERY,
        "nothing was stored",
        !settings.contains("forged"),
        settings,
    );
    anna.get("/api/users/me").await.expect(200);
    tally.finish(200);
}

/// The requests in every form that a page can send across sites, with this token.
async fn across(client: &Client, what: &str, tally: &mut Tally) {
    for (path, body) in requests() {
        let kinds = [
            "application/json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ];
        for kind in kinds {
            let request = client
                .request(Method::POST, path)
                .header("content-type", kind)
                .header("origin", "https://evil.example")
                .body(body.to_string());
            let answer = client.send(request).await;
            let refused = matches!(answer.status.as_u16(), 400 | 403);
            tally.note(
                FORGERY,
                format!("POST {path} as {kind}, token: {what}"),
                refused,
                answer.text(),
            );
        }
    }
}

/// The right token in other places than the header, and other methods.
async fn elsewhere(bare: &Client, own: &str, tally: &mut Tally) {
    for path in ["/api/settings/save", "/api/users/logout"] {
        let with = format!("{path}?_csrf={own}&x-csrf-token={own}&csrfToken={own}");
        let body = json!({ "_csrf": own, "csrfToken": own, "x-csrf-token": own });
        let answer = bare.post(&with, body).await;
        tally.note(
            FORGERY,
            format!("POST {path}, token elsewhere"),
            answer.status == 403,
            answer.text(),
        );
        let answer = bare
            .send(
                bare.posting(path, &json!({}))
                    .header("cookie", format!("x-csrf-token={own}")),
            )
            .await;
        tally.note(
            FORGERY,
            format!("POST {path}, token in a cookie"),
            answer.status == 403,
            answer.text(),
        );
        for header in ["x-http-method-override", "x-method-override"] {
            let request = bare.request(Method::GET, path).header(header, "POST");
            let answer = bare.send(request).await;
            tally.note(
                FORGERY,
                format!("GET {path}, {header}"),
                answer.status == 404,
                answer.text(),
            );
        }
        for method in ["PUT", "DELETE", "PATCH"] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = bare.send(bare.request(method.clone(), path)).await;
            tally.note(
                FORGERY,
                format!("{method} {path}"),
                answer.status == 403,
                answer.text(),
            );
        }
    }
}

fn requests() -> [(&'static str, Value); 6] {
    [
        ("/api/settings/save", json!({ "forged": true })),
        (
            "/api/secrets/write",
            json!({ "key": "api_key_openai", "value": "forged" }),
        ),
        (
            "/api/users/change-password",
            json!({ "handle": "anna", "newPassword": "forged" }),
        ),
        ("/api/users/logout", json!({})),
        (
            "/api/chats/delete",
            json!({ "avatar_url": "x.png", "chatfile": "x" }),
        ),
        ("/api/users/login", json!({ "handle": "anna", "password": "" })),
    ]
}

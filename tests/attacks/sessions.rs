//! Who somebody is: headers that anyone can send, and sessions that should be over.

use reqwest::Method;
use serde_json::json;
use squaretable::config::Config;
use squaretable::config::ip_pattern::IpPattern;

use super::tally::{IDENTITY, STALE, Tally};
use crate::harness::{Answer, Client, Options, Server};

/// In account mode, changed further, with an administrator and `anna`, who have no passwords.
pub async fn server(change: impl FnOnce(&mut Config)) -> Server {
    let mut config = Config::default();
    config.accounts.enabled = true;
    let limits = &mut config.accounts.rate_limits;
    (limits.login, limits.recover, limits.reset) = (0, 0, 0);
    change(&mut config);
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    server.tenant("admin", true).await;
    server.tenant("anna", false).await;
    server
}

async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = client.request(Method::GET, path);
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value));
    client.send(request).await
}

/// GHSA-gxx6-h3g6-vwjh. `tests/api/account/login.rs` shows that trusted proxies are obeyed.
#[tokio::test]
async fn a_name_in_a_header_is_nobodys_proof() {
    let server = server(|config| {
        config.accounts.sso.authelia = true;
        config.accounts.sso.authentik = true;
        config.accounts.sso.trusted_proxies = IpPattern::parse("10.9.9.9").into_iter().collect();
        config.http.ip_whitelist.check_forwarded = false;
    })
    .await;
    let mut tally = Tally::new("identity_headers");
    let excuses: [&[(&str, &str)]; 7] = [
        &[],
        &[("X-Forwarded-For", "10.9.9.9")],
        &[("X-Real-IP", "10.9.9.9")],
        &[("CF-Connecting-IP", "10.9.9.9")],
        &[("Forwarded", "for=10.9.9.9;by=10.9.9.9")],
        &[
            ("X-Forwarded-For", "10.9.9.9, 127.0.0.1"),
            ("X-Forwarded-Host", "localhost"),
        ],
        &[
            ("Via", "1.1 10.9.9.9"),
            ("X-Client-IP", "10.9.9.9"),
            ("True-Client-IP", "10.9.9.9"),
        ],
    ];
    for name in [
        "Remote-User",
        "REMOTE-USER",
        "Remote_User",
        "X-Remote-User",
        "X-Authentik-Username",
        "X-Forwarded-User",
        "X-Auth-Request-User",
        "Remote-Name",
    ] {
        for handle in ["admin", "Admin", "default-user", "anna"] {
            for excuse in excuses {
                for path in ["/login", "/", "/api/users/me", "/csrf-token"] {
                    let mut client = server.client().await;
                    let headers: Vec<_> = excuse.iter().copied().chain([(name, handle)]).collect();
                    let answer = get(&client, path, &headers).await;
                    client.keep_cookies(&answer);
                    let after = get(&client, "/api/users/me", &headers).await;
                    let what = format!("GET {path} with {headers:?}");
                    tally.note(IDENTITY, what, after.status == 403, after.text());
                }
            }
        }
    }
    tally.finish(890);
}

/// What a stolen cookie is tried on.
pub async fn is_worthless(stolen: &Client) -> Result<(), String> {
    for path in [
        "/api/users/me",
        "/characters/x.png",
        "/version",
        "/thumbnail?type=bg&file=x.png",
        "/api/extensions/discover",
    ] {
        let answer = stolen.get(path).await;
        if answer.status != 403 {
            return Err(format!("GET {path} answers {}", answer.status));
        }
    }
    for path in [
        "/api/settings/get",
        "/api/settings/save",
        "/api/secrets/read",
        "/api/users/change-password",
        "/api/ping?extend=1",
    ] {
        let answer = stolen
            .post(path, json!({ "handle": "anna", "newPassword": "taken" }))
            .await;
        if answer.status != 403 {
            return Err(format!("POST {path} answers {}", answer.status));
        }
    }
    let page = stolen.get("/").await;
    let is_shown = page.status == 200;
    if is_shown {
        Err("the application is shown".to_owned())
    } else {
        Ok(())
    }
}

/// GHSA-wmm3-h9qj-p5v6: everything that ends a session ends what was stolen of it, on the node that did and on another.
#[tokio::test]
async fn a_stolen_cookie_dies_with_what_ends_its_session() {
    let server = server(|_| {}).await;
    let node = server
        .beside(Options {
            config: server.app.config().clone(),
            ..Options::default()
        })
        .await;
    let admin = server.client_of("admin").await;
    let mut tally = Tally::new("stale_sessions");
    let mut password = String::new();
    for end in [
        "logout",
        "password",
        "password by an administrator",
        "promote",
        "demote",
        "disable",
        "delete",
        "purge",
    ] {
        let mut owner = server.client().await;
        owner.log_in("anna", &password).await.expect(200);
        let mut elsewhere = node.client().await;
        elsewhere.log_in("anna", &password).await.expect(200);
        elsewhere.get("/api/users/me").await.expect(200);
        let own = owner.elsewhere(&node.url);
        own.get("/api/users/me").await.expect(200);
        act(end, &owner, &admin, &mut password).await;
        // The one that changed its own password stays, and so do others when one logs out.
        if end != "password" {
            note_dead(&owner, format!("{end}: the session, here"), &mut tally).await;
            note_dead(&own, format!("{end}: the session, on the other node"), &mut tally).await;
        }
        if end != "logout" {
            let what = format!("{end}: another session of the account");
            note_dead(&elsewhere, what, &mut tally).await;
        }
        restore(end, &admin, &server).await;
        if end != "logout" {
            note_dead(&elsewhere, format!("{end}: after it was undone"), &mut tally).await;
        }
        if matches!(end, "delete" | "purge") {
            password.clear();
        }
    }
    tally.finish(28);
}

async fn note_dead(stolen: &Client, what: String, tally: &mut Tally) {
    let outcome = is_worthless(stolen).await;
    let is_dead = outcome.is_ok();
    tally.note(STALE, what, is_dead, outcome.err().unwrap_or_default());
}

async fn act(end: &str, owner: &Client, admin: &Client, password: &mut String) {
    let handle = json!({ "handle": "anna" });
    let answer = match end {
        "logout" => owner.post("/api/users/logout", json!({})).await,
        "password" => {
            let body = json!({ "handle": "anna", "oldPassword": password, "newPassword": "first" });
            "first".clone_into(password);
            owner.post("/api/users/change-password", body).await
        }
        "password by an administrator" => {
            let body = json!({ "handle": "anna", "newPassword": "second" });
            "second".clone_into(password);
            admin.post("/api/users/change-password", body).await
        }
        "delete" | "purge" => {
            let body = json!({ "handle": "anna", "purge": end == "purge" });
            admin.post("/api/users/delete", body).await
        }
        route => admin.post(&format!("/api/users/{route}"), handle).await,
    };
    answer.expect(204);
}

async fn restore(end: &str, admin: &Client, server: &Server) {
    match end {
        "disable" => {
            let handle = json!({ "handle": "anna" });
            admin.post("/api/users/enable", handle).await.expect(204);
        }
        "delete" | "purge" => _ = server.tenant("anna", false).await,
        _ => {}
    }
}

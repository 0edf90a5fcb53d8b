use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;
use squaretable::config::ip_pattern::IpPattern;
use squaretable::config::secret::Secret;
use squaretable::config::{Config, http};
use squaretable::serve;

use super::{accounts, options};
use crate::harness::{Answer, Client, Options, Server};

async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request).await
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn the_only_account_is_logged_in_unless_it_has_a_password_or_company() {
    let server = accounts().await;
    let mut client = server.client().await;
    client.get("/login?noauto=1").await.expect(200);
    let answer = client.get("/login").await.expect(302);
    assert_eq!(answer.headers["location"], "/");
    client.keep_cookies(&answer);
    assert_eq!(
        client.get("/api/users/me").await.expect(200).json()["handle"],
        "default-user"
    );
    server.tenant("anna", false).await;
    let page = server.client().await.get("/login").await.expect(200);
    assert!(page.text().contains("login.js"));
}

/// GHSA-gxx6-h3g6-vwjh: any browser can send these headers.
#[tokio::test]
async fn identity_headers_log_in_from_trusted_proxies_only() {
    for (proxy, works) in [("127.0.0.1", true), ("10.0.0.0/8", false)] {
        let server = Server::with(options(|config| {
            config.accounts.sso.authelia = true;
            config.http.ip_whitelist.check_forwarded = false;
            config.accounts.sso.trusted_proxies = IpPattern::parse(proxy).into_iter().collect();
        }))
        .await;
        server.tenant("anna", false).await;
        for header in ["Remote-User", "X-Authentik-Username"] {
            let mut client = server.client().await;
            let headers = [
                (header, "Anna"),
                ("X-Forwarded-For", "10.0.0.1"),
                ("X-Real-IP", "10.0.0.1"),
            ];
            get(&client, "/api/users/me", &headers).await.expect(403);
            let answer = get(&client, "/login", &headers).await;
            client.keep_cookies(&answer);
            let is_in = works && header == "Remote-User";
            assert_eq!(answer.status, if is_in { 302 } else { 200 }, "{proxy} {header}");
            client
                .get("/api/users/me")
                .await
                .expect(if is_in { 200 } else { 403 });
        }
    }
}

#[tokio::test]
async fn basic_authentication_takes_accounts_with_a_password() {
    let server = Server::with(options(|config| {
        config.accounts.per_user_basic_auth = true;
        config.accounts.rate_limits.basic_auth = 3;
        config.http.listen.exposed = true;
        config.http.basic_auth = Some(http::BasicAuth {
            username: "user".to_owned(),
            password: Secret::new("password".to_owned()),
        });
    }))
    .await;
    let hash = server
        .app
        .accounts()
        .passwords()
        .hash("pass:word")
        .await
        .expect("a hash");
    for handle in ["anna", "bob"] {
        server.tenant(handle, false).await;
    }
    let sessions = server.app.accounts().sessions();
    sessions.set_password("anna", &hash, None).await.expect("stored");
    let client = Client::cookies_only(&server.url, String::new());
    let right = basic("anna", "pass:word");
    for _ in 0..2 {
        get(&client, "/login?noauto=1", &[("authorization", &right)])
            .await
            .expect(200);
    }
    let answer = get(&client, "/login", &[("authorization", &right)])
        .await
        .expect(302);
    assert_eq!(answer.headers["location"], "/");
    for wrong in [
        basic("user", "password"),
        basic("bob", ""),
        basic("anna", "wrong"),
    ] {
        get(&client, "/", &[("authorization", &wrong)]).await.expect(401);
    }
    get(&client, "/", &[("authorization", &basic("anna", "x"))])
        .await
        .expect(429);
    get(&client, "/", &[("authorization", &right)]).await.expect(429);
}

#[tokio::test]
async fn a_disabled_account_has_no_basic_authentication() {
    let server = Server::with(options(|config| {
        config.accounts.per_user_basic_auth = true;
        config.http.listen.exposed = true;
        config.http.basic_auth = Some(http::BasicAuth {
            username: "user".to_owned(),
            password: Secret::new("password".to_owned()),
        });
    }))
    .await;
    server.tenant("anna", false).await;
    let accounts = server.app.accounts();
    accounts
        .set_password("anna", "secret", None)
        .await
        .expect("stored");
    let client = Client::cookies_only(&server.url, String::new());
    let header = basic("anna", "secret");
    get(&client, "/login?noauto=1", &[("authorization", &header)])
        .await
        .expect(200);
    let standing = squaretable::store::accounts::Standing::Enabled(false);
    accounts
        .sessions()
        .set_standing("anna", standing)
        .await
        .expect("stored");
    get(&client, "/login?noauto=1", &[("authorization", &header)])
        .await
        .expect(401);
}

/// As the original refuses it: such a server would be anyone's.
#[tokio::test]
async fn an_open_server_needs_passwords_for_its_administrators() {
    let open = |config: &mut Config| {
        config.http.listen.exposed = true;
        config.http.ip_whitelist.enabled = false;
    };
    let server = Server::with(options(open)).await;
    assert!(serve::refuse_open_administrators(&server.app).await.is_err());
    let accounts = server.app.accounts();
    accounts
        .set_password("default-user", "secret", None)
        .await
        .expect("stored");
    server.tenant("anna", false).await;
    serve::refuse_open_administrators(&server.app)
        .await
        .expect("a user may be without");
    let forced = Server::with(options(|config| {
        open(config);
        config.http.security_override = true;
    }))
    .await;
    serve::refuse_open_administrators(&forced.app)
        .await
        .expect("the operator said so");
    let listed = Server::with(options(|config| config.http.listen.exposed = true)).await;
    serve::refuse_open_administrators(&listed.app)
        .await
        .expect("a whitelist protects it");
}

#[tokio::test]
async fn the_access_log_names_who_came_in() {
    let server = Server::with(options(|config| config.http.listen.exposed = true)).await;
    server.tenant("anna", false).await;
    let client = server.client_of("anna").await;
    for _ in 0..2 {
        client.get("/api/users/me").await.expect(200);
    }
    let log = std::fs::read_to_string(server.app.config().data_dir.join("access.log")).expect("a log");
    let clients: Vec<&str> = log
        .lines()
        .map(|line| line.split_once(' ').expect("a time and more").1)
        .map(|line| line.trim_end_matches(" undefined"))
        .collect();
    assert_eq!(clients, ["127.0.0.1", "127.0.0.1 (user: anna)"]);
}

#[tokio::test]
async fn with_accounts_off_a_login_changes_nothing() {
    let server = Server::with(Options::default()).await;
    server.tenant("anna", false).await;
    let client = server.client_of("anna").await;
    assert_eq!(
        client.get("/api/users/me").await.expect(200).json()["handle"],
        "default-user"
    );
    client.get("/login").await.expect(302);
    assert_eq!(server.count("SELECT count(*) FROM sessions").await, 0);
    client.post("/api/users/logout", json!({})).await.expect(204);
}

//! Login by an OpenID Connect provider.

use serde_json::{Value, json};
use squaretable::config::oidc::OidcConfig;

use super::options;
use crate::harness::provider::Change;
use crate::harness::{Answer, Client, Options, Provider, Server};

const BEGIN: &str = "/login/oidc";

fn with(provider: &Provider, change: impl FnOnce(&mut OidcConfig)) -> Options {
    let mut oidc = provider.config("http://127.0.0.1:1");
    change(&mut oidc);
    options(|config| {
        config.accounts.oidc = Some(oidc);
        config.accounts.rate_limits.login = 0;
    })
}

async fn server(change: impl FnOnce(&mut OidcConfig)) -> (Provider, Server) {
    let provider = Provider::start().await;
    let server = Server::with(with(&provider, change)).await;
    (provider, server)
}

fn anna() -> Value {
    json!({ "sub": "4711", "preferred_username": "Anna B.", "name": "Anna", "groups": ["staff"] })
}

/// The address at the provider that a browser is sent to.
async fn begin(browser: &mut Client) -> String {
    let answer = browser.get(BEGIN).await.expect(302);
    browser.keep_cookies(&answer);
    answer.headers["location"]
        .to_str()
        .expect("an address")
        .to_owned()
}

/// The whole way there and back.
async fn log_in(provider: &Provider, browser: &mut Client, claims: Value) -> Answer {
    let query = provider.log_in(&begin(browser).await, claims);
    let answer = browser.get(&format!("{BEGIN}/callback?{query}")).await;
    browser.keep_cookies(&answer);
    answer
}

async fn me(browser: &Client) -> Value {
    browser.get("/api/users/me").await.expect(200).json()
}

#[tokio::test]
async fn the_first_login_makes_an_account_and_the_second_one_finds_it() {
    let (provider, server) = server(|_| {}).await;
    let mut browser = server.client().await;
    let answer = log_in(&provider, &mut browser, anna()).await.expect(302);
    assert_eq!(answer.headers["location"], "/");
    let user = me(&browser).await;
    assert_eq!(
        (user["handle"].as_str(), user["admin"].as_bool()),
        (Some("anna-b"), Some(false))
    );
    assert_eq!(
        (user["name"].as_str(), user["password"].as_bool()),
        (Some("Anna"), Some(true))
    );
    // Nobody gets in by the login page's own form.
    let mut stranger = server.client().await;
    stranger.log_in("anna-b", "").await.expect(403);
    // The provider's name for her counts, and no other.
    let mut other = server.client().await;
    let renamed = json!({ "sub": "4711", "preferred_username": "root" });
    log_in(&provider, &mut other, renamed).await.expect(302);
    assert_eq!(me(&other).await["handle"], "anna-b");
}

#[tokio::test]
async fn a_name_that_is_or_was_somebodys_is_not_given_away() {
    let (provider, server) = server(|_| {}).await;
    server.tenant("anna-b", true).await;
    let mut browser = server.client().await;
    log_in(&provider, &mut browser, anna()).await.expect(403);
    browser.get("/api/users/me").await.expect(403);
    server.tenant("admin", true).await;
    let admin = server.client_of("admin").await;
    let body = json!({ "handle": "anna-b", "purge": false });
    admin.post("/api/users/delete", body).await.expect(204);
    log_in(&provider, &mut browser, anna()).await.expect(403);
    let text = log_in(
        &provider,
        &mut browser,
        json!({ "sub": "1", "preferred_username": "!" }),
    )
    .await;
    assert!(text.expect(403).text().contains("no name"));
}

#[tokio::test]
async fn an_account_is_linked_by_its_handle_only_where_the_operator_says_so() {
    let (provider, server) = server(|oidc| {
        oidc.links_by_handle = true;
        oidc.creates = false;
    })
    .await;
    let mut browser = server.client().await;
    log_in(&provider, &mut browser, anna()).await.expect(403);
    server.tenant("anna-b", true).await;
    log_in(&provider, &mut browser, anna()).await.expect(302);
    assert_eq!(me(&browser).await["admin"], true, "roles are given here");
}

#[tokio::test]
async fn groups_let_in_and_make_administrators_for_as_long_as_they_last() {
    let (provider, server) = server(|oidc| {
        oidc.groups = vec!["staff".to_owned(), "ops".to_owned()];
        oidc.admin_groups = vec!["ops".to_owned()];
    })
    .await;
    let with = |groups: Value| json!({ "sub": "4711", "preferred_username": "anna", "groups": groups });
    let mut browser = server.client().await;
    for outside in [json!([]), json!(["guests"]), json!(7), Value::Null] {
        log_in(&provider, &mut browser, with(outside)).await.expect(403);
    }
    for (groups, is_admin) in [
        (json!(["staff"]), false),
        (json!(["staff", "ops"]), true),
        (json!("ops"), true),
        (json!(["staff"]), false),
    ] {
        log_in(&provider, &mut browser, with(groups)).await.expect(302);
        assert_eq!(me(&browser).await["admin"], is_admin);
    }
}

#[tokio::test]
async fn a_disabled_account_stays_out() {
    let (provider, server) = server(|_| {}).await;
    let mut browser = server.client().await;
    log_in(&provider, &mut browser, anna()).await.expect(302);
    server.tenant("admin", true).await;
    let admin = server.client_of("admin").await;
    let body = json!({ "handle": "anna-b" });
    admin.post("/api/users/disable", body).await.expect(204);
    browser.get("/api/users/me").await.expect(403);
    log_in(&provider, &mut browser, anna()).await.expect(403);
}

#[tokio::test]
async fn an_answer_counts_once_and_in_the_browser_that_asked() {
    let (provider, server) = server(|_| {}).await;
    let mut browser = server.client().await;
    let mut victim = server.client().await;
    let query = provider.log_in(&begin(&mut browser).await, anna());
    let callback = format!("{BEGIN}/callback?{query}");
    // Sent to somebody else, who would then write into the sender's account; with a login of their own under way, too.
    victim.get(&callback).await.expect(403);
    begin(&mut victim).await;
    victim.get(&callback).await.expect(403);
    for wrong in ["", "?state=x&code=y", "?code=y", "?error=access_denied"] {
        let mut other = server.client().await;
        begin(&mut other).await;
        other.get(&format!("{BEGIN}/callback{wrong}")).await.expect(403);
    }
    let before = browser.elsewhere(&server.url);
    let answer = browser.get(&callback).await.expect(302);
    browser.keep_cookies(&answer);
    assert_eq!(me(&browser).await["handle"], "anna-b");
    browser.get(&callback).await.expect(403);
    before.get(&callback).await.expect(403);
}

#[tokio::test]
async fn what_the_provider_did_not_sign_for_us_and_now_is_nothing() {
    let spoilt: [(&str, Change); 9] = [
        ("nonce", |_, claims| claims["nonce"] = "x".into()),
        ("no nonce", |_, claims| claims["nonce"] = Value::Null),
        ("audience", |_, claims| claims["aud"] = "another".into()),
        ("audiences", |_, claims| {
            claims["aud"] = json!(["squaretable", "another"]);
        }),
        ("issuer", |_, claims| claims["iss"] = "http://127.0.0.1:1".into()),
        ("expired", |_, claims| {
            claims["exp"] = json!(claims["iat"].as_i64().unwrap_or(0) - 1);
        }),
        ("algorithm", |head, _| head["alg"] = "none".into()),
        ("other algorithm", |head, _| head["alg"] = "HS256".into()),
        ("unknown key", |head, _| head["kid"] = "unknown".into()),
    ];
    let (provider, server) = server(|_| {}).await;
    let mut browser = server.client().await;
    for (what, change) in spoilt {
        provider.spoil(change);
        let answer = log_in(&provider, &mut browser, anna()).await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text());
        browser.get("/api/users/me").await.expect(403);
    }
    provider.spoil(|_, _| {});
    log_in(&provider, &mut browser, anna()).await.expect(302);
}

#[tokio::test]
async fn a_provider_may_change_its_keys() {
    let (provider, server) = server(|_| {}).await;
    let mut browser = server.client().await;
    log_in(&provider, &mut browser, anna()).await.expect(302);
    provider.change_key("second");
    log_in(&provider, &mut browser, anna()).await.expect(302);
    // By another key of a known name: to the server no better than a forged signature.
    provider.change_key("second");
    log_in(&provider, &mut browser, anna()).await.expect(403);
}

#[tokio::test]
async fn any_node_finishes_what_another_one_began() {
    let (provider, first) = server(|_| {}).await;
    let second = first.beside(with(&provider, |_| {})).await;
    let mut browser = first.client().await;
    let query = provider.log_in(&begin(&mut browser).await, anna());
    let mut there = browser.elsewhere(&second.url);
    let answer = there.get(&format!("{BEGIN}/callback?{query}")).await.expect(302);
    there.keep_cookies(&answer);
    assert_eq!(me(&there.elsewhere(&first.url)).await["handle"], "anna-b");
}

#[tokio::test]
async fn without_the_provider_everybody_else_logs_in() {
    let (provider, server) = server(|_| {}).await;
    provider.go_away();
    server.tenant("bob", false).await;
    let mut bob = server.client_of("bob").await;
    let answer = bob.get(BEGIN).await;
    bob.keep_cookies(&answer);
    answer.expect(503);
    assert_eq!(me(&bob).await["handle"], "bob");
}

#[tokio::test]
async fn the_login_page_has_a_button_only_where_there_is_a_provider() {
    let (_provider, server) = server(|oidc| oidc.label = "\"><b>Log in".to_owned()).await;
    let browser = server.client().await;
    let page = browser.get("/login?noauto=1").await.expect(200).text();
    assert!(
        page.contains("data-label=\"&quot;&gt;&lt;b&gt;Log in\""),
        "{page}"
    );
    let script = browser.get("/login/oidc.js").await.expect(200);
    assert!(script.text().contains("/login/oidc"));
    let without = super::accounts().await;
    let browser = without.client().await;
    let installed = std::fs::read(without.app.frontend().public().join("login.html"));
    let page = browser.get("/login?noauto=1").await.expect(200);
    assert_eq!(page.body, installed.expect("the installed page"));
    for path in [BEGIN, "/login/oidc.js", "/login/oidc/callback"] {
        browser.get(path).await.expect(404);
    }
}

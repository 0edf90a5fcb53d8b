//! SillyTavern's own login page.

use squaretable::config::Config;

use super::{play, settings};
use crate::harness::{Options, Provider, Server};

#[tokio::test]
async fn logging_in_and_out_on_the_login_page() {
    let mut config = Config::default();
    config.accounts.enabled = true;
    let server = Server::with(Options {
        content: true,
        config,
    })
    .await;
    server.tenant("ada-of-the-shore", false).await;
    let accounts = server.app.accounts();
    let set = accounts.set_password("ada-of-the-shore", "tide", None).await;
    set.expect("a password");
    let arguments = [server.url.as_str(), "ada-of-the-shore", "tide"].map(str::to_owned);
    play("login.mjs", &arguments.each_ref()).await;

    let mut client = server.client().await;
    client.log_in("ada-of-the-shore", "tide").await.expect(200);
    assert_eq!(settings(&client).await["username"], "Ada");
    // The way out was a logout, not just another page.
    let left = "SELECT count(*) FROM sessions";
    assert_eq!(server.count(left).await, 1);
}

#[tokio::test]
async fn logging_in_by_a_provider_from_the_login_page() {
    let provider = Provider::start().await;
    let mut config = Config::default();
    config.accounts.enabled = true;
    config.accounts.oidc = Some(provider.config("http://127.0.0.1:1"));
    let server = Server::with(Options {
        content: true,
        config,
    })
    .await;
    server.tenant("ada-of-the-shore", true).await;
    provider.send_back_to(&server.url);
    play("oidc.mjs", &[&server.url]).await;
    let user = server.app.accounts().find("anna").await;
    assert_eq!(user.expect("a database").expect("an account").name, "Anna");
}

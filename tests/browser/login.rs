//! SillyTavern's own login page.

use squaretable::config::Config;

use super::{play, settings};
use crate::harness::{Options, Server};

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

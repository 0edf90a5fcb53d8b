mod audit;
mod backup;
mod limits;
mod login;
mod oidc;
mod policy;
mod quotas;
mod rotation;
mod sessions;
mod sessions_redis;
mod tokens;
mod upgrades;
mod users_admin;
mod users_private;
mod users_public;
mod users_reset;

use squaretable::config::Config;

use crate::harness::{Options, Server};

/// Account mode, changed further.
fn options(change: impl FnOnce(&mut Config)) -> Options {
    let mut config = Config::default();
    config.accounts.enabled = true;
    change(&mut config);
    Options {
        config,
        ..Options::default()
    }
}

/// A server in account mode.
async fn accounts() -> Server {
    Server::with(options(|_| {})).await
}

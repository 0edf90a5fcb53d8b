//! The login page, and logging in without it.

use std::net::IpAddr;

use axum::Extension;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{Extensions, HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::oidc;
use super::pages::is_set;
use crate::app::App;
use crate::config::accounts::SsoConfig;
use crate::error::{Error, Result};
use crate::middleware::basic_auth;
use crate::middleware::client_ip;
use crate::middleware::session::Session;
use crate::reply;
use crate::sessions::Visitor;
use crate::store::accounts::User;
use crate::tenant::CurrentUser;

/// `GET /login`: the login page; a redirect to `/` with accounts off, and for whoever can be logged in without asking.
pub async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    OriginalUri(uri): OriginalUri,
    request: Request,
) -> Response {
    let headers = request.headers();
    if !app.config().accounts.enabled {
        return reply::redirect(StatusCode::FOUND, "/", headers);
    }
    let is_anonymous = request.extensions().get::<CurrentUser>().is_none();
    if is_anonymous && wants_auto_login(&uri) {
        match try_auto_login(&app, request.extensions(), headers, &session).await {
            Ok(true) => return reply::redirect(StatusCode::FOUND, "/", headers),
            Ok(false) => {}
            // compat: the page is shown whatever went wrong.
            Err(error) => tracing::error!(%error, "logging in without the page failed"),
        }
    }
    match app.oidc() {
        Some(oidc) => oidc::login_page(&app, oidc)
            .await
            .unwrap_or_else(Error::into_response),
        None => app.pages().page("login.html", headers).await,
    }
}

/// In the original's order: the only account without a password, a trusted proxy's word, basic authentication.
async fn try_auto_login(
    app: &App,
    extensions: &Extensions,
    headers: &HeaderMap,
    session: &Session,
) -> Result<bool> {
    let mut user = app.accounts().only_one().await?;
    let config = &app.config().accounts;
    for handle in named_by_proxy(&config.sso, client_ip::peer(extensions), headers) {
        if user.is_none() {
            user = app.accounts().find(&handle).await?.filter(|user| user.enabled);
        }
    }
    if user.is_none()
        && config.per_user_basic_auth
        && app.config().http.basic_auth.is_some()
        && let Some(given) = basic_auth::credentials(headers)
    {
        user = basic_auth::account(app, &given).await?;
    }
    match user {
        Some(user) => open(app, &user, session, &visitor(app, extensions, headers)).await,
        None => Ok(false),
    }
}

/// Makes the browser's session one of this user, an earlier one ends. Says whether the account may still log in.
///
/// # Errors
/// The database failed.
pub async fn open(app: &App, user: &User, session: &Session, visitor: &Visitor) -> Result<bool> {
    if !app.config().accounts.enabled {
        session.log_in(&user.handle, None);
        return Ok(true);
    }
    let sessions = app.accounts().sessions();
    let Some(id) = sessions.open(user, visitor).await? else {
        return Ok(false);
    };
    if let Some((handle, earlier)) = session.claims() {
        sessions.close(&earlier, &handle).await?;
    }
    session.log_in(&user.handle, Some(&id));
    Ok(true)
}

/// Who is at the other end, for the list of sessions and for counting attempts.
#[must_use]
pub fn visitor(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Visitor {
    let agent = headers.get("user-agent").and_then(|agent| agent.to_str().ok());
    Visitor {
        client: client_ip::describe(extensions, headers, crate::stack::counted_by(app)),
        agent: agent.unwrap_or_default().to_owned(),
    }
}

/// Whether `/login` may log in without asking: not with `?noauto=` and any value.
fn wants_auto_login(uri: &Uri) -> bool {
    !is_set(uri, "noauto")
}

/// The handles that a trusted proxy's headers name, lower-cased, in the order they are tried. Headers from any other peer
/// are ignored: a browser can send them, too.
fn named_by_proxy(config: &SsoConfig, peer: Option<IpAddr>, headers: &HeaderMap) -> Vec<String> {
    let names = [
        (config.authelia, "remote-user"),
        (config.authentik, "x-authentik-username"),
    ];
    let named = names.iter().filter(|(is_on, _)| *is_on);
    let named = named.filter_map(|(_, name)| headers.get(*name)?.to_str().ok());
    let handles: Vec<String> = named
        .filter(|handle| !handle.is_empty())
        .map(str::to_lowercase)
        .collect();
    let is_trusted = peer.is_some_and(|ip| config.trusted_proxies.iter().any(|proxy| proxy.matches(ip)));
    if !is_trusted && !handles.is_empty() {
        tracing::warn!(?peer, "a name for single sign-on came from no trusted proxy");
    }
    if is_trusted { handles } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_headers_count_from_trusted_peers_only() {
        let config = SsoConfig {
            authelia: true,
            ..SsoConfig::default()
        };
        let header = |name: &str| (name.parse().unwrap(), "Anna".parse().unwrap());
        let headers = HeaderMap::from_iter([header("remote-user"), header("x-authentik-username")]);
        assert_eq!(
            named_by_proxy(&config, "127.0.0.1".parse().ok(), &headers),
            ["anna"]
        );
        assert!(named_by_proxy(&config, "8.8.8.8".parse().ok(), &headers).is_empty());
        assert!(named_by_proxy(&config, None, &headers).is_empty());
        let off = SsoConfig::default();
        assert!(named_by_proxy(&off, "127.0.0.1".parse().ok(), &headers).is_empty());
        assert!(wants_auto_login(&"/login?noauto".parse().unwrap()));
        assert!(!wants_auto_login(&"/login?x&noauto=1".parse().unwrap()));
    }
}

//! `/login/oidc`: logging in by an OpenID Connect provider. Routes of our own, open to everyone, 404 without a provider.

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::Utc;
use serde_json::Value;
use squaretable_compat::names;

use super::login::{self, visitor};
use crate::app::App;
use crate::audit::Caller;
use crate::error::{Error, Result};
use crate::middleware::basic_auth::same;
use crate::middleware::client_ip::network;
use crate::middleware::session::Session;
use crate::oidc::{Flow, Identity, Oidc, OidcError};
use crate::reply;
use crate::store::accounts::{NewUser, Standing, User};

/// Key of the browser's session for a login that is under way.
const FLOW: &str = "oidc";

/// How long a login may take at the provider, in milliseconds.
const LIFE: i64 = 15 * 60 * 1000;

/// Longest handle, as for accounts that administrators make.
const LONGEST: usize = 100;

const SCRIPT: &str = include_str!("oidc.js");

/// `GET /login/oidc`: sends the browser to the provider.
pub async fn begin(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
) -> Result<Response> {
    let oidc = app.oidc().ok_or(Error::NotFoundPage)?;
    let (url, flow) = oidc.begin().await.map_err(|error| failed(&error))?;
    session.set(FLOW, serde_json::to_value(flow).map_err(anyhow::Error::from)?);
    Ok(reply::redirect(StatusCode::FOUND, url.as_str(), &headers))
}

/// `GET /login/oidc.js`: the button of the login page.
pub async fn script(State(app): State<App>) -> Result<Response> {
    app.oidc().ok_or(Error::NotFoundPage)?;
    let kind = "text/javascript; charset=utf-8";
    Ok(reply::bytes(StatusCode::OK, kind, SCRIPT.into()))
}

/// `GET /login/oidc/callback?state=&code=`: the provider sends the browser back; a login, or a reason why not.
pub async fn callback(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Query(query): Query<Vec<(String, String)>>,
    parts: Parts,
) -> Result<Response> {
    let oidc = app.oidc().ok_or(Error::NotFoundPage)?;
    let visitor = visitor(&app, &parts.extensions, &parts.headers);
    let (limit, counted) = (&app.accounts().limits().login, network(&visitor.client));
    if let Err(exceeded) = limit.consume(&counted).await {
        tracing::warn!(client = visitor.client, "too many attempts to log in");
        return Ok(crate::api::account::too_many(exceeded, "contact your admin"));
    }
    let of = |name: &str| {
        query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let flow = under_way(&session, of("state").unwrap_or_default())?;
    let Some(code) = of("code") else {
        tracing::warn!(client = visitor.client, "the provider let nobody in");
        return Err(refused("The login provider let nobody in."));
    };
    let identity = oidc
        .finish(code.to_owned(), flow)
        .await
        .map_err(|error| failed(&error))?;
    let caller = Caller::of(&app, &parts.extensions, &parts.headers);
    let user = admitted(&app, oidc, &identity, &caller).await?;
    if !user.enabled || !login::open(&app, &user, &session, &visitor).await? {
        let entry = caller.failed("login", &user.handle, &user.handle, "disabled");
        app.accounts().note(&entry).await?;
        return Err(refused("This account is disabled."));
    }
    limit.reset(&counted).await;
    tracing::info!(
        handle = user.handle,
        client = visitor.client,
        "login by the provider"
    );
    Ok(reply::redirect(StatusCode::FOUND, "/", &parts.headers))
}

/// The login that this browser began, which is over with that: one answer is all there is to it.
fn under_way(session: &Session, state: &str) -> Result<Flow> {
    let stored = session.get(FLOW).unwrap_or_default();
    session.set(FLOW, Value::Null);
    let flow = serde_json::from_value::<Flow>(stored).ok().filter(|flow| {
        let age = Utc::now().timestamp_millis() - flow.begun;
        same(flow.state.as_bytes(), state.as_bytes()) && (0..LIFE).contains(&age)
    });
    flow.ok_or_else(|| refused("This login was not begun here, or took too long. Please begin again."))
}

/// The account of whoever came back, with the role that the provider's groups give.
async fn admitted(app: &App, oidc: &Oidc, identity: &Identity, caller: &Caller) -> Result<User> {
    let config = oidc.config();
    let is_in = |groups: &[String]| groups.iter().any(|group| identity.groups.contains(group));
    if !config.groups.is_empty() && !is_in(&config.groups) {
        let entry = caller.failed("login", "", &identity.subject, "not in a group");
        app.accounts().note(&entry).await?;
        return Err(refused("Your groups may not log in here."));
    }
    let is_admin = is_in(&config.admin_groups);
    let user = match app.accounts().of_identity(identity).await? {
        Some(user) => user,
        None => first(app, oidc, identity, caller, is_admin).await?,
    };
    if config.admin_groups.is_empty() || user.admin == is_admin {
        return Ok(user);
    }
    let act = if is_admin {
        "account.promote"
    } else {
        "account.demote"
    };
    let entry = caller.did(act, &user.handle, &user.handle);
    let standing = Standing::Admin(is_admin);
    let sessions = app.accounts().sessions();
    sessions
        .change_standing(&user.handle, standing, Some(&entry))
        .await?;
    tracing::info!(
        handle = user.handle,
        ?standing,
        "the provider's groups changed an account"
    );
    let changed = app.accounts().find(&user.handle).await?;
    changed.ok_or_else(|| refused("This account is gone."))
}

/// The account of somebody who comes for the first time.
async fn first(app: &App, oidc: &Oidc, identity: &Identity, caller: &Caller, is_admin: bool) -> Result<User> {
    let config = oidc.config();
    let handle = names::slugify(&identity.handle);
    if handle.is_empty() || handle.len() > LONGEST {
        return Err(refused(
            "The login provider gives no name that an account could have.",
        ));
    }
    let caller = caller.clone().named(&handle);
    let accounts = app.accounts();
    let mut is_bound = false;
    if config.links_by_handle {
        let entry = caller.did("account.link", &handle, &identity.subject);
        is_bound = accounts.link(identity, &handle, &entry).await?;
    }
    if !is_bound && config.creates {
        // Nobody knows it: an account without a password would be open to everyone on the login page.
        let password = accounts
            .passwords()
            .hash(&hex::encode(rand::random::<[u8; 32]>()))
            .await?;
        let new = NewUser {
            handle: &handle,
            name: if identity.name.is_empty() {
                &handle
            } else {
                &identity.name
            },
            password: &password,
            salt: "",
            admin: is_admin,
            enabled: true,
            avatar: "",
            created_at: Utc::now(),
        };
        let entry = caller.did("account.create", &handle, &identity.subject);
        accounts.create_for(identity, &new, &entry).await?;
    }
    // Two of one person's browsers may have come at once: then the other one made it.
    if let Some(user) = accounts.of_identity(identity).await? {
        return Ok(user);
    }
    let entry = caller.failed("login", "", &handle, "no account");
    accounts.note(&entry).await?;
    Err(refused(if config.creates {
        "The name that the login provider gives you is taken here. Ask an administrator."
    } else {
        "You have no account here. Ask an administrator."
    }))
}

/// The login page with a button that leads to the provider. The installed page is not touched.
pub async fn login_page(app: &App, oidc: &Oidc) -> Result<Response> {
    let page = tokio::fs::read_to_string(app.frontend().public().join("login.html")).await;
    let page = page.map_err(anyhow::Error::from)?;
    let label = reply::escape_html(&oidc.config().label);
    let tag = format!("<script src=\"/login/oidc.js\" data-label=\"{label}\" defer></script>");
    let at = page.rfind("</body>").unwrap_or(page.len());
    let (head, tail) = page.split_at(at);
    Ok(reply::html_with(StatusCode::OK, format!("{head}{tag}\n{tail}")))
}

fn failed(error: &OidcError) -> Error {
    tracing::warn!(%error, "a login by the provider failed");
    match error {
        OidcError::Away(_) => Error::text(503, "The login provider cannot be reached. Please try again."),
        OidcError::Worthless(_) => refused("The login could not be verified. Please begin again."),
    }
}

fn refused(reason: &'static str) -> Error {
    Error::text(403, reason)
}

//! Who is asking: the session's account, whose tenant the request may see.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::error::{Error, Result};
use crate::middleware::body::Known;
use crate::middleware::session::Session;
use crate::middleware::token::{self, Bearer, Refused};
use crate::sessions::Worth;
use crate::store::accounts::User;
use crate::tenant::CurrentUser;

/// Request extension: the session is older than the account's password.
#[derive(Clone, Copy, Debug)]
struct Outdated;

/// Finds the user of a request and puts it into the extensions; anonymous requests get none. Whoever is known may send
/// big bodies. A session that the request renewed is renewed on the server, too.
///
/// With accounts off everyone is the default user. A service token stands for its account.
pub async fn identify(State(app): State<App>, mut req: Request, next: Next) -> Result<Response> {
    if let Some(token) = token::presented(req.headers()) {
        match token::resolve(&app, req.headers(), token).await? {
            Ok((user, bearer)) => {
                app.prepare(&user).await?;
                req.extensions_mut().insert(bearer);
                admit(&mut req, user);
            }
            Err(refused) => _ = req.extensions_mut().insert(refused),
        }
        return Ok(next.run(req).await);
    }
    if !app.config().accounts.enabled {
        admit(&mut req, app.default_user());
        return Ok(next.run(req).await);
    }
    let session = req.extensions().get::<Session>().cloned();
    let claims = session.as_ref().and_then(Session::claims);
    let (Some(session), Some((handle, id))) = (session, claims) else {
        return Ok(next.run(req).await);
    };
    match app.accounts().sessions().find(&id, &handle).await? {
        Worth::User(user) => {
            app.prepare(&user).await?;
            admit(&mut req, user);
        }
        Worth::Outdated => _ = req.extensions_mut().insert(Outdated),
        Worth::Nothing => {}
    }
    let response = next.run(req).await;
    if session.is_touched()
        && let Err(error) = app.accounts().sessions().extend(&id).await
    {
        tracing::warn!(%error, "a session could not be extended");
    }
    Ok(response)
}

/// From here on the request is this user's, unless it names another tenant.
fn admit(req: &mut Request, user: Arc<User>) {
    let is_token = req.extensions().get::<Bearer>().is_some();
    if !is_token && !token::names_only(req.headers(), &user.handle) {
        req.extensions_mut().insert(Refused::OTHER_TENANT);
        return;
    }
    req.extensions_mut().insert(CurrentUser(user));
    req.extensions_mut().insert(Known);
}

/// Refuses (403, on any path) a session that is older than the account's password, and takes its cookie away; refuses a
/// service token that is worth nothing (401), and whoever names a tenant that is not theirs (403).
pub async fn resolve(State(app): State<App>, req: Request, next: Next) -> Result<Response> {
    if let Some(refused) = req.extensions().get::<Refused>() {
        return Err(refused.into_error());
    }
    if app.config().accounts.enabled
        && let Some(session) = req.extensions().get::<Session>()
    {
        // From here on the cookie was looked at: one with a wrong signature is taken away.
        session.handle();
        if req.extensions().get::<Outdated>().is_some() {
            session.destroy();
            return Err(Error::forbidden());
        }
    }
    Ok(next.run(req).await)
}

/// Refuses (403) whoever is anonymous.
pub async fn require(req: Request, next: Next) -> Result<Response> {
    if req.extensions().get::<CurrentUser>().is_none() {
        return Err(Error::forbidden());
    }
    Ok(next.run(req).await)
}

//! Who is asking: the session's account, whose tenant the request may see.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::error::{Error, Result};
use crate::middleware::body::Known;
use crate::middleware::session::Session;
use crate::sessions::Worth;
use crate::tenant::CurrentUser;

/// Request extension: the session is older than the account's password.
#[derive(Clone, Copy, Debug)]
struct Outdated;

/// Finds the user of a request and puts it into the extensions; anonymous requests get none. Whoever is known may send
/// big bodies. A session that the request renewed is renewed on the server, too.
///
/// With accounts off everyone is the default user.
pub async fn identify(State(app): State<App>, mut req: Request, next: Next) -> Result<Response> {
    if !app.config().accounts.enabled {
        req.extensions_mut().insert(CurrentUser(app.default_user()));
        req.extensions_mut().insert(Known);
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
            req.extensions_mut().insert(CurrentUser(user));
            req.extensions_mut().insert(Known);
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

/// Refuses (403, on any path) a session that is older than the account's password, and takes its cookie away.
pub async fn resolve(State(app): State<App>, req: Request, next: Next) -> Result<Response> {
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

//! `/api/users` before the login: who there is, logging in, and recovering a password.

use axum::Extension;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::json;

use super::view::Listed;
use super::{disabled, done, handle, missing, new_password, not_found, too_many};
use crate::api::web::login::{self, visitor};
use crate::app::App;
use crate::audit::Caller;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::middleware::client_ip::network;
use crate::middleware::session::Session;
use crate::reply;
use crate::routes::Routes;
use crate::store::codes::Purpose;

/// What one may do who cannot log in.
const RECOVER: &str = "recover your password";
const ASK: &str = "contact your admin";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/users/list", list)
        .post("/api/users/login", log_in)
        .post("/api/users/recover-step1", recover_step1)
        .post("/api/users/recover-step2", recover_step2)
}

/// `POST /api/users/list`: the accounts that may log in, oldest first; 204 with `enableDiscreetLogin`.
async fn list(State(app): State<App>) -> Result<Response> {
    if app.config().accounts.discreet_login {
        return Ok(done());
    }
    let mut found = Vec::new();
    for user in app.accounts().list().await? {
        if user.enabled {
            found.push(Listed::of(&app, user).await?);
        }
    }
    Ok(reply::json(&found))
}

/// `POST /api/users/login`: makes the session one of the user.
///
/// compat: every attempt counts against the address and a success forgives all; an account without a password takes any.
async fn log_in(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    parts: Parts,
    body: Body,
) -> Result<Response> {
    if !body.truthy("handle") {
        return Err(missing());
    }
    let visitor = visitor(&app, &parts.extensions, &parts.headers);
    let (limit, counted) = (&app.accounts().limits().login, network(&visitor.client));
    if let Err(exceeded) = limit.consume(&counted).await {
        tracing::warn!(client = visitor.client, "too many attempts to log in");
        return Ok(too_many(exceeded, RECOVER));
    }
    let handle = handle(&body)?;
    let wrong = || Error::json_error(403, "Incorrect credentials");
    let caller = Caller::of(&app, &parts.extensions, &parts.headers);
    let failed = async |tenant: &str, why| {
        app.accounts()
            .note(&caller.failed("login", tenant, &handle, why))
            .await
    };
    let Some(user) = app.accounts().find(&handle).await? else {
        app.accounts().passwords().pretend(&handle).await?;
        tracing::warn!(%handle, client = visitor.client, "login failed: no such account");
        failed("", "no such account").await?;
        return Err(wrong());
    };
    if !user.enabled {
        failed(&user.handle, "disabled").await?;
        return Err(disabled());
    }
    if !user.password.is_empty() {
        // What is no text is a wrong password, so that nothing but the list tells of accounts; 500 in the original.
        let given = body.str("password").unwrap_or_default();
        if !app.accounts().check_password(&user, given).await? {
            tracing::warn!(%handle, client = visitor.client, "login failed: wrong password");
            failed(&user.handle, "wrong password").await?;
            return Err(wrong());
        }
    }
    if !login::open(&app, &user, &session, &visitor).await? {
        return Err(wrong());
    }
    limit.reset(&counted).await;
    tracing::info!(%handle, client = visitor.client, "login");
    Ok(reply::json(&json!({ "handle": user.handle })))
}

/// `POST /api/users/recover-step1`: shows six digits to whoever reads the server's log.
async fn recover_step1(State(app): State<App>, parts: Parts, body: Body) -> Result<Response> {
    if !body.truthy("handle") {
        return Err(missing());
    }
    let caller = Caller::of(&app, &parts.extensions, &parts.headers);
    let client = &caller.address;
    let limit = &app.accounts().limits().recover;
    if let Err(exceeded) = limit.consume(&network(client)).await {
        tracing::warn!(client, "too many attempts to recover a password");
        return Ok(too_many(exceeded, ASK));
    }
    let user = app
        .accounts()
        .find(&handle(&body)?)
        .await?
        .ok_or_else(not_found)?;
    if !user.enabled {
        return Err(disabled());
    }
    let code = app.accounts().new_code(&user.handle, Purpose::Recover).await?;
    let asked = caller.did("recovery.ask", &user.handle, &user.handle);
    app.accounts().note(&asked).await?;
    super::show(&user.name, "password recovery", &code);
    Ok(done())
}

/// `POST /api/users/recover-step2`: with the digits, a new password; an empty one removes it.
async fn recover_step2(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    parts: Parts,
    body: Body,
) -> Result<Response> {
    if !body.truthy("handle") || !body.truthy("code") {
        return Err(missing());
    }
    let user = app.accounts().find(&handle(&body)?).await?;
    let caller = Caller::of(&app, &parts.extensions, &parts.headers);
    let (limit, counted) = (&app.accounts().limits().recover, network(&caller.address));
    if let Err(exceeded) = limit.check(&counted).await {
        return Ok(too_many(exceeded, ASK));
    }
    let user = user.ok_or_else(not_found)?;
    if !user.enabled {
        return Err(disabled());
    }
    let code = body.str("code").unwrap_or_default();
    if !app
        .accounts()
        .check_code(&user.handle, Purpose::Recover, code)
        .await?
    {
        let entry = caller.failed("recovery", &user.handle, &user.handle, "wrong code");
        app.accounts().note(&entry).await?;
        return match limit.consume(&counted).await {
            Ok(()) => Err(Error::json_error(403, "Incorrect code")),
            Err(exceeded) => Ok(too_many(exceeded, ASK)),
        };
    }
    let password = new_password(&body, "newPassword")?.unwrap_or_default();
    let keep = super::own_session(&session, &user.handle);
    let entry = caller.did("recovery", &user.handle, &user.handle);
    app.accounts()
        .change_password(&user.handle, password, keep.as_deref(), Some(&entry))
        .await?;
    if keep.is_some() {
        session.touch();
    }
    limit.reset(&counted).await;
    app.accounts().remove_code(&user.handle, Purpose::Recover).await?;
    tracing::info!(
        handle = user.handle,
        client = caller.address,
        "a password was recovered"
    );
    Ok(done())
}

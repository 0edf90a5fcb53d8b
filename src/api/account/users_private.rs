//! `/api/users`: what a user may do with the own account, and an administrator with any.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::view::Me;
use super::{disabled, done, handle, missing, new_password, not_found, own_session};
use crate::app::App;
use crate::audit::Caller;
use crate::error::{Error, Result};
use crate::extract::{Body, js_text};
use crate::middleware::session::Session;
use crate::reply;
use crate::routes::Routes;
use crate::store::accounts::User;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/users/logout", log_out)
        .get("/api/users/me", me)
        .post("/api/users/change-avatar", change_avatar)
        .post("/api/users/change-password", change_password)
        .post("/api/users/change-name", change_name)
}

/// `POST /api/users/logout`: ends the session, here and in the browser.
async fn log_out(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    caller: Caller,
) -> Result<Response> {
    if let Some((handle, id)) = session.claims() {
        let entry = caller.did("logout", &handle, &handle);
        app.accounts().sessions().log_out(&id, &handle, &entry).await?;
    }
    session.destroy();
    Ok(done())
}

/// `GET /api/users/me`
async fn me(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    let stored = stored(&app, &tenant).await?;
    let me = if app.config().accounts.enabled {
        stored
    } else {
        // compat: with accounts off everything but the picture is constant.
        User {
            avatar: stored.avatar,
            ..tenant.user().clone()
        }
    };
    Ok(reply::json(&Me::of(&app, me).await?))
}

/// `POST /api/users/change-avatar`: the account's picture as a data URL; an empty one removes it.
async fn change_avatar(
    State(app): State<App>,
    tenant: Tenant,
    caller: Caller,
    body: Body,
) -> Result<Response> {
    let handle = addressed(&tenant, &body)?;
    // compat: a value that is no text is 500.
    let url = body.str("avatar").ok_or(Error::status(500))?;
    if !(url.is_empty() || url.starts_with("data:image/")) || url.contains('\0') {
        return Err(Error::json_error(400, "Invalid data URL"));
    }
    if app.accounts().find(&handle).await?.is_none() {
        return Err(not_found());
    }
    let entry = caller.did("account.avatar", &handle, &handle);
    app.accounts().set_avatar(&handle, url, Some(&entry)).await?;
    Ok(done())
}

/// `POST /api/users/change-password`: the account's other sessions end.
async fn change_password(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    tenant: Tenant,
    caller: Caller,
    body: Body,
) -> Result<Response> {
    let handle = addressed(&tenant, &body)?;
    let user = app.accounts().find(&handle).await?.ok_or_else(not_found)?;
    if !user.enabled {
        return Err(disabled());
    }
    if !tenant.user().admin && !user.password.is_empty() {
        let old = body.str("oldPassword").ok_or(Error::status(500))?;
        if !app.accounts().check_password(&user, old).await? {
            let entry = caller.failed("password", &handle, &handle, "wrong password");
            app.accounts().note(&entry).await?;
            return Err(Error::json_error(403, "Incorrect password"));
        }
    }
    let password = new_password(&body, "newPassword")?.unwrap_or_default();
    let keep = own_session(&session, &handle);
    let entry = caller.did("password", &handle, &handle);
    app.accounts()
        .change_password(&handle, password, keep.as_deref(), Some(&entry))
        .await?;
    if keep.is_some() {
        session.touch();
    }
    tracing::info!(%handle, by = tenant.handle(), "a password was changed");
    Ok(done())
}

/// `POST /api/users/change-name`
async fn change_name(State(app): State<App>, tenant: Tenant, caller: Caller, body: Body) -> Result<Response> {
    if !body.truthy("name") {
        return Err(missing());
    }
    let handle = addressed(&tenant, &body)?;
    let name = name(&body)?;
    let entry = caller.did("account.name", &handle, &handle);
    if app.accounts().set_name(&handle, &name, Some(&entry)).await? {
        Ok(done())
    } else {
        Err(not_found())
    }
}

/// A display name. A value that is no text becomes one; the original stores it as it is, and shows it so.
pub(super) fn name(body: &Body) -> Result<String> {
    let name = js_text(body.get("name")).filter(|name| !name.contains('\0'));
    name.ok_or_else(|| Error::json_error(400, "Invalid name"))
}

/// The handle of the account that is to be changed: the own, or any for an administrator.
fn addressed(tenant: &Tenant, body: &Body) -> Result<String> {
    let handle = handle(body)?;
    let is_own = *body.get("handle") == Value::String(tenant.handle().to_owned());
    if !is_own && !tenant.user().admin {
        return Err(Error::json_error(403, "Unauthorized"));
    }
    if handle.contains('\0') {
        return Err(not_found());
    }
    Ok(handle)
}

/// The user's account as it is stored, password and picture included.
pub(super) async fn stored(app: &App, tenant: &Tenant) -> Result<User> {
    let found = app.accounts().find(tenant.handle()).await?;
    found.ok_or_else(Error::forbidden)
}

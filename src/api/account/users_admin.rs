//! `/api/users` for administrators.

use axum::extract::State;
use axum::response::Response;
use chrono::Utc;
use serde_json::json;
use squaretable_compat::names;

use super::users_private::name;
use super::view::Full;
use super::{done, handle, missing, new_password, not_found};
use crate::accounts::Admin;
use crate::app::{App, DEFAULT_USER};
use crate::audit::Caller;
use crate::error::{Error, Result};
use crate::extract::{Body, js_text};
use crate::reply;
use crate::routes::Routes;
use crate::store::accounts::{NewUser, Standing};

/// Longest handle in bytes: it names a folder in an export, and the original's disk takes no longer one.
const LONGEST: usize = 255;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/users/get", get)
        .post("/api/users/disable", disable)
        .post("/api/users/enable", enable)
        .post("/api/users/promote", promote)
        .post("/api/users/demote", demote)
        .post("/api/users/create", create)
        .post("/api/users/delete", delete)
        .post("/api/users/slugify", slugify)
}

/// `POST /api/users/get`: all accounts, oldest first.
async fn get(State(app): State<App>, _: Admin) -> Result<Response> {
    let mut found = Vec::new();
    for user in app.accounts().list().await? {
        found.push(Full::of(&app, user).await?);
    }
    Ok(reply::json(&found))
}

/// `POST /api/users/disable`: not the own account. Its sessions end.
async fn disable(State(app): State<App>, admin: Admin, caller: Caller, body: Body) -> Result<Response> {
    let handle = other(&admin, &body, "Cannot disable yourself")?;
    set_standing(&app, &admin, &caller, &handle, Standing::Enabled(false)).await
}

/// `POST /api/users/enable`
async fn enable(State(app): State<App>, admin: Admin, caller: Caller, body: Body) -> Result<Response> {
    set_standing(&app, &admin, &caller, &handle(&body)?, Standing::Enabled(true)).await
}

/// `POST /api/users/promote`: makes an administrator, whose sessions end.
async fn promote(State(app): State<App>, admin: Admin, caller: Caller, body: Body) -> Result<Response> {
    set_standing(&app, &admin, &caller, &handle(&body)?, Standing::Admin(true)).await
}

/// `POST /api/users/demote`: not the own account. Its sessions end.
async fn demote(State(app): State<App>, admin: Admin, caller: Caller, body: Body) -> Result<Response> {
    let handle = other(&admin, &body, "Cannot demote yourself")?;
    set_standing(&app, &admin, &caller, &handle, Standing::Admin(false)).await
}

/// `POST /api/users/create`: an account with the default content.
async fn create(State(app): State<App>, admin: Admin, caller: Caller, body: Body) -> Result<Response> {
    if !body.truthy("handle") || !body.truthy("name") {
        return Err(missing());
    }
    let handle = names::slugify(&js_text(body.get("handle")).ok_or(Error::status(500))?);
    if handle.is_empty() || handle.len() > LONGEST {
        return Err(Error::json_error(400, "Invalid handle"));
    }
    let taken = || Error::json_error(409, "User already exists");
    if app.accounts().find(&handle).await?.is_some() {
        return Err(taken());
    }
    let password = match new_password(&body, "password")? {
        Some(password) => app.accounts().passwords().hash(password).await?,
        None => String::new(),
    };
    let new = NewUser {
        handle: &handle,
        name: &name(&body)?,
        password: &password,
        salt: "",
        admin: body.truthy("admin"),
        enabled: true,
        avatar: "",
        created_at: Utc::now(),
    };
    let entry = caller.did("account.create", &handle, &handle);
    let made = app.accounts().create(&new, Some(&entry)).await?;
    let user = made.ok_or_else(taken)?;
    let tenant = app.accounts().tenant(user);
    let mut tx = tenant.begin().await?;
    // compat: `skipContentCheck` does not count here.
    app.content().give(&mut tx, app.keys(), &["settings"]).await?;
    tx.commit().await?;
    tracing::info!(%handle, by = admin.0.handle(), "an account was made");
    Ok(reply::json(&json!({ "handle": handle })))
}

/// `POST /api/users/delete`: an account, with `purge` all its data, too. Without, an account of this handle that is made
/// later finds the data again.
async fn delete(State(app): State<App>, admin: Admin, caller: Caller, body: Body) -> Result<Response> {
    let handle = other(&admin, &body, "Cannot delete yourself")?;
    if handle == DEFAULT_USER {
        let reason = "Sorry, but the default user cannot be deleted. It is required as a fallback.";
        return Err(Error::json_error(400, reason));
    }
    let purge = body.truthy("purge");
    if purge && body.str("handle").is_none() {
        // compat: the original removes the account and fails at the folder.
        return Err(Error::status(500));
    }
    let act = if purge { "account.purge" } else { "account.delete" };
    let entry = caller.did(act, &handle, &handle);
    app.accounts().remove(&handle, purge, Some(&entry)).await?;
    tracing::info!(%handle, by = admin.0.handle(), purge, "an account was removed");
    Ok(done())
}

/// `POST /api/users/slugify`: the handle that a name would get, as text.
async fn slugify(_: Admin, body: Body) -> Result<Response> {
    if !body.truthy("text") {
        return Err(missing());
    }
    let text = js_text(body.get("text")).ok_or(Error::status(500))?;
    Ok(reply::html_text(names::slugify(&text)))
}

/// The handle that a body names, which must not be the administrator's own however it is spelled.
fn other(admin: &Admin, body: &Body, refusal: &str) -> Result<String> {
    let handle = handle(body)?;
    if handle == admin.0.handle() {
        return Err(Error::json_error(400, refusal));
    }
    Ok(handle)
}

async fn set_standing(
    app: &App,
    admin: &Admin,
    caller: &Caller,
    handle: &str,
    standing: Standing,
) -> Result<Response> {
    let act = match standing {
        Standing::Enabled(true) => "account.enable",
        Standing::Enabled(false) => "account.disable",
        Standing::Admin(true) => "account.promote",
        Standing::Admin(false) => "account.demote",
    };
    let entry = caller.did(act, handle, handle);
    let sessions = app.accounts().sessions();
    if handle.contains('\0') || !sessions.change_standing(handle, standing, Some(&entry)).await? {
        return Err(not_found());
    }
    tracing::info!(%handle, by = admin.0.handle(), ?standing, "an account was changed");
    Ok(done())
}

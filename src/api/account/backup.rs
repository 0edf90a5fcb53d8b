//! `/api/users`: what a user may do with the account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Local;
use squaretable_compat::dates;

use crate::app::App;
use crate::archive::{self, Contents};
use crate::audit::Caller;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().post("/api/users/backup", backup)
}

/// `POST /api/users/backup`: everything of a user as a ZIP archive, made while it is sent.
async fn backup(State(app): State<App>, tenant: Tenant, caller: Caller, body: Body) -> Result<Response> {
    let content = &app.config().content;
    if !content.backups.allow_full_data_backup {
        return Err(Error::json_error(403, "Full data backup is disabled"));
    }
    let tenant = addressed(&app, tenant, &body).await?;
    let contents = if content.allow_keys_exposure {
        Contents::WithKeys(app.keys().clone())
    } else {
        Contents::WithoutKeys
    };
    let place = app.long_reads().backup()?;
    let entry = caller.did("backup", tenant.handle(), tenant.handle());
    app.accounts().note(&entry).await?;
    let archive = archive::stream(&tenant, contents, place).await?;
    let name = format!("{}-{}.zip", tenant.handle(), dates::timestamp(Local::now()));
    let response = reply::stream(StatusCode::OK, Some("application/zip"), archive);
    Ok(reply::attachment(response, &name))
}

/// The tenant of the account that `handle` names: the user's own, or any for an administrator.
///
/// compat: a handle that is no text is a fault in the original. Of an account that does not exist it sends an empty
/// archive, which somebody might keep as a backup; here that is 404, as for the other routes.
async fn addressed(app: &App, tenant: Tenant, body: &Body) -> Result<Tenant> {
    if !body.truthy("handle") {
        return Err(Error::json_error(400, "Missing required fields"));
    }
    let handle = body.str("handle");
    if handle == Some(tenant.handle()) {
        return Ok(tenant);
    }
    if !tenant.user().admin {
        return Err(Error::json_error(403, "Unauthorized"));
    }
    let found = tenant.of_other(app, handle.ok_or(Error::status(500))?).await?;
    found.ok_or_else(|| Error::json_error(404, "User not found"))
}

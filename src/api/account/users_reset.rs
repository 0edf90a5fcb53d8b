//! `/api/users/reset-*`: back to the default settings, or to nothing at all.

use axum::extract::State;
use axum::response::Response;
use squaretable_compat::layout::DocumentKind;

use super::users_private::stored;
use super::{done, missing, too_many};
use crate::app::App;
use crate::audit::Caller;
use crate::content;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::middleware::client_ip::network;
use crate::routes::Routes;
use crate::snapshots::SETTINGS;
use crate::store::codes::Purpose;
use crate::store::{documents, tenants};
use crate::tenant::Tenant;

const ASK: &str = "contact your admin";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/users/reset-settings", reset_settings)
        .post("/api/users/reset-step1", reset_step1)
        .post("/api/users/reset-step2", reset_step2)
}

/// `POST /api/users/reset-settings`: the shipped `settings.json`, with the password.
async fn reset_settings(
    State(app): State<App>,
    tenant: Tenant,
    caller: Caller,
    body: Body,
) -> Result<Response> {
    if !is_password_right(&app, &tenant, &body).await? {
        return Err(Error::json_error(403, "Incorrect password"));
    }
    let mut tx = tenant.begin().await?;
    documents::delete(&mut tx, DocumentKind::Root, SETTINGS).await?;
    app.content().give(&mut tx, app.keys(), &["settings"]).await?;
    caller.note(&mut tx, "reset.settings", tenant.handle()).await?;
    tx.commit().await?;
    Ok(done())
}

/// `POST /api/users/reset-step1`: shows six digits to whoever reads the server's log.
async fn reset_step1(State(app): State<App>, tenant: Tenant, caller: Caller) -> Result<Response> {
    let counted = network(&caller.address);
    if let Err(exceeded) = app.accounts().limits().reset.check(&counted).await {
        return Ok(too_many(exceeded, ASK));
    }
    let code = app.accounts().new_code(tenant.handle(), Purpose::Reset).await?;
    let entry = caller.did("reset.ask", tenant.handle(), tenant.handle());
    app.accounts().note(&entry).await?;
    super::show(&tenant.user().name, "account reset", &code);
    Ok(done())
}

/// `POST /api/users/reset-step2`: with password and digits, everything that the user has is removed, and the default
/// content given anew.
async fn reset_step2(State(app): State<App>, tenant: Tenant, caller: Caller, body: Body) -> Result<Response> {
    if !body.truthy("code") {
        return Err(missing());
    }
    if !is_password_right(&app, &tenant, &body).await? {
        return Err(Error::json_error(400, "Incorrect password"));
    }
    let (limit, counted) = (&app.accounts().limits().reset, network(&caller.address));
    if let Err(exceeded) = limit.check(&counted).await {
        return Ok(too_many(exceeded, ASK));
    }
    let code = body.str("code").unwrap_or_default();
    if !app
        .accounts()
        .check_code(tenant.handle(), Purpose::Reset, code)
        .await?
    {
        let entry = caller.failed("reset", tenant.handle(), tenant.handle(), "wrong code");
        app.accounts().note(&entry).await?;
        return match limit.consume(&counted).await {
            Ok(()) => Err(Error::json_error(400, "Incorrect code")),
            Err(exceeded) => Ok(too_many(exceeded, ASK)),
        };
    }
    tracing::warn!(
        handle = tenant.handle(),
        client = caller.address,
        "an account is reset"
    );
    let mut tx = tenant.begin().await?;
    tenants::clear(&mut tx).await?;
    content::create_folders(&mut tx).await?;
    if !app.config().content.skip_content_check {
        app.content().give(&mut tx, app.keys(), &[]).await?;
    }
    caller.note(&mut tx, "reset", tenant.handle()).await?;
    tx.commit().await?;
    limit.reset(&counted).await;
    app.accounts()
        .remove_code(tenant.handle(), Purpose::Reset)
        .await?;
    Ok(done())
}

/// Whether the body has the user's password, if there is one.
///
/// compat: with accounts off there is none, whatever the account store says; a value that is no text is 500.
async fn is_password_right(app: &App, tenant: &Tenant, body: &Body) -> Result<bool> {
    if !app.config().accounts.enabled {
        return Ok(true);
    }
    let user = stored(app, tenant).await?;
    if user.password.is_empty() {
        return Ok(true);
    }
    let given = body.str("password").ok_or(Error::status(500))?;
    app.accounts().check_password(&user, given).await
}

//! `/api/squaretable/tokens`: tokens for programs. Routes of our own; no token may use them.
//!
//! Each takes a `handle`, too: an administrator may name any account, everybody else the own one.

use axum::extract::State;
use axum::response::Response;
use chrono::TimeDelta;
use serde::Serialize;
use serde_json::{Value, json};

use super::{missing, not_found};
use crate::app::App;
use crate::audit::Caller;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::scopes::Scope;
use crate::tenant::Tenant;

/// Bytes of a token's hash that name it.
const ID: usize = 16;

/// Longest name in characters.
const LONGEST: usize = 100;

/// Life of a token that names none, in days.
const DAYS: i64 = 90;

/// Longest life in days.
const MOST_DAYS: i64 = 3650;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/squaretable/tokens/create", create)
        .post("/api/squaretable/tokens/list", list)
        .post("/api/squaretable/tokens/revoke", revoke)
}

/// An entry of the list.
#[derive(Debug, Serialize)]
struct Entry {
    /// Names it to `revoke`; no secret.
    id: String,
    name: String,
    scopes: Vec<String>,
    /// Milliseconds since 1970, like the other times.
    created: i64,
    expires: i64,
    /// To the minute; `null` for never.
    used: Option<i64>,
}

/// `POST /api/squaretable/tokens/create`: `name`, `scopes` and `days` of life (90 unless told) make a token, which this
/// answer alone shows.
async fn create(State(app): State<App>, tenant: Tenant, caller: Caller, body: Body) -> Result<Response> {
    let handle = account(&app, &tenant, &body).await?;
    let name = body.text("name").ok_or_else(missing)?;
    let scopes = scopes(body.get("scopes")).ok_or_else(missing)?;
    let days = match body.get("days") {
        Value::Null => Some(DAYS),
        days => days.as_i64().filter(|days| (1..=MOST_DAYS).contains(days)),
    };
    let life = days.map(TimeDelta::days);
    let (Some(life), false) = (life, name.contains('\0') || name.chars().count() > LONGEST) else {
        return Err(Error::json_error(400, "Invalid name or days"));
    };
    let granted: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
    let entry = caller.did(
        "token.create",
        &handle,
        &format!("{name}: {}", granted.join(", ")),
    );
    let tokens = app.accounts().tokens();
    let token = tokens.create(&handle, name, &scopes, life, &entry).await?;
    let token = token.ok_or_else(|| Error::json_error(409, "Too many tokens"))?;
    tracing::info!(%handle, by = tenant.handle(), scopes = ?granted, "a service token was made");
    Ok(reply::json(&json!({ "token": token, "scopes": granted })))
}

/// `POST /api/squaretable/tokens/list`: the newest first.
async fn list(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let handle = account(&app, &tenant, &body).await?;
    let found = app.accounts().tokens().list(&handle).await?;
    let entries = found.into_iter().map(|found| Entry {
        id: hex::encode(found.hash.get(..ID).unwrap_or_default()),
        name: found.name,
        scopes: found.scopes,
        created: found.created_at.timestamp_millis(),
        expires: found.expires_at.timestamp_millis(),
        used: found.used_at.map(|at| at.timestamp_millis()),
    });
    Ok(reply::json(&entries.collect::<Vec<_>>()))
}

/// `POST /api/squaretable/tokens/revoke`: ends the token `id`, at once and on every node.
async fn revoke(State(app): State<App>, tenant: Tenant, caller: Caller, body: Body) -> Result<Response> {
    let handle = account(&app, &tenant, &body).await?;
    let id = body.text("id").ok_or_else(missing)?;
    let start = hex::decode(id).ok().filter(|start| start.len() == ID);
    let start = start.ok_or_else(Error::not_found)?;
    let entry = caller.did("token.revoke", &handle, id);
    if !app.accounts().tokens().revoke(&handle, &start, &entry).await? {
        return Err(Error::not_found());
    }
    tracing::info!(%handle, by = tenant.handle(), "a service token was revoked");
    Ok(reply::json(&json!({ "revoked": 1 })))
}

/// The handle of the account that a body is about.
async fn account(app: &App, tenant: &Tenant, body: &Body) -> Result<String> {
    let Some(handle) = body.text("handle").filter(|handle| *handle != tenant.handle()) else {
        return Ok(tenant.handle().to_owned());
    };
    if !tenant.user().admin {
        return Err(Error::forbidden());
    }
    let user = app.accounts().find(handle).await?.ok_or_else(not_found)?;
    Ok(user.handle)
}

/// At least one scope, each by its name; `None` for anything else.
fn scopes(value: &Value) -> Option<Vec<Scope>> {
    let mut scopes = Vec::new();
    for name in value.as_array()? {
        let scope = Scope::of(name.as_str()?)?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Some(scopes).filter(|scopes| !scopes.is_empty())
}

//! `/api/squaretable/quotas`: what accounts may hold and ask for. Routes of our own.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::not_found;
use crate::accounts::Admin;
use crate::app::App;
use crate::audit::Caller;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::store::audit;
use crate::store::quotas::{self, Overrides};
use crate::tenant::Tenant;

/// What no limit is called.
const NONE: &str = "none";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/squaretable/quotas/get", get)
        .post("/api/squaretable/quotas/set", set)
}

/// `POST /api/squaretable/quotas/get`: what an account may hold and holds; the own, or the one that `handle` names, for an
/// administrator.
async fn get(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let tenant = match body.text("handle") {
        Some(handle) if handle != tenant.handle() => other(&app, &tenant, handle).await?,
        _ => tenant,
    };
    state(&app, &tenant).await
}

/// `POST /api/squaretable/quotas/set`: decides for the account `handle`: `bytes`, `characters` and `upstream` (requests to
/// providers a day), each a number, `"none"`, or null for what the environment says. What is absent stays.
async fn set(State(app): State<App>, admin: Admin, caller: Caller, body: Body) -> Result<Response> {
    let handle = body.text("handle").ok_or_else(super::missing)?;
    let tenant = other(&app, &admin.0, handle).await?;
    let mut tx = tenant.begin().await?;
    // First: it waits for others.
    quotas::measure(&mut tx).await?;
    let before = quotas::overrides(&mut tx).await?;
    let new = Overrides {
        bytes: wanted(&body, "bytes", before.bytes)?,
        characters: wanted(&body, "characters", before.characters)?,
        upstream: wanted(&body, "upstream", before.upstream)?,
    };
    quotas::set_overrides(&mut tx, &new).await?;
    let subject = format!(
        "bytes {}, characters {}, upstream {}",
        shown(new.bytes),
        shown(new.characters),
        shown(new.upstream)
    );
    audit::add(&mut tx, &caller.did("quota", handle, &subject)).await?;
    tx.commit().await?;
    state(&app, &tenant).await
}

async fn other(app: &App, tenant: &Tenant, handle: &str) -> Result<Tenant> {
    if handle == tenant.handle() {
        return Ok(tenant.clone());
    }
    tenant.of_other(app, handle).await?.ok_or_else(not_found)
}

/// `{"handle", "bytes": {"used", "limit", "default", "override"}, "characters": …, "upstream": …}`; a `limit` of null is
/// none. Requests are those of today, counted where they are limited.
async fn state(app: &App, tenant: &Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let usage = quotas::usage(&mut tx).await?;
    let decided = quotas::overrides(&mut tx).await?;
    let today = quotas::upstream_today(&mut tx).await?;
    let usual = app.config().limits.quotas;
    Ok(reply::json(&json!({
        "handle": tenant.handle(),
        "bytes": one(usage.bytes, usual.bytes, decided.bytes),
        "characters": one(usage.characters, usual.characters, decided.characters),
        "upstream": one(today, usual.upstream, decided.upstream),
    })))
}

fn one(used: i64, usual: Option<u64>, decided: Option<i64>) -> Value {
    let limit = match decided {
        Some(most) => u64::try_from(most).ok(),
        None => usual,
    };
    json!({ "used": used, "limit": limit, "default": usual, "override": shown(decided) })
}

fn shown(decided: Option<i64>) -> Value {
    match decided {
        None => Value::Null,
        Some(most) if most < 0 => NONE.into(),
        Some(most) => most.into(),
    }
}

/// What a field of the body decides; what there was, where it is absent.
fn wanted(body: &Body, field: &str, before: Option<i64>) -> Result<Option<i64>> {
    match body.0.get(field) {
        None => Ok(before),
        Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text == NONE => Ok(Some(-1)),
        Some(value) => match value.as_i64().filter(|most| *most >= 0) {
            Some(most) => Ok(Some(most)),
            None => {
                let reason = format!("{field}: expected a whole number, \"{NONE}\" or null");
                Err(Error::json_error(400, reason))
            }
        },
    }
}

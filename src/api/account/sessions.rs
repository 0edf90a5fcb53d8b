//! `/api/squaretable/sessions`: where a user is logged in. Routes of our own.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::{missing, own_session};
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::middleware::session::Session;
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// Bytes of a session's hash that name it.
const ID: usize = 16;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/squaretable/sessions/list", list)
        .post("/api/squaretable/sessions/revoke", revoke)
}

/// An entry of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    /// Names it to `revoke`; no secret.
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// Milliseconds since 1970, like the other times.
    created: i64,
    /// When the application was last loaded or sent its sign of life.
    seen: i64,
    expires: i64,
    /// The browser's address at the login.
    client: String,
    /// What the browser called itself then.
    agent: String,
}

/// `POST /api/squaretable/sessions/list`: the user's own sessions, the newest first.
async fn list(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    tenant: Tenant,
) -> Result<Response> {
    let own = own_session(&session, tenant.handle()).map(|id| blake3::hash(id.as_bytes()));
    let found = app.accounts().sessions().list(tenant.user()).await?;
    let entries = found.into_iter().map(|found| Entry {
        current: own.is_some_and(|own| own.as_bytes()[..] == found.hash[..]),
        id: hex::encode(found.hash.get(..ID).unwrap_or_default()),
        created: found.created_at.timestamp_millis(),
        seen: found.seen_at.timestamp_millis(),
        expires: found.expires_at.timestamp_millis(),
        client: found.client,
        agent: found.agent,
    });
    Ok(reply::json(&entries.collect::<Vec<_>>()))
}

/// `POST /api/squaretable/sessions/revoke`: ends the own session `id`, or with `others` all but the one that asks.
async fn revoke(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    tenant: Tenant,
    body: Body,
) -> Result<Response> {
    let sessions = app.accounts().sessions();
    if body.truthy("others") {
        let keep = own_session(&session, tenant.handle());
        let count = sessions.revoke_others(tenant.user(), keep.as_deref()).await?;
        return Ok(reply::json(&json!({ "revoked": count })));
    }
    let id = body.text("id").ok_or_else(missing)?;
    let start = hex::decode(id).ok().filter(|start| start.len() == ID);
    let start = start.ok_or_else(Error::not_found)?;
    if !sessions.revoke(tenant.user(), &start).await? {
        return Err(Error::not_found());
    }
    Ok(reply::json(&json!({ "revoked": 1 })))
}

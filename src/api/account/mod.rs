//! Accounts and what belongs to them as a whole.

pub mod audit;
pub mod backup;
pub mod policy;
pub mod quotas;
pub mod sessions;
pub mod tokens;
pub mod users_admin;
pub mod users_private;
pub mod users_public;
pub mod users_reset;
mod view;

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::{Error, Result};
use crate::extract::{Body, js_text};
use crate::middleware::rate_limit::Exceeded;
use crate::middleware::session::Session;
use crate::reply;
use crate::routes::Routes;

/// The routes of this room that need no login.
#[must_use]
pub fn public_routes() -> Routes {
    users_public::routes()
}

/// The routes of this room behind the login.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .merge(backup::routes())
        .merge(users_private::routes())
        .merge(users_reset::routes())
        .merge(users_admin::routes())
}

/// Routes that the original does not have, behind the login.
#[must_use]
pub fn own_routes() -> Routes {
    Routes::new()
        .merge(audit::routes())
        .merge(policy::routes())
        .merge(quotas::routes())
        .merge(sessions::routes())
        .merge(tokens::routes())
}

/// 204, what most of these routes answer.
fn done() -> Response {
    reply::status(StatusCode::NO_CONTENT)
}

fn missing() -> Error {
    Error::json_error(400, "Missing required fields")
}

fn not_found() -> Error {
    Error::json_error(404, "User not found")
}

fn disabled() -> Error {
    Error::json_error(403, "User is disabled")
}

/// 429 with the time to wait.
pub(crate) fn too_many(exceeded: Exceeded, advice: &str) -> Response {
    let error = format!("Too many attempts. Try again later or {advice}.");
    let mut response =
        reply::json_with(StatusCode::TOO_MANY_REQUESTS, &json!({ "error": error })).into_response();
    let wait = axum::http::HeaderValue::from(exceeded.retry_after());
    response.headers_mut().insert(RETRY_AFTER, wait);
    response
}

/// The handle that a body names, which must be there.
///
/// compat: a value that is no text is looked up as JavaScript spells it; 500 where it cannot.
fn handle(body: &Body) -> Result<String> {
    if !body.truthy("handle") {
        return Err(missing());
    }
    js_text(body.get("handle")).ok_or(Error::status(500))
}

/// A password of a body: `None` where there is none that counts.
///
/// compat: anything true that is no text is 500.
fn new_password<'b>(body: &'b Body, field: &str) -> Result<Option<&'b str>> {
    if !body.truthy(field) {
        return Ok(None);
    }
    body.str(field).map(Some).ok_or(Error::status(500))
}

/// The id of the browser's session, if it is one of this account: what survives a change of the password.
fn own_session(session: &Session, handle: &str) -> Option<String> {
    let (own, id) = session.claims()?;
    (own == handle).then_some(id)
}

/// Shows a code to the operator, who gives it to whom it belongs: in the log, at a level that is never filtered by
/// SillyTavern's `minLogLevel` but the last.
fn show(name: &str, what: &str, code: &str) {
    let name = name.escape_debug();
    tracing::warn!("{name}, your {what} code is: {code}");
}

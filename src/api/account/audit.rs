//! `/api/squaretable/audit`: who did what, for administrators. Routes of our own.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::accounts::Admin;
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::{Body, QueryFields};
use crate::reply;
use crate::routes::Routes;
use crate::store::audit::{Filter, Stored};

/// Most entries of an answer, and how many there are unless `limit` says otherwise.
const MOST: i64 = 1000;
const USUAL: i64 = 100;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/api/squaretable/audit", get)
        .post("/api/squaretable/audit", post)
}

/// An entry.
#[derive(Debug, Serialize)]
struct Entry {
    id: i64,
    /// Milliseconds since 1970.
    at: i64,
    tenant: String,
    actor: String,
    act: String,
    subject: String,
    address: String,
    agent: String,
    outcome: String,
}

/// `GET /api/squaretable/audit?tenant=&act=&from=&until=&before=&limit=`
async fn get(State(app): State<App>, admin: Admin, QueryFields(fields): QueryFields) -> Result<Response> {
    page(&app, &admin, &fields).await
}

/// `POST /api/squaretable/audit`: as the other one, with the fields in the body.
async fn post(State(app): State<App>, admin: Admin, body: Body) -> Result<Response> {
    page(&app, &admin, &body).await
}

/// `{"entries": […], "next": id or null}`, the newest first. `next` as `before` asks for the next page.
async fn page(app: &App, admin: &Admin, fields: &Body) -> Result<Response> {
    let most = number(fields, "limit")?.unwrap_or(USUAL).clamp(1, MOST);
    let text = |field: &str| fields.text(field).map(|text| text.replace('\0', ""));
    let filter = Filter {
        tenant: text("tenant"),
        act: text("act"),
        from: time(fields, "from")?,
        until: time(fields, "until")?,
        before: number(fields, "before")?,
    };
    let found = app.accounts().audit_log(admin, &filter, most).await?;
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count == most);
    let next = found.last().map(|entry| entry.entry_id).filter(|_| is_full);
    let entries: Vec<Entry> = found.into_iter().map(Entry::from).collect();
    Ok(reply::json(&json!({ "entries": entries, "next": next })))
}

impl From<Stored> for Entry {
    fn from(stored: Stored) -> Self {
        let Stored {
            entry_id,
            at,
            tenant,
            actor,
            act,
            subject,
            address,
            agent,
            outcome,
        } = stored;
        Self {
            id: entry_id,
            at: at.timestamp_millis(),
            tenant,
            actor,
            act,
            subject,
            address,
            agent,
            outcome,
        }
    }
}

/// A whole number, as such or as text.
fn number(fields: &Body, field: &str) -> Result<Option<i64>> {
    let number = match fields.get(field) {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(Error::json_error(
            400,
            format!("{field}: expected a whole number"),
        )),
    }
}

/// A time, as milliseconds since 1970 or as in RFC 3339.
fn time(fields: &Body, field: &str) -> Result<Option<DateTime<Utc>>> {
    let expected = || {
        Error::json_error(
            400,
            format!("{field}: expected milliseconds since 1970, or a date and time"),
        )
    };
    if let Some(text) = fields.text(field)
        && let Ok(time) = DateTime::parse_from_rfc3339(text)
    {
        return Ok(Some(time.to_utc()));
    }
    let millis = number(fields, field).map_err(|_| expected())?;
    millis
        .map(|millis| DateTime::from_timestamp_millis(millis).ok_or_else(expected))
        .transpose()
}

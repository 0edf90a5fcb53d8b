//! `POST /api/characters/all`: precomputed entries, concatenated.

use std::mem;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::TryStreamExt;
use serde_json::json;
use squaretable_compat::dates;

use crate::app::App;
use crate::error::{Error, FaultShape, Result};
use crate::reply::{self, Pipe, pipe};
use crate::routes::Routes;
use crate::store::Tx;
use crate::store::characters::{self, Listed};
use crate::tenant::Tenant;

/// A full list longer than this many bytes is answered in the short form, as `performance.lazyLoadCharacters` does:
/// the browser cannot read a JSON text of twice the size, and the original cannot write one.
const FULL_LIST_LIMIT: i64 = 200 << 20;

/// A list longer than this many bytes is sent while it is read. A shorter one is read first, so that its answer has a
/// length, and a fault its status.
const IN_MEMORY: i64 = 4 << 20;

/// Bytes of a piece of a long list.
const PIECE: usize = 64 << 10;

/// The most that [`finish_entry`] adds to an entry, in bytes, with its comma.
const ADDED: usize = 160;

/// This part's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().post("/api/characters/all", all)
}

/// `POST /api/characters/all`
async fn all(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    answer(&app, &tenant)
        .await
        .fault_as(|| Error::json(500, json!({ "overflow": false, "error": true })))
}

async fn answer(app: &App, tenant: &Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let size = characters::entries_size(&mut tx).await?;
    let shallow = app.config().content.lazy_load_characters || size.full > FULL_LIST_LIMIT;
    let size = if shallow { size.shallow } else { size.full };
    if size > IN_MEMORY {
        drop(tx);
        return sent(app, tenant, shallow).await;
    }
    let list = characters::list(&mut tx, shallow).await?;
    let size = list.iter().map(|listed| listed.entry.len() + ADDED).sum();
    let mut out = Vec::with_capacity(size);
    out.push(b'[');
    for (index, listed) in list.iter().enumerate() {
        separate(&mut out, index);
        finish_entry(&mut out, listed);
    }
    out.push(b']');
    Ok(reply::json_bytes(out))
}

/// The list as it is read, in memory that does not grow with it. A fault breaks the transfer.
async fn sent(app: &App, tenant: &Tenant, shallow: bool) -> Result<Response> {
    let place = app.long_reads().list().await?;
    let mut tx = tenant.begin_snapshot().await?;
    let (out, body) = pipe();
    let tenant = tenant.clone();
    tokio::spawn(async move {
        let ended = tokio::select! {
            ended = send(&mut tx, shallow, out) => ended,
            () = tenant.closed() => Ok(()),
        };
        if let Err(error) = ended {
            tracing::error!(%error, user = tenant.handle(), "a list of characters was cut off");
        }
        // The connection first, then the place of who holds one.
        drop(tx);
        drop(place);
    });
    Ok(reply::stream(StatusCode::OK, Some(reply::JSON), body))
}

async fn send(tx: &mut Tx, shallow: bool, out: Pipe) -> Result<()> {
    let mut rows = std::pin::pin!(characters::rows(tx, shallow).await?);
    let mut piece = vec![b'['];
    let mut index = 0;
    while let Some(listed) = rows.try_next().await? {
        separate(&mut piece, index);
        finish_entry(&mut piece, &listed);
        index += 1;
        if piece.len() >= PIECE {
            let full = mem::replace(&mut piece, Vec::with_capacity(2 * PIECE));
            if out.send(full.into()).await.is_err() {
                return Ok(());
            }
        }
    }
    piece.push(b']');
    if out.send(piece.into()).await.is_ok() {
        // Whoever left now has the whole list.
        let _ = out.end().await;
    }
    Ok(())
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

/// Appends an entry with what the list adds to it.
pub(super) fn finish_entry(out: &mut Vec<u8>, listed: &Listed) {
    out.extend_from_slice(&listed.entry);
    let last = listed
        .date_last_chat
        .map_or_else(|| "0".to_owned(), dates::millis_text);
    let added = dates::millis_text(listed.changed_at);
    out.extend_from_slice(format!(r#","date_added":{added}"#).as_bytes());
    if !listed.has_create_date {
        let created = dates::iso(listed.changed_at);
        out.extend_from_slice(format!(r#","create_date":"{created}""#).as_bytes());
    }
    let size = listed.chat_size;
    out.extend_from_slice(format!(r#","chat_size":{size},"date_last_chat":{last}}}"#).as_bytes());
}

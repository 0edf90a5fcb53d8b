//! `/api/data-maid`: files that nothing refers to any more, to look at and to delete.
//!
//! A report is kept in the database under its token, so that any node can answer for it. What is deleted is what the
//! report named and a report of now would name again, unchanged.

mod collect;
mod references;

use std::collections::HashMap;

use axum::body::Body as Stream;
use axum::extract::Query;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::TryStreamExt;
use serde_json::{Map, Value, json};
use squaretable_compat::{dates, json as text, names};

use crate::api::stored::contained;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::mime;
use crate::reply;
use crate::routes::Routes;
use crate::store::blobs::Blob;
use crate::store::chats::{self, backups};
use crate::store::maid::{self, Category, Finding};
use crate::store::{Tx, blobs, files};
use crate::tenant::Tenant;

/// Stored files up to this many bytes are answered from memory, with a tag; longer ones are streamed.
const IN_MEMORY: u64 = 256 * 1024;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/data-maid/report", report)
        .post("/api/data-maid/finalize", finalize)
        .get("/api/data-maid/view", view)
        .post("/api/data-maid/delete", delete)
}

/// `POST /api/data-maid/report`: what could be deleted, and the token to do so. The token before ends.
async fn report(tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let found = collect::collect(&mut tx, &tenant, &Category::ALL).await?;
    let token = hex::encode(rand::random::<[u8; 32]>());
    maid::put(&mut tx, &token, &found).await?;
    tx.commit().await?;
    let mut report = Map::new();
    for category in Category::ALL {
        let of_it = found.iter().filter(|finding| finding.category == category);
        report.insert(category.as_str().to_owned(), of_it.map(entry).collect());
    }
    Ok(reply::json_bytes(text::to_vec(
        &json!({ "report": report, "token": token }),
    )))
}

fn entry(finding: &Finding) -> Value {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), finding.name.as_str().into());
    entry.insert("hash".to_owned(), finding.id.as_str().into());
    if matches!(finding.category, Category::Images | Category::Chats) {
        let parent = finding.folder.rsplit('/').next().unwrap_or_default();
        entry.insert("parent".to_owned(), parent.into());
    }
    entry.insert("size".to_owned(), finding.size.into());
    entry.insert("mtime".to_owned(), dates::millis(finding.modified_at).into());
    Value::Object(entry)
}

/// `POST /api/data-maid/finalize`: the token ends.
async fn finalize(tenant: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("token") {
        return Err(Error::bad_request());
    }
    let mut tx = tenant.begin().await?;
    if !maid::close(&mut tx, &plain(&body.string("token"))).await? {
        return Err(Error::forbidden());
    }
    tx.commit().await?;
    Ok(reply::status(StatusCode::NO_CONTENT))
}

/// A client's text as the database can compare it: no token and no id has a NUL.
fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// `GET /api/data-maid/view?token=&hash=`: a file of the report as it is now.
async fn view(tenant: Tenant, Query(query): Query<Vec<(String, String)>>) -> Result<Response> {
    let (token, id) = (argument(&query, "token"), argument(&query, "hash"));
    let (token, id) = token.zip(id).ok_or(Error::bad_request())?;
    let mut tx = tenant.begin().await?;
    if !maid::holds(&mut tx, &token).await? {
        return Err(Error::forbidden());
    }
    let found = maid::findings(&mut tx, &[&id]).await?;
    let finding = found.first().ok_or(Error::not_found())?;
    let has_extension = !names::extension(&finding.name).is_empty();
    let media = mime::media_type(&finding.name).filter(|_| has_extension);
    let media = media.unwrap_or("text/plain");
    let response = match open(&mut tx, finding).await?.ok_or(Error::not_found())? {
        Held::Bytes(bytes) => reply::bytes(StatusCode::OK, media, bytes),
        Held::Stored(blob) if blob.size <= IN_MEMORY => {
            let bytes = blobs::read(&mut tx, &blob).await?;
            reply::bytes(StatusCode::OK, media, bytes)
        }
        Held::Stored(blob) => {
            let chunks = tenant.stream(blob, 0, blob.size);
            let chunks = chunks.inspect_err(|error| tracing::error!(%error, "a stored file broke off"));
            let mut response = reply::bytes(StatusCode::OK, media, Bytes::new());
            *response.body_mut() = Stream::from_stream(chunks);
            let headers = response.headers_mut();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(blob.size));
            response
        }
    };
    Ok(contained(response))
}

/// The text of an argument; `None` where it is absent or empty.
///
/// compat: a repeated argument is a list, whose text has commas.
fn argument(query: &[(String, String)], name: &str) -> Option<String> {
    let values = query.iter().filter(|(key, _)| key == name);
    let values: Vec<_> = values.map(|(_, value)| value.as_str()).collect();
    let joined = plain(&values.join(","));
    (!joined.is_empty()).then_some(joined)
}

/// Where a file's bytes are.
enum Held {
    Bytes(Bytes),
    Stored(Blob),
}

/// A file of a report, where it still is.
async fn open(tx: &mut Tx, finding: &Finding) -> Result<Option<Held>> {
    let Finding { folder, name, .. } = finding;
    if let Some(kind) = finding.category.thumbnails() {
        return Ok(maid::thumbnail(tx, kind, name).await?.map(Held::Stored));
    }
    if matches!(finding.category, Category::Chats | Category::GroupChats) {
        return Ok(match chats::find(tx, folder, name).await? {
            Some(chat) => Some(Held::Bytes(chats::file(tx, &chat).await?.into())),
            None => None,
        });
    }
    if let Some(file) = files::get(tx, folder, name).await? {
        return Ok(Some(Held::Stored(file.blob)));
    }
    if finding.category == Category::ChatBackups
        && let Some(backup) = backups::find(tx, name).await?
    {
        return Ok(Some(Held::Bytes(backups::read(tx, &backup).await?)));
    }
    Ok(None)
}

/// `POST /api/data-maid/delete`: files of the report, all of them or none.
///
/// compat: what is gone already and what the report did not name is passed over. What changed or is referred to again
/// since the report is a conflict here; the original deletes it.
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    let hashes = body.get("hashes").as_array().filter(|list| !list.is_empty());
    let hashes = hashes
        .filter(|_| body.truthy("token"))
        .ok_or(Error::bad_request())?;
    let token = plain(body.str("token").ok_or(Error::forbidden())?);
    let ids: Vec<_> = hashes.iter().filter_map(Value::as_str).map(plain).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let mut tx = tenant.begin().await?;
    if !maid::holds(&mut tx, &token).await? {
        return Err(Error::forbidden());
    }
    let mut doomed = maid::findings(&mut tx, &ids).await?;
    let mut categories = Category::ALL.to_vec();
    categories.retain(|category| doomed.iter().any(|finding| finding.category == *category));
    let now = collect::collect(&mut tx, &tenant, &categories).await?;
    let now: HashMap<_, _> = now.iter().map(|finding| (finding.id.as_str(), finding)).collect();
    let mut gone = Vec::new();
    for finding in &doomed {
        match now.get(finding.id.as_str()) {
            Some(now) if (now.size, now.modified_at) == (finding.size, finding.modified_at) => {}
            None if open(&mut tx, finding).await?.is_none() => gone.push(finding.id.clone()),
            _ => {
                let reason =
                    "Some of these files changed or are in use again since the report. Nothing was deleted.";
                return Err(Error::json_error(409, reason));
            }
        }
    }
    doomed.retain(|finding| !gone.contains(&finding.id));
    maid::remove(&mut tx, &doomed).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::NO_CONTENT))
}

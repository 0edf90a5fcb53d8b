//! `/api/backups/chat`: the backups that saves take, those that were imported as files, and answers that came after the
//! browser had gone.

use std::collections::{BTreeMap, HashMap};

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use squaretable_compat::chat::{Owner, Summary, info_json, split};
use squaretable_compat::names;

use crate::api::stored::{Original, respond};
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::served::Source;
use crate::store::chats::backups::{self, FOLDER, PREFIX, Policy};
use crate::store::chats::kept;
use crate::store::files::{self, StoredFile};
use crate::store::{Tx, blobs};
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/backups/chat/get", get)
        .post("/api/backups/chat/download", download)
        .post("/api/backups/chat/delete", delete)
}

/// How saves of the character or group chat `name` are backed up; `None` when they are not.
pub(super) fn policy(app: &App, name: &str) -> Option<Policy> {
    let config = &app.config().content.backups;
    let policy = || {
        Policy::new(
            name,
            config.chat_throttle,
            config.number_of_backups,
            config.max_total_chat_backups,
        )
    };
    config.chat_enabled.then(policy)
}

/// `POST /api/backups/chat/get`: a `ChatInfo` of each, by the bytes of their names.
async fn get(tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    kept::remove_expired(&mut tx, Utc::now()).await?;
    let mut infos = BTreeMap::new();
    for backup in backups::list(&mut tx).await? {
        let size = u64::try_from(backup.byte_size).unwrap_or(0);
        let info = info(&backup.name, &backup.summary, size, backup.taken_at)?;
        infos.insert(backup.name, info);
    }
    let mut files = files::list(&mut tx, FOLDER).await?;
    files.retain(|file| file.name.starts_with(PREFIX) && names::extension(&file.name) == ".jsonl");
    let summaries = summaries(&mut tx, &files).await?;
    for (file, summary) in files.into_iter().zip(summaries) {
        let info = info(&file.name, &summary, file.blob.size, file.modified_at)?;
        infos.insert(file.name, info);
    }
    tx.commit().await?;
    let list: Vec<_> = infos.into_values().collect();
    Ok(reply::json_bytes(
        [b"[", &list.join(&b","[..])[..], b"]"].concat(),
    ))
}

fn info(name: &str, summary: &[u8], size: u64, at: DateTime<Utc>) -> Result<Vec<u8>> {
    let summary = Summary::from_stored(summary).map_err(anyhow::Error::from)?;
    Ok(info_json(&summary, name, size, at, Owner::Unnamed, false))
}

/// The summaries of files. A file is read whole for its first one, one file at a time.
async fn summaries(tx: &mut Tx, files: &[StoredFile]) -> Result<Vec<Vec<u8>>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let mut known: HashMap<_, _> = backups::file_summaries(tx).await?.into_iter().collect();
    let mut found = Vec::with_capacity(files.len());
    for file in files {
        let hash = file.blob.hash().to_vec();
        if !known.contains_key(&hash) {
            let bytes = blobs::read(tx, &file.blob).await?;
            let summary = Summary::of(&split(&bytes)).to_stored();
            backups::put_file_summary(tx, &file.blob, &summary).await?;
            known.insert(hash.clone(), summary);
        }
        found.push(known[&hash].clone());
    }
    Ok(found)
}

/// The name that a request means.
///
/// compat: the original's sanitiser throws on anything but a string.
fn name(body: &Body) -> Result<String> {
    let name = names::sanitize(body.str("name").ok_or(Error::status(500))?);
    if !name.starts_with(PREFIX) {
        return Err(Error::bad_request());
    }
    Ok(name)
}

/// `POST /api/backups/chat/download`: the file, which the frontend imports to restore it.
async fn download(tenant: Tenant, headers: HeaderMap, body: Body) -> Result<Response> {
    let name = name(&body)?;
    let mut tx = tenant.begin().await?;
    let response = if let Some(file) = files::get(&mut tx, FOLDER, &name).await? {
        Original::File(file).serve(&tenant, &headers, &name).await?
    } else {
        let backup = backups::find(&mut tx, &name).await?.ok_or(Error::not_found())?;
        let bytes: Bytes = backups::read(&mut tx, &backup).await?;
        respond(
            &headers,
            &name,
            bytes.len() as u64,
            backup.taken_at,
            Source::Bytes(bytes),
        )
        .await
    };
    Ok(reply::attachment(response, &name))
}

/// `POST /api/backups/chat/delete`: the backup goes, the chat's history stays.
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    let name = name(&body)?;
    let mut tx = tenant.begin().await?;
    // A file hides a backup of its name, so both go.
    let file_gone = files::delete(&mut tx, FOLDER, &name).await?;
    if !backups::delete(&mut tx, &name).await? && !file_gone {
        return Err(Error::not_found());
    }
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

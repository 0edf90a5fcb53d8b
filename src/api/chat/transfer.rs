//! `/api/chats` import and export.

use axum::response::Response;
use chrono::{Local, TimeDelta, Utc};
use serde_json::{Value, json};
use squaretable_compat::json::{parse, to_vec};
use squaretable_compat::{chat, dates, names};

use super::chats::{GROUP_CHATS, folder_of};
use crate::error::{Error, Result};
use crate::extract::{Body, Upload};
use crate::reply;
use crate::routes::Routes;
use crate::store::chats::{self, Cause};
use crate::store::{Tx, files};
use crate::tenant::Tenant;

/// This file's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/chats/export", export)
        .post("/api/chats/import", import)
        .post("/api/chats/group/import", import_group)
}

/// `POST /api/chats/export`: the file's text, or its messages as plain text.
async fn export(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    let is_character = body.get("is_group") == &Value::Bool(false);
    if !body.truthy("file") || (!body.truthy("avatar_url") && is_character) {
        return Err(Error::bad_request());
    }
    // compat: the original's sanitiser throws on anything but a string, and takes the process down.
    let file_name = names::sanitize(body.str("file").ok_or(Error::bad_request())?);
    let folder = if body.truthy("is_group") {
        GROUP_CHATS.to_owned()
    } else {
        folder_of(&body)?
    };
    let is_lines = body.str("format") == Some("jsonl");
    if file_name.is_empty() && is_lines {
        // compat: what is left of the name stands for the folder.
        let message = format!("Could not read JSONL file to export. Source chat file: {folder}.");
        return Err(Error::json(500, json!({ "message": message })));
    }
    let mut tx = tenant.begin().await?;
    let Some(found) = chats::find(&mut tx, &folder, &file_name).await? else {
        let message = format!("Could not find JSONL file to export. Source chat file: {folder}/{file_name}.");
        return Err(Error::json(404, json!({ "message": message })));
    };
    let file = chats::file(&mut tx, &found).await?;
    let result = if is_lines {
        serde_json::to_vec(&String::from_utf8_lossy(&file)).map_err(anyhow::Error::from)?
    } else {
        // A line that is no JSON crashes the original; it is a bad request here.
        to_vec(&chat::export_text(&file).map_err(|_| Error::bad_request())?.into())
    };
    let message = to_vec(&format!("Chat saved to {}", body.string("exportfilename")).into());
    Ok(reply::json_bytes(
        [br#"{"message":"#, &message[..], br#","result":"#, &result, b"}"].concat(),
    ))
}

/// `POST /api/chats/import`: a chat of this or another program becomes one or more chats of the character.
///
/// compat: what cannot be imported is 200 `{"error": true}`.
async fn import(tenant: Tenant, upload: Upload) -> Result<Response> {
    let fields = &upload.fields;
    fields.guard("avatar_url")?;
    // compat: the original throws without an avatar_url, before it looks for a file.
    if fields.str("avatar_url").is_none() {
        return Err(Error::Page(axum::http::StatusCode::INTERNAL_SERVER_ERROR));
    }
    let name = |field: &str, default: &str| match fields.str(field).map(names::sanitize) {
        Some(name) if !name.is_empty() => Ok(name),
        Some(_) => Ok(default.to_owned()),
        None => Err(Error::Page(axum::http::StatusCode::INTERNAL_SERVER_ERROR)),
    };
    let (character, user) = (name("character_name", "Character")?, name("user_name", "User")?);
    let file = upload.file.as_ref().ok_or(Error::bad_request())?;
    let folder = folder_of(fields)?;
    let bytes = file.read().await?;
    let converted = match fields.str("file_type") {
        Some("json") => parse(&bytes)
            .map_err(chat::Error::from)
            .and_then(|data| chat::import::import_json(&data, &user, &character, Utc::now())),
        Some("jsonl") => chat::import::import_jsonl(&bytes).map(|file| vec![file]),
        // The original never answers; there is nothing to be compatible with.
        _ => return Err(Error::bad_request()),
    };
    let Ok(converted) = converted else {
        return Ok(reply::json(&json!({ "error": true })));
    };
    let mut tx = tenant.begin().await?;
    // compat: the character's chat folder must be there.
    if !files::folder_exists(&mut tx, &folder).await? {
        return Ok(reply::json(&json!({ "error": true })));
    }
    let mut file_names = Vec::new();
    for chat in &converted {
        let name = |time| format!("{character} - {time} imported");
        file_names.push(format!("{}.jsonl", put_new(&mut tx, &folder, name, chat).await?));
    }
    tx.commit().await?;
    Ok(reply::json(&json!({ "res": true, "fileNames": file_names })))
}

/// `POST /api/chats/group/import`: the file, as it is, becomes a group chat with a new id.
async fn import_group(tenant: Tenant, upload: Upload) -> Result<Response> {
    let file = upload.file.as_ref().ok_or(Error::bad_request())?;
    let bytes = file.read().await?;
    let mut tx = tenant.begin().await?;
    let id = put_new(&mut tx, GROUP_CHATS, |time| time, &bytes).await?;
    tx.commit().await?;
    Ok(reply::json(&json!({ "res": id })))
}

/// Stores a file under the first free `name` of a time from now on, and says under which (without extension): two
/// imports within one millisecond are two chats.
async fn put_new(tx: &mut Tx, folder: &str, name: impl Fn(String) -> String, file: &[u8]) -> Result<String> {
    let lines = if file.is_empty() {
        Vec::new()
    } else {
        chat::split(file)
    };
    let mut time = Local::now();
    loop {
        let id = name(dates::humanized(time));
        let file_name = format!("{id}.jsonl");
        if chats::find_for_update(tx, folder, &file_name).await?.is_none() {
            chats::save(tx, folder, &file_name, &lines, Cause::Import).await?;
            return Ok(id);
        }
        time += TimeDelta::milliseconds(1);
    }
}

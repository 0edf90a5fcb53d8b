//! `/api/characters`: cards. Their chats are listed by `api/chat/lists.rs`.

mod archives;
mod attributes;
mod import;
mod list;
mod write;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use chrono::Local;
use serde_json::{Value, json};
use squaretable_compat::card::{self, duplicate_names};
use squaretable_compat::json::js_to_number;
use squaretable_compat::names;

use crate::error::{Error, FaultShape, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::store::characters::{self, NewCharacter, chat_folder};
use crate::store::{Tx, blobs::Blob, chats, files};
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .merge(list::routes())
        .merge(write::routes())
        .merge(attributes::routes())
        .merge(import::routes())
        .post("/api/characters/get", get)
        .post("/api/characters/delete", delete)
        .post("/api/characters/duplicate", duplicate)
        .post("/api/characters/export", export)
}

/// `POST /api/characters/get`
///
/// compat: an unreadable card is answered with three zeros.
async fn get(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    let avatar = body.str("avatar_url").ok_or(Error::status(500))?;
    let unreadable = || reply::json(&json!({ "date_added": 0, "date_last_chat": 0, "chat_size": 0 }));
    // compat: these name the folder of the cards, which exists and cannot be read as one.
    if matches!(avatar, "" | "." | "..") {
        return Ok(unreadable());
    }
    let mut tx = tenant.begin().await?;
    if let Some(listed) = characters::listed(&mut tx, avatar).await? {
        let mut out = Vec::new();
        list::finish_entry(&mut out, &listed);
        return Ok(reply::json_bytes(out));
    }
    characters::get(&mut tx, avatar)
        .await?
        .ok_or(Error::not_found())?;
    Ok(unreadable())
}

/// `POST /api/characters/delete`: the card, and with `delete_chats` its chats.
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    let avatar = body.text("avatar_url").ok_or(Error::bad_request())?;
    if avatar != names::sanitize(avatar) {
        return Err(Error::forbidden());
    }
    let mut tx = tenant.begin().await?;
    if !characters::delete(&mut tx, avatar).await? {
        return Err(Error::bad_request());
    }
    // compat: JavaScript's `== true`.
    let with_chats = match body.get("delete_chats") {
        Value::Null | Value::Object(_) => false,
        value => js_to_number(value) == 1.0,
    };
    let folder = names::sanitize(&names::strip_png(avatar));
    if with_chats && !folder.is_empty() {
        let folder = format!("chats/{folder}");
        chats::delete_folder(&mut tx, &folder).await?;
        files::delete_folder(&mut tx, &folder).await?;
    }
    tx.commit().await?;
    // compat: of `.png`, which has no folder, it says so after the card is gone.
    if names::strip_png(avatar).is_empty() {
        return Err(Error::forbidden());
    }
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/characters/duplicate`: `X.png` becomes `X_1.png` too; chats are not copied.
async fn duplicate(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    let failed = || Error::json(200, json!({ "error": true }));
    let avatar = file_name(&body, failed)?;
    // compat: what is left of the name stands for the folder itself, here and in the export.
    if avatar.is_empty() {
        return Err(failed());
    }
    let mut tx = tenant.begin().await?;
    let source = characters::get(&mut tx, &avatar)
        .await?
        .ok_or(Error::not_found())?;
    let now = chrono::Utc::now();
    for name in duplicate_names(&avatar) {
        let copy = NewCharacter {
            avatar: &name,
            image: &source.image,
            pristine: source.pristine,
            card: source.written(),
            modified_at: now,
            changed_at: now,
        };
        if characters::insert(&mut tx, &copy).await.fault_as(failed)? {
            tx.commit().await.fault_as(failed)?;
            return Ok(reply::json(&json!({ "path": name })));
        }
    }
    Err(failed())
}

/// `POST /api/characters/export`: the card without its private fields, as PNG or JSON.
async fn export(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    if !body.truthy("format") {
        return Err(Error::bad_request());
    }
    let avatar = file_name(&body, || Error::status(500))?;
    if avatar.is_empty() {
        let is_png = body.str("format") == Some("png");
        return Err(Error::status(if is_png { 500 } else { 400 }));
    }
    let mut tx = tenant.begin().await?;
    let found = characters::get(&mut tx, &avatar)
        .await?
        .ok_or(Error::not_found())?;
    match body.str("format") {
        Some("png") => {
            let file = characters::file(&mut tx, &found).await?;
            let png = card::to_png(&file)
                .map_err(|e| Error::Internal(anyhow::anyhow!("{avatar} cannot be exported: {e}")))?;
            let mut response = reply::bytes(StatusCode::OK, "image/png", Bytes::from(png));
            let disposition = format!("attachment; filename=\"{}\"", reply::encode_url(&avatar));
            let disposition = HeaderValue::from_str(&disposition).map_err(anyhow::Error::from)?;
            response
                .headers_mut()
                .insert(header::CONTENT_DISPOSITION, disposition);
            Ok(response)
        }
        Some("json") => {
            let text = found.text().ok_or(Error::bad_request())?;
            let json = card::to_json(&text, Local::now()).map_err(|_| Error::bad_request())?;
            Ok(reply::json_bytes(json))
        }
        _ => Err(Error::bad_request()),
    }
}

/// The sanitised `avatar_url`; 400 without one.
///
/// compat: the original's sanitiser throws on what is no text, which each route answers in its own way.
fn file_name(body: &Body, thrown: impl FnOnce() -> Error) -> Result<String> {
    if !body.truthy("avatar_url") {
        return Err(Error::bad_request());
    }
    body.str("avatar_url").map(names::sanitize).ok_or_else(thrown)
}

/// Stores a new card under the first of `names` that is free, and says under which.
async fn insert_free(
    tx: &mut Tx,
    names: impl Iterator<Item = String>,
    image: &Blob,
    card: &[u8],
) -> Result<String> {
    for name in names {
        let avatar = format!("{name}.png");
        if characters::insert(tx, &NewCharacter::now(&avatar, image, card)).await? {
            return Ok(name);
        }
    }
    Err(Error::Internal(anyhow::anyhow!(
        "10,000 cards of this name exist"
    )))
}

/// Moves what lies in a character's chat folder, unless the target is there already.
async fn move_chats(tx: &mut Tx, from: &str, to: &str) -> Result<()> {
    let (from, to) = (format!("chats/{from}"), chat_folder(to));
    if files::folder_exists(tx, &from).await? && !files::folder_exists(tx, &to).await? {
        chats::move_folder(tx, &from, &to).await?;
        files::move_folder(tx, &from, &to).await?;
    }
    Ok(())
}

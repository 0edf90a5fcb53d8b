//! `/api/chats`: save, get, rename and delete a character's chat. Groups, lists and transfer have files of their own.

use axum::extract::State;
use axum::response::Response;
use serde::de::IgnoredAny;
use serde_json::json;
use serde_json::value::RawValue;
use squaretable_compat::json::{self as text, js_string, minify};
use squaretable_compat::{chat, names};

use super::backups;
use crate::app::App;
use crate::error::{Error, FaultShape, Result};
use crate::extract::{Body, RawBody};
use crate::reply;
use crate::routes::Routes;
use crate::store::characters::chat_folder;
use crate::store::chats::backups::Policy;
use crate::store::chats::{self, Cause};
use crate::store::{Tx, files};
use crate::tenant::Tenant;

/// Folder of group chats below the user's root.
pub const GROUP_CHATS: &str = "group chats";

const SAVE_FAILED: &str = "An error has occurred, see the console logs for more information.";

/// This file's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/chats/save", save)
        .post("/api/chats/get", get)
        .post("/api/chats/rename", rename)
        .post("/api/chats/delete", delete)
}

/// The body of a save. The chat, which may be tens of megabytes, stays text.
pub(super) struct Save<'a> {
    /// The fields that name it.
    pub(super) names: Body,
    chat: Option<&'a str>,
    is_forced: bool,
}

/// `POST /api/chats/save`: the chat's lines become its new head; only lines it never held are written.
async fn save(State(app): State<App>, tenant: Tenant, RawBody(raw): RawBody) -> Result<Response> {
    let save = Save::parse(&raw)?;
    save.names.guard("avatar_url")?;
    let folder = folder_of(&save.names)?;
    let file_name = names::sanitize(&format!("{}.jsonl", save.names.string("file_name")));
    let policy = backups::policy(&app, &names::strip_png(&save.names.string("avatar_url")));
    store(&app, &tenant, (&folder, &file_name), &save, policy).await
}

impl<'a> Save<'a> {
    /// Checks the whole body and finds its fields.
    ///
    /// # Errors
    /// 400 page for a body that is not JSON.
    pub(super) fn parse(raw: &'a [u8]) -> Result<Self> {
        let body = std::str::from_utf8(raw).map_err(|_| malformed())?;
        serde_json::from_str::<IgnoredAny>(body).map_err(|_| malformed())?;
        let fields = ["avatar_url", "file_name", "id"];
        let [avatar_url, file_name, id, chat, force] =
            text::fields(body, ["avatar_url", "file_name", "id", "chat", "force"]);
        let mut names = serde_json::Map::new();
        for (field, token) in fields.into_iter().zip([avatar_url, file_name, id]) {
            if let Some(token) = token {
                names.insert(
                    field.to_owned(),
                    text::parse(token.as_bytes()).map_err(|_| malformed())?,
                );
            }
        }
        Ok(Self {
            names: Body(names.into()),
            chat,
            is_forced: force.is_some_and(text::truthy),
        })
    }
}

fn malformed() -> Error {
    Error::Page(axum::http::StatusCode::BAD_REQUEST)
}

/// Checks, stores and backs up a chat sent by the frontend; the answer of both save routes.
pub(super) async fn store(
    app: &App,
    tenant: &Tenant,
    (folder, file_name): (&str, &str),
    save: &Save<'_>,
    policy: Option<Policy>,
) -> Result<Response> {
    let lines: Vec<&RawValue> = save
        .chat
        .and_then(|chat| serde_json::from_str(chat).ok())
        .ok_or_else(|| Error::json_error(400, "The request's body.chat is not an array."))?;
    // A line is what JavaScript's stringify would give: without white space, so without line feeds.
    let lines: Vec<_> = lines.iter().map(|line| minify(line.get().as_bytes())).collect();
    let lines: Vec<&[u8]> = lines.iter().map(AsRef::as_ref).collect();
    if file_name.is_empty() {
        return Err(Error::json_error(500, SAVE_FAILED));
    }
    let check = app.config().content.backups.check_integrity && !save.is_forced;
    let mut tx = tenant.begin().await?;
    let done = async {
        if check && !integrity_holds(&mut tx, folder, file_name, &lines).await? {
            return Err(Error::json_error(400, "integrity"));
        }
        match &policy {
            Some(policy) => chats::save_and_back_up(&mut tx, folder, file_name, &lines, policy).await?,
            None => chats::save(&mut tx, folder, file_name, &lines, Cause::Save).await?,
        }
        tx.commit().await
    };
    done.await.fault_as(|| Error::json_error(500, SAVE_FAILED))?;
    Ok(reply::json(&json!({ "ok": true })))
}

/// Whether the chat that is there may be replaced by these lines: see [`chat::integrity_holds`].
async fn integrity_holds(tx: &mut Tx, folder: &str, file_name: &str, lines: &[&[u8]]) -> Result<bool> {
    let Some(stored) = chats::find_for_update(tx, folder, file_name).await? else {
        return Ok(true);
    };
    let header = lines.first().and_then(|line| std::str::from_utf8(line).ok());
    let first = chats::first_line(tx, &stored).await?;
    let size = u64::try_from(stored.byte_size).unwrap_or(0);
    Ok(chat::integrity_holds(header, first.as_deref(), size))
}

/// `POST /api/chats/get`: the chat's lines that parse.
///
/// compat: `{}` without a chat folder (which is made) or a name, `[]` for a chat that does not exist. A failure is a
/// 5xx; the original answers 200 `{}`, and the frontend then overwrites the chat with its greeting.
async fn get(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    let folder = folder_of(&body)?;
    let mut tx = tenant.begin().await?;
    if !files::folder_exists(&mut tx, &folder).await? {
        files::create_folder(&mut tx, &folder).await?;
        tx.commit().await?;
        return Ok(reply::json(&json!({})));
    }
    if !body.truthy("file_name") {
        return Ok(reply::json(&json!({})));
    }
    let file_name = names::sanitize(&format!("{}.jsonl", body.string("file_name")));
    lines(&mut tx, &folder, &file_name).await
}

/// The answer of both get routes.
pub(super) async fn lines(tx: &mut Tx, folder: &str, file_name: &str) -> Result<Response> {
    Ok(match chats::find(tx, folder, file_name).await? {
        Some(chat) => reply::json_bytes(chats::json_array(tx, &chat).await?),
        None => reply::json_bytes("[]"),
    })
}

/// `POST /api/chats/rename`: a character's chat, or with `is_group` a group's.
async fn rename(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    if !body.truthy("original_file") || !body.truthy("renamed_file") {
        return Err(Error::bad_request());
    }
    let folder = if body.truthy("is_group") {
        GROUP_CHATS.to_owned()
    } else {
        folder_of(&body)?
    };
    // compat: the original's sanitiser throws on anything but a string.
    let (Some(from), Some(to)) = (body.str("original_file"), body.str("renamed_file")) else {
        return Err(Error::json(500, json!({ "error": true })));
    };
    let (from, to) = (names::sanitize(from), names::sanitize(to));
    // compat: what is left of a name stands for the folder: it cannot be copied, and it is there already.
    if from.is_empty() || to.is_empty() {
        let code = if to.is_empty() { 400 } else { 500 };
        return Err(Error::json(code, json!({ "error": true })));
    }
    let mut tx = tenant.begin().await?;
    let renamed = chats::rename(&mut tx, &folder, &from, &to).await;
    if !renamed.fault_as(|| Error::json(500, json!({ "error": true })))? {
        return Err(Error::json(400, json!({ "error": true })));
    }
    tx.commit().await?;
    Ok(reply::json(
        &json!({ "ok": true, "sanitizedFileName": names::base_name(&to) }),
    ))
}

/// `POST /api/chats/delete`
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    // compat: a name with any extension is taken as it is; the original throws without one.
    let Some(file) = body.str("chatfile") else {
        return Err(Error::status(500));
    };
    let file = if names::extension(file).is_empty() {
        format!("{file}.jsonl")
    } else {
        file.to_owned()
    };
    remove(&tenant, &folder_of(&body)?, &names::sanitize(&file)).await
}

/// The answer of both delete routes.
///
/// compat: a name of which nothing is left stands for the folder, which is no file to delete.
pub(super) async fn remove(tenant: &Tenant, folder: &str, file_name: &str) -> Result<Response> {
    if file_name.is_empty() {
        return Err(Error::status(500));
    }
    let mut tx = tenant.begin().await?;
    if !chats::delete(&mut tx, folder, file_name).await? {
        return Err(Error::bad_request());
    }
    tx.commit().await?;
    Ok(reply::json(&json!({ "ok": true })))
}

/// The chat folder of the character that `avatar_url` names, after the guard on its separators.
///
/// # Errors
/// 400 for a name that is none (`..`), which the original would join to a path.
pub(super) fn folder_of(body: &Body) -> Result<String> {
    let folder = chat_folder(&body.string("avatar_url"));
    if matches!(folder.as_str(), "chats/." | "chats/.." | "chats/") {
        return Err(Error::bad_request());
    }
    Ok(folder)
}

/// The `<id>.jsonl` of a group chat.
///
/// # Errors
/// 400 without an id.
pub(super) fn group_file(body: &Body) -> Result<String> {
    if !body.truthy("id") {
        return Err(Error::bad_request());
    }
    Ok(names::sanitize(&format!("{}.jsonl", js_string(body.get("id")))))
}

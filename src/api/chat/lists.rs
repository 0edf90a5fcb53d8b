//! `/api/chats` lists: recent and search, a character's chats, one group chat's entry.

use std::collections::{HashMap, HashSet};

use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use squaretable_compat::chat::{Owner, Query, Summary, info_json, search_json};
use squaretable_compat::layout::DocumentKind;
use squaretable_compat::{json as text, names};

use super::chats::{GROUP_CHATS, folder_of, group_file};
use crate::error::{Error, FaultShape, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::store::characters::{self, chat_folder};
use crate::store::chats::{self, Chat};
use crate::store::{Tx, documents, files};
use crate::tenant::Tenant;

/// This file's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/characters/chats", of_character)
        .post("/api/chats/group/info", group_info)
        .post("/api/chats/search", search)
        .post("/api/chats/recent", recent)
}

/// `POST /api/characters/chats`
///
/// compat: `{"error": true}` with 200 for a character without a chat folder.
async fn of_character(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    // compat: so is a character whose name is no text.
    if body.str("avatar_url").is_none() {
        return Ok(reply::json(&json!({ "error": true })));
    }
    let folder = folder_of(&body)?;
    let mut tx = tenant.begin().await?;
    if !files::folder_exists(&mut tx, &folder).await? {
        return Ok(reply::json(&json!({ "error": true })));
    }
    let mut found = chats::list(&mut tx, &folder).await?;
    found.retain(|chat| names::extension(&chat.file_name) == ".jsonl");
    if body.truthy("simple") {
        let entry = |chat: &Chat| json!({ "file_name": chat.file_name, "file_id": names::base_name(&chat.file_name) });
        return Ok(reply::json(&found.iter().map(entry).collect::<Vec<_>>()));
    }
    let with_metadata = body.truthy("metadata");
    let entries = found.iter().map(|chat| info(chat, Owner::Unnamed, with_metadata));
    Ok(reply::json_bytes(array(entries)?))
}

/// `POST /api/chats/group/info`
///
/// compat: `{"match": false}` for a chat that does not exist.
async fn group_info(tenant: Tenant, body: Body) -> Result<Response> {
    let file_name = group_file(&body)?;
    // compat: a name of which nothing is left stands for the folder.
    if file_name.is_empty() {
        return Err(Error::status(500));
    }
    let mut tx = tenant.begin().await?;
    Ok(match chats::find(&mut tx, GROUP_CHATS, &file_name).await? {
        Some(chat) => reply::json_bytes(info(&chat, Owner::Unnamed, false)?),
        None => reply::json(&json!({ "match": false })),
    })
}

/// `POST /api/chats/search`: the chats of a character or group in which all words of the query occur.
async fn search(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar_url")?;
    let failed = || Error::json_error(500, "Search failed");
    let query = match body.get("query") {
        query if !text::js_truthy(query) => None,
        Value::String(query) => Some(Query::new(query)),
        _ => return Err(failed()),
    };
    let mut tx = tenant.begin().await?;
    let found = async {
        let scope = if body.truthy("group_id") {
            group_scope(&mut tx, body.get("group_id")).await?
        } else {
            Scope {
                folder: chat_folder(body.str("avatar_url").ok_or_else(failed)?),
                file_names: None,
            }
        };
        matching(&mut tx, &scope, query.as_ref()).await
    };
    let found = found.await.fault_as(failed)?;
    let entries = found.iter().map(|chat| {
        let (summary, size) = (summary_of(chat)?, size_of(chat));
        Ok(search_json(&summary, &chat.file_name, size, chat.modified_at))
    });
    Ok(reply::json_bytes(array(entries)?))
}

/// The chats that a search looks at.
struct Scope {
    folder: String,
    /// In this order; all of the folder when `None`.
    file_names: Option<Vec<String>>,
}

async fn group_scope(tx: &mut Tx, id: &Value) -> Result<Scope> {
    let groups = documents::list(tx, DocumentKind::Groups).await?;
    let group = groups
        .iter()
        .filter(|group| names::extension(&group.name) == ".json")
        .filter_map(|group| text::parse(&group.body).ok())
        .find(|group| group.get("id").is_some_and(|own| is_same(own, id)));
    let chats = group
        .as_ref()
        .and_then(|group| group.get("chats")?.as_array())
        .into_iter()
        .flatten();
    let file_names = chats
        .map(|chat| format!("{}.jsonl", text::js_string(chat)))
        .collect();
    Ok(Scope {
        folder: GROUP_CHATS.to_owned(),
        file_names: Some(file_names),
    })
}

/// JavaScript's `===` of two values of JSON texts: no list or object is another.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(_) | Value::Object(_), _) => false,
        _ => one == other,
    }
}

/// The scope's chats that match, in the order of the folder or of the group's list.
async fn matching(tx: &mut Tx, scope: &Scope, query: Option<&Query>) -> Result<Vec<Chat>> {
    let mut all = chats::list(tx, &scope.folder).await?;
    match &scope.file_names {
        None => all.retain(|chat| names::extension(&chat.file_name) == ".jsonl"),
        Some(listed) => all = in_order(&all, listed),
    }
    let Some(query) = query.filter(|query| !query.fragments.is_empty()) else {
        return Ok(all);
    };
    // Of a group's chats only those that exist: its list is the client's, and may name anything.
    let listed = scope.file_names.as_ref().map(|_| {
        let names = all.iter().map(|chat| chat.file_name.clone());
        names.collect::<Vec<_>>()
    });
    let hits = chats::search(tx, &scope.folder, listed.as_deref(), &query.fragments).await?;
    let hits: HashSet<String> = hits.into_iter().collect();
    all.retain(|chat| {
        hits.contains(&chat.file_name) || query.matches_name(names::base_name(&chat.file_name))
    });
    Ok(all)
}

/// Those of `chats` that `listed` names, as often and in the order it names them.
fn in_order(chats: &[Chat], listed: &[String]) -> Vec<Chat> {
    let by_name: HashMap<&str, &Chat> = chats.iter().map(|chat| (chat.file_name.as_str(), chat)).collect();
    listed
        .iter()
        .filter_map(|name| by_name.get(name.as_str()).copied().cloned())
        .collect()
}

/// A chat of the recent list, and whose it is.
struct Recent<'a> {
    chat: &'a Chat,
    avatar: Option<&'a str>,
    group: Option<&'a Value>,
}

/// `POST /api/chats/recent`: the newest chats of all characters and groups, pinned ones first.
async fn recent(tenant: Tenant, body: Body) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let all = chats::list_all(&mut tx).await?;
    let avatars = characters::avatars(&mut tx).await?;
    let groups = documents::list(&mut tx, DocumentKind::Groups).await?;
    let groups: Vec<Value> = groups
        .iter()
        .filter(|group| names::extension(&group.name) == ".json")
        .filter_map(|group| text::parse(&group.body).ok())
        .collect();
    let pinned = body
        .get("pinned")
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut found = owned(&all, &avatars, &groups);
    let is_pinned = |recent: &Recent<'_>| pinned.iter().any(|pin| pins(pin, recent));
    // Both sorts are stable, so within the pinned and the others the newest stay first.
    found.sort_by_key(|recent| std::cmp::Reverse(recent.chat.modified_at));
    found.sort_by_key(|recent| !is_pinned(recent));
    let max = slice_end(max_of(body.0.get("max")), pinned.len(), found.len());
    let with_metadata = body.truthy("metadata");
    let entries = found.iter().take(max).map(|recent| {
        let owner = match (recent.group.filter(|id| text::js_truthy(id)), recent.avatar) {
            (Some(id), _) => Owner::Group(id),
            (None, Some(avatar)) => Owner::Avatar(avatar),
            (None, None) => Owner::Unnamed,
        };
        info(recent.chat, owner, with_metadata)
    });
    Ok(reply::json_bytes(array(entries)?))
}

/// compat: `parseInt(max)`; everything without a `max`, nothing when it is no number.
fn max_of(max: Option<&Value>) -> Option<i64> {
    let Some(max) = max.filter(|max| !max.is_null()) else {
        return Some(i64::MAX);
    };
    let text = text::js_string(max);
    let text = text.trim_start();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
    // More than fits is more than there are chats.
    (!digits.is_empty()).then(|| sign * digits.parse().unwrap_or(i64::MAX))
}

/// compat: `slice(0, max + pinned)`, where a negative end counts from the list's end.
fn slice_end(max: Option<i64>, pinned: usize, length: usize) -> usize {
    let (pinned, length) = (
        i64::try_from(pinned).unwrap_or(i64::MAX),
        i64::try_from(length).unwrap_or(i64::MAX),
    );
    let end = max.map_or(0, |max| max.saturating_add(pinned));
    let end = if end < 0 {
        (length + end).max(0)
    } else {
        end.min(length)
    };
    usize::try_from(end).unwrap_or(0)
}

/// Chats in the order the original collects them: by character, by group, then loose ones.
fn owned<'a>(all: &'a [Chat], avatars: &'a [String], groups: &'a [Value]) -> Vec<Recent<'a>> {
    let mut by_folder: HashMap<&str, Vec<&Chat>> = HashMap::new();
    for chat in all
        .iter()
        .filter(|chat| names::extension(&chat.file_name) == ".jsonl")
    {
        by_folder.entry(&chat.folder).or_default().push(chat);
    }
    let mut found = Vec::new();
    for avatar in avatars.iter().filter(|avatar| names::extension(avatar) == ".png") {
        let chats = by_folder.get(chat_folder(avatar).as_str()).into_iter().flatten();
        found.extend(chats.map(|chat| Recent {
            chat,
            avatar: Some(avatar),
            group: None,
        }));
    }
    let group_chats: HashMap<&str, &Chat> = by_folder
        .get(GROUP_CHATS)
        .into_iter()
        .flatten()
        .map(|chat| (names::base_name(&chat.file_name), *chat))
        .collect();
    for group in groups {
        for id in group.get("chats").and_then(Value::as_array).into_iter().flatten() {
            if let Some(chat) = group_chats.get(text::js_string(id).as_str()) {
                found.push(Recent {
                    chat,
                    avatar: None,
                    group: group.get("id"),
                });
            }
        }
    }
    let loose = by_folder.get("chats").into_iter().flatten();
    found.extend(loose.map(|chat| Recent {
        chat,
        avatar: None,
        group: None,
    }));
    found
}

/// compat: a pin matches by file name and by avatar or group, where both sides lacking one counts as equal.
fn pins(pin: &Value, recent: &Recent<'_>) -> bool {
    pin.get("file_name").and_then(Value::as_str) == Some(&recent.chat.file_name)
        && (pin.get("avatar").and_then(Value::as_str) == recent.avatar && !is_null(pin, "avatar")
            || pin.get("group") == recent.group)
}

fn is_null(pin: &Value, field: &str) -> bool {
    pin.get(field).is_some_and(|value| !value.is_string())
}

fn info(chat: &Chat, owner: Owner<'_>, with_metadata: bool) -> Result<Vec<u8>> {
    let summary = summary_of(chat)?;
    Ok(info_json(
        &summary,
        &chat.file_name,
        size_of(chat),
        chat.modified_at,
        owner,
        with_metadata,
    ))
}

fn summary_of(chat: &Chat) -> Result<Summary> {
    Summary::from_stored(&chat.summary).map_err(|e| Error::Internal(e.into()))
}

fn size_of(chat: &Chat) -> u64 {
    u64::try_from(chat.byte_size).unwrap_or(0)
}

/// A JSON array of JSON texts.
fn array(entries: impl Iterator<Item = Result<Vec<u8>>>) -> Result<Bytes> {
    let mut out = vec![b'['];
    for entry in entries {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(&entry?);
    }
    out.push(b']');
    Ok(out.into())
}

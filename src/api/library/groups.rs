//! `/api/groups`: group definitions, one JSON file each. Their chats are in `api/chat/`.

use std::collections::HashMap;

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use squaretable_compat::layout::DocumentKind;
use squaretable_compat::{dates, json as text, names};

use crate::api::chat::chats::GROUP_CHATS;
use crate::api::documents::file_name;
use crate::error::Result;
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::store::{chats, documents};
use crate::tenant::Tenant;

/// Keys that moved from the group to its chats; never stored any more.
const MOVED: [&str; 2] = ["chat_metadata", "past_metadata"];

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/groups/all", all)
        .post("/api/groups/create", create)
        .post("/api/groups/edit", edit)
        .post("/api/groups/delete", delete)
}

/// `POST /api/groups/all`
async fn all(tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let found = documents::list(&mut tx, DocumentKind::Groups).await?;
    let listed = chats::list(&mut tx, GROUP_CHATS).await?;
    let by_id: HashMap<&str, &chats::Chat> = listed
        .iter()
        .map(|chat| (names::base_name(&chat.file_name), chat))
        .collect();
    let groups: Vec<Value> = found
        .iter()
        .filter(|group| names::extension(&group.name) == ".json")
        .filter_map(|group| listed_group(&group.body, group.created_at, &by_id))
        .collect();
    Ok(reply::json_bytes(text::to_vec(&Value::Array(groups))))
}

/// A group with what the list adds to it; `None` for a file that does not parse, which the original skips.
fn listed_group(
    body: &[u8],
    created_at: DateTime<Utc>,
    chats: &HashMap<&str, &chats::Chat>,
) -> Option<Value> {
    let Value::Object(mut group) = text::parse(body).ok()? else {
        return None;
    };
    let ids: std::collections::HashSet<&str> = group
        .get("chats")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let own = || ids.iter().filter_map(|id| chats.get(id));
    let size: i64 = own().map(|chat| chat.byte_size).sum();
    let last = own().map(|chat| chat.modified_at).max();
    group.insert("date_added".into(), dates::millis(created_at).into());
    group.insert("create_date".into(), dates::iso(created_at).into());
    group.insert("date_last_chat".into(), last.map_or(0.0, dates::millis).into());
    group.insert("chat_size".into(), size.into());
    Some(Value::Object(group))
}

/// `POST /api/groups/create`: stores and answers the known keys, defaults filled in.
async fn create(tenant: Tenant, body: Body) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let mut id = Utc::now().timestamp_millis();
    // Two groups made within one millisecond are two groups.
    while documents::get_for_update(&mut tx, DocumentKind::Groups, &format!("{id}.json"))
        .await?
        .is_some()
    {
        id += 1;
    }
    let id = id.to_string();
    let mut group = Map::new();
    group.insert("id".into(), id.clone().into());
    let mut set = |key: &str, default: Option<Value>| {
        let value = body
            .0
            .get(key)
            .filter(|value| default.is_none() || !value.is_null())
            .cloned();
        if let Some(value) = value.or(default) {
            group.insert(key.to_owned(), value);
        }
    };
    set("name", Some("New Group".into()));
    set("members", Some(json!([])));
    set("avatar_url", None);
    set(
        "allow_self_responses",
        Some(body.truthy("allow_self_responses").into()),
    );
    set("activation_strategy", Some(0.into()));
    set("generation_mode", Some(0.into()));
    set("disabled_members", Some(json!([])));
    set("fav", None);
    set("chat_id", Some(id.clone().into()));
    set("chats", Some(json!([id])));
    set("auto_mode_delay", Some(5.into()));
    set("generation_mode_join_prefix", Some("".into()));
    set("generation_mode_join_suffix", Some("".into()));
    group.insert(
        "allow_self_responses".into(),
        body.truthy("allow_self_responses").into(),
    );
    let group = Value::Object(group);
    documents::put(
        &mut tx,
        DocumentKind::Groups,
        &format!("{id}.json"),
        &text::to_vec_pretty(&group),
    )
    .await?;
    tx.commit().await?;
    Ok(reply::json_bytes(text::to_vec(&group)))
}

/// `POST /api/groups/edit`: stores the body, known keys or not, creating the group where there is none.
async fn edit(tenant: Tenant, mut body: Body) -> Result<Response> {
    body.guard("id")?;
    let name = file_name(&body, "id")?;
    if let Some(group) = body.0.as_object_mut() {
        for key in MOVED {
            group.shift_remove(key);
        }
    }
    let mut tx = tenant.begin().await?;
    documents::put(
        &mut tx,
        DocumentKind::Groups,
        &name,
        &text::to_vec_pretty(&body.0),
    )
    .await?;
    tx.commit().await?;
    Ok(reply::json(&json!({ "ok": true })))
}

/// `POST /api/groups/delete`: the group and the chats it lists.
///
/// compat: ok also where there was none.
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("id")?;
    let name = file_name(&body, "id")?;
    let mut tx = tenant.begin().await?;
    if let Some(group) = documents::get_for_update(&mut tx, DocumentKind::Groups, &name).await? {
        let group = text::parse(&group.body).unwrap_or(Value::Null);
        for chat in group["chats"].as_array().into_iter().flatten() {
            let file = names::sanitize(&format!("{}.jsonl", text::js_string(chat)));
            chats::delete(&mut tx, GROUP_CHATS, &file).await?;
        }
        documents::delete(&mut tx, DocumentKind::Groups, &name).await?;
    }
    tx.commit().await?;
    Ok(reply::json(&json!({ "ok": true })))
}

//! `/api/worldinfo`: lorebooks, one JSON file each.

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use squaretable_compat::layout::DocumentKind;
use squaretable_compat::{collate, json as text, names};

use crate::api::documents::{field, file_name, parse, pretty};
use crate::error::{Error, Result};
use crate::extract::{Body, RawBody, Upload};
use crate::reply;
use crate::routes::Routes;
use crate::store::documents;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/worldinfo/list", list)
        .post("/api/worldinfo/get", get)
        .post("/api/worldinfo/delete", delete)
        .post("/api/worldinfo/import", import)
        .post("/api/worldinfo/edit", edit)
}

/// `POST /api/worldinfo/list`
async fn list(tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let mut worlds = documents::list(&mut tx, DocumentKind::Worlds).await?;
    worlds.retain(|world| names::extension(&world.name).eq_ignore_ascii_case(".json"));
    collate::locale_sort(&mut worlds, |world| &world.name);
    let listed: Vec<_> = worlds
        .iter()
        .map(|world| {
            // compat: an unreadable world is listed as an empty one.
            let content = text::parse(&world.body).unwrap_or(Value::Null);
            let id = names::base_name(&world.name);
            let name = content.get("name").filter(|name| text::js_truthy(name)).cloned();
            let extensions = content
                .get("extensions")
                .filter(|e| e.is_object() || e.is_array())
                .cloned();
            json!({
                "file_id": id,
                "name": name.unwrap_or_else(|| id.into()),
                "extensions": extensions.unwrap_or_else(|| json!({})),
            })
        })
        .collect();
    Ok(reply::json_bytes(text::to_vec(&Value::Array(listed))))
}

/// `POST /api/worldinfo/get`: a world that does not exist reads as one without entries.
async fn get(tenant: Tenant, body: Body) -> Result<Response> {
    let name = file_name(&body, "name")?;
    let mut tx = tenant.begin().await?;
    let Some(world) = documents::get(&mut tx, DocumentKind::Worlds, &name).await? else {
        return Ok(reply::json(&json!({ "entries": {} })));
    };
    if !world.valid {
        return Err(Error::Page(StatusCode::INTERNAL_SERVER_ERROR));
    }
    Ok(reply::json_bytes(world.body))
}

/// `POST /api/worldinfo/delete`
///
/// compat: a world that does not exist is a 500 page.
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    let name = file_name(&body, "name")?;
    let mut tx = tenant.begin().await?;
    if !documents::delete(&mut tx, DocumentKind::Worlds, &name).await? {
        return Err(Error::Page(StatusCode::INTERNAL_SERVER_ERROR));
    }
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/worldinfo/import`: the file's text (or `convertedData`) is stored as it came.
async fn import(tenant: Tenant, upload: Upload) -> Result<Response> {
    let file = upload.file.ok_or(Error::bad_request())?;
    // compat: of a name of which nothing is left `.json` remains, and that is a name.
    let file_name = format!("{}.json", names::base_name(&names::sanitize(&file.original_name)));
    let content = match upload.fields.text("convertedData") {
        Some(converted) => converted.as_bytes().to_vec().into(),
        // compat: a repeated field is no world.
        None if upload.fields.truthy("convertedData") => Bytes::new(),
        None => file.read().await?,
    };
    if !text::parse(&content).is_ok_and(|world| has_entries(&world)) {
        return Err(Error::text(400, "Is not a valid world info file"));
    }
    let mut tx = tenant.begin().await?;
    documents::put(&mut tx, DocumentKind::Worlds, &file_name, &content).await?;
    tx.commit().await?;
    Ok(reply::json(&json!({ "name": names::base_name(&file_name) })))
}

/// `POST /api/worldinfo/edit`
async fn edit(tenant: Tenant, raw: RawBody) -> Result<Response> {
    let body = parse(&raw)?;
    if !body.truthy("name") {
        return Err(Error::text(400, "World file must have a name"));
    }
    if !has_entries(body.get("data")) {
        return Err(Error::text(400, "Is not a valid world info file"));
    }
    let name = file_name(&body, "name")?;
    let content = pretty(field(&raw, "data")?.as_bytes())?;
    let mut tx = tenant.begin().await?;
    documents::put(&mut tx, DocumentKind::Worlds, &name, &content).await?;
    tx.commit().await?;
    Ok(reply::json(&json!({ "ok": true })))
}

/// compat: JavaScript's `'entries' in world`, which is true of every array, too.
fn has_entries(world: &Value) -> bool {
    world.is_array() || world.get("entries").is_some()
}

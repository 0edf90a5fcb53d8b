//! `/api/image-metadata/folders`: virtual folders of backgrounds.

use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::json as text;

use crate::error::{Error, FaultShape, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::store::files;
use crate::tenant::Tenant;

use super::failed;
use super::index::Index;
use crate::api::library::thumbnail::Kind;
use crate::api::library::user_files::{below_root, split};

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/image-metadata/folders/get", get)
        .post("/api/image-metadata/folders/create", create)
        .post("/api/image-metadata/folders/set-thumbnails", set_thumbnails)
        .post("/api/image-metadata/folders/update", update)
        .post("/api/image-metadata/folders/delete", delete)
        .post("/api/image-metadata/folders/assign", assign)
        .post("/api/image-metadata/folders/unassign", unassign)
}

/// Reads the index, lets `change` work on it, and stores it unless that fails.
async fn edit<T>(tenant: &Tenant, change: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
    let mut tx = tenant.begin().await?;
    let mut index = Index::read_for_update(&mut tx).await?;
    let done = change(&mut index)?;
    index.write(&mut tx).await?;
    tx.commit().await?;
    Ok(done)
}

fn done() -> Response {
    reply::json(&json!({ "ok": true }))
}

fn unknown(id: &str) -> Error {
    Error::json_error(404, format!("Folder '{id}' not found."))
}

fn id(body: &Body) -> Result<&str> {
    body.text("id")
        .ok_or_else(|| Error::json_error(400, "\"id\" is required."))
}

fn paths(body: &Body) -> Result<Vec<&str>> {
    let Value::Array(paths) = body.get("paths") else {
        return Err(Error::json_error(400, "\"paths\" array is required."));
    };
    paths
        .iter()
        .map(|path| path.as_str().ok_or_else(failed))
        .collect()
}

/// `POST /api/image-metadata/folders/get`
async fn get(tenant: Tenant) -> Result<Response> {
    let index = super::read(&tenant).await.fault_as(failed)?;
    Ok(reply::json_bytes(text::to_vec(index.folders())))
}

/// `POST /api/image-metadata/folders/create`
async fn create(tenant: Tenant, body: Body) -> Result<Response> {
    let name = body
        .text("name")
        .ok_or_else(|| Error::json_error(400, "\"name\" is required."))?;
    let id = uuid::Uuid::new_v4().to_string();
    let folder = json!({ "id": id, "name": text::js_trim(name), "thumbnailFile": "" });
    let added = folder.clone();
    let change = |index: &mut Index| {
        index.add_folder(added);
        Ok(())
    };
    edit(&tenant, change).await.fault_as(failed)?;
    Ok(reply::json_bytes(text::to_vec(&folder)))
}

/// `POST /api/image-metadata/folders/set-thumbnails`: the covers of several folders; folders that are gone are skipped.
async fn set_thumbnails(tenant: Tenant, body: Body) -> Result<Response> {
    let is_valid =
        |update: &Value| update.get("id").is_some_and(text::js_truthy) && update["thumbnailFile"].is_string();
    let updates = body
        .get("updates")
        .as_array()
        .filter(|updates| updates.iter().all(is_valid))
        .ok_or_else(|| Error::json_error(400, "\"updates\" must be an array of {id, thumbnailFile}."))?;
    let change = |index: &mut Index| {
        for update in updates {
            if let Some(folder) = update["id"].as_str().and_then(|id| index.folder_mut(id)) {
                folder.insert("thumbnailFile".to_owned(), update["thumbnailFile"].clone());
            }
        }
        Ok(())
    };
    edit(&tenant, change).await.fault_as(failed)?;
    Ok(done())
}

/// `POST /api/image-metadata/folders/update`: the `name` and `thumbnailFile` that are given.
async fn update(tenant: Tenant, body: Body) -> Result<Response> {
    let id = id(&body)?;
    let change = |index: &mut Index| {
        let folder = index.folder_mut(id).ok_or_else(|| unknown(id))?;
        for key in ["name", "thumbnailFile"] {
            if let Some(value) = body.0.get(key) {
                folder.insert(key.to_owned(), value.clone());
            }
        }
        Ok(Value::Object(folder.clone()))
    };
    let folder = edit(&tenant, change).await.fault_as(failed)?;
    Ok(reply::json_bytes(text::to_vec(&folder)))
}

/// `POST /api/image-metadata/folders/delete`: the folder; its pictures stay.
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    let id = id(&body)?;
    let change = |index: &mut Index| {
        if index.remove_folder(id) {
            Ok(())
        } else {
            Err(unknown(id))
        }
    };
    edit(&tenant, change).await.fault_as(failed)?;
    Ok(done())
}

/// `POST /api/image-metadata/folders/assign`: puts backgrounds into a folder; files that are gone are skipped.
///
/// compat: a path that is not below `backgrounds/` is a 500, and then nothing is changed.
async fn assign(tenant: Tenant, body: Body) -> Result<Response> {
    let (id, paths) = (id(&body)?, paths(&body)?);
    put_into(&tenant, id, &paths).await.fault_as(failed)?;
    Ok(done())
}

async fn put_into(tenant: &Tenant, id: &str, paths: &[&str]) -> Result<()> {
    let mut tx = tenant.begin().await?;
    let mut index = Index::read_for_update(&mut tx).await?;
    index.folder_mut(id).ok_or_else(|| unknown(id))?;
    let root = format!("{}/", Kind::Background.folder());
    for path in paths {
        let plain = if path.starts_with('/') {
            None
        } else {
            below_root(path)
        };
        let plain = plain
            .filter(|plain| plain.starts_with(&root))
            .ok_or_else(failed)?;
        let (folder, name) = split(&plain);
        if files::get(&mut tx, folder, name).await?.is_some() {
            index.assign(&plain, id);
        }
    }
    index.write(&mut tx).await?;
    tx.commit().await
}

/// `POST /api/image-metadata/folders/unassign`: takes pictures out of a folder, existing or not.
async fn unassign(tenant: Tenant, body: Body) -> Result<Response> {
    let (id, paths) = (id(&body)?, paths(&body)?);
    let change = |index: &mut Index| {
        for path in &paths {
            index.unassign(path, id);
        }
        Ok(())
    };
    edit(&tenant, change).await.fault_as(failed)?;
    Ok(done())
}

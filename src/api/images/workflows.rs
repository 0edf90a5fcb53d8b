//! `/api/sd/comfy/*workflow*`: workflows of `ComfyUI`, JSON files in `user/workflows`.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::json::{js_string, lossy, to_vec};
use squaretable_compat::{collate, names};

use crate::error::{Error, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::store::{Tx, blobs, files};
use crate::tenant::Tenant;

/// The workflows' folder below the user's root.
const FOLDER: &str = "user/workflows";
/// What is shown for a workflow that is not there.
const DEFAULT: &str = "Default_Comfy_Workflow.json";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/sd/comfy/workflows", list)
        .post("/api/sd/comfy/workflow", show)
        .post("/api/sd/comfy/save-workflow", save)
        .post("/api/sd/comfy/delete-workflow", delete)
        .post("/api/sd/comfy/rename-workflow", rename)
}

/// The names, in locale order.
async fn listed(tx: &mut Tx) -> Result<Response> {
    let stored = files::list(tx, FOLDER).await?;
    let mut found: Vec<String> = stored
        .into_iter()
        .map(|file| file.name)
        .filter(|name| !name.starts_with('.') && name.to_lowercase().ends_with(".json"))
        .collect();
    collate::locale_sort(&mut found, |name| name);
    Ok(reply::json_bytes(to_vec(&json!(found))))
}

/// A field as a file's name. compat: a missing one is called `undefined`.
fn name_of(body: &Body, field: &str) -> String {
    let given = body.0.get(field);
    names::sanitize(&given.map_or_else(|| "undefined".to_owned(), js_string))
}

/// `POST /api/sd/comfy/workflows`
async fn list(tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    listed(&mut tx).await
}

/// `POST /api/sd/comfy/workflow`: its text, as JSON in a string; the default one's where it is not there.
async fn show(tenant: Tenant, body: Body) -> Result<Response> {
    let name = name_of(&body, "file_name");
    if name.is_empty() {
        return Err(Error::status(500));
    }
    let mut tx = tenant.begin().await?;
    let mut found = files::get(&mut tx, FOLDER, &name).await?;
    if found.is_none() {
        found = files::get(&mut tx, FOLDER, DEFAULT).await?;
    }
    let found = found.ok_or_else(|| Error::status(500))?;
    let bytes = blobs::read(&mut tx, &found.blob).await?;
    let text = Value::String(String::from_utf8_lossy(&bytes).into_owned());
    Ok(reply::html_text(to_vec(&text)))
}

/// `POST /api/sd/comfy/save-workflow`: the body's `workflow` as it is; answers the names. One that is missing is 400 and
/// leaves the old one, which the original empties.
async fn save(tenant: Tenant, body: Body) -> Result<Response> {
    let name = name_of(&body, "file_name");
    if name.is_empty() {
        return Err(Error::status(500));
    }
    let given = body.0.get("workflow").filter(|text| !text.is_null());
    let text = js_string(given.ok_or_else(Error::bad_request)?);
    let mut tx = tenant.begin().await?;
    let blob = blobs::put(&mut tx, lossy(&text).as_bytes()).await?;
    files::put(&mut tx, FOLDER, &name, &blob).await?;
    let answer = listed(&mut tx).await?;
    tx.commit().await?;
    Ok(answer)
}

/// `POST /api/sd/comfy/delete-workflow`: 200 whether or not it was there.
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    let name = name_of(&body, "file_name");
    if name.is_empty() {
        return Err(Error::status(500));
    }
    let mut tx = tenant.begin().await?;
    files::delete(&mut tx, FOLDER, &name).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/sd/comfy/rename-workflow`
async fn rename(tenant: Tenant, body: Body) -> Result<Response> {
    for field in ["old_name", "new_name"] {
        let given = body.0.get(field).filter(|given| !given.is_null()).map(js_string);
        if given.is_some_and(|given| given.contains(['/', '\0'])) {
            return Err(Error::bad_request());
        }
    }
    let [old, new] = ["old_name", "new_name"].map(|field| name_of(&body, field));
    if !is_json(&old) || !is_json(&new) {
        return Err(Error::text(400, "Only JSON workflow files are allowed"));
    }
    let mut tx = tenant.begin().await?;
    if files::get(&mut tx, FOLDER, &old).await?.is_none() {
        return Err(Error::text(404, "Workflow not found"));
    }
    if !files::rename(&mut tx, FOLDER, &old, &new).await? {
        return Err(Error::text(409, "A workflow with that name already exists"));
    }
    tx.commit().await?;
    Ok(reply::status(StatusCode::NO_CONTENT))
}

/// Whether a file's name says that it is JSON. compat: a name that is nothing else says nothing.
fn is_json(name: &str) -> bool {
    let parts = name.rsplit_once('.');
    parts.is_some_and(|(stem, extension)| !stem.is_empty() && extension.eq_ignore_ascii_case("json"))
}

//! `/api/avatars`: the pictures of personas.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Utc;
use serde_json::{Value, json};
use squaretable_compat::names;

use crate::error::{Error, Result};
use crate::extract::{Body, Upload};
use crate::middleware::cache_buster::picture_changed;
use crate::pictures::{self, Crop, off_thread};
use crate::reply;
use crate::routes::Routes;
use crate::store::{blobs, files, thumbnails};
use crate::tenant::Tenant;

use super::thumbnail::{Kind, single};
use super::user_files;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/avatars/get", get)
        .post("/api/avatars/delete", delete)
        .post("/api/avatars/upload", upload)
}

/// `POST /api/avatars/get`: file names, in locale order.
async fn get(tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let found = user_files::pictures(files::list(&mut tx, Kind::Persona.folder()).await?);
    Ok(reply::json(
        &found.iter().map(|file| &file.name).collect::<Vec<_>>(),
    ))
}

/// `POST /api/avatars/delete`
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("avatar")?;
    // compat: a value that is no text, or names the folder itself, is an error page.
    let name = body
        .text("avatar")
        .ok_or(Error::Page(StatusCode::INTERNAL_SERVER_ERROR))?;
    if names::sanitize(name) != name {
        return Err(Error::forbidden());
    }
    let mut tx = tenant.begin().await?;
    if !files::delete(&mut tx, Kind::Persona.folder(), name).await? {
        return Err(Error::not_found());
    }
    thumbnails::delete(&mut tx, Kind::Persona.as_str(), name).await?;
    tx.commit().await?;
    Ok(reply::json(&json!({ "result": "ok" })))
}

/// `POST /api/avatars/upload?crop=<JSON>`: the picture as PNG, under `overwrite_name` or a new name.
///
/// compat: `overwrite_name` keeps its extension, whatever it is; the content is a PNG.
async fn upload(
    tenant: Tenant,
    Query(query): Query<Vec<(String, String)>>,
    upload: Upload,
) -> Result<Response> {
    upload.fields.guard("overwrite_name")?;
    let file = upload.file.ok_or(Error::bad_request())?;
    let invalid = || Error::text(400, "Is not a valid image");
    let overwrite = upload.fields.truthy("overwrite_name");
    let name = match upload.fields.get("overwrite_name") {
        Value::String(name) if overwrite => names::sanitize(name),
        _ if overwrite => return Err(invalid()),
        _ => format!("{}.png", Utc::now().timestamp_millis()),
    };
    if name.is_empty() || file.size > pictures::MAX_ENCODED {
        return Err(invalid());
    }
    let crop = single(&query, "crop").and_then(Crop::from_query);
    let bytes = file.read().await?;
    let picture = off_thread(move || pictures::avatar_png(&bytes, crop))
        .await?
        .map_err(|error| {
            tracing::debug!(%error, "an uploaded avatar was refused");
            invalid()
        })?;
    let mut tx = tenant.begin().await?;
    let blob = blobs::put(&mut tx, &picture).await?;
    files::put(&mut tx, Kind::Persona.folder(), &name, &blob).await?;
    tx.commit().await?;
    let mut response = reply::json(&json!({ "path": name }));
    if overwrite {
        picture_changed(&mut response);
    }
    Ok(response)
}

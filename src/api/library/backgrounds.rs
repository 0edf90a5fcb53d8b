//! `/api/backgrounds`: chat backgrounds, pictures and videos.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};
use squaretable_compat::{json as text, names};

use crate::app::App;
use crate::error::{Error, FaultShape, Result};
use crate::extract::{Body, Upload};
use crate::pictures::{self, off_thread};
use crate::reply;
use crate::routes::Routes;
use crate::store::{blobs, files, thumbnails};
use crate::tenant::Tenant;

use super::image_metadata::index::{Entry, Index};
use super::image_metadata::{Picture, entries};
use super::thumbnail::Kind;
use super::user_files;
use crate::api::stored::Original;

const KIND: Kind = Kind::Background;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/backgrounds/all", all)
        .post("/api/backgrounds/folders", folders)
        .post("/api/backgrounds/delete", delete)
        .post("/api/backgrounds/rename", rename)
        .post("/api/backgrounds/upload", upload)
}

/// `POST /api/backgrounds/all`: the pictures in locale order (not the videos); brings the index of pictures up to date.
async fn all(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    list(&app, &tenant)
        .await
        .fault_as(|| Error::json_error(500, "Failed to fetch backgrounds"))
}

async fn list(app: &App, tenant: &Tenant) -> Result<Response> {
    let (width, height) = KIND.dimensions(&app.config().content.thumbnails);
    let mut tx = tenant.begin().await?;
    let found = user_files::pictures(files::list(&mut tx, KIND.folder()).await?);
    drop(tx);
    let pictures = found.into_iter().map(|file| Picture {
        path: key(&file.name),
        original: Original::File(file),
    });
    let pictures: Vec<_> = pictures.collect();
    let known = entries(tenant, &pictures, resolution(app)).await?;
    let images: Vec<_> = pictures
        .iter()
        .map(|picture| {
            let is_animated = known.get(&picture.path).and_then(|entry| entry.get("isAnimated"));
            json!({
                "filename": names::file_name(&picture.path),
                "isAnimated": is_animated.cloned().unwrap_or(Value::Bool(false)),
            })
        })
        .collect();
    Ok(reply::json(
        &json!({ "images": images, "config": { "width": width, "height": height } }),
    ))
}

/// `POST /api/backgrounds/folders`: virtual folders, and which pictures are in them.
async fn folders(tenant: Tenant) -> Result<Response> {
    read_folders(&tenant)
        .await
        .fault_as(|| Error::json_error(500, "Internal server error."))
}

async fn read_folders(tenant: &Tenant) -> Result<Response> {
    let index = Index::read(&mut tenant.begin().await?).await?;
    let mut by_image = Map::new();
    for (path, entry) in index.images() {
        if let Some(ids) = entry
            .get("folderIds")
            .filter(|ids| ids.as_array().is_some_and(|ids| !ids.is_empty()))
        {
            by_image.insert(names::file_name(path).to_owned(), ids.clone());
        }
    }
    let answer = json!({ "folders": index.folders(), "imageFolderMap": by_image });
    Ok(reply::json_bytes(text::to_vec(&answer)))
}

/// `POST /api/backgrounds/delete`
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    body.guard("bg")?;
    // compat: a missing name, or that of the folder itself, is a 500.
    let name = body.text("bg").ok_or(Error::status(500))?;
    if names::sanitize(name) != name {
        return Err(Error::forbidden());
    }
    let mut tx = tenant.begin().await?;
    if !files::delete(&mut tx, KIND.folder(), name).await? {
        return Err(Error::bad_request());
    }
    thumbnails::delete(&mut tx, KIND.as_str(), name).await?;
    let mut index = Index::read_for_update(&mut tx).await?;
    if index.remove(&key(name)) {
        index.write(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(reply::html_text("ok"))
}

/// `POST /api/backgrounds/rename`: the file, its index entry and its places as a folder's cover.
async fn rename(tenant: Tenant, body: Body) -> Result<Response> {
    let name = |field| Ok::<_, Error>(names::sanitize(body.str(field).ok_or(Error::status(500))?));
    let (old, new) = (name("old_bg")?, name("new_bg")?);
    let mut tx = tenant.begin().await?;
    if old.is_empty() {
        // compat: what is left of the name stands for the folder itself, which cannot be copied.
        return Err(Error::status(500));
    }
    if new.is_empty() || !files::rename(&mut tx, KIND.folder(), &old, &new).await? {
        return Err(Error::bad_request());
    }
    thumbnails::delete(&mut tx, KIND.as_str(), &old).await?;
    let mut index = Index::read_for_update(&mut tx).await?;
    if index.rename(&key(&old), &key(&new)) {
        index.write(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(reply::html_text("ok"))
}

/// `POST /api/backgrounds/upload`: bytes unchanged, replacing what had the name.
async fn upload(State(app): State<App>, tenant: Tenant, upload: Upload) -> Result<Response> {
    let file = upload.file.ok_or(Error::bad_request())?;
    let name = names::sanitize(&file.original_name);
    if name.is_empty() {
        return Err(Error::status(500));
    }
    // Before the transaction, which locks the index: looking at a picture takes a while.
    let entry = if file.size <= pictures::MAX_ENCODED {
        let bytes = file.read().await?;
        off_thread(move || Entry::of(&bytes)).await?.ok()
    } else {
        None
    };
    let mut tx = tenant.begin().await?;
    let blob = blobs::put_file(&mut tx, file.path()).await?;
    files::put(&mut tx, KIND.folder(), &name, &blob).await?;
    if let Some(entry) = entry
        && let Some(stored) = files::get(&mut tx, KIND.folder(), &name).await?
    {
        let mut index = Index::read_for_update(&mut tx).await?;
        index.set(
            &key(&name),
            &entry,
            resolution(&app),
            stored.created_at,
            stored.modified_at,
        );
        index.write(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(reply::html_text(name))
}

/// Key of a background in the index of pictures.
fn key(name: &str) -> String {
    format!("{}/{name}", KIND.folder())
}

fn resolution(app: &App) -> u64 {
    let (width, height) = KIND.dimensions(&app.config().content.thumbnails);
    u64::from(width) * u64::from(height)
}

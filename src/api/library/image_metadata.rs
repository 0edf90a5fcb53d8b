//! `/api/image-metadata`: what is known of pictures, and the virtual folders of backgrounds.

pub mod folders;
pub mod index;

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};
use squaretable_compat::json as text;

use crate::app::App;
use crate::error::{Error, FaultShape, Result};
use crate::extract::Body;
use crate::pictures::{self, off_thread};
use crate::reply;
use crate::routes::Routes;
use crate::store::{Tx, characters, files};
use crate::tenant::Tenant;

use super::thumbnail::Kind;
use super::user_files::{below_root, split};
use crate::api::stored::Original;

use index::{Entry, Index};

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/image-metadata/", get)
        .post("/api/image-metadata/all", all)
        .post("/api/image-metadata/cleanup", cleanup)
        .merge(folders::routes())
}

/// A picture and its key in the index.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Path below the user's root.
    pub path: String,
    /// The file.
    pub original: Original,
}

/// The answer of these routes to anything unforeseen.
fn failed() -> Error {
    Error::json_error(500, "Internal server error.")
}

/// `POST /api/image-metadata/`: of one `path` its entry, of several `paths` a map.
async fn get(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let paths = body.get("paths");
    if !body.truthy("path") && !text::js_truthy(paths) {
        return Err(Error::json_error(
            400,
            "Either \"path\" or \"paths\" is required.",
        ));
    }
    let kind = body.str("type").and_then(Kind::parse);
    let resolution = kind.map_or(0, |kind| {
        let (width, height) = kind.dimensions(&app.config().content.thumbnails);
        u64::from(width) * u64::from(height)
    });
    if !text::js_truthy(paths) {
        let path = body.str("path").ok_or_else(failed)?;
        return one(&tenant, path, resolution).await.fault_as(failed);
    }
    let Value::Array(paths) = paths else {
        return Err(Error::json_error(400, "Invalid request format."));
    };
    several(&tenant, paths, resolution).await.fault_as(failed)
}

async fn one(tenant: &Tenant, path: &str, resolution: u64) -> Result<Response> {
    let key = inside(path).ok_or_else(failed)?;
    let unreadable = || Error::json_error(404, "Could not generate metadata for file.");
    // compat: the root exists, but is no picture.
    if key.is_empty() {
        return Err(unreadable());
    }
    let mut tx = tenant.begin().await?;
    let found = find(&mut tx, &key)
        .await?
        .ok_or_else(|| Error::json_error(404, "File not found."))?;
    drop(tx);
    let picture = Picture {
        path: path.to_owned(),
        original: found,
    };
    let mut known = entries(tenant, &[picture], resolution).await?;
    match known.remove(path) {
        Some(entry) => Ok(reply::json_bytes(text::to_vec(&entry))),
        None => Err(unreadable()),
    }
}

async fn several(tenant: &Tenant, paths: &[Value], resolution: u64) -> Result<Response> {
    let (mut answer, mut pictures) = (Map::new(), Vec::new());
    let mut tx = tenant.begin().await?;
    for path in paths {
        let name = text::js_string(path);
        let Some(key) = path.as_str().and_then(inside) else {
            let message = match received(path) {
                None => format!("Path \"{name}\" is outside the user data directory."),
                Some(what) => format!("The \"paths[1]\" argument must be of type string. Received {what}"),
            };
            answer.insert(name, json!({ "error": message }));
            continue;
        };
        if let Some(original) = find(&mut tx, &key).await? {
            pictures.push(Picture {
                path: name.clone(),
                original,
            });
        }
        answer.insert(name, json!({ "error": "File not found or could not process." }));
    }
    drop(tx);
    answer.extend(entries(tenant, &pictures, resolution).await?);
    Ok(reply::json_bytes(text::to_vec(&Value::Object(answer))))
}

/// compat: how Node names what is no path; `None` for a text.
fn received(value: &Value) -> Option<String> {
    Some(match value {
        Value::String(_) => return None,
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("type boolean ({flag})"),
        Value::Number(_) => format!("type number ({})", text::js_string(value)),
        Value::Array(_) => "an instance of Array".to_owned(),
        Value::Object(_) => "an instance of Object".to_owned(),
    })
}

/// A client's path, plain; `None` for one outside the user's root, as every absolute one is.
fn inside(path: &str) -> Option<String> {
    if path.starts_with('/') {
        None
    } else {
        below_root(path)
    }
}

async fn find(tx: &mut Tx, path: &str) -> Result<Option<Original>> {
    if path.contains('\0') {
        return Ok(None);
    }
    let (folder, name) = split(path);
    Original::find(tx, folder, name).await
}

/// The entries of pictures by their paths, made anew where the file is no longer the one that was looked at, and then
/// stored. A picture that cannot be read has none.
///
/// # Errors
/// The database failed.
pub async fn entries(
    tenant: &Tenant,
    pictures: &[Picture],
    resolution: u64,
) -> Result<HashMap<String, Value>> {
    let index = Index::read(&mut tenant.begin().await?).await?;
    let (mut known, mut made) = (HashMap::new(), Vec::new());
    for picture in pictures {
        match index.current(&picture.path, picture.original.modified_at()) {
            Some(entry) => _ = known.insert(picture.path.clone(), entry.clone()),
            None => made.extend(make(tenant, picture).await?.map(|entry| (picture, entry))),
        }
    }
    if !made.is_empty() {
        // The looking took a while: only now is the index locked, and read again.
        let mut tx = tenant.begin().await?;
        let mut index = Index::read_for_update(&mut tx).await?;
        for (picture, entry) in made {
            let (added, modified) = (picture.original.created_at(), picture.original.modified_at());
            let value = index.set(&picture.path, &entry, resolution, added, modified);
            known.insert(picture.path.clone(), value);
        }
        index.write(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(known)
}

async fn make(tenant: &Tenant, picture: &Picture) -> Result<Option<Entry>> {
    if picture.original.pixels().size > pictures::MAX_ENCODED {
        return Ok(None);
    }
    let bytes = picture.original.read(&mut tenant.begin().await?).await?;
    match off_thread(move || Entry::of(&bytes)).await? {
        Ok(entry) => Ok(Some(entry)),
        Err(error) => {
            tracing::debug!(path = picture.path, %error, "no metadata for this file");
            Ok(None)
        }
    }
}

/// `POST /api/image-metadata/all`: the index, or with `prefix` the entries whose paths start with it.
async fn all(tenant: Tenant, body: Body) -> Result<Response> {
    let prefix = if body.truthy("prefix") {
        text::js_string(body.get("prefix"))
    } else {
        String::new()
    };
    let index = read(&tenant).await.fault_as(failed)?;
    let answer = if prefix.is_empty() {
        index.as_json()
    } else {
        index.below(&prefix)
    };
    Ok(reply::json_bytes(text::to_vec(&answer)))
}

async fn read(tenant: &Tenant) -> Result<Index> {
    Index::read(&mut tenant.begin().await?).await
}

/// `POST /api/image-metadata/cleanup`: drops the entries of files that are gone.
async fn cleanup(tenant: Tenant) -> Result<Response> {
    let removed = remove_orphans(&tenant).await.fault_as(failed)?;
    Ok(reply::json(
        &json!({ "removed": removed, "count": removed.len() }),
    ))
}

async fn remove_orphans(tenant: &Tenant) -> Result<Vec<String>> {
    let mut tx = tenant.begin().await?;
    let mut index = Index::read_for_update(&mut tx).await?;
    let plain: HashMap<String, String> = index
        .images()
        .filter_map(|(key, _)| Some((key.clone(), inside(key)?)))
        .collect();
    let folders: HashSet<String> = plain.values().map(|path| split(path).0.to_owned()).collect();
    let mut existing = HashSet::new();
    for folder in folders {
        let path = |name: &str| {
            if folder.is_empty() {
                name.to_owned()
            } else {
                format!("{folder}/{name}")
            }
        };
        existing.extend(
            files::list(&mut tx, &folder)
                .await?
                .iter()
                .map(|file| path(&file.name)),
        );
        if folder == Kind::Avatar.folder() {
            existing.extend(characters::avatars(&mut tx).await?.iter().map(|name| path(name)));
        }
    }
    let removed = index.retain(|key| plain.get(key).is_some_and(|path| existing.contains(path)));
    if !removed.is_empty() {
        index.write(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(removed)
}

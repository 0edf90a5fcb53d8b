//! `/api/files`: attachments, in `user/files`.

use std::collections::HashSet;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use squaretable_compat::buffer::from_base64;
use squaretable_compat::{json as text, names};

use crate::error::{Error, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::store::{blobs, files};
use crate::tenant::Tenant;

use super::user_files::{below_root, split};

/// The attachments' folder below the user's root.
const FILES: &str = "user/files";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/files/sanitize-filename", sanitize_filename)
        .post("/api/files/upload", upload)
        .post("/api/files/delete", delete)
        .post("/api/files/verify", verify)
}

/// `POST /api/files/sanitize-filename`
///
/// compat: a body without the field asks for the name `undefined`.
async fn sanitize_filename(body: Body) -> Result<Response> {
    let name = body
        .0
        .get("fileName")
        .map_or_else(|| "undefined".to_owned(), text::js_string);
    if name.is_empty() {
        return Err(Error::text(400, "No fileName specified"));
    }
    Ok(reply::json_bytes(text::to_vec(
        &json!({ "fileName": names::sanitize(&name) }),
    )))
}

/// `POST /api/files/upload`: base64 in, the path for the browser out.
async fn upload(tenant: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("name") {
        return Err(Error::text(400, "No upload name specified"));
    }
    if !body.truthy("data") {
        return Err(Error::text(400, "No upload data specified"));
    }
    // compat: what is no text fails only where it would become a path.
    names::asset_name(&body.string("name")).map_err(|message| Error::text(400, message))?;
    let name = body.str("name").ok_or(Error::status(500))?;
    let data = from_base64(text::js_string(body.get("data")).as_bytes());
    let mut tx = tenant.begin().await?;
    let blob = blobs::put(&mut tx, &data).await?;
    files::put(&mut tx, FILES, name, &blob).await?;
    files::create_folder(&mut tx, FILES).await?;
    tx.commit().await?;
    Ok(reply::json(&json!({ "path": format!("/{FILES}/{name}") })))
}

/// A client's path, plain; `None` outside the attachments.
///
/// compat: the original compares letters, so `user/files-old` counts as inside (and is never found).
fn inside(path: &str) -> Option<String> {
    below_root(path).filter(|path| path.starts_with(FILES))
}

/// `POST /api/files/delete`
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("path") {
        return Err(Error::text(400, "No path specified"));
    }
    let path = inside(body.str("path").ok_or(Error::status(500))?)
        .ok_or_else(|| Error::text(400, "Invalid path"))?;
    let (folder, name) = split(&path);
    let mut tx = tenant.begin().await?;
    if !files::delete(&mut tx, folder, name).await? {
        // compat: a folder exists, but is not a file that could be deleted.
        return Err(
            match files::folder_exists(&mut tx, path.trim_end_matches('/')).await? {
                true => Error::status(500),
                false => Error::text(404, "File not found"),
            },
        );
    }
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/files/verify`: which of the URLs exist; those outside the attachments are left out.
async fn verify(tenant: Tenant, body: Body) -> Result<Response> {
    let Value::Array(urls) = body.get("urls") else {
        return Err(Error::text(400, "No URLs specified"));
    };
    let mut tx = tenant.begin().await?;
    let stored = files::list_recursive(&mut tx, FILES).await?;
    let stored: HashSet<String> = stored
        .into_iter()
        .map(|file| format!("{}/{}", file.folder, file.name))
        .collect();
    let mut verified = Map::new();
    for url in urls {
        let url = url.as_str().ok_or(Error::status(500))?;
        if let Some(path) = inside(url) {
            let exists =
                stored.contains(&path) || files::folder_exists(&mut tx, path.trim_end_matches('/')).await?;
            verified.insert(url.to_owned(), exists.into());
        }
    }
    Ok(reply::json_bytes(text::to_vec(&Value::Object(verified))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_are_below_their_folder() {
        assert_eq!(inside("/user/files/a.txt").as_deref(), Some("user/files/a.txt"));
        assert_eq!(
            inside("user/files/x/../a.txt").as_deref(),
            Some("user/files/a.txt")
        );
        assert_eq!(inside("/user/files/../../settings.json"), None);
        assert_eq!(inside("/user/images/a.png"), None);
        assert_eq!(inside("../user/files/a.txt"), None);
    }
}

//! `/api/images`: the gallery, in `user/images` and one folder a character below it.

use axum::extract::OriginalUri;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Utc;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use squaretable_compat::buffer::from_base64;
use squaretable_compat::{json as text, names};

use crate::error::{Error, FaultShape, Result};
use crate::extract::Body;
use crate::reply;
use crate::routes::Routes;
use crate::store::{blobs, files};
use crate::tenant::Tenant;

use super::user_files::{self, Media, below_root, split};

/// The gallery below the user's root.
const IMAGES: &str = "user/images";

/// Extensions that may be uploaded, in this case.
const FORMATS: [&str; 23] = [
    "bmp", "png", "jpg", "webp", "jpeg", "jfif", "gif", "mp4", "avi", "mov", "wmv", "flv", "webm", "3gp",
    "mkv", "mpg", "mp3", "wav", "ogg", "flac", "aac", "m4a", "aiff",
];

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/images/upload", upload)
        .post("/api/images/list/:folder?", list)
        .post("/api/images/folders", folders)
        .post("/api/images/delete", delete)
}

/// `POST /api/images/upload`: base64 in, the path for the browser out.
async fn upload(tenant: Tenant, body: Body) -> Result<Response> {
    let failed = || Error::json_error(500, "Failed to save the image");
    if !body.truthy("image") {
        return Err(Error::json_error(400, "No image data provided"));
    }
    let format = body.str("format").filter(|format| FORMATS.contains(format));
    let format = format.ok_or_else(|| Error::json_error(400, "Invalid image format"))?;
    let image = from_base64(body.str("image").ok_or_else(failed)?.as_bytes());
    let stem = match body.get("filename") {
        Value::String(name) if !name.is_empty() => without_extension(name).to_owned(),
        given if text::js_truthy(given) => return Err(failed()),
        _ => Utc::now().timestamp_millis().to_string(),
    };
    let name = names::sanitize(&format!("{stem}.{format}"));
    if name.is_empty() {
        return Err(failed());
    }
    let folder = match body.get("ch_name") {
        Value::String(character) => subfolder(character),
        given if text::js_truthy(given) => return Err(failed()),
        _ => IMAGES.to_owned(),
    };
    store(&tenant, &folder, &name, &image).await.fault_as(failed)?;
    Ok(reply::json(&json!({ "path": format!("/{folder}/{name}") })))
}

async fn store(tenant: &Tenant, folder: &str, name: &str, image: &[u8]) -> Result<()> {
    let mut tx = tenant.begin().await?;
    let blob = blobs::put(&mut tx, image).await?;
    files::put(&mut tx, folder, name, &blob).await?;
    files::create_folder(&mut tx, folder).await?;
    tx.commit().await
}

/// The folder of a character; the gallery itself where nothing of the name is left.
fn subfolder(name: &str) -> String {
    let name = names::sanitize(name);
    if name.is_empty() {
        IMAGES.to_owned()
    } else {
        format!("{IMAGES}/{name}")
    }
}

/// The name without its last dot and what follows; a dot at the end stays.
fn without_extension(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !extension.is_empty() => stem,
        _ => name,
    }
}

/// `POST /api/images/list/:folder?`: file names of a folder, which is made if there is none.
async fn list(OriginalUri(uri): OriginalUri, tenant: Tenant, body: Body) -> Result<Response> {
    let failed = || Error::json_error(500, "Unable to retrieve files");
    let folder = match (parameter(uri.path()), body.truthy("folder")) {
        (Some(_), true) => return Err(Error::json_error(400, "Folder specified in both URL and body")),
        (Some(folder), false) => folder,
        (None, true) => body.str("folder").ok_or_else(failed)?.to_owned(),
        (None, false) => return Err(Error::json_error(400, "No folder specified")),
    };
    let media = match body.get("type") {
        Value::Null => Media::IMAGES,
        flags => Media(to_int32(text::js_to_number(flags))),
    };
    let by = if body.truthy("sortField") {
        body.str("sortField").unwrap_or("")
    } else {
        "date"
    };
    let mut found = read_folder(&tenant, &subfolder(&folder)).await.fault_as(failed)?;
    found.retain(|file| media.holds(&file.name));
    user_files::sort(&mut found, by);
    if body.str("sortOrder") == Some("desc") {
        found.reverse();
    }
    Ok(reply::json(
        &found.iter().map(|file| &file.name).collect::<Vec<_>>(),
    ))
}

/// The route's parameter. It is read from the address as it was sent, in its own case.
fn parameter(path: &str) -> Option<String> {
    let rest = path.get("/api/images/list".len()..)?.trim_matches('/');
    (!rest.is_empty()).then(|| percent_decode_str(rest).decode_utf8_lossy().into_owned())
}

/// A number as JavaScript's bit operators take it.
fn to_int32(number: f64) -> i32 {
    if number.is_finite() {
        number.trunc().rem_euclid(f64::from(u32::MAX) + 1.0) as u32 as i32
    } else {
        0
    }
}

async fn read_folder(tenant: &Tenant, folder: &str) -> Result<Vec<files::StoredFile>> {
    let mut tx = tenant.begin().await?;
    let found = files::list(&mut tx, folder).await?;
    if found.is_empty() && !files::folder_exists(&mut tx, folder).await? {
        files::create_folder(&mut tx, folder).await?;
        tx.commit().await?;
    }
    Ok(found)
}

/// `POST /api/images/folders`: names of the folders, by their bytes.
async fn folders(tenant: Tenant) -> Result<Response> {
    let failed = || Error::json_error(500, "Unable to retrieve folders");
    Ok(reply::json(&read_folders(&tenant).await.fault_as(failed)?))
}

async fn read_folders(tenant: &Tenant) -> Result<Vec<String>> {
    files::list_folders(&mut tenant.begin().await?, IMAGES).await
}

/// `POST /api/images/delete`
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("path") {
        return Err(Error::text(400, "No path specified"));
    }
    let path = below_root(body.str("path").ok_or(Error::status(500))?);
    let path = path.filter(|path| {
        path.strip_prefix(IMAGES)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let path = path.ok_or_else(|| Error::text(400, "Invalid path"))?;
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
    files::create_folder(&mut tx, folder).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_extension_goes() {
        let cases = [
            ("a.png", "a"),
            ("a.b.png", "a.b"),
            ("a", "a"),
            ("a.", "a."),
            (".png", ""),
            ("a.b/c", "a"),
        ];
        for (name, stem) in cases {
            assert_eq!(without_extension(name), stem);
        }
    }

    #[test]
    fn the_parameter_keeps_its_case() {
        assert_eq!(
            parameter("/api/images/list/My%20Folder/").as_deref(),
            Some("My Folder")
        );
        assert_eq!(parameter("/API/Images/List/"), None);
        assert_eq!(parameter("/api/images/list"), None);
    }

    #[test]
    fn flags_are_cut_as_javascript_cuts_them() {
        assert_eq!(
            [7.9, -1.0, 4294967297.0, f64::NAN, f64::INFINITY].map(to_int32),
            [7, -1, 1, 0, 0]
        );
    }
}

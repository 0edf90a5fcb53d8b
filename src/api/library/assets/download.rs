//! `POST /api/assets/download`: fetches an asset for the user, to keep it or to hand it on.

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use reqwest::Url;
use serde_json::Value;
use squaretable_compat::json::lossy;
use squaretable_compat::names;
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

use super::{ASSETS, category_of, file_name};
use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::{Body, js_text};
use crate::mime;
use crate::pictures;
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::reply;
use crate::store::{blobs, files};
use crate::tenant::Tenant;

/// Longest file that is handed on, in bytes: as large as a card that is imported from elsewhere.
const MAX_HANDED_ON: u64 = pictures::MAX_ENCODED;

/// `POST /api/assets/download`: stores what a listed host (`whitelistImportDomains`) has at an address; for the
/// category `character` the answer is the file, and nothing is stored.
///
/// The file may be as large as the largest body that a user may send.
pub(super) async fn download(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let url = address(body.get("url"), &app.config().content.import_domains)?;
    let category = body.get("category");
    if js_text(category).is_none() {
        return Err(Error::status(500));
    }
    let category = category_of(category).ok_or(Error::bad_request())?;
    let name = file_name(&body)?;
    let request = Upstream {
        method: Method::GET,
        url,
        headers: UpstreamHeaders::default(),
        body: Bytes::new(),
    };
    let answer = app.relay().send(request).await.map_err(|error| failed(&error))?;
    if !answer.is_success() {
        tracing::warn!(status = %answer.status(), "the download of an asset was refused");
        return Err(Error::status(500));
    }
    if category == "character" {
        let file = answer.bytes_within(MAX_HANDED_ON).await;
        let file = file.map_err(|error| failed(&error))?;
        let file = file.ok_or_else(|| too_large(MAX_HANDED_ON))?;
        return Ok(reply::bytes(StatusCode::OK, content_type(name), file));
    }
    let limit = app.config().http.max_body_bytes as u64;
    let path = save(&app, answer, limit).await?;
    let folder = format!("{ASSETS}/{category}");
    let mut tx = tenant.begin().await?;
    if files::folder_exists(&mut tx, &format!("{folder}/{name}")).await? {
        return Err(Error::status(500));
    }
    let blob = blobs::put_file(&mut tx, &path).await?;
    files::put(&mut tx, &folder, name, &blob).await?;
    files::create_folder(&mut tx, &folder).await?;
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// The address, if its host is listed. Redirects from there may lead elsewhere, as far as the relay lets them.
fn address(value: &Value, allowed: &[String]) -> Result<Url> {
    let text = js_text(value).ok_or(Error::bad_request())?;
    let url = Url::parse(&lossy(&text)).map_err(|_| Error::bad_request())?;
    let host = url.host_str().unwrap_or_default();
    if !allowed.iter().any(|entry| entry == host) {
        tracing::warn!(
            host,
            "a download was refused: whitelistImportDomains does not list the host"
        );
        return Err(Error::not_found());
    }
    Ok(url)
}

/// The form for logs holds no query and no credentials.
fn failed(error: &RelayError) -> Error {
    tracing::warn!(?error, "the download of an asset failed");
    Error::status(500)
}

fn too_large(limit: u64) -> Error {
    Error::text(413, format!("The file is larger than {} MiB.", limit >> 20))
}

/// Writes the body to a file that lasts as long as the value.
async fn save(app: &App, mut answer: UpstreamReply, limit: u64) -> Result<TempPath> {
    let (file, path) = tempfile::NamedTempFile::new_in(app.uploads())?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut size = 0;
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
        size += chunk.len() as u64;
        if size > limit {
            return Err(too_large(limit));
        }
        file.write_all(&chunk).await?;
    }
    file.flush().await?;
    Ok(path)
}

/// compat: without a charset, unlike a file that is served.
fn content_type(name: &str) -> &'static str {
    let known = (!names::extension(name).is_empty()).then(|| mime::media_type(name));
    known.flatten().unwrap_or("application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_listed_hosts_are_asked() {
        let allowed = ["files.example".to_owned(), "[::1]".to_owned()];
        let of = |value: Value| match address(&value, &allowed) {
            Ok(url) => url.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(of(json!(" https://FILES.example/a ")), "https://files.example/a");
        assert_eq!(of(json!(["http://[::1]:8/a"])), "http://[::1]:8/a");
        for elsewhere in [
            "https://files.example.evil.example/",
            "https://sub.files.example/",
            "https://files.example@evil.example/",
            "https://files.example./",
            "data:,a",
            "file:///etc/passwd",
        ] {
            assert_eq!(of(json!(elsewhere)), "404 Not Found", "{elsewhere}");
        }
        for nothing in [
            json!(null),
            json!(""),
            json!("files.example/a"),
            json!({ "toString": 1 }),
        ] {
            assert_eq!(of(nothing.clone()), "400 Bad Request", "{nothing}");
        }
    }

    #[test]
    fn a_type_follows_from_the_extension_alone() {
        assert_eq!(content_type("a.PNG"), "image/png");
        assert_eq!(content_type("a.json"), "application/json");
        assert_eq!(content_type("png"), "application/octet-stream");
        assert_eq!(content_type("a.unheardof"), "application/octet-stream");
    }
}

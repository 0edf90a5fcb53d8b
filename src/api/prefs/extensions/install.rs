//! Fetching an extension.

use axum::extract::State;
use axum::response::Response;
use reqwest::Url;
use serde_json::{Map, Value};
use squaretable_compat::{json, names};

use super::checkout::Checkout;
use super::shelf::Shelf;
use super::{MANIFEST, broken, failed, is_installed, require_admin, require_enabled};
use crate::app::App;
use crate::error::{Error, FaultShape, Result};
use crate::extract::Body;
use crate::reply;
use crate::store::extensions;
use crate::tenant::Tenant;

/// The largest manifest, in bytes.
const MANIFEST_BYTES: u64 = 1 << 20;

/// `POST /api/extensions/install` `{url, global?, branch?}`.
///
/// compat: the folder is named after the address, undecoded.
pub(super) async fn install(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    require_enabled(&app)?;
    if body.truthy("global") {
        require_admin(&tenant, "install global extensions")?;
    }
    let url = Url::parse(&json::js_string(body.get("url")))
        .map_err(|_| Error::text(400, "Bad Request: A valid URL is required in the request body."))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::text(
            400,
            "Bad Request: Only HTTP and HTTPS protocols are supported for the Extension URL.",
        ));
    }
    let name = names::sanitize(folder_name(url.path()));
    if name.is_empty() {
        return Err(Error::text(
            400,
            "Could not determine the extension name from the URL. Please provide a valid git repository URL.",
        ));
    }
    let shelf = Shelf::of(&app, &tenant, body.truthy("global"));
    fetch(&app, &shelf, &name, &url, &body).await.fault_as(failed)
}

async fn fetch(app: &App, shelf: &Shelf, name: &str, url: &Url, body: &Body) -> Result<Response> {
    let taken = || Error::text(409, format!("Directory already exists at {}", shelf.shown(name)));
    let exists = extensions::exists(&mut shelf.read().await?, name).await?;
    if exists || (shelf.is_shared() && is_installed(app, name).await) {
        return Err(taken());
    }
    let mut checkout = Checkout::new(app, shelf, name).await?;
    checkout.connect(app, url.as_str()).await?;
    let branch = branch(body.get("branch"))?;
    let workspace = checkout.workspace();
    workspace.clone_from(url.as_str(), branch.as_deref()).await?;
    workspace.check_tree("HEAD").await?;
    workspace.git(&["checkout", "--quiet", "--force", "HEAD"]).await?;
    let manifest = read_manifest(&checkout).await?;
    let mut answer = Map::new();
    for key in ["version", "author", "display_name"] {
        if let Some(value) = manifest.get(key) {
            answer.insert(key.to_owned(), value.clone());
        }
    }
    answer.insert("extensionPath".to_owned(), shelf.shown(name).into());
    answer.insert("folderName".to_owned(), name.into());
    if !checkout.save().await? {
        return Err(taken());
    }
    Ok(reply::json_bytes(json::to_vec(&Value::Object(answer))))
}

/// The last segment of a path without its `.git`, as the original's runtime cuts it out.
fn folder_name(path: &str) -> &str {
    let base = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match base.strip_suffix(".git") {
        Some(stem) if !stem.is_empty() => stem,
        _ => base,
    }
}

/// The branch or tag that was asked for. compat: what is neither text, number nor a list of them fails when git runs.
fn branch(value: &Value) -> Result<Option<String>> {
    match value {
        value if !json::js_truthy(value) => Ok(None),
        Value::String(_) | Value::Number(_) => Ok(Some(json::js_string(value))),
        Value::Array(items) => Ok(items
            .iter()
            .rev()
            .find(|item| item.is_string() || item.is_number())
            .map(json::js_string)),
        _ => Err(broken("the branch is no name")),
    }
}

async fn read_manifest(checkout: &Checkout) -> Result<Map<String, Value>> {
    let path = checkout.workspace().repository().join(MANIFEST);
    let meta = tokio::fs::symlink_metadata(&path)
        .await
        .map_err(|error| broken(format!("the manifest: {error}")))?;
    if !meta.is_file() || meta.len() > MANIFEST_BYTES {
        return Err(broken("the manifest is no file of at most 1 MiB"));
    }
    match json::parse(&tokio::fs::read(&path).await?) {
        Ok(Value::Object(manifest)) => Ok(manifest),
        _ => Err(broken("the manifest is no JSON object")),
    }
}

#[cfg(test)]
mod tests {
    use super::folder_name;

    #[test]
    fn extensions_are_named_after_the_last_segment() {
        let cases = [
            ("/user/Name.git", "Name"),
            ("/user/Name", "Name"),
            ("/user/Name.git/", "Name"),
            ("/.git", ".git"),
            ("/a/.git", ".git"),
            ("/", ""),
            ("/a%20b", "a%20b"),
        ];
        for (path, name) in cases {
            assert_eq!(folder_name(path), name, "{path}");
        }
    }
}

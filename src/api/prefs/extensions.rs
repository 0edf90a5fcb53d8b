//! `/api/extensions`: what extensions there are. Installing and updating them is not built yet.

use std::path::Path;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::app::App;
use crate::error::{Error, Result};
use crate::reply;
use crate::routes::Routes;
use crate::store::files;
use crate::tenant::Tenant;

const MANIFEST: &str = "manifest.json";

/// Folder of a user's own extensions below the user's root.
const LOCAL: &str = "extensions";

/// Folder of extensions that did not come with the frontend, below its own.
const THIRD_PARTY: &str = "third-party";

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/api/extensions/discover", discover)
}

/// An extension as the frontend asks for its files: below `/scripts/extensions/<name>/`.
#[derive(Debug, Serialize)]
struct Extension {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
}

/// `GET /api/extensions/discover`: the frontend's own, then the user's, then those of the whole installation that the
/// user has no own version of.
async fn discover(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    if !app.config().content.extensions.enabled {
        return Err(Error::not_found());
    }
    let installed = app.frontend().public().join("scripts/extensions");
    let mut found: Vec<Extension> = with_manifest(&installed)
        .await?
        .into_iter()
        .filter(|name| name != THIRD_PARTY)
        .map(|name| Extension { kind: "system", name })
        .collect();
    let mut tx = tenant.begin().await?;
    let local = files::folders_holding(&mut tx, LOCAL, MANIFEST).await?;
    let global = with_manifest(&installed.join(THIRD_PARTY)).await?;
    let global = global
        .into_iter()
        .filter(|name| !local.contains(name))
        .map(|name| ("global", name));
    let third_party = local.iter().cloned().map(|name| ("local", name)).chain(global);
    found.extend(third_party.map(|(kind, name)| Extension {
        kind,
        name: format!("{THIRD_PARTY}/{name}"),
    }));
    Ok(reply::json(&found))
}

/// The folders in `parent` that hold a manifest, by the bytes of their names; none where there is no such folder.
async fn with_manifest(parent: &Path) -> Result<Vec<String>> {
    let mut entries = match tokio::fs::read_dir(parent).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let manifest = entry.path().join(MANIFEST);
        if tokio::fs::metadata(manifest)
            .await
            .is_ok_and(|meta| meta.is_file())
        {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

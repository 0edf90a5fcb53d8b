//! What extensions there are.

use std::collections::BTreeSet;
use std::path::Path;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::{MANIFEST, THIRD_PARTY, installed, require_enabled};
use crate::app::App;
use crate::error::Result;
use crate::reply;
use crate::store::{extensions, files};
use crate::tenant::Tenant;

/// An extension as the frontend asks for its files: below `/scripts/extensions/<name>/`.
#[derive(Debug, Serialize)]
struct Extension {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
}

/// `GET /api/extensions/discover`: the frontend's own, then the user's, then those of the whole installation that the
/// user has no own version of.
pub(super) async fn discover(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    require_enabled(&app)?;
    let installed = installed(&app);
    let mut found: Vec<Extension> = with_manifest(&installed)
        .await?
        .into_iter()
        .filter(|name| name != THIRD_PARTY)
        .map(|name| Extension { kind: "system", name })
        .collect();
    let local = files::folders_holding(&mut tenant.begin().await?, extensions::FOLDER, MANIFEST).await?;
    let mut shared = tenant.shared(&app).read().await?;
    let stored = files::folders_holding(&mut shared, extensions::FOLDER, MANIFEST).await?;
    let global: BTreeSet<String> = with_manifest(&installed.join(THIRD_PARTY))
        .await?
        .into_iter()
        .chain(stored)
        .filter(|name| !local.contains(name))
        .collect();
    let third_party = local.into_iter().map(|name| ("local", name));
    let third_party = third_party.chain(global.into_iter().map(|name| ("global", name)));
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

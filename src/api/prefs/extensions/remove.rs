//! Moving extensions between a user and everybody, and removing them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::shelf::Shelf;
use super::{Wanted, failed, is_installed, name_of, require_admin, require_enabled};
use crate::app::App;
use crate::error::{Error, FaultShape, Result};
use crate::extract::Body;
use crate::reply;
use crate::store::{extensions, files};
use crate::tenant::Tenant;

/// `POST /api/extensions/delete` `{extensionName, global?}`.
pub(super) async fn delete(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    require_enabled(&app)?;
    let wanted = Wanted::of(&app, &tenant, &body, Some("delete"))?;
    remove(&app, &wanted).await.fault_as(failed)
}

async fn remove(app: &App, wanted: &Wanted) -> Result<Response> {
    let mut tx = wanted.shelf.change(&wanted.name).await?;
    if !extensions::exists(&mut tx, &wanted.name).await? {
        return Err(wanted.missing(app).await);
    }
    extensions::delete(&mut tx, &wanted.name).await?;
    tx.commit().await?;
    let place = wanted.shelf.shown(&wanted.name);
    Ok(reply::html_text(format!("Extension has been deleted at {place}")))
}

/// `POST /api/extensions/move` `{extensionName, source, destination}`, `global` or a user's own (any other word).
pub(super) async fn move_between(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    require_enabled(&app)?;
    if body.str("extensionName").is_none() {
        return Err(Error::text(
            400,
            "Bad Request: A valid extensionName is required in the request body.",
        ));
    }
    let (Some(name), true, true) = (name_of(&body), body.truthy("source"), body.truthy("destination")) else {
        return Err(Error::text(
            400,
            "Bad Request: A valid extensionName, source, and destination are required in the request body.",
        ));
    };
    require_admin(&tenant, "move extensions")?;
    let [from, to] = ["source", "destination"].map(|field| body.str(field) == Some("global"));
    relocate(&app, &tenant, &name, (from, to)).await.fault_as(failed)
}

/// Copies, then removes: whatever fails in between, the extension is somewhere.
async fn relocate(app: &App, tenant: &Tenant, name: &str, (from, to): (bool, bool)) -> Result<Response> {
    let [source, destination] = [from, to].map(|shared| Shelf::of(app, tenant, shared));
    let absent = || Error::text(404, "Source directory does not exist.");
    let taken = || Error::text(409, "Destination directory already exists.");
    if from == to {
        let exists = extensions::exists(&mut source.read().await?, name).await?;
        return Err(if exists { taken() } else { absent() });
    }
    // Everybody's first, always: two moves of one name in opposite directions must not wait for each other.
    let shared = if from { &source } else { &destination }.change(name).await?;
    let own = if from { &destination } else { &source }.change(name).await?;
    let (mut leaving, mut entering) = if from { (shared, own) } else { (own, shared) };
    if !extensions::exists(&mut leaving, name).await? {
        let is_installed = from && is_installed(app, name).await;
        return Err(if is_installed {
            Wanted {
                name: name.to_owned(),
                shelf: source,
            }
            .missing(app)
            .await
        } else {
            absent()
        });
    }
    if extensions::exists(&mut entering, name).await? || (to && is_installed(app, name).await) {
        return Err(taken());
    }
    let moved = extensions::list(&mut leaving, name).await?;
    let created = extensions::created_folders(&mut leaving, name).await?;
    extensions::take_over(&mut entering, &moved).await?;
    files::create_folders(&mut entering, &created).await?;
    extensions::delete(&mut leaving, name).await?;
    entering.commit().await?;
    leaving.commit().await?;
    Ok(reply::status(StatusCode::NO_CONTENT))
}

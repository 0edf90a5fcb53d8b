//! `/api/chats/group`: the chats of groups, by id.

use axum::extract::State;
use axum::response::Response;

use super::backups;
use super::chats::{GROUP_CHATS, Save, group_file, lines, remove, store};
use crate::app::App;
use crate::error::Result;
use crate::extract::{Body, RawBody};
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This file's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/chats/group/save", save)
        .post("/api/chats/group/get", get)
        .post("/api/chats/group/delete", delete)
}

/// `POST /api/chats/group/save`
async fn save(State(app): State<App>, tenant: Tenant, RawBody(raw): RawBody) -> Result<Response> {
    let save = Save::parse(&raw)?;
    let file_name = group_file(&save.names)?;
    let policy = backups::policy(&app, &save.names.string("id"));
    store(&app, &tenant, (GROUP_CHATS, &file_name), &save, policy).await
}

/// `POST /api/chats/group/get`
///
/// compat: always an array, never `{}`.
async fn get(tenant: Tenant, body: Body) -> Result<Response> {
    let file_name = group_file(&body)?;
    let mut tx = tenant.begin().await?;
    lines(&mut tx, GROUP_CHATS, &file_name).await
}

/// `POST /api/chats/group/delete`
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    remove(&tenant, GROUP_CHATS, &group_file(&body)?).await
}

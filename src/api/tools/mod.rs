//! What the frontend asks of services that are no language models: translation, search, voices, captions, lists.

pub mod captions;
pub mod catalogues;
pub mod local_models;
pub mod nanogpt;
pub mod openrouter;
pub mod search;
pub mod speech;
pub mod transcripts;
pub mod translate;
pub mod vector;
pub mod voices;

use serde_json::Value;

use crate::api::prefs::secrets;
use crate::app::App;
use crate::error::{Error, Result};
use crate::routes::Routes;
use crate::tenant::Tenant;

/// Every route of this room.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .merge(captions::routes())
        .merge(catalogues::routes())
        .merge(local_models::routes())
        .merge(nanogpt::routes())
        .merge(openrouter::routes())
        .merge(search::routes())
        .merge(speech::routes())
        .merge(transcripts::routes())
        .merge(translate::routes())
        .merge(vector::routes())
        .merge(voices::routes())
}

/// The user's active secret of this key; 400 without one.
pub(in crate::api) async fn key_of(app: &App, tenant: &Tenant, secret_key: &str) -> Result<String> {
    present(secrets::value_of(app, tenant, secret_key, None).await?)
}

/// The user's active secret of this key, else the one that is lent for requests such as this one; 400 without one.
pub(in crate::api) async fn key_for(
    app: &App,
    tenant: &Tenant,
    secret_key: &str,
    body: &Value,
) -> Result<String> {
    present(secrets::value_or_lent(app, tenant, secret_key, None, body).await?)
}

fn present(key: String) -> Result<String> {
    Some(key)
        .filter(|key| !key.is_empty())
        .ok_or_else(Error::bad_request)
}

//! `/api/secrets`: API keys. Encrypted at rest, masked on the way out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::json::{js_string, js_truthy, to_vec};
use squaretable_compat::secrets::{Secrets, is_exportable};

use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::keys::MasterKey;
use crate::reply;
use crate::routes::Routes;
use crate::store::{Tx, secrets};
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/secrets/write", write)
        .post("/api/secrets/read", read)
        .post("/api/secrets/view", view)
        .post("/api/secrets/find", find)
        .post("/api/secrets/delete", delete)
        .post("/api/secrets/rotate", rotate)
        .post("/api/secrets/rename", rename)
        .post("/api/secrets/settings", settings)
}

/// The value that an upstream request of this tenant needs: the secret `id` of `key`, else the active one, else `""`.
///
/// # Errors
/// The database failed, or the document cannot be decrypted.
pub async fn value_of(app: &App, tenant: &Tenant, key: &str, id: Option<&str>) -> Result<String> {
    let mut tx = tenant.begin().await?;
    let document = parse(secrets::get(&mut tx, app.keys()).await?)?;
    Ok(document.value(key, id))
}

/// `POST /api/secrets/write`
async fn write(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    let (true, Some(value)) = (body.truthy("key"), body.str("value")) else {
        return Err(Error::text(400, "Invalid key or value"));
    };
    let id = uuid::Uuid::new_v4().to_string();
    let mut tx = tenant.begin().await?;
    let mut document = parse(secrets::get_for_update(&mut tx, app.keys()).await?)?;
    document.write(&js_string(body.get("key")), &id, value, body.0.get("label"));
    store(tx, app.keys(), &document).await?;
    Ok(reply::json(&json!({ "id": id })))
}

/// `POST /api/secrets/read`
///
/// A failure is a 5xx; the original answers `{}`, which the frontend takes for "no keys".
async fn read(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let document = parse(secrets::get(&mut tx, app.keys()).await?)?;
    let state = document.state(app.config().content.allow_keys_exposure);
    Ok(reply::json_bytes(to_vec(&state.into())))
}

/// `POST /api/secrets/view`
async fn view(State(app): State<App>, tenant: Tenant) -> Result<Response> {
    if !app.config().content.allow_keys_exposure {
        return Err(Error::forbidden());
    }
    let mut tx = tenant.begin().await?;
    let document = parse(secrets::get(&mut tx, app.keys()).await?)?;
    Ok(reply::json_bytes(to_vec(&document.active_values().into())))
}

/// `POST /api/secrets/find`
async fn find(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("key") {
        return Err(Error::text(400, "Key is required"));
    }
    let key = js_string(body.get("key"));
    if !app.config().content.allow_keys_exposure && !body.str("key").is_some_and(is_exportable) {
        return Err(Error::forbidden());
    }
    let mut tx = tenant.begin().await?;
    let document = parse(secrets::get(&mut tx, app.keys()).await?)?;
    if !document.has(&key) {
        return Err(Error::not_found());
    }
    Ok(reply::json(
        &json!({ "value": document.value(&key, id_of(&body).as_deref()) }),
    ))
}

/// `POST /api/secrets/delete`
async fn delete(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("key") {
        return Err(Error::text(400, "Key and ID are required"));
    }
    let key = js_string(body.get("key"));
    let id = id_of(&body);
    edit(&app, &tenant, |document| document.delete(&key, id.as_deref())).await
}

/// `POST /api/secrets/rotate`
async fn rotate(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    if !body.truthy("key") || !body.truthy("id") {
        return Err(Error::text(400, "Key and ID are required"));
    }
    let (key, id) = (js_string(body.get("key")), js_string(body.get("id")));
    edit(&app, &tenant, |document| document.rotate(&key, &id)).await
}

/// `POST /api/secrets/rename`
async fn rename(State(app): State<App>, tenant: Tenant, body: Body) -> Result<Response> {
    if !["key", "id", "label"].iter().all(|field| body.truthy(field)) {
        return Err(Error::text(400, "Key, ID, and label are required"));
    }
    let (key, id) = (js_string(body.get("key")), js_string(body.get("id")));
    edit(&app, &tenant, |document| {
        document.rename(&key, &id, body.get("label"))
    })
    .await
}

/// `POST /api/secrets/settings`
async fn settings(State(app): State<App>, _: Tenant) -> Response {
    reply::json(&json!({ "allowKeysExposure": app.config().content.allow_keys_exposure }))
}

/// The `id` of a body, if it has one; what is no text is the id of no secret.
fn id_of(body: &Body) -> Option<String> {
    match body.get("id") {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        id => js_truthy(id).then(|| id.to_string()),
    }
}

/// Changes the document when `change` says that it did; 204 either way.
async fn edit(app: &App, tenant: &Tenant, change: impl FnOnce(&mut Secrets) -> bool) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let mut document = parse(secrets::get_for_update(&mut tx, app.keys()).await?)?;
    if change(&mut document) {
        store(tx, app.keys(), &document).await?;
    }
    Ok(reply::status(StatusCode::NO_CONTENT))
}

fn parse(document: Option<Vec<u8>>) -> Result<Secrets> {
    match document {
        Some(bytes) => Secrets::parse(&bytes)
            .map_err(|error| Error::Internal(anyhow::anyhow!("the stored secrets cannot be read: {error}"))),
        None => Ok(Secrets::default()),
    }
}

async fn store(mut tx: Tx, key: &MasterKey, document: &Secrets) -> Result<()> {
    secrets::put(&mut tx, key, &document.to_vec()).await?;
    tx.commit().await
}

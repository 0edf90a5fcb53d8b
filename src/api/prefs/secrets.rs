//! `/api/secrets`: API keys. Encrypted at rest, masked on the way out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use squaretable_compat::json::{js_string, js_truthy, to_vec};
use squaretable_compat::secrets::{Secrets, is_exportable, mask};

use crate::app::App;
use crate::audit::Caller;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::keys::MasterKey;
use crate::policy::may_lend;
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
    Ok(document(app, tenant).await?.value(key, id))
}

/// [`value_of`], and where the user has no secret of the name the administrator's, if that is lent. `body` is the request
/// that it is for: one that names a proxy of its own gets none.
///
/// # Errors
/// As [`value_of`].
pub async fn value_or_lent(
    app: &App,
    tenant: &Tenant,
    key: &str,
    id: Option<&str>,
    body: &Value,
) -> Result<String> {
    let own = document(app, tenant).await?;
    let policy = app.policies().current();
    let is_lent = may_lend(key) && policy.shared_keys.iter().any(|lent| lent == key);
    if own.has(key) || !is_lent || js_truthy(body.get("reverse_proxy").unwrap_or(&Value::Null)) {
        return Ok(own.value(key, id));
    }
    let mut tx = tenant.shared(app).read().await?;
    let shared = parse(secrets::get(&mut tx, app.keys()).await?)?;
    Ok(shared.value(key, None))
}

/// All of a tenant's.
async fn document(app: &App, tenant: &Tenant) -> Result<Secrets> {
    let mut tx = tenant.begin().await?;
    parse(secrets::get(&mut tx, app.keys()).await?)
}

/// `POST /api/secrets/write`
async fn write(State(app): State<App>, tenant: Tenant, caller: Caller, body: Body) -> Result<Response> {
    let (true, Some(value)) = (body.truthy("key"), body.str("value")) else {
        return Err(Error::text(400, "Invalid key or value"));
    };
    let id = uuid::Uuid::new_v4().to_string();
    let mut tx = tenant.begin().await?;
    let mut document = parse(secrets::get_for_update(&mut tx, app.keys()).await?)?;
    let key = js_string(body.get("key"));
    document.write(&key, &id, value, body.0.get("label"));
    caller.note(&mut tx, "secret.write", &key).await?;
    store(tx, app.keys(), &document).await?;
    Ok(reply::json(&json!({ "id": id })))
}

/// `POST /api/secrets/read`
///
/// A failure is a 5xx; the original answers `{}`, which the frontend takes for "no keys".
async fn read(State(app): State<App>, tenant: Tenant, caller: Caller) -> Result<Response> {
    let is_exposed = app.config().content.allow_keys_exposure;
    let (policy, _) = app.policies().refresh(tenant.user().tenant).await?;
    let mut tx = tenant.begin().await?;
    let document = parse(secrets::get(&mut tx, app.keys()).await?)?;
    if is_exposed {
        caller.note(&mut tx, "secret.read", "").await?;
        tx.commit().await?;
    }
    let mut state = document.state(is_exposed);
    show_lent(&mut state, &policy.shared_keys);
    Ok(reply::json_bytes(to_vec(&state.into())))
}

/// `POST /api/secrets/view`
async fn view(State(app): State<App>, tenant: Tenant, caller: Caller) -> Result<Response> {
    if !app.config().content.allow_keys_exposure {
        return refused(&app, &caller, "secret.view", "").await;
    }
    let mut tx = tenant.begin().await?;
    let document = parse(secrets::get(&mut tx, app.keys()).await?)?;
    caller.note(&mut tx, "secret.view", "").await?;
    tx.commit().await?;
    Ok(reply::json_bytes(to_vec(&document.active_values().into())))
}

/// `POST /api/secrets/find`
async fn find(State(app): State<App>, tenant: Tenant, caller: Caller, body: Body) -> Result<Response> {
    if !body.truthy("key") {
        return Err(Error::text(400, "Key is required"));
    }
    let key = js_string(body.get("key"));
    if !app.config().content.allow_keys_exposure && !body.str("key").is_some_and(is_exportable) {
        return refused(&app, &caller, "secret.find", &key).await;
    }
    let mut tx = tenant.begin().await?;
    let document = parse(secrets::get(&mut tx, app.keys()).await?)?;
    if !document.has(&key) {
        return Err(Error::not_found());
    }
    caller.note(&mut tx, "secret.find", &key).await?;
    tx.commit().await?;
    Ok(reply::json(
        &json!({ "value": document.value(&key, id_of(&body).as_deref()) }),
    ))
}

/// `POST /api/secrets/delete`
async fn delete(State(app): State<App>, tenant: Tenant, caller: Caller, body: Body) -> Result<Response> {
    if !body.truthy("key") {
        return Err(Error::text(400, "Key and ID are required"));
    }
    let key = js_string(body.get("key"));
    let id = id_of(&body);
    let change = |document: &mut Secrets| document.delete(&key, id.as_deref());
    edit(&app, &tenant, (&caller, "secret.delete", &key), change).await
}

/// `POST /api/secrets/rotate`
async fn rotate(State(app): State<App>, tenant: Tenant, caller: Caller, body: Body) -> Result<Response> {
    if !body.truthy("key") || !body.truthy("id") {
        return Err(Error::text(400, "Key and ID are required"));
    }
    let (key, id) = (js_string(body.get("key")), js_string(body.get("id")));
    let change = |document: &mut Secrets| document.rotate(&key, &id);
    edit(&app, &tenant, (&caller, "secret.rotate", &key), change).await
}

/// `POST /api/secrets/rename`
async fn rename(State(app): State<App>, tenant: Tenant, caller: Caller, body: Body) -> Result<Response> {
    if !["key", "id", "label"].iter().all(|field| body.truthy(field)) {
        return Err(Error::text(400, "Key, ID, and label are required"));
    }
    let (key, id) = (js_string(body.get("key")), js_string(body.get("id")));
    let change = |document: &mut Secrets| document.rename(&key, &id, body.get("label"));
    edit(&app, &tenant, (&caller, "secret.rename", &key), change).await
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

/// 403, which is noted.
async fn refused(app: &App, caller: &Caller, act: &'static str, key: &str) -> Result<Response> {
    let entry = caller.failed(act, &caller.tenant, key, "not allowed");
    app.accounts().note(&entry).await?;
    Err(Error::forbidden())
}

/// Shows keys that are lent as set, where the user has none of the name: the frontend asks for nothing without. There is
/// no such secret in the user's document, so nothing else can be done with it.
fn show_lent(state: &mut Map<String, Value>, lent: &[String]) {
    for key in lent {
        if let Some(slot) = state.get_mut(key).filter(|slot| slot.is_null()) {
            *slot = json!([{ "id": "shared", "value": mask(""), "label": "Shared", "active": true }]);
        }
    }
}

/// Changes the document when `change` says that it did; 204 either way. The change is noted as who did what to which key.
async fn edit(
    app: &App,
    tenant: &Tenant,
    (caller, act, key): (&Caller, &'static str, &str),
    change: impl FnOnce(&mut Secrets) -> bool,
) -> Result<Response> {
    let mut tx = tenant.begin().await?;
    let mut document = parse(secrets::get_for_update(&mut tx, app.keys()).await?)?;
    if change(&mut document) {
        caller.note(&mut tx, act, key).await?;
        store(tx, app.keys(), &document).await?;
    }
    Ok(reply::status(StatusCode::NO_CONTENT))
}

pub(crate) fn parse(document: Option<Vec<u8>>) -> Result<Secrets> {
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

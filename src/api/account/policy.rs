//! `/api/squaretable/policy`: what the administrator allows everybody, and which keys are lent. Routes of our own.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::secrets::Secrets;

use crate::accounts::Admin;
use crate::api::prefs::secrets::parse;
use crate::app::App;
use crate::audit::Caller;
use crate::error::{Error, Result};
use crate::extract::Body;
use crate::policy::may_lend;
use crate::reply;
use crate::routes::Routes;
use crate::store::{audit, policy, secrets};

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/squaretable/policy/get", get)
        .post("/api/squaretable/policy/set", set)
        .post("/api/squaretable/policy/lend", lend)
}

/// `POST /api/squaretable/policy/get`: `{"chatSources", "textSources", "hosts", "sharedKeys"}`; null allows all.
async fn get(State(app): State<App>, admin: Admin) -> Result<Response> {
    state(&app, &admin).await
}

/// `POST /api/squaretable/policy/set`: `chatSources`, `textSources` and `hosts`, each a list of texts, or null to allow all.
/// What is absent stays.
async fn set(State(app): State<App>, admin: Admin, caller: Caller, body: Body) -> Result<Response> {
    let fields = ["chatSources", "textSources", "hosts"];
    if !fields.iter().any(|field| body.0.get(field).is_some()) {
        return Err(super::missing());
    }
    let (current, _) = app.policies().refresh(admin.0.user().tenant).await?;
    let mut new = (*current).clone();
    let slots = [&mut new.chat_sources, &mut new.text_sources, &mut new.hosts];
    for (field, slot) in fields.into_iter().zip(slots) {
        if let Some(value) = body.0.get(field) {
            *slot = list(field, value)?;
        }
    }
    let mut tx = admin.0.shared(&app).change().await?;
    policy::set(&mut tx, &new).await?;
    let subject = serde_json::to_string(&shown(&new)).map_err(anyhow::Error::from)?;
    audit::add(&mut tx, &caller.did("policy", "", &subject)).await?;
    tx.commit().await?;
    state(&app, &admin).await
}

/// `POST /api/squaretable/policy/lend`: `{"sharedKey": "api_key_openai", "secret": "sk-…"}` lends a key to whoever has none
/// of that name; an empty secret takes it back. No route shows it again.
async fn lend(State(app): State<App>, admin: Admin, caller: Caller, body: Body) -> Result<Response> {
    let (Some(key), Some(secret)) = (body.text("sharedKey"), body.str("secret")) else {
        return Err(super::missing());
    };
    if !may_lend(key) {
        let reason = "Only keys of chat completion sources with an address of their own can be lent";
        return Err(Error::json_error(400, reason));
    }
    let mut tx = admin.0.shared(&app).change().await?;
    let mut document = parse(secrets::get_for_update(&mut tx, app.keys()).await?)?;
    while document.has(key) {
        document.delete(key, None);
    }
    if !secret.is_empty() {
        put(&mut document, key, secret);
    }
    secrets::put(&mut tx, app.keys(), &document.to_vec()).await?;
    policy::lend(&mut tx, key, !secret.is_empty()).await?;
    let act = if secret.is_empty() {
        "policy.unlend"
    } else {
        "policy.lend"
    };
    audit::add(&mut tx, &caller.did(act, "", key)).await?;
    tx.commit().await?;
    state(&app, &admin).await
}

fn put(document: &mut Secrets, key: &str, secret: &str) {
    let id = uuid::Uuid::new_v4().to_string();
    document.write(key, &id, secret, Some(&Value::from("Shared")));
}

async fn state(app: &App, admin: &Admin) -> Result<Response> {
    let (policy, _) = app.policies().refresh(admin.0.user().tenant).await?;
    Ok(reply::json(&shown(&policy)))
}

fn shown(policy: &policy::Policy) -> Value {
    json!({
        "chatSources": policy.chat_sources,
        "textSources": policy.text_sources,
        "hosts": policy.hosts,
        "sharedKeys": policy.shared_keys,
    })
}

/// A list of texts, or null.
fn list(field: &str, value: &Value) -> Result<Option<Vec<String>>> {
    let expected = || Error::json_error(400, format!("{field}: expected a list of texts, or null"));
    let items = match value {
        Value::Null => return Ok(None),
        Value::Array(items) => items,
        _ => return Err(expected()),
    };
    let text = |item: &Value| {
        item.as_str()
            .filter(|text| !text.contains('\0'))
            .map(str::to_owned)
    };
    items
        .iter()
        .map(text)
        .collect::<Option<Vec<_>>>()
        .map(Some)
        .ok_or_else(expected)
}

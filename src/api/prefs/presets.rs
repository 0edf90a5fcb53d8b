//! `/api/presets`: sampler, instruct, context, system prompt and reasoning presets, one JSON file each.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use squaretable_compat::layout::DocumentKind;
use squaretable_compat::{json, names};

use crate::api::documents::{field, parse, pretty};
use crate::app::App;
use crate::error::{Error, FaultShape, Result};
use crate::extract::{Body, RawBody};
use crate::reply;
use crate::routes::Routes;
use crate::store::documents;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/presets/save", save)
        .post("/api/presets/delete", delete)
        .post("/api/presets/restore", restore)
}

/// `apiId` to the folder of its presets.
fn kind_of(body: &Body) -> Option<DocumentKind> {
    Some(match body.str("apiId")? {
        "kobold" | "koboldhorde" => DocumentKind::KoboldAi,
        "novel" => DocumentKind::NovelAi,
        "textgenerationwebui" => DocumentKind::TextGen,
        "openai" => DocumentKind::OpenAi,
        "instruct" => DocumentKind::Instruct,
        "context" => DocumentKind::Context,
        "sysprompt" => DocumentKind::Sysprompt,
        "reasoning" => DocumentKind::Reasoning,
        _ => return None,
    })
}

/// The sanitised name.
///
/// compat: the original throws on a name that is not a string, before it looks at anything else.
fn name_of(body: &Body) -> Result<String> {
    let name = body
        .str("name")
        .ok_or(Error::Page(StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok(names::sanitize(name))
}

/// `POST /api/presets/save`
async fn save(tenant: Tenant, raw: RawBody) -> Result<Response> {
    let body = parse(&raw)?;
    let name = name_of(&body)?;
    if !body.truthy("preset") || name.is_empty() {
        return Err(Error::bad_request());
    }
    let kind = kind_of(&body).ok_or(Error::bad_request())?;
    let preset = pretty(field(&raw, "preset")?.as_bytes())?;
    let mut tx = tenant.begin().await?;
    documents::put(&mut tx, kind, &format!("{name}.json"), &preset).await?;
    tx.commit().await?;
    Ok(reply::json(&serde_json::json!({ "name": name })))
}

/// `POST /api/presets/delete`
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    let name = name_of(&body)?;
    if name.is_empty() {
        return Err(Error::bad_request());
    }
    let kind = kind_of(&body).ok_or(Error::bad_request())?;
    let mut tx = tenant.begin().await?;
    if !documents::delete(&mut tx, kind, &format!("{name}.json")).await? {
        return Err(Error::not_found());
    }
    tx.commit().await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/presets/restore`: the shipped preset of this name; nothing is written.
async fn restore(State(app): State<App>, _: Tenant, body: Body) -> Result<Response> {
    let name = body.str("name").map(names::sanitize).ok_or(Error::status(500))?;
    let file = kind_of(&body).and_then(|kind| app.content().default_preset(kind, &name));
    let preset = match file {
        Some(path) => {
            let bytes = tokio::fs::read(path)
                .await
                .map_err(Error::from)
                .fault_as(|| Error::status(500))?;
            json::parse(&bytes).map_err(|e| Error::Internal(anyhow::anyhow!("a shipped preset: {e}")))?
        }
        None => Value::Null,
    };
    let found = json::js_truthy(&preset);
    let preset = if found { preset } else { serde_json::json!({}) };
    Ok(reply::json(
        &serde_json::json!({ "isDefault": found, "preset": preset }),
    ))
}

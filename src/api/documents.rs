//! What the families that keep one JSON file per named thing have in common.

use squaretable_compat::layout::DocumentKind;
use squaretable_compat::{json, names};

use crate::error::{Error, Result};
use crate::extract::{Body, RawBody};
use crate::store::documents;
use crate::tenant::Tenant;

/// File name of the thing that `body.name` names: the sanitised `<name>.json`.
///
/// # Errors
/// 400 without a name; 500 when nothing is left of it, as the original fails on a file without a name.
pub fn file_name(body: &Body, field: &str) -> Result<String> {
    if !body.truthy(field) {
        return Err(Error::bad_request());
    }
    let name = names::sanitize(&format!("{}.json", json::js_string(body.get(field))));
    if name.is_empty() {
        return Err(Error::Page(axum::http::StatusCode::INTERNAL_SERVER_ERROR));
    }
    Ok(name)
}

/// Parses a raw body for its name, keeping the bytes for storage.
///
/// # Errors
/// 400 page for a body that is not JSON.
pub fn parse(raw: &RawBody) -> Result<Body> {
    let value = json::parse_strict(&raw.0).map_err(|_| Error::Page(axum::http::StatusCode::BAD_REQUEST))?;
    Ok(Body(value))
}

/// The text of a field of a body that [`parse`] took; of a repeated one the last, as JavaScript has it.
///
/// # Errors
/// 400 without the field.
pub fn field<'a>(raw: &'a RawBody, name: &str) -> Result<&'a str> {
    let text = std::str::from_utf8(&raw.0).map_err(|_| Error::Page(axum::http::StatusCode::BAD_REQUEST))?;
    let [found] = json::fields(text, [name]);
    found.ok_or(Error::bad_request())
}

/// Stores the whole body as the thing it names, indented as the original does.
///
/// # Errors
/// As [`file_name`]; the database failed.
pub async fn save(tenant: &Tenant, kind: DocumentKind, raw: &RawBody) -> Result<()> {
    let name = file_name(&parse(raw)?, "name")?;
    let text = pretty(&raw.0)?;
    let mut tx = tenant.begin().await?;
    documents::put(&mut tx, kind, &name, &text).await?;
    tx.commit().await
}

/// Removes the thing that the body names; says whether there was one.
///
/// # Errors
/// As [`file_name`]; the database failed.
pub async fn delete(tenant: &Tenant, kind: DocumentKind, body: &Body) -> Result<bool> {
    let name = file_name(body, "name")?;
    let mut tx = tenant.begin().await?;
    let found = documents::delete(&mut tx, kind, &name).await?;
    tx.commit().await?;
    Ok(found)
}

/// JSON text indented by four spaces, strings and numbers untouched.
///
/// # Errors
/// 400 page for a body that is not JSON.
pub fn pretty(raw: &[u8]) -> Result<Vec<u8>> {
    json::pretty(raw).map_err(|_| Error::Page(axum::http::StatusCode::BAD_REQUEST))
}

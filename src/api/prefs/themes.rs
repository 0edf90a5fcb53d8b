//! `/api/themes`: UI themes, one JSON file each.

use axum::http::StatusCode;
use axum::response::Response;
use squaretable_compat::layout::DocumentKind;

use crate::api::documents;
use crate::error::{Error, Result};
use crate::extract::{Body, RawBody};
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/themes/save", save)
        .post("/api/themes/delete", delete)
}

/// `POST /api/themes/save`
async fn save(tenant: Tenant, raw: RawBody) -> Result<Response> {
    documents::save(&tenant, DocumentKind::Themes, &raw).await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/themes/delete`
///
/// compat: a name of which nothing is left is a plain 500 here, and an error page where it is saved.
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    let found = documents::delete(&tenant, DocumentKind::Themes, &body)
        .await
        .map_err(|error| match error {
            Error::Page(code) => Error::Status(code),
            other => other,
        });
    if !found? {
        return Err(Error::not_found());
    }
    Ok(reply::status(StatusCode::OK))
}

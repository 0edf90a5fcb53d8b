//! `/api/quick-replies`: quick reply sets, one JSON file each.

use axum::http::StatusCode;
use axum::response::Response;
use squaretable_compat::layout::DocumentKind;

use crate::api::documents;
use crate::error::Result;
use crate::extract::{Body, RawBody};
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/api/quick-replies/save", save)
        .post("/api/quick-replies/delete", delete)
}

/// `POST /api/quick-replies/save`
async fn save(tenant: Tenant, raw: RawBody) -> Result<Response> {
    documents::save(&tenant, DocumentKind::QuickReplies, &raw).await?;
    Ok(reply::status(StatusCode::OK))
}

/// `POST /api/quick-replies/delete`
///
/// compat: OK also where there was none, unlike themes.
async fn delete(tenant: Tenant, body: Body) -> Result<Response> {
    documents::delete(&tenant, DocumentKind::QuickReplies, &body).await?;
    Ok(reply::status(StatusCode::OK))
}

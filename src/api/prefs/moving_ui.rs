//! `/api/moving-ui`: panel positions, one JSON file each.

use axum::http::StatusCode;
use axum::response::Response;
use squaretable_compat::layout::DocumentKind;

use crate::api::documents;
use crate::error::Result;
use crate::extract::RawBody;
use crate::reply;
use crate::routes::Routes;
use crate::tenant::Tenant;

/// This family's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().post("/api/moving-ui/save", save)
}

/// `POST /api/moving-ui/save`
async fn save(tenant: Tenant, raw: RawBody) -> Result<Response> {
    documents::save(&tenant, DocumentKind::MovingUi, &raw).await?;
    Ok(reply::status(StatusCode::OK))
}

//! Vectors by a model that this server runs itself. There is none yet.

use serde_json::Value;

use crate::error::{Error, Result};

/// The model whose indexes these are: the original's `extensions.models.embedding` where nobody says otherwise.
pub const MODEL: &str = "Cohee/jina-embeddings-v2-base-en";

/// The vectors of some texts, in their order.
///
/// # Errors
/// 501.
pub fn embed(_texts: &[Value]) -> Result<Vec<Value>> {
    Err(Error::status(501))
}

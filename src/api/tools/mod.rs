//! What the frontend asks of services that are no language models: translation, search.

pub mod search;
pub mod translate;

use crate::routes::Routes;

/// Every route of this room.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().merge(search::routes()).merge(translate::routes())
}

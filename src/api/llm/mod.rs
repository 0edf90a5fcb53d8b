//! Language models: chat completions, tokenizers.

pub mod chat_completions;
pub mod tokenizers;

use crate::routes::Routes;

/// Every route of this room.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .merge(chat_completions::routes())
        .merge(tokenizers::routes())
}

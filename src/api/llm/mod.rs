//! Language models: chat and text completions, tokenizers.

pub mod chat_completions;
pub mod horde;
pub mod kobold;
pub mod novelai;
pub mod text_completions;
pub mod tokenizers;

use crate::routes::Routes;

/// Every route of this room.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .merge(chat_completions::routes())
        .merge(horde::routes())
        .merge(kobold::routes())
        .merge(novelai::routes())
        .merge(text_completions::routes())
        .merge(tokenizers::routes())
}

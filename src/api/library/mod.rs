//! Characters, groups, worlds, and everything a user looks at.

pub mod assets;
pub mod avatars;
pub mod backgrounds;
pub mod characters;
pub mod content;
pub mod data_maid;
pub mod files;
pub mod groups;
pub mod image_metadata;
pub mod images;
pub mod sprites;
pub mod thumbnail;
pub mod user_files;
pub mod worldinfo;

use crate::routes::Routes;

/// Every route of this room.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .merge(characters::routes())
        .merge(groups::routes())
        .merge(worldinfo::routes())
        .merge(avatars::routes())
        .merge(backgrounds::routes())
        .merge(images::routes())
        .merge(image_metadata::routes())
        .merge(thumbnail::routes())
        .merge(files::routes())
        .merge(sprites::routes())
        .merge(assets::routes())
        .merge(data_maid::routes())
        .merge(content::routes())
}

//! Characters, groups, worlds, and everything a user looks at.

mod assets;
mod avatars;
mod backgrounds;
mod card_archives;
mod card_changes;
mod card_imports;
mod card_names;
pub mod characters;
mod content;
mod data_maid;
mod data_maid_backups;
mod data_maid_tokens;
mod files;
mod groups;
mod image_metadata;
mod images;
mod long_lists;
mod pictures;
mod sprites;
mod thumbnail;
mod worldinfo;

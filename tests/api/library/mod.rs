//! Characters, groups, worlds, and everything a user looks at.

mod avatars;
mod backgrounds;
mod card_changes;
mod card_imports;
mod card_names;
mod characters;
mod files;
mod groups;
mod image_metadata;
mod images;
mod pictures;
mod thumbnail;
mod worldinfo;

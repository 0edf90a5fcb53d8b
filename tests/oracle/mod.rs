//! Differential tests: the original SillyTavern server runs beside ours, both get the same requests, and every status,
//! header and body has to agree once values that no two servers can share (moments, fresh ids, folders) are set aside.
//!
//! One test per family, each with a fresh pair of servers. `differences.rs` lists, with reasons, where they may differ.
//! After a run `target/oracle.md` holds the table and `target/oracle/<family>.txt` every step with its answer.

mod assets;
mod avatars;
mod awkward;
mod awkward_characters;
mod awkward_chats;
mod awkward_forms;
mod awkward_images;
mod awkward_library;
mod awkward_prefs;
mod awkward_values;
mod backgrounds;
mod backups;
mod base;
mod base_files;
mod cache_buster;
mod characters;
mod characters_archives;
mod characters_byaf;
mod characters_cards;
mod characters_charx;
mod characters_charx_files;
mod characters_lifecycle;
mod chat_completions;
mod chats;
mod chats_import;
mod chats_lists;
mod compare;
mod content;
mod content_chub;
mod content_perchance;
mod data_maid;
mod differences;
mod dsl;
mod extensions;
mod fixtures;
mod groups;
mod http;
mod image_metadata;
mod images;
mod normalise;
mod odd_pictures;
pub mod original;
mod presets;
mod prompt_processing;
mod report;
mod scenario;
mod secrets;
mod selfcheck;
mod settings;
mod side;
mod sprites;
mod stats;
mod themes;
mod thumbnails;
mod tokenizers;
mod upstream;
mod user_files;
mod user_images;
mod users_backup;
mod worldinfo;

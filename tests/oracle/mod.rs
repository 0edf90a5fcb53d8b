//! Differential tests: the original SillyTavern server runs beside ours, both get the same requests, and every status,
//! header and body has to agree once values that no two servers can share (moments, fresh ids, folders) are set aside.
//!
//! One test per family, each with a fresh pair of servers. `differences.rs` lists, with reasons, where they may differ.
//! After a run `target/oracle.md` holds the table and `target/oracle/<family>.txt` every step with its answer.

mod avatars;
mod backgrounds;
mod base;
mod base_files;
mod characters;
mod characters_cards;
mod characters_lifecycle;
mod chat_completions;
mod chats;
mod chats_import;
mod chats_lists;
mod compare;
mod differences;
mod dsl;
mod fixtures;
mod groups;
mod http;
mod image_metadata;
mod images;
mod normalise;
pub mod original;
mod presets;
mod prompt_processing;
mod report;
mod scenario;
mod secrets;
mod selfcheck;
mod settings;
mod stats;
mod themes;
mod thumbnails;
mod tokenizers;
mod upstream;
mod user_files;
mod user_images;
mod worldinfo;

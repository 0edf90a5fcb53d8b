//! Differential tests: the original SillyTavern server runs beside ours, both get the same requests, and every status,
//! header and body has to agree once values that no two servers can share (moments, fresh ids, folders) are set aside.
//!
//! One test per family, each with a fresh pair of servers. `differences.rs` lists, with reasons, where they may differ.
//! After a run `target/oracle.md` holds the table and `target/oracle/<family>.txt` every step with its answer.

mod base;
mod base_files;
mod characters;
mod characters_cards;
mod characters_lifecycle;
mod chats;
mod chats_import;
mod chats_lists;
mod compare;
mod differences;
mod dsl;
mod fixtures;
mod groups;
mod http;
mod images;
mod normalise;
pub mod original;
mod pictures;
mod report;
mod scenario;
mod selfcheck;
mod settings;
mod upstream;
mod worldinfo;

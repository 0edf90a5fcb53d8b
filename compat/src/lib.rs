//! SillyTavern's file formats and rules as pure functions: bytes and values in, bytes and values out.
//!
//! No runtime, no network, no database: the server, the importer and the tests call the same code, so a card read
//! by an HTTP route and one read from a disk are read alike.

pub mod buffer;
pub mod card;
pub mod chat;
pub mod collate;
pub mod content;
pub mod cookie;
pub mod dates;
pub mod json;
pub mod layout;
pub mod names;
pub mod password;
pub mod png;
pub mod secrets;
pub mod sizes;
pub mod stats;
pub mod upgrades;
pub mod vectors;
pub mod zip;

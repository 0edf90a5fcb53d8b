//! Squaretable: a drop-in replacement for the SillyTavern server.
//!
//! `docs/ARCHITECTURE.md` is the map; `router` is the index.

/// The door to accounts.
pub mod accounts;
/// HTTP handlers, one file per family.
pub mod api;
/// Shared state of all requests.
pub mod app;
/// A user's folder as a ZIP archive.
pub mod archive;
/// Who does something, for the audit log.
pub mod audit;
/// Redis, where it is configured.
pub mod cache;
/// Flags, environment, config.yaml.
pub mod config;
/// What a new tenant starts with.
pub mod content;
/// PostgreSQL as a child process.
pub mod embedded;
/// One error type, by wire form.
pub mod error;
/// Request bodies.
pub mod extract;
/// The installed SillyTavern.
pub mod frontend;
/// Answers that finish after their browser has gone.
pub mod generations;
/// The system's git, held on a leash.
pub mod git;
/// Keys that never enter the database.
pub mod keys;
/// Answers that hold a connection while they are sent.
pub mod long_reads;
/// What happens before a handler.
pub mod middleware;
/// File names to content types.
pub mod mime;
pub mod models;
/// What the administrator allows everybody.
pub mod oidc;
/// Password hashes.
pub mod passwords;
/// Decoding, cropping and encoding of pictures.
pub mod pictures;
pub mod policy;
/// Outbound requests.
pub mod providers;
/// Response forms.
pub mod reply;
/// Sealing what is stored under another master key.
pub mod rotation;
/// The index of everything served.
pub mod router;
/// A router that remembers its routes.
pub mod routes;
/// What a service token must be allowed for each route.
pub mod scopes;
/// The server's life.
pub mod serve;
/// File responses: ranges, validators.
pub mod served;
/// Sessions on the server.
pub mod sessions;
/// Copies of a user's settings.
pub mod snapshots;
/// The layers, from the configuration.
pub mod stack;
/// All SQL.
pub mod store;
/// The door to a user's data.
pub mod tenant;
/// Token counts and ids.
pub mod tokenizers;
/// Tokens for programs.
pub mod tokens;
/// What the original changes in old data when it starts.
pub mod upgrades;
/// A user's data as the files of the original.
pub mod user_folder;

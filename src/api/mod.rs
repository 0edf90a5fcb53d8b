//! HTTP only: parse, validate, call, reply. No SQL, no outbound requests.

pub mod account;
pub mod chat;
pub mod documents;
pub mod images;
pub mod library;
pub mod llm;
pub mod prefs;
pub mod stored;
pub mod tools;
pub mod web;

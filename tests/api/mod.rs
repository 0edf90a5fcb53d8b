//! One file per family, as in `src/api`.

pub mod cards;

mod account;
mod chat;
mod images;
mod library;
mod llm;
mod prefs;
mod tools;
mod web;

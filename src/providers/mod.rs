//! Outbound providers: pure request builders, one relay that does all network I/O, and the answers' shapes.
//!
//! A handler asks [`chat`] for an [`upstream::Upstream`], hands it to [`relay::Relay::send`], and turns the
//! outcome into the browser's response with [`chat::reply`]; [`text`] does the same for text completions. Where the
//! user's answers are kept, [`drain`] stands between relay and browser.

mod address_filter;
pub mod allowed_hosts;
pub mod caption;
pub mod catalogue;
pub mod chat;
pub mod convert;
pub mod drain;
pub mod embed;
pub mod exchange;
pub mod farewell;
mod fetch_error;
pub mod google_api;
mod google_web;
pub mod image;
pub mod import;
pub(crate) mod js;
mod multipart;
pub mod nanogpt;
pub mod openrouter;
pub mod polling;
mod proxy;
mod redirects;
pub mod relay;
pub mod resolver;
pub mod search;
pub mod speech;
pub mod text;
pub mod transcript;
pub mod translate;
pub mod upstream;
pub mod words;

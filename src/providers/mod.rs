//! Outbound providers: pure request builders, one relay that does all network I/O, and the answers' shapes.
//!
//! A handler asks [`chat`] for an [`upstream::Upstream`], hands it to [`relay::Relay::send`], and turns the
//! outcome into the browser's response with [`chat::reply`].

mod address_filter;
pub mod chat;
pub mod convert;
mod fetch_error;
pub mod import;
pub(crate) mod js;
mod proxy;
pub mod relay;
pub mod upstream;

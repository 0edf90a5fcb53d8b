//! Prompt converters: messages in, messages out, no I/O.

pub mod ai21;
pub mod caching;
pub mod claude;
pub mod cohere;
pub mod deepseek;
pub mod google;
pub mod media;
pub mod merge;
mod message;
pub mod mistral;
pub mod schema;
pub mod signatures;
pub mod text;
pub mod xai;

/// A prompt the original's converters would have crashed on; the text is the crash's message, which the
/// browser shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConvertError(String);

impl ConvertError {
    /// An error with the message the browser is to see.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

//! Prompt converters: messages in, messages out, no I/O.

pub mod media;
pub mod merge;
pub mod schema;
pub mod text;

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

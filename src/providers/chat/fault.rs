//! Why a chat request is not sent, and what the browser is told.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Source;
use super::shape::Failed;
use crate::providers::convert::ConvertError;
use crate::providers::exchange::RequestFault;
use crate::reply::json_with;

/// A chat request that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatFault {
    /// No such source.
    #[error("This chat completion source is not supported.")]
    UnknownSource,
    /// A source that the original itself has switched off.
    #[error("This provider is temporarily disabled.")]
    Disabled,
    /// The user has stored no key and names no proxy, or the account is missing that the address is made of.
    #[error("API key is missing.")]
    MissingKey,
    /// A connection of several settings lacks one; holds what the browser shows.
    #[error("{0}")]
    Incomplete(&'static str),
    /// No token could be had; holds what the browser shows.
    #[error("{0}")]
    Unauthenticated(String),
    /// An address that does not parse; holds the address.
    #[error("Invalid URL")]
    InvalidUrl(String),
    /// A path that does not parse against its base.
    #[error("Invalid URL")]
    InvalidBase {
        /// The path.
        input: String,
        /// The base.
        base: String,
    },
    /// An address that does not parse, where the answer to that is the one to a failed request.
    #[error("Invalid URL")]
    Unsendable,
    /// A model, project or region that would make the address another one.
    #[error("{}", RequestFault::Misleading)]
    Misleading,
    /// A prompt that cannot be converted for the source.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// A prompt or schema that cannot be converted before the source's own turn.
    #[error(transparent)]
    Unprepared(ConvertError),
}

impl ChatFault {
    /// The answer of `/generate` for a source: 400 `{"error":true}` for what the user has to set right, 502
    /// `{"error":{"message",...}}` for addresses, and the source's own form for prompts.
    #[must_use]
    pub fn generate_response(&self, source: Source) -> Response {
        let message = self.to_string();
        match self {
            Self::UnknownSource | Self::MissingKey => refused(),
            Self::Incomplete(_) | Self::Misleading => json_with(
                StatusCode::BAD_REQUEST,
                &json!({ "error": { "message": message } }),
            ),
            Self::Unauthenticated(_) => json_with(
                StatusCode::BAD_REQUEST,
                &json!({ "error": true, "message": message }),
            ),
            Self::InvalidUrl(input) => {
                let error = json!({ "message": message, "code": "ERR_INVALID_URL", "input": input });
                json_with(StatusCode::BAD_GATEWAY, &json!({ "error": error }))
            }
            Self::InvalidBase { input, base } => {
                let error =
                    json!({ "message": message, "code": "ERR_INVALID_URL", "input": input, "base": base });
                json_with(StatusCode::BAD_GATEWAY, &json!({ "error": error }))
            }
            Self::Disabled | Self::Unprepared(_) => Failed::BadGateway.response(&message),
            Self::Unsendable => source.shape().failed.response(&message),
            Self::Convert(_) => source.shape().crashed.response(&message),
        }
    }

    /// The answer of `/status`: 400 or 200 `{"error":true}`.
    #[must_use]
    pub fn status_response(&self) -> Response {
        match self {
            Self::UnknownSource | Self::MissingKey | Self::Incomplete(_) => refused(),
            _ => json_with(StatusCode::OK, &json!({ "error": true })),
        }
    }
}

pub(super) fn refused() -> Response {
    json_with(StatusCode::BAD_REQUEST, &json!({ "error": true }))
}

//! Why a chat request is not sent, and what the browser is told.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Source;
use crate::providers::convert::ConvertError;
use crate::reply::json_with;

/// A chat request that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatFault {
    /// No such source.
    #[error("This chat completion source is not supported.")]
    UnknownSource,
    /// A source of the original that this server cannot serve yet.
    #[error("The chat completion source \"{}\" is not available on this server yet.", .0.name())]
    NotImplemented(Source),
    /// A source that the original itself has switched off.
    #[error("This provider is temporarily disabled.")]
    Disabled,
    /// The user has stored no key and names no proxy.
    #[error("API key is missing.")]
    MissingKey,
    /// An address that does not parse; holds the address.
    #[error("Invalid URL")]
    InvalidUrl(String),
    /// A prompt or schema that cannot be converted.
    #[error(transparent)]
    Convert(#[from] ConvertError),
}

impl ChatFault {
    /// The answer of `/generate`: 400 `{"error":true}`, 501 or 502 `{"error":{"message",...}}`.
    #[must_use]
    pub fn generate_response(&self) -> Response {
        let message = self.to_string();
        match self {
            Self::UnknownSource | Self::MissingKey => refused(),
            Self::NotImplemented(_) => not_implemented(&message),
            Self::InvalidUrl(input) => {
                let error = json!({ "message": message, "code": "ERR_INVALID_URL", "input": input });
                json_with(StatusCode::BAD_GATEWAY, &json!({ "error": error }))
            }
            Self::Disabled | Self::Convert(_) => json_with(
                StatusCode::BAD_GATEWAY,
                &json!({ "error": { "message": message } }),
            ),
        }
    }

    /// The answer of `/status`: 400 or 200 `{"error":true}`, or 501 `{"error":{"message"}}`.
    #[must_use]
    pub fn status_response(&self) -> Response {
        match self {
            Self::UnknownSource | Self::MissingKey => refused(),
            Self::NotImplemented(_) => not_implemented(&self.to_string()),
            Self::Disabled | Self::InvalidUrl(_) | Self::Convert(_) => {
                json_with(StatusCode::OK, &json!({ "error": true }))
            }
        }
    }
}

fn refused() -> Response {
    json_with(StatusCode::BAD_REQUEST, &json!({ "error": true }))
}

fn not_implemented(message: &str) -> Response {
    json_with(
        StatusCode::NOT_IMPLEMENTED,
        &json!({ "error": { "message": message } }),
    )
}

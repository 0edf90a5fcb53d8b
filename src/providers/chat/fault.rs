//! Why a chat request is not sent, and what the browser is told.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Source;
use super::reply::json_response;
use crate::providers::convert::ConvertError;

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
    /// A request body that cannot be written as JSON.
    #[error("The request body cannot be written: {0}")]
    Unwritable(String),
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
                json_response(StatusCode::BAD_GATEWAY, &json!({ "error": error }))
            }
            Self::Disabled | Self::Convert(_) | Self::Unwritable(_) => {
                json_response(StatusCode::BAD_GATEWAY, &json!({ "error": { "message": message } }))
            }
        }
    }

    /// The answer of `/status`: 400 or 200 `{"error":true}`, or 501 `{"error":{"message"}}`.
    #[must_use]
    pub fn status_response(&self) -> Response {
        match self {
            Self::UnknownSource | Self::MissingKey => refused(),
            Self::NotImplemented(_) => not_implemented(&self.to_string()),
            Self::Disabled | Self::InvalidUrl(_) | Self::Convert(_) | Self::Unwritable(_) => {
                json_response(StatusCode::OK, &json!({ "error": true }))
            }
        }
    }
}

fn refused() -> Response {
    json_response(StatusCode::BAD_REQUEST, &json!({ "error": true }))
}

fn not_implemented(message: &str) -> Response {
    json_response(StatusCode::NOT_IMPLEMENTED, &json!({ "error": { "message": message } }))
}

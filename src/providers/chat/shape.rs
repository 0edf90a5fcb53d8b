//! The forms in which failures reach the browser, by source.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Source;
use crate::reply::json_with;

/// How a source's failures look.
pub(super) struct Shape {
    /// The provider refuses a request that is not streamed.
    pub(super) refused: Refused,
    /// The request fails, or a success cannot be read.
    pub(super) failed: Failed,
    /// The prompt cannot be converted.
    pub(super) crashed: Failed,
}

/// The answer to a provider's refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// 200 `{"error":{"message"},"quota_error"}` with the reason phrase.
    Reason,
    /// 500 with the provider's JSON, or `{"error":true}`.
    Json,
    /// 500 with the provider's JSON, or `{"error":{"message"}}` with the reason phrase.
    JsonOrReason,
    /// 500 `{"error":true}`.
    Bare,
}

/// The answer to a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// 502 `{"error":{"message",...}}`.
    BadGateway,
    /// 500 `{"error":{"message",...}}`.
    Message,
    /// 500 `{"error":true}`.
    Bare,
    /// 200 `{"error":true}`.
    Quiet,
}

impl Source {
    /// How this source's failures look.
    pub(super) fn shape(self) -> Shape {
        let (refused, failed, crashed) = match self {
            Self::Claude => (Refused::Bare, Failed::Bare, Failed::Bare),
            Self::MakerSuite | Self::VertexAi => (Refused::Json, Failed::Bare, Failed::BadGateway),
            Self::AzureOpenAi => (Refused::JsonOrReason, Failed::Message, Failed::BadGateway),
            Self::Ai21 => (Refused::Json, Failed::Quiet, Failed::BadGateway),
            Self::MistralAi
            | Self::Cohere
            | Self::DeepSeek
            | Self::AimlApi
            | Self::Xai
            | Self::Chutes
            | Self::ElectronHub
            | Self::MiniMax => (Refused::Json, Failed::Quiet, Failed::Quiet),
            _ => (Refused::Reason, Failed::BadGateway, Failed::BadGateway),
        };
        Shape {
            refused,
            failed,
            crashed,
        }
    }
}

impl Failed {
    /// The answer with a message of ours, where the form has one.
    pub(super) fn response(self, message: &str) -> Response {
        self.with(json!({ "message": message }))
    }

    /// The answer with an error object, where the form has one.
    pub(super) fn with(self, error: serde_json::Value) -> Response {
        let (code, error) = match self {
            Self::BadGateway => (StatusCode::BAD_GATEWAY, error),
            Self::Message => (StatusCode::INTERNAL_SERVER_ERROR, error),
            Self::Bare => (StatusCode::INTERNAL_SERVER_ERROR, true.into()),
            Self::Quiet => (StatusCode::OK, true.into()),
        };
        json_with(code, &json!({ "error": error }))
    }
}

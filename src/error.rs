//! One error type, shaped like what goes over the wire.
//!
//! The original answers failures in four forms; a handler picks one by constructor and
//! `?` does the rest. Internal faults are logged once, here, where they become a response, and never shown.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::reply;

/// `Result` of a handler or a store function.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed request, by wire form.
#[derive(Debug)]
pub enum Error {
    /// Reason phrase as `text/plain`: Express' `sendStatus`.
    Status(StatusCode),
    /// A message as `text/html`: Express' `send(string)`.
    Text(StatusCode, Cow<'static, str>),
    /// A JSON body.
    Json(StatusCode, Value),
    /// Express' default error page.
    Page(StatusCode),
    /// The not-found page of the deployment, as an unknown path gets it.
    NotFoundPage,
    /// A fault of ours: logged, answered 500 without details.
    Internal(anyhow::Error),
    /// The database cannot be reached: logged, answered 503.
    Unavailable(anyhow::Error),
    /// A fault that its route answers in a form of its own; logged like the other two.
    Shown(Box<Error>, anyhow::Error),
}

impl Error {
    /// Reason phrase of `code` as plain text.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status(code_of(code))
    }

    /// `message` as `text/html`, as the original sends strings.
    pub fn text(code: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Text(code_of(code), message.into())
    }

    /// A JSON body.
    #[must_use]
    pub fn json(code: u16, body: Value) -> Self {
        Self::Json(code_of(code), body)
    }

    /// `{"error": message}`.
    pub fn json_error(code: u16, message: impl Into<String>) -> Self {
        Self::json(code, json!({ "error": message.into() }))
    }

    /// 400 with its reason phrase.
    #[must_use]
    pub fn bad_request() -> Self {
        Self::Status(StatusCode::BAD_REQUEST)
    }

    /// 403 with its reason phrase.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::Status(StatusCode::FORBIDDEN)
    }

    /// 404 with its reason phrase.
    #[must_use]
    pub fn not_found() -> Self {
        Self::Status(StatusCode::NOT_FOUND)
    }
}

/// Gives a route's own form to faults, and leaves answers to bad requests as they are.
pub trait FaultShape<T> {
    /// Faults become `shape` (logged all the same); other errors pass.
    ///
    /// # Errors
    /// Whatever `self` held, reshaped.
    fn fault_as(self, shape: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> FaultShape<T> for Result<T> {
    fn fault_as(self, shape: impl FnOnce() -> Error) -> Result<T> {
        self.map_err(|error| match error {
            Error::Internal(cause) => Error::Shown(Box::new(shape()), cause),
            other => other,
        })
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(code) | Self::Page(code) => write!(f, "{code}"),
            Self::Text(code, message) => write!(f, "{code}: {message}"),
            Self::Json(code, body) => write!(f, "{code}: {body}"),
            Self::NotFoundPage => f.write_str("404"),
            Self::Internal(cause) | Self::Unavailable(cause) | Self::Shown(_, cause) => {
                write!(f, "{cause:#}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// Response extension of [`Error::NotFoundPage`]: the router puts the deployment's page in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantsNotFoundPage;

fn code_of(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("route code uses literal HTTP statuses")
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::Status(code) => reply::status(code),
            Self::Text(code, message) => reply::html_with(code, message.into_owned()),
            Self::Json(code, body) => reply::json_with(code, &body),
            Self::Page(code) => reply::error_page(code),
            Self::NotFoundPage => {
                let mut response = reply::not_found_page(bytes::Bytes::new());
                response.extensions_mut().insert(WantsNotFoundPage);
                response
            }
            Self::Internal(cause) => {
                tracing::error!(error = format!("{cause:#}"), "request failed");
                reply::status(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Unavailable(cause) => {
                tracing::error!(error = format!("{cause:#}"), "database unavailable");
                reply::json_with(
                    StatusCode::SERVICE_UNAVAILABLE,
                    &json!({ "error": "The database is unavailable. Nothing was changed." }),
                )
            }
            Self::Shown(shape, cause) => {
                tracing::error!(error = format!("{cause:#}"), "request failed");
                shape.into_response()
            }
        }
    }
}

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Self::Internal(cause)
    }
}

impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Self {
        Self::Internal(cause.into())
    }
}

impl From<sqlx::Error> for Error {
    fn from(cause: sqlx::Error) -> Self {
        match cause {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Tls(_) => Self::Unavailable(cause.into()),
            sqlx::Error::Database(ref e) if e.code().is_some_and(|code| code.starts_with("57P0")) => {
                Self::Unavailable(cause.into())
            }
            // Raised by the triggers of migrations/0018_quotas.sql, whose messages are for users. 507 is what RFC 4331
            // has for quotas; 413 would say that this request is too big, and is what proxies answer to those.
            sqlx::Error::Database(ref e) if e.code().as_deref() == Some("QU507") => {
                Self::json_error(507, e.message())
            }
            sqlx::Error::Database(ref e) if e.code().as_deref() == Some("QU403") => {
                Self::json_error(403, e.message())
            }
            _ => Self::Internal(cause.into()),
        }
    }
}

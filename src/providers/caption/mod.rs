//! Captions: a picture in, as a data URL, and what a model says about it out, as `{"caption"}`.

pub mod claude;
pub mod google;
pub mod horde;
pub mod openai;

use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::json::to_vec;

use super::exchange::internal_error;
use super::js;
use crate::error::{Error, Result};
use crate::reply;

/// The caption, unless there is none.
fn found(caption: Option<&Value>) -> Result<Response> {
    match caption.filter(|caption| js::is_truthy(Some(caption))) {
        Some(caption) => Ok(reply::json_bytes(to_vec(&json!({ "caption": caption })))),
        None => Err(Error::text(500, "No caption found")),
    }
}

/// A picture as its media type and its base64 text, both perhaps missing.
#[derive(Debug, PartialEq, Eq)]
struct Picture<'a> {
    media_type: Option<&'a str>,
    data: Option<&'a str>,
}

impl<'a> Picture<'a> {
    /// The body's `image`.
    ///
    /// # Errors
    /// 500 for what is no text.
    fn of(body: &'a Value) -> Result<Self> {
        let image = body.get("image").and_then(Value::as_str);
        let image = image.ok_or_else(internal_error)?;
        Ok(Self {
            media_type: image.split(';').next().and_then(|head| head.split(':').nth(1)),
            data: image.split(',').nth(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Picture;

    #[test]
    fn a_picture_is_a_data_url() {
        let body = json!({ "image": "data:image/png;base64,AA==" });
        let expected = Picture {
            media_type: Some("image/png"),
            data: Some("AA=="),
        };
        assert_eq!(Picture::of(&body).unwrap(), expected);
        let body = json!({ "image": "AA==" });
        assert_eq!(
            Picture::of(&body).unwrap(),
            Picture {
                media_type: None,
                data: None
            }
        );
        assert!(Picture::of(&json!({ "image": null })).is_err());
    }
}

//! The browser's response to a chat request, from the relay's outcome.

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::shape::{Failed, Refused};
use super::{Source, claude, google, table};
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::reply::{JSON, bytes, html_with, json, json_bytes};

/// Shown when an error comes without a reason phrase.
const UNKNOWN_ERROR: &str = "Unknown error occurred";

/// Answers `/generate`.
///
/// A stream passes as it is. Otherwise: success is the third party's JSON, in OpenAI's shape where the provider has
/// one of its own; refusals and failures look as the source's handler in the original makes them.
pub async fn generate(source: Source, outcome: Result<UpstreamReply, RelayError>, stream: bool) -> Response {
    let shape = source.shape();
    let reply = match outcome {
        Ok(reply) if stream => return reply.into_stream().await,
        Ok(reply) => reply,
        Err(error) => return failed(shape.failed, &error),
    };
    let (status, is_success, reason) = (reply.status(), reply.is_success(), reply.reason());
    let text = match reply.text().await {
        Ok(text) => text,
        Err(error) => return failed(shape.failed, &error),
    };
    if is_success {
        return succeeded(source, text);
    }
    tracing::warn!(
        source = source.name(),
        status = status.as_u16(),
        reason,
        "chat completion refused upstream"
    );
    refused(shape.refused, status, &reason, text)
}

fn succeeded(source: Source, text: String) -> Response {
    let failed = source.shape().failed;
    let reshaped = match source {
        Source::Claude => claude::reply(&text),
        Source::MakerSuite => google::reply("Google AI Studio", &text),
        Source::VertexAi => google::reply("Google Vertex AI", &text),
        _ => {
            return match check_json(&text) {
                Ok(()) => json_bytes(text),
                Err(message) => failed.response(&message),
            };
        }
    };
    match reshaped {
        Some(reply) => json_bytes(squaretable_compat::json::to_vec(&reply)),
        None => failed.response("The answer cannot be read."),
    }
}

fn refused(form: Refused, status: StatusCode, reason: &str, text: String) -> Response {
    let message = if reason.is_empty() { UNKNOWN_ERROR } else { reason };
    match form {
        Refused::Reason => {
            let is_quota = status == StatusCode::TOO_MANY_REQUESTS && is_insufficient_quota(&text);
            json(&json!({ "error": { "message": message }, "quota_error": is_quota }))
        }
        Refused::Bare => Failed::Bare.response(message),
        Refused::Json => passed_error(text).unwrap_or_else(|| Failed::Bare.response(message)),
        Refused::JsonOrReason => passed_error(text).unwrap_or_else(|| Failed::Message.response(message)),
    }
}

/// An error's JSON as it is; a text in it is sent as a text.
fn passed_error(text: String) -> Option<Response> {
    let code = StatusCode::INTERNAL_SERVER_ERROR;
    match squaretable_compat::json::parse(text.as_bytes()).ok()? {
        Value::Null => None,
        Value::String(message) => Some(html_with(code, message)),
        _ => Some(bytes(code, JSON, Bytes::from(text))),
    }
}

/// Answers `/status` for the sources with one list of models.
///
/// The list; 200 `{"error":true,"data":{"data":[]}}` when the third party refuses; 200 `{"error":true}` when the
/// request fails or the list is not JSON.
pub async fn status(source: Source, outcome: Result<UpstreamReply, RelayError>) -> Response {
    let Ok(reply) = outcome else {
        return json(&json!({ "error": true }));
    };
    if !reply.is_success() {
        return json(&json!({ "error": true, "data": { "data": [] } }));
    }
    let text = reply.text().await.ok().filter(|text| check_json(text).is_ok());
    let Some(text) = text else {
        return json(&json!({ "error": true }));
    };
    let Some(reshape) = table::reshaping(source) else {
        return json_bytes(text);
    };
    let list = squaretable_compat::json::parse(text.as_bytes()).ok();
    match list.and_then(reshape) {
        Some(list) => json_bytes(squaretable_compat::json::to_vec(&list)),
        None => json(&json!({ "error": true })),
    }
}

fn failed(form: Failed, error: &RelayError) -> Response {
    let mut object = error.to_object();
    if form == Failed::Message {
        // Azure's handler in the original says nothing before the message.
        object.insert("message".to_owned(), error.to_string().into());
    }
    form.with(object.into())
}

fn is_insufficient_quota(text: &str) -> bool {
    let error: Option<Value> = serde_json::from_str(text).ok();
    error
        .as_ref()
        .and_then(|error| error.pointer("/error/type"))
        .and_then(Value::as_str)
        == Some("insufficient_quota")
}

/// Whether the text is JSON; the error is the JavaScript engine's message, which the browser shows.
pub(in crate::providers) fn check_json(text: &str) -> Result<(), String> {
    let Err(error) = serde_json::from_str::<IgnoredAny>(text) else {
        return Ok(());
    };
    if error.is_eof() {
        return Err("Unexpected end of JSON input".to_owned());
    }
    let line_start: usize = text
        .split_inclusive('\n')
        .take(error.line() - 1)
        .map(str::len)
        .sum();
    let at = line_start + error.column().saturating_sub(1);
    let Some((before, rest)) = text.split_at_checked(at) else {
        return Err(error.to_string());
    };
    let Some(token) = rest.chars().next() else {
        return Err(error.to_string());
    };
    Err(format!(
        "Unexpected token '{token}', {} is not valid JSON",
        excerpt(before, rest)
    ))
}

/// Ten characters on either side of the error, or the whole text when it is short.
fn excerpt(before: &str, rest: &str) -> String {
    const CONTEXT: usize = 10;
    const SHORT: usize = 2 * CONTEXT;
    let (skipped, left) = (before.chars().count(), rest.chars().count());
    if skipped + left <= SHORT {
        return format!("\"{before}{rest}\"");
    }
    let start: String = before.chars().skip(skipped.saturating_sub(CONTEXT)).collect();
    let end: String = rest.chars().take(CONTEXT).collect();
    let leading = if skipped < CONTEXT { "" } else { "..." };
    let trailing = if left <= CONTEXT { "" } else { "..." };
    format!("{leading}\"{start}{end}\"{trailing}")
}

#[cfg(test)]
mod tests {
    use super::check_json;

    #[test]
    fn explains_bad_json_as_the_browser_expects() {
        let explain = |text| check_json(text).unwrap_err();
        assert_eq!(
            explain("<!DOCTYPE html><html>hello there this is text</html>"),
            "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON"
        );
        assert_eq!(
            explain("nope"),
            "Unexpected token 'o', \"nope\" is not valid JSON"
        );
        assert_eq!(
            explain(r#"{"a":1,"b":x}"#),
            r#"Unexpected token 'x', "{"a":1,"b":x}" is not valid JSON"#
        );
        assert_eq!(explain(""), "Unexpected end of JSON input");
        assert_eq!(explain("{\"a\":"), "Unexpected end of JSON input");
        assert!(check_json(r#"{"lone":"\ud800","x":[1.0]}"#).is_ok());
    }
}

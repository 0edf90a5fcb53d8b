//! The browser's response to a chat request, from the relay's outcome.

use axum::http::StatusCode;
use axum::response::Response;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::providers::relay::{RelayError, UpstreamReply};
use crate::reply::{json, json_bytes, json_with};

/// Shown when an error comes without a reason phrase.
const UNKNOWN_ERROR: &str = "Unknown error occurred";

/// Answers `/generate` for sources that go through the shared handler.
///
/// A stream passes as it is. Otherwise: success is the third party's JSON; its error is 200
/// `{"error":{"message"},"quota_error"}` with the reason phrase as message; a failed request or a success that is
/// not JSON is 502 `{"error":{"message",...}}`.
pub async fn generate(outcome: Result<UpstreamReply, RelayError>, stream: bool) -> Response {
    let reply = match outcome {
        Ok(reply) if stream => return reply.into_stream().await,
        Ok(reply) => reply,
        Err(error) => return failed(&error),
    };
    let (status, is_success, reason) = (reply.status(), reply.is_success(), reply.reason());
    let text = match reply.text().await {
        Ok(text) => text,
        Err(error) => return failed(&error),
    };
    if is_success {
        return match check_json(&text) {
            Ok(()) => json_bytes(text),
            Err(message) => json_with(
                StatusCode::BAD_GATEWAY,
                &json!({ "error": { "message": message } }),
            ),
        };
    }
    tracing::warn!(
        status = status.as_u16(),
        reason,
        "chat completion refused upstream"
    );
    let message = if reason.is_empty() { UNKNOWN_ERROR } else { &reason };
    let is_quota = status == StatusCode::TOO_MANY_REQUESTS && is_insufficient_quota(&text);
    json(&json!({ "error": { "message": message }, "quota_error": is_quota }))
}

/// Answers `/status` for the sources whose model list passes as it is.
///
/// The list; 200 `{"error":true,"data":{"data":[]}}` when the third party refuses; 200 `{"error":true}` when the
/// request fails or the list is not JSON.
pub async fn status(outcome: Result<UpstreamReply, RelayError>) -> Response {
    let Ok(reply) = outcome else {
        return json(&json!({ "error": true }));
    };
    if !reply.is_success() {
        return json(&json!({ "error": true, "data": { "data": [] } }));
    }
    match reply.text().await {
        Ok(text) if check_json(&text).is_ok() => json_bytes(text),
        _ => json(&json!({ "error": true })),
    }
}

fn failed(error: &RelayError) -> Response {
    json_with(StatusCode::BAD_GATEWAY, &json!({ "error": error.to_object() }))
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
fn check_json(text: &str) -> Result<(), String> {
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

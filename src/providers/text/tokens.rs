//! `/api/tokenizers/remote`: tokens as the back end itself counts them.

use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::json::{to_utf16, to_vec};

use super::backend::{Backend, identify, trim_slash, trim_v1};
use super::js;
use crate::config::upstream::UpstreamConfig;
use crate::providers::exchange::{RequestFault, json_headers, posting, read};
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::Upstream;
use crate::reply;

/// Builds the request of `/remote/kobold/count` for body `{"text","url"}`.
///
/// # Errors
/// [`RequestFault::InvalidUrl`].
pub fn kobold_count(body: &Value) -> Result<Upstream, RequestFault> {
    let server = js::to_text(body.get("url"));
    posting(
        &format!("{}/extra/tokencount", trim_slash(&server)),
        json_headers(),
        &json!({ "prompt": js::to_text(body.get("text")) }),
    )
}

/// Answers `/remote/kobold/count`: `{"count","ids"}`, or `{"error":true}`.
pub async fn kobold_counted(outcome: Result<UpstreamReply, RelayError>) -> Response {
    match success(outcome).await {
        // JavaScript finds no properties in these, and says so.
        None | Some(Value::Null) => failure(),
        Some(answer) => counted(property(&answer, "value"), property(&answer, "ids")),
    }
}

/// Builds the request of `/remote/textgenerationwebui/encode` for body `{"text","url","model","api_type"}`; `None` for a
/// back end that does not count.
///
/// # Errors
/// [`RequestFault::InvalidUrl`].
pub fn encode(body: &Value, secret: &str, config: &UpstreamConfig) -> Result<Option<Upstream>, RequestFault> {
    let field = |name: &str| js::to_text(body.get(name));
    let (text, model, server) = (field("text"), field("model"), field("url"));
    let backend = Backend::of(body);
    let (path, request) = match backend.map(|backend| backend.name) {
        Some("tabby") => (
            "/v1/token/encode",
            json!({ "text": text, "add_bos_token": false, "encode_special_tokens": false }),
        ),
        Some("koboldcpp") => (
            "/api/extra/tokencount",
            json!({ "prompt": text, "special": false }),
        ),
        Some("llamacpp") => ("/tokenize", json!({ "model": model, "content": text })),
        Some("vllm") => ("/tokenize", json!({ "model": model, "prompt": text })),
        Some("aphrodite") => ("/v1/tokenize", json!({ "model": model, "prompt": text })),
        Some("ooba") => ("/v1/internal/encode", json!({ "text": text })),
        _ => return Ok(None),
    };
    let mut headers = json_headers();
    identify(&mut headers, backend, secret, &server, config);
    posting(&format!("{}{path}", trim_v1(&server)), headers, &request).map(Some)
}

/// Answers `/remote/textgenerationwebui/encode`: `{"count","ids"}`, or `{"error":true}`.
pub async fn encoded(outcome: Result<UpstreamReply, RelayError>) -> Response {
    let Some(answer) = success(outcome).await else {
        return failure();
    };
    let tokens = property(&answer, "tokens");
    let given = |name: &str| property(&answer, name).filter(|value| !value.is_null());
    let count = given("length").or_else(|| given("count"));
    let count = count.or_else(|| given("value"));
    let count = count.or_else(|| property(tokens.as_ref()?, "length"));
    counted(
        count,
        tokens.filter(|tokens| !tokens.is_null()).or_else(|| given("ids")),
    )
}

/// `{"error":true}`, which is how these routes fail.
#[must_use]
pub fn failure() -> Response {
    reply::json(&json!({ "error": true }))
}

async fn success(outcome: Result<UpstreamReply, RelayError>) -> Option<Value> {
    let answer = outcome.ok().filter(UpstreamReply::is_success)?;
    read(answer).await.ok()
}

/// A count, which may be missing, and ids, which are none then.
fn counted(count: Option<Value>, ids: Option<Value>) -> Response {
    let ids = ids.filter(|ids| !ids.is_null()).unwrap_or_else(|| json!([]));
    let mut answer = json!({});
    if let Some(count) = count {
        answer["count"] = count;
    }
    answer["ids"] = ids;
    reply::json_bytes(to_vec(&answer))
}

/// A property as JavaScript reads it: texts and lists have a length.
fn property(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::String(text) if name == "length" => Some(to_utf16(text).len().into()),
        Value::Array(items) if name == "length" => Some(items.len().into()),
        value => value.get(name).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{encode, kobold_count, property};
    use crate::config::upstream::UpstreamConfig;

    fn asked(kind: &str) -> Option<(String, String)> {
        let body = json!({ "api_type": kind, "url": "http://h/v1/", "text": "a", "model": "m" });
        let upstream = encode(&body, "k", &UpstreamConfig::default()).unwrap()?;
        let body = String::from_utf8(upstream.body.to_vec()).unwrap();
        Some((upstream.url.to_string(), body))
    }

    #[test]
    fn back_ends_are_asked_in_their_words() {
        let expected = (
            "http://h/tokenize".to_owned(),
            r#"{"model":"m","content":"a"}"#.to_owned(),
        );
        assert_eq!(asked("llamacpp"), Some(expected));
        let expected = (
            "http://h/v1/internal/encode".to_owned(),
            r#"{"text":"a"}"#.to_owned(),
        );
        assert_eq!(asked("ooba"), Some(expected));
        assert_eq!(asked("openrouter"), None);
        assert_eq!(asked("nonsense"), None);
    }

    #[test]
    fn kobold_is_asked_below_its_address() {
        let upstream = kobold_count(&json!({ "url": "http://h/api/" })).unwrap();
        assert_eq!(upstream.url.as_str(), "http://h/api/extra/tokencount");
        assert_eq!(upstream.body, r#"{"prompt":"undefined"}"#);
        assert!(kobold_count(&json!({ "url": "nowhere" })).is_err());
    }

    #[test]
    fn texts_and_lists_have_a_length() {
        assert_eq!(property(&json!("a🦊"), "length"), Some(json!(3)));
        assert_eq!(property(&json!([1]), "length"), Some(json!(1)));
        assert_eq!(property(&json!({ "length": null }), "length"), Some(Value::Null));
        assert_eq!(property(&json!(5), "length"), None);
    }
}

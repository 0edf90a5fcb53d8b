//! `/api/backends/kobold`: the interface of KoboldAI, which KoboldCpp speaks and extends.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};
use squaretable_compat::json::to_vec;

use super::backend::{Backend, identify, numeric_server, override_headers};
use super::{copied, js};
use crate::config::upstream::UpstreamConfig;
use crate::providers::embed::openai::sorted;
use crate::providers::exchange::{
    RequestFault, json_headers, parse, parse_url, posting, read, respond, server_error, without_body,
};
use crate::providers::relay::{Relay, RelayError, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::reply;

/// Sent as they are, in this order, with what the user has set in the browser.
const SAMPLERS: &str =
    "rep_pen rep_pen_range rep_pen_slope temperature tfs top_a top_k top_p min_p typical sampler_order";
/// The rest of them, after `singleline`.
const MORE_SAMPLERS: &str = "use_default_badwordsids mirostat mirostat_eta mirostat_tau grammar sampler_seed";

/// A generation ready for the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KoboldCall {
    /// What to send.
    pub upstream: Upstream,
    /// Whether the browser asked for a stream.
    pub stream: bool,
    /// What to send when the browser goes before the end, if the server understands it.
    pub abort: Option<Upstream>,
}

/// Builds the request of `/generate`. KoboldAI takes no key.
///
/// # Errors
/// [`RequestFault::MissingServer`], [`RequestFault::InvalidUrl`]; the original does not survive either.
pub fn generate(body: &Value, config: &UpstreamConfig) -> Result<KoboldCall, RequestFault> {
    let server = numeric_server(body)?;
    parse_url(&server)?;
    let mut headers = json_headers();
    override_headers(&mut headers, &server, config);
    let stream = js::is_truthy(body.get("streaming"));
    let path = if stream {
        "/extra/generate/stream"
    } else {
        "/v1/generate"
    };
    let abort = js::is_truthy(body.get("can_abort")).then(|| {
        without_body(
            Method::POST,
            &format!("{server}/extra/abort"),
            UpstreamHeaders::default(),
        )
    });
    Ok(KoboldCall {
        upstream: posting(&format!("{server}{path}"), headers, &settings(body).into())?,
        stream,
        abort: abort.transpose()?,
    })
}

fn settings(body: &Value) -> Map<String, Value> {
    let mut settings = copied(body, "prompt");
    for extra in ["use_story", "use_memory", "use_authors_note", "use_world_info"] {
        settings.insert(extra.to_owned(), false.into());
    }
    settings.extend(copied(body, "max_context_length max_length"));
    if js::is_truthy(body.get("gui_settings")) {
        return settings;
    }
    settings.extend(copied(body, SAMPLERS));
    settings.insert(
        "singleline".to_owned(),
        js::is_truthy(body.get("singleline")).into(),
    );
    settings.extend(copied(body, MORE_SAMPLERS));
    if js::is_truthy(body.get("stop_sequence")) {
        settings.extend(copied(body, "stop_sequence"));
    }
    settings
}

/// Answers `/generate`: a stream passes as it is; otherwise the server's JSON, 400 `{"error":{"message"}}` where it
/// refuses, and 200 `{"error":true}` where it is not there or answers no JSON.
pub async fn generated(stream: bool, outcome: Result<UpstreamReply, RelayError>) -> Response {
    let answer = match outcome {
        Ok(answer) if stream => return answer.into_stream().await,
        Ok(answer) => answer,
        Err(_) => return reply::json(&json!({ "error": true })),
    };
    let is_success = answer.is_success();
    let Ok(text) = answer.text().await else {
        return reply::json(&json!({ "error": true }));
    };
    if is_success {
        return match parse(&text) {
            Ok(value) => respond(&value),
            Err(_) => reply::json(&json!({ "error": true })),
        };
    }
    let detail = parse(&text)
        .ok()
        .and_then(|error| error.pointer("/detail/msg").cloned());
    let message = detail
        .filter(|detail| js::is_truthy(Some(detail)))
        .unwrap_or_else(|| text.into());
    reply::bytes(
        StatusCode::BAD_REQUEST,
        reply::JSON,
        to_vec(&json!({ "error": { "message": message } })).into(),
    )
}

/// Asks for versions and model, and answers `/status`: always 200, with what could be learnt.
///
/// # Errors
/// [`RequestFault::MissingServer`]; the original does not survive it.
pub async fn status(body: &Value, relay: &Relay) -> Result<Response, RequestFault> {
    let server = numeric_server(body)?;
    let ask = async |path: &str| -> Option<Value> {
        let question = without_body(
            Method::GET,
            &format!("{server}{path}"),
            UpstreamHeaders::default(),
        )
        .ok()?;
        let answer = relay
            .send(question)
            .await
            .ok()
            .filter(UpstreamReply::is_success)?;
        read(answer).await.ok().filter(|value| !value.is_null())
    };
    let (united, extra, model) =
        tokio::join!(ask("/v1/info/version"), ask("/extra/version"), ask("/v1/model"));
    let result = |value: &Value| value.get("result").cloned();
    let mut known = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            known.insert(name.to_owned(), value);
        }
    };
    put(
        "koboldUnitedVersion",
        united.as_ref().map_or_else(|| Some("0.0.0".into()), result),
    );
    put("koboldCppVersion", extra.as_ref().and_then(result));
    let is_model = |value: &&Value| value.get("result").and_then(Value::as_str) != Some("ReadOnly");
    put(
        "model",
        model
            .as_ref()
            .filter(is_model)
            .map_or_else(|| Some("no_connection".into()), result),
    );
    Ok(reply::json_bytes(to_vec(&known.into())))
}

/// Builds the request of `/transcribe-audio`; `audio` is base64.
///
/// # Errors
/// [`RequestFault::InvalidUrl`].
pub fn transcription(
    server: &str,
    audio: &str,
    secret: &str,
    config: &UpstreamConfig,
) -> Result<Upstream, RequestFault> {
    let request = json!({ "prompt": "", "audio_data": audio });
    extra(server, "/api/extra/transcribe", &request, secret, config)
}

/// Builds the request of `/embed` for the body's `items`.
///
/// # Errors
/// [`RequestFault::InvalidUrl`].
pub fn embedding(
    server: &str,
    items: Option<&Value>,
    secret: &str,
    config: &UpstreamConfig,
) -> Result<Upstream, RequestFault> {
    let request = items.map_or_else(|| json!({}), |items| json!({ "input": items }));
    extra(server, "/api/extra/embeddings", &request, secret, config)
}

/// A `POST` to a path of KoboldCpp's own, whatever path the address has.
fn extra(
    server: &str,
    path: &str,
    request: &Value,
    secret: &str,
    config: &UpstreamConfig,
) -> Result<Upstream, RequestFault> {
    let mut headers = UpstreamHeaders::default();
    identify(&mut headers, Backend::named("koboldcpp"), secret, server, config);
    // compat: the original states no type here, and its client then calls a text a text.
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.set("Content-Type", "text/plain;charset=UTF-8");
    }
    let mut url = parse_url(server)?;
    url.set_path(path);
    posting(url.as_str(), headers, request)
}

/// 500 in words.
#[must_use]
pub fn failure() -> Response {
    reply::html_with(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
}

/// Answers `/transcribe-audio`: the server's JSON; 500 with its text, or in our words.
pub async fn transcribed(outcome: Result<UpstreamReply, RelayError>) -> Response {
    let Ok(answer) = outcome else {
        return failure();
    };
    let is_success = answer.is_success();
    let Ok(text) = answer.text().await else {
        return failure();
    };
    if !is_success {
        return reply::html_with(StatusCode::INTERNAL_SERVER_ERROR, text);
    }
    parse(&text).map_or_else(|_| failure(), |value| reply::json_bytes(to_vec(&value)))
}

/// Answers `/embed`: `{"model","embeddings"}`, in the order of the items; 500 in one of two forms.
pub async fn embedded(outcome: Result<UpstreamReply, RelayError>) -> Response {
    let Ok(answer) = outcome else {
        return failure();
    };
    let Ok(value) = read(answer).await else {
        return failure();
    };
    let Some(data) = value.get("data").and_then(Value::as_array) else {
        return server_error();
    };
    match vectors(data) {
        Some(embeddings) => {
            let model = value.get("model").filter(|model| js::is_truthy(Some(model)));
            let model = model.cloned().unwrap_or_else(|| "unknown".into());
            reply::json_bytes(to_vec(&json!({ "model": model, "embeddings": embeddings })))
        }
        None => failure(),
    }
}

/// The vectors by their index, each possibly wrapped in a list; `None` where one is nothing at all.
fn vectors(data: &[Value]) -> Option<Vec<Value>> {
    let unwrapped = data.iter().map(|entry| match entry {
        Value::Array(entries) => entries.first(),
        other => Some(other),
    });
    let entries: Vec<Value> = unwrapped.map(Option::<&Value>::cloned).collect::<Option<_>>()?;
    sorted(&entries)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{embedding, generate, vectors};
    use crate::config::upstream::UpstreamConfig;
    use crate::providers::exchange::RequestFault;

    #[test]
    fn the_servers_own_settings_are_left_alone() {
        let body = json!({
            "api_server": "http://localhost:5000/api", "prompt": "p", "max_length": 5, "temperature": 1, "top_k": 0,
            "stop_sequence": [], "gui_settings": true, "can_abort": true,
        });
        let call = generate(&body, &UpstreamConfig::default()).unwrap();
        assert_eq!(
            call.upstream.url.as_str(),
            "http://127.0.0.1:5000/api/v1/generate"
        );
        let sent: Value = serde_json::from_slice(&call.upstream.body).unwrap();
        let fixed = json!({
            "prompt": "p", "use_story": false, "use_memory": false, "use_authors_note": false, "use_world_info": false,
            "max_length": 5,
        });
        assert_eq!(sent, fixed);
        assert_eq!(
            call.abort.unwrap().url.as_str(),
            "http://127.0.0.1:5000/api/extra/abort"
        );
        let body =
            json!({ "api_server": "http://h/api", "temperature": 1, "streaming": 1, "stop_sequence": ["a"] });
        let call = generate(&body, &UpstreamConfig::default()).unwrap();
        assert_eq!(call.upstream.url.as_str(), "http://h/api/extra/generate/stream");
        let sent: Value = serde_json::from_slice(&call.upstream.body).unwrap();
        assert_eq!(
            (&sent["temperature"], &sent["singleline"]),
            (&json!(1), &json!(false))
        );
        assert_eq!(sent["stop_sequence"], json!(["a"]));
        assert!(call.stream && call.abort.is_none());
    }

    #[test]
    fn an_address_is_needed() {
        let faulty = |body: Value| generate(&body, &UpstreamConfig::default()).unwrap_err();
        assert_eq!(faulty(json!({})), RequestFault::MissingServer);
        assert_eq!(faulty(json!({ "api_server": "" })), RequestFault::InvalidUrl);
    }

    #[test]
    fn extras_replace_the_path_and_keep_the_query() {
        let config = UpstreamConfig::default();
        let made = embedding("http://h/a/b?x=1", Some(&json!(["t"])), "k", &config).unwrap();
        assert_eq!(made.url.as_str(), "http://h/api/extra/embeddings?x=1");
        let headers: Vec<_> = made.headers.iter().collect();
        let expected = [
            ("Authorization", "Bearer k"),
            ("Content-Type", "text/plain;charset=UTF-8"),
        ];
        assert_eq!(headers, expected);
        assert_eq!(made.body, r#"{"input":["t"]}"#);
    }

    #[test]
    fn vectors_come_in_the_order_of_the_items() {
        let data = [
            json!({ "index": 1, "embedding": [2] }),
            json!([{ "index": 0, "embedding": [1] }]),
        ];
        assert_eq!(vectors(&data), Some(vec![json!([1]), json!([2])]));
        assert_eq!(vectors(&[json!({})]), Some(vec![Value::Null]));
        assert_eq!(vectors(&[json!([])]), None);
        assert_eq!(vectors(&[Value::Null]), None);
        let some_without = (0..50).map(|n| {
            json!(if n % 3 == 0 {
                json!({})
            } else {
                json!({ "index": 50 - n })
            })
        });
        assert_eq!(
            vectors(&some_without.collect::<Vec<_>>()).map(|all| all.len()),
            Some(50)
        );
    }
}

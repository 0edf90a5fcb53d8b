//! `/api/novelai`: texts of NovelAI.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};
use squaretable_compat::json::to_vec;

use super::{copied, js, novelai_tokens as tokens};
use crate::providers::exchange::{RequestFault, json_headers, parse, posting, read, respond, without_body};
use crate::providers::relay::{RelayError, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::reply;

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_novel";

const API: &str = "https://api.novelai.net";
/// Where the newer models answer.
const TEXT: &str = "https://text.novelai.net";
const IMAGE: &str = "https://image.novelai.net";

/// The parameters before, between and after those that are made here.
const FIRST: &str = "temperature max_length min_length tail_free_sampling repetition_penalty repetition_penalty_range \
    repetition_penalty_slope repetition_penalty_frequency repetition_penalty_presence";
const SECOND: &str = "top_a top_p top_k typical_p mirostat_lr mirostat_tau phrase_rep_pen stop_sequences";
const THIRD: &str = "generate_until_sentence use_cache return_full_text prefix order num_logprobs min_p math1_temp \
    math1_quad math1_quad_entropy_scale";

/// A kind of model, as far as requests differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Clio and Kayra share a tokenizer.
    Clio,
    Erato,
    Other,
}

fn headers(key: &str) -> UpstreamHeaders {
    let mut headers = json_headers();
    headers.set("Authorization", format!("Bearer {key}"));
    headers
}

/// Builds the request of `/status`: what the key's owner subscribes to.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn status(key: &str) -> Result<Upstream, RequestFault> {
    without_body(Method::GET, &format!("{IMAGE}/user/subscription"), headers(key))
}

/// Answers `/status`: the subscription, or 200 `{"error":true}`.
pub async fn subscription(outcome: Result<UpstreamReply, RelayError>) -> Response {
    if let Ok(answer) = outcome
        && answer.is_success()
        && let Ok(value) = read(answer).await
    {
        return respond(&value);
    }
    reply::json(&json!({ "error": true }))
}

/// Builds the request of `/generate`, and says whether the browser asked for a stream.
///
/// # Errors
/// [`RequestFault::MissingModel`]; the original does not survive it.
pub fn generate(body: &Value, key: &str) -> Result<(Upstream, bool), RequestFault> {
    let model = body
        .get("model")
        .and_then(Value::as_str)
        .ok_or(RequestFault::MissingModel)?;
    let stream = js::is_truthy(body.get("streaming"));
    let host = if model.contains("kayra") || model.contains("erato") {
        TEXT
    } else {
        API
    };
    let path = if stream {
        "/ai/generate-stream"
    } else {
        "/ai/generate"
    };
    let mut request = copied(body, "input model");
    request.insert("parameters".to_owned(), parameters(body, model).into());
    Ok((
        posting(&format!("{host}{path}"), headers(key), &request.into())?,
        stream,
    ))
}

fn parameters(body: &Value, model: &str) -> Map<String, Value> {
    let use_string = body.get("use_string").filter(|flag| !flag.is_null()).cloned();
    let mut made = Map::from_iter([("use_string".to_owned(), use_string.unwrap_or(true.into()))]);
    let family = family(model);
    made.extend(copied(body, FIRST));
    let whitelist = match family {
        Family::Clio => sequences(tokens::WHITELIST).concat().into(),
        Family::Erato => sequences(tokens::WHITELIST_ERATO).concat().into(),
        Family::Other => Value::Null,
    };
    made.insert("repetition_penalty_whitelist".to_owned(), whitelist);
    made.extend(copied(body, SECOND));
    made.insert("bad_words_ids".to_owned(), bad_words(body, family, model));
    made.insert("logit_bias_exp".to_owned(), biases(body, family).into());
    made.extend(copied(body, THIRD));
    // An adventure's turn ends where the model writes the `>` of the player's next one.
    if body.get("prefix").and_then(Value::as_str) == Some("theme_textadventure") {
        let end = match family {
            _ if model.contains("erato") => Some(29),
            Family::Clio => Some(49405),
            _ => None,
        };
        made.extend(end.map(|end| ("eos_token_id".to_owned(), end.into())));
    }
    made
}

fn family(model: &str) -> Family {
    match model {
        _ if model.contains("clio") || model.contains("kayra") => Family::Clio,
        _ if model.contains("erato") => Family::Erato,
        _ => Family::Other,
    }
}

/// The sequences of a list in [`tokens`].
fn sequences(list: &str) -> Vec<Vec<Value>> {
    let sequence = |text: &str| {
        text.split('+')
            .filter_map(|id| id.parse::<u32>().ok())
            .map(Value::from)
            .collect()
    };
    list.split(' ').map(sequence).collect()
}

/// The model's own and the user's, without those that are empty or no lists of whole numbers; `null` for none.
fn bad_words(body: &Value, family: Family, model: &str) -> Value {
    let own = match family {
        Family::Clio => tokens::BAD_WORDS,
        Family::Erato => tokens::BAD_WORDS_ERATO,
        Family::Other if model.contains("hypebot") => tokens::BAD_WORDS_HYPEBOT,
        Family::Other => "",
    };
    let is_whole = |id: &Value| id.as_f64().is_some_and(|id| id.fract() == 0.0);
    let is_sequence = |words: &&Value| words.as_array().is_some_and(|words| words.iter().all(is_whole));
    let users = body.get("bad_words_ids").and_then(Value::as_array);
    let users = users.into_iter().flatten().filter(is_sequence).cloned();
    let all: Vec<Value> = sequences(own).into_iter().map(Value::from).chain(users).collect();
    let filled: Vec<Value> = all
        .into_iter()
        .filter(|words| words.as_array().is_some_and(|words| !words.is_empty()))
        .collect();
    if filled.is_empty() {
        Value::Null
    } else {
        filled.into()
    }
}

/// Against rows of asterisks; then the user's.
fn biases(body: &Value, family: Family) -> Vec<Value> {
    let own: &[u32] = match family {
        Family::Clio => &[23, 21],
        Family::Erato => &[12488, 128_041],
        Family::Other => &[],
    };
    let against = |id: &u32| json!({ "sequence": [id], "bias": -0.08, "ensure_sequence_finish": false, "generate_once": false });
    let users = body.get("logit_bias_exp").and_then(Value::as_array);
    own.iter()
        .map(against)
        .chain(users.into_iter().flatten().cloned())
        .collect()
}

/// Answers `/generate`: a stream passes as it is; otherwise NovelAI's JSON, 500 `{"error":{"message"}}` where it refuses,
/// and 200 `{"error":true}` where it is not there or answers no JSON.
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
    let value = parse(&text);
    if is_success {
        return value.map_or_else(
            |_| reply::json(&json!({ "error": true })),
            |value| respond(&value),
        );
    }
    let error = match value {
        Ok(Value::Null) | Err(_) => json!({ "message": text }),
        Ok(value) => copied(&value, "message").into(),
    };
    reply::bytes(
        StatusCode::INTERNAL_SERVER_ERROR,
        reply::JSON,
        to_vec(&json!({ "error": error })).into(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::generate;
    use crate::providers::exchange::RequestFault;

    fn made(body: &Value) -> (String, Value) {
        let (upstream, _) = generate(body, "k").unwrap();
        (
            upstream.url.to_string(),
            serde_json::from_slice(&upstream.body).unwrap(),
        )
    }

    #[test]
    fn models_answer_where_they_live() {
        for (model, streaming, expected) in [
            ("clio-v1", false, "https://api.novelai.net/ai/generate"),
            ("kayra-v1", false, "https://text.novelai.net/ai/generate"),
            (
                "llama-3-erato-v1",
                true,
                "https://text.novelai.net/ai/generate-stream",
            ),
            ("x", true, "https://api.novelai.net/ai/generate-stream"),
        ] {
            assert_eq!(
                made(&json!({ "model": model, "streaming": streaming })).0,
                expected
            );
        }
        assert_eq!(
            generate(&json!({ "model": 5 }), "k"),
            Err(RequestFault::MissingModel)
        );
    }

    #[test]
    fn models_get_their_own_tokens() {
        let count = |model: &str| {
            let (_, sent) = made(&json!({ "model": model, "prefix": "theme_textadventure" }));
            let of = |name: &str| sent["parameters"][name].as_array().map(Vec::len);
            let end = sent["parameters"]["eos_token_id"].as_u64();
            (
                of("bad_words_ids"),
                of("logit_bias_exp"),
                of("repetition_penalty_whitelist"),
                end,
            )
        };
        assert_eq!(count("kayra-v1"), (Some(20), Some(2), Some(73), Some(49405)));
        assert_eq!(count("llama-3-erato-v1"), (Some(7), Some(2), Some(79), Some(29)));
        assert_eq!(count("hypebot"), (Some(150), Some(0), None, None));
        assert_eq!(count("other"), (None, Some(0), None, None));
    }

    #[test]
    fn the_users_words_come_after_the_models() {
        let body = json!({
            "model": "clio-v1", "input": "i", "bad_words_ids": [[1, 2], [], ["x"], [1.5], "t"],
            "logit_bias_exp": [{ "sequence": [1] }], "use_string": false, "temperature": 0.5, "min_p": null, "other": 1,
        });
        let (_, sent) = made(&body);
        let parameters = &sent["parameters"];
        assert_eq!(parameters["bad_words_ids"][15], json!([85, 85]));
        assert_eq!(
            parameters["bad_words_ids"].as_array().unwrap()[20..],
            [json!([1, 2])]
        );
        assert_eq!(parameters["logit_bias_exp"][2], json!({ "sequence": [1] }));
        assert_eq!(parameters["use_string"], json!(false));
        assert!(parameters.get("other").is_none() && parameters["min_p"].is_null());
        assert_eq!((&sent["input"], &sent["model"]), (&json!("i"), &json!("clio-v1")));
    }
}

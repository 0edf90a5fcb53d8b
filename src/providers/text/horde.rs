//! `/api/horde`: the AI Horde, where volunteers' machines answer.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use moka::future::Cache;
use serde_json::{Map, Value, json};
use squaretable_compat::json::to_vec;

use super::js;
use crate::providers::exchange::{
    RequestFault, json_headers, posting, read, respond, server_error, without_body,
};
use crate::providers::relay::{Relay, RelayError, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::reply;

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_horde";

/// Who asks without a key of their own.
pub(in crate::providers) const ANONYMOUS: &str = "0000000000";
pub(in crate::providers) const API: &str = "https://aihorde.net/api/v2";
/// What is known of text models beyond what the Horde says itself.
const REFERENCE: &str = "https://raw.githubusercontent.com/db0/AI-Horde-text-model-reference/main/db.json";
/// How long lists of models and workers are shown again.
const LIST_TTL: Duration = Duration::from_secs(60);

/// The samplers that the Horde's image models know.
pub const SAMPLERS: [&str; 15] = [
    "lcm",
    "k_lms",
    "k_heun",
    "k_euler_a",
    "k_euler",
    "k_dpm_2",
    "k_dpm_2_a",
    "DDIM",
    "PLMS",
    "k_dpm_fast",
    "k_dpm_adaptive",
    "k_dpmpp_2s_a",
    "k_dpmpp_2m",
    "dpmsolver",
    "k_dpmpp_sde",
];

/// A list of the Horde that is the same for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum List {
    /// Machines that serve texts.
    Workers,
    /// Text models, with what the reference says of them.
    Models,
}

impl List {
    fn path(self) -> &'static str {
        match self {
            Self::Workers => "/workers?type=text",
            Self::Models => "/status/models?type=text",
        }
    }
}

/// The lists as they were up to a minute ago, on this node.
#[derive(Debug, Clone)]
pub struct Lists(Cache<List, Value>);

impl Default for Lists {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(2).time_to_live(LIST_TTL).build())
    }
}

impl Lists {
    /// Answers `/text-workers` and `/text-models`: the list, asked for anew when `force`; 500 when the Horde is not
    /// there or answers no JSON.
    ///
    /// compat: what the Horde refuses with is passed on as if it were the list; unlike in the original it is not kept.
    pub async fn answer(&self, list: List, force: bool, version: &str, relay: &Relay) -> Response {
        if !force && let Some(known) = self.0.get(&list).await {
            return respond(&known);
        }
        let outcome = match ask(Method::GET, list.path(), version) {
            Ok(question) => relay.send(question).await,
            Err(fault) => return fault.server_error(),
        };
        let Ok(answer) = outcome else {
            return server_error();
        };
        let is_success = answer.is_success();
        let Ok(mut value) = read(answer).await else {
            return server_error();
        };
        if list == List::Models
            && let Some(reference) = reference(relay).await
        {
            value = with_reference(value, &reference);
        }
        let response = respond(&value);
        if is_success && js::is_truthy(Some(&value)) {
            self.0.insert(list, value).await;
        }
        response
    }
}

async fn reference(relay: &Relay) -> Option<Value> {
    let question = without_body(Method::GET, REFERENCE, UpstreamHeaders::default()).ok()?;
    let answer = relay.send(question).await.ok()?;
    read(answer).await.ok().filter(|reference| !reference.is_null())
}

/// Models with the fields of the reference, which win, and whether it knows them.
fn with_reference(models: Value, reference: &Value) -> Value {
    let Value::Array(models) = models else {
        return models;
    };
    if models.iter().any(Value::is_null) {
        return models.into();
    }
    let extended = |model: Value| -> Value {
        let known = reference
            .get(js::to_text(model.get("name")))
            .filter(|known| js::is_truthy(Some(known)));
        let is_known = known.is_some();
        let mut fields = Map::new();
        for part in [Some(model), known.cloned()].into_iter().flatten() {
            if let Value::Object(part) = part {
                fields.extend(part);
            }
        }
        fields.insert("is_whitelisted".to_owned(), is_known.into());
        fields.into()
    };
    models.into_iter().map(extended).collect()
}

/// A request to the Horde, which wants to know the program that asks.
fn ask(method: Method, path: &str, version: &str) -> Result<Upstream, RequestFault> {
    let mut headers = UpstreamHeaders::default();
    headers.set("Client-Agent", agent(version));
    without_body(method, &format!("{API}{path}"), headers)
}

/// compat: the name that the Horde's statistics know the frontend by, with its version.
pub(in crate::providers) fn agent(version: &str) -> String {
    format!("SillyTavern:{version}:Cohee#1207")
}

/// Builds the request of `/status`.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn heartbeat(version: &str) -> Result<Upstream, RequestFault> {
    ask(Method::GET, "/status/heartbeat", version)
}

/// Builds the request of `/sd-models`.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn image_models(version: &str) -> Result<Upstream, RequestFault> {
    let mut upstream = ask(Method::GET, "/status/models", version)?;
    upstream.headers.set("Content-Type", "application/json");
    Ok(upstream)
}

/// Builds the request of `/task-status` (`GET`) and `/cancel-task` (`DELETE`) for the body's `taskId`.
///
/// # Errors
/// None in practice; an id is one step of the path, whatever it holds.
pub fn task(method: Method, body: &Value, version: &str) -> Result<Upstream, RequestFault> {
    let id = js::path_step(&js::to_text(body.get("taskId")));
    ask(method, &format!("/generate/text/status/{id}"), version)
}

/// Builds the request of `/generate-text`. An empty key is nobody's.
///
/// # Errors
/// None in practice; the address is fixed.
pub fn generate(body: &Value, key: &str, version: &str) -> Result<Upstream, RequestFault> {
    let mut headers = json_headers();
    headers.set("apikey", if key.is_empty() { ANONYMOUS } else { key });
    headers.set("Client-Agent", agent(version));
    posting(&format!("{API}/generate/text/async"), headers, body)
}

/// Answers `/generate-text`: the Horde's JSON with the task's `id`; 200 `{"error"}` otherwise.
pub async fn generated(outcome: Result<UpstreamReply, RelayError>) -> Response {
    let refused = || reply::json(&json!({ "error": true }));
    match outcome {
        Ok(answer) if answer.is_success() => read(answer)
            .await
            .map_or_else(|_| refused(), |value| respond(&value)),
        Ok(answer) => match answer.text().await {
            Ok(message) => reply::json(&json!({ "error": { "message": message } })),
            Err(_) => refused(),
        },
        Err(_) => refused(),
    }
}

/// Answers `/status`: whether the Horde does; 500 when nothing came.
#[must_use]
pub fn beat(outcome: &Result<UpstreamReply, RelayError>) -> Response {
    match outcome {
        Ok(answer) => reply::json(&json!({ "ok": answer.is_success() })),
        Err(_) => server_error(),
    }
}

/// Answers the routes that pass the Horde's JSON on, whatever its status; 500 when there is none.
pub async fn passed(outcome: Result<UpstreamReply, RelayError>) -> Response {
    match outcome {
        Ok(answer) => read(answer)
            .await
            .map_or_else(|_| server_error(), |value| respond(&value)),
        Err(_) => server_error(),
    }
}

/// As [`passed`], where a refusal is a failure.
pub async fn passed_success(outcome: Result<UpstreamReply, RelayError>) -> Response {
    match outcome {
        Ok(answer) if !answer.is_success() => server_error(),
        other => passed(other).await,
    }
}

/// Asks for the key's owner and for the key as a shared one, and answers `/user-info`:
/// `{"user","sharedKey","anonymous":false}`, or `{"anonymous":true}` without a key; 500 when the Horde does not know it.
///
/// # Errors
/// None in practice; the addresses are fixed.
pub async fn user_info(key: &str, version: &str, relay: &Relay) -> Result<Response, RequestFault> {
    if key.is_empty() {
        return Ok(reply::json(&json!({ "anonymous": true })));
    }
    let mut shared = ask(
        Method::GET,
        &format!("/sharedkeys/{}", js::encode_component(key)),
        version,
    )?;
    shared.headers.set("Content-Type", "application/json");
    let mut owner = ask(Method::GET, "/find_user", version)?;
    owner.headers.set("Content-Type", "application/json");
    owner.headers.set("apikey", key);
    let success = async |question: Upstream| {
        let answer = relay
            .send(question)
            .await
            .ok()
            .filter(UpstreamReply::is_success)?;
        read(answer).await.ok()
    };
    let (shared, owner) = tokio::join!(success(shared), success(owner));
    Ok(match owner {
        Some(user) => {
            let info = json!({ "user": user, "sharedKey": shared, "anonymous": false });
            reply::bytes(StatusCode::OK, reply::JSON, to_vec(&info).into())
        }
        None => server_error(),
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::json;

    use super::{generate, task, with_reference};

    #[test]
    fn the_reference_has_the_last_word() {
        let models = json!([{ "name": "a", "count": 1, "x": 1 }, { "name": "b" }, {}]);
        let reference = json!({ "a": { "x": 2, "is_whitelisted": false }, "b": null });
        let expected = json!([
            { "name": "a", "count": 1, "x": 2, "is_whitelisted": true },
            { "name": "b", "is_whitelisted": false },
            { "is_whitelisted": false },
        ]);
        assert_eq!(with_reference(models, &reference), expected);
        for unmerged in [json!([null, { "name": "a" }]), json!({ "message": "down" })] {
            assert_eq!(with_reference(unmerged.clone(), &reference), unmerged);
        }
    }

    #[test]
    fn a_task_is_one_step_of_the_path() {
        let url = |id: &str| {
            let made = task(Method::DELETE, &json!({ "taskId": id }), "1").unwrap();
            assert_eq!(made.method, Method::DELETE);
            made.url.to_string()
        };
        assert_eq!(url("a-1"), "https://aihorde.net/api/v2/generate/text/status/a-1");
        assert_eq!(
            url("../../x?y"),
            "https://aihorde.net/api/v2/generate/text/status/..%2F..%2Fx%3Fy"
        );
        assert_eq!(
            url(".."),
            "https://aihorde.net/api/v2/generate/text/status/undefined"
        );
    }

    #[test]
    fn nobody_has_a_key_too() {
        let made = generate(&json!({ "prompt": "p" }), "", "1.19.0").unwrap();
        let headers: Vec<_> = made.headers.iter().collect();
        let expected = [
            ("Content-Type", "application/json"),
            ("apikey", "0000000000"),
            ("Client-Agent", "SillyTavern:1.19.0:Cohee#1207"),
        ];
        assert_eq!(headers, expected);
        assert_eq!(made.body, r#"{"prompt":"p"}"#);
    }
}

//! NanoGPT besides its chats: what is left to spend, and who serves a model.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::json::to_vec;

use super::exchange::{granted, read, silent_error, without_body};
use super::js;
use super::relay::{Relay, RelayError, UpstreamReply};
use super::upstream::{Upstream, UpstreamHeaders};
use crate::error::{Error, Result};
use crate::reply;

/// The key of the user's secret.
pub const SECRET_KEY: &str = "api_key_nanogpt";

const API: &str = "https://nano-gpt.com/api";

/// Asks for the balance and the subscription at the same time, and answers
/// `{"usd_balance","nano_balance","subscription"}`, the last `null` without one.
///
/// # Errors
/// 500.
pub async fn credits(key: &str, relay: &Relay) -> Result<Response> {
    let ask = |method: Method, path: &str| -> Result<Upstream> {
        let mut headers = UpstreamHeaders::default();
        headers.set("Accept", "application/json");
        headers.set("x-api-key", key);
        Ok(without_body(method, &format!("{API}{path}"), headers)?)
    };
    let (balance, subscription) = tokio::join!(
        relay.send(ask(Method::POST, "/check-balance")?),
        relay.send(ask(Method::GET, "/subscription/v1/usage")?)
    );
    let balance = read_some(granted(balance, silent_error)?).await?;
    let subscription = match subscription {
        Ok(answer) if answer.is_success() => subscribed(&read_some(answer).await?),
        _ => Value::Null,
    };
    let credits = json!({
        "usd_balance": number(balance.get("usd_balance")), "nano_balance": number(balance.get("nano_balance")),
        "subscription": subscription,
    });
    Ok(reply::json_bytes(to_vec(&credits)))
}

async fn read_some(answer: UpstreamReply) -> Result<Value> {
    let value = read(answer).await.map_err(|_| silent_error())?;
    if value.is_null() {
        return Err(silent_error());
    }
    Ok(value)
}

fn subscribed(answer: &Value) -> Value {
    if !js::is_truthy(answer.get("active")) {
        return Value::Null;
    }
    let limit = |name: &str| number(answer.pointer(&format!("/limits/{name}")));
    json!({
        "active": true,
        "state": js::text_or_empty(answer.get("state")),
        "allowOverage": js::is_truthy(answer.get("allowOverage")),
        "period": { "currentPeriodEnd": js::text_or_empty(answer.pointer("/period/currentPeriodEnd")) },
        "limits": {
            "weeklyInputTokens": limit("weeklyInputTokens"), "dailyInputTokens": limit("dailyInputTokens"),
            "dailyImages": limit("dailyImages"),
        },
        "weekly_tokens": usage(answer.get("weeklyInputTokens")),
        "daily_tokens": usage(answer.get("dailyInputTokens")),
        "daily_images": usage(answer.get("dailyImages")),
    })
}

fn usage(usage: Option<&Value>) -> Value {
    let Some(usage) = usage.filter(|usage| usage.is_object() || usage.is_array()) else {
        return Value::Null;
    };
    json!({
        "used": number(usage.get("used")), "remaining": number(usage.get("remaining")),
        "percentUsed": number(usage.get("percentUsed")), "resetAt": number(usage.get("resetAt")),
    })
}

/// A number; 0 for what is none.
fn number(value: Option<&Value>) -> Value {
    let number = js::to_number(value);
    js::from_number(if number.is_finite() { number } else { 0.0 })
}

/// `GET` of who serves the body's `model`.
///
/// # Errors
/// 400 with an empty list.
pub fn endpoints(body: &Value) -> Result<Upstream> {
    let model = body.get("model").filter(|model| js::is_truthy(Some(model)));
    let model = model.ok_or_else(|| Error::Json(StatusCode::BAD_REQUEST, nobody()))?;
    let model = js::encode_component(&js::to_text(Some(model)));
    let mut headers = UpstreamHeaders::default();
    headers.set("Accept", "application/json");
    let address = format!("{API}/models/{model}/providers");
    Ok(without_body(Method::GET, &address, headers)?)
}

fn nobody() -> Value {
    json!({ "supportsProviderSelection": false, "providers": [] })
}

/// Who serves a model, and whether one of them can be chosen; nobody when NanoGPT refuses.
///
/// # Errors
/// 500.
pub async fn providers(outcome: Result<UpstreamReply, RelayError>) -> Result<Response> {
    let answer = outcome.map_err(|_| silent_error())?;
    if !answer.is_success() {
        return Ok(reply::json(&nobody()));
    }
    let answer = read(answer).await.map_err(|_| silent_error())?;
    let mut providers = Vec::new();
    for entry in answer
        .get("providers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if entry.is_null() {
            return Err(silent_error());
        }
        let is_available = entry.get("available") != Some(&Value::Bool(false));
        let name = entry.get("provider").filter(|name| js::is_truthy(Some(name)));
        providers.extend(name.filter(|_| is_available).cloned());
    }
    let listed = json!({
        "supportsProviderSelection": js::is_truthy(answer.get("supportsProviderSelection")), "providers": providers,
    });
    Ok(reply::json_bytes(to_vec(&listed)))
}

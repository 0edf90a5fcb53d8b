//! Vendors with ways of their own to ask: Stability AI by a form, Cloudflare Workers AI by form or JSON, Pollinations by an
//! address.

use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use reqwest::Url;
use serde_json::{Map, Value};
use squaretable_compat::json::{js_string, js_trim};

use super::server::{listed, told};
use super::vendor::{base64_of, below, object, options, order, question, renamed, seed};
use crate::error::{Error, Result};
use crate::mime;
use crate::providers::exchange::{bearer, granted, read, read_text, silent_error};
use crate::providers::js;
use crate::providers::multipart::Form;
use crate::providers::relay::Relay;
use crate::providers::upstream::UpstreamHeaders;
use crate::reply;

/// The key of the user's secret for Stability AI.
pub const STABILITY_KEY: &str = "api_key_stability";
/// The key of the user's secret for Workers AI.
pub const WORKERS_AI_KEY: &str = "api_key_workers_ai";
/// The key of the user's secret for Pollinations.
pub const POLLINATIONS_KEY: &str = "api_key_pollinations";

const CLOUDFLARE: &str = "https://api.cloudflare.com/client/v4/accounts";
const POLLINATIONS: &str = "https://gen.pollinations.ai/image";

/// A picture by Stability AI, from the body's `payload` by its `model`: base64 as text.
///
/// # Errors
/// 500.
pub async fn stability(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let fields = body.get("payload").filter(|payload| !payload.is_null());
    let mut form = Form::new();
    for (name, value) in fields.ok_or_else(silent_error)?.as_object().into_iter().flatten() {
        form = form.text(&escaped(name), &js_string(value));
    }
    let path = match body.get("model").and_then(Value::as_str) {
        Some("stable-image-ultra") => "ultra",
        Some("stable-image-core") => "core",
        Some("stable-diffusion-3") => "sd3",
        _ => return Err(silent_error()),
    };
    let mut headers = bearer(key);
    headers.set("Accept", "image/*");
    let address = format!("https://api.stability.ai/v2beta/stable-image/generate/{path}");
    let answer = granted(relay.send(form.posting(&address, headers)?).await, silent_error)?;
    let data = base64_of(answer).await?;
    Ok(reply::html_text(data.as_str().unwrap_or_default().to_owned()))
}

/// A name as a form has it (WHATWG HTML, multipart/form-data).
fn escaped(name: &str) -> String {
    name.replace('\n', "%0A").replace('\r', "%0D").replace('"', "%22")
}

/// The Cloudflare account that the body names, as a step of an address; 400 without one.
fn account(body: &Value) -> Result<String> {
    let account = js::text_or_empty(body.get("account_id"));
    let account = js_trim(&account);
    if account.is_empty() {
        return Err(Error::bad_request());
    }
    Ok(js::path_step(account))
}

/// Workers AI's models as `[{"value","text"}]`.
///
/// # Errors
/// 400 without an account, 500.
pub async fn workers_ai_models(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let account = account(body)?;
    let address = format!("{CLOUDFLARE}/{account}/ai/models/search?task=Text-to-Image&per_page=1000");
    let answer = told(relay.send(question(&address, bearer(key))?).await).await?;
    let models = answer.get("result").and_then(Value::as_array);
    let models = models.filter(|_| js::is_truthy(answer.get("success")));
    Ok(listed(options(models.ok_or_else(silent_error)?, "name", "name")?))
}

/// A picture by Workers AI as `{"format","image"}`.
///
/// # Errors
/// 400 without an account or a model; 500, with Cloudflare's text where it refuses.
pub async fn workers_ai(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let account = account(body)?;
    let model = js::text_or_empty(body.get("model"));
    let model = js_trim(&model);
    if model.is_empty() {
        return Err(Error::bad_request());
    }
    let address = below(&format!("{CLOUDFLARE}/{account}/ai/run"), model)?;
    let request = workers_ai_request(body);
    let order = if model.contains("flux-2") {
        let parts = request.iter();
        let form = parts.fold(Form::new(), |form, (name, value)| {
            form.text(name, &js_string(value))
        });
        form.posting(&address, bearer(key))?
    } else {
        order(&address, key, request)?
    };
    let answer = relay.send(order).await.map_err(|_| silent_error())?;
    if !answer.is_success() {
        let text = read_text(answer).await.map_err(|_| silent_error())?;
        return Err(Error::text(500, text));
    }
    let media = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|media| media.to_str().ok());
    if !media.unwrap_or_default().contains("application/json") {
        return Ok(object(&[
            ("format", &"png".into()),
            ("image", &base64_of(answer).await?),
        ]));
    }
    let answer = read(answer).await.map_err(|_| silent_error())?;
    let painted = [answer.pointer("/result/image"), answer.get("image")];
    let painted = painted
        .into_iter()
        .flatten()
        .find(|painted| js::is_truthy(Some(painted)));
    Ok(object(&[
        ("format", &"png".into()),
        ("image", painted.ok_or_else(silent_error)?),
    ]))
}

fn workers_ai_request(body: &Value) -> Map<String, Value> {
    let mut request = renamed(body, &[("prompt", "prompt")]);
    let given = |field: &str| body.get(field).filter(|value| js::is_truthy(Some(value)));
    request.extend(given("negative_prompt").map(|value| ("negative_prompt".to_owned(), value.clone())));
    for (theirs, ours) in [
        ("width", "width"),
        ("height", "height"),
        ("num_steps", "steps"),
        ("guidance", "scale"),
    ] {
        let number = given(ours).map(|value| js::from_number(js::to_number(Some(value))));
        request.extend(number.map(|number| (theirs.to_owned(), number)));
    }
    let seed = body
        .get("seed")
        .map(|seed| js::to_number(Some(seed)))
        .filter(|seed| *seed >= 0.0);
    request.extend(seed.map(|seed| ("seed".to_owned(), js::from_number(seed))));
    request
}

/// Pollinations' models as `[{"value","text"}]`.
///
/// # Errors
/// 500.
pub async fn pollinations_models(relay: &Relay) -> Result<Response> {
    let question = question(&format!("{POLLINATIONS}/models"), UpstreamHeaders::default())?;
    let models = told(relay.send(question).await).await?;
    Ok(listed(options(
        models.as_array().ok_or_else(silent_error)?,
        "name",
        "name",
    )?))
}

/// A picture by Pollinations as `{"image","format"}`.
///
/// # Errors
/// 500.
pub async fn pollinations(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let prompt = js::path_step(&js::to_text(body.get("prompt")));
    let mut url = Url::parse(&format!("{POLLINATIONS}/{prompt}")).map_err(|_| silent_error())?;
    let side = |field: &str| {
        body.get(field)
            .filter(|side| !side.is_null())
            .map_or_else(|| "1024".to_owned(), js_string)
    };
    url.query_pairs_mut()
        .append_pair("model", &js::to_text(body.get("model")))
        .append_pair("negative_prompt", &js::to_text(body.get("negative_prompt")))
        .append_pair("seed", &js_string(&seed(body, 10_000_000)))
        .append_pair("width", &side("width"))
        .append_pair("height", &side("height"));
    if js::is_truthy(body.get("enhance")) {
        url.query_pairs_mut().append_pair("enhance", "true");
    }
    let answer = granted(
        relay.send(question(url.as_str(), bearer(key))?).await,
        silent_error,
    )?;
    let media = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|media| media.to_str().ok());
    let format = mime::extension(media.filter(|media| !media.is_empty()).unwrap_or("image/jpeg"));
    let format = format.unwrap_or("jpg").into();
    Ok(object(&[
        ("image", &base64_of(answer).await?),
        ("format", &format),
    ]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_numbers_to_workers_ai() {
        let body = json!({ "prompt": "p", "negative_prompt": "", "width": "512", "height": 0, "steps": "x", "scale": 7.5, "seed": null });
        let expected = json!({ "prompt": "p", "width": 512, "num_steps": null, "guidance": 7.5, "seed": 0 });
        assert_eq!(Value::Object(workers_ai_request(&body)), expected);
        assert!(account(&json!({ "account_id": " " })).is_err());
        assert_eq!(
            account(&json!({ "account_id": " a/../b " })).ok().as_deref(),
            Some("a%2F..%2Fb")
        );
    }
}

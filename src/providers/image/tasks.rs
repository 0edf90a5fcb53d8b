//! Vendors that take a task and are asked until it is done: Black Forest Labs and FAL.AI.

use std::time::Duration;

use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::collate;
use squaretable_compat::json::js_number;

use super::server::{Unpainted, listed, told};
use super::vendor::{base64_of, below, fetched, image, is_at, question, renamed, too_late};
use crate::error::{Error, Result};
use crate::providers::exchange::{granted, posting, read, respond, silent_error};
use crate::providers::js;
use crate::providers::polling::Polling;
use crate::providers::relay::Relay;
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// The key of the user's secret for Black Forest Labs.
pub const BFL_KEY: &str = "api_key_bfl";
/// The key of the user's secret for FAL.AI.
pub const FALAI_KEY: &str = "api_key_falai";

/// How often a task is asked for.
pub const POLLING: Polling = Polling::every(Duration::from_millis(2500), 100);

/// Pages of FAL.AI's models that are read at most.
const PAGES: u32 = 100;
/// Words in the titles of models that do not paint from words alone.
const OTHERS: [&str; 4] = ["inpainting", "control", "upscale", "lora"];

/// A picture by Black Forest Labs as `{"image"}`; it is fetched by `untrusted`. The key goes to their hosts only.
///
/// # Errors
/// 400 for a model that is no path, 500; 504 when it is not done in time.
pub async fn bfl(
    body: &Value,
    key: &str,
    relay: &Relay,
    untrusted: &Relay,
    polling: Polling,
) -> Result<Response> {
    let mut headers = UpstreamHeaders::default();
    headers.set("x-key", key);
    let mut asking = headers.clone();
    asking.set("Content-Type", "application/json");
    let address = below("https://api.bfl.ai/v1", &js::to_text(body.get("model")))?;
    let task = told(relay.send(posting(&address, asking, &bfl_request(body)?)?).await).await?;
    if task.is_null() {
        return Err(silent_error());
    }
    let address = match task.get("polling_url").filter(|url| !url.is_null()) {
        Some(url) => js::to_text(Some(url)),
        None => format!(
            "https://api.bfl.ai/v1/get_result?id={}",
            js::to_text(task.get("id"))
        ),
    };
    if !is_at(&address, &["bfl.ai"]) {
        return Err(silent_error());
    }
    let ready = polling.until(|| async {
        let state = told(relay.send(question(&address, headers.clone())?).await).await?;
        match state.get("status").and_then(Value::as_str) {
            Some("Pending") => Ok(None),
            Some("Ready") => Ok(Some(state)),
            _ => Err(silent_error()),
        }
    });
    let ready = ready.await?.ok_or_else(too_late)?;
    Ok(image(&fetched(ready.pointer("/result/sample"), untrusted).await?))
}

fn bfl_request(body: &Value) -> Result<Value> {
    let same = [
        "prompt",
        "steps",
        "guidance",
        "width",
        "height",
        "prompt_upsampling",
    ]
    .map(|field| (field, field));
    let mut request = renamed(body, &same);
    request.insert("seed".to_owned(), body.get("seed").cloned().unwrap_or_default());
    request.insert("safety_tolerance".to_owned(), 6.into());
    request.insert("output_format".to_owned(), "jpeg".into());
    let model = js::to_text(body.get("model"));
    let unknown: &[&str] = if model.ends_with("-ultra") {
        let ratio = aspect_ratio(body).ok_or_else(silent_error)?;
        request.insert("aspect_ratio".to_owned(), ratio.into());
        &["steps", "guidance", "width", "height", "prompt_upsampling"]
    } else if model.ends_with("-pro-1.1") {
        &["steps", "guidance"]
    } else {
        &[]
    };
    for field in unknown {
        request.shift_remove(*field);
    }
    Ok(request.into())
}

/// The ratio of the sides in lowest terms, between 9:21 and 21:9.
///
/// compat: sides may be any numbers, of which zero has no ratio but `NaN:NaN`; `None` where the original fails, which looks
/// for a divisor without end.
fn aspect_ratio(body: &Value) -> Option<String> {
    const NARROWEST: f64 = 9.0 / 21.0;
    const WIDEST: f64 = 21.0 / 9.0;
    let rounded = |side: f64| (side + 0.5).floor();
    let side = |name: &str| js::to_number(body.get(name));
    let (mut width, mut height) = (side("width"), side("height"));
    // Only a number is zero to it.
    let mut may_end = body.get("height").is_some_and(Value::is_number);
    if width / height < NARROWEST {
        height = rounded(width / NARROWEST);
        may_end = true;
    } else if width / height > WIDEST {
        width = rounded(height * WIDEST);
    }
    let (mut a, mut b) = (width, height);
    while b != 0.0 || !may_end {
        (a, b) = (b, a % b);
        if b.is_nan() {
            return None;
        }
        may_end = true;
    }
    Some(format!("{}:{}", js_number(width / a), js_number(height / a)))
}

/// FAL.AI's models as `[{"value","text"}]`, by title.
///
/// # Errors
/// 500.
pub async fn falai_models(relay: &Relay) -> Result<Response> {
    let mut models = Vec::new();
    let mut page = 1.0;
    for _ in 0..PAGES {
        let address = format!("https://fal.ai/api/models?categories=text-to-image&page={page}");
        let answer = told(relay.send(question(&address, UpstreamHeaders::default())?).await).await?;
        let items = answer
            .get("items")
            .and_then(Value::as_array)
            .ok_or_else(silent_error)?;
        for item in items {
            let title = item
                .get("title")
                .and_then(Value::as_str)
                .ok_or_else(silent_error)?;
            let lower = title.to_lowercase();
            if !OTHERS.iter().any(|other| lower.contains(other)) {
                models.push((title.to_owned(), item.get("modelUrl").cloned()));
            }
        }
        page = js::to_number(answer.get("page")) + 1.0;
        let has_more = page < js::to_number(answer.get("pages"));
        if !has_more {
            break;
        }
    }
    collate::locale_sort(&mut models, |(title, _)| title);
    let shown = models.into_iter().map(|(title, address)| {
        let address = address
            .as_ref()
            .and_then(Value::as_str)
            .ok_or_else(silent_error)?;
        Ok(match address.split("fal-ai/").nth(1) {
            Some(id) => json!({ "value": id, "text": format!("{title} ({id})") }),
            None => json!({ "text": format!("{title} (undefined)") }),
        })
    });
    Ok(listed(shown.collect::<Result<_>>()?))
}

/// A picture by FAL.AI as `{"image"}`; it is fetched by `untrusted`. The key goes to their hosts only.
///
/// # Errors
/// 400 for a model that is no path, 500, with the reason where FAL.AI has one; 504 when it is not done in time.
pub async fn falai(
    body: &Value,
    key: &str,
    relay: &Relay,
    untrusted: &Relay,
    polling: Polling,
) -> Result<Response> {
    let mut headers = UpstreamHeaders::default();
    headers.set("Authorization", format!("Key {key}"));
    let mut asking = UpstreamHeaders::default();
    asking.set("Content-Type", "application/json");
    asking.set("Authorization", format!("Key {key}"));
    let address = below("https://queue.fal.run/fal-ai", &js::to_text(body.get("model")))?;
    let order =
        posting(&address, asking, &falai_request(body)).map_err(|fault| Unpainted(fault.to_string()))?;
    let task = falai_json(relay, order).await?;
    let status = own(task.get("status_url"))?;
    let ended = polling.until(|| async {
        let state = falai_json(relay, question(&status, headers.clone())?).await?;
        let is_waiting = matches!(
            state.get("status").and_then(Value::as_str),
            Some("IN_QUEUE" | "IN_PROGRESS")
        );
        Ok::<_, Error>((!is_waiting).then_some(state))
    });
    let state = ended.await?.ok_or_else(too_late)?;
    if state.get("status").and_then(Value::as_str) != Some("COMPLETED") {
        return Ok(refused(&state));
    }
    falai_picture(&state, &headers, relay, untrusted).await
}

/// An answer of FAL.AI's that is no refusal.
async fn falai_json(relay: &Relay, request: Upstream) -> Result<Value> {
    let answer = relay.send(request).await.map_err(Unpainted::from)?;
    let json = read(granted(Ok(answer), silent_error)?).await;
    Ok(json.map_err(|error| Unpainted(error.to_string()))?)
}

fn falai_request(body: &Value) -> Value {
    let mut request = renamed(body, &[("prompt", "prompt")]);
    let size = renamed(body, &[("width", "width"), ("height", "height")]);
    request.insert("image_size".to_owned(), size.into());
    request.extend(renamed(body, &[("num_inference_steps", "steps")]));
    request.insert("seed".to_owned(), body.get("seed").cloned().unwrap_or_default());
    request.extend(renamed(body, &[("guidance_scale", "guidance")]));
    request.insert("enable_safety_checker".to_owned(), false.into());
    request.insert("safety_tolerance".to_owned(), 6.into());
    request.into()
}

/// An address of FAL.AI's, where the key may go.
fn own(address: Option<&Value>) -> Result<String, Unpainted> {
    let address = js::to_text(address);
    match is_at(&address, &["fal.run", "fal.ai"]) {
        true => Ok(address),
        false => Err(Unpainted(
            "FAL.AI names an address that is not its own.".to_owned(),
        )),
    }
}

/// 500 with the state that is no success, or two words for none.
fn refused(state: &Value) -> Response {
    let mut response = if js::is_truthy(Some(state)) {
        respond(state)
    } else {
        respond(&"FAL.AI failed to generate image.".into())
    };
    *response.status_mut() = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
    response
}

async fn falai_picture(
    state: &Value,
    headers: &UpstreamHeaders,
    relay: &Relay,
    untrusted: &Relay,
) -> Result<Response> {
    let address = own(state.get("response_url"))?;
    let answer = relay
        .send(question(&address, headers.clone())?)
        .await
        .map_err(Unpainted::from)?;
    let result = read(answer).await.map_err(|error| Unpainted(error.to_string()))?;
    if let Some(detail) = result.get("detail").filter(|detail| !detail.is_null()) {
        let (place, why) = (detail.pointer("/0/loc/1"), detail.pointer("/0/msg"));
        let told = format!("{}: {}", js::to_text(place), js::to_text(why));
        return Err(Unpainted(told).into());
    }
    let address = result.pointer("/images/0/url").and_then(Value::as_str);
    let address = address.ok_or_else(|| Unpainted("FAL.AI returned no image.".to_owned()))?;
    // compat: its own hosts get the key, too; others don't, which they do in the original.
    let is_own = is_at(address, &["fal.run", "fal.ai", "fal.media"]);
    let headers = if is_own {
        headers.clone()
    } else {
        UpstreamHeaders::default()
    };
    let answer = untrusted
        .send(question(address, headers)?)
        .await
        .map_err(Unpainted::from)?;
    let data = base64_of(answer).await?;
    Ok(image(&data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_simple_and_not_too_wide() {
        for (width, height, expected) in [
            (json!(1024), json!(1024), Some("1:1")),
            (json!(1920), json!(1080), Some("16:9")),
            (json!("1920"), json!("1080"), Some("16:9")),
            (json!(100), json!(1000), Some("100:233")),
            (json!(1000), json!(100), Some("233:100")),
            (json!(0.5), json!(0.25), Some("2:1")),
            (json!(0), json!(5), Some("NaN:NaN")),
            (json!(5), json!("0"), None),
            (Value::Null, json!({}), None),
        ] {
            let body = json!({ "width": width, "height": height });
            assert_eq!(aspect_ratio(&body).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn models_of_bfl_differ_in_what_they_take() {
        let body =
            |model: &str| json!({ "model": model, "prompt": "p", "steps": 1, "width": 20, "height": 10 });
        assert_eq!(
            bfl_request(&body("flux-pro-1.1-ultra")).ok(),
            Some(
                json!({ "prompt": "p", "seed": null, "safety_tolerance": 6, "output_format": "jpeg", "aspect_ratio": "2:1" })
            )
        );
        let pro = bfl_request(&body("flux-pro-1.1")).ok();
        assert!(pro.is_some_and(|pro| pro.get("steps").is_none() && pro["width"] == 20));
    }
}

//! Vendors that take a task and are asked until it is done: Black Forest Labs and FAL.AI.

use std::time::Duration;

use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::collate;

use super::server::{Unpainted, listed, told};
use super::vendor::{base64_of, fetched, image, is_at, question, renamed, too_late};
use crate::error::Result;
use crate::providers::exchange::{granted, posting, read, respond, silent_error};
use crate::providers::js;
use crate::providers::relay::Relay;
use crate::providers::upstream::UpstreamHeaders;

/// The key of the user's secret for Black Forest Labs.
pub const BFL_KEY: &str = "api_key_bfl";
/// The key of the user's secret for FAL.AI.
pub const FALAI_KEY: &str = "api_key_falai";

/// How often a task is asked for.
const ATTEMPTS: u32 = 100;
/// How long it is left alone in between.
pub const INTERVAL: Duration = Duration::from_millis(2500);

/// Pages of FAL.AI's models that are read at most.
const PAGES: u32 = 100;
/// Words in the titles of models that do not paint from words alone.
const OTHERS: [&str; 4] = ["inpainting", "control", "upscale", "lora"];

/// A picture by Black Forest Labs as `{"image"}`; it is fetched by `untrusted`. The key goes to their hosts only.
///
/// # Errors
/// 500; 504 when it is not done after [`ATTEMPTS`] intervals.
pub async fn bfl(
    body: &Value,
    key: &str,
    relay: &Relay,
    untrusted: &Relay,
    interval: Duration,
) -> Result<Response> {
    let mut headers = UpstreamHeaders::default();
    headers.set("x-key", key);
    let mut asking = headers.clone();
    asking.set("Content-Type", "application/json");
    let address = format!("https://api.bfl.ai/v1/{}", js::to_text(body.get("model")));
    let task = told(relay.send(posting(&address, asking, &bfl_request(body)?)?).await).await?;
    if task.is_null() {
        return Err(silent_error());
    }
    let polling = match task.get("polling_url").filter(|url| !url.is_null()) {
        Some(url) => js::to_text(Some(url)),
        None => format!(
            "https://api.bfl.ai/v1/get_result?id={}",
            js::to_text(task.get("id"))
        ),
    };
    if !is_at(&polling, &["bfl.ai"]) {
        return Err(silent_error());
    }
    for _ in 0..ATTEMPTS {
        tokio::time::sleep(interval).await;
        let state = told(relay.send(question(&polling, headers.clone())?).await).await?;
        match state.get("status").and_then(Value::as_str) {
            Some("Pending") => {}
            Some("Ready") => return Ok(image(&fetched(state.pointer("/result/sample"), untrusted).await?)),
            _ => return Err(silent_error()),
        }
    }
    Err(too_late())
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
        let (width, height) = (
            js::to_number(body.get("width")),
            js::to_number(body.get("height")),
        );
        let ratio = aspect_ratio(width, height).ok_or_else(silent_error)?;
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

/// The ratio of whole sides, in lowest terms and between 9:21 and 21:9; `None` for sides that are none.
fn aspect_ratio(width: f64, height: f64) -> Option<String> {
    const WIDEST: f64 = 21.0 / 9.0;
    let is_side = |side: f64| side >= 1.0 && side.fract() == 0.0 && side < 1e9;
    if !is_side(width) || !is_side(height) {
        return None;
    }
    let (width, height) = if width / height < 1.0 / WIDEST {
        (width, (width * WIDEST).round())
    } else if width / height > WIDEST {
        ((height * WIDEST).round(), height)
    } else {
        (width, height)
    };
    let (mut a, mut b) = (width, height);
    while b != 0.0 {
        (a, b) = (b, a % b);
    }
    Some(format!("{}:{}", width / a, height / a))
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
/// 500, with the reason where FAL.AI has one; 504 when it is not done after [`ATTEMPTS`] intervals.
pub async fn falai(
    body: &Value,
    key: &str,
    relay: &Relay,
    untrusted: &Relay,
    interval: Duration,
) -> Result<Response> {
    let mut headers = UpstreamHeaders::default();
    headers.set("Authorization", format!("Key {key}"));
    let mut asking = UpstreamHeaders::default();
    asking.set("Content-Type", "application/json");
    asking.set("Authorization", format!("Key {key}"));
    let address = format!("https://queue.fal.run/fal-ai/{}", js::to_text(body.get("model")));
    let order =
        posting(&address, asking, &falai_request(body)).map_err(|fault| Unpainted(fault.to_string()))?;
    let answer = relay.send(order).await.map_err(Unpainted::from)?;
    let task = read(granted(Ok(answer), silent_error)?).await;
    let task = task.map_err(|error| Unpainted(error.to_string()))?;
    let status = own(task.get("status_url"))?;
    for _ in 0..ATTEMPTS {
        tokio::time::sleep(interval).await;
        let answer = relay
            .send(question(&status, headers.clone())?)
            .await
            .map_err(Unpainted::from)?;
        let state = read(granted(Ok(answer), silent_error)?).await;
        let state = state.map_err(|error| Unpainted(error.to_string()))?;
        match state.get("status").and_then(Value::as_str) {
            Some("IN_QUEUE" | "IN_PROGRESS") => {}
            Some("COMPLETED") => return falai_picture(&state, &headers, relay, untrusted).await,
            _ => return Ok(refused(&state)),
        }
    }
    Err(too_late())
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
            (1024.0, 1024.0, Some("1:1")),
            (1920.0, 1080.0, Some("16:9")),
            (100.0, 1000.0, Some("100:233")),
            (1000.0, 100.0, Some("233:100")),
            (0.0, 5.0, None),
            (f64::NAN, 5.0, None),
            (0.5, 0.25, None),
        ] {
            assert_eq!(
                aspect_ratio(width, height).as_deref(),
                expected,
                "{width}x{height}"
            );
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

//! Films: OpenAI's and Google's. They take minutes, and are asked for less and less often.

use std::time::Duration;

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::vendor::{accepted, base64_of, below, image, is_at, object, order, question, seed, too_late};
use crate::error::{Error, Result};
use crate::providers::exchange::{bearer, granted, internal_error, posting, read, silent_error};
use crate::providers::google_api::Access;
use crate::providers::js;
use crate::providers::polling::Polling;
use crate::providers::relay::Relay;
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// How often a film is asked for.
pub const POLLING: Polling = Polling::slowing(Duration::from_secs(5), Duration::from_secs(1), 30);

const OPENAI: &str = "https://api.openai.com/v1";

/// A picture by OpenAI, whose request the body is: OpenAI's own answer.
///
/// # Errors
/// 500, with OpenAI's text where it refuses.
pub async fn openai_picture(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let order = order(&format!("{OPENAI}/images/generations"), key, body.clone())?;
    let painted = openai_json(relay, order).await?;
    Ok(crate::reply::json_bytes(squaretable_compat::json::to_vec(
        &painted,
    )))
}

/// A film by OpenAI as `{"format","data"}`.
///
/// # Errors
/// 500, with OpenAI's text where it refuses; 504 when it is not done in time, which the original does not answer.
pub async fn openai_film(body: &Value, key: &str, relay: &Relay, polling: Polling) -> Result<Response> {
    let mut request = Map::new();
    request.extend(
        body.get("prompt")
            .map(|prompt| ("prompt".to_owned(), prompt.clone())),
    );
    for (field, usual) in [("model", "sora-2"), ("size", "720x1280"), ("seconds", "8")] {
        let given = body.get(field).filter(|value| js::is_truthy(Some(value)));
        request.insert(field.to_owned(), given.cloned().unwrap_or_else(|| usual.into()));
    }
    let order = order(&format!("{OPENAI}/videos"), key, request)?;
    let job = openai_json(relay, order).await?;
    let id = job.get("id").filter(|id| js::is_truthy(Some(id)));
    let id = id.ok_or_else(|| Error::text(500, "No video job ID returned"))?;
    let address = format!("{OPENAI}/videos/{}", js::path_step(&js::to_text(Some(id))));
    let made = polling.until(|| async {
        let state = openai_json(relay, question(&address, bearer(key))?).await?;
        match state.get("status").and_then(Value::as_str) {
            Some("failed") => Err(Error::text(500, "Video generation failed")),
            Some("completed") => Ok(Some(())),
            _ if state.is_null() => Err(internal_error()),
            _ => Ok(None),
        }
    });
    made.await?.ok_or_else(too_late)?;
    let question = question(&format!("{address}/content"), bearer(key))?;
    let answer = accepted(relay, question, internal_error).await?;
    let data = base64_of(answer).await.map_err(|_| internal_error())?;
    Ok(object(&[("format", &"mp4".into()), ("data", &data)]))
}

async fn openai_json(relay: &Relay, request: Upstream) -> Result<Value> {
    let answer = accepted(relay, request, internal_error).await?;
    read(answer).await.map_err(|_| internal_error())
}

/// A model's name, or the usual one; 500 for what is no text.
fn model(body: &Value, usual: &str) -> Result<String> {
    match body.get("model").filter(|model| js::is_truthy(Some(model))) {
        Some(model) => model.as_str().map(str::to_owned).ok_or_else(silent_error),
        None => Ok(usual.to_owned()),
    }
}

/// A picture by Google as `{"image"}`. `person_generation` is the operator's word on pictures of people.
///
/// # Errors
/// 500 with a reason.
pub async fn google_picture(
    body: &Value,
    access: &Access,
    version: &str,
    person_generation: &str,
    relay: &Relay,
) -> Result<Response> {
    let model = model(body, "imagen-3.0-generate-002")?;
    let (address, headers) = access.address(body, &model, "predict", version)?;
    let request = picture_request(body, &model, person_generation);
    let answer = relay
        .send(posting(&address, headers, &request)?)
        .await
        .map_err(|_| silent_error())?;
    let failed = || Error::text(500, "Image generation request failed");
    let answer = read(granted(Ok(answer), failed)?)
        .await
        .map_err(|_| silent_error())?;
    let painted = answer.pointer("/predictions/0/bytesBase64Encoded");
    let painted = painted.filter(|painted| js::is_truthy(Some(painted)));
    Ok(image(painted.ok_or_else(|| {
        Error::text(500, "No image data found in response")
    })?))
}

fn picture_request(body: &Value, model: &str, person_generation: &str) -> Value {
    let given = |field: &str| body.get(field).filter(|value| js::is_truthy(Some(value)));
    let is_vertex = Access::wants_vertex(body);
    let is_old = model.starts_with("imagegeneration");
    let mut parameters = Map::new();
    parameters.insert("sampleCount".to_owned(), 1.into());
    if is_vertex {
        parameters.insert("seed".to_owned(), some_seed(body));
        parameters.insert("enhancePrompt".to_owned(), given("enhance").is_some().into());
        let negative = given("negative_prompt").map(|text| ("negativePrompt".to_owned(), text.clone()));
        parameters.extend(negative);
    }
    let ratio = given("aspect_ratio").map_or_else(|| "1:1".to_owned(), |ratio| js::to_text(Some(ratio)));
    parameters.insert("aspectRatio".to_owned(), ratio.into());
    if !is_old && !person_generation.is_empty() {
        parameters.insert("personGeneration".to_owned(), person_generation.into());
    }
    if is_vertex {
        parameters.insert("language".to_owned(), "auto".into());
    }
    if !is_old {
        // AI Studio takes no less.
        let setting = if is_vertex {
            "block_only_high"
        } else {
            "block_low_and_above"
        };
        parameters.insert("safetySetting".to_owned(), setting.into());
    }
    if is_vertex {
        parameters.insert("addWatermark".to_owned(), false.into());
    }
    let output = json!({ "mimeType": "image/jpeg", "compressionQuality": 100 });
    parameters.insert("outputOptions".to_owned(), output);
    let prompt = given("prompt").cloned().unwrap_or_else(|| "".into());
    json!({ "instances": [{ "prompt": prompt }], "parameters": parameters })
}

/// The body's seed as a number, or a random one.
fn some_seed(body: &Value) -> Value {
    match body.get("seed").filter(|seed| !seed.is_null()) {
        Some(seed) => js::from_number(js::to_number(Some(seed))),
        None => seed(&json!({}), 1_000_000),
    }
}

/// A film by Google as `{"video"}`, base64.
///
/// # Errors
/// 500 with a reason, among them that it is not done in time.
pub async fn google_film(
    body: &Value,
    access: &Access,
    version: &str,
    relay: &Relay,
    polling: Polling,
) -> Result<Response> {
    let model = model(body, "veo-3.1-generate-preview")?;
    let (address, headers) = access.address(body, &model, "predictLongRunning", version)?;
    let base = address.split("/models/").next().unwrap_or_default().to_owned();
    let request = film_request(body, &model);
    let answer = relay
        .send(posting(&address, headers.clone(), &request)?)
        .await
        .map_err(|_| silent_error())?;
    let failed = || Error::text(500, "Video generation request failed");
    let job = read(granted(Ok(answer), failed)?)
        .await
        .map_err(|_| silent_error())?;
    let name = job.get("name").filter(|name| js::is_truthy(Some(name)));
    let name = name.ok_or_else(|| Error::text(500, "No video job name found in response"))?;
    let failed = || Error::text(500, "Video job status request failed");
    let made = polling.until(|| async {
        let asking = if access.is_vertex() {
            let (address, headers) = access.address(body, &model, "fetchPredictOperation", version)?;
            posting(&address, headers, &json!({ "operationName": name }))?
        } else {
            let path = js::to_text(Some(name));
            question(&below(&base, path.trim_start_matches('/'))?, headers.clone())?
        };
        let answer = relay.send(asking).await.map_err(|_| silent_error())?;
        let state = read(granted(Ok(answer), failed)?)
            .await
            .map_err(|_| silent_error())?;
        Ok::<_, Error>(js::is_truthy(state.get("done")).then_some(state))
    });
    let late = || Error::text(500, "Video generation timed out");
    let state = made.await?.ok_or_else(late)?;
    finished(&state, access, &base, &headers, relay).await
}

fn film_request(body: &Value, model: &str) -> Value {
    let text = |field: &str, usual: &str| {
        let given = body.get(field).filter(|value| js::is_truthy(Some(value)));
        given.map_or_else(|| usual.to_owned(), |value| js::to_text(Some(value)))
    };
    let is_veo_3 = model.contains("veo-3");
    let seconds = body.get("seconds").filter(|seconds| js::is_truthy(Some(seconds)));
    let seconds = seconds.map_or(6.0, |seconds| js::to_number(Some(seconds)));
    let mut parameters = json!({
        "negativePrompt": text("negative_prompt", ""),
        "durationSeconds": js::from_number(seconds.clamp(if is_veo_3 { 4.0 } else { 5.0 }, 8.0)),
        "aspectRatio": text("aspect_ratio", "16:9"),
        "personGeneration": "allow_all",
    });
    if is_veo_3 {
        parameters["seed"] = some_seed(body);
    }
    json!({ "instances": [{ "prompt": text("prompt", "") }], "parameters": parameters })
}

/// The film of a job that is done: in the answer by Vertex AI, elsewhere by AI Studio, with its key.
async fn finished(
    state: &Value,
    access: &Access,
    base: &str,
    headers: &UpstreamHeaders,
    relay: &Relay,
) -> Result<Response> {
    let found = |pointer: &str| state.pointer(pointer).filter(|value| js::is_truthy(Some(value)));
    let film = |data: &Value| object(&[("video", data)]);
    if access.is_vertex() {
        let data = found("/response/videos/0/bytesBase64Encoded");
        return Ok(film(
            data.ok_or_else(|| Error::text(500, "No video data found in response"))?,
        ));
    }
    let address = found("/response/generateVideoResponse/generatedSamples/0/video/uri");
    let address = address.and_then(Value::as_str);
    let address = address.ok_or_else(|| Error::text(500, "No video URI found in response"))?;
    let origin = |address: &str| reqwest::Url::parse(address).map(|url| url.origin()).ok();
    let is_google = |address: &str| is_at(address, &["googleapis.com"]);
    // The key goes where it went before, or to another of Google's hosts.
    if origin(address) != origin(base) && !(is_google(address) && is_google(base)) {
        return Err(silent_error());
    }
    let answer = relay
        .send(question(address, headers.clone())?)
        .await
        .map_err(|_| silent_error())?;
    let failed = || Error::text(500, "Video fetch request failed");
    Ok(film(&base64_of(granted(Ok(answer), failed)?).await?))
}

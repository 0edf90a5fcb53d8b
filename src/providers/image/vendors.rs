//! Vendors that paint while one waits: TogetherAI, Hugging Face, Electron Hub, Chutes, NanoGPT, xAI, AI/ML.

use axum::response::Response;
use serde_json::{Value, json};
use squaretable_compat::collate;
use squaretable_compat::json::to_vec;

use super::server::{listed, picture, told};
use super::vendor::{
    base64_of, below, fetched, image, object, options, order, question, renamed, seed, some,
};
use crate::error::{Error, Result};
use crate::mime;
use crate::providers::exchange::{
    bearer, granted, json_bearer, json_headers, posting, read, read_text, silent_error,
};
use crate::providers::js;
use crate::providers::relay::Relay;
use crate::reply;

/// Keys of the user's secrets.
pub mod keys {
    /// AI/ML.
    pub const AIMLAPI: &str = "api_key_aimlapi";
    /// Chutes.
    pub const CHUTES: &str = "api_key_chutes";
    /// Electron Hub.
    pub const ELECTRONHUB: &str = "api_key_electronhub";
    /// Hugging Face.
    pub const HUGGINGFACE: &str = "api_key_huggingface";
    /// NanoGPT.
    pub const NANOGPT: &str = "api_key_nanogpt";
    /// TogetherAI.
    pub const TOGETHER: &str = "api_key_togetherai";
    /// xAI.
    pub const XAI: &str = "api_key_xai";
}

/// Models of AI/ML that paint from pictures.
const FROM_PICTURES: [&str; 2] = ["triposr", "flux/dev/image-to-image"];

/// TogetherAI's models as `[{"value","text"}]`.
///
/// # Errors
/// 500.
pub async fn together_models(key: &str, relay: &Relay) -> Result<Response> {
    let models = told(
        relay
            .send(question("https://api.together.xyz/api/models", bearer(key))?)
            .await,
    )
    .await?;
    let models = models.as_array().ok_or_else(silent_error)?;
    if models.iter().any(Value::is_null) {
        return Err(silent_error());
    }
    let painters = models
        .iter()
        .filter(|model| model.get("type").is_some_and(|kind| kind == "image"));
    Ok(listed(options(painters, "id", "display_name")?))
}

/// A picture by TogetherAI as `{"format","data"}`; one that is elsewhere is fetched by `untrusted`.
///
/// # Errors
/// 500.
pub async fn together(body: &Value, key: &str, relay: &Relay, untrusted: &Relay) -> Result<Response> {
    let same = ["prompt", "negative_prompt", "height", "width", "model", "steps"].map(|field| (field, field));
    let mut request = renamed(body, &same);
    request.insert("n".to_owned(), 1.into());
    request.insert("seed".to_owned(), seed(body, 10_000_000));
    let order = order("https://api.together.xyz/v1/images/generations", key, request)?;
    let answer = told(relay.send(order).await).await?;
    let choice = answer.pointer("/data/0").filter(|choice| !choice.is_null());
    let choice = choice.ok_or_else(silent_error)?;
    let data = choice.get("b64_json").filter(|data| js::is_truthy(Some(data)));
    Ok(match data {
        Some(data) => picture("jpg", data),
        None => picture("jpg", &fetched(choice.get("url"), untrusted).await?),
    })
}

/// A picture by a model at Hugging Face as `{"image"}`.
///
/// # Errors
/// 500.
pub async fn hugging_face(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let model = js::to_text(body.get("model"));
    let address = below("https://api-inference.huggingface.co/models", &model)?;
    let request = renamed(body, &[("inputs", "prompt")]);
    let answer = granted(relay.send(order(&address, key, request)?).await, silent_error)?;
    Ok(image(&base64_of(answer).await?))
}

/// Electron Hub's models, all that it says of them, with `value` and `text`.
///
/// # Errors
/// 500.
pub async fn electronhub_models(key: &str, relay: &Relay) -> Result<Response> {
    let question = question("https://api.electronhub.ai/v1/models", json_bearer(key))?;
    let answer = told(relay.send(question).await).await?;
    let models = answer
        .get("data")
        .and_then(Value::as_array)
        .ok_or_else(silent_error)?;
    let paints = |model: &&Value| {
        let endpoints = model.get("endpoints").and_then(Value::as_array);
        endpoints.is_some_and(|endpoints| {
            endpoints
                .iter()
                .any(|endpoint| endpoint == "/v1/images/generations")
        })
    };
    let painters = models.iter().filter(paints).map(|model| {
        let mut model = model.clone();
        let shown = renamed(&model, &[("value", "id"), ("text", "name")]);
        if let Some(fields) = model.as_object_mut() {
            fields.extend(shown);
        }
        model
    });
    Ok(listed(painters.collect()))
}

/// A picture by Electron Hub as `{"image"}`.
///
/// # Errors
/// 500.
pub async fn electronhub(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let mut request = renamed(body, &[("model", "model"), ("prompt", "prompt")]);
    request.insert("response_format".to_owned(), "b64_json".into());
    for field in ["size", "quality"] {
        let given = body.get(field).filter(|value| js::is_truthy(Some(value)));
        request.extend(given.map(|value| (field.to_owned(), value.clone())));
    }
    let order = order("https://api.electronhub.ai/v1/images/generations", key, request)?;
    let answer = told(relay.send(order).await).await?;
    Ok(image(some(&answer, "/data/0/b64_json")?))
}

/// The sizes that a model of Electron Hub paints in, as `{"sizes"}`.
///
/// # Errors
/// 500; the original does not survive most of what leads to it.
pub async fn electronhub_sizes(body: &Value, relay: &Relay) -> Result<Response> {
    let model = js::to_text(body.get("model"));
    let address = below("https://api.electronhub.ai/v1/models", &model)?;
    let answer = told(relay.send(question(&address, json_headers())?).await).await?;
    Ok(object(&[("sizes", some(&answer, "/sizes")?)]))
}

/// Chutes' models as `[{"value","text"}]`, by name.
///
/// # Errors
/// 500.
pub async fn chutes_models(key: &str, relay: &Relay) -> Result<Response> {
    let address = "https://api.chutes.ai/chutes/?template=diffusion&include_public=true&limit=999";
    let answer = told(relay.send(question(address, json_bearer(key))?).await).await?;
    let items = answer
        .get("items")
        .and_then(Value::as_array)
        .ok_or_else(silent_error)?;
    let mut models = options(items, "name", "name")?;
    let is_text = |model: &Value| model.get("text").is_none_or(Value::is_string);
    if models.len() > 1 && !models.iter().all(is_text) {
        return Err(silent_error());
    }
    collate::locale_sort(&mut models, |model| {
        model.get("text").and_then(Value::as_str).unwrap_or_default()
    });
    Ok(listed(models))
}

/// A picture by Chutes as `{"image"}`.
///
/// # Errors
/// 500.
pub async fn chutes(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let same = ["model", "prompt", "negative_prompt"].map(|field| (field, field));
    let mut request = renamed(body, &same);
    for (theirs, ours, usual) in [
        ("guidance_scale", "guidance_scale", 7),
        ("width", "width", 1024),
        ("height", "height", 1024),
        ("num_inference_steps", "steps", 10),
    ] {
        let given = body.get(ours).filter(|value| js::is_truthy(Some(value)));
        request.insert(theirs.to_owned(), given.cloned().unwrap_or_else(|| usual.into()));
    }
    let order = order("https://image.chutes.ai/generate", key, request)?;
    let answer = granted(relay.send(order).await, silent_error)?;
    Ok(image(&base64_of(answer).await?))
}

/// NanoGPT's models as `[{"value","text"}]`.
///
/// # Errors
/// 500.
pub async fn nanogpt_models(key: &str, relay: &Relay) -> Result<Response> {
    let mut headers = json_headers();
    headers.set("x-api-key", key);
    let answer = told(
        relay
            .send(question("https://nano-gpt.com/api/models", headers)?)
            .await,
    )
    .await?;
    let models = match answer.pointer("/models/image") {
        Some(Value::Object(models)) => options(models.values(), "model", "name")?,
        Some(Value::Array(models)) => options(models, "model", "name")?,
        _ => return Err(silent_error()),
    };
    Ok(listed(models))
}

/// A picture by NanoGPT, whose request the body is, as `{"image"}`.
///
/// # Errors
/// 500.
pub async fn nanogpt(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let mut headers = json_headers();
    headers.set("x-api-key", key);
    let order = posting("https://nano-gpt.com/api/generate-image", headers, body)?;
    let answer = told(relay.send(order).await).await?;
    Ok(image(some(&answer, "/data/0/b64_json")?))
}

/// A picture by xAI as `{"image","format"}`.
///
/// # Errors
/// 500.
pub async fn xai(body: &Value, key: &str, relay: &Relay) -> Result<Response> {
    let same = ["prompt", "model", "aspect_ratio", "resolution"].map(|field| (field, field));
    let mut request = renamed(body, &same);
    request.insert("response_format".to_owned(), "b64_json".into());
    let answer = told(
        relay
            .send(order("https://api.x.ai/v1/images/generations", key, request)?)
            .await,
    )
    .await?;
    let encoded = js::to_text(Some(some(&answer, "/data/0/b64_json")?));
    let (media, data) = match encoded
        .strip_prefix("data:")
        .and_then(|rest| rest.rsplit_once(";base64,"))
    {
        Some((media, data)) if !media.is_empty() && !data.is_empty() => (media, data),
        _ => ("image/jpeg", encoded.as_str()),
    };
    let format = mime::extension(media).unwrap_or("jpg");
    Ok(object(&[("image", &data.into()), ("format", &format.into())]))
}

/// AI/ML's models as `{"data":[{"value","text"}]}`.
///
/// # Errors
/// 500.
pub async fn aimlapi_models(key: &str, relay: &Relay) -> Result<Response> {
    let answer = told(
        relay
            .send(question("https://api.aimlapi.com/v1/models", bearer(key))?)
            .await,
    )
    .await?;
    if answer.is_null() {
        return Err(silent_error());
    }
    let known = answer.get("data").filter(|data| js::is_truthy(Some(data)));
    let known = known.cloned().unwrap_or_else(|| json!([]));
    let mut models = Vec::new();
    for model in known.as_array().ok_or_else(silent_error)? {
        if model.is_null() {
            return Err(silent_error());
        }
        let is_other = model
            .get("id")
            .and_then(Value::as_str)
            .is_some_and(|id| FROM_PICTURES.contains(&id));
        if model.get("type").is_none_or(|kind| kind != "image") || is_other {
            continue;
        }
        let mut shown = renamed(model, &[("value", "id"), ("text", "id")]);
        let name = model
            .pointer("/info/name")
            .filter(|name| js::is_truthy(Some(name)));
        shown.extend(name.map(|name| ("text".to_owned(), name.clone())));
        models.push(Value::Object(shown));
    }
    Ok(reply::json_bytes(to_vec(&json!({ "data": models }))))
}

/// A picture by AI/ML, whose request the body is, as `{"format","data"}`; one that is elsewhere is fetched by `untrusted`.
///
/// # Errors
/// 500 with AI/ML's text where it refuses, or with a reason.
pub async fn aimlapi(body: &Value, key: &str, relay: &Relay, untrusted: &Relay) -> Result<Response> {
    let failed = || Error::text(500, "Internal error");
    let mut headers = json_bearer(key);
    for (name, value) in [
        ("HTTP-Referer", "https://sillytavern.app"),
        ("X-Title", "SillyTavern"),
    ] {
        headers.set(name, value);
    }
    let order = posting("https://api.aimlapi.com/v1/images/generations", headers, body)?;
    let answer = relay.send(order).await.map_err(|_| failed())?;
    if !answer.is_success() {
        let text = read_text(answer).await.map_err(|_| failed())?;
        return Err(Error::text(500, text));
    }
    let answer = read(answer).await.map_err(|_| failed())?;
    if answer.is_null() {
        return Err(failed());
    }
    let painted = match answer.get("images") {
        Some(Value::Array(images)) => images.first(),
        _ => answer.pointer("/data/0"),
    };
    let painted = painted.filter(|painted| js::is_truthy(Some(painted)));
    let painted = painted.ok_or_else(|| Error::text(500, "No image returned"))?;
    let given = |field: &str| painted.get(field).filter(|value| js::is_truthy(Some(value)));
    if let Some(data) = given("b64_json").or_else(|| given("base64")) {
        return Ok(picture("png", data));
    }
    let address = given("url").and_then(Value::as_str).ok_or_else(failed)?;
    let question = question(address, crate::providers::upstream::UpstreamHeaders::default());
    let answer = untrusted.send(question.map_err(|_| failed())?).await;
    let answer = granted(answer, failed)?;
    Ok(picture("png", &base64_of(answer).await.map_err(|_| failed())?))
}

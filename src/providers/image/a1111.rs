//! The web API of AUTOMATIC1111, which Forge and SD.Next have as well.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::server::{asking, at, basic, heard, listed, named, present, sent, telling, told};
use crate::error::{Error, Result};
use crate::providers::exchange::{granted, silent_error};
use crate::providers::farewell::Farewell;
use crate::providers::polling::Polling;
use crate::providers::relay::Relay;
use crate::providers::upstream::Upstream;
use crate::reply;

/// How often a server is asked whether it has loaded a model.
pub const POLLING: Polling = Polling::every(Duration::from_secs(2), 10).at_once();

/// Ways to enlarge that SD.Next knows and does not tell.
const LATENT: [&str; 6] = [
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
];

/// A list of the server's whose elements have names.
#[derive(Debug, Clone, Copy)]
pub enum List {
    /// `GET /sdapi/v1/samplers`
    Samplers,
    /// `GET /sdapi/v1/schedulers`
    Schedulers,
}

fn get(body: &Value, what: &str) -> Result<Upstream> {
    Ok(asking(
        Method::GET,
        at(body, &format!("/sdapi/v1/{what}"))?,
        basic(body),
    ))
}

/// 200 where there is a server.
///
/// # Errors
/// 500.
pub async fn ping(body: &Value, relay: &Relay) -> Result<Response> {
    present(relay, get(body, "options")?).await
}

/// Names, as a list.
///
/// # Errors
/// 500.
pub async fn names(list: List, body: &Value, relay: &Relay) -> Result<Response> {
    let what = match list {
        List::Samplers => "samplers",
        List::Schedulers => "schedulers",
    };
    let list = told(relay.send(get(body, what)?).await).await?;
    Ok(listed(named(&list, "name")?))
}

/// Names of ways to enlarge: nothing, the latent ones, the others.
///
/// # Errors
/// 500.
pub async fn upscalers(body: &Value, relay: &Relay) -> Result<Response> {
    let (models, latent) = tokio::join!(
        relay.send(get(body, "upscalers")?),
        relay.send(get(body, "latent-upscale-modes")?)
    );
    let models = named(&told(models).await?, "name")?;
    let latent = named(&told(latent).await?, "name")?;
    Ok(listed(spliced(models, latent)))
}

/// As [`upscalers`], for SD.Next.
///
/// # Errors
/// 500.
pub async fn sd_next_upscalers(body: &Value, relay: &Relay) -> Result<Response> {
    let models = named(&told(relay.send(get(body, "upscalers")?).await).await?, "name")?;
    Ok(listed(spliced(models, LATENT.map(Value::from).to_vec())))
}

fn spliced(mut models: Vec<Value>, latent: Vec<Value>) -> Vec<Value> {
    let at = models.len().min(1);
    models.splice(at..at, latent);
    models
}

/// Names of VAEs, as AUTOMATIC1111 tells them, or as Forge does.
///
/// # Errors
/// 500.
pub async fn vaes(body: &Value, relay: &Relay) -> Result<Response> {
    let (auto, forge) = tokio::join!(
        relay.send(get(body, "sd-vae")?),
        relay.send(get(body, "sd-modules")?)
    );
    let found = match told(auto).await {
        Ok(found) => found,
        Err(_) => told(forge).await?,
    };
    Ok(listed(named(&found, "model_name")?))
}

/// Models as `[{"value","text"}]`.
///
/// # Errors
/// 500.
pub async fn models(body: &Value, relay: &Relay) -> Result<Response> {
    let list = told(relay.send(get(body, "sd-models")?).await).await?;
    let titles = list
        .as_array()
        .ok_or_else(silent_error)?
        .iter()
        .map(|model| match model {
            Value::Null => Err(silent_error()),
            model => Ok(match model.get("title") {
                Some(title) => json!({ "value": title, "text": title }),
                None => json!({}),
            }),
        });
    Ok(listed(titles.collect::<Result<_>>()?))
}

/// The name of the model in use.
///
/// # Errors
/// 500.
pub async fn model(body: &Value, relay: &Relay) -> Result<Response> {
    let options = heard(relay.send(get(body, "options")?).await).await?;
    if options.is_null() {
        return Err(silent_error());
    }
    Ok(sent(options.get("sd_model_checkpoint")))
}

/// Has the body's `model` loaded and waits for it, not for ever.
///
/// # Errors
/// 500.
pub async fn set_model(body: &Value, relay: &Relay, polling: Polling) -> Result<Response> {
    let mut options = json!({});
    if let Some(model) = body.get("model") {
        options["sd_model_checkpoint"] = model.clone();
    }
    told_nothing(
        relay,
        telling(at(body, "/sdapi/v1/options")?, basic(body), &options),
    )
    .await?;
    let idle = polling.until(|| async {
        let state = heard(relay.send(get(body, "progress")?).await).await?;
        let jobs = state.get("state").filter(|state| !state.is_null());
        let jobs = jobs.ok_or_else(silent_error)?.get("job_count");
        let is_idle = is_zero(state.get("progress")) && is_zero(jobs);
        Ok::<_, Error>(is_idle.then_some(()))
    });
    // compat: 200 also for one that is not.
    idle.await?;
    Ok(reply::status(StatusCode::OK))
}

async fn told_nothing(relay: &Relay, question: Upstream) -> Result<()> {
    granted(relay.send(question).await, silent_error)?;
    Ok(())
}

fn is_zero(value: Option<&Value>) -> bool {
    value.and_then(Value::as_f64) == Some(0.0)
}

/// The server's own answer to the body, which is its request. When the browser goes, the server is told to stop.
///
/// # Errors
/// 500.
pub async fn generate(mut body: Value, relay: &Relay) -> Result<Response> {
    if !is_forge(&body, relay).await
        && let Some(overrides) = body.get_mut("override_settings").and_then(Value::as_object_mut)
    {
        overrides.shift_remove("forge_additional_modules");
    }
    let stop = asking(Method::POST, at(&body, "/sdapi/v1/interrupt")?, basic(&body));
    let farewell = Farewell::new(relay.clone(), Some(stop));
    let request = telling(at(&body, "/sdapi/v1/txt2img")?, basic(&body), &body);
    let painted = told(relay.send(request).await).await;
    let response = match painted {
        Ok(painted) => sent(Some(&painted)),
        Err(error) => error.into_response(),
    };
    Ok(farewell.finish(response))
}

/// Whether a server is Forge, or does not say.
async fn is_forge(body: &Value, relay: &Relay) -> bool {
    let Ok(question) = get(body, "options") else {
        return true;
    };
    match told(relay.send(question).await).await {
        Ok(Value::Object(options)) => options.contains_key("forge_preset"),
        Ok(Value::Array(_)) => false,
        Ok(_) | Err(_) => true,
    }
}

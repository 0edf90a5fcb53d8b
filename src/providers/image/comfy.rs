//! `ComfyUI`: what its nodes can be given, and workflows that it runs.

use std::time::Duration;

use axum::http::Method;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::server::{
    Unpainted, asking, basic, below, format_of, listed, picture, present, saying, sent, told,
};
use crate::error::{Error, Result};
use crate::providers::exchange::{read, read_bytes, silent_error};
use crate::providers::farewell::Farewell;
use crate::providers::js;
use crate::providers::polling::Polling;
use crate::providers::relay::{Relay, UpstreamReply};
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// How often it is asked whether a picture is done, for half an hour. The original asks for ever.
pub const POLLING: Polling = Polling::every(Duration::from_millis(100), 10 * 60 * 30).at_once();

/// A choice that a node offers: the node, and the name of its input.
#[derive(Debug, Clone, Copy)]
pub struct Choice(&'static str, &'static str);

impl Choice {
    /// Samplers.
    pub const SAMPLERS: Self = Self("KSampler", "sampler_name");
    /// Schedulers.
    pub const SCHEDULERS: Self = Self("KSampler", "scheduler");
    /// VAEs.
    pub const VAES: Self = Self("VAELoader", "vae_name");
    const CHECKPOINTS: Self = Self("CheckpointLoaderSimple", "ckpt_name");
    const UNETS: Self = Self("UNETLoader", "unet_name");
    const GGUFS: Self = Self("UnetLoaderGGUF", "unet_name");

    fn of(self, nodes: &Value) -> Option<Option<&Value>> {
        let Self(node, input) = self;
        let offered = nodes.get(node)?.pointer("/input/required")?.get(input)?;
        (!offered.is_null()).then(|| offered.get(0))
    }
}

fn get(url: reqwest::Url) -> Upstream {
    asking(Method::GET, url, UpstreamHeaders::default())
}

/// 200 where there is a server.
///
/// # Errors
/// 500.
pub async fn ping(body: &Value, relay: &Relay) -> Result<Response> {
    let url = below(body, "/system_stats").map_err(|_| silent_error())?;
    present(relay, get(url)).await
}

async fn nodes(body: &Value, relay: &Relay) -> Result<Value> {
    let url = below(body, "/object_info").map_err(|_| silent_error())?;
    told(relay.send(get(url)).await).await
}

/// What can be chosen.
///
/// # Errors
/// 500.
pub async fn choices(choice: Choice, body: &Value, relay: &Relay) -> Result<Response> {
    let nodes = nodes(body, relay).await?;
    Ok(sent(choice.of(&nodes).ok_or_else(silent_error)?))
}

/// Models as `[{"value","text"}]`: checkpoints, UNets, those in GGUF files where there is a node for them.
///
/// # Errors
/// 500.
pub async fn models(body: &Value, relay: &Relay) -> Result<Response> {
    let nodes = nodes(body, relay).await?;
    let names = |choice: Choice| {
        let names = choice.of(&nodes).flatten().and_then(Value::as_array);
        names.ok_or_else(silent_error)
    };
    let mut models = Vec::new();
    for name in names(Choice::CHECKPOINTS)? {
        let text = name.as_str().ok_or_else(silent_error)?;
        models.push(json!({ "value": name, "text": shown(text) }));
    }
    let has_ggufs = nodes.get(Choice::GGUFS.0).is_some_and(|node| !node.is_null());
    let ggufs = has_ggufs.then_some((Choice::GGUFS, "GGUF"));
    for (choice, kind) in [(Choice::UNETS, "UNet")].into_iter().chain(ggufs) {
        for name in names(choice)? {
            let text = shown(&format!("{kind}: {}", js::to_text(Some(name))));
            models.push(json!({ "value": name, "text": text }));
        }
    }
    Ok(listed(models))
}

/// A file's name without its type, for people.
fn shown(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.replace('_', " ")
}

/// Runs the body's `prompt`, a workflow, and answers its first picture or film as `{"format","data"}`, base64. When the
/// browser goes, the server is told to stop.
///
/// # Errors
/// 500 with the reason, among them that it is not done in time.
pub async fn generate(body: &Value, relay: &Relay, polling: Polling) -> Result<Response> {
    let stop = asking(Method::POST, below(body, "/interrupt")?, basic(body));
    let farewell = Farewell::new(relay.clone(), Some(stop));
    match painted(body, relay, polling).await {
        Ok(Some(response)) => Ok(farewell.finish(response)),
        // Nobody waits for it any more, so that it is stopped.
        Ok(None) => Err(Unpainted("ComfyUI is not done in time.".to_owned()).into()),
        Err(why) => Ok(farewell.finish(Error::from(why).into_response())),
    }
}

/// The answer; `None` when it is not there in time.
async fn painted(body: &Value, relay: &Relay, polling: Polling) -> Result<Option<Response>, Unpainted> {
    let task = answered(relay, prompt(body)?).await?;
    let id = id_of(&task, "prompt_id")?;
    let history = below(body, &format!("/history/{id}"))?;
    let done = polling.until(|| async {
        let mut history = answered(relay, get(history.clone())).await?;
        if history.is_null() {
            return Err(Unpainted("ComfyUI returned no history.".to_owned()));
        }
        let item = history.get_mut(&id).map(Value::take);
        Ok(item.filter(|item| js::is_truthy(Some(item))))
    });
    let Some(item) = done.await? else {
        return Ok(None);
    };
    let file = file_of(&item)?;
    let named = |name: &str| js::to_text(file.get(name));
    let mut view = below(body, "/view")?;
    view.set_query(Some(&format!(
        "filename={}&subfolder={}&type={}",
        named("filename"),
        named("subfolder"),
        named("type")
    )));
    let bytes = read_bytes(granted(relay, get(view)).await?).await;
    let bytes = bytes.map_err(|error| Unpainted(error.to_string()))?;
    let name = file.get("filename").and_then(Value::as_str);
    let name = name.ok_or_else(|| Unpainted("ComfyUI returned a file without a name.".to_owned()))?;
    Ok(Some(picture(
        &format_of(name),
        &BASE64_STANDARD.encode(bytes).into(),
    )))
}

/// The request that runs a workflow, which is JSON in a text. compat: whatever it is, it is sent as a text.
fn prompt(body: &Value) -> Result<Upstream, Unpainted> {
    let url = below(body, "/prompt")?;
    let prompt = body.get("prompt").filter(|prompt| !prompt.is_null());
    Ok(match prompt {
        Some(prompt) => saying(url, UpstreamHeaders::default(), js::to_text(Some(prompt))),
        None => asking(Method::POST, url, UpstreamHeaders::default()),
    })
}

/// The id of a task that was taken. The original waits for ever for one without.
pub(super) fn id_of(task: &Value, field: &str) -> Result<String, Unpainted> {
    let id = task.get(field).filter(|id| js::is_truthy(Some(id)));
    let id = id.ok_or_else(|| Unpainted(format!("The server took the workflow without a {field}.")))?;
    Ok(js::to_text(Some(id)))
}

/// The first file that a finished workflow says it made.
fn file_of(item: &Value) -> Result<&Value, Unpainted> {
    let lacking = |what: &str| Unpainted(format!("ComfyUI returned no {what}."));
    let status = item.get("status").filter(|status| !status.is_null());
    let status = status.ok_or_else(|| lacking("status"))?;
    if status.get("status_str").and_then(Value::as_str) == Some("error") {
        let reasons = reasons(status);
        let told = format!("ComfyUI generation did not succeed.\n\n{reasons}");
        return Err(Unpainted(told.trim().to_owned()));
    }
    let outputs = item.get("outputs").and_then(Value::as_object);
    let outputs = outputs.ok_or_else(|| lacking("outputs"))?;
    let of_kind = |kind: &str| {
        let lists = outputs.values().filter_map(|output| output.get(kind)?.as_array());
        lists.flatten().next().filter(|file| !file.is_null())
    };
    let file = of_kind("images").or_else(|| of_kind("gifs"));
    file.ok_or_else(|| Unpainted("ComfyUI did not return any recognizable outputs.".to_owned()))
}

/// Which nodes failed, and why.
fn reasons(status: &Value) -> String {
    let messages = status.get("messages").and_then(Value::as_array);
    let failures = messages.into_iter().flatten().filter_map(|message| {
        let is_failure = message.get(0).and_then(Value::as_str) == Some("execution_error");
        let failure = message.get(1).filter(|_| is_failure)?;
        let named = |name: &str| js::to_text(failure.get(name));
        Some(format!(
            "{} [{}] {}: {}",
            named("node_type"),
            named("node_id"),
            named("exception_type"),
            named("exception_message")
        ))
    });
    failures.collect::<Vec<_>>().join("\n")
}

/// An answer that is no refusal.
pub(super) async fn granted(relay: &Relay, question: Upstream) -> Result<UpstreamReply, Unpainted> {
    let answer = relay.send(question).await?;
    if answer.is_success() {
        return Ok(answer);
    }
    tracing::warn!(status = answer.status().as_u16(), "refused upstream");
    Err(Unpainted("ComfyUI returned an error.".to_owned()))
}

/// The JSON of one.
pub(super) async fn answered(relay: &Relay, question: Upstream) -> Result<Value, Unpainted> {
    let answer = granted(relay, question).await?;
    read(answer).await.map_err(|error| Unpainted(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_picture_counts_and_films_come_after_pictures() {
        let item = json!({ "status": {}, "outputs": {
            "3": { "text": ["x"] }, "9": { "gifs": [{ "filename": "a.gif" }] }, "12": { "images": [{ "filename": "b.png" }] },
        } });
        assert_eq!(file_of(&item).unwrap()["filename"], "b.png");
        let film =
            json!({ "status": {}, "outputs": { "9": { "images": 5, "gifs": [{ "filename": "a.gif" }] } } });
        assert_eq!(file_of(&film).unwrap()["filename"], "a.gif");
        for nothing in [
            json!({}),
            json!({ "1": { "images": [] } }),
            json!({ "1": { "images": [null] } }),
        ] {
            let item = json!({ "status": {}, "outputs": nothing });
            assert!(file_of(&item).unwrap_err().0.contains("recognizable"));
        }
    }

    #[test]
    fn failures_are_told_by_node() {
        let failed = json!({ "status": { "status_str": "error", "messages": [
            ["execution_start", {}],
            ["execution_error", { "node_type": "KSampler", "node_id": "3", "exception_type": "E", "exception_message": "out" }],
        ] } });
        let why = file_of(&failed).unwrap_err().0;
        assert_eq!(why, "ComfyUI generation did not succeed.\n\nKSampler [3] E: out");
        let silent = json!({ "status": { "status_str": "error" } });
        assert_eq!(
            file_of(&silent).unwrap_err().0,
            "ComfyUI generation did not succeed."
        );
    }

    #[test]
    fn names_of_models_are_made_readable() {
        for (name, expected) in [
            ("a_b.v1.safetensors", "a b.v1"),
            ("plain", "plain"),
            ("x/y_z.ckpt", "x/y z"),
        ] {
            assert_eq!(shown(name), expected);
        }
    }
}

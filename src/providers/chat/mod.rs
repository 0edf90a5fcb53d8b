//! Chat completions: from the browser's request body to one outbound request, without I/O.
//!
//! `POST /api/backends/chat-completions/{generate,status,process}` are thin layers over [`generate`],
//! [`status`] and [`process`]; [`reply`] turns the relay's outcome into the browser's response.

mod custom;
mod effort;
mod fault;
mod openai_like;
mod overlay;
pub mod reply;
mod source;

use serde_json::Value;

pub use fault::ChatFault;
pub use source::Source;

use super::convert::merge::{PostProcessing, PromptNames, post_process};
use super::convert::{ConvertError, schema};
use super::js;
use super::upstream::Upstream;
use crate::config::upstream::UpstreamConfig;

/// Configuration that shapes outgoing chat requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSettings {
    /// `promptPlaceholder`: text of user messages that post-processing inserts.
    pub prompt_placeholder: String,
    /// `openai.randomizeUserId`: send a random `user` with every OpenAI request.
    pub randomize_user_id: bool,
}

impl From<&UpstreamConfig> for ChatSettings {
    fn from(config: &UpstreamConfig) -> Self {
        Self {
            prompt_placeholder: config.prompt_placeholder.clone(),
            randomize_user_id: config.openai_randomize_user_id,
        }
    }
}

impl Default for ChatSettings {
    fn default() -> Self {
        Self::from(&UpstreamConfig::default())
    }
}

/// A generation request ready for the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatCall {
    /// What to send.
    pub upstream: Upstream,
    /// Whether the browser asked for a stream; [`reply::generate`] needs it.
    pub stream: bool,
}

/// Builds the request of `POST /api/backends/chat-completions/generate`.
///
/// `secret` is the stored key under [`Source::secret_key`], `None` or empty when there is none. It is unused
/// when the body names a `reverse_proxy`.
///
/// # Errors
/// Every [`ChatFault`]; answer with [`ChatFault::generate_response`].
pub fn generate(
    source: Source,
    mut body: Value,
    secret: Option<&str>,
    settings: &ChatSettings,
) -> Result<ChatCall, ChatFault> {
    prepare_messages(&mut body, settings)?;
    prepare_schema(&mut body)?;
    match source {
        Source::OpenAi => openai_like::openai(body, secret, settings),
        Source::Custom => custom::generate(body, secret),
        Source::CometApi => Err(ChatFault::Disabled),
        _ => Err(ChatFault::NotImplemented(source)),
    }
}

/// Builds the model-list request of `POST /api/backends/chat-completions/status`.
///
/// # Errors
/// Every [`ChatFault`]; answer with [`ChatFault::status_response`].
pub fn status(source: Source, body: &Value, secret: Option<&str>) -> Result<Upstream, ChatFault> {
    if !source.has_status() {
        return Err(ChatFault::UnknownSource);
    }
    match source {
        Source::OpenAi => openai_like::openai_status(body, secret),
        Source::Custom => custom::status(body, secret),
        Source::CometApi => Err(ChatFault::Disabled),
        _ => Err(ChatFault::NotImplemented(source)),
    }
}

/// Why `/process` refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessFault {
    /// Status 400, JSON `{"error": "Invalid messages format"}`.
    #[error("Invalid messages format")]
    InvalidMessages,
    /// Status 400, JSON `{"error": "Unknown processing type"}`.
    #[error("Unknown processing type")]
    UnknownType,
    /// Bare status 500.
    #[error(transparent)]
    Convert(#[from] ConvertError),
}

/// Answers `POST /api/backends/chat-completions/process` with `{"messages": [...]}`.
///
/// # Errors
/// See [`ProcessFault`].
pub fn process(mut body: Value, settings: &ChatSettings) -> Result<Value, ProcessFault> {
    let names = PromptNames::from_body(&body);
    let Some(Value::Array(messages)) = body.get_mut("messages").map(Value::take) else {
        return Err(ProcessFault::InvalidMessages);
    };
    let mode = body
        .get("type")
        .and_then(Value::as_str)
        .and_then(PostProcessing::from_name);
    let mode = mode.ok_or(ProcessFault::UnknownType)?;
    let messages = post_process(messages, mode, &names, &settings.prompt_placeholder)?;
    Ok(serde_json::json!({ "messages": messages }))
}

/// Runs `custom_prompt_post_processing`, which comes before any conversion of a source's own.
fn prepare_messages(body: &mut Value, settings: &ChatSettings) -> Result<(), ChatFault> {
    let mode = body.get("custom_prompt_post_processing").and_then(Value::as_str);
    let Some(mode) = mode.and_then(PostProcessing::from_name) else {
        return Ok(());
    };
    let names = PromptNames::from_body(body);
    if let Some(slot @ Value::Array(_)) = body.get_mut("messages")
        && let Value::Array(messages) = slot.take()
    {
        *slot = Value::Array(post_process(
            messages,
            mode,
            &names,
            &settings.prompt_placeholder,
        )?);
    }
    Ok(())
}

fn prepare_schema(body: &mut Value) -> Result<(), ChatFault> {
    if let Some(slot) = body.pointer_mut("/json_schema/value")
        && js::is_truthy(Some(slot))
    {
        *slot = schema::flatten(slot.take())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ChatFault, ChatSettings, ProcessFault, Source, generate, process, status};

    #[test]
    fn refuses_sources_by_what_is_known_of_them() {
        let settings = ChatSettings::default();
        for source in Source::ALL {
            let made = generate(source, json!({}), None, &settings);
            match source {
                Source::OpenAi => assert_eq!(made, Err(ChatFault::MissingKey)),
                Source::Custom => assert!(matches!(made, Err(ChatFault::InvalidUrl(_)))),
                Source::CometApi => assert_eq!(made, Err(ChatFault::Disabled)),
                other => assert_eq!(made, Err(ChatFault::NotImplemented(other))),
            }
        }
        assert_eq!(
            status(Source::Claude, &json!({}), None),
            Err(ChatFault::UnknownSource)
        );
        assert_eq!(
            status(Source::Groq, &json!({}), None),
            Err(ChatFault::NotImplemented(Source::Groq))
        );
    }

    #[test]
    fn process_checks_messages_before_the_type() {
        let settings = ChatSettings::default();
        let run = |body| process(body, &settings);
        assert_eq!(
            run(json!({"messages": 5, "type": "x"})),
            Err(ProcessFault::InvalidMessages)
        );
        assert_eq!(run(json!({"messages": []})), Err(ProcessFault::UnknownType));
        assert_eq!(
            run(json!({"messages": [1], "type": ""})),
            Ok(json!({"messages": [1]}))
        );
        assert!(matches!(
            run(json!({"messages": [null], "type": "merge"})),
            Err(ProcessFault::Convert(_))
        ));
    }
}

//! Chat completions: from the browser's request body to one outbound request, without I/O.
//!
//! `POST /api/backends/chat-completions/{generate,process}` are thin layers over [`generate`] and [`process`];
//! [`reply`] turns the relay's outcome into the browser's response. [`lists`] and [`vision`] ask for lists of models.
//!
//! A source that speaks OpenAI's language is a record in `table.rs`, with a step in `hooks.rs` where it has habits of
//! its own; one with another wire form has a file: `claude.rs`, `google.rs`, `azure.rs`.

mod azure;
mod budget;
mod claude;
pub(super) mod custom;
mod effort;
mod fault;
pub(super) mod google;
pub(super) mod hooks;
pub mod lists;
mod openai_like;
pub mod openrouter;
mod overlay;
pub mod reply;
mod response_format;
mod shape;
mod source;
mod table;
pub mod vertex;
pub mod vision;

use serde_json::Value;

pub use fault::ChatFault;
pub use source::Source;

use super::convert::merge::{PostProcessing, PromptNames, post_process};
use super::convert::{ConvertError, schema};
use super::js;
use super::upstream::Upstream;
use crate::config::secret::Secret;
use crate::config::upstream::{ClaudeConfig, UpstreamConfig};

/// Configuration that shapes outgoing chat requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSettings {
    /// `promptPlaceholder`: text of user messages that post-processing inserts.
    pub prompt_placeholder: String,
    /// `openai.randomizeUserId`: send a random `user` with every OpenAI request.
    pub randomize_user_id: bool,
    /// `mistral.enablePrefix`: an answer at the end is to be continued.
    pub mistral_prefix: bool,
    /// `claude.*`.
    pub claude: ClaudeConfig,
    /// `gemini.apiVersion`.
    pub gemini_api_version: String,
    /// `gemini.thoughtSignatures`: send stored signatures of messages.
    pub thought_signatures: bool,
    /// Whether OpenRouter can cache the system prompt of this request's Gemini model, and is to.
    pub caches_gemini: bool,
    /// Key of the hash that tells Fireworks which requests belong to one chat.
    pub affinity_key: Secret<String>,
}

impl ChatSettings {
    /// By the configuration.
    #[must_use]
    pub fn new(config: &UpstreamConfig, affinity_key: String) -> Self {
        Self {
            prompt_placeholder: config.prompt_placeholder.clone(),
            randomize_user_id: config.openai_randomize_user_id,
            mistral_prefix: config.mistral_enable_prefix,
            claude: config.claude.clone(),
            gemini_api_version: config.gemini.api_version.clone(),
            thought_signatures: config.gemini.thought_signatures,
            caches_gemini: false,
            affinity_key: affinity_key.into(),
        }
    }
}

impl Default for ChatSettings {
    fn default() -> Self {
        Self::new(&UpstreamConfig::default(), String::new())
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

/// Builds the request of `POST /api/backends/chat-completions/generate` for every source but Vertex AI.
///
/// `secret` is the stored key under [`Source::secret_key`], `None` or empty when there is none. It is unused
/// when the body names a `reverse_proxy` that the source honours.
///
/// # Errors
/// Every [`ChatFault`]; answer with [`ChatFault::generate_response`].
pub fn generate(
    source: Source,
    mut body: Value,
    secret: Option<&str>,
    settings: &ChatSettings,
) -> Result<ChatCall, ChatFault> {
    prepare(source, &mut body, settings)?;
    match (source, table::record(source)) {
        (_, Some(record)) => openai_like::generate(record, body, secret, settings),
        (Source::Claude, _) => claude::generate(body, secret, settings),
        (Source::MakerSuite, _) => google::generate(&body, secret, settings),
        (Source::AzureOpenAi, _) => azure::generate(body, secret),
        (Source::CometApi, _) => Err(ChatFault::Disabled),
        _ => Err(ChatFault::UnknownSource),
    }
}

/// As [`generate`] for Vertex AI, whose door is opened first.
///
/// # Errors
/// As for [`generate`].
pub fn generate_on_vertex(
    mut body: Value,
    access: &vertex::VertexAccess,
    settings: &ChatSettings,
) -> Result<ChatCall, ChatFault> {
    prepare(Source::VertexAi, &mut body, settings)?;
    google::generate_on_vertex(&body, access, settings)
}

/// Builds the model-list request of `POST /api/backends/chat-completions/status` for the sources with one list.
///
/// # Errors
/// Every [`ChatFault`]; answer with [`ChatFault::status_response`].
pub fn status(source: Source, body: &Value, secret: Option<&str>) -> Result<Upstream, ChatFault> {
    if source == Source::CometApi {
        return Err(ChatFault::Disabled);
    }
    let record = table::record(source).ok_or(ChatFault::UnknownSource)?;
    openai_like::models(record, body, secret)
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

/// What comes before any conversion of a source's own: `custom_prompt_post_processing`, and a flat schema.
fn prepare(source: Source, body: &mut Value, settings: &ChatSettings) -> Result<(), ChatFault> {
    prepare_messages(body, settings)
        .and_then(|()| prepare_schema(source, body))
        .map_err(ChatFault::Unprepared)
}

fn prepare_messages(body: &mut Value, settings: &ChatSettings) -> Result<(), ConvertError> {
    let mode = body.get("custom_prompt_post_processing").and_then(Value::as_str);
    let Some(mode) = mode.and_then(PostProcessing::from_name) else {
        return Ok(());
    };
    let names = PromptNames::from_body(body);
    if let Some(slot @ Value::Array(_)) = body.get_mut("messages")
        && let Value::Array(messages) = slot.take()
    {
        *slot = post_process(messages, mode, &names, &settings.prompt_placeholder)?.into();
    }
    Ok(())
}

fn prepare_schema(source: Source, body: &mut Value) -> Result<(), ConvertError> {
    let dropped = match source {
        Source::MakerSuite | Source::VertexAi => schema::DROPPED_FOR_GOOGLE,
        _ => &[],
    };
    if let Some(slot) = body.pointer_mut("/json_schema/value")
        && js::is_truthy(Some(slot))
    {
        *slot = schema::flatten(slot.take(), dropped)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

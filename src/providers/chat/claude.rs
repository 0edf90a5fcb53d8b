//! Anthropic's Messages API: which fields a family of models takes, thinking, tools and caching.

use serde_json::{Value, json};

use super::openai_like::{access, parse_url, post_json};
use super::overlay::Overlay;
use super::{ChatCall, ChatFault, ChatSettings, js};
use crate::providers::convert::claude::{ClaudeOptions, messages};
use crate::providers::convert::merge::PromptNames;
use crate::providers::convert::{ConvertError, caching, schema};
use crate::providers::upstream::UpstreamHeaders;

const BASE: &str = "https://api.anthropic.com/v1";
/// Features of the API asked for with every request.
const BETA: &str = "output-128k-2025-02-19,context-1m-2025-08-07";
/// The smallest budget for thinking, in tokens.
const SMALLEST_BUDGET: f64 = 1024.0;
/// The largest budget for thinking in an answer that is not streamed.
const LARGEST_WHOLE_BUDGET: f64 = 21_333.0;

/// What a family of models can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Traits {
    /// Takes structured output as such, and refuses a forced tool.
    has_json_output: bool,
    /// Thinks without being asked.
    thinks_always: bool,
    can_think: bool,
    can_search: bool,
    /// Takes either `temperature` or `top_p`.
    has_limited_sampling: bool,
    takes_no_sampling: bool,
    takes_effort: bool,
    refuses_prefill: bool,
    /// Thinks as much as an effort says instead of a number of tokens.
    is_adaptive: bool,
}

impl Traits {
    /// By the start of a model's name; the newest are known anywhere in it, as proxies put names before them.
    fn of(model: &str, is_adaptive_on: bool) -> Self {
        let is_new = ["claude-fable", "claude-opus-5", "claude-sonnet-5"]
            .iter()
            .any(|name| model.contains(name));
        let family = model.strip_prefix("claude-").unwrap_or_default();
        let one_of = |starts: &[&str]| starts.iter().any(|start| family.starts_with(start));
        let can_think = is_new || one_of(&["3-7", "opus-4", "sonnet-4", "haiku-4-5"]);
        let is_strict = is_new || one_of(&["opus-4-7", "opus-4-8"]);
        let is_sixth = one_of(&["opus-4-6", "sonnet-4-6"]);
        Self {
            has_json_output: model.contains("claude-fable-5-1"),
            thinks_always: is_new,
            can_think,
            can_search: can_think || one_of(&["3-5"]),
            has_limited_sampling: is_sixth || one_of(&["opus-4-1", "sonnet-4-5", "haiku-4-5", "opus-4-5"]),
            takes_no_sampling: is_strict,
            takes_effort: is_strict || is_sixth || one_of(&["opus-4-5"]),
            refuses_prefill: is_strict || is_sixth,
            is_adaptive: is_strict || is_sixth && is_adaptive_on,
        }
    }
}

/// How much a model may think.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Budget {
    /// As it likes, or not at all.
    Unset,
    Effort(&'static str),
    /// Tokens; NaN without a length of the answer.
    Tokens(f64),
}

impl Budget {
    fn of(effort: Option<&str>, length: f64, is_stream: bool, is_adaptive: bool) -> Self {
        if is_adaptive {
            return match effort {
                Some("min" | "low") => Self::Effort("low"),
                Some("medium") => Self::Effort("medium"),
                Some("high") => Self::Effort("high"),
                Some("max") => Self::Effort("max"),
                _ => Self::Unset,
            };
        }
        let tokens = match effort {
            Some("auto") => return Self::Unset,
            Some("min") => SMALLEST_BUDGET,
            Some("low") => (length * 0.1).floor(),
            Some("medium") => (length * 0.25).floor(),
            Some("high") => (length * 0.5).floor(),
            Some("max") => (length * 0.95).floor(),
            _ => 0.0,
        };
        if tokens.is_nan() {
            return Self::Tokens(tokens);
        }
        let tokens = tokens.max(SMALLEST_BUDGET);
        Self::Tokens(if is_stream {
            tokens
        } else {
            tokens.min(LARGEST_WHOLE_BUDGET)
        })
    }
}

/// Builds the generation request.
///
/// # Errors
/// [`ChatFault::MissingKey`], also behind a proxy without a password; an address or a prompt that cannot be read.
pub(super) fn generate(
    mut body: Value,
    secret: Option<&str>,
    settings: &ChatSettings,
) -> Result<ChatCall, ChatFault> {
    let (base, key) = access(&body, secret, BASE)?;
    let is_proxied = js::is_truthy(body.get("reverse_proxy"));
    if key.is_empty() || is_proxied && !js::is_truthy(body.get("proxy_password")) {
        return Err(ChatFault::MissingKey);
    }
    let stream = js::is_truthy(body.get("stream"));
    let prompt = body.get_mut("messages").map(Value::take);
    let mut request = Request::new(&body, settings);
    request.set_prompt(prompt)?;
    request.set_tools()?;
    request.set_schema();
    request.set_web_search();
    caching::mark_claude(&mut request.messages, &settings.claude)?;
    request.drop_sampling();
    let is_thinking = request.set_thinking();
    request.fix_prefill(is_thinking);
    request.set_verbosity();
    let mut headers = UpstreamHeaders::default();
    headers.set("anthropic-version", "2023-06-01");
    headers.set("x-api-key", key);
    headers.set("anthropic-beta", request.beta);
    let mut fields = request.fields;
    fields.set("messages", Some(request.messages.into()));
    let url = parse_url(&format!("{base}/messages"))?;
    Ok(ChatCall {
        upstream: post_json(url, &headers, fields.into_map()),
        stream,
    })
}

struct Request<'a> {
    body: &'a Value,
    settings: &'a ChatSettings,
    traits: Traits,
    has_tools: bool,
    fields: Overlay,
    messages: Vec<Value>,
    beta: String,
}

impl<'a> Request<'a> {
    fn new(body: &'a Value, settings: &'a ChatSettings) -> Self {
        let model = js::to_text(body.get("model"));
        let tools = body.get("tools").and_then(Value::as_array);
        Self {
            body,
            settings,
            traits: Traits::of(&model, settings.claude.adaptive_thinking),
            has_tools: tools.is_some_and(|tools| !tools.is_empty()),
            fields: Overlay::default(),
            messages: Vec::new(),
            beta: BETA.to_owned(),
        }
    }

    fn truthy(&self, field: &str) -> Option<&'a Value> {
        self.body.get(field).filter(|value| js::is_truthy(Some(value)))
    }

    fn set_prompt(&mut self, prompt: Option<Value>) -> Result<(), ConvertError> {
        let has_system_prompt = self.truthy("use_sysprompt").is_some();
        let options = ClaudeOptions {
            prefill: self.body.get("assistant_prefill"),
            has_system_prompt,
            has_tools: self.has_tools,
            placeholder: &self.settings.prompt_placeholder,
        };
        let mut prompt = messages(prompt, &PromptNames::from_body(self.body), options)?;
        let claude = &self.settings.claude;
        if let Some(last) = prompt.system.last_mut().filter(|_| claude.system_prompt_cache) {
            last["cache_control"] = claude.cache_control();
        }
        if has_system_prompt {
            self.fields.set("system", Some(prompt.system.into()));
        }
        self.messages = prompt.messages;
        // Holds the place until the messages have all their marks.
        self.fields.set("messages", None);
        for field in ["model", "max_tokens"] {
            self.fields.set(field, self.body.get(field).cloned());
        }
        let stop = self.body.get("stop").filter(|stop| stop.is_array()).cloned();
        self.fields
            .set("stop_sequences", Some(stop.unwrap_or_else(|| json!([]))));
        for field in ["temperature", "top_p", "top_k", "stream"] {
            self.fields.set(field, self.body.get(field).cloned());
        }
        if self.has_tools {
            self.beta.push_str(",tools-2024-05-16");
        }
        if claude.system_prompt_cache || claude.caching_at_depth.is_some() {
            self.beta
                .push_str(",prompt-caching-2024-07-31,extended-cache-ttl-2025-04-11");
        }
        Ok(())
    }

    fn set_tools(&mut self) -> Result<(), ConvertError> {
        if !self.has_tools {
            return Ok(());
        }
        let mut choice = json!({});
        if let Some(kind) = self.body.get("tool_choice") {
            choice["type"] = kind.clone();
        }
        self.fields.set("tool_choice", Some(choice));
        let mut tools = Vec::new();
        let listed = self.body.get("tools").and_then(Value::as_array);
        for tool in listed.into_iter().flatten() {
            if tool.get("type").and_then(Value::as_str) != Some("function") {
                continue;
            }
            let function = tool.get("function").filter(|function| !function.is_null());
            let function = function
                .ok_or_else(|| ConvertError::new("Cannot read properties of undefined (reading 'name')"))?;
            let parameters = function.get("parameters").cloned();
            let parameters = parameters
                .map(|parameters| schema::flatten(parameters, &[]))
                .transpose()?;
            let mut made = Overlay::default();
            made.set("name", function.get("name").cloned());
            made.set("description", function.get("description").cloned());
            made.set("input_schema", parameters);
            tools.push(Value::Object(made.into_map()));
        }
        let claude = &self.settings.claude;
        if let Some(last) = tools.last_mut().filter(|_| claude.system_prompt_cache) {
            last["cache_control"] = claude.cache_control();
        }
        self.fields.set("tools", Some(tools.into()));
        Ok(())
    }

    /// Structured output: a tool that has to be used, except where the API knows better.
    fn set_schema(&mut self) {
        let Some(wanted) = self.truthy("json_schema") else {
            return;
        };
        let mut made = Overlay::default();
        if self.traits.has_json_output {
            made.set("type", Some("json_schema".into()));
            made.set("schema", wanted.get("value").cloned());
            self.fields
                .set("output_config", Some(json!({ "format": made.into_map() })));
            return;
        }
        let description = wanted
            .get("description")
            .filter(|text| js::is_truthy(Some(text)))
            .cloned();
        made.set("name", wanted.get("name").cloned());
        made.set(
            "description",
            Some(description.unwrap_or_else(|| "Well-formed JSON object".into())),
        );
        made.set("input_schema", wanted.get("value").cloned());
        let mut tools = self.tools();
        tools.push(made.into_map().into());
        self.fields.set("tools", Some(tools.into()));
        let mut choice = json!({ "type": "tool" });
        if let Some(name) = wanted.get("name") {
            choice["name"] = name.clone();
        }
        self.fields.set("tool_choice", Some(choice));
    }

    fn set_web_search(&mut self) {
        if self.traits.can_search && self.truthy("enable_web_search").is_some() {
            let mut tools = self.tools();
            tools.insert(0, json!({ "type": "web_search_20250305", "name": "web_search" }));
            self.fields.set("tools", Some(tools.into()));
        }
    }

    fn tools(&self) -> Vec<Value> {
        let tools = self.fields.get("tools").and_then(Value::as_array);
        tools.cloned().unwrap_or_default()
    }

    fn drop_sampling(&mut self) {
        if self.traits.has_limited_sampling {
            let is_top_p = js::to_number(self.fields.get("top_p")) < 1.0;
            self.fields.remove(if is_top_p { "temperature" } else { "top_p" });
        }
        if self.traits.takes_no_sampling {
            self.drop_all(&["temperature", "top_p", "top_k"]);
        }
    }

    fn drop_all(&mut self, fields: &[&str]) {
        fields.iter().for_each(|field| self.fields.remove(field));
    }

    /// Whether the request asks for thinking.
    fn set_thinking(&mut self) -> bool {
        if !self.traits.can_think {
            return false;
        }
        let effort = self.body.get("reasoning_effort").and_then(Value::as_str);
        let shows = self.truthy("include_reasoning").is_some();
        let length = js::to_number(self.fields.get("max_tokens"));
        let is_stream = self.truthy("stream").is_some();
        match Budget::of(effort, length, is_stream, self.traits.is_adaptive) {
            Budget::Effort(level) => {
                let mut thinking = json!({ "type": "adaptive" });
                if self.traits.takes_no_sampling && shows {
                    thinking["display"] = "summarized".into();
                }
                self.fields.set("thinking", Some(thinking));
                self.set_effort(level.into());
                self.drop_all(&["top_k"]);
            }
            Budget::Unset if self.traits.thinks_always && effort == Some("auto") && shows => {
                let thinking = json!({ "type": "adaptive", "display": "summarized" });
                self.fields.set("thinking", Some(thinking));
            }
            Budget::Tokens(tokens) if !tokens.is_nan() => {
                if length <= SMALLEST_BUDGET {
                    let longer = js::from_number(length + SMALLEST_BUDGET);
                    self.fields.set("max_tokens", Some(longer));
                }
                let thinking = json!({ "type": "enabled", "budget_tokens": js::from_number(tokens) });
                self.fields.set("thinking", Some(thinking));
                self.drop_all(&["temperature", "top_p", "top_k"]);
            }
            Budget::Unset | Budget::Tokens(_) => return false,
        }
        true
    }

    fn set_effort(&mut self, effort: Value) {
        let mut config = self
            .fields
            .get("output_config")
            .cloned()
            .unwrap_or_else(|| json!({}));
        config["effort"] = effort;
        self.fields.set("output_config", Some(config));
    }

    /// An answer that is begun cannot be thought about, and newer models refuse it altogether.
    fn fix_prefill(&mut self, is_thinking: bool) {
        if let Some(last) = self.messages.last_mut()
            && (is_thinking || self.traits.refuses_prefill)
            && last.get("role").and_then(Value::as_str) == Some("assistant")
        {
            last["role"] = "user".into();
        }
    }

    fn set_verbosity(&mut self) {
        let config = self.fields.get("output_config");
        let has_effort = js::is_truthy(config.and_then(|config| config.get("effort")));
        if let Some(verbosity) = self
            .truthy("verbosity")
            .filter(|_| self.traits.takes_effort && !has_effort)
        {
            self.beta.push_str(",effort-2025-11-24");
            self.set_effort(verbosity.clone());
        }
    }
}

/// The reply in OpenAI's shape with Anthropic's content beside it; `None` when it cannot be read.
pub(super) fn reply(text: &str) -> Option<Value> {
    let answer = squaretable_compat::json::parse(text.as_bytes()).ok()?;
    if answer.is_null() {
        return None;
    }
    let said = answer
        .pointer("/content/0/text")
        .filter(|text| js::is_truthy(Some(text)))
        .cloned();
    let said = said.unwrap_or_else(|| "".into());
    let mut reply = json!({ "choices": [{ "message": { "content": said } }] });
    if let Some(content) = answer.get("content") {
        reply["content"] = content.clone();
    }
    Some(reply)
}

#[cfg(test)]
#[path = "claude_tests.rs"]
mod tests;

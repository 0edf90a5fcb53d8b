//! Marks that tell Anthropic's models how far a prompt can be cached.

use serde_json::{Value, json};

use super::ConvertError;
use crate::config::upstream::ClaudeConfig;

impl ClaudeConfig {
    /// How long a cached prompt lives, as Anthropic spells it.
    #[must_use]
    pub fn cache_ttl(&self) -> &'static str {
        if self.extended_ttl { "1h" } else { "5m" }
    }

    /// A cache mark.
    #[must_use]
    pub fn cache_control(&self) -> Value {
        json!({ "type": "ephemeral", "ttl": self.cache_ttl() })
    }
}

/// Marks the system prompt and the depth, as the configuration says, in OpenAI-shaped messages for Claude.
///
/// # Errors
/// When a message is not an object, or a part to be marked is none.
pub fn mark_relayed_claude(messages: &mut [Value], config: &ClaudeConfig) -> Result<(), ConvertError> {
    let is_off = !config.system_prompt_cache && config.caching_at_depth.is_none();
    if !is_off && messages.iter().any(Value::is_null) {
        return Err(ConvertError::new(
            "Cannot read properties of null (reading 'role')",
        ));
    }
    let control = config.cache_control();
    if config.system_prompt_cache {
        mark_system_prompt(messages, Some(&control));
    }
    let Some(depth) = config.caching_at_depth else {
        return Ok(());
    };
    for at in turns_at(messages, depth, true) {
        let Some(content) = messages[at].get_mut("content") else {
            continue;
        };
        match content {
            Value::String(text) => {
                let text = std::mem::take(text);
                *content = json!([{ "type": "text", "text": text, "cache_control": control }]);
            }
            Value::Array(parts) if !parts.is_empty() => mark_last(parts, &control)?,
            _ => {}
        }
    }
    Ok(())
}

/// Marks a depth in messages that are in Anthropic's own shape.
///
/// # Errors
/// When a message to be marked has no part, or its last one is not an object.
pub fn mark_claude(messages: &mut [Value], config: &ClaudeConfig) -> Result<(), ConvertError> {
    let Some(depth) = config.caching_at_depth else {
        return Ok(());
    };
    let control = config.cache_control();
    for at in turns_at(messages, depth, false) {
        match messages[at].get_mut("content") {
            Some(Value::Array(parts)) => mark_last(parts, &control)?,
            _ => return Err(ConvertError::new("A message has no parts")),
        }
    }
    Ok(())
}

fn mark_last(parts: &mut [Value], control: &Value) -> Result<(), ConvertError> {
    match parts.last_mut() {
        Some(Value::Object(part)) => {
            part.insert("cache_control".to_owned(), control.clone());
            Ok(())
        }
        _ => Err(ConvertError::new("A message has no parts")),
    }
}

/// The messages that begin, seen from the end, the turn at `depth` and the one two turns further back.
///
/// An answer at the very end, which is to be continued, is no turn.
fn turns_at(messages: &[Value], depth: u32, skips_system: bool) -> Vec<usize> {
    let role = |message: &Value| message.get("role").cloned().unwrap_or_default();
    let backwards = messages
        .iter()
        .enumerate()
        .rev()
        .skip_while(|(_, message)| role(message) == "assistant")
        .filter(|(_, message)| !skips_system || role(message) != "system");
    let mut found = Vec::new();
    let (mut turn, mut previous) = (0, Value::from(""));
    for (at, message) in backwards {
        if role(message) == previous {
            continue;
        }
        if turn == depth || turn == depth + 2 {
            found.push(at);
        }
        if turn == depth + 2 {
            break;
        }
        turn += 1;
        previous = role(message);
    }
    found
}

/// Marks the last text of the first system message, unless something in it is marked already; `None` is a mark
/// without a lifetime.
pub fn mark_system_prompt(messages: &mut [Value], control: Option<&Value>) {
    let control = control.cloned().unwrap_or_else(|| json!({ "type": "ephemeral" }));
    let is_marked = |value: &Value| crate::providers::js::is_truthy(value.get("cache_control"));
    let Some(message) = messages
        .iter_mut()
        .find(|message| message.get("role").and_then(Value::as_str) == Some("system"))
    else {
        return;
    };
    if is_marked(message) {
        return;
    }
    match message.get_mut("content") {
        Some(Value::Array(parts)) if !parts.iter().any(is_marked) => {
            let is_text = |part: &&mut Value| part.get("type").and_then(Value::as_str) == Some("text");
            if let Some(part) = parts.iter_mut().rev().find(is_text) {
                part["cache_control"] = control;
            }
        }
        Some(content @ Value::String(_)) => {
            let text = content.take();
            *content = json!([{ "type": "text", "text": text, "cache_control": control }]);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ClaudeConfig, mark_claude, mark_relayed_claude};

    fn config(depth: Option<u32>, system: bool) -> ClaudeConfig {
        ClaudeConfig {
            system_prompt_cache: system,
            caching_at_depth: depth,
            ..ClaudeConfig::default()
        }
    }

    fn marked(messages: &Value) -> Vec<usize> {
        let list = messages.as_array().unwrap().iter().enumerate();
        list.filter(|(_, message)| message.to_string().contains("cache_control"))
            .map(|(at, _)| at)
            .collect()
    }

    fn prompt(roles: &[&str]) -> Value {
        let message = |role: &&str| json!({ "role": role, "content": [{ "type": "text", "text": "x" }] });
        roles.iter().map(message).collect()
    }

    #[test]
    fn marks_two_turns_and_leaves_a_prefill() {
        let roles = [
            "user",
            "assistant",
            "user",
            "user",
            "assistant",
            "user",
            "assistant",
        ];
        for (depth, expected) in [(0, vec![3, 5]), (1, vec![1, 4]), (2, vec![0, 3]), (9, vec![])] {
            let mut messages = prompt(&roles);
            mark_claude(messages.as_array_mut().unwrap(), &config(Some(depth), false)).unwrap();
            assert_eq!(marked(&messages), expected, "depth {depth}");
        }
        let mut empty = json!([{ "role": "user", "content": [] }]);
        assert!(mark_claude(empty.as_array_mut().unwrap(), &config(Some(0), false)).is_err());
    }

    #[test]
    fn skips_system_messages_where_claude_is_relayed() {
        let mut messages = prompt(&["system", "user", "system", "assistant", "system", "user"]);
        mark_relayed_claude(messages.as_array_mut().unwrap(), &config(Some(0), true)).unwrap();
        assert_eq!(marked(&messages), [0, 1, 5]);
        let mut text = json!([{ "role": "system", "content": "s" }, { "role": "user", "content": "u" }]);
        mark_relayed_claude(text.as_array_mut().unwrap(), &config(Some(0), true)).unwrap();
        let part =
            json!([{ "type": "text", "text": "u", "cache_control": { "type": "ephemeral", "ttl": "5m" } }]);
        assert_eq!(text[1]["content"], part);
    }
}

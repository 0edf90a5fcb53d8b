//! Anthropic's prompts: parts instead of text, alternating turns, the system prompt apart.

use serde_json::{Value, json};
use squaretable_compat::json::{is_js_space, parse, to_vec};

use super::ConvertError;
use super::merge::PromptNames;
use super::message::{self, Message, from_user, has_role, prefix_example, set};
use crate::providers::js;

/// Stands for an empty text, which the API refuses.
const ZERO_WIDTH_SPACE: &str = "\u{200b}";

/// A converted prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaudePrompt {
    /// Messages of alternating roles, their content in parts.
    pub messages: Vec<Value>,
    /// Parts of the system prompt.
    pub system: Vec<Value>,
}

/// How to convert a prompt.
#[derive(Debug, Clone, Copy)]
pub struct ClaudeOptions<'a> {
    /// Start of the answer, if any.
    pub prefill: Option<&'a Value>,
    /// System messages at the start become the system prompt; all others become the user's.
    pub has_system_prompt: bool,
    /// Tool calls and results stay what they are instead of becoming text.
    pub has_tools: bool,
    /// The user's message of a prompt that would have none.
    pub placeholder: &'a str,
}

/// Converts messages.
///
/// # Errors
/// When `messages` is no list, a message is no object, or its content or tool calls cannot be read.
pub fn messages(
    messages: Option<Value>,
    names: &PromptNames,
    options: ClaudeOptions<'_>,
) -> Result<ClaudePrompt, ConvertError> {
    let mut messages = message::list(messages)?;
    let mut system = Vec::new();
    if options.has_system_prompt {
        let leading = messages
            .iter()
            .take_while(|message| has_role(message, "system"))
            .count();
        for mut message in messages.drain(..leading) {
            prefix_example(&mut message, names)?;
            system.push(text_part(message.get("content")));
        }
        if messages.is_empty() {
            messages.push(from_user(options.placeholder));
        }
    }
    for message in &mut messages {
        convert(message, names)?;
    }
    move_images(&mut messages)?;
    if let Some(prefill) = options.prefill.filter(|prefill| js::is_truthy(Some(prefill))) {
        let Some(text) = prefill.as_str() else {
            return Err(ConvertError::new("prefillString.trimEnd is not a function"));
        };
        let mut message = from_user("");
        set(&mut message, "role", "assistant");
        set(
            &mut message,
            "content",
            json!([{ "type": "text", "text": text.trim_end_matches(is_js_space) }]),
        );
        messages.push(message);
    }
    let mut merged = merge(messages)?;
    if !options.has_tools {
        for message in &mut merged {
            parts_of(message)?.iter_mut().try_for_each(tool_to_text)?;
        }
    }
    Ok(ClaudePrompt {
        messages: merged.into_iter().map(Value::Object).collect(),
        system,
    })
}

/// A part of text, without text where there is none.
fn text_part(text: Option<&Value>) -> Value {
    let mut part = json!({ "type": "text" });
    if let Some(text) = text {
        part["text"] = text.clone();
    }
    part
}

fn convert(message: &mut Message, names: &PromptNames) -> Result<(), ConvertError> {
    if has_role(message, "assistant") && js::is_truthy(message.get("tool_calls")) {
        let uses = tool_uses(message.get("tool_calls"))?;
        set(message, "content", uses);
    }
    if has_role(message, "tool") {
        set(message, "role", "user");
        let mut result = json!({ "type": "tool_result" });
        for (key, field) in [("tool_use_id", "tool_call_id"), ("content", "content")] {
            if let Some(value) = message.get(field) {
                result[key] = value.clone();
            }
        }
        set(message, "content", json!([result]));
    }
    if has_role(message, "system") {
        prefix_example(message, names)?;
        set(message, "role", "user");
        message.shift_remove("name");
    }
    let name = message.get("name").filter(|name| js::is_truthy(Some(name)));
    let name = name.map(|name| js::to_text(Some(name)));
    let named = |text: String| match &name {
        Some(name) => format!("{name}: {text}"),
        None => text,
    };
    match message.get_mut("content") {
        Some(Value::String(text)) => {
            let text = named(std::mem::take(text));
            set(message, "content", json!([{ "type": "text", "text": text }]));
        }
        Some(Value::Array(parts)) => {
            for part in parts {
                convert_part(part, &named, name.is_some())?;
            }
        }
        _ => {}
    }
    for key in ["name", "tool_calls", "tool_call_id"] {
        message.shift_remove(key);
    }
    Ok(())
}

fn tool_uses(calls: Option<&Value>) -> Result<Value, ConvertError> {
    let Some(Value::Array(calls)) = calls else {
        return Err(ConvertError::new("message.tool_calls.map is not a function"));
    };
    let uses = calls.iter().map(|call| {
        let function = call
            .get("function")
            .filter(|function| !function.is_null())
            .ok_or_else(|| ConvertError::new("Cannot read properties of undefined (reading 'name')"))?;
        let input = match function.get("arguments") {
            Some(Value::String(text)) => {
                let parsed = parse(text.as_bytes());
                Some(parsed.map_err(|error| ConvertError::new(error.to_string()))?)
            }
            other => other.cloned(),
        };
        let mut made = json!({ "type": "tool_use" });
        for (key, value) in [
            ("id", call.get("id").cloned()),
            ("name", function.get("name").cloned()),
            ("input", input),
        ] {
            if let Some(value) = value {
                made[key] = value;
            }
        }
        Ok(made)
    });
    uses.collect()
}

fn convert_part(
    part: &mut Value,
    named: &impl Fn(String) -> String,
    has_name: bool,
) -> Result<(), ConvertError> {
    if part.is_null() {
        return Err(ConvertError::new(
            "Cannot read properties of null (reading 'type')",
        ));
    }
    match part.get("type").and_then(Value::as_str) {
        Some("image_url") => *part = image(part.pointer("/image_url/url"))?,
        Some("text") => {
            let text = part.get("text");
            let text = if has_name {
                Some(Value::from(named(js::to_text(text))))
            } else {
                text.filter(|text| js::is_truthy(Some(text))).cloned()
            };
            *part = json!({ "type": "text", "text": text.unwrap_or_else(|| ZERO_WIDTH_SPACE.into()) });
        }
        _ => {}
    }
    Ok(())
}

/// An image from a data URL; of any other address, whatever stands in the places of media type and data.
fn image(url: Option<&Value>) -> Result<Value, ConvertError> {
    let mut source = json!({ "type": "base64" });
    match url {
        Some(Value::String(url)) => {
            let kind = url.split(';').next().and_then(|start| start.split(':').nth(1));
            if let Some(kind) = kind {
                source["media_type"] = kind.into();
            }
            if let Some(data) = url.split(',').nth(1) {
                source["data"] = data.into();
            }
        }
        None | Some(Value::Null) => {}
        Some(_) => return Err(ConvertError::new("imageData.split is not a function")),
    }
    Ok(json!({ "type": "image", "source": source }))
}

fn parts_of(message: &mut Message) -> Result<&mut Vec<Value>, ConvertError> {
    match message.get_mut("content") {
        Some(Value::Array(parts)) => Ok(parts),
        _ => Err(ConvertError::new("A message has no content")),
    }
}

fn is_image(part: &Value) -> bool {
    part.get("type").and_then(Value::as_str) == Some("image")
}

/// Images of the assistant's go to the user's next message, which is made where there is none.
fn move_images(messages: &mut Vec<Message>) -> Result<(), ConvertError> {
    let mut at = 0;
    while at < messages.len() {
        if has_role(&messages[at], "assistant") && parts_of(&mut messages[at])?.iter().any(is_image) {
            let after = messages[at + 1..]
                .iter()
                .position(|message| has_role(message, "user"));
            let target = after.map_or(messages.len(), |found| at + 1 + found);
            if after.is_none() {
                let mut message = from_user("");
                set(&mut message, "content", json!([]));
                messages.insert(at + 1, message);
            }
            let parts = parts_of(&mut messages[at])?;
            let (images, rest) = std::mem::take(parts).into_iter().partition(is_image);
            *parts = rest;
            let images: Vec<Value> = images;
            // compat: with only the assistant's messages after this one, the last of them gets the images first.
            parts_of(&mut messages[target])?.extend(images);
        }
        at += 1;
    }
    Ok(())
}

fn merge(messages: Vec<Message>) -> Result<Vec<Message>, ConvertError> {
    let mut merged: Vec<Message> = Vec::with_capacity(messages.len());
    for mut message in messages {
        match merged.last_mut() {
            Some(last) if last.get("role") == message.get("role") => {
                let parts = std::mem::take(parts_of(&mut message)?);
                parts_of(last)?.extend(parts);
            }
            _ => merged.push(message),
        }
    }
    Ok(merged)
}

/// A call or a result as text, for a request without tools.
fn tool_to_text(part: &mut Value) -> Result<(), ConvertError> {
    if part.is_null() {
        return Err(ConvertError::new(
            "Cannot read properties of null (reading 'type')",
        ));
    }
    let text = match part.get("type").and_then(Value::as_str) {
        Some("tool_use") => part
            .get("input")
            .map(|input| String::from_utf8_lossy(&to_vec(input)).into_owned().into()),
        Some("tool_result") => part.get("content").cloned(),
        _ => return Ok(()),
    };
    if let Some(fields) = part.as_object_mut() {
        set(fields, "type", "text");
        for key in ["id", "name", "input", "tool_use_id", "content"] {
            fields.shift_remove(key);
        }
        if let Some(text) = text {
            set(fields, "text", text);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "claude_tests.rs"]
mod tests;

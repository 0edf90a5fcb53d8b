//! Google's prompts: parts instead of text, `user` and `model` in turns, the system instruction apart.

use std::collections::HashMap;

use serde_json::{Value, json};
use squaretable_compat::json::parse;

use super::ConvertError;
use super::merge::PromptNames;
use super::message::{self, Message, has_role, prefix_example, starts_with_name};
use crate::providers::js;

/// Satisfies the check for a signature that nobody has.
const SKIP_SIGNATURE: &str = "skip_thought_signature_validator";

/// Models that refuse sampling parameters and an answer that is already begun.
#[must_use]
pub fn is_strict_model(model: &str) -> bool {
    ["gemini-3.6-flash", "gemini-3.7-flash", "gemini-3.5-flash-lite"]
        .iter()
        .any(|name| model.contains(name))
}

/// A converted prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct GooglePrompt {
    /// `contents`.
    pub contents: Vec<Value>,
    /// Parts of the system instruction.
    pub system: Vec<Value>,
}

/// How to convert a prompt.
#[derive(Debug, Clone, Copy)]
pub struct GoogleOptions<'a> {
    /// The model's name.
    pub model: &'a str,
    /// System messages at the start become the system instruction, as long as one message is left.
    pub has_system_prompt: bool,
    /// Stored signatures of thoughts are sent.
    pub sends_signatures: bool,
}

/// Converts messages.
///
/// # Errors
/// When `messages` is no list, a message is no object, or a name meets content that is no text.
pub fn contents(
    messages: Option<Value>,
    names: &PromptNames,
    options: GoogleOptions<'_>,
) -> Result<GooglePrompt, ConvertError> {
    let mut messages = message::list(messages)?;
    let mut system = Vec::new();
    if options.has_system_prompt {
        let leading = messages
            .iter()
            .take_while(|message| has_role(message, "system"))
            .count();
        let leading = leading.min(messages.len().saturating_sub(1));
        for mut message in messages.drain(..leading) {
            prefix_example(&mut message, names)?;
            system.push(match message.get("content") {
                Some(text) => json!({ "text": text }),
                None => json!({}),
            });
        }
    }
    let mut converter = Converter {
        options,
        names,
        tool_names: HashMap::new(),
    };
    let mut turns = Turns::default();
    let count = messages.len();
    for (at, message) in messages.into_iter().enumerate() {
        let role = match message.get("role").and_then(Value::as_str) {
            Some("system" | "tool") => Some("user".into()),
            Some("assistant") if is_strict_model(options.model) && at + 1 == count => Some("user".into()),
            Some("assistant") => Some("model".into()),
            _ => message.get("role").cloned(),
        };
        let parts = converter.parts(message, role.as_ref())?;
        turns.push(role, parts);
    }
    Ok(GooglePrompt {
        contents: turns.into_contents(),
        system,
    })
}

struct Converter<'a> {
    options: GoogleOptions<'a>,
    names: &'a PromptNames,
    tool_names: HashMap<String, Value>,
}

impl Converter<'_> {
    fn parts(&mut self, mut message: Message, role: Option<&Value>) -> Result<Vec<Value>, ConvertError> {
        let name = message
            .shift_remove("name")
            .filter(|name| js::is_truthy(Some(name)));
        let mut parts = Vec::new();
        match message.shift_remove("content") {
            Some(Value::Array(list)) => {
                for mut part in list {
                    if part.is_null() {
                        return Err(ConvertError::new(
                            "Cannot read properties of null (reading 'type')",
                        ));
                    }
                    if let Some(name) = &name {
                        self.prefix(&mut part, name)?;
                    }
                    self.convert(&part, &mut parts)?;
                }
            }
            content => self.plain(&message, content.as_ref(), name.as_ref(), &mut parts)?,
        }
        self.sign(&mut parts, message.get("signature"), role);
        Ok(parts)
    }

    /// Content that is not in parts: calls, a result, or text.
    fn plain(
        &mut self,
        message: &Message,
        content: Option<&Value>,
        name: Option<&Value>,
        parts: &mut Vec<Value>,
    ) -> Result<(), ConvertError> {
        let text = content
            .filter(|content| !content.is_null())
            .map(|content| js::to_text(Some(content)))
            .unwrap_or_default();
        let calls = message.get("tool_calls").and_then(Value::as_array);
        if let Some(calls) = calls.filter(|calls| !calls.is_empty()) {
            return calls.iter().try_for_each(|call| self.call(call, parts));
        }
        let result = message.get("tool_call_id").and_then(Value::as_str);
        if let Some(id) = result.filter(|id| !id.is_empty()) {
            let name = self
                .tool_names
                .get(id)
                .cloned()
                .unwrap_or_else(|| "unknown".into());
            parts.push(json!({ "functionResponse": { "name": name, "response": { "name": name, "content": text } } }));
            return Ok(());
        }
        let mut part = json!({ "type": "text", "text": text });
        if let Some(name) = name {
            self.prefix(&mut part, name)?;
        }
        self.convert(&part, parts)
    }

    fn prefix(&self, part: &mut Value, name: &Value) -> Result<(), ConvertError> {
        if part.get("type").and_then(Value::as_str) != Some("text") {
            return Ok(());
        }
        let (speaker, others): (String, &[String]) = match name.as_str() {
            Some("example_user") => (self.names.user.clone(), &[]),
            Some("example_assistant") => (self.names.character.clone(), &self.names.group),
            _ => (js::to_text(Some(name)), &[]),
        };
        let is_example = matches!(name.as_str(), Some("example_user" | "example_assistant"));
        if is_example && speaker.is_empty() {
            return Ok(());
        }
        let text = part.get("text").and_then(Value::as_str);
        let text = text.ok_or_else(|| ConvertError::new("part.text.startsWith is not a function"))?;
        if !starts_with_name(text, &speaker) && !others.iter().any(|other| starts_with_name(text, other)) {
            part["text"] = format!("{speaker}: {text}").into();
        }
        Ok(())
    }

    fn call(&mut self, call: &Value, parts: &mut Vec<Value>) -> Result<(), ConvertError> {
        let function = call
            .get("function")
            .filter(|function| !function.is_null())
            .ok_or_else(|| ConvertError::new("Cannot read properties of undefined (reading 'name')"))?;
        let name = function.get("name");
        let arguments = function.get("arguments").map(|arguments| {
            let parsed = parse(js::to_text(Some(arguments)).as_bytes()).ok();
            parsed
                .filter(|parsed| !parsed.is_null())
                .unwrap_or_else(|| arguments.clone())
        });
        let mut made = json!({});
        if let Some(name) = name {
            made["name"] = name.clone();
        }
        if let Some(arguments) = arguments {
            made["args"] = arguments;
        }
        let mut part = json!({ "functionCall": made });
        if let Some(signature) = call.get("signature").filter(|text| js::is_truthy(Some(text))) {
            part["thoughtSignature"] = signature.clone();
        }
        parts.push(part);
        if let Some(name) = name {
            self.tool_names.insert(js::to_text(call.get("id")), name.clone());
        }
        Ok(())
    }

    fn convert(&self, part: &Value, parts: &mut Vec<Value>) -> Result<(), ConvertError> {
        let media = |kind: &str| {
            (
                part.pointer(&format!("/{kind}/url")),
                part.pointer(&format!("/{kind}/detail")),
            )
        };
        match part.get("type").and_then(Value::as_str) {
            Some("text") => parts.push(match part.get("text") {
                Some(text) => json!({ "text": text }),
                None => json!({}),
            }),
            Some("image_url") => self.inline(media("image_url"), "image/png", parts)?,
            Some("video_url") => self.inline(media("video_url"), "video/mp4", parts)?,
            Some("audio_url") => self.inline((media("audio_url").0, None), "audio/mpeg", parts)?,
            _ => {}
        }
        Ok(())
    }

    /// A data URL's content; other addresses are left out.
    fn inline(
        &self,
        (url, detail): (Option<&Value>, Option<&Value>),
        default_type: &str,
        parts: &mut Vec<Value>,
    ) -> Result<(), ConvertError> {
        let Some(url) = url.filter(|url| js::is_truthy(Some(url))) else {
            return Ok(());
        };
        let url = url
            .as_str()
            .ok_or_else(|| ConvertError::new("url.startsWith is not a function"))?;
        let Some(rest) = url.strip_prefix("data:") else {
            return Ok(());
        };
        let mut pieces = rest.split(',');
        let header = pieces.next().unwrap_or_default();
        let kind = header.split(';').next().filter(|kind| !kind.is_empty());
        let mut data = json!({ "mimeType": kind.unwrap_or(default_type) });
        if let Some(bytes) = pieces.next() {
            data["data"] = bytes.into();
        }
        let mut part = json!({ "inlineData": data });
        let level = match detail.and_then(Value::as_str) {
            Some("low") => Some("media_resolution_low"),
            Some("high") => Some("media_resolution_high"),
            _ => None,
        };
        if let Some(level) = level.filter(|_| self.options.model.contains("gemini-3")) {
            part["mediaResolution"] = json!({ "level": level });
        }
        parts.push(part);
        Ok(())
    }

    /// Gives parts the stored signature, or lets newer models do without one.
    fn sign(&self, parts: &mut [Value], signature: Option<&Value>, role: Option<&Value>) {
        let model = self.options.model;
        let is_third = model.contains("gemini-3");
        if !is_third && !model.contains("gemini-2.5") {
            return;
        }
        let stored = signature.filter(|text| self.options.sends_signatures && js::is_truthy(Some(text)));
        let is_drawn = model.contains("-image") && role.and_then(Value::as_str) == Some("model");
        for part in parts {
            let is_text = part.get("text").is_some_and(Value::is_string);
            if let Some(stored) = stored.filter(|_| is_text) {
                part["thoughtSignature"] = stored.clone();
            } else if is_third {
                let is_unsigned_call =
                    part.get("functionCall").is_some() && part.get("thoughtSignature").is_none();
                if is_unsigned_call || is_drawn && (is_text || part.get("inlineData").is_some()) {
                    part["thoughtSignature"] = SKIP_SIGNATURE.into();
                }
            }
        }
    }
}

/// Turns under construction. Parts are kept apart from the turns since one of them can be in a turn twice.
#[derive(Default)]
struct Turns {
    parts: Vec<Value>,
    turns: Vec<(Option<Value>, Vec<usize>)>,
}

impl Turns {
    /// Adds a message; one of the same role as the last goes into it, its texts to the end of the first text there.
    fn push(&mut self, role: Option<Value>, parts: Vec<Value>) {
        let Some((_, last)) = self.turns.last_mut().filter(|(last, _)| *last == role) else {
            let start = self.parts.len();
            self.parts.extend(parts);
            self.turns.push((role, (start..self.parts.len()).collect()));
            return;
        };
        for part in parts {
            let at = self.parts.len();
            if js::is_truthy(part.get("text")) {
                let is_text = |at: &&usize| self.parts[**at].get("text").is_some_and(Value::is_string);
                match last.iter().find(is_text).copied() {
                    Some(first) => {
                        let joined = format!(
                            "{}\n\n{}",
                            js::to_text(self.parts[first].get("text")),
                            js::to_text(part.get("text"))
                        );
                        self.parts[first]["text"] = joined.into();
                    }
                    None => last.push(at),
                }
            }
            // compat: a signed text is joined, and stands on its own as well.
            const OWN: [&str; 5] = [
                "inlineData",
                "functionCall",
                "functionResponse",
                "thoughtSignature",
                "mediaResolution",
            ];
            if OWN.iter().any(|key| js::is_truthy(part.get(key))) {
                last.push(at);
            }
            self.parts.push(part);
        }
    }

    fn into_contents(self) -> Vec<Value> {
        let Self { parts, turns } = self;
        let content = |(role, indices): (Option<Value>, Vec<usize>)| {
            let parts: Vec<Value> = indices.into_iter().map(|at| parts[at].clone()).collect();
            match role {
                Some(role) => json!({ "role": role, "parts": parts }),
                None => json!({ "parts": parts }),
            }
        };
        turns.into_iter().map(content).collect()
    }
}

#[cfg(test)]
#[path = "google_tests.rs"]
mod tests;

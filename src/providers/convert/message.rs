//! One message of a prompt, read and changed by JavaScript's rules.

use serde_json::{Map, Value};

use super::ConvertError;
use super::merge::PromptNames;

/// A message's fields in their order.
pub(super) type Message = Map<String, Value>;

/// The messages of a prompt; their converters visit them with `forEach`, which is what a prompt that is no list lacks.
pub(super) fn list(messages: Option<Value>) -> Result<Vec<Message>, ConvertError> {
    match messages {
        Some(Value::Array(messages)) => messages.into_iter().map(object).collect(),
        None => Err(ConvertError::new(
            "Cannot read properties of undefined (reading 'forEach')",
        )),
        Some(Value::Null) => Err(ConvertError::new(
            "Cannot read properties of null (reading 'forEach')",
        )),
        Some(_) => Err(ConvertError::new("messages.forEach is not a function")),
    }
}

fn object(message: Value) -> Result<Message, ConvertError> {
    match message {
        Value::Object(fields) => Ok(fields),
        Value::Null => Err(ConvertError::new(
            "Cannot read properties of null (reading 'role')",
        )),
        _ => Err(ConvertError::new("A message is not an object")),
    }
}

/// Whether the message has this role.
pub(super) fn has_role(message: &Message, role: &str) -> bool {
    message.get("role").and_then(Value::as_str) == Some(role)
}

/// Sets a field in its place, or at the end.
pub(super) fn set(message: &mut Message, key: &str, value: impl Into<Value>) {
    message.insert(key.to_owned(), value.into());
}

/// A message of the user's.
pub(super) fn from_user(text: &str) -> Message {
    let mut message = Message::new();
    set(&mut message, "role", "user");
    set(&mut message, "content", text);
    message
}

/// Starts the content with `name: ` unless it starts so already, with `name` or one of `others`.
///
/// # Errors
/// When the content is no text.
pub(super) fn prefix(message: &mut Message, name: &str, others: &[String]) -> Result<(), ConvertError> {
    let text = match message.get("content") {
        Some(Value::String(text)) => text,
        None => {
            return Err(ConvertError::new(
                "Cannot read properties of undefined (reading 'startsWith')",
            ));
        }
        Some(Value::Null) => {
            return Err(ConvertError::new(
                "Cannot read properties of null (reading 'startsWith')",
            ));
        }
        Some(_) => return Err(ConvertError::new("msg.content.startsWith is not a function")),
    };
    if starts_with_name(text, name) || others.iter().any(|other| starts_with_name(text, other)) {
        return Ok(());
    }
    let prefixed = format!("{name}: {text}");
    set(message, "content", prefixed);
    Ok(())
}

/// Whether a text starts with `name: `.
pub(super) fn starts_with_name(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|rest| rest.starts_with(": "))
}

/// Puts the speaker before an example of dialogue, which its message names as `example_user` or `example_assistant`.
///
/// # Errors
/// When the content of an example is no text.
pub(super) fn prefix_example(message: &mut Message, names: &PromptNames) -> Result<(), ConvertError> {
    match message.get("name").and_then(Value::as_str) {
        Some("example_user") if !names.user.is_empty() => prefix(message, &names.user, &[]),
        Some("example_assistant") if !names.character.is_empty() => {
            prefix(message, &names.character, &names.group)
        }
        _ => Ok(()),
    }
}

//! Mistral's prompts: short tool ids, no user right after a tool, no system message after an assistant's.

use serde_json::Value;
use sha2::{Digest, Sha512};

use super::ConvertError;
use super::ai21::append;
use super::merge::PromptNames;
use super::message::{self, Message, has_role, prefix, prefix_example, set};
use crate::providers::js;

/// Characters of a tool call's id that Mistral takes.
const ID_LENGTH: usize = 9;

/// Converts the messages; with `is_prefix_on`, an assistant's message at the end is one to be continued.
///
/// What is no list becomes an empty one.
///
/// # Errors
/// When a message is no object, a tool call's id is no text, or content that needs a prefix is no text.
pub fn messages(
    messages: Option<Value>,
    names: &PromptNames,
    is_prefix_on: bool,
) -> Result<Value, ConvertError> {
    if !messages.as_ref().is_some_and(Value::is_array) {
        return Ok(Value::Array(Vec::new()));
    }
    let mut messages = message::list(messages)?;
    if let Some(last) = messages
        .last_mut()
        .filter(|last| is_prefix_on && has_role(last, "assistant"))
    {
        set(last, "prefix", true);
    }
    for message in &mut messages {
        shorten_ids(message)?;
        prefix_names(message, names)?;
    }
    while join_users_around_tools(&mut messages) {}
    for at in 1..messages.len() {
        if has_role(&messages[at - 1], "assistant") && has_role(&messages[at], "system") {
            set(&mut messages[at], "role", "user");
        }
    }
    Ok(messages.into_iter().map(Value::Object).collect())
}

fn shorten_ids(message: &mut Message) -> Result<(), ConvertError> {
    if let Some(Value::Array(calls)) = message.get_mut("tool_calls") {
        for call in calls {
            let id = short_id(call.get("id"))?;
            if let Some(call) = call.as_object_mut() {
                set(call, "id", id);
            }
        }
    }
    if has_role(message, "tool") && message.contains_key("tool_call_id") {
        let id = short_id(message.get("tool_call_id"))?;
        set(message, "tool_call_id", id);
    }
    Ok(())
}

/// The same short id for a call and for its result.
fn short_id(id: Option<&Value>) -> Result<String, ConvertError> {
    let id = id
        .and_then(Value::as_str)
        .ok_or_else(|| ConvertError::new("The id of a tool call is not a text"))?;
    let mut digest = hex::encode(Sha512::digest(id.as_bytes()));
    digest.truncate(ID_LENGTH);
    Ok(digest)
}

fn prefix_names(message: &mut Message, names: &PromptNames) -> Result<(), ConvertError> {
    if has_role(message, "system") {
        prefix_example(message, names)?;
        let name = message.get("name").and_then(Value::as_str);
        if matches!(name, Some("example_user" | "example_assistant")) {
            message.shift_remove("name");
        }
        return Ok(());
    }
    let Some(name) = message.get("name").filter(|name| js::is_truthy(Some(name))) else {
        return Ok(());
    };
    let name = js::to_text(Some(name));
    let before = message.get("content").cloned();
    prefix(message, &name, &[])?;
    // compat: a name that the content starts with already stays.
    if message.get("content") != before.as_ref() {
        message.shift_remove("name");
    }
    Ok(())
}

/// Moves each user message that follows a tool's result to the end of the last one before; whether there was any.
fn join_users_around_tools(messages: &mut Vec<Message>) -> bool {
    let mut is_changed = false;
    let mut at = 0;
    while at + 1 < messages.len() {
        if has_role(&messages[at], "tool") && has_role(&messages[at + 1], "user") {
            let spoke =
                |message: &Message| has_role(message, "user") && js::is_truthy(message.get("content"));
            if let Some(earlier) = messages[..at].iter().rposition(spoke) {
                let late = messages.remove(at + 1);
                append(&mut messages[earlier], &late);
                is_changed = true;
            }
        }
        at += 1;
    }
    is_changed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PromptNames, messages};

    #[test]
    fn shortens_ids_and_joins_users_around_tools() {
        let names = PromptNames::default();
        let prompt = json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "call_1"}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "r"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "name": "Bob", "content": "Bob: c"},
            {"role": "system", "content": "d"},
            {"role": "assistant", "name": "Bob", "content": "e"},
        ]);
        let made = messages(Some(prompt), &names, true).unwrap();
        let id = made[1]["tool_calls"][0]["id"].as_str().unwrap();
        assert_eq!((id.len(), &made[2]["tool_call_id"]), (9, &json!(id)));
        assert_eq!(made[0]["content"], "a\n\nb");
        assert_eq!(
            made[3],
            json!({"role": "assistant", "name": "Bob", "content": "Bob: c"})
        );
        assert_eq!(made[4]["role"], "user");
        assert_eq!(
            made[5],
            json!({"role": "assistant", "content": "Bob: e", "prefix": true})
        );
        assert!(messages(Some(json!([{"role": "tool", "tool_call_id": 5}])), &names, false).is_err());
    }
}

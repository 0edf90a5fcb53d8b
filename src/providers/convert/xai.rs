//! xAI's prompts: only the user has a name.

use serde_json::Value;

use super::ConvertError;
use super::merge::PromptNames;
use super::message::{self, Message, has_role, prefix, prefix_example};
use crate::providers::js;

/// Puts the character's name before the assistant's messages that have a name, and drops names of all but the user.
///
/// What is no list becomes an empty one.
///
/// # Errors
/// When a message is no object, or content that may need a prefix is no text.
pub fn messages(messages: Option<Value>, names: &PromptNames) -> Result<Value, ConvertError> {
    if !messages.as_ref().is_some_and(Value::is_array) {
        return Ok(Value::Array(Vec::new()));
    }
    let mut messages = message::list(messages)?;
    for message in &mut messages {
        if !js::is_truthy(message.get("name")) || has_role(message, "user") {
            continue;
        }
        check_content(message, names)?;
        if has_role(message, "assistant") && !names.character.is_empty() {
            prefix(message, &names.character, &names.group)?;
        } else if has_role(message, "system") {
            prefix_example(message, names)?;
        }
        message.shift_remove("name");
    }
    Ok(messages.into_iter().map(Value::Object).collect())
}

/// compat: the content is looked at for every role, if there is any name to look for.
fn check_content(message: &Message, names: &PromptNames) -> Result<(), ConvertError> {
    let is_looked_at = !names.character.is_empty() || !names.user.is_empty();
    if is_looked_at && !message.get("content").is_some_and(Value::is_string) {
        return Err(ConvertError::new("msg.content.startsWith is not a function"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PromptNames, messages};

    #[test]
    fn only_users_keep_names() {
        let names = PromptNames {
            character: "Bot".to_owned(),
            ..PromptNames::default()
        };
        let prompt = json!([
            {"role": "user", "name": "Ann", "content": "a"},
            {"role": "assistant", "name": "Eve", "content": "b"},
            {"role": "system", "name": "example_assistant", "content": "c"},
            {"role": "system", "name": "example_user", "content": "d"},
            {"role": "assistant", "content": "e"},
        ]);
        let expected = json!([
            {"role": "user", "name": "Ann", "content": "a"},
            {"role": "assistant", "content": "Bot: b"},
            {"role": "system", "content": "Bot: c"},
            {"role": "system", "content": "d"},
            {"role": "assistant", "content": "e"},
        ]);
        assert_eq!(messages(Some(prompt), &names).unwrap(), expected);
        assert!(
            messages(
                Some(json!([{"role": "tool", "name": "t", "content": null}])),
                &names
            )
            .is_err()
        );
    }
}

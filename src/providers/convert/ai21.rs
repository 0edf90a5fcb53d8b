//! AI21's prompts: one system message, then one message for each turn.

use serde_json::Value;
use squaretable_compat::json::js_trim;

use super::ConvertError;
use super::merge::PromptNames;
use super::message::{self, Message, from_user, has_role, prefix, prefix_example};
use crate::providers::js;

/// Squashes the system messages at the start into one, and what follows by role; names become prefixes.
///
/// What is no list becomes an empty one.
///
/// # Errors
/// When a message is no object, or content that needs a prefix is no text.
pub fn messages(
    messages: Option<Value>,
    names: &PromptNames,
    placeholder: &str,
) -> Result<Value, ConvertError> {
    if !messages.as_ref().is_some_and(Value::is_array) {
        return Ok(Value::Array(Vec::new()));
    }
    let mut rest = message::list(messages)?;
    let leading = rest
        .iter()
        .take_while(|message| has_role(message, "system"))
        .count();
    let mut system = String::new();
    for mut message in rest.drain(..leading) {
        prefix_example(&mut message, names)?;
        system.push_str(&js::to_text(message.get("content")));
        system.push_str("\n\n");
    }
    if rest.is_empty() {
        rest.push(from_user(placeholder));
    }
    let mut merged: Vec<Message> = Vec::with_capacity(rest.len() + 1);
    if !system.is_empty() {
        let mut first = from_user(js_trim(&system));
        message::set(&mut first, "role", "system");
        merged.push(first);
    }
    for mut message in rest {
        if let Some(name) = message.get("name").cloned() {
            if !has_role(&message, "system") {
                prefix(&mut message, &js::to_text(Some(&name)), &[])?;
            }
            message.shift_remove("name");
        }
        match merged.last_mut() {
            Some(last) if last.get("role") == message.get("role") => append(last, &message),
            _ => merged.push(message),
        }
    }
    Ok(merged.into_iter().map(Value::Object).collect())
}

/// `last.content += '\n\n' + message.content`.
pub(super) fn append(last: &mut Message, message: &Message) {
    let joined = format!(
        "{}\n\n{}",
        js::to_text(last.get("content")),
        js::to_text(message.get("content"))
    );
    message::set(last, "content", joined);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PromptNames, messages};

    #[test]
    fn squashes_the_system_prompt_and_turns() {
        let names = PromptNames {
            character: "Bot".to_owned(),
            user: "Me".to_owned(),
            group: vec!["Eve".to_owned()],
        };
        let prompt = json!([
            {"role": "system", "content": "Main"},
            {"role": "system", "name": "example_assistant", "content": "Eve: hi"},
            {"role": "system", "name": "example_user", "content": "ho"},
            {"role": "user", "name": "Ann", "content": "one"},
            {"role": "user", "content": "two"},
            {"role": "assistant", "content": "three"},
        ]);
        let expected = json!([
            {"role": "system", "content": "Main\n\nEve: hi\n\nMe: ho"},
            {"role": "user", "content": "Ann: one\n\ntwo"},
            {"role": "assistant", "content": "three"},
        ]);
        assert_eq!(messages(Some(prompt), &names, "-").unwrap(), expected);
        assert_eq!(messages(Some(json!("x")), &names, "-").unwrap(), json!([]));
        assert_eq!(
            messages(Some(json!([])), &names, "-").unwrap(),
            json!([{"role": "user", "content": "-"}])
        );
    }
}

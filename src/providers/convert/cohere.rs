//! Cohere's prompts: no names, and every tool call has words before it.

use serde_json::Value;

use super::ConvertError;
use super::merge::PromptNames;
use super::message::{self, Message, from_user, has_role, prefix, prefix_example, set};
use crate::providers::js;

/// Converts the messages.
///
/// # Errors
/// When `messages` is no list, a message is no object, or content that needs a prefix is no text.
pub fn messages(
    messages: Option<Value>,
    names: &PromptNames,
    placeholder: &str,
) -> Result<Value, ConvertError> {
    let mut messages = message::list(messages)?;
    if messages.is_empty() {
        messages.push(from_user(placeholder));
    }
    let mut at = 0;
    while at < messages.len() {
        let current = prime_tool_call(&mut messages, at);
        prefix_name(&mut messages[current], names)?;
        // compat: when the words before a call were taken out of the list, the message after it is not visited.
        at += 1;
    }
    Ok(messages.into_iter().map(Value::Object).collect())
}

/// Gives a tool call the words of the assistant's message before it, which goes, or some of our own; where the
/// message is now.
fn prime_tool_call(messages: &mut Vec<Message>, at: usize) -> usize {
    let Some(calls) = messages[at].get("tool_calls").and_then(Value::as_array) else {
        return at;
    };
    if at > 0 && has_role(&messages[at - 1], "assistant") {
        let before = messages.remove(at - 1);
        match before.get("content") {
            Some(content) => set(&mut messages[at - 1], "content", content.clone()),
            None => drop(messages[at - 1].shift_remove("content")),
        }
        return at - 1;
    }
    let names: Vec<String> = calls
        .iter()
        .map(|call| js::join_text(call.pointer("/function/name")))
        .collect();
    let words = format!("I'm going to call a tool for that: {}", names.join(", "));
    set(&mut messages[at], "content", words);
    at
}

fn prefix_name(message: &mut Message, names: &PromptNames) -> Result<(), ConvertError> {
    let Some(name) = message.get("name").filter(|name| js::is_truthy(Some(name))) else {
        return Ok(());
    };
    let name = js::to_text(Some(name));
    if has_role(message, "system") {
        prefix_example(message, names)?;
    } else {
        prefix(message, &name, &[])?;
    }
    message.shift_remove("name");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PromptNames, messages};

    #[test]
    fn primes_tool_calls() {
        let prompt = json!([
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f"}}, {}]},
            {"role": "assistant", "content": "words"},
            {"role": "assistant", "tool_calls": []},
            {"role": "user", "name": "Ann", "content": "unseen"},
            {"role": "user", "name": "Ann", "content": "seen"},
        ]);
        let made = messages(Some(prompt), &PromptNames::default(), "-").unwrap();
        assert_eq!(made[0]["content"], "I'm going to call a tool for that: f, ");
        assert_eq!(
            made[1],
            json!({"role": "assistant", "tool_calls": [], "content": "words"})
        );
        assert_eq!(
            made[2],
            json!({"role": "user", "name": "Ann", "content": "unseen"})
        );
        assert_eq!(made[3], json!({"role": "user", "content": "Ann: seen"}));
    }
}

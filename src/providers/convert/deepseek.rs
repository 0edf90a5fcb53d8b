//! Marks on messages: answers to be continued, and the reasoning that DeepSeek misses in tool calls.

use serde_json::Value;

use super::ConvertError;

/// Sets `property` on an assistant's message at the end of a body's `messages`, unless tools are in play.
///
/// # Errors
/// When `messages` is no list.
pub fn mark_prefix(body: &mut Value, has_tools: bool, property: &str) -> Result<(), ConvertError> {
    let messages = match body.get_mut("messages") {
        Some(Value::Array(messages)) => messages,
        None => {
            return Err(ConvertError::new(
                "Cannot read properties of undefined (reading 'length')",
            ));
        }
        Some(Value::Null) => {
            return Err(ConvertError::new(
                "Cannot read properties of null (reading 'length')",
            ));
        }
        Some(Value::String(text)) if !text.is_empty() => {
            return Err(ConvertError::new("prompt.some is not a function"));
        }
        Some(_) => return Ok(()),
    };
    if messages.iter().any(Value::is_null) {
        return Err(ConvertError::new(
            "Cannot read properties of null (reading 'role')",
        ));
    }
    let has_role = |message: &Value, role: &str| message.get("role").and_then(Value::as_str) == Some(role);
    if has_tools || messages.iter().any(|message| has_role(message, "tool")) {
        return Ok(());
    }
    if let Some(last) = messages.last_mut().filter(|last| has_role(last, "assistant")) {
        last[property] = true.into();
    }
    Ok(())
}

/// An empty `reasoning_content` on every message with tool calls that has none.
pub fn add_reasoning(messages: &mut [Value]) {
    for message in messages.iter_mut().filter_map(Value::as_object_mut) {
        if message.get("tool_calls").is_some_and(Value::is_array) {
            message
                .entry("reasoning_content")
                .or_insert_with(|| Value::String(String::new()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{add_reasoning, mark_prefix};

    #[test]
    fn marks_the_last_answer_unless_there_are_tools() {
        let marked = |messages: Value, has_tools| {
            let mut body = json!({ "messages": messages });
            mark_prefix(&mut body, has_tools, "prefix").map(|()| body["messages"].take())
        };
        let answer = json!([{"role": "assistant"}]);
        assert_eq!(
            marked(answer.clone(), false),
            Ok(json!([{"role": "assistant", "prefix": true}]))
        );
        assert_eq!(marked(answer.clone(), true), Ok(answer));
        let tools = json!([{"role": "tool"}, {"role": "assistant"}]);
        assert_eq!(marked(tools.clone(), false), Ok(tools));
        assert!(
            marked(json!("text"), false).is_err() && mark_prefix(&mut json!({}), false, "prefix").is_err()
        );
    }

    #[test]
    fn adds_reasoning_where_there_is_none() {
        let mut messages = vec![
            json!({"tool_calls": []}),
            json!({"tool_calls": [], "reasoning_content": "x"}),
            json!({"content": "y"}),
        ];
        add_reasoning(&mut messages);
        assert_eq!(messages[0]["reasoning_content"], "");
        assert_eq!(messages[1]["reasoning_content"], "x");
        assert!(messages[2].get("reasoning_content").is_none());
    }
}

//! Flattening of chat messages to a single text prompt, for text-completion models behind the chat route.

use serde_json::Value;

use super::ConvertError;
use crate::providers::js;

/// Flattens messages to `role: content` lines followed by `assistant:`; a string passes unchanged.
///
/// System messages are labelled `System`, or with their `name` when they have one.
///
/// # Errors
/// When `messages` is neither a string nor an array, or holds a `null`.
pub fn flatten_messages(messages: Option<&Value>) -> Result<String, ConvertError> {
    let messages = match messages {
        Some(Value::String(text)) => return Ok(text.clone()),
        Some(Value::Array(messages)) => messages,
        None | Some(Value::Null) => {
            let shown = js::to_text(messages);
            return Err(ConvertError::new(format!(
                "Cannot read properties of {shown} (reading 'forEach')"
            )));
        }
        Some(_) => return Err(ConvertError::new("messages.forEach is not a function")),
    };
    let mut lines = Vec::with_capacity(messages.len() + 1);
    for message in messages {
        if message.is_null() {
            return Err(ConvertError::new(
                "Cannot read properties of null (reading 'role')",
            ));
        }
        let role = message.get("role");
        let content = js::to_text(message.get("content"));
        lines.push(match (role.and_then(Value::as_str), message.get("name")) {
            (Some("system"), None) => format!("System: {content}"),
            (Some("system"), name) => format!("{}: {content}", js::to_text(name)),
            _ => format!("{}: {content}", js::to_text(role)),
        });
    }
    lines.push("assistant:".to_owned());
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::flatten_messages;

    #[test]
    fn labels_lines_by_role_and_system_name() {
        let messages = json!([
            {"role": "system", "content": "s"},
            {"role": "system", "name": "nm", "content": "t"},
            {"role": "user"},
            {"role": "assistant", "content": null},
        ]);
        let text = flatten_messages(Some(&messages)).unwrap();
        assert_eq!(
            text,
            "System: s\nnm: t\nuser: undefined\nassistant: null\nassistant:"
        );
    }

    #[test]
    fn keeps_a_string_and_refuses_what_is_no_list() {
        assert_eq!(flatten_messages(Some(&json!("as is"))).unwrap(), "as is");
        assert_eq!(flatten_messages(Some(&json!([]))).unwrap(), "assistant:");
        let error = flatten_messages(None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Cannot read properties of undefined (reading 'forEach')"
        );
    }
}

//! Signatures of encrypted reasoning, which a model wants back with the messages that it belongs to.

use serde_json::{Value, json};

/// Moves `signature` of messages and tool calls to `reasoning_details`, which is where OpenRouter looks for them.
///
/// Those of whole messages are dropped unless `keeps_message_signatures`.
pub fn to_reasoning_details(messages: &mut [Value], model: &str, keeps_message_signatures: bool) {
    let format = format_of(model);
    for message in messages.iter_mut().filter_map(Value::as_object_mut) {
        let mut details: Vec<Value> = Vec::new();
        let mut add = |data: &str, id: Option<&Value>| {
            if data.is_empty() {
                return;
            }
            let index = details.len();
            let id = id.filter(|id| crate::providers::js::is_truthy(Some(id))).cloned();
            let id = id.unwrap_or_else(|| format!("signature-{index}").into());
            details.push(json!({
                "index": index, "id": id, "type": "reasoning.encrypted", "data": data, "format": format,
            }));
        };
        if message.get("signature").is_some_and(Value::is_string)
            && let Some(Value::String(data)) = message.shift_remove("signature")
            && keeps_message_signatures
        {
            add(&data, None);
        }
        let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
        for call in calls.into_iter().flatten().filter_map(Value::as_object_mut) {
            if call.get("signature").is_some_and(Value::is_string)
                && let Some(Value::String(data)) = call.shift_remove("signature")
            {
                add(&data, call.get("id"));
            }
        }
        if !details.is_empty() {
            message.insert("reasoning_details".to_owned(), details.into());
        }
    }
}

fn format_of(model: &str) -> &'static str {
    const FORMATS: [(&str, &str); 4] = [
        ("google/gemini", "google-gemini-v1"),
        ("anthropic/claude", "anthropic-claude-v1"),
        ("openai/gpt", "openai-responses-v1"),
        ("x-ai/grok", "xai-responses-v1"),
    ];
    let known = FORMATS.iter().find(|(name, _)| model.contains(name));
    known.map_or("unknown", |(_, format)| format)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_reasoning_details;

    #[test]
    fn moves_signatures_to_details() {
        let prompt = json!([
            {"content": "x", "signature": "m", "tool_calls": [{"id": "c", "signature": "t"}, {"signature": ""}]},
            {"content": "y", "signature": 5},
        ]);
        let mut kept = prompt.clone();
        to_reasoning_details(kept.as_array_mut().unwrap(), "x-ai/grok-4", true);
        let details = json!([
            {"index": 0, "id": "signature-0", "type": "reasoning.encrypted", "data": "m", "format": "xai-responses-v1"},
            {"index": 1, "id": "c", "type": "reasoning.encrypted", "data": "t", "format": "xai-responses-v1"},
        ]);
        assert_eq!(
            kept[0],
            json!({"content": "x", "tool_calls": [{"id": "c"}, {}], "reasoning_details": details})
        );
        assert_eq!(kept[1], prompt[1]);
        let mut dropped = prompt;
        to_reasoning_details(dropped.as_array_mut().unwrap(), "m", false);
        assert_eq!(dropped[0]["reasoning_details"][0]["id"], "c");
        assert_eq!(dropped[0]["reasoning_details"][0]["format"], "unknown");
    }
}

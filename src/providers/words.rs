//! The words of an answer, whatever provider it came from.

use std::collections::BTreeMap;

use serde_json::Value;
use squaretable_compat::json;

/// Where a choice of a list has its words.
const OF_CHOICE: [&str; 3] = ["/delta/content", "/message/content", "/text"];

/// Where an answer without a list of choices, or an event of its stream, has them.
const OF_ANSWER: [&str; 10] = [
    "/delta/text",
    "/delta/message/content",
    "/candidates/0/content/parts",
    "/message/content",
    "/content",
    "/token",
    "/output",
    "/results",
    "/response",
    "/text",
];

/// The texts of a whole answer, one for each choice: of JSON, of events with JSON, or of JSON values line by line. An
/// answer of no known form is one text, as it came.
#[must_use]
pub fn words(answer: &[u8]) -> Vec<String> {
    let mut choices = BTreeMap::new();
    match json::parse(answer) {
        Ok(value) => collect(&value, &mut choices),
        Err(_) => {
            for line in answer.split(|&byte| byte == b'\n') {
                let data = line.strip_prefix(b"data:").unwrap_or(line);
                if let Ok(value) = json::parse(data.trim_ascii()) {
                    collect(&value, &mut choices);
                }
            }
        }
    }
    choices.retain(|_, text: &mut String| !text.is_empty());
    if choices.is_empty() {
        return vec![String::from_utf8_lossy(answer).into_owned()];
    }
    choices.into_values().collect()
}

/// Adds a value's words to those of their choice.
fn collect(value: &Value, choices: &mut BTreeMap<u64, String>) {
    let list = value
        .as_array()
        .or_else(|| value.get("choices").and_then(Value::as_array));
    let Some(list) = list else {
        choices
            .entry(index(value, 0))
            .or_default()
            .push_str(&first(value, &OF_ANSWER));
        return;
    };
    for (position, choice) in (0..).zip(list) {
        let found = first(choice, &OF_CHOICE);
        let found = if found.is_empty() {
            first(choice, &OF_ANSWER)
        } else {
            found
        };
        choices
            .entry(index(choice, position))
            .or_default()
            .push_str(&found);
    }
}

/// compat: Claude numbers the blocks of one answer by `index`, everybody else the answers.
fn index(value: &Value, position: u64) -> u64 {
    let is_block = value.get("type").is_some();
    value
        .get("index")
        .and_then(Value::as_u64)
        .filter(|_| !is_block)
        .unwrap_or(position)
}

/// The words at the first of the places that has any.
fn first(value: &Value, places: &[&str]) -> String {
    let found = places.iter().filter_map(|place| value.pointer(place)).map(flat);
    found
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// A text, or the texts of a list of parts without its thoughts.
fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(flat).collect(),
        Value::Object(part) if part.get("thought") == Some(&Value::Bool(true)) => String::new(),
        Value::Object(part) => part.get("text").map(flat).unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn every_providers_answer_is_read() {
        for (answer, expected) in [
            (r#"{"choices":[{"message":{"content":"ab"}}]}"#, "ab"),
            (r#"{"choices":[{"text":"ab","index":0}]}"#, "ab"),
            (
                "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\ndata: [DONE]\n\n",
                "ab",
            ),
            ("data: {\"token\":\"a\"}\n\ndata: {\"token\":\"b\"}\n\n", "ab"),
            (
                "data: {\"content\":\"a\",\"index\":0}\n\ndata: {\"content\":\"b\"}\n\n",
                "ab",
            ),
            (
                "event: x\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"text\":\"a\"}}\n\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"text\":\"b\"}}\n\n",
                "ab",
            ),
            (
                r#"{"type":"message","content":[{"type":"text","text":"ab"}]}"#,
                "ab",
            ),
            (
                r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"ab"}]}}]}"#,
                "ab",
            ),
            (
                "data: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"ab\"}}}}\n\n",
                "ab",
            ),
            (r#"{"results":[{"text":"ab"}]}"#, "ab"),
            (r#"{"output":"ab"}"#, "ab"),
            ("{\"response\":\"a\"}\n{\"response\":\"b\"}\n", "ab"),
            ("no JSON at all", "no JSON at all"),
        ] {
            assert_eq!(words(answer.as_bytes()), [expected], "{answer}");
        }
    }

    #[test]
    fn choices_are_kept_apart() {
        let stream = "data: {\"choices\":[{\"index\":1,\"text\":\"x\"}]}\n\ndata: {\"choices\":[{\"index\":0,\"text\":\"a\"}]}\n\ndata: {\"choices\":[{\"index\":1,\"text\":\"y\"}]}\n\n";
        assert_eq!(words(stream.as_bytes()), ["a", "xy"]);
        assert_eq!(words(br#"[{"content":"a"},{"content":"b"}]"#), ["a", "b"]);
    }
}

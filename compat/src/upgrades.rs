//! What the original changes in old data when it starts: system prompts that lie in instruct templates, and chat
//! metadata that lies in groups.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::json::{self, js_string};
use crate::names;

/// An instruct template without its system prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruct {
    /// File name of the template as it was, among the backups: after the template's own `name`.
    pub backup: String,
    /// The template's new text.
    pub body: Vec<u8>,
    /// Name of the prompt.
    name: String,
    /// The prompt, as JSON: templates hold anything.
    content: Value,
}

/// Takes the system prompt out of an instruct template; `None` for one that has none, and for broken ones.
#[must_use]
pub fn instruct(body: &[u8]) -> Option<Instruct> {
    let Value::Object(mut template) = json::parse(body).ok()? else {
        return None;
    };
    let name = js_string(template.get("name")?);
    let content = template.shift_remove("system_prompt")?;
    Some(Instruct {
        backup: names::sanitize(&format!("{name}.json")),
        body: json::to_vec_pretty(&Value::Object(template)),
        name,
        content,
    })
}

/// The system prompts to make of templates: file name and text. Contents that occur twice, or among the `defaults`
/// (the `content` of shipped prompts), are left out.
#[must_use]
pub fn sysprompts(templates: &[Instruct], defaults: &[Value]) -> Vec<(String, Vec<u8>)> {
    let mut seen = HashSet::new();
    let unique = templates
        .iter()
        .filter(|template| seen.insert(json::to_vec(&template.content)));
    unique
        .filter(|template| !defaults.contains(&template.content))
        .map(|template| {
            let name = format!("[Migrated] {}", template.name);
            let prompt = json!({ "name": name, "content": template.content });
            (
                names::sanitize(&format!("{name}.json")),
                json::to_vec_pretty(&prompt),
            )
        })
        .collect()
}

/// A group whose chat metadata moves into its chats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The group's new text.
    pub body: Vec<u8>,
    /// File names of its chats, and the first line that each gets if it has none with metadata.
    pub chats: Vec<(String, Vec<u8>)>,
}

/// Takes the chat metadata out of a group; `None` for one that has none, and for broken ones. One that lists no chats
/// stays as it is, as in the original.
#[must_use]
pub fn group(body: &[u8]) -> Option<Group> {
    let Value::Object(mut group) = json::parse(body).ok()? else {
        return None;
    };
    let current = group.shift_remove("chat_metadata");
    let past = group.shift_remove("past_metadata");
    if current.is_none() && past.is_none() {
        return None;
    }
    let object = |value: Option<Value>| match value {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let mut metadata = object(past);
    let chat_id = group
        .get("chat_id")
        .map_or_else(|| "undefined".to_owned(), js_string);
    metadata.insert(chat_id, Value::Object(object(current)));
    let chats = group.get("chats")?.as_array()?.iter().map(|id| {
        let id = js_string(id);
        let own = metadata.get(&id).filter(|own| json::js_truthy(own)).cloned();
        let own = own.unwrap_or_else(|| json!({}));
        let header = json!({ "chat_metadata": own, "user_name": "unused", "character_name": "unused" });
        (names::sanitize(&format!("{id}.jsonl")), json::to_vec(&header))
    });
    let chats = chats.collect();
    Some(Group {
        body: json::to_vec_pretty(&Value::Object(group)),
        chats,
    })
}

/// Whether a chat's first line that is JSON holds metadata.
#[must_use]
pub fn has_metadata(lines: &[&[u8]]) -> bool {
    let mut values = lines
        .iter()
        .filter(|line| !line.trim_ascii().is_empty())
        .filter_map(|line| json::parse(line).ok())
        .filter(json::js_truthy);
    values
        .next()
        .is_some_and(|first| first.get("chat_metadata").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_system_prompt_leaves_its_template() {
        let found = instruct(br#"{"system_prompt":"Be kind.","name":"Mine","wrap":true}"#).unwrap();
        assert_eq!(found.backup, "Mine.json");
        assert_eq!(
            text(&found.body),
            "{\n    \"name\": \"Mine\",\n    \"wrap\": true\n}"
        );
        for none in [
            &b"{}"[..],
            br#"{"name":"x"}"#,
            br#"{"system_prompt":"x"}"#,
            b"[]",
            b"{",
        ] {
            assert_eq!(instruct(none), None);
        }
    }

    #[test]
    fn prompts_are_made_once_and_not_of_shipped_ones() {
        let template = |name: &str, prompt: &str| {
            instruct(
                json!({ "name": name, "system_prompt": prompt })
                    .to_string()
                    .as_bytes(),
            )
            .unwrap()
        };
        let templates = [
            template("A", "one"),
            template("B", "one"),
            template("C", "shipped"),
            template("D/", ""),
        ];
        let made = sysprompts(&templates, &[json!("shipped")]);
        let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["[Migrated] A.json", "[Migrated] D.json"]);
        assert_eq!(
            text(&made[0].1),
            "{\n    \"name\": \"[Migrated] A\",\n    \"content\": \"one\"\n}"
        );
    }

    #[test]
    fn metadata_moves_from_the_group_to_its_chats() {
        let old = br#"{"id":"1","chat_id":"b","chats":["a","b",3,"c/"],"chat_metadata":{"now":1},"past_metadata":{"a":{"then":2},"3":null}}"#;
        let moved = group(old).unwrap();
        assert_eq!(
            text(&moved.body),
            "{\n    \"id\": \"1\",\n    \"chat_id\": \"b\",\n    \"chats\": [\n        \"a\",\n        \"b\",\n        3,\n        \"c/\"\n    ]\n}"
        );
        let header = |metadata: &str| {
            format!("{{\"chat_metadata\":{metadata},\"user_name\":\"unused\",\"character_name\":\"unused\"}}")
        };
        let expected = [
            ("a.jsonl", header("{\"then\":2}")),
            ("b.jsonl", header("{\"now\":1}")),
            ("3.jsonl", header("{}")),
            ("c.jsonl", header("{}")),
        ];
        let found: Vec<(&str, String)> = moved
            .chats
            .iter()
            .map(|(name, line)| (name.as_str(), text(line).to_owned()))
            .collect();
        assert_eq!(found, expected);
        for none in [&b"{}"[..], br#"{"chat_metadata":{}}"#, br#"{"chats":[]}"#, b"["] {
            assert_eq!(group(none), None, "{}", text(none));
        }
    }

    #[test]
    fn a_chat_with_metadata_is_known_by_its_first_line() {
        assert!(has_metadata(&[b"", b"{\"chat_metadata\":null}", b"{}"]));
        assert!(has_metadata(&[b"broken", b"{\"chat_metadata\":{}}"]));
        assert!(!has_metadata(&[b"{\"mes\":1}", b"{\"chat_metadata\":{}}"]));
        assert!(!has_metadata(&[]));
    }
}

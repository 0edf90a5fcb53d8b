//! The card that a BYAF character makes.

use std::collections::HashSet;

use chrono::{DateTime, Local};
use serde_json::{Value, json};

use super::{Error, Scenario};
use crate::card::coerce::{or, truthy};
use crate::card::{iso, normalise};
use crate::json;

/// The card of a character: its texts, and how its first scenario begins.
pub(super) fn card(
    manifest: &Value,
    character: &Value,
    scenarios: &[Scenario],
    now: DateTime<Local>,
) -> Result<Value, Error> {
    let field = |key: &str| character.get(key);
    let author = |key: &str| or(manifest.get("author").and_then(|author| author.get(key)), "");
    let opening = scenarios.first().map_or(&Value::Null, |scenario| &scenario.0);
    let mut data = json!({
        "name": or(field("name"), or(field("displayName"), "")),
        "description": with_macros(field("persona")),
        "personality": "",
        "scenario": with_macros(opening.get("narrative")),
        "first_mes": with_macros(first_message(opening)),
        "mes_example": examples(opening),
        "creator_notes": author("backyardURL"),
        "system_prompt": with_macros(opening.get("formattingInstructions")),
        "post_history_instructions": "",
        "alternate_greetings": greetings(scenarios)?,
        "character_book": book(field("loreItems")),
        "tags": if truthy(field("isNSFW")) { json!(["nsfw"]) } else { json!([]) },
        "creator": author("name"),
        "character_version": "",
        "extensions": {},
    });
    if let Value::Object(data) = &mut data {
        if data.get("character_book").is_some_and(Value::is_null) {
            data.shift_remove("character_book");
        }
        if let Some(shown) = field("displayName").filter(|name| truthy(Some(name))) {
            data.insert("extensions".to_owned(), json!({ "display_name": shown }));
        }
    }
    let card = json!({
        "spec": "chara_card_v2",
        "spec_version": "2.0",
        "data": data,
        "create_date": iso(now),
    });
    Ok(normalise(card, now))
}

/// The text of a scenario's first message.
pub(super) fn first_message(scenario: &Value) -> Option<&Value> {
    let messages = scenario.get("firstMessages")?;
    let first = match messages {
        Value::Array(messages) => messages.first(),
        Value::Object(messages) => messages.get("0"),
        _ => None,
    };
    first?.get("text")
}

/// `{character}` and `{user}` as the macros that SillyTavern knows.
pub(super) fn with_macros(text: Option<&Value>) -> String {
    let Some(text) = text.filter(|text| truthy(Some(text))) else {
        return String::new();
    };
    let text = json::js_string(text);
    let text = replace_name(&text, "#{user}:", "{{user}}:", false);
    let text = replace_name(&text, "#{character}:", "{{char}}:", false);
    let text = replace_name(&text, "{character}", "{{char}}", true);
    replace_name(&text, "{user}", "{{user}}", true)
}

/// Replaces `name` in any case, `unless_closed` only where no further brace closes it.
fn replace_name(text: &str, name: &str, macro_text: &str, unless_closed: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let head = rest.get(..name.len());
        let matches = head.is_some_and(|head| head.eq_ignore_ascii_case(name))
            && !(unless_closed && rest[name.len()..].starts_with('}'));
        if matches {
            out.push_str(macro_text);
            rest = &rest[name.len()..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// The example dialogues of a scenario, in SillyTavern's form.
pub(super) fn examples(scenario: &Value) -> String {
    let Some(examples) = scenario.get("exampleMessages").and_then(Value::as_array) else {
        return String::new();
    };
    let texts = examples
        .iter()
        .filter_map(|example| example.get("text"))
        .filter(|text| truthy(Some(text)))
        .map(|text| format!("<START>\n{}\n", with_macros(Some(text))));
    texts
        .collect::<String>()
        .trim_end_matches(json::is_js_space)
        .to_owned()
}

/// How the other scenarios begin, each greeting once.
fn greetings(scenarios: &[Scenario]) -> Result<Vec<String>, Error> {
    let Some((opening, others)) = scenarios.split_first() else {
        return Ok(Vec::new());
    };
    let said = first_message(&opening.0);
    let mut greetings: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    for scenario in others {
        if scenario.0.is_null() {
            return Err(Error::Shape("scenario"));
        }
        let is_list = scenario.0.get("firstMessages").is_some_and(Value::is_array);
        let greeting = first_message(&scenario.0).filter(|text| is_list && truthy(Some(text)));
        let Some(greeting) = greeting.filter(|text| !is_same(Some(text), said)) else {
            continue;
        };
        let greeting = with_macros(Some(greeting));
        if seen.insert(greeting.clone()) {
            greetings.push(greeting);
        }
    }
    Ok(greetings)
}

/// JavaScript's `===` for values of two different places; an absent one is `undefined`.
pub(super) fn is_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(Value::Array(_) | Value::Object(_)), _) => false,
        (Some(Value::Number(one)), Some(Value::Number(other))) => one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}

/// The lore of the character as its book; `None` without any.
fn book(items: Option<&Value>) -> Option<Value> {
    let items = items?.as_array().filter(|items| !items.is_empty())?;
    let entries = items
        .iter()
        .enumerate()
        .filter(|(_, item)| truthy(Some(item)))
        .map(|(order, item)| {
            let keys = with_macros(item.get("key"));
            let keys = keys.split(',').map(json::js_trim).filter(|key| !key.is_empty());
            json!({
                "keys": keys.collect::<Vec<_>>(),
                "content": with_macros(item.get("value")),
                "extensions": {},
                "enabled": true,
                "insertion_order": order,
            })
        });
    Some(json!({ "entries": entries.collect::<Vec<_>>(), "extensions": {} }))
}

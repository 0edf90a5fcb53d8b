//! World info turned into the character book that travels inside a card (`POST /api/characters/create`, `/edit`).

use serde_json::{Map, Value};

use super::coerce::{or_nullish, put, truthy};

/// What an entry extension is when the world entry has `null` or nothing there.
#[derive(Clone, Copy)]
enum Fallback {
    /// The value is copied as it is; nothing stays nothing.
    Absent,
    Null,
    False,
    EmptyText,
    EmptyList,
    Number(u8),
}

/// Extension key in the book, key in the world entry, default; in the order the original writes them.
const EXTENSIONS: &[(&str, &str, Fallback)] = &[
    ("position", "position", Fallback::Absent),
    ("exclude_recursion", "excludeRecursion", Fallback::Absent),
    ("display_index", "displayIndex", Fallback::Absent),
    ("probability", "probability", Fallback::Null),
    ("useProbability", "useProbability", Fallback::False),
    ("depth", "depth", Fallback::Number(4)),
    ("selectiveLogic", "selectiveLogic", Fallback::Number(0)),
    ("outlet_name", "outletName", Fallback::EmptyText),
    ("group", "group", Fallback::EmptyText),
    ("group_override", "groupOverride", Fallback::False),
    ("group_weight", "groupWeight", Fallback::Null),
    ("prevent_recursion", "preventRecursion", Fallback::False),
    ("delay_until_recursion", "delayUntilRecursion", Fallback::False),
    ("scan_depth", "scanDepth", Fallback::Null),
    ("match_whole_words", "matchWholeWords", Fallback::Null),
    ("use_group_scoring", "useGroupScoring", Fallback::False),
    ("case_sensitive", "caseSensitive", Fallback::Null),
    ("automation_id", "automationId", Fallback::EmptyText),
    ("role", "role", Fallback::Number(0)),
    ("vectorized", "vectorized", Fallback::False),
    ("sticky", "sticky", Fallback::Null),
    ("cooldown", "cooldown", Fallback::Null),
    ("delay", "delay", Fallback::Null),
    (
        "match_persona_description",
        "matchPersonaDescription",
        Fallback::False,
    ),
    (
        "match_character_description",
        "matchCharacterDescription",
        Fallback::False,
    ),
    (
        "match_character_personality",
        "matchCharacterPersonality",
        Fallback::False,
    ),
    (
        "match_character_depth_prompt",
        "matchCharacterDepthPrompt",
        Fallback::False,
    ),
    ("match_scenario", "matchScenario", Fallback::False),
    ("match_creator_notes", "matchCreatorNotes", Fallback::False),
    ("triggers", "triggers", Fallback::EmptyList),
    ("ignore_budget", "ignoreBudget", Fallback::False),
];

impl Fallback {
    fn resolve(self, value: Option<&Value>) -> Option<Value> {
        Some(match self {
            Self::Absent => return value.cloned(),
            Self::Null => or_nullish(value, Value::Null),
            Self::False => or_nullish(value, false),
            Self::EmptyText => or_nullish(value, ""),
            Self::EmptyList => or_nullish(value, Vec::<Value>::new()),
            Self::Number(number) => or_nullish(value, number),
        })
    }
}

/// Keys copied as they are: book key, world key.
const COPIED: [(&str, &str); 8] = [
    ("id", "uid"),
    ("keys", "key"),
    ("secondary_keys", "keysecondary"),
    ("comment", "comment"),
    ("content", "content"),
    ("constant", "constant"),
    ("selective", "selective"),
    ("insertion_order", "order"),
];

/// The character book of a world: its entries in key order, under the world's name.
///
/// `entries` is the world file's `entries`, an object by uid (or an array). `None` when an entry is `null`, which
/// the original cannot convert; the card then keeps the book it had.
#[must_use]
pub fn from_world(name: &str, entries: &Value) -> Option<Value> {
    let sources: Vec<&Value> = match entries {
        Value::Object(map) => in_key_order(map),
        Value::Array(list) => list.iter().collect(),
        _ => Vec::new(),
    };
    let converted = sources.into_iter().map(entry).collect::<Option<Vec<_>>>()?;
    let mut book = Map::new();
    book.insert("entries".into(), Value::Array(converted));
    book.insert("name".into(), name.into());
    Some(Value::Object(book))
}

/// Whole-number keys ascending, then the others as they came: the order in which JavaScript visits them.
fn in_key_order(map: &Map<String, Value>) -> Vec<&Value> {
    let mut pairs: Vec<_> = map.iter().collect();
    pairs.sort_by_key(|(key, _)| index_of(key).unwrap_or(u64::MAX));
    pairs.into_iter().map(|(_, value)| value).collect()
}

fn index_of(key: &str) -> Option<u64> {
    let index = key
        .parse::<u32>()
        .ok()
        .filter(|&index| index != u32::MAX && index.to_string() == key);
    index.map(u64::from)
}

fn entry(source: &Value) -> Option<Value> {
    let empty = Map::new();
    let source = match source {
        Value::Null => return None,
        Value::Object(map) => map,
        _ => &empty,
    };
    let mut out = Map::new();
    for (to, from) in COPIED {
        put(&mut out, to, source.get(from).cloned());
    }
    out.insert("enabled".into(), (!truthy(source.get("disable"))).into());
    let position = if equals_zero(source.get("position")) {
        "before_char"
    } else {
        "after_char"
    };
    out.insert("position".into(), position.into());
    // Keys of world entries may always be regular expressions.
    out.insert("use_regex".into(), true.into());
    let mut extensions = source
        .get("extensions")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for (to, from, fallback) in EXTENSIONS {
        put(&mut extensions, to, fallback.resolve(source.get(*from)));
    }
    out.insert("extensions".into(), Value::Object(extensions));
    Some(Value::Object(out))
}

/// `value == 0`, where `"0"`, `""` and `false` are equal to zero and `null` is not.
fn equals_zero(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Object(_)) => false,
        value => super::coerce::number(value) == 0.0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::from_world;

    #[test]
    fn entries_are_converted_in_key_order() {
        let entries = json!({
            "1": {"uid": 1, "key": ["b"], "keysecondary": [], "comment": "c", "content": "x", "constant": false,
                "selective": true, "order": 100, "position": "0", "disable": true, "probability": 50, "role": null,
                "extensions": {"position": 9, "foo": 1, "depth": 8}},
            "0": {"uid": 0, "key": ["a"], "order": 5, "position": 4, "depth": 2, "outletName": "o", "sticky": 0,
                "triggers": ["x"]},
        });
        let book = from_world("W", &entries).expect("every entry is an object");
        let expected = concat!(
            r#"{"entries":[{"id":0,"keys":["a"],"insertion_order":5,"enabled":true,"position":"after_char","#,
            r#""use_regex":true,"extensions":{"position":4,"probability":null,"useProbability":false,"depth":2,"#,
            r#""selectiveLogic":0,"outlet_name":"o","group":"","group_override":false,"group_weight":null,"#,
            r#""prevent_recursion":false,"delay_until_recursion":false,"scan_depth":null,"match_whole_words":null,"#,
            r#""use_group_scoring":false,"case_sensitive":null,"automation_id":"","role":0,"vectorized":false,"#,
            r#""sticky":0,"cooldown":null,"delay":null,"match_persona_description":false,"#,
            r#""match_character_description":false,"match_character_personality":false,"#,
            r#""match_character_depth_prompt":false,"match_scenario":false,"match_creator_notes":false,"#,
            r#""triggers":["x"],"ignore_budget":false}},{"id":1,"keys":["b"],"secondary_keys":[],"comment":"c","#,
            r#""content":"x","constant":false,"selective":true,"insertion_order":100,"enabled":false,"#,
            r#""position":"before_char","use_regex":true,"extensions":{"position":"0","foo":1,"depth":4,"#,
            r#""probability":50,"useProbability":false,"selectiveLogic":0,"outlet_name":"","group":"","#,
            r#""group_override":false,"group_weight":null,"prevent_recursion":false,"#,
            r#""delay_until_recursion":false,"scan_depth":null,"match_whole_words":null,"#,
            r#""use_group_scoring":false,"case_sensitive":null,"automation_id":"","role":0,"vectorized":false,"#,
            r#""sticky":null,"cooldown":null,"delay":null,"match_persona_description":false,"#,
            r#""match_character_description":false,"match_character_personality":false,"#,
            r#""match_character_depth_prompt":false,"match_scenario":false,"match_creator_notes":false,"#,
            r#""triggers":[],"ignore_budget":false}}],"name":"W"}"#,
        );
        assert_eq!(book.to_string(), expected);
    }

    #[test]
    fn an_array_of_entries_is_taken_too() {
        let book = from_world("A", &json!([{"uid": 3}])).expect("converts");
        assert_eq!(book["entries"][0]["id"], json!(3));
        assert_eq!(book["entries"][0]["extensions"].get("position"), None);
    }

    #[test]
    fn a_null_entry_makes_no_book() {
        assert_eq!(from_world("N", &json!({"1": null})), None);
    }
}

//! Changes to parts of a card: one field (`/edit-attribute`) or a deep merge (`/merge-attributes`).

use serde_json::{Map, Value};

use crate::json;

/// The value that, in an update, removes the key it is given for.
pub const UNSET: &str = "__@@UNSET@@__";

/// Why a field cannot be set.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum FieldError {
    /// Neither the card nor its `data` has the field (400 `Error: invalid field.`).
    #[error("invalid field")]
    Unknown,
    /// The card has no `data` object to set the field in (500).
    #[error("the card has no data")]
    NoData,
}

/// Sets a field both at the top level and in `data`; `None` removes it there (`POST /api/characters/edit-attribute`).
///
/// # Errors
/// See [`FieldError`]; the card is then unchanged.
pub fn set_field(card: &mut Value, field: &str, value: Option<&Value>) -> Result<(), FieldError> {
    // Putting `data` inside itself makes a circle the original cannot write.
    let top = card
        .as_object_mut()
        .filter(|_| field != "data")
        .ok_or(FieldError::NoData)?;
    let known = top.contains_key(field);
    let data = top
        .get("data")
        .and_then(Value::as_object)
        .ok_or(FieldError::NoData)?;
    if !known && !data.contains_key(field) {
        return Err(FieldError::Unknown);
    }
    super::coerce::put(top, field, value.cloned());
    if let Some(Value::Object(data)) = top.get_mut("data") {
        super::coerce::put(data, field, value.cloned());
    }
    Ok(())
}

/// Merges `source` into `target`: objects recurse, anything else (arrays, `null`) replaces.
///
/// compat: an object merged over something that is no object leaves an object without the source's keys: the indices
/// of an array or text, or nothing at all.
pub fn merge(target: &mut Value, source: &Value) {
    let Value::Object(map) = target else {
        *target = Value::Object(as_properties(target));
        return;
    };
    let Value::Object(source) = source else { return };
    for (key, value) in source {
        match map.get_mut(key) {
            Some(current) if value.is_object() => merge(current, value),
            _ => _ = map.insert(key.clone(), value.clone()),
        }
    }
}

/// The own properties of something that is no object, as a copy of it into an empty object has them.
fn as_properties(value: &Value) -> Map<String, Value> {
    let numbered = |(index, value): (usize, Value)| (index.to_string(), value);
    match value {
        Value::Array(list) => list.iter().cloned().enumerate().map(numbered).collect(),
        Value::String(text) => {
            let units = json::to_utf16(text)
                .into_iter()
                .map(|unit| json::from_utf16(&[unit]).into());
            units.enumerate().map(numbered).collect()
        }
        _ => Map::new(),
    }
}

/// Merges an update into a card and removes what it marks with [`UNSET`] (`POST /api/characters/merge-attributes`).
///
/// `json_data` is dropped from both. Marks inside arrays are ordinary text.
pub fn merge_update(card: &mut Value, update: &Value) {
    let mut update = update.clone();
    for side in [&mut update, &mut *card] {
        if let Value::Object(map) = side {
            map.shift_remove("json_data");
        }
    }
    merge(card, &update);
    remove_unset(card, &update);
}

fn remove_unset(target: &mut Value, update: &Value) {
    let (Value::Object(target), Value::Object(update)) = (target, update) else {
        return;
    };
    for (key, value) in update {
        if value.as_str() == Some(UNSET) {
            target.shift_remove(key);
        } else if let Some(inner) = target.get_mut(key) {
            remove_unset(inner, value);
        }
    }
}

/// Whether a card has something, `null` included, at a path such as `data.extensions.fav` or `data.tags[0]`
/// (`filter.path` of `POST /api/characters/merge-attributes`). A key spelled like the whole path counts first.
#[must_use]
pub fn is_defined(card: &Value, path: &str) -> bool {
    if card.get(path).is_some() {
        return true;
    }
    let keys = keys_of(path);
    let Some((last, parents)) = keys.split_last() else {
        return false;
    };
    let mut value = card;
    for key in parents {
        match step(value, key) {
            Some(next) => value = next,
            None => return false,
        }
    }
    step(value, last).is_some() || has_character(value, last)
}

fn step<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(key),
        Value::Array(list) => list.get(index_of(key)?),
        _ => None,
    }
}

/// Lists and texts have a `length`, texts have characters; neither can be a parent of anything.
fn has_character(value: &Value, key: &str) -> bool {
    match value {
        Value::Array(_) => key == "length",
        Value::String(text) => {
            key == "length" || index_of(key).is_some_and(|index| index < json::utf16_len(text))
        }
        _ => false,
    }
}

fn index_of(key: &str) -> Option<usize> {
    key.parse::<usize>().ok().filter(|index| index.to_string() == key)
}

/// Splits a path at dots and brackets; a bracket may hold a quoted key.
fn keys_of(path: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut rest = path;
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (plain, tail) = rest.split_at(end);
        if !plain.is_empty() || !tail.starts_with('[') {
            keys.push(plain.to_owned());
        }
        rest = tail;
        while let Some((key, tail)) = rest.strip_prefix('[').and_then(bracket) {
            keys.push(key);
            rest = tail;
        }
        match rest.strip_prefix('.').or_else(|| rest.strip_prefix('[')) {
            Some(tail) => rest = tail,
            None if rest.is_empty() => return keys,
            None => {}
        }
    }
}

/// The key inside a bracket, and what follows it.
fn bracket(inside: &str) -> Option<(String, &str)> {
    let quote = inside.chars().next().filter(|c| *c == '"' || *c == '\'');
    let Some(quote) = quote else {
        let (key, tail) = inside.split_once(']')?;
        return Some((key.to_owned(), tail));
    };
    let mut key = String::new();
    let mut chars = inside.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            key.push(chars.next()?.1);
        } else if c == quote {
            return Some((key, inside[at + 1..].strip_prefix(']')?));
        } else {
            key.push(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{FieldError, UNSET, is_defined, keys_of, merge, merge_update, set_field};

    fn merged(mut target: Value, source: &Value) -> Value {
        merge(&mut target, source);
        target
    }

    #[test]
    fn an_object_over_anything_else_loses_the_source() {
        let target = json!({"a": [1, 2], "b": "xy", "c": null, "d": 5, "e": {"f": 1}});
        let z = json!({"z": 1});
        let source = json!({"a": z, "b": z, "c": z, "d": z, "e": {"g": [1]}, "h": {"i": 1}});
        let expected = json!({"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": "y"}, "c": {}, "d": {},
            "e": {"f": 1, "g": [1]}, "h": {"i": 1}});
        assert_eq!(merged(target, &source), expected);
    }

    #[test]
    fn a_text_falls_apart_into_its_utf16_units() {
        let merged = merged(json!({"a": "\u{e9}\u{1f600}"}), &json!({"a": {}}));
        assert_eq!(
            crate::json::to_vec(&merged),
            "{\"a\":{\"0\":\"\u{e9}\",\"1\":\"\\ud83d\",\"2\":\"\\ude00\"}}".as_bytes()
        );
    }

    #[test]
    fn arrays_scalars_and_null_replace() {
        let target = json!({"a": [1, 2], "b": {"c": 1}, "k": 1});
        let source = json!({"a": [3], "b": null});
        assert_eq!(merged(target, &source), json!({"a": [3], "b": null, "k": 1}));
        assert_eq!(merged(json!({"a": 1}), &json!([1])), json!({"a": 1}));
    }

    #[test]
    fn marked_keys_are_removed_but_not_inside_arrays() {
        let mut card = json!({"a": 1, "b": {"c": 1, "d": [1]}, "e": "s", "json_data": "x"});
        let update = json!({"a": UNSET, "b": {"c": UNSET, "d": [UNSET]}, "n": {"m": UNSET, "k": 1}, "b.d": UNSET,
            "e": {"q": UNSET}, "json_data": "y"});
        merge_update(&mut card, &update);
        assert_eq!(card, json!({"b": {"d": [UNSET]}, "e": {"0": "s"}, "n": {"k": 1}}));
    }

    #[test]
    fn a_field_is_set_in_both_places_or_not_at_all() {
        let mut card = json!({"name": "a", "data": {"creator": "x"}});
        assert_eq!(set_field(&mut card, "creator", Some(&json!("y"))), Ok(()));
        assert_eq!(
            card,
            json!({"name": "a", "data": {"creator": "y"}, "creator": "y"})
        );
        assert_eq!(set_field(&mut card, "name", None), Ok(()));
        assert_eq!(card, json!({"data": {"creator": "y"}, "creator": "y"}));
        assert_eq!(
            set_field(&mut card, "nope", Some(&json!(1))),
            Err(FieldError::Unknown)
        );
        let mut v1 = json!({"name": "a"});
        assert_eq!(
            set_field(&mut v1, "name", Some(&json!("b"))),
            Err(FieldError::NoData)
        );
        assert_eq!(v1, json!({"name": "a"}));
        assert_eq!(
            set_field(&mut card, "data", Some(&json!({}))),
            Err(FieldError::NoData)
        );
    }

    #[test]
    fn paths_split_at_dots_and_brackets() {
        assert_eq!(keys_of("a.b"), ["a", "b"]);
        assert_eq!(keys_of("a[0].b"), ["a", "0", "b"]);
        assert_eq!(keys_of("a[\"b.c\"]['d\\'e']"), ["a", "b.c", "d'e"]);
        assert_eq!(keys_of("[0]x"), ["0", "x"]);
        assert_eq!(keys_of(".a"), ["", "a"]);
        assert_eq!(keys_of("a..b"), ["a", "", "b"]);
        assert_eq!(keys_of(""), [""]);
    }

    #[test]
    fn null_is_defined_and_a_literal_key_wins() {
        let card = json!({"a": null, "b": {"c": [1]}, "d.e": 1, "s": "xy"});
        for path in [
            "a",
            "b.c",
            "b.c[0]",
            "b.c.0",
            "b.c.length",
            "d.e",
            "s[1]",
            "s.length",
        ] {
            assert!(is_defined(&card, path), "{path}");
        }
        for path in ["x", "a.b", "b.c[1]", "b.c[00]", "s[2]", "", "b.c.length.x"] {
            assert!(!is_defined(&card, path), "{path}");
        }
    }
}

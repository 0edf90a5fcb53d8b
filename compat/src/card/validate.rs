//! The check a card must pass before `POST /api/characters/merge-attributes` stores it.

use serde_json::Value;

use super::coerce;

/// The card specification a card satisfies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Six keys at the top level, whatever their values.
    V1,
    /// `chara_card_v2` 2.0 with all fields of `data`.
    V2,
    /// `chara_card_v3` below 4.0 with a `data` object.
    V3,
}

const V1_FIELDS: [&str; 6] = [
    "name",
    "description",
    "personality",
    "scenario",
    "first_mes",
    "mes_example",
];
const V2_FIELDS: [&str; 14] = [
    "name",
    "description",
    "personality",
    "scenario",
    "first_mes",
    "mes_example",
    "creator_notes",
    "system_prompt",
    "post_history_instructions",
    "alternate_greetings",
    "tags",
    "creator",
    "character_version",
    "extensions",
];

/// The first specification the card satisfies, tried in order.
///
/// # Errors
/// What the last try failed on, as the reply's `error` states it: `spec`, `spec_version` or
/// `No tavern card data found`. compat: V3 is always tried last, so a faulty V2 card fails on its `spec`.
pub fn validate(card: &Value) -> Result<Version, String> {
    if V1_FIELDS.iter().all(|field| card.get(field).is_some()) {
        return Ok(Version::V1);
    }
    if is_v2(card) {
        return Ok(Version::V2);
    }
    if card.get("spec").and_then(Value::as_str) != Some("chara_card_v3") {
        return Err("spec".to_owned());
    }
    // compat: a version that is no number passes, since it is neither below 3 nor at least 4.
    let version = coerce::number(card.get("spec_version"));
    if !version.is_nan() && !(3.0..4.0).contains(&version) {
        return Err("spec_version".to_owned());
    }
    if !card
        .get("data")
        .is_some_and(|data| data.is_object() || data.is_array())
    {
        return Err("No tavern card data found".to_owned());
    }
    Ok(Version::V3)
}

fn is_v2(card: &Value) -> bool {
    let text = |key: &str| card.get(key).and_then(Value::as_str);
    text("spec") == Some("chara_card_v2") && text("spec_version") == Some("2.0") && has_v2_data(card)
}

fn has_v2_data(card: &Value) -> bool {
    let Some(data) = card.get("data").and_then(Value::as_object) else {
        return false;
    };
    V2_FIELDS.iter().all(|field| data.contains_key(*field))
        && data["alternate_greetings"].is_array()
        && data["tags"].is_array()
        && is_object_type(&data["extensions"])
        && data.get("character_book").is_none_or(has_v2_book)
}

fn has_v2_book(book: &Value) -> bool {
    !coerce::truthy(Some(book))
        || (book.get("extensions").is_some_and(is_object_type)
            && book.get("entries").is_some_and(Value::is_array))
}

/// `typeof value === 'object'`, which includes `null` and arrays.
fn is_object_type(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Array(_) | Value::Object(_))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{V1_FIELDS, V2_FIELDS, Version, validate};

    fn v2(extra: &Value) -> Value {
        let mut data: serde_json::Map<_, _> = V2_FIELDS.iter().map(|f| ((*f).to_owned(), json!(1))).collect();
        data.insert("alternate_greetings".into(), json!([]));
        data.insert("tags".into(), json!([]));
        data.insert("extensions".into(), json!(null));
        data.extend(extra.as_object().cloned().unwrap_or_default());
        json!({"spec": "chara_card_v2", "spec_version": "2.0", "data": data})
    }

    fn v3(version: &Value, data: &Value) -> Value {
        json!({"spec": "chara_card_v3", "spec_version": version, "data": data})
    }

    #[test]
    fn each_version_has_its_rule() {
        let v1: serde_json::Map<_, _> = V1_FIELDS.iter().map(|f| ((*f).to_owned(), json!(null))).collect();
        assert_eq!(validate(&Value::Object(v1)), Ok(Version::V1));
        assert_eq!(validate(&v2(&json!({}))), Ok(Version::V2));
        assert_eq!(
            validate(&v2(&json!({"character_book": {"extensions": {}, "entries": []}}))),
            Ok(Version::V2)
        );
        assert_eq!(
            validate(&json!({"spec": "chara_card_v3", "data": {}})),
            Ok(Version::V3)
        );
        assert_eq!(validate(&v3(&json!("3.9"), &json!([]))), Ok(Version::V3));
    }

    #[test]
    fn a_failure_names_the_last_field_tried() {
        let spec = Err("spec".to_owned());
        assert_eq!(validate(&json!({})), spec);
        assert_eq!(validate(&json!({"name": 1})), spec);
        assert_eq!(validate(&v2(&json!({"tags": 1}))), spec);
        assert_eq!(validate(&v2(&json!({"character_book": {}}))), spec);
        assert_eq!(
            validate(&v3(&json!("2.9"), &json!({}))),
            Err("spec_version".to_owned())
        );
        assert_eq!(
            validate(&v3(&json!(""), &json!([]))),
            Err("spec_version".to_owned())
        );
        let no_data = Err("No tavern card data found".to_owned());
        assert_eq!(
            validate(&json!({"spec": "chara_card_v3", "spec_version": "3.0"})),
            no_data
        );
        assert_eq!(validate(&v3(&json!("3.0"), &json!("x"))), no_data);
    }
}

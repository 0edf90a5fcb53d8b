//! The coercions and property paths of JavaScript that cards depend on.
//!
//! An absent key stands for `undefined`, which is distinct from `null` throughout.

use serde_json::{Map, Number, Value};

use crate::json;

/// Whether `if (value)` would pass.
pub(super) fn truthy(value: Option<&Value>) -> bool {
    value.is_some_and(json::js_truthy)
}

/// `value || fallback`.
pub(super) fn or(value: Option<&Value>, fallback: impl Into<Value>) -> Value {
    value
        .filter(|value| truthy(Some(value)))
        .cloned()
        .unwrap_or_else(|| fallback.into())
}

/// `value ?? fallback`.
pub(super) fn or_nullish(value: Option<&Value>, fallback: impl Into<Value>) -> Value {
    value
        .filter(|value| !value.is_null())
        .cloned()
        .unwrap_or_else(|| fallback.into())
}

/// `String(value)`, with `undefined` for an absent one.
pub(super) fn text(value: Option<&Value>) -> String {
    value.map_or_else(|| "undefined".to_owned(), json::js_string)
}

/// `Number(value)`; `NaN` for an absent one.
pub(super) fn number(value: Option<&Value>) -> f64 {
    match value {
        None | Some(Value::Object(_)) => f64::NAN,
        Some(Value::Null) => 0.0,
        Some(Value::Bool(flag)) => f64::from(u8::from(*flag)),
        Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
        Some(Value::String(text)) => number_of_text(text),
        Some(list @ Value::Array(_)) => number_of_text(&json::js_string(list)),
    }
}

/// `Number(text)`.
pub(super) fn number_of_text(text: &str) -> f64 {
    let text = json::js_trim(text);
    if text.is_empty() {
        return 0.0;
    }
    for (prefixes, radix) in [(["0x", "0X"], 16), (["0o", "0O"], 8), (["0b", "0B"], 2)] {
        if let Some(digits) = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)) {
            return whole(digits, radix).unwrap_or(f64::NAN);
        }
    }
    match text {
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        // The standard parser also knows `inf` and `nan`, which are no numbers here.
        _ if text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) =>
        {
            text.parse().unwrap_or(f64::NAN)
        }
        _ => f64::NAN,
    }
}

/// `parseInt(text)`.
pub(super) fn parse_int(text: &str) -> f64 {
    let text = json::js_trim(text);
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = hex.map_or((text, 10), |rest| (rest, 16));
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    whole(&digits[..end], radix).map_or(f64::NAN, |value| sign * value)
}

fn whole(digits: &str, radix: u32) -> Option<f64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0.0, |value, digit| {
        Some(value * f64::from(radix) + f64::from(digit.to_digit(radix)?))
    })
}

/// A number as JSON writes it: no fraction where there is none, `null` where JSON has no number.
pub(super) fn number_value(value: f64) -> Value {
    const SAFE: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < SAFE {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole number below 2^53 is exact"
        )]
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// The value at a chain of object keys.
pub(super) fn get<'a>(map: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (last, parents) = path.split_last()?;
    let mut map = map;
    for key in parents {
        map = map.get(*key)?.as_object()?;
    }
    map.get(*last)
}

/// Writes at a chain of object keys, making objects on the way; `None` removes the key, as `undefined` would.
///
/// compat: a primitive on the way is replaced by an object, while what is set on an array is lost.
pub(super) fn set(map: &mut Map<String, Value>, path: &[&str], value: Option<Value>) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let mut map = map;
    for key in parents {
        let slot = map.entry(*key).or_insert(Value::Null);
        if !slot.is_object() && !slot.is_array() {
            *slot = Value::Object(Map::new());
        }
        let Value::Object(inner) = slot else { return };
        map = inner;
    }
    put(map, last, value);
}

/// Writes one key in place; `None` removes it.
pub(super) fn put(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => _ = map.insert(key.to_owned(), value),
        None => _ = map.shift_remove(key),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{number, number_of_text, number_value, parse_int, set, truthy};

    #[test]
    fn numbers_follow_the_language() {
        let cases = [
            ("-0", 0.0),
            ("1.50", 1.5),
            ("0b11", 3.0),
            ("0o17", 15.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("+3", 3.0),
            ("1e3", 1000.0),
            ("\u{a0}7\u{feff}", 7.0),
            ("", 0.0),
        ];
        for (text, value) in cases {
            assert!((number_of_text(text) - value).abs() < f64::EPSILON, "{text:?}");
        }
        for text in ["1_0", "0x", "- 1", "inf", "nan", "e5", "."] {
            assert!(number_of_text(text).is_nan(), "{text:?}");
        }
        assert_eq!(number_value(number(Some(&json!(["3"])))), json!(3));
        assert_eq!(number_value(number(Some(&json!(null)))), json!(0));
        assert!(number(Some(&json!([1, 2]))).is_nan() && number(None).is_nan());
        assert_eq!(number_value(number_of_text("Infinity")), json!(null));
    }

    #[test]
    fn leading_digits_count_in_parse_int() {
        for (text, value) in [("1e3", 1.0), ("1.5", 1.0), ("-3", -3.0), ("0x10", 16.0)] {
            assert!((parse_int(text) - value).abs() < f64::EPSILON, "{text}");
        }
        assert!(parse_int("").is_nan() && parse_int("Infinity").is_nan());
    }

    #[test]
    fn truth_follows_the_language() {
        for value in [json!(null), json!(false), json!(0), json!(0.0), json!("")] {
            assert!(!truthy(Some(&value)), "{value}");
        }
        for value in [json!([]), json!({}), json!("0"), json!(-1)] {
            assert!(truthy(Some(&value)), "{value}");
        }
    }

    #[test]
    fn setting_replaces_primitives_and_is_lost_on_arrays() {
        let mut card = json!({"data": null, "list": [1]});
        let map = card.as_object_mut().expect("an object");
        set(map, &["data", "extensions", "fav"], Some(json!(false)));
        set(map, &["list", "x"], Some(json!(1)));
        assert_eq!(card, json!({"data": {"extensions": {"fav": false}}, "list": [1]}));
    }
}

//! JavaScript's conversions between values, strings and numbers.

use serde_json::{Map, Value};

use super::surrogates;

/// White space as JavaScript's `\s` and `trim` know it (U+FEFF is one, U+0085 is not).
pub fn is_js_space(c: char) -> bool {
    matches!(
        c,
        '\t'..='\r' | ' ' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{2028}' | '\u{2029}' | '\u{202F}'
            | '\u{205F}' | '\u{3000}' | '\u{FEFF}'
    )
}

/// `text.trim()`.
pub fn js_trim(text: &str) -> &str {
    text.trim_matches(is_js_space)
}

/// `text.length` of a string at the value level: UTF-16 code units.
pub fn utf16_len(text: &str) -> usize {
    if surrogates::has_plane_16(text) {
        return surrogates::to_utf16(text).len();
    }
    text.encode_utf16().count()
}

/// `Boolean(value)`.
pub fn js_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// `Number(value)` for scalars; NaN for arrays and objects.
pub fn js_to_number(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => string_to_number(js_trim(text)),
        Value::Array(_) | Value::Object(_) => f64::NAN,
    }
}

fn string_to_number(text: &str) -> f64 {
    let decimal = |c: char| matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-');
    match text {
        "" => 0.0,
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ if text.chars().all(decimal) => text.parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}

/// `String(value)`: arrays join with commas, `null` inside them is empty, objects are `[object Object]`.
pub fn js_string(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => js_number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts: Vec<String> = items
                .iter()
                .map(|item| {
                    if item.is_null() {
                        String::new()
                    } else {
                        js_string(item)
                    }
                })
                .collect();
            texts.join(",")
        }
        Value::Object(_) => "[object Object]".to_owned(),
    }
}

/// `String(number)`: `1`, `0.000001`, `1e-7`, `100000000000000000000`, `1e+21`, `NaN`.
pub fn js_number(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if !number.is_finite() {
        return if number.is_nan() {
            "NaN".to_owned()
        } else {
            format!("{number}").replace("inf", "Infinity")
        };
    }
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    let sign = if number < 0.0 { "-" } else { "" };
    let (digits, exponent) = shortest(number.abs());
    format!("{sign}{}", place_point(&digits, exponent))
}

/// The shortest digits that read back as `number`, and the power of ten of the first one.
fn shortest(number: f64) -> (String, i32) {
    // serde_json takes the even one of two equally near candidates, as ECMAScript does and Rust's `{:e}` does not.
    let text = serde_json::Number::from_f64(number)
        .map(|number| number.to_string())
        .unwrap_or_default();
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let power: i32 = power.parse().unwrap_or(0);
    let leading_zeros = all.len() - digits.len();
    let place = i32::try_from(whole.len()).unwrap_or(0) - i32::try_from(leading_zeros).unwrap_or(0);
    (digits.trim_end_matches('0').to_owned(), power + place - 1)
}

/// Lays `digits` × 10^`exponent` (point after the first digit) out as ECMAScript's Number::toString does.
fn place_point(digits: &str, exponent: i32) -> String {
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |number: i32| "0".repeat(usize::try_from(number).unwrap_or(0));
    match exponent {
        0..=20 if exponent + 1 >= count => format!("{digits}{}", zeros(exponent + 1 - count)),
        0..=20 => {
            let (whole, fraction) = digits.split_at(usize::try_from(exponent + 1).unwrap_or(0));
            format!("{whole}.{fraction}")
        }
        -6..=-1 => format!("0.{}{digits}", zeros(-exponent - 1)),
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let sign = if exponent < 0 { "-" } else { "+" };
            format!("{first}{point}{rest}e{sign}{}", exponent.abs())
        }
    }
}

/// Sorts every object's integer-like keys first, as a JavaScript object lists them.
pub(super) fn order_keys(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(order_keys),
        Value::Object(map) => {
            map.values_mut().for_each(order_keys);
            if !in_js_order(map) {
                let mut entries: Vec<(String, Value)> = std::mem::take(map).into_iter().collect();
                entries.sort_by_key(|(key, _)| rank(key));
                map.extend(entries);
            }
        }
        _ => {}
    }
}

fn in_js_order(map: &Map<String, Value>) -> bool {
    map.keys().map(|key| rank(key)).is_sorted()
}

/// Array indices rank by value, every other key after them.
fn rank(key: &str) -> u32 {
    let canonical = key == "0" || (!key.starts_with('0') && key.bytes().all(|byte| byte.is_ascii_digit()));
    if canonical {
        key.parse().unwrap_or(u32::MAX)
    } else {
        u32::MAX
    }
}

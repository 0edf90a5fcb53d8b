//! The coercions of JavaScript that show in what the original sends: truthiness, string and number conversion.

use serde_json::Value;

/// Whether JavaScript calls the value true; `None` stands for `undefined`.
pub(crate) fn is_truthy(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(_) | Value::Object(_)) => true,
    }
}

/// What `String(value)` gives; `None` stands for `undefined`.
pub(crate) fn to_text(value: Option<&Value>) -> String {
    match value {
        None => "undefined".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(to_joined_text).collect();
            items.join(",")
        }
        Some(Value::Object(_)) => "[object Object]".to_owned(),
    }
}

/// What one element contributes to `Array.join`: nothing for `null`, its text otherwise.
fn to_joined_text(value: &Value) -> String {
    if value.is_null() { String::new() } else { to_text(Some(value)) }
}

/// What an optional element contributes to `Array.join`.
pub(crate) fn join_text(value: Option<&Value>) -> String {
    value.map(to_joined_text).unwrap_or_default()
}

/// What `String(value || '')` gives.
pub(crate) fn text_or_empty(value: Option<&Value>) -> String {
    if is_truthy(value) { to_text(value) } else { String::new() }
}

/// What `value > 0` gives.
pub(crate) fn is_positive(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number > 0.0),
        Some(Value::String(text)) => text.trim().parse::<f64>().is_ok_and(|number| number > 0.0),
        _ => false,
    }
}

/// What storing the value in a `Uint32Array` gives: truncated, modulo 2^32, zero when not a number.
pub(crate) fn to_uint32(value: &Value) -> u32 {
    let number = match value {
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Number(number) => number.as_f64().unwrap_or(0.0),
        Value::String(text) => text.trim().parse().unwrap_or(0.0),
        Value::Null | Value::Array(_) | Value::Object(_) => 0.0,
    };
    if !number.is_finite() {
        return 0;
    }
    // The remainder lies in 0..2^32, so the cast keeps its value.
    number.trunc().rem_euclid(4_294_967_296.0) as u32
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_positive, is_truthy, join_text, to_text, to_uint32};

    #[test]
    fn coerces_like_javascript() {
        assert!(!is_truthy(Some(&json!(""))) && !is_truthy(Some(&json!(0))) && !is_truthy(None));
        assert!(is_truthy(Some(&json!([]))) && is_truthy(Some(&json!("0"))));
        assert_eq!(to_text(None), "undefined");
        assert_eq!(to_text(Some(&json!([1, null, [2, 3], {}]))), "1,,2,3,[object Object]");
        assert_eq!(join_text(Some(&json!(null))), "");
        assert!(is_positive(Some(&json!("5"))) && !is_positive(Some(&json!(0))) && !is_positive(Some(&json!([1]))));
        assert_eq!(to_uint32(&json!(-1)), u32::MAX);
        assert_eq!(to_uint32(&json!(3.7)), 3);
        assert_eq!(to_uint32(&json!("x")), 0);
        assert_eq!(to_uint32(&json!("9906")), 9906);
    }
}

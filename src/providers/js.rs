//! JavaScript's coercions for fields that may be missing (`None` stands for `undefined`), and its spelling of addresses.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use squaretable_compat::json::{js_string, js_to_number, js_truthy};

/// What `encodeURIComponent` escapes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// `encodeURIComponent(text)`.
pub(crate) fn encode_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// A text as one step of an address's path, whatever it holds.
pub(crate) fn path_step(text: &str) -> String {
    let step = encode_component(text);
    // Dots are not escaped, and alone they would lead elsewhere.
    if matches!(step.as_str(), "." | "..") {
        "undefined".to_owned()
    } else {
        step
    }
}

/// `Boolean(value)`.
pub(crate) fn is_truthy(value: Option<&Value>) -> bool {
    value.is_some_and(js_truthy)
}

/// `String(value)`.
pub(crate) fn to_text(value: Option<&Value>) -> String {
    value.map_or_else(|| "undefined".to_owned(), js_string)
}

/// What an element contributes to `Array.join`: nothing for `null` and `undefined`.
pub(crate) fn join_text(value: Option<&Value>) -> String {
    value
        .filter(|value| !value.is_null())
        .map(js_string)
        .unwrap_or_default()
}

/// `String(value || '')`.
pub(crate) fn text_or_empty(value: Option<&Value>) -> String {
    value
        .filter(|value| js_truthy(value))
        .map(js_string)
        .unwrap_or_default()
}

/// `value > 0`.
pub(crate) fn is_positive(value: Option<&Value>) -> bool {
    value.is_some_and(|value| js_to_number(value) > 0.0)
}

/// `Number(value)`; NaN when missing. An array is the number that its text is.
pub(crate) fn to_number(value: Option<&Value>) -> f64 {
    match value {
        Some(array @ Value::Array(_)) => js_to_number(&js_string(array).into()),
        other => other.map_or(f64::NAN, js_to_number),
    }
}

/// A number as JSON; `null` when it is not finite.
pub(crate) fn from_number(number: f64) -> Value {
    /// Below this every whole double is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        return (number as i64).into();
    }
    serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// What storing the value in a `Uint32Array` gives: truncated, modulo 2^32, zero when not a finite number.
pub(crate) fn to_uint32(value: &Value) -> u32 {
    let number = js_to_number(value);
    if !number.is_finite() {
        return 0;
    }
    // The remainder lies in 0..2^32, so the cast keeps its value.
    number.trunc().rem_euclid(4_294_967_296.0) as u32
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_positive, is_truthy, join_text, path_step, text_or_empty, to_text, to_uint32};

    #[test]
    fn a_step_of_a_path_leads_nowhere_else() {
        assert_eq!(path_step("a-1 ü"), "a-1%20%C3%BC");
        assert_eq!(path_step("../../x?y"), "..%2F..%2Fx%3Fy");
        assert_eq!(path_step(".."), "undefined");
        assert_eq!(path_step("%2e%2e"), "%252e%252e");
    }

    #[test]
    fn coerces_like_javascript() {
        assert!(!is_truthy(Some(&json!(""))) && !is_truthy(Some(&json!(0))) && !is_truthy(None));
        assert!(is_truthy(Some(&json!([]))) && is_truthy(Some(&json!("0"))));
        assert_eq!(to_text(None), "undefined");
        assert_eq!(join_text(Some(&json!(null))), "");
        assert_eq!(text_or_empty(Some(&json!(0))), "");
        assert!(is_positive(Some(&json!("5"))) && !is_positive(Some(&json!(0))) && !is_positive(None));
        assert_eq!(to_uint32(&json!(-1)), u32::MAX);
        assert_eq!(to_uint32(&json!(3.7)), 3);
        assert_eq!(to_uint32(&json!("x")), 0);
        assert_eq!(to_uint32(&json!("9906")), 9906);
        assert_eq!(to_uint32(&json!(null)), 0);
    }
}

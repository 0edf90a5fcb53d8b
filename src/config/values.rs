//! YAML values as JavaScript reads them.

use serde_yaml_ng::Value;

/// The truth value JavaScript gives to `value`, after the words `true` and `false` in any case.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number
            .as_f64()
            .is_some_and(|number| number != 0.0 && !number.is_nan()),
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "false" => false,
            "true" => true,
            _ => !text.is_empty(),
        },
        _ => true,
    }
}

/// What a value is, for a message; containers are named, not printed.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) | Value::Tagged(_) => "a section".to_owned(),
        Value::String(text) => format!("{text:?}"),
        other => scalar_text(other).unwrap_or_default(),
    }
}

/// The text of a scalar; `None` for a container.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// The integer that `parseFloat` finds at the start of a text, unless a fraction follows.
pub(super) fn leading_integer(text: &str) -> Option<i64> {
    let end = text
        .char_indices()
        .find(|(at, letter)| {
            !(letter.is_ascii_digit() || *letter == '.' || (*at == 0 && "+-".contains(*letter)))
        })
        .map_or(text.len(), |(at, _)| at);
    let number: f64 = text[..end].parse().ok()?;
    // 2^53: beyond it a JavaScript number is no longer exact.
    #[allow(clippy::cast_possible_truncation)]
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

pub(super) fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let units = [
        ("kb", 10),
        ("mb", 20),
        ("gb", 30),
        ("tb", 40),
        ("pb", 50),
        ("b", 0),
    ];
    let unit = units
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)));
    let (number, shift) = unit.unwrap_or((&text, 0));
    let size = number.trim().parse::<f64>().ok()? * (1_u64 << shift) as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (size.is_finite() && size >= 0.0).then_some(size as u64)
}

#[cfg(test)]
mod tests {
    use super::{leading_integer, parse_bytes};

    #[test]
    fn sizes_use_powers_of_1024() {
        assert_eq!(parse_bytes("256kb"), Some(262_144));
        assert_eq!(parse_bytes("1.5 mb"), Some(1_572_864));
        assert_eq!(parse_bytes("12"), Some(12));
        assert_eq!(parse_bytes("-1kb"), None);
    }

    #[test]
    fn a_number_at_the_start_of_a_text_counts() {
        assert_eq!(leading_integer("8000 # web"), Some(8000));
        assert_eq!(leading_integer("-1"), Some(-1));
        assert_eq!(leading_integer("10.0"), Some(10));
        assert_eq!(leading_integer("1.5"), None);
        assert_eq!(leading_integer("web"), None);
        assert_eq!(leading_integer(""), None);
    }
}

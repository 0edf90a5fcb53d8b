//! Awkward values: mutations of the fields of JSON bodies and queries, and of JSON bodies as a whole.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::dsl::{Call, call, get};
use super::fixtures::long_name;

/// What stands for the mutated value until the body is text: no [`Value`] holds a lone surrogate, or `1.0` as it is.
const MARK: &str = "@awkward@";

/// Every value a JSON field is replaced by, as JSON text.
const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "1.0",
    "-1",
    "1e21",
    "12345678901234567890",
    r#""""#,
    r#"" ""#,
    r#"".""#,
    r#""..""#,
    r#""../x""#,
    r#""a/../../x""#,
    r#""/etc/passwd""#,
    r#""..\\x""#,
    r#""CON""#,
    r#""x.""#,
    r#""🦊""#,
    "\"e\u{301}\"",
    r#""%2e%2e%2f""#,
    r#""100%""#,
    r#""a\u0000b""#,
    r#""\ud800""#,
    r#""__proto__""#,
    r#""constructor""#,
    "[]",
    r#"["a","b"]"#,
    "{}",
    r#"{"toString":1}"#,
    r#"{"a":{"b":[1,{"c":null}]}}"#,
];

/// Every value a text is replaced by, in forms and queries.
pub(super) const TEXTS: &[&str] = &[
    "",
    " ",
    ".",
    "..",
    "../x",
    "a/../../x",
    "/etc/passwd",
    "..\\x",
    "CON",
    "x.",
    "🦊",
    "e\u{301}",
    "%2e%2e%2f",
    "100%",
    "a\u{0}b",
    "__proto__",
    "constructor",
    "null",
    "0",
    "1e21",
    "{}",
    "[1]",
];

/// The mutations of one field of a JSON body: all but the long name, or it alone.
pub(super) fn json_values(path: &str, base: &Value, field: &str, long: bool) -> Vec<Call> {
    if long {
        let name = Value::String(long_name()).to_string();
        return vec![json_with(path, base, field, &name, "long")];
    }
    let values = VALUES.iter().map(|raw| json_with(path, base, field, raw, raw));
    std::iter::once(json_without(path, base, field))
        .chain(values)
        .collect()
}

fn json_with(path: &str, base: &Value, field: &str, raw: &str, label: &str) -> Call {
    let mut body = base.clone();
    *body.pointer_mut(field).expect("a field of the row's body") = Value::String(MARK.into());
    let text = body.to_string().replace(&format!("\"{MARK}\""), raw);
    call("POST", path)
        .body("application/json", text.as_bytes())
        .note(&format!("{}={label}", &field[1..]))
}

fn json_without(path: &str, base: &Value, field: &str) -> Call {
    let mut body = base.clone();
    let (parent, key) = field.rsplit_once('/').expect("a pointer");
    match body.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.remove(key)),
        Some(Value::Array(list)) => drop(list.remove(key.parse().expect("an index"))),
        _ => unreachable!("a field is part of an object or array"),
    }
    call("POST", path)
        .body("application/json", body.to_string().as_bytes())
        .note(&format!("{} missing", &field[1..]))
}

/// The mutations of a JSON body as a whole.
pub(super) fn json_bodies(path: &str, base: &Value) -> Vec<Call> {
    const JSON: &str = "application/json";
    let text = base.to_string();
    let cut: String = text.chars().take(text.chars().count() - 2).collect();
    // The last ones are valid, so that what the others left is covered.
    let mut bodies = vec![
        ("array", JSON, "[]".to_owned()),
        ("text", JSON, "\"text\"".to_owned()),
        ("null", JSON, "null".to_owned()),
        ("number", JSON, "5".to_owned()),
        ("empty", JSON, String::new()),
        ("empty object", JSON, "{}".to_owned()),
        ("truncated", JSON, cut),
        ("plain text", "text/plain", text.clone()),
        ("as a form", "application/x-www-form-urlencoded", text.clone()),
        ("untyped", "", text.clone()),
        ("latin", "application/json; charset=latin1", text.clone()),
    ];
    if let Some(first) = base.as_object().and_then(|map| map.keys().next()) {
        let twice = format!("{},\"{first}\":\"second\"}}", &text[..text.len() - 1]);
        bodies.push(("repeated key", JSON, twice));
    }
    bodies.push(("mark", JSON, format!("\u{feff}{text}")));
    bodies
        .into_iter()
        .map(|(name, kind, body)| {
            call("POST", path)
                .body(kind, body.as_bytes())
                .note(&format!("body: {name}"))
        })
        .collect()
}

/// 2 MB in a field that nobody asked for.
pub(super) fn padded(path: &str, base: &Value) -> Call {
    let mut body = base.clone();
    if let Some(map) = body.as_object_mut() {
        map.insert("padding".into(), Value::String(" ".repeat(2 << 20)));
    }
    call("POST", path)
        .body("application/json", body.to_string().as_bytes())
        .note("body: padded")
}

/// The mutations of one parameter of a query: all but the long one, or it alone.
pub(super) fn query_values(path: &str, pairs: &[(&str, &str)], name: &str, long: bool) -> Vec<Call> {
    let others: String = pairs
        .iter()
        .filter(|(other, _)| *other != name)
        .map(|(other, value)| format!("&{other}={value}"))
        .collect();
    let with =
        |own: &str, label: &str| get(&format!("{path}?{own}{others}")).note(&format!("{name} {label}"));
    if long {
        return vec![with(&format!("{name}={}", long_name()), "long")];
    }
    let mut calls: Vec<Call> = TEXTS
        .iter()
        .map(|text| {
            with(
                &format!("{name}={}", utf8_percent_encode(text, NON_ALPHANUMERIC)),
                text,
            )
        })
        .collect();
    calls.push(with("x=1", "missing"));
    calls.push(with(&format!("{name}=a&{name}=b"), "repeated"));
    calls.push(with(&format!("{name}[]=a"), "list"));
    calls.push(with(&format!("{name}[k]=a"), "object"));
    calls.push(with(&format!("{name}=%ff"), "no text"));
    calls.push(with(&format!("{name}=%"), "half an escape"));
    calls
}

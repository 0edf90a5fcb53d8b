//! The user's own OpenAI-compatible endpoint, with headers and body fields written in YAML.

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use super::openai_like::Draft;
use super::{ChatFault, js};
use crate::providers::upstream::UpstreamHeaders;

/// compat: the address is joined as text, so a trailing slash is doubled here and not in `/status`.
pub(super) fn base(body: &Value) -> Result<String, ChatFault> {
    Ok(js::to_text(body.get("custom_url")))
}

/// Headers of `custom_include_headers`; they may replace the authorization.
pub(in crate::providers) fn include_headers(body: &Value, headers: &mut UpstreamHeaders) {
    for (name, value) in yaml_fields(body.get("custom_include_headers")) {
        headers.set(name, js::to_text(Some(&value)));
    }
}

/// Fields of `custom_include_body`.
pub(in crate::providers) fn included(body: &Value) -> Map<String, Value> {
    yaml_fields(body.get("custom_include_body"))
}

/// Lays the fields of `custom_include_body` over the others.
pub(super) fn include(draft: &mut Draft<'_>) -> Result<(), ChatFault> {
    for (key, value) in included(&draft.body) {
        draft.overlay.set(&key, Some(value));
    }
    Ok(())
}

/// Drops the fields that `custom_exclude_body` names.
pub(in crate::providers) fn exclude(body: &Value, fields: &mut Map<String, Value>) {
    for key in yaml_keys(body.get("custom_exclude_body")) {
        fields.shift_remove(&key);
    }
}

/// A KoboldCpp behind the endpoint takes any effort as it is.
pub(super) fn koboldcpp_effort(draft: &mut Draft<'_>) -> Result<(), ChatFault> {
    let model = draft
        .body
        .get("model")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let name = model.strip_prefix("koboldcpp/");
    if name.is_some_and(|name| !name.is_empty() && !name.contains('\n')) {
        let effort = draft.truthy("reasoning_effort").cloned();
        draft.overlay.set_some("reasoning_effort", effort.as_ref());
    }
    Ok(())
}

/// The fields of a YAML mapping, or of every mapping in a YAML list. YAML that does not parse has none.
fn yaml_fields(source: Option<&Value>) -> Map<String, Value> {
    let mut fields = Map::new();
    match parse(source) {
        Some(Yaml::Mapping(mapping)) => collect_fields(mapping, &mut fields),
        Some(Yaml::Sequence(items)) => {
            for item in items {
                if let Yaml::Mapping(mapping) = item {
                    collect_fields(mapping, &mut fields);
                }
            }
        }
        _ => {}
    }
    fields
}

/// The keys a YAML list, mapping or single word names.
fn yaml_keys(source: Option<&Value>) -> Vec<String> {
    match parse(source) {
        Some(Yaml::Sequence(items)) => items.into_iter().map(key_text).collect(),
        Some(Yaml::Mapping(mapping)) => mapping.into_iter().map(|(key, _)| key_text(key)).collect(),
        Some(Yaml::String(key)) => vec![key],
        _ => Vec::new(),
    }
}

fn parse(source: Option<&Value>) -> Option<Yaml> {
    let text = source.and_then(Value::as_str).filter(|text| !text.is_empty())?;
    serde_yaml_ng::from_str(text).ok()
}

fn collect_fields(mapping: serde_yaml_ng::Mapping, fields: &mut Map<String, Value>) {
    for (key, value) in mapping {
        fields.insert(key_text(key), to_json(value));
    }
}

fn key_text(key: Yaml) -> String {
    match key {
        Yaml::Null => String::new(),
        other => js::to_text(Some(&to_json(other))),
    }
}

/// JSON as JavaScript would write it: whole floats as integers, infinities as `null`.
fn to_json(value: Yaml) -> Value {
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::Number(number) => number_to_json(&number),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => items.into_iter().map(to_json).collect(),
        Yaml::Mapping(mapping) => {
            let mut fields = Map::new();
            collect_fields(mapping, &mut fields);
            Value::Object(fields)
        }
        Yaml::Tagged(tagged) => to_json(tagged.value),
    }
}

fn number_to_json(number: &serde_yaml_ng::Number) -> Value {
    /// Below this every whole float is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Some(whole) = number.as_i64() {
        return whole.into();
    }
    if let Some(whole) = number.as_u64() {
        return whole.into();
    }
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() < EXACT => (float as i64).into(),
        Some(float) => serde_json::Number::from_f64(float).map_or(Value::Null, Value::Number),
        None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{ChatCall, ChatFault, ChatSettings, Source, generate, status};
    use super::{yaml_fields, yaml_keys};

    fn call(body: Value, secret: Option<&str>) -> ChatCall {
        generate(Source::Custom, body, secret, &ChatSettings::default()).unwrap()
    }

    #[test]
    fn merges_yaml_and_excludes_last() {
        let body = json!({
            "messages": [{"role": "user", "content": "hi"}], "model": "m", "temperature": 1, "logprobs": 5,
            "custom_url": "http://127.0.0.1:18912/v1/",
            "custom_include_headers": "authorization: zzz\nX-A: 1\nX-N: null\nX-L: [1,2]",
            "custom_include_body": "- top_k: 5.0\n- a: {b: 1.50}\n- messages: [1]\n  stop: [q]",
            "custom_exclude_body": "temperature", "stop": ["z"], "tools": [{"type": "function"}],
            "json_schema": {"name": "n", "value": {"$defs": {"A": {"type": "string"}}, "p": {"$ref": "#/$defs/A"}}},
            "reasoning_effort": "min", "verbosity": "low",
        });
        let call = call(body, None);
        assert_eq!(
            call.upstream.url.as_str(),
            "http://127.0.0.1:18912/v1//chat/completions"
        );
        assert_eq!(
            std::str::from_utf8(&call.upstream.body).unwrap(),
            concat!(
                r#"{"messages":[1],"model":"m","top_k":5,"stop":["z"],"logprobs":true,"top_logprobs":5,"#,
                r#""a":{"b":1.5},"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"#,
                r#""schema":{"p":{"type":"string"}}}},"tools":[{"type":"function"}]}"#,
            )
        );
        let headers: Vec<_> = call.upstream.headers.iter().collect();
        let expected = [
            ("Content-Type", "application/json"),
            ("Authorization", "Bearer "),
            ("authorization", "zzz"),
            ("X-A", "1"),
            ("X-N", "null"),
            ("X-L", "1,2"),
        ];
        assert_eq!(headers, expected);
    }

    #[test]
    fn a_yaml_header_replaces_the_authorization() {
        let body = json!({"custom_url": "http://h/v1", "custom_include_headers": "Authorization: Basic x"});
        let call = call(body, Some("sk"));
        assert_eq!(
            call.upstream.headers.iter().nth(1),
            Some(("Authorization", "Basic x"))
        );
    }

    #[test]
    fn efforts_pass_raw_to_koboldcpp() {
        let body = json!({"custom_url": "http://h", "model": "koboldcpp/x", "reasoning_effort": "min"});
        let call = call(body, None);
        assert_eq!(
            &call.upstream.body[..],
            br#"{"model":"koboldcpp/x","reasoning_effort":"min"}"#
        );
    }

    #[test]
    fn reads_yaml_as_the_original_does() {
        let fields = |text: &str| Value::Object(yaml_fields(Some(&json!(text)))).to_string();
        assert_eq!(
            fields("a: yes\nb: 0x10\n1: .inf\n~: 2"),
            r#"{"a":"yes","b":16,"1":null,"":2}"#
        );
        assert_eq!(fields("- a: 1\n- text\n- [1]\n- b: 2.5"), r#"{"a":1,"b":2.5}"#);
        assert_eq!(fields("a: [unclosed"), "{}");
        assert_eq!(fields("just text"), "{}");
        let keys = |text: &str| yaml_keys(Some(&json!(text)));
        assert_eq!(keys("- a\n- 1"), ["a", "1"]);
        assert_eq!(keys("a: 1\nb:"), ["a", "b"]);
        assert_eq!(keys("temperature"), ["temperature"]);
        assert_eq!(keys("5"), [""; 0]);
    }

    #[test]
    fn status_collapses_slashes_and_needs_an_address() {
        let body = json!({"custom_url": "http://127.0.0.1:1/v1//", "custom_include_headers": "X-A: 1"});
        let upstream = status(Source::Custom, &body, Some("k")).unwrap();
        assert_eq!(upstream.url.as_str(), "http://127.0.0.1:1/v1/models");
        assert_eq!(
            upstream.headers.iter().collect::<Vec<_>>(),
            [("Authorization", "Bearer k"), ("X-A", "1")]
        );
        let fault = status(Source::Custom, &json!({}), None);
        assert_eq!(fault, Err(ChatFault::InvalidUrl("undefined/models".to_owned())));
    }
}

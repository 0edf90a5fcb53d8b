use super::*;

fn document(text: &str) -> Secrets {
    Secrets::parse(text.as_bytes()).unwrap()
}

fn two() -> Secrets {
    document(
        r#"{"other":{"x":1},"libre":[{"id":"a","value":"1234567890a","label":"A","active":true,"note":7},{"id":"b","value":"short","label":"B","active":false}]}"#,
    )
}

#[test]
fn writing_deactivates_the_others() {
    let mut secrets = two();
    secrets.write("libre", "c", "", None);
    assert_eq!(secrets.value("libre", None), "");
    assert_eq!(secrets.value("libre", Some("a")), "1234567890a");
    let text = String::from_utf8(secrets.to_vec()).unwrap();
    assert!(text.starts_with("{\n    \"other\": {\n        \"x\": 1\n    },\n    \"libre\": [\n        {\n            \"id\": \"a\","));
    assert!(text.contains("\"active\": false,\n            \"note\": 7"));
    assert!(text.ends_with("\"label\": \"Unlabeled\",\n            \"active\": true\n        }\n    ]\n}"));
    secrets.write("other", "d", "v", Some(&json!("L")));
    assert_eq!(secrets.value("other", None), "v");
    assert!(secrets.to_vec().starts_with(b"{\n    \"other\": ["));
}

#[test]
fn deleting_activates_the_first_and_drops_empty_keys() {
    let mut secrets = two();
    assert!(secrets.delete("libre", None));
    assert_eq!(secrets.value("libre", None), "short");
    assert!(secrets.delete("libre", Some("unknown")));
    assert!(secrets.delete("libre", Some("b")));
    assert_eq!(secrets, document(r#"{"other":{"x":1}}"#));
    assert!(!secrets.delete("libre", None) && !secrets.delete("other", None));
}

#[test]
fn rotating_and_renaming_need_a_known_id() {
    let mut secrets = two();
    assert!(secrets.rotate("libre", "b"));
    assert_eq!(secrets.value("libre", None), "short");
    let before = secrets.clone();
    assert!(
        !secrets.rotate("libre", "z")
            && !secrets.rename("libre", "z", &json!("x"))
            && !secrets.rotate("other", "a")
    );
    assert_eq!(secrets, before);
    assert!(secrets.rename("libre", "b", &json!("New")));
    assert_eq!(secrets.state(false)["libre"][1]["label"], "New");
}

#[test]
fn state_masks_and_hides_unknown_keys() {
    let mut secrets = two();
    secrets.write("lingva_url", "u", "http://x", None);
    let state = secrets.state(false);
    assert_eq!(state.keys().map(String::as_str).collect::<Vec<_>>(), KNOWN_KEYS);
    assert_eq!(
        state["libre"],
        json!([{"id":"a","value":"*******90a","label":"A","active":true},{"id":"b","value":"**********","label":"B","active":false}])
    );
    assert_eq!(state["lingva_url"][0]["value"], "http://x");
    assert_eq!(state["api_key_horde"], Value::Null);
    assert_eq!(secrets.state(true)["libre"][0]["value"], "1234567890a");
    assert!(secrets.has("libre") && !secrets.has("other") && !secrets.has("deepl"));
}

#[test]
fn masks_count_utf16_units() {
    assert_eq!(mask("12345678😀"), "**********");
    assert_eq!(mask("123456789a😀"), "*******a😀");
}

#[test]
fn view_lists_active_values_of_all_keys() {
    let mut secrets = two();
    secrets.write("mine", "m", "v", None);
    assert_eq!(
        Value::Object(secrets.active_values()),
        json!({"libre": "1234567890a", "mine": "v"})
    );
}

#[test]
fn flat_documents_are_converted_once() {
    let flat = document(r#"{"api_key_openai":"k","blank":"  ","csrfSecret":"s","n":5}"#);
    let mut number = 0;
    let new_id = || {
        number += 1;
        format!("id{number}")
    };
    let converted = flat.migrate(new_id).unwrap();
    assert_eq!(
        converted,
        document(
            r#"{"api_key_openai":[{"id":"id1","value":"k","label":"api_key_openai","active":true}],"csrfSecret":[{"id":"id2","value":"s","label":"csrfSecret","active":true}],"_migrated":[]}"#
        )
    );
    assert_eq!(converted.migrate(String::new), None);
    assert_eq!(document("{}").migrate(String::new), None);
    assert_eq!(document("{}").to_vec(), b"{}");
    assert!(Secrets::parse(b"[]").is_err());
}

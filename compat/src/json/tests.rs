use proptest::prelude::*;
use serde_json::json;

use super::*;

fn round_trip(text: &str) -> String {
    String::from_utf8(to_vec(&parse(text.as_bytes()).unwrap())).unwrap()
}

#[test]
fn numbers_as_javascript_prints_them() {
    let cases = [
        (1e21, "1e+21"),
        (1.5e21, "1.5e+21"),
        (123_456_789_012_345_680_000.0, "123456789012345680000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (0.1 + 0.2, "0.30000000000000004"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (-0.0, "0"),
        (-1e21, "-1e+21"),
        (1e15, "1000000000000000"),
        (-123_456.789, "-123456.789"),
        (0.00001234, "0.00001234"),
        (914_804_864_688_675.0 + 0.25, "914804864688675.2"),
        (914_804_864_688_675.0 + 0.75, "914804864688675.8"),
        (1e300, "1e+300"),
        (100.5, "100.5"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Infinity"),
    ];
    for (number, text) in cases {
        assert_eq!(js_number(number), text);
    }
    assert_eq!(
        round_trip("[1.0,-0,12345678901234567890,9007199254740993]"),
        "[1,0,12345678901234567000,9007199254740992]"
    );
}

#[test]
fn objects_list_their_keys_as_javascript() {
    let text = r#"{"b":1,"10":2,"2":3,"01":4,"4294967294":5,"4294967295":6,"a":7,"-1":0}"#;
    assert_eq!(
        round_trip(text),
        r#"{"2":3,"10":2,"4294967294":5,"b":1,"01":4,"4294967295":6,"a":7,"-1":0}"#
    );
    assert_eq!(round_trip(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
}

#[test]
fn strings_keep_lone_surrogates_and_escape_no_more_than_javascript() {
    let text =
        r#"["\ud800","x\udfffy","\ud83d\ude00","\ud83d","\\ud800",{"\udc00":1},"\u007f\u2028\u001f\b\f/"]"#;
    let expected = "[\"\\ud800\",\"x\\udfffy\",\"😀\",\"\\ud83d\",\"\\\\ud800\",{\"\\udc00\":1},\"\u{7f}\u{2028}\\u001f\\b\\f/\"]";
    assert_eq!(round_trip(text), expected);
}

#[test]
fn genuine_characters_of_the_stand_in_range_survive() {
    let text = "\"\u{10D800}\\ud800\u{10E000}\u{10DFFF}\u{10E001}\"";
    assert_eq!(round_trip(text), text);
    assert_eq!(
        round_trip(r#""\udbf6\udc00 \udbf8\udc00""#),
        "\"\u{10D800} \u{10E000}\""
    );
}

#[test]
fn utf16_of_value_strings() {
    let value = parse(b"\"a\\ud83d\xF0\x9F\x98\x80\"").unwrap();
    let text = value.as_str().unwrap();
    assert_eq!(to_utf16(text), [0x61, 0xD83D, 0xD83D, 0xDE00]);
    assert_eq!(utf16_len(text), 4);
    assert_eq!(from_utf16(&to_utf16(text)), text);
    assert_eq!(lossy(text), "a\u{FFFD}😀");
}

#[test]
fn broken_input() {
    assert_eq!(parse(b"\"a\xFFb\"").unwrap(), json!("a\u{FFFD}b"));
    for text in [
        "",
        "\u{FEFF}{}",
        "{",
        "[1,]",
        "nul",
        "\"\\ud80\"",
        "\"\\",
        "1e999",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text:?}");
    }
    assert!(is_valid(br#""\ud800""#) && !is_valid(b"\"\xFF\"") && !is_valid(b"{} {}"));
}

#[test]
fn bodies_are_objects_or_arrays() {
    assert_eq!(parse_strict(b"").unwrap(), json!({}));
    assert_eq!(parse_strict("\u{FEFF} [1]".as_bytes()).unwrap(), json!([1]));
    assert!(matches!(parse_strict(b"  "), Err(Error::NotStructured)));
    assert!(matches!(parse_strict(b"\"a\""), Err(Error::NotStructured)));
    assert!(matches!(parse_strict(b"{\"a\""), Err(Error::Syntax(_))));
}

#[test]
fn four_space_layout() {
    let value = json!({"a": [], "b": {}, "c": [1, {"d": []}], "é": "x: {,}"});
    let expected = "{\n    \"a\": [],\n    \"b\": {},\n    \"c\": [\n        1,\n        {\n            \"d\": []\n        }\n    ],\n    \"é\": \"x: {,}\"\n}";
    assert_eq!(String::from_utf8(to_vec_pretty(&value)).unwrap(), expected);
    assert_eq!(pretty(b" [ ] ").unwrap(), b"[]");
    assert_eq!(pretty(b"1.50").unwrap(), b"1.50");
    assert_eq!(
        pretty(br#"{"b":1.0,"a":"\u00e9"}"#).unwrap(),
        b"{\n    \"b\": 1.0,\n    \"a\": \"\\u00e9\"\n}"
    );
    assert!(pretty(b"[1 2]").is_err());
}

#[test]
fn minify_borrows_what_is_compact() {
    assert!(matches!(minify(br#"{"a b":[1,"\" "]}"#), Cow::Borrowed(_)));
    assert_eq!(
        minify(b" { \"a \\\" b\" :\r\n[ 1 ,\t2 ] } ").as_ref(),
        br#"{"a \" b":[1,2]}"#
    );
}

#[test]
fn members_are_raw_tokens() {
    let text = " {\"a\" : \"x,}\" , \"b\":[{\"a\":1},2], \"\\u0063\":-1.0,\"a\":{} }";
    let all: Vec<_> = members(text).collect();
    assert_eq!(
        all,
        [
            ("\"a\"", "\"x,}\""),
            ("\"b\"", "[{\"a\":1},2]"),
            ("\"\\u0063\"", "-1.0"),
            ("\"a\"", "{}")
        ]
    );
    assert_eq!(fields(text, ["a", "c", "z"]), [Some("{}"), Some("-1.0"), None]);
    for text in ["{}", "[]", "\"{\"", "5"] {
        assert_eq!(members(text).count(), 0, "{text}");
    }
}

#[test]
fn truth_of_tokens_and_values_agree() {
    for (text, truth) in [
        ("null", false),
        ("false", false),
        ("0", false),
        ("-0.0", false),
        ("0e9", false),
        ("\"\"", false),
        ("true", true),
        ("1e999", true),
        ("-1", true),
        ("\"0\"", true),
        ("[]", true),
        ("{}", true),
    ] {
        assert_eq!(truthy(text), truth, "{text}");
        if let Ok(value) = parse(text.as_bytes()) {
            assert_eq!(js_truthy(&value), truth, "{text}");
        }
    }
}

#[test]
fn javascript_conversions() {
    assert_eq!(
        js_string(&json!([1, null, ["a", true], {}])),
        "1,,a,true,[object Object]"
    );
    assert_eq!(js_string(&json!(1e21)), "1e+21");
    assert_eq!(js_to_number(&json!(" 12.5 ")), 12.5);
    assert_eq!(js_to_number(&json!("")), 0.0);
    assert!(js_to_number(&json!("1x")).is_nan() && js_to_number(&json!("inf")).is_nan());
    assert_eq!(js_trim("\u{FEFF}\u{A0} a\u{85}\n"), "a\u{85}");
    let raw: Box<serde_json::value::RawValue> = serde_json::from_str(r#""a\ud800""#).unwrap();
    assert_eq!(string_lossy(&raw).as_deref(), Some("a\u{FFFD}"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Value::from),
        prop::collection::vec(any::<u16>(), 0..8).prop_map(|units| Value::from(from_utf16(&units))),
        "[\u{10D7FE}-\u{10E002}a\\\\\"]{0,6}"
            .prop_map(|text| parse(&serde_json::to_vec(&text).unwrap()).unwrap()),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c0-9\"]{0,3}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_survive_writing_and_layout(value in any_json()) {
        let compact = to_vec(&value);
        let mut ordered = value;
        js::order_keys(&mut ordered);
        prop_assert_eq!(to_vec(&parse(&compact).unwrap()), to_vec(&ordered));
        let laid_out = pretty(&compact).unwrap();
        let compacted = minify(&laid_out);
        prop_assert_eq!(compacted.as_ref(), compact.as_slice());
        prop_assert_eq!(pretty(&laid_out).unwrap(), laid_out);
    }

    #[test]
    fn any_utf16_survives(units in prop::collection::vec(any::<u16>(), 0..12)) {
        let text = from_utf16(&units);
        prop_assert_eq!(&to_utf16(&text), &units);
        let written = to_vec(&Value::from(text.clone()));
        prop_assert_eq!(parse(&written).unwrap(), Value::from(text));
    }

    #[test]
    fn token_functions_never_panic(bytes in prop::collection::vec(prop::sample::select(b"{}[],:\"\\ u1d8a\n\xF4\xFF".to_vec()), 0..24)) {
        let compact = minify(&bytes);
        prop_assert!(compact.len() <= bytes.len());
        let text = String::from_utf8_lossy(&bytes);
        let tokens: usize = members(&text).map(|(key, value)| key.len() + value.len()).sum();
        prop_assert!(tokens <= text.len());
        prop_assert_eq!(parse(&bytes).is_ok(), serde_json::from_str::<IgnoredAny>(&text).is_ok());
    }
}

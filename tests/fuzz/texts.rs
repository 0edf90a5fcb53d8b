//! Names, dates, paths, and JSON as text.

use std::borrow::Cow;

use chrono::{Local, Utc};
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;
use serde_json::{Value, json};
use squaretable_compat::json as text;
use squaretable_compat::layout::{self, Place};
use squaretable_compat::secrets::{self, Secrets};
use squaretable_compat::{buffer, content, cookie, dates, names, sizes};

use crate::mutate::{any_json, apply, apply_text, edits, swap, swaps};

const NAMES: &[&str] = &[
    "Seraphina.png",
    "con.txt",
    "a b. .",
    "Ünï 🦊.jsonl",
    "../../x",
    "COM1",
    "..",
    "lpt9.tar.gz",
    "chat 2024-07-12@01h31m37s",
];

const DATES: &[&str] = &[
    "2024-07-12@01h31m37s123ms",
    "2024-6-5 @14h 56m 50s 682ms",
    "2023-02-28T23:00:00.1239Z",
    "2023-06-19T14:20:00+02:00",
    "December 19, 2023 12:05pm",
    "1720747897123",
];

const PATHS: &[&str] = &[
    "worlds/Eldoria.json",
    "chats/Sera/2024.jsonl",
    "characters/Sera.png",
    "group chats/1.jsonl",
    "thumbnails/bg/x.jpg",
    "settings.json",
    "secrets.json",
    "user/images/a/b.png",
];

const DOCUMENT: &str = r#"{ "a" : [1, 2.50, -0, 1e3, "\ud83e\udd8a \ud800 \u0000 é", null, true], "10": {"b": "", "b": {} }, "2": [[[]]], "mes":"x" }"#;

proptest! {
    #[test]
    fn fuzz_names(valid in select(NAMES), edits in edits()) {
        let name = apply_text(valid, &edits);
        let clean = names::sanitize(&name);
        prop_assert!(clean.len() <= 255);
        prop_assert!(!clean.contains(['/', '\\', '?', '<', '>', ':', '*', '|', '"', '\0']));
        let is_plain = clean.chars().all(|c| !c.is_control() || c == '\u{7f}');
        prop_assert!(is_plain, "{}", clean.escape_debug());
        prop_assert!(clean != "." && clean != "..");
        prop_assert!(clean.is_empty() || layout::is_safe(&clean));
        // The cut may leave a dot or a space at the end, and the trimming a device name; the second pass takes those.
        let twice = names::sanitize(&clean);
        prop_assert_eq!(names::sanitize(&twice), twice);
        prop_assert!(names::sanitize_with(&name, "_").len() <= 255);
        prop_assert_eq!(format!("{}{}", names::base_name(&name), names::extension(&name)), names::file_name(&name));
        if names::asset_name(&name).is_ok() {
            prop_assert_eq!(&clean, &name);
        }
        let key = names::backup_key(&name);
        prop_assert!(key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
        let slug = names::slugify(&name);
        prop_assert_eq!(names::slugify(&slug), slug);
        prop_assert!(names::strip_png(&name).len() <= name.len());
    }

    #[test]
    fn fuzz_dates(valid in select(DATES), edits in edits(), number: f64) {
        let value = Value::from(apply_text(valid, &edits));
        for date in [dates::send_date(Some(&value)).unwrap_or_default(), dates::js_date(Some(&value)), number] {
            prop_assert!(date.is_nan() || dates::iso_millis(date).is_none_or(|iso| iso.ends_with('Z')));
        }
        let _ = (dates::send_date(Some(&Value::from(number))), dates::js_date(Some(&Value::from(number))));
    }

    #[test]
    fn fuzz_paths(valid in select(PATHS), edits in edits()) {
        let path = apply_text(valid, &edits);
        match Place::classify(&path) {
            Ok(place) => {
                prop_assert!(layout::is_safe(&path));
                prop_assert_eq!(place.path(), path.clone());
                let joined = std::path::Path::new("/root").join(&path);
                let leaves = joined.components().any(|part| matches!(part, std::path::Component::ParentDir));
                prop_assert!(joined.starts_with("/root") && !leaves);
            }
            Err(_) => prop_assert!(!layout::is_safe(&path)),
        }
    }

    #[test]
    fn fuzz_json_tokens(edits in edits()) {
        let bytes = apply(DOCUMENT.as_bytes(), &edits);
        let small = text::minify(&bytes);
        if text::is_valid(&bytes) {
            prop_assert!(text::is_valid(&small));
            prop_assert_eq!(text::minify(&small), Cow::Borrowed(&small[..]));
            let laid_out = text::pretty(&bytes).expect("valid JSON can be laid out");
            prop_assert_eq!(text::minify(&laid_out), small.clone());
            let source = std::str::from_utf8(&bytes).expect("valid JSON is UTF-8");
            for (_, value) in text::members(source) {
                prop_assert!(text::is_valid(value.as_bytes()));
            }
        }
        if let Ok(token) = std::str::from_utf8(&bytes) {
            let _ = (text::fields(token, ["a", "10", "mes"]), text::truthy(token), text::decode(token), text::decode_lossy(token));
        }
        if let Ok(value) = text::parse(&bytes) {
            let written = text::to_vec(&value);
            prop_assert_eq!(&text::to_vec(&text::parse(&written).expect("what was written reads")), &written);
            prop_assert_eq!(text::to_vec(&text::parse(&text::to_vec_pretty(&value)).expect("laid out")), written);
        }
        let _ = text::parse_strict(&bytes);
    }

    #[test]
    fn fuzz_json_texts(units in proptest::collection::vec(proptest::prelude::any::<u16>(), 0..40)) {
        let inner = text::from_utf16(&units);
        prop_assert_eq!(&text::to_utf16(&inner), &units);
        prop_assert_eq!(text::utf16_len(&inner), units.len());
        let written = text::to_vec(&Value::from(inner.clone()));
        prop_assert_eq!(text::parse(&written).expect("what was written reads"), Value::from(inner.clone()));
        prop_assert_eq!(text::lossy(&inner).into_owned(), String::from_utf16_lossy(&units));
    }

    #[test]
    fn fuzz_secrets(swaps in swaps(), label in any_json(), edits in edits()) {
        let valid = json!({
            "api_key_openai": [{ "id": "1", "value": "sk-0123456789abc", "label": "L", "active": true }, { "id": "2", "value": "short", "active": false }],
            "api_key_old": "flat", "_migrated": []
        });
        let document = text::to_vec(&swap(&valid, &swaps));
        for bytes in [document.clone(), apply(&document, &edits)] {
            let Ok(mut secrets) = Secrets::parse(&bytes) else { continue };
            // Written, not as values: integers beyond 2^53 are rounded by writing them.
            let written = secrets.to_vec();
            prop_assert_eq!(&Secrets::parse(&written).expect("what was written reads").to_vec(), &written);
            let shown = Value::Object(secrets.state(false)).to_string();
            prop_assert!(text::is_valid(shown.as_bytes()));
            let _ = (secrets.migrate(|| "id".into()), secrets.active_values(), secrets.has("api_key_openai"));
            secrets.write("api_key_openai", "new", "fresh value", Some(&label));
            prop_assert_eq!(secrets.value("api_key_openai", Some("new")), "fresh value");
            prop_assert_eq!(secrets.value("api_key_openai", None), "fresh value");
            secrets.rotate("api_key_openai", "2");
            secrets.rename("api_key_openai", "1", &label);
            prop_assert!(secrets.delete("api_key_openai", Some("new")));
            prop_assert_eq!(secrets.value("api_key_openai", Some("new")), "");
        }
    }

    #[test]
    fn fuzz_masks(value in ".{0,60}") {
        let mask = secrets::mask(&value);
        prop_assert!(text::utf16_len(&value) <= 10 || !mask.contains(&value));
    }

    #[test]
    fn fuzz_stored_records(swaps in swaps(), edits in edits()) {
        let account = json!({ "key": "user:default-user", "value": { "handle": "default-user", "name": "User", "created": 1_720_747_897_123_i64, "password": "", "salt": "", "admin": true, "enabled": true } });
        let record = text::to_vec(&swap(&account, &swaps));
        let _ = (layout::storage_record(&record), layout::storage_record(&apply(&record, &edits)));
        let index = json!([{ "filename": "a.json", "type": "theme" }, { "filename": "b.png", "type": "character" }]);
        if let Ok(items) = content::parse_index(&text::to_vec(&swap(&index, &swaps))) {
            for item in items {
                let _ = (item.target(), item.is_preset());
            }
        }
    }

    #[test]
    fn fuzz_cookies(session in any_json(), edits in edits(), value in any_json()) {
        let map = session.as_object().cloned().unwrap_or_default();
        let encoded = cookie::encode(&map);
        prop_assert!(cookie::decode(&encoded).is_some());
        let _ = cookie::decode(&apply_text(&encoded, &edits));
        let name = cookie::session_name("host");
        let header = format!("a=b; {name}={encoded}; {name}.sig={}", cookie::sign(&name, &encoded, "secret"));
        let _ = cookie::receive(&apply_text(&header, &edits), &name, "secret");
        let forged = cookie::encode(&value.as_object().cloned().unwrap_or_default());
        let signed = cookie::verify(&name, &forged, &cookie::sign(&name, &encoded, "secret"), "secret");
        prop_assert_eq!(signed, forged == encoded);
    }

    #[test]
    fn fuzz_small_things(valid in select(vec!["512 MiB", "aGVsbG8gd29ybGQ=", "a-_b", "1.5e3gb"]), edits in edits()) {
        let bytes = apply(valid.as_bytes(), &edits);
        prop_assert!(buffer::from_base64(&bytes).len() <= bytes.len());
        let _ = sizes::parse(&apply_text(valid, &edits));
        let _ = (dates::humanized(Local::now()), dates::iso(Utc::now()));
    }
}

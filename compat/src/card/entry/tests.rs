use proptest::prelude::{any, prop, prop_assert, proptest};
use serde_json::{Value, json};

use super::{Entry, data_size, entry};
use crate::card::tests::{assert_text, at_fixed_time};
use crate::json as codec;

fn made(card: &str) -> Entry {
    entry(card.as_bytes(), "a.png", at_fixed_time()).expect("a readable card")
}

fn closed(open: &[u8]) -> Value {
    codec::parse(&[open, b",\"date_added\":1}"].concat()).expect("an entry completes to JSON")
}

#[test]
fn a_full_entry_has_all_keys_and_the_stored_text() {
    let card = concat!(
        r#"{ "spec":"s","avatar":"none","name":"x","create_date":"d","chat_size":9,"zz":1.0,"#,
        r#""data":{"name":"N","k":[1,2]}}"#,
    );
    let made = made(card);
    assert_eq!(
        (
            made.name.as_str(),
            made.data_size,
            made.has_create_date,
            made.listed
        ),
        ("N", 4, true, true)
    );
    let text = codec::to_vec(&Value::from(card));
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    assert_text(
        &closed(&made.full),
        &format!(
            concat!(
                r#"{{"spec":"s","avatar":"a.png","name":"N","create_date":"d","zz":1,"data":{{"name":"N","k":[1,2]}},"#,
                r#""chat":"N - @","data_size":4,"json_data":{},"date_added":1}}"#,
            ),
            text
        ),
    );
}

#[test]
fn a_shallow_entry_has_its_defaults() {
    let made =
        made(r#"{"spec":"s","data":{"name":"N","creator":null,"tags":["t"],"extensions":{"fav":true}}}"#);
    assert_text(
        &closed(&made.shallow),
        concat!(
            r#"{"shallow":true,"name":"N","avatar":"a.png","chat":"N - @","fav":true,"data_size":21,"tags":["t"],"#,
            r#""data":{"name":"N","character_version":"","creator":null,"creator_notes":"","tags":["t"],"#,
            r#""extensions":{"fav":true,"world":""}},"date_added":1}"#,
        ),
    );
    assert!(!made.has_create_date);
}

#[test]
fn an_empty_creation_date_is_left_to_the_server() {
    let made = made(r#"{"spec":"s","create_date":"","date_added":7,"date_last_chat":7,"data":{"name":"N"}}"#);
    let full = closed(&made.full);
    assert!(!made.has_create_date);
    assert_eq!(
        (full.get("create_date"), full.get("date_last_chat")),
        (None, None)
    );
    assert_eq!(full["date_added"], json!(1));
}

#[test]
fn a_v1_card_is_converted() {
    let made = made(r#"{"name":"Old","description":"d"}"#);
    let full = closed(&made.full);
    assert_eq!(
        (&full["spec"], &full["data"]["description"]),
        (&json!("chara_card_v2"), &json!("d"))
    );
    assert_eq!(full["json_data"], json!(r#"{"name":"Old","description":"d"}"#));
}

#[test]
fn a_nameless_card_is_not_listed() {
    for card in [
        r#"{"spec":"s","data":{"name":""}}"#,
        r#"{"spec":"s","data":{}}"#,
        r#"{"spec":"s","name":0}"#,
    ] {
        let made = made(card);
        assert_eq!((made.listed, made.name.as_str()), (false, ""), "{card}");
    }
    assert_eq!(made(r#"{"spec":"s","name":5}"#).name, "5");
    assert_eq!(made("{}").data_size, 24);
}

#[test]
fn unreadable_cards_have_no_entry() {
    for card in [
        "",
        "nope",
        "null",
        "5",
        "[]",
        r#"{"spec":"s","name":"N","data":null}"#,
    ] {
        assert_eq!(entry(card.as_bytes(), "a.png", at_fixed_time()), None, "{card}");
    }
}

#[test]
fn sizes_count_the_texts_of_values() {
    let size = |value: Value| data_size(Some(&value));
    let data =
        json!({"a": "é😀", "b": [1, [2, 3], null, {}], "c": {}, "d": null, "e": 1.5, "f": true, "g": 1e21});
    assert_eq!(size(data), Some(56));
    assert_eq!(size(json!([1, 22])), Some(3));
    assert_eq!(
        (size(json!("abc")), size(json!(null)), data_size(None)),
        (Some(0), None, Some(0))
    );
}

#[test]
fn stored_text_survives_any_character() {
    let card = "{\"name\":\"\u{10D800}\\ud800\"}";
    let full = made(card).full;
    let full = [&full[..], b"}"].concat();
    let expected = codec::to_vec(&json!({"x": card.replace('\u{10D800}', "!")}));
    let written = String::from_utf8(full).expect("JSON is UTF-8");
    let stored = String::from_utf8(expected)
        .expect("JSON is UTF-8")
        .replace('!', "\u{10D800}");
    assert!(written.contains(&stored[5..stored.len() - 1]), "{written}");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = entry(&bytes, "a.png", at_fixed_time());
    }

    #[test]
    fn every_entry_completes_to_json(name in ".{1,20}", extra in any::<f64>(), key in ".{0,8}") {
        let card = codec::to_vec(&json!({"spec": "s", key: extra, "data": {"name": name, "x": [name, null]}}));
        let made = entry(&card, "a.png", at_fixed_time()).expect("a readable card");
        for open in [made.full, made.shallow] {
            let text = [&open[..], b",\"chat_size\":0}"].concat();
            prop_assert!(codec::parse(&text).is_ok());
        }
    }
}

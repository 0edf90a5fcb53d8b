use chrono::{DateTime, Local, NaiveDate};
use serde_json::{Value, json};

use super::{current, current_dated, from_v1, iso, normalise, renamed, unset_private};
use crate::{json as codec, png};

/// A moment whose humanized date is [`DATE`] in every time zone.
pub(super) fn at_fixed_time() -> DateTime<Local> {
    let day = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a day");
    let time = day.and_hms_milli_opt(18, 15, 27, 691).expect("a time");
    time.and_local_timezone(Local)
        .earliest()
        .expect("no zone skips an hour in November")
}

pub(super) const DATE: &str = "2026-11-22@18h15m27s691ms";

/// The creation date of things made at [`at_fixed_time`].
pub(super) fn creation_date() -> String {
    iso(at_fixed_time())
}

/// A PNG of one header and no pixels.
pub(super) fn blank_png() -> Vec<u8> {
    let header = "89504e470d0a1a0a0000000d49484452010101010101010101010101011a17a0e20000000049454e44ae426082";
    hex::decode(header).expect("hexadecimal")
}

/// Asserts the exact JSON text of a value, `@` standing for the fixed date and `#` for its ISO form.
#[track_caller]
pub(super) fn assert_text(value: &Value, expected: &str) {
    let text = String::from_utf8(codec::to_vec(value)).expect("JSON is UTF-8");
    assert_eq!(text, expected.replace('@', DATE).replace('#', &creation_date()));
}

#[track_caller]
fn assert_normalised(card: Value, expected: &str) {
    assert_text(&normalise(card, at_fixed_time()), expected);
}

#[test]
fn the_fixture_reads_as_a_png_without_a_card() {
    assert_eq!(png::read_card(&blank_png()), Err(png::Error::NoCard));
    assert_eq!(png::strip_card(&blank_png()), Ok(blank_png()));
}

#[test]
fn data_replaces_the_top_level() {
    assert_normalised(
        json!({"spec": "chara_card_v2", "name": "A", "fav": true, "json_data": "x",
            "data": {"name": "B", "tags": null, "extensions": {}}}),
        r#"{"spec":"chara_card_v2","name":"B","data":{"name":"B","tags":null,"extensions":{}},"tags":null,"chat":"B - @"}"#,
    );
}

#[test]
fn a_card_without_data_is_untouched() {
    assert_normalised(
        json!({"spec": "chara_card_v2", "name": "A", "json_data": "x"}),
        r#"{"spec":"chara_card_v2","name":"A","json_data":"x"}"#,
    );
    assert_normalised(
        json!({"spec": null, "name": "A", "chat": null, "data": null}),
        r#"{"spec":null,"name":"A","chat":"A - @","data":null}"#,
    );
}

#[test]
fn a_literal_path_key_wins_and_an_empty_chat_is_kept() {
    assert_normalised(
        json!({"spec": null, "name": "A", "chat": "",
            "data": {"extensions.fav": 1, "extensions": {"talkativeness": "0.3", "fav": "x"}}}),
        concat!(
            r#"{"spec":null,"name":"A","chat":"","data":{"extensions.fav":1,"extensions":{"talkativeness":"0.3","#,
            r#""fav":"x"}},"talkativeness":"0.3","fav":1}"#,
        ),
    );
}

#[test]
fn a_v1_card_keeps_its_unknown_keys() {
    let card = json!({"name": "Old", "description": "d", "fav": true, "tags": "a, ,b", "talkativeness": 0,
        "creatorcomment": "cc", "foo": {"x": 1}, "data": {"system_prompt": "gone", "keep": 1, "extensions": "str"},
        "depth_prompt_depth": "", "depth_prompt_prompt": null, "mes_example": null});
    assert_text(
        &from_v1(card, at_fixed_time()),
        concat!(
            r#"{"name":"Old","description":"d","fav":false,"tags":["a","b"],"talkativeness":0.5,"creatorcomment":"cc","#,
            r#""foo":{"x":1},"data":{"system_prompt":"","keep":1,"extensions":{"talkativeness":0.5,"fav":false,"#,
            r#""world":"","depth_prompt":{"prompt":"","depth":0,"role":"system"}},"name":"Old","description":"d","#,
            r#""personality":"","scenario":"","first_mes":"","mes_example":"","creator_notes":"cc","#,
            r#""post_history_instructions":"","tags":["a","b"],"creator":"","character_version":"","#,
            r#""alternate_greetings":[]},"depth_prompt_depth":"","depth_prompt_prompt":null,"mes_example":"","#,
            r#""personality":"","scenario":"","first_mes":"","avatar":"none","chat":"Old - @","#,
            r#""spec":"chara_card_v2","spec_version":"2.0"}"#,
        ),
    );
}

#[test]
fn a_nameless_v1_card_has_an_undefined_chat() {
    assert_text(
        &current(
            json!({"depth_prompt_depth": "x", "depth_prompt_role": 0}),
            at_fixed_time(),
        ),
        concat!(
            r#"{"depth_prompt_depth":"x","depth_prompt_role":0,"description":"","personality":"","scenario":"","#,
            r#""first_mes":"","mes_example":"","creatorcomment":"","avatar":"none","chat":"undefined - @","#,
            r#""talkativeness":0.5,"fav":false,"tags":[],"spec":"chara_card_v2","spec_version":"2.0","data":{"#,
            r#""description":"","personality":"","scenario":"","first_mes":"","mes_example":"","creator_notes":"","#,
            r#""system_prompt":"","post_history_instructions":"","tags":[],"creator":"","character_version":"","#,
            r#""alternate_greetings":[],"extensions":{"talkativeness":0.5,"fav":false,"world":"","depth_prompt":"#,
            r#"{"prompt":"","depth":4,"role":0}}}}"#,
        ),
    );
}

#[test]
fn only_a_dated_v1_card_gets_a_creation_date() {
    let dated = |card: Value| current_dated(card, at_fixed_time()).get("create_date").cloned();
    assert_eq!(dated(json!({"name": "a"})), Some(creation_date().into()));
    assert_eq!(dated(json!({"name": "a", "create_date": "x"})), Some("x".into()));
    assert_eq!(dated(json!({"spec": "s", "data": {}})), None);
    assert_eq!(
        current(json!({"name": "a"}), at_fixed_time()).get("create_date"),
        None
    );
}

#[test]
fn private_fields_go_from_both_places() {
    let public = |mut card: Value| {
        unset_private(&mut card);
        card
    };
    assert_text(
        &public(json!({"chat": 1, "fav": true})),
        r#"{"fav":false,"data":{"extensions":{"fav":false}}}"#,
    );
    assert_text(
        &public(json!({"data": null, "a": 1})),
        r#"{"data":{"extensions":{"fav":false}},"a":1,"fav":false}"#,
    );
    assert_text(&public(json!({"data": [1]})), r#"{"data":[1],"fav":false}"#);
    assert_text(&public(json!(null)), "null");
}

#[test]
fn renaming_sets_both_names() {
    let card = renamed(
        json!({"spec": "s", "name": "a", "data": {"name": "a"}, "chat": "c"}),
        "b",
        at_fixed_time(),
    );
    assert_text(&card, r#"{"spec":"s","name":"b","data":{"name":"b"},"chat":"c"}"#);
}

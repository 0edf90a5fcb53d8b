use serde_json::{Value, json};

use super::Form;
use crate::card::tests::{assert_text, at_fixed_time};

fn form(fields: &Value) -> Form {
    Form::from_map(fields.as_object().expect("fields are an object"))
}

#[test]
fn a_bare_name_makes_a_whole_card() {
    assert_text(
        &form(&json!({"ch_name": "N"})).created(None, at_fixed_time()),
        concat!(
            r#"{"name":"N","description":"","personality":"","scenario":"","first_mes":"","mes_example":"","#,
            r#""creatorcomment":"","avatar":"none","chat":"N - @","talkativeness":0.5,"fav":false,"tags":[],"#,
            r#""spec":"chara_card_v2","spec_version":"2.0","data":{"name":"N","description":"","personality":"","#,
            r#""scenario":"","first_mes":"","mes_example":"","creator_notes":"","system_prompt":"","#,
            r#""post_history_instructions":"","tags":[],"creator":"","character_version":"","#,
            r#""alternate_greetings":[],"extensions":{"talkativeness":0.5,"fav":false,"world":"","depth_prompt":"#,
            r#"{"prompt":"","depth":4,"role":"system"}}}}"#,
        ),
    );
}

#[test]
fn the_previous_card_and_the_extensions_are_merged() {
    let previous = r#"{"name":"old","json_data":"x","z":1,"data":{"k":2,"extensions":{"world":"q","e":1}}}"#;
    let fields = json!({"ch_name": null, "fav": ["true"], "tags": "", "talkativeness": "0",
        "alternate_greetings": "hi", "depth_prompt_depth": " 0x10 ", "depth_prompt_role": "", "json_data": previous,
        "extensions": r#"{"e":{"a":1},"fav":"F","n":[1]}"#, "world": "W"});
    let form = form(&fields);
    assert_eq!(form.world_name().as_deref(), Some("W"));
    assert_text(
        &form.created(
            Some(("W", &json!({"originalData": {"name": "orig"}}))),
            at_fixed_time(),
        ),
        concat!(
            r#"{"name":null,"z":1,"data":{"k":2,"extensions":{"world":"W","e":{},"talkativeness":"0","fav":"F","#,
            r#""depth_prompt":{"prompt":"","depth":16,"role":""},"n":[1]},"name":null,"description":"","#,
            r#""personality":"","scenario":"","first_mes":"","mes_example":"","creator_notes":"","#,
            r#""system_prompt":"","post_history_instructions":"","tags":[],"creator":"","character_version":"","#,
            r#""alternate_greetings":["hi"],"character_book":{"name":"orig"}},"description":"","personality":"","#,
            r#""scenario":"","first_mes":"","mes_example":"","creatorcomment":"","avatar":"none","#,
            r#""chat":"null - @","talkativeness":"0","fav":true,"tags":[],"spec":"chara_card_v2","#,
            r#""spec_version":"2.0"}"#,
        ),
    );
}

#[test]
fn odd_values_take_their_defaults() {
    let previous = r#"{"data":{"extensions":{"depth_prompt":{"x":1}},"character_book":{"old":1}}}"#;
    let fields = json!({"ch_name": "N", "json_data": previous, "extensions": "bad", "fav": true,
        "tags": ["a", " b"], "depth_prompt_depth": "1e400", "alternate_greetings": ["a", "b"]});
    let card = form(&fields).created(None, at_fixed_time());
    let prompt = &card["data"]["extensions"]["depth_prompt"];
    assert_text(prompt, r#"{"x":1,"prompt":"","depth":null,"role":"system"}"#);
    assert_eq!(card["fav"], json!(false));
    assert_eq!(card["tags"], json!(["a", " b"]));
    assert_eq!(card["data"]["alternate_greetings"], json!(["a", "b"]));
    assert_eq!(card["data"]["character_book"], json!({"old": 1}));
}

#[test]
fn a_previous_card_that_is_no_object_is_ignored() {
    for previous in ["[1]", "null", "5", "nope", ""] {
        let card = form(&json!({"ch_name": "N", "json_data": previous})).created(None, at_fixed_time());
        assert_eq!(
            card,
            form(&json!({"ch_name": "N"})).created(None, at_fixed_time()),
            "{previous}"
        );
    }
}

#[test]
fn entries_of_the_world_win_over_its_original_book() {
    let form = form(&json!({"ch_name": "N", "world": "W"}));
    let book = |file: Value| {
        form.created(Some(("W", &file)), at_fixed_time())["data"]
            .get("character_book")
            .cloned()
    };
    let original = json!({"name": "orig"});
    let both = book(json!({"originalData": original, "entries": {"0": {"uid": 0}}})).expect("a book");
    assert_eq!(
        (&both["name"], &both["entries"][0]["id"]),
        (&json!("W"), &json!(0))
    );
    assert_eq!(
        book(json!({"originalData": original, "entries": {"1": null}})),
        Some(original)
    );
    assert_eq!(
        book(json!({"entries": {}})),
        Some(json!({"entries": [], "name": "W"}))
    );
    assert_eq!(book(json!(null)), None);
}

#[test]
fn an_edit_takes_chat_and_date_from_the_request() {
    let previous = r#"{"chat":"old","create_date":"x"}"#;
    let kept = form(&json!({"ch_name": "N", "json_data": previous, "chat": "c", "create_date": "d"}));
    let kept = kept.edited(None, at_fixed_time());
    assert_eq!((&kept["chat"], &kept["create_date"]), (&json!("c"), &json!("d")));
    let dropped = form(&json!({"ch_name": "N", "json_data": previous})).edited(None, at_fixed_time());
    assert_eq!((dropped.get("chat"), dropped.get("create_date")), (None, None));
}

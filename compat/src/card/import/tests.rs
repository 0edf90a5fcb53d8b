use serde_json::{Value, json};

use super::{Error, Imported, Sprite, Sprites, from_charx, from_json, from_png, from_yaml};
use crate::card::tests::{assert_text, at_fixed_time};

fn json_import(content: Value) -> Imported {
    from_json(content, at_fixed_time())
        .expect("imports")
        .expect("is recognised")
}

fn sprite(label: &str, file_name: &str, bytes: &[u8]) -> Sprite {
    Sprite {
        label: label.to_owned(),
        file_name: file_name.to_owned(),
        bytes: bytes.to_vec(),
    }
}

const V1_TAIL: &str = concat!(
    r#""system_prompt":"","post_history_instructions":"","tags":["t"],"creator":"","character_version":"","#,
    r#""alternate_greetings":[],"extensions":{"talkativeness":0.5,"fav":false,"world":"","depth_prompt":"#,
    r#"{"prompt":"","depth":4,"role":"system"}}}}"#,
);

#[test]
fn a_v1_card_keeps_known_keys_only() {
    let content = json!({"name": "a/b", "description": null, "fav": true,
        "creator_notes": "x Creator's notes go here. Creator's notes go here.", "tags": ["t"], "foo": 1,
        "talkativeness": 0, "create_date": "q"});
    let imported = json_import(content.clone());
    assert_eq!((imported.name.as_str(), &imported.sprites), ("ab", &None));
    let head = concat!(
        r#"{"name":"ab","description":"","creatorcomment":"x  Creator's notes go here.","personality":"","#,
        r#""first_mes":"","avatar":"none","chat":"ab - @","mes_example":"","scenario":"","create_date":"#,
        r##""#","talkativeness":0.5,"creator":"","tags":["t"],"fav":false,"spec":"chara_card_v2","##,
        r#""spec_version":"2.0","data":{"name":"ab","description":"","personality":"","scenario":"","#,
        r#""first_mes":"","mes_example":"","creator_notes":"x  Creator's notes go here.","#,
    );
    assert_text(&imported.card, &format!("{head}{V1_TAIL}"));
    assert_eq!(from_png(content, at_fixed_time()), Ok(imported));
}

#[test]
fn a_pygmalion_card_has_its_own_keys() {
    let content = json!({"char_name": "P:y", "char_persona": "per", "char_greeting": "hi", "example_dialogue": "ex",
        "world_scenario": "w", "name2": 1, "create_date": "z", "chat": "c"});
    let Imported { card, name, .. } = json_import(content);
    assert_eq!(name, "Py");
    assert_text(&card["chat"], r#""undefined - @""#);
    assert_eq!(
        [
            &card["name"],
            &card["description"],
            &card["first_mes"],
            &card["mes_example"],
            &card["scenario"]
        ],
        ["Py", "per", "hi", "ex", "w"]
    );
    assert_eq!(
        (&card["data"]["description"], card.get("char_persona")),
        (&json!("per"), None)
    );
}

#[test]
fn other_json_is_not_recognised_and_bad_names_are_errors() {
    let import = |content| from_json(content, at_fixed_time());
    assert_eq!(import(json!({"a": 1})), Ok(None));
    assert_eq!(import(json!(5)), Ok(None));
    assert_eq!(import(json!(null)), Err(Error::NotObject));
    assert_eq!(import(json!({"name": 5})), Err(Error::Name));
    assert_eq!(import(json!({"spec": 1})), Err(Error::Name));
    assert_eq!(
        import(json!({"name": "n", "creator_notes": 5})),
        Err(Error::Notes)
    );
    assert_eq!(from_png(json!({"spec": 1}), at_fixed_time()), Err(Error::Name));
    assert_eq!(from_png(json!(5), at_fixed_time()), Err(Error::NotObject));
}

#[test]
fn an_empty_inner_name_wins_in_json_but_not_as_a_png_file_name() {
    let content = json!({"spec": 1, "name": "t", "data": {"name": ""}});
    assert_eq!(json_import(content.clone()).name, "");
    let imported = from_png(content, at_fixed_time()).expect("imports");
    assert_eq!(
        (imported.name.as_str(), &imported.card["name"]),
        ("t", &json!(""))
    );
}

#[test]
fn a_name_of_forbidden_characters_gives_way_to_the_top_one() {
    let content = json!({"spec": 1, "name": "top", "data": {"name": "???"}});
    let imported = from_png(content, at_fixed_time()).expect("imports");
    assert_eq!(
        (imported.name.as_str(), &imported.card["data"]["name"]),
        ("top", &json!(""))
    );
}

#[test]
fn pictures_of_a_risu_card_are_taken_out() {
    let content = json!({"spec": "chara_card_v2", "spec_version": "2.0", "name": "x", "chat": "c", "fav": true,
        "data": {"name": "R/i", "extensions": {"risuai": {"emotions": [["h/i", "aGVsbG8="], ["n", "aGVsbG8="]],
            "additionalAssets": [["add", "eA=="]], "other": 1}}}});
    let imported = json_import(content);
    let images = vec![
        sprite("add", "add.png", b"x"),
        sprite("h/i", "hi.png", b"hello"),
        sprite("n", "n.png", b"hello"),
    ];
    assert_eq!(
        imported.sprites,
        Some(Sprites {
            folder: "Ri".to_owned(),
            images
        })
    );
    assert_text(
        &imported.card,
        concat!(
            r#"{"spec":"chara_card_v2","spec_version":"2.0","name":"Ri","fav":false,"data":{"name":"Ri","#,
            r##""extensions":{"risuai":{"other":1},"fav":false}},"chat":"Ri - @","create_date":"#"}"##,
        ),
    );
}

#[test]
fn a_broken_picture_list_stays_in_the_card() {
    let risu = json!({"emotions": [["ok", "eA=="], null, ["no", "eA=="]], "additionalAssets": "x"});
    let imported = json_import(json!({"spec": "x", "data": {"name": "R", "extensions": {"risuai": risu}}}));
    let images = vec![sprite("ok", "ok.png", b"x")];
    assert_eq!(
        imported.sprites,
        Some(Sprites {
            folder: "R".to_owned(),
            images
        })
    );
    assert_eq!(imported.card["data"]["extensions"]["risuai"], risu);
}

#[test]
fn labels_are_texts_of_any_value() {
    let risu = json!({"emotions": [[5, "eA=="], "ab", ["u"]]});
    let imported = json_import(json!({"spec": "x", "data": {"name": "R", "extensions": {"risuai": risu}}}));
    let images = vec![
        sprite("5", "5.png", b"x"),
        sprite("a", "a.png", b""),
        sprite("u", "u.png", b""),
    ];
    assert_eq!(imported.sprites.map(|sprites| sprites.images), Some(images));
    assert_eq!(imported.card["data"]["extensions"]["risuai"], json!({}));
}

#[test]
fn yaml_has_three_keys() {
    let content = json!({"name": "Y/a", "context": "ctx", "greeting": "hello", "extra": 1});
    let Imported { card, name, .. } = from_yaml(&content, at_fixed_time()).expect("imports");
    assert_eq!(name, "Ya");
    assert_eq!([&card["description"], &card["first_mes"]], ["ctx", "hello"]);
    assert_text(&card["chat"], r#""Ya - @""#);
    assert_text(&card["create_date"], r##""#""##);
    assert_eq!((&card["tags"], card.get("extra")), (&json!([]), None));
    assert_eq!(
        from_yaml(&json!({"context": "ctx"}), at_fixed_time()),
        Err(Error::Name)
    );
}

#[test]
fn a_charx_card_is_left_without_a_chat() {
    let content = json!({"spec": "chara_card_v3", "data": {"name": "C/x"}, "chat": "c", "fav": true});
    let imported = from_charx(content, at_fixed_time()).expect("imports");
    assert_eq!(imported.name, "Cx");
    assert_text(
        &imported.card,
        concat!(
            r#"{"spec":"chara_card_v3","data":{"name":"Cx","extensions":{"fav":false}},"name":"Cx","fav":false,"#,
            r##""create_date":"#"}"##,
        ),
    );
    assert_eq!(
        from_charx(json!({"name": "x"}), at_fixed_time()),
        Err(Error::NoSpec)
    );
}

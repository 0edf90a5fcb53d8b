//! Character cards: the PNG, and the JSON in it.

use chrono::{DateTime, Local, TimeZone};
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use serde_json::{Value, json};
use squaretable_compat::card::{self, import};
use squaretable_compat::json as text;
use squaretable_compat::png;

use crate::mutate::{any_json, apply, edits, swap, swaps};

fn now() -> DateTime<Local> {
    Local
        .with_ymd_and_hms(2026, 1, 2, 3, 4, 5)
        .single()
        .expect("a time that exists")
}

fn v2() -> Value {
    json!({
        "spec": "chara_card_v2", "spec_version": "2.0", "name": "Card", "fav": true, "chat": "Card - 2024-1-1", "create_date": "2024-01-01",
        "data": {
            "name": "Card", "description": "d", "first_mes": "Hi", "tags": ["a", "b"], "alternate_greetings": ["Hey"],
            "character_book": { "name": "Book", "entries": [{ "id": 1, "keys": ["k"], "content": "c", "insertion_order": 5, "enabled": true, "extensions": { "position": 1 } }] },
            "extensions": { "talkativeness": "0.5", "world": "W", "depth_prompt": { "prompt": "p", "depth": 4, "role": "system" },
                "risuai": { "additionalAssets": [["a", "aGk=", "png"]], "emotions": [["joy", "aGk="]] } }
        }
    })
}

fn v1() -> Value {
    json!({ "name": "Old", "description": "d", "personality": "p", "scenario": "s", "first_mes": "f", "mes_example": "m", "tags": "a, b", "talkativeness": 0.5 })
}

/// A one-pixel PNG with a card and a comment.
fn card_png() -> Vec<u8> {
    let pixel = image::DynamicImage::new_rgb8(1, 1);
    let mut out = std::io::Cursor::new(Vec::new());
    pixel
        .write_to(&mut out, image::ImageFormat::Png)
        .expect("a vector takes any picture");
    png::compose(out.get_ref(), v2().to_string().as_bytes()).expect("a whole PNG")
}

/// The file with the checksums of its chunks made right, so that changes get past them.
fn with_sums(mut file: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while let Some(head) = file.get(at..at + 4) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let end = at + 8 + length;
        if file.len() < end + 4 {
            break;
        }
        let mut sum = flate2::Crc::new();
        sum.update(&file[at + 4..end]);
        file[end..end + 4].copy_from_slice(&sum.sum().to_be_bytes());
        at = end + 4;
    }
    file
}

/// Everything that is done to a card's JSON.
fn use_card(value: &Value) {
    let _ = card::validate(value);
    let _ = import::from_json(value.clone(), now());
    let _ = import::from_png(value.clone(), now());
    let _ = import::from_yaml(value, now());
    let _ = import::from_charx(value.clone(), now());
    let mut private = value.clone();
    card::unset_private(&mut private);
    let _ = import::take_sprites(&mut private);
    for made in [
        card::normalise(value.clone(), now()),
        card::from_v1(value.clone(), now()),
        card::renamed(value.clone(), "New \u{10d800}", now()),
    ] {
        let written = text::to_vec(&made);
        let read = text::parse(&written).expect("what was written reads");
        // Reading moves integer-like keys to the front, which a merge may have put elsewhere; nothing else changes.
        let again = text::to_vec(&read);
        assert_eq!(again.len(), written.len());
        assert_eq!(
            text::to_vec(&text::parse(&again).expect("what was written reads")),
            again
        );
    }
}

proptest! {
    #[test]
    fn fuzz_card_png(edits in edits(), resum: bool) {
        let mut file = apply(&card_png(), &edits);
        if resum {
            file = with_sums(file);
        }
        let _ = (png::dimensions(&file), png::is_animated(&file), png::without_metadata(&file), card::to_png(&file));
        if let Ok(stripped) = png::strip_card(&file) {
            prop_assert_eq!(png::read_card(&stripped), Err(png::Error::NoCard));
            prop_assert_eq!(&png::strip_card(&stripped).expect("a whole PNG"), &stripped);
            let composed = png::compose(&file, b"{\"name\":\"N\"}").expect("a whole PNG takes a card");
            let read = png::read_card(&composed).expect("a card was written");
            prop_assert_eq!(Some(read), png::v3_text(b"{\"name\":\"N\"}"));
        }
        if let Ok(json) = png::read_card(&file) {
            prop_assert!(std::str::from_utf8(&json).is_ok());
            let _ = card::entry(&json, "Card.png", now());
            let _ = card::to_json(&json, now());
        }
    }

    #[test]
    fn fuzz_card_text(edits in edits(), old: bool) {
        let valid = if old { v1() } else { v2() };
        let json = apply(valid.to_string().as_bytes(), &edits);
        let _ = png::v3_text(&json);
        if let Ok(exported) = card::to_json(&json, now()) {
            prop_assert!(text::parse(&exported).is_ok());
        }
        let _ = card::entry(&json, "Card.png", now());
        if let Ok(value) = text::parse(&json) {
            use_card(&value);
        }
    }

    #[test]
    fn fuzz_card_values(swaps in swaps(), update in any_json(), old: bool) {
        let valid = if old { v1() } else { v2() };
        let value = swap(&valid, &swaps);
        use_card(&value);
        let json = text::to_vec(&value);
        let _ = card::entry(&json, "Card.png", now());
        let mut merged = value.clone();
        card::merge_update(&mut merged, &update);
        use_card(&merged);
        let mut plain = value;
        card::merge(&mut plain, &update);
        let _ = card::set_field(&mut plain, "description", Some(&update));
        let _ = card::is_defined(&plain, "data.extensions.fav");
        let _ = card::book::from_world("World", &update);
    }
}

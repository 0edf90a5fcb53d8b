//! A card as it leaves the server, without what is private (`POST /api/characters/export`).

use chrono::{DateTime, Local};
use serde_json::Value;

use super::{current_dated, unset_private};
use crate::{json, png};

/// Why a card cannot be exported as JSON (400).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stored text is not JSON.
    #[error(transparent)]
    Json(#[from] json::Error),
    /// The stored text is JSON but no object.
    #[error("the card is not an object")]
    NotObject,
}

/// The card as pretty-printed JSON (4 spaces), converted to V2 or normalised, without private fields.
///
/// `card_json` is the text stored in the PNG.
///
/// # Errors
/// See [`Error`].
pub fn to_json(card_json: &[u8], now: DateTime<Local>) -> Result<Vec<u8>, Error> {
    let card = json::parse(card_json)?;
    if !card.is_object() {
        return Err(Error::NotObject);
    }
    let mut card = current_dated(card, now);
    unset_private(&mut card);
    Ok(json::to_vec_pretty(&card))
}

/// The card's PNG with the private fields taken out of its text; pixels and other chunks are copied.
///
/// Text that is not JSON is kept as it is.
///
/// # Errors
/// When `image` is not a whole PNG with a card.
pub fn to_png(image: &[u8]) -> Result<Vec<u8>, png::Error> {
    let text = png::read_card(image)?;
    let public = json::parse(&text).ok().map(without_private);
    png::compose(image, public.as_ref().unwrap_or(&text))
}

fn without_private(mut card: Value) -> Vec<u8> {
    unset_private(&mut card);
    json::to_vec(&card)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Error, to_json, to_png};
    use crate::card::tests::{at_fixed_time, blank_png};
    use crate::{json as codec, png};

    #[test]
    fn json_is_normalised_and_public() {
        let card = br#"{"spec":"chara_card_v2","chat":"c","fav":true,"json_data":"x","data":{"name":"N","tags":[]}}"#;
        let text = to_json(card, at_fixed_time()).expect("exports");
        let expected = "{\n    \"spec\": \"chara_card_v2\",\n    \"fav\": false,\n    \"data\": {\n        \"name\": \"N\",\n        \
             \"tags\": [],\n        \"extensions\": {\n            \"fav\": false\n        }\n    },\n    \
             \"name\": \"N\",\n    \"tags\": []\n}";
        let (text, expected) = (
            codec::parse(&text).expect("JSON"),
            codec::parse(expected.as_bytes()).expect("JSON"),
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn json_that_is_no_card_is_refused() {
        assert!(matches!(to_json(b"nope", at_fixed_time()), Err(Error::Json(_))));
        assert!(matches!(to_json(b"null", at_fixed_time()), Err(Error::NotObject)));
    }

    #[test]
    fn a_png_loses_its_private_fields_and_nothing_else() {
        let image =
            png::compose(&blank_png(), br#"{"name":"N","chat":"c","fav":true,"x":1}"#).expect("composes");
        let public = to_png(&image).expect("exports");
        let card = codec::parse(&png::read_card(&public).expect("a card")).expect("JSON");
        let expected = json!({"name": "N", "fav": false, "x": 1, "data": {"extensions": {"fav": false}},
            "spec": "chara_card_v3", "spec_version": "3.0"});
        assert_eq!(card, expected);
        let broken = png::compose(&blank_png(), b"nope").expect("composes");
        assert_eq!(to_png(&broken), Ok(broken));
        assert_eq!(to_png(&blank_png()), Err(png::Error::NoCard));
    }
}

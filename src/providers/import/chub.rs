//! Chub (chub.ai, characterhub.org): characters whose cards are put together here, and lorebooks.

use serde_json::{Map, Value};
use squaretable_compat::json::{js_string, js_truthy, lossy, to_vec};
use squaretable_compat::names::sanitize;
use squaretable_compat::png;

use super::web::{AGENT, Web};
use super::{Content, ImportError};

const API: &str = "https://api.chub.ai/api";
const HEADERS: [(&str, &str); 2] = [("Accept", "application/json"), AGENT];

/// The fields of a card and where Chub's definition has them, in the card's order. Those before [`BEFORE`] come before
/// the ones that are no part of the definition, the others after them.
const FIELDS: [(&str, &str); 12] = [
    ("name", "name"),
    ("description", "personality"),
    ("personality", "tavern_personality"),
    ("scenario", "scenario"),
    ("first_mes", "first_message"),
    ("mes_example", "example_dialogs"),
    ("creator_notes", "description"),
    ("system_prompt", "system_prompt"),
    ("post_history_instructions", "post_history_instructions"),
    ("alternate_greetings", "alternate_greetings"),
    ("character_book", "embedded_lorebook"),
    ("extensions", "extensions"),
];
const BEFORE: usize = 10;

/// Part `at` of an id; compat: what is not there is asked for by the name `undefined`.
fn part(id: &str, at: usize) -> &str {
    id.split('/').nth(at).unwrap_or("undefined")
}

/// A character; `id` is `creator/project`. Without a picture that can be fetched it gets the default one.
pub(super) async fn character(web: &Web, id: &str) -> Result<Content, ImportError> {
    let address = format!("{API}/characters/{}/{}?full=true", part(id, 0), part(id, 1));
    let metadata = web.get(&address, &HEADERS).await?.succeeded()?.json()?;
    let node = metadata.get("node").unwrap_or(&Value::Null);
    let definition = node.get("definition").filter(|definition| !definition.is_null());
    let definition = definition.ok_or(ImportError::Unexpected("no `definition`"))?;
    let card = card(definition, node.get("topics"), part(id, 0));
    let link = node.get("max_res_url").filter(|link| js_truthy(link));
    let picture = match link {
        Some(link) => Some(web.follow(link, &[]).await?),
        None => None,
    };
    let picture = match picture {
        Some(answer) if answer.status.is_success() => answer.body,
        _ => web.default_picture().await?,
    };
    let bytes = png::compose(&picture, &to_vec(&card))?;
    let name = definition.get("name").and_then(Value::as_str);
    let name = name.ok_or(ImportError::Unexpected("a character without a name"))?;
    Ok(Content {
        bytes: bytes.into(),
        name: format!("{}.png", sanitize(name)),
        media_type: Some("image/png".to_owned()),
    })
}

/// A version 2 card of Chub's definition; fields that it lacks are left out.
fn card(definition: &Value, topics: Option<&Value>, creator: &str) -> Value {
    let mut data = Map::new();
    let mut put = |key: &str, value: Option<&Value>| {
        if let Some(value) = value {
            data.insert(key.to_owned(), value.clone());
        }
    };
    let (before, after) = FIELDS.split_at(BEFORE);
    for (key, field) in before {
        put(key, definition.get(field));
    }
    put("tags", topics);
    put("creator", Some(&creator.into()));
    put("character_version", Some(&"".into()));
    for (key, field) in after {
        put(key, definition.get(field));
    }
    let mut card = Map::new();
    card.insert("data".to_owned(), Value::Object(data));
    card.insert("spec".to_owned(), "chara_card_v2".into());
    card.insert("spec_version".to_owned(), "2.0".into());
    Value::Object(card)
}

/// A lorebook; `id` is `lorebooks/creator/project`.
pub(super) async fn lorebook(web: &Web, id: &str) -> Result<Content, ImportError> {
    let address = format!("{API}/{}/{}/{}", part(id, 0), part(id, 1), part(id, 2));
    let metadata = web.get(&address, &HEADERS).await?.succeeded()?.json()?;
    let project = metadata.get("node").and_then(|node| node.get("id"));
    let project = project
        .filter(|id| js_truthy(id))
        .ok_or(ImportError::Unexpected("no project id"))?;
    let address = format!(
        "{API}/v4/projects/{}/repository/files/raw%252Fsillytavern_raw.json/raw",
        lossy(&js_string(project))
    );
    let book = web.get(&address, &HEADERS).await?.succeeded()?;
    let name = id
        .split('/')
        .nth(2)
        .ok_or(ImportError::Malformed("a lorebook without a name"))?;
    Ok(Content {
        bytes: book.body,
        name: format!("{}.json", sanitize(name)),
        media_type: book.media_type,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use squaretable_compat::json::to_vec;

    use super::card;

    #[test]
    fn a_card_has_what_the_definition_has_in_the_cards_order() {
        let definition = json!({
            "description": "notes", "name": "Ada", "personality": "bright", "tavern_personality": null,
            "extensions": { "chub": 1 }, "unknown": true
        });
        let made = String::from_utf8(to_vec(&card(&definition, Some(&json!(["t"])), "me"))).unwrap();
        let expected = r#"{"data":{"name":"Ada","description":"bright","personality":null,"creator_notes":"notes","tags":["t"],"creator":"me","character_version":"","extensions":{"chub":1}},"spec":"chara_card_v2","spec_version":"2.0"}"#;
        assert_eq!(made, expected);
    }
}

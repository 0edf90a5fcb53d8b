//! Pygmalion (pygmalion.chat): a card and a link to its picture.

use bytes::Bytes;
use serde_json::Value;
use squaretable_compat::json::{js_truthy, to_vec};
use squaretable_compat::names::sanitize;
use squaretable_compat::png;

use super::web::Web;
use super::{Content, ImportError};

/// A character by its UUID: a PNG card, or without a usable picture the whole answer as JSON.
pub(super) async fn character(web: &Web, id: &str) -> Result<Content, ImportError> {
    let address = format!("https://server.pygmalion.chat/api/export/character/{id}/v2");
    let answer = web.get(&address, &[]).await?.succeeded()?.json()?;
    let card = answer
        .get("character")
        .filter(|card| card.is_object() || card.is_array())
        .ok_or(ImportError::Unexpected("no `character`"))?;
    Ok(match with_picture(web, card).await {
        Ok(bytes) => Content {
            bytes,
            name: format!("{}.png", sanitize(id)),
            media_type: Some("image/png".to_owned()),
        },
        Err(error) => {
            tracing::warn!(?error, "a character of Pygmalion is imported without its picture");
            Content {
                bytes: to_vec(&answer).into(),
                name: format!("{}.json", sanitize(id)),
                media_type: Some("application/json".to_owned()),
            }
        }
    })
}

async fn with_picture(web: &Web, card: &Value) -> Result<Bytes, ImportError> {
    let link = card
        .pointer("/data/avatar")
        .filter(|link| js_truthy(link))
        .ok_or(ImportError::Unexpected("no avatar"))?;
    let picture = web.follow(link, &[]).await?;
    Ok(png::compose(&picture.body, &to_vec(card))?.into())
}

//! Sources that serve whole files: JannyAI, AI Character Cards, Risu Realm, and hosts of the operator's choice.

use serde_json::json;
use squaretable_compat::names::sanitize;

use super::web::Web;
use super::{Content, ImportError};

/// The content type of a file whose source states none.
const PNG: &str = "image/png";

/// A character of Janitor, as JannyAI keeps it: its API answers where the card lies.
pub(super) async fn janny(web: &Web, id: &str) -> Result<Content, ImportError> {
    const API: &str = "https://api.jannyai.com/api/v1/download";
    let place = web.post(API, &json!({ "characterId": id })).await?;
    let place = place.succeeded()?.json()?;
    if place.get("status").and_then(|status| status.as_str()) != Some("ok") {
        return Err(ImportError::Unexpected("no status `ok`"));
    }
    let link = place
        .get("downloadUrl")
        .ok_or(ImportError::Unexpected("no `downloadUrl`"))?;
    // compat: whatever the link leads to is the card, also when its status is an error.
    let card = web.follow(link, &[]).await?;
    Ok(Content {
        bytes: card.body,
        name: format!("{}.png", sanitize(id)),
        media_type: card.media_type,
    })
}

/// A card of AI Character Cards; `id` is `author/card`.
pub(super) async fn aicc(web: &Web, id: &str) -> Result<Content, ImportError> {
    let address = format!("https://aicharactercards.com/wp-json/pngapi/v1/image/{id}");
    let card = web.get(&address, &[]).await?.succeeded()?;
    Ok(Content {
        bytes: card.body,
        name: format!("{}.png", sanitize(id)),
        media_type: card.media_type.or_else(|| Some(PNG.to_owned())),
    })
}

/// A character of Risu Realm.
pub(super) async fn risu(web: &Web, id: &str) -> Result<Content, ImportError> {
    let address = format!("https://realm.risuai.net/api/v1/download/png-v3/{id}?non_commercial=true");
    let card = web.get(&address, &[]).await?.succeeded()?;
    Ok(Content {
        bytes: card.body,
        name: format!("{}.png", sanitize(id)),
        media_type: Some(PNG.to_owned()),
    })
}

/// Any file, named after the last segment of the address that answered.
pub(super) async fn file(web: &Web, address: &str) -> Result<Content, ImportError> {
    let file = web.get(address, &[]).await?;
    if !file.status.is_success() {
        return Err(ImportError::NotFound);
    }
    let media_type = file.media_type.unwrap_or_else(|| PNG.to_owned());
    Ok(Content {
        name: file_name(&file.url, &media_type),
        bytes: file.body,
        media_type: Some(media_type),
    })
}

/// The name of a file at an address. A PNG without an extension gets one: importers go by it.
fn file_name(url: &str, media_type: &str) -> String {
    let path = url.split('?').next().unwrap_or_default();
    let mut name = sanitize(path.rsplit('/').next().unwrap_or_default());
    let has_extension = name.rsplit_once('.').is_some_and(|(_, extension)| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !extension.is_empty() && extension.bytes().all(is_word)
    });
    if media_type == PNG && !has_extension {
        name.push_str(".png");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn pictures_without_an_extension_get_one() {
        assert_eq!(file_name("https://h/a/card?x=/y.json", "image/png"), "card.png");
        assert_eq!(file_name("https://h/card.v2", "image/png"), "card.v2");
        assert_eq!(file_name("https://h/card.a-b", "image/png"), "card.a-b.png");
        assert_eq!(file_name("https://h/", "image/png"), ".png");
        assert_eq!(file_name("https://h/card", "image/png; q=1"), "card");
        assert_eq!(file_name("https://h/a:b*c.json", "text/plain"), "abc.json");
    }
}

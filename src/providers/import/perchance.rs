//! Perchance (perchance.org): characters as compressed JSON, whose cards are put together here.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use reqwest::Url;
use serde_json::{Value, json};
use squaretable_compat::buffer::from_base64;
use squaretable_compat::json::{js_string, js_truthy, lossy, parse, to_vec};
use squaretable_compat::png;

use super::web::{AGENT, MAX_DOWNLOAD, Web};
use super::{Content, ImportError};
use crate::pictures;

const FILES: &str = "https://user.uploads.dev/file";

/// A character by the name of its upload.
pub(super) async fn character(web: &Web, slug: &str) -> Result<Content, ImportError> {
    let address = format!("{FILES}/{slug}");
    let packed = web
        .get(&address, &[("Content-Type", "application/json"), AGENT])
        .await?;
    if !packed.status.is_success() {
        return Err(ImportError::NotFound);
    }
    let character = unpacked(packed.body).await?;
    let link = character.pointer("/avatar/url").filter(|link| js_truthy(link));
    let link = match link {
        Some(Value::String(link)) => Some(link.as_str()),
        Some(_) => return Err(ImportError::Unexpected("an avatar that is no text")),
        None => None,
    };
    let name = or(&character, "name", "Unnamed Perchance Character".into());
    let card = card(&character, &name, slug, &address, link);
    let picture = picture(web, link).await?;
    Ok(Content {
        bytes: png::compose(&picture, &to_vec(&card))?.into(),
        name: format!("{}.png", lossy(&js_string(&name))),
        media_type: Some("image/png".to_owned()),
    })
}

/// A field, or something else where JavaScript takes it for false.
fn or(object: &Value, field: &str, other: Value) -> Value {
    object
        .get(field)
        .filter(|value| js_truthy(value))
        .cloned()
        .unwrap_or(other)
}

/// A version 2 card of Perchance's character.
fn card(character: &Value, name: &Value, slug: &str, address: &str, link: Option<&str>) -> Value {
    let text = |field: &str| or(character, field, "".into());
    json!({
        "spec": "chara_card_v2",
        "spec_version": "2.0",
        "data": {
            "name": name,
            "first_mes": "",
            "tags": [],
            "description": text("roleInstruction"),
            "creator": text("metaTitle"),
            "creator_notes": text("metaDescription"),
            "alternate_greetings": [],
            "character_version": "",
            "mes_example": "",
            "post_history_instructions": "",
            "system_prompt": "",
            "scenario": "",
            "personality": text("reminderMessage"),
            "extensions": { "perchance_data": {
                "slug": slug,
                "char_url": address,
                "uuid": or(character, "uuid", Value::Null),
                "avatar_url": link.filter(|link| !is_image_data(link)),
                "folder_path": or(character, "folderPath", Value::Null),
                "folder_name": or(character, "folderName", Value::Null),
                "custom_data": or(character, "customData", json!({})),
            } },
        },
    })
}

fn is_image_data(link: &str) -> bool {
    link.starts_with("data:image/")
}

/// The character's picture as PNG; the default one where there is none or it cannot be fetched.
async fn picture(web: &Web, link: Option<&str>) -> Result<Bytes, ImportError> {
    let Some(link) = link else {
        return web.default_picture().await;
    };
    if is_image_data(link) {
        let data = link
            .split(',')
            .nth(1)
            .ok_or(ImportError::Unexpected("a data link without data"))?;
        let bytes = Bytes::from(from_base64(data.as_bytes()));
        return match link.starts_with("data:image/png;base64,") {
            true => Ok(bytes),
            false => to_png(bytes).await,
        };
    }
    if Url::parse(&lossy(link)).is_err() {
        return web.default_picture().await;
    }
    let answer = web.follow(&link.into(), &[AGENT]).await?;
    if !answer.status.is_success() {
        return web.default_picture().await;
    }
    match answer.media_type.as_deref() {
        Some("image/png") => Ok(answer.body),
        _ => to_png(answer.body).await,
    }
}

async fn to_png(bytes: Bytes) -> Result<Bytes, ImportError> {
    Ok(pictures::off_thread(move || pictures::avatar_png(&bytes, None))
        .await??
        .into())
}

/// The character in a compressed upload.
async fn unpacked(packed: Bytes) -> Result<Value, ImportError> {
    let unpack = move || {
        let mut upload = parse(&gunzip(&packed, MAX_DOWNLOAD)?)?;
        let character = upload.get_mut("addCharacter").map(Value::take);
        character
            .filter(js_truthy)
            .ok_or(ImportError::Unexpected("no `addCharacter`"))
    };
    tokio::task::spawn_blocking(unpack)
        .await
        .map_err(|error| crate::error::Error::Internal(error.into()))?
}

/// Unpacks one gzip member after the other; zeros after a member end the file, as in the original's runtime.
fn gunzip(mut packed: &[u8], limit: u64) -> Result<Vec<u8>, ImportError> {
    let mut out = Vec::new();
    loop {
        let mut member = GzDecoder::new(packed);
        let room = limit - out.len() as u64;
        (&mut member).take(room + 1).read_to_end(&mut out)?;
        if out.len() as u64 > limit {
            return Err(ImportError::TooLarge);
        }
        packed = member.into_inner();
        if packed.first().is_none_or(|byte| *byte == 0) {
            return Ok(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::{ImportError, gunzip};

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_follow_each_other_until_zeros() {
        let member = gzip(b"abc");
        let of = |parts: &[&[u8]]| gunzip(&parts.concat(), 100).ok();
        assert_eq!(of(&[&member]), Some(b"abc".to_vec()));
        assert_eq!(of(&[&member, &member]), Some(b"abcabc".to_vec()));
        assert_eq!(of(&[&member, &[0, 0], &member]), Some(b"abc".to_vec()));
        assert_eq!(of(&[&member, b"garbage garbage garbage"]), None);
        assert_eq!(of(&[&member[..member.len() - 3]]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let bomb = gzip(&[0; 1000]);
        assert!(matches!(gunzip(&bomb, 999), Err(ImportError::TooLarge)));
        assert!(gunzip(&bomb, 1000).is_ok());
        let two = [gzip(&[1; 600]), gzip(&[1; 600])].concat();
        assert!(matches!(gunzip(&two, 999), Err(ImportError::TooLarge)));
    }
}

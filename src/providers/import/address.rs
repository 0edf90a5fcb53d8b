//! What an address or an id names.

use reqwest::Url;
use serde_json::Value;
use squaretable_compat::json::{js_string, lossy, utf16_len};

use super::{ImportError, Source};

/// Length of `8-4-4-4-12` hexadecimal digits.
const UUID: usize = 36;

/// Whether a host is one of these names or below one of them.
///
/// compat: the original looks for the name anywhere in the host, so `chub.ai.example.org` is Chub to it.
fn is_of(host: &str, names: &[&str]) -> bool {
    names.iter().any(|name| {
        host.strip_suffix(name)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

impl Source {
    /// The source of an address. `allowed` are the hosts from which any file may be fetched.
    ///
    /// compat: an address that is no text counts by its JavaScript text where only its host and path matter.
    ///
    /// # Errors
    /// [`ImportError::NotFound`] when no source has such an address, [`ImportError::Malformed`] when it is no text.
    pub fn from_url(address: &Value, allowed: &[String]) -> Result<Self, ImportError> {
        let text = lossy(&js_string(address)).into_owned();
        let url = Url::parse(&text).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let string = || match address {
            Value::String(_) => Ok(text.as_str()),
            _ => Err(ImportError::Malformed("an address that is no text")),
        };
        let found = if is_of(host, &["pygmalion.chat"]) {
            uuid(string()?).map(Self::Pygmalion)
        } else if is_of(host, &["janitorai.com", "janitorai.me"]) {
            uuid(string()?).map(Self::Janny)
        } else if is_of(host, &["aicharactercards.com"]) {
            url.as_ref().and_then(|url| last_two(url.path())).map(Self::Aicc)
        } else if is_of(host, &["chub.ai", "characterhub.org"]) {
            chub(string()?)
        } else if is_of(host, &["realm.risuai.net"]) {
            risu(string()?).map(Self::Risu)
        } else if is_of(host, &["perchance.org"]) {
            perchance_slug(string()?).map(Self::Perchance)
        } else if allowed.iter().any(|entry| entry == host) {
            Some(Self::File(text.clone()))
        } else {
            tracing::warn!(
                host,
                "an import was refused: whitelistImportDomains does not list the host"
            );
            None
        };
        found.ok_or(ImportError::NotFound)
    }

    /// The source of an id, as the frontend sends whatever is no URL. Every text is an id of some source.
    #[must_use]
    pub fn from_id(id: &str) -> Self {
        let parts = |count: usize| id.split('/').nth(count).unwrap_or("undefined");
        if id.contains("_character") {
            Self::Janny(id.split('_').next().unwrap_or_default().to_owned())
        } else if utf16_len(id) == UUID {
            Self::Pygmalion(id.to_owned())
        } else if id.starts_with("AICC/") {
            Self::Aicc(format!("{}/{}", parts(1), parts(2)))
        } else if is_perchance_id(id) {
            Self::Perchance(perchance_slug(id).unwrap_or_default())
        } else if id.contains("lorebook") {
            Self::ChubLorebook(id.to_owned())
        } else {
            Self::ChubCharacter(id.to_owned())
        }
    }
}

/// The first UUID in lower case anywhere in a text.
fn uuid(text: &str) -> Option<String> {
    let is_uuid = |part: &[u8]| {
        part.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
    };
    let found = text.as_bytes().windows(UUID).find(|part| is_uuid(part))?;
    Some(found.iter().copied().map(char::from).collect())
}

/// `author/card`: the last two segments of a path that are not empty.
fn last_two(path: &str) -> Option<String> {
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
    let (last, before) = (parts.next()?, parts.next()?);
    Some(format!("{before}/{last}"))
}

/// What follows Chub's host: `characters/a/b`, `lorebooks/a/b`, or `a/b` for a character.
///
/// compat: split as text, so a query is part of the project's name.
fn chub(address: &str) -> Option<Source> {
    let hosts = [
        "www.chub.ai",
        "chub.ai",
        "www.characterhub.org",
        "characterhub.org",
    ];
    let parts: Vec<&str> = address.split('/').collect();
    let start = parts
        .iter()
        .rposition(|part| hosts.contains(part))
        .map_or(0, |at| at + 1);
    let parts = &parts[start..];
    let [first, rest @ ..] = parts else { return None };
    match (first.to_lowercase().as_str(), rest) {
        (_, []) => None,
        ("characters", _) => Some(Source::ChubCharacter(rest.join("/"))),
        ("lorebooks", _) => Some(Source::ChubLorebook(parts.join("/"))),
        (_, [_]) => Some(Source::ChubCharacter(parts.join("/"))),
        _ => None,
    }
}

/// The id in `https://realm.risuai.net/character/<id>`, any case.
fn risu(address: &str) -> Option<String> {
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let start = format!("{scheme}realm.risuai.net/character/");
        let head = address.get(..start.len())?;
        head.eq_ignore_ascii_case(&start).then(|| &address[start.len()..])
    })?;
    let id = rest.strip_suffix('/').unwrap_or(rest);
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_id.then(|| id.to_owned())
}

/// `name~<32 hexadecimal digits>.gz`.
fn is_perchance_id(id: &str) -> bool {
    let word = |text: &str| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !text.is_empty() && text.bytes().all(is_word)
    };
    let hash =
        |text: &str| text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    id.split_once('~')
        .and_then(|(name, rest)| Some((name, rest.strip_suffix(".gz")?)))
        .is_some_and(|(name, digits)| word(name) && hash(digits))
}

/// What stands between the first and the second `~`.
fn perchance_slug(text: &str) -> Option<String> {
    let slug = text.split('~').nth(1).filter(|slug| !slug.is_empty())?;
    Some(slug.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ImportError, Source};

    const ID: &str = "0ade1c2b-1111-4222-8333-abcdefabcdef";

    fn of(address: &str) -> Option<Source> {
        match Source::from_url(&json!(address), &["files.example".to_owned()]) {
            Ok(source) => Some(source),
            Err(ImportError::NotFound) => None,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_site_is_its_host_or_a_host_below_it() {
        for host in ["pygmalion.chat", "www.pygmalion.chat", "PYGMALION.chat"] {
            let found = of(&format!("https://{host}/character/{ID}"));
            assert_eq!(found, Some(Source::Pygmalion(ID.to_owned())), "{host}");
        }
        for host in [
            "pygmalion.chat.evil.example",
            "notpygmalion.chat",
            "evil.example",
            "janitorai.evil.example",
            "sub.files.example",
        ] {
            assert_eq!(of(&format!("https://{host}/character/{ID}")), None, "{host}");
        }
        assert_eq!(of(&format!("https://evil.example/pygmalion.chat/{ID}")), None);
        assert_eq!(of(&format!("https://pygmalion.chat@evil.example/{ID}")), None);
    }

    #[test]
    fn chub_addresses_name_characters_and_lorebooks() {
        let character = |id: &str| Some(Source::ChubCharacter(id.to_owned()));
        assert_eq!(of("https://chub.ai/characters/a/b"), character("a/b"));
        assert_eq!(of("https://www.characterhub.org/a/b"), character("a/b"));
        assert_eq!(of("https://chub.ai/Characters/a/b/c"), character("a/b/c"));
        let book = Some(Source::ChubLorebook("lorebooks/a/b".to_owned()));
        assert_eq!(of("https://chub.ai/lorebooks/a/b"), book);
        for nothing in [
            "https://chub.ai",
            "https://chub.ai/a",
            "https://chub.ai/x/a/b",
            "https://venus.chub.ai/characters/a/b",
        ] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn risu_addresses_hold_nothing_but_an_id() {
        let risu = |address: &str| of(&format!("https://{address}"));
        assert_eq!(
            risu("realm.risuai.net/character/Ab-9/"),
            Some(Source::Risu("Ab-9".to_owned()))
        );
        assert_eq!(risu("realm.risuai.net/character/xyz"), None);
        assert_eq!(risu("realm.risuai.net/character/"), None);
        assert_eq!(risu("realm.risuai.net/character/é"), None);
        assert_eq!(risu("realm.risuai.net/other/ab"), None);
    }

    #[test]
    fn every_text_is_an_id_of_some_source() {
        let perchance = format!("Name_1~{}.gz", "0f".repeat(16));
        for (id, source) in [
            ("1234_character_x", Source::Janny("1234".to_owned())),
            (ID, Source::Pygmalion(ID.to_owned())),
            ("AICC/a/b/c", Source::Aicc("a/b".to_owned())),
            ("AICC/", Source::Aicc("/undefined".to_owned())),
            (&perchance, Source::Perchance(format!("{}.gz", "0f".repeat(16)))),
            ("lorebooks/a/b", Source::ChubLorebook("lorebooks/a/b".to_owned())),
            ("a/b", Source::ChubCharacter("a/b".to_owned())),
            ("x", Source::ChubCharacter("x".to_owned())),
        ] {
            assert_eq!(Source::from_id(id), source, "{id}");
        }
    }

    #[test]
    fn what_is_no_text_names_nothing() {
        let url = json!([format!("https://pygmalion.chat/{ID}")]);
        let found = Source::from_url(&url, &[]);
        assert!(matches!(found, Err(ImportError::Malformed(_))), "{found:?}");
        assert!(matches!(
            Source::from_url(&json!(5), &[]),
            Err(ImportError::NotFound)
        ));
    }
}

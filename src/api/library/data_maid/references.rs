//! Which files chats, groups and settings refer to.
//!
//! compat: where the original looks at the header of a chat alone, and at pictures and attachments apart, every line
//! and every reference counts here: what is found too much is kept.

use serde::de::IgnoredAny;
use serde_json::Value;
use squaretable_compat::json as text;

use crate::store::documents::Document;

/// A line without any of these refers to nothing. The last one is for keys that are written in escapes.
pub const WORDS: [&[u8]; 6] = [
    b"\"image",
    b"\"video\"",
    b"\"media\"",
    b"\"file",
    b"\"chat_metadata\"",
    b"\\u00",
];

/// Shows `found` what a line of a chat refers to.
pub fn of_line(line: &[u8], found: &mut impl FnMut(&str)) {
    let line = String::from_utf8_lossy(line);
    if serde_json::from_str::<IgnoredAny>(&line).is_err() {
        return;
    }
    let [extra, metadata] = text::fields(&line, ["extra", "chat_metadata"]);
    let keys = ["image", "video", "image_swipes", "media", "file", "files"];
    for value in extra
        .map(|extra| text::fields(extra, keys))
        .into_iter()
        .flatten()
        .flatten()
    {
        of_token(value, found);
    }
    if let Some(metadata) = metadata {
        of_metadata(metadata, found);
    }
}

/// Shows `found` what a group refers to, which old versions kept there.
pub fn of_group(group: &Document, found: &mut impl FnMut(&str)) {
    let body = String::from_utf8_lossy(&group.body);
    if !group.valid {
        return;
    }
    let [metadata, past] = text::fields(&body, ["chat_metadata", "past_metadata"]);
    let past = past.into_iter().flat_map(text::members).map(|(_, value)| value);
    for metadata in past.chain(metadata) {
        of_metadata(metadata, found);
    }
}

/// Shows `found` what the data bank of well-formed settings refers to.
pub fn of_settings(settings: &str, found: &mut impl FnMut(&str)) {
    let [extensions] = text::fields(settings, ["extension_settings"]);
    let keys = ["attachments", "character_attachments"];
    let Some([global, by_character]) = extensions.map(|extensions| text::fields(extensions, keys)) else {
        return;
    };
    let lists = by_character
        .into_iter()
        .flat_map(text::members)
        .map(|(_, value)| value);
    for list in lists.chain(global) {
        of_token(list, found);
    }
}

fn of_metadata(metadata: &str, found: &mut impl FnMut(&str)) {
    let lists = text::fields(metadata, ["chat_backgrounds", "attachments"]);
    for list in lists.into_iter().flatten() {
        of_token(list, found);
    }
}

fn of_token(token: &str, found: &mut impl FnMut(&str)) {
    // A picture inside the line itself may be long.
    if !token.starts_with("\"data:")
        && let Ok(value) = text::parse(token.as_bytes())
    {
        of_value(&value, found);
    }
}

/// A path, a list of some, or an object with one.
///
/// compat: what is none of these is passed over; the original then reports nothing at all.
fn of_value(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(path) => found(path),
        Value::Array(items) => items.iter().for_each(|item| of_value(item, found)),
        Value::Object(object) => {
            if let Some(Value::String(url)) = object.get("url") {
                found(url);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(line: &str) -> Vec<String> {
        let mut paths = Vec::new();
        of_line(line.as_bytes(), &mut |path| paths.push(path.to_owned()));
        paths
    }

    #[test]
    fn every_form_of_reference_is_found() {
        for (line, expected) in [
            (r#"{"extra":{"image":"a","video":"b"}}"#, &["a", "b"][..]),
            (r#"{"extra":{"image_swipes":["a",null,"b"]}}"#, &["a", "b"]),
            (
                r#"{"extra":{"media":[{"url":"a"},{},{"url":5},"b"]}}"#,
                &["a", "b"],
            ),
            (
                r#"{"extra":{"file":{"url":"a"},"files":[{"url":"b"}]}}"#,
                &["a", "b"],
            ),
            (
                r#"{"chat_metadata":{"chat_backgrounds":["a"],"attachments":[{"url":"b"}]}}"#,
                &["a", "b"],
            ),
            (r#"{"extra":{"i\u006dage":"\u0061"}}"#, &["a"]),
            (r#"{"image":"a","extra":{"mes":"b"}}"#, &[]),
            (r#"{"extra":{"image":"data:image/png;base64,AA"}}"#, &[]),
            ("null", &[]),
            ("{\"extra\":{\"image\":\"a\"}", &[]),
        ] {
            assert_eq!(paths(line), expected, "{line}");
            let is_shown = WORDS
                .iter()
                .any(|word| line.contains(std::str::from_utf8(word).unwrap()));
            assert!(is_shown || expected.is_empty(), "{line}");
        }
    }

    #[test]
    fn the_data_bank_of_settings_is_found() {
        let settings = r#"{"extension_settings":{"attachments":[{"url":"a"}],
            "character_attachments":{"x.png":[{"url":"b"}],"y.png":null}},"other":{"url":"c"}}"#;
        let mut paths = Vec::new();
        of_settings(settings, &mut |path| paths.push(path.to_owned()));
        assert_eq!(paths, ["b", "a"]);
    }
}

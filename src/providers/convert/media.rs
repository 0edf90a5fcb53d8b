//! Media parts of OpenAI-shaped messages.

use serde_json::{Value, json};

use super::ConvertError;

/// Turns `audio_url` data URLs into `input_audio` parts, in place. Other parts stay as they are.
///
/// # Errors
/// When a message is `null`.
pub fn inline_audio(messages: &mut Value) -> Result<(), ConvertError> {
    let Some(messages) = messages.as_array_mut() else {
        return Ok(());
    };
    for message in messages {
        if message.is_null() {
            return Err(ConvertError::new(
                "Cannot read properties of null (reading 'content')",
            ));
        }
        let Some(parts) = message.get_mut("content").and_then(Value::as_array_mut) else {
            continue;
        };
        parts.iter_mut().for_each(inline_audio_part);
    }
    Ok(())
}

fn inline_audio_part(part: &mut Value) {
    if part.get("type").and_then(Value::as_str) != Some("audio_url") {
        return;
    }
    let Some(url) = part.pointer("/audio_url/url").and_then(Value::as_str) else {
        return;
    };
    if !url.starts_with("data:") {
        return;
    }
    let mut pieces = url.split(',');
    let header = pieces.next().unwrap_or_default();
    let media_type = header.split(&[':', ';'][..]).nth(1).unwrap_or_default();
    let mut audio = json!({ "format": if media_type == "audio/wav" { "wav" } else { "mp3" } });
    if let Some(data) = pieces.next() {
        audio["data"] = data.into();
    }
    if let Some(part) = part.as_object_mut() {
        part["type"] = "input_audio".into();
        part.insert("input_audio".to_owned(), audio);
        part.shift_remove("audio_url");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::inline_audio;

    #[test]
    fn inlines_data_urls_only() {
        let mut messages = json!([
            {"role": "user", "content": "plain"},
            {"role": "user", "content": [
                {"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64,AAAA"}},
                {"type": "audio_url", "audio_url": {"url": "data:audio/ogg;base64,BBBB"}},
                {"type": "audio_url", "audio_url": {"url": "https://host/a.wav"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,CC"}},
            ]},
        ]);
        inline_audio(&mut messages).unwrap();
        let expected = json!([
            {"type": "input_audio", "input_audio": {"format": "wav", "data": "AAAA"}},
            {"type": "input_audio", "input_audio": {"format": "mp3", "data": "BBBB"}},
            {"type": "audio_url", "audio_url": {"url": "https://host/a.wav"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,CC"}},
        ]);
        assert_eq!(messages[1]["content"], expected);
        assert_eq!(messages[0]["content"], "plain");
        assert!(inline_audio(&mut json!([null])).is_err() && inline_audio(&mut json!("text")).is_ok());
    }
}

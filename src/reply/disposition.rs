//! Names of downloads.

use axum::http::HeaderValue;

/// `attachment; filename="..."`, plus `filename*` when the name has characters outside ISO-8859-1 or looks escaped.
pub fn content_disposition(file_name: &str) -> HeaderValue {
    let name = file_name.rsplit('/').find(|part| !part.is_empty()).unwrap_or("");
    let latin: Vec<u8> = name.chars().flat_map(latin1).collect();
    let is_plain = name.chars().all(|c| matches!(c, ' '..='~' | '\u{a0}'..='\u{ff}'));
    let has_escape = name
        .as_bytes()
        .windows(3)
        .any(|w| w[0] == b'%' && w[1..].iter().all(u8::is_ascii_hexdigit));
    let mut value = b"attachment; filename=\"".to_vec();
    for byte in latin {
        if matches!(byte, b'"' | b'\\') {
            value.push(b'\\');
        }
        value.push(byte);
    }
    value.push(b'"');
    if !is_plain || has_escape {
        value.extend_from_slice(b"; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.!~".contains(&byte) {
                value.push(byte);
            } else {
                value.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
        }
    }
    HeaderValue::from_bytes(&value).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// One character as ISO-8859-1; others become `?`, once per UTF-16 unit.
fn latin1(c: char) -> Vec<u8> {
    match c {
        ' '..='~' | '\u{a0}'..='\u{ff}' => vec![c as u32 as u8],
        _ => vec![b'?'; c.len_utf16()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_follow_rfc_6266() {
        assert_eq!(content_disposition("a b.png"), "attachment; filename=\"a b.png\"");
        assert_eq!(
            content_disposition("q\"x.png"),
            "attachment; filename=\"q\\\"x.png\""
        );
        let wide = "attachment; filename=\"???.json\"; filename*=UTF-8''%E6%9D%B1%F0%9F%98%80.json";
        assert_eq!(content_disposition("東😀.json"), wide);
        assert_eq!(
            content_disposition("%41.txt"),
            "attachment; filename=\"%41.txt\"; filename*=UTF-8''%2541.txt"
        );
    }
}

//! Links that hold what they lead to.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use squaretable_compat::buffer::from_base64;

/// The content type and the bytes of a `data:` link; `None` for any other text, and for one without a comma.
pub(super) fn decode(link: &str) -> Option<(String, Bytes)> {
    let url = Url::parse(link).ok().filter(|url| url.scheme() == "data")?;
    let (head, data) = url.as_str().strip_prefix("data:")?.split_once(',')?;
    let mut media_type = head.split(';').next().unwrap_or_default().to_owned();
    let (mut is_base64, mut has_charset) = (false, false);
    let is_typed = !media_type.is_empty();
    if !is_typed {
        media_type.push_str("text/plain");
    }
    for parameter in head.split(';').skip(1).filter(|part| !part.is_empty()) {
        if parameter == "base64" {
            is_base64 = true;
            continue;
        }
        has_charset |= parameter.len() > "charset=".len() && parameter.starts_with("charset=");
        media_type.push(';');
        media_type.push_str(parameter);
    }
    if !is_typed && !has_charset {
        media_type.push_str(";charset=US-ASCII");
    }
    let data: Vec<u8> = percent_decode_str(data).collect();
    let bytes = if is_base64 { from_base64(&data) } else { data };
    Some((media_type, bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn data_links_are_decoded() {
        let of = |link: &str| decode(link).map(|(kind, bytes)| (kind, bytes.to_vec()));
        let pair = |kind: &str, bytes: &[u8]| Some((kind.to_owned(), bytes.to_vec()));
        assert_eq!(of("data:image/png;base64,aGk="), pair("image/png", b"hi"));
        assert_eq!(of("data:,a%20b"), pair("text/plain;charset=US-ASCII", b"a b"));
        assert_eq!(
            of("DATA:;charset=utf-8,x"),
            pair("text/plain;charset=utf-8", b"x")
        );
        assert_eq!(of("data:nothing"), None);
        assert_eq!(of("https://host/a,b"), None);
        assert_eq!(of("no address"), None);
    }
}

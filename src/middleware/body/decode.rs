//! From the bytes on the wire to UTF-8: content encodings and charsets.

use std::borrow::Cow;
use std::io::Read;

use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use flate2::bufread::{GzDecoder, ZlibDecoder};

use super::text;

/// `Content-Encoding`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

impl Encoding {
    /// 415 for one that is not known.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, StatusCode> {
        match text(headers, CONTENT_ENCODING).to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        }
    }
}

/// The body without its encoding: 400 when it is broken, 413 above `limit` bytes.
pub(super) async fn inflate(encoding: Encoding, raw: Bytes, limit: usize) -> Result<Bytes, StatusCode> {
    if encoding == Encoding::Identity {
        return Ok(raw);
    }
    let work = move || match encoding {
        Encoding::Gzip => gunzip(&raw, limit),
        _ => read_limited(&mut ZlibDecoder::new(&raw[..]), Vec::new(), limit),
    };
    let inflated = tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "inflating a request body failed");
        StatusCode::INTERNAL_SERVER_ERROR
    })?;
    inflated.map(Bytes::from)
}

/// All members of a gzip body; only padding with zeros may follow the last one.
fn gunzip(raw: &[u8], limit: usize) -> Result<Vec<u8>, StatusCode> {
    let mut rest = raw;
    let mut out = Vec::new();
    loop {
        let mut decoder = GzDecoder::new(rest);
        out = read_limited(&mut decoder, out, limit)?;
        rest = decoder.into_inner();
        if rest.first().is_none_or(|byte| *byte == 0) {
            return Ok(out);
        }
    }
}

fn read_limited(decoder: &mut impl Read, mut out: Vec<u8>, limit: usize) -> Result<Vec<u8>, StatusCode> {
    let room = u64::try_from(limit - out.len()).unwrap_or(u64::MAX);
    decoder
        .take(room.saturating_add(1))
        .read_to_end(&mut out)
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    if out.len() > limit {
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    } else {
        Ok(out)
    }
}

/// The charset of a text body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Charset {
    /// From a lower-cased `Content-Type`. compat: a charset outside the utf family is 415.
    pub(super) fn of(kind: &str) -> Result<Self, StatusCode> {
        let parameters = kind.split(';').skip(1).map(str::trim);
        let charset = parameters
            .filter_map(|parameter| parameter.strip_prefix("charset="))
            .last();
        match charset.map(|value| value.trim_matches('"')).unwrap_or("") {
            "" | "utf-8" => Ok(Self::Utf8),
            "utf-16" | "utf-16le" => Ok(Self::Utf16Le),
            "utf-16be" => Ok(Self::Utf16Be),
            _ => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        }
    }

    /// Valid UTF-8 without byte order mark; what cannot be decoded becomes U+FFFD.
    pub(super) fn to_utf8(self, bytes: Bytes) -> Bytes {
        let bytes = match self {
            Self::Utf8 => bytes,
            Self::Utf16Le => from_utf16(&bytes, u16::from_le_bytes),
            Self::Utf16Be => from_utf16(&bytes, u16::from_be_bytes),
        };
        let bytes = if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.slice(3..)
        } else {
            bytes
        };
        match String::from_utf8_lossy(&bytes) {
            Cow::Borrowed(_) => bytes,
            Cow::Owned(repaired) => Bytes::from(repaired),
        }
    }
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Bytes {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Bytes::from(text)
}

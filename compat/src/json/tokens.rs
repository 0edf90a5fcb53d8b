//! JSON as tokens: bytes in, bytes out, no string or number decoded.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Error, parse_typed, surrogates};

/// Drops the white space between tokens; borrowed when there is none.
///
/// `text` must be well-formed (tokens are not checked). Key order, repeated keys and the spelling of strings and
/// numbers stay as they are, where `JSON.stringify(JSON.parse(text))` would normalise them.
pub fn minify(text: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'"' {
            at = string_end(text, at);
        } else if is_space(byte) {
            out.reserve(if copied == 0 { text.len() } else { 0 });
            out.extend_from_slice(&text[copied..at]);
            at = skip_space(text, at);
            copied = at;
        } else {
            at += 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[copied..]);
    Cow::Owned(out)
}

/// Lays well-formed JSON out with four spaces, as `JSON.stringify(x, null, 4)` does, keeping every token's spelling
/// and the key order.
///
/// # Errors
/// [`Error::Syntax`] when `text` is not one JSON value.
pub fn pretty(text: &[u8]) -> Result<Vec<u8>, Error> {
    serde_json::from_slice::<IgnoredAny>(text)?;
    Ok(lay_out(text))
}

/// [`pretty`] for text known to be well-formed.
pub(super) fn lay_out(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 2);
    let mut depth = 0;
    let mut at = skip_space(text, 0);
    while let Some(&byte) = text.get(at) {
        let next = match byte {
            b'"' => string_end(text, at),
            b'{' | b'[' | b'}' | b']' | b',' | b':' => at + 1,
            _ => scalar_end(text, at),
        };
        if matches!(byte, b'}' | b']') && !out.ends_with(b"{") && !out.ends_with(b"[") {
            new_line(&mut out, depth - 1);
        }
        out.extend_from_slice(&text[at..next]);
        at = skip_space(text, next);
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if !matches!(text.get(at), Some(b'}' | b']')) {
                    new_line(&mut out, depth);
                }
            }
            b'}' | b']' => depth -= 1,
            b',' => new_line(&mut out, depth),
            b':' => out.push(b' '),
            _ => {}
        }
    }
    out
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 4 * depth, b' ');
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn skip_space(text: &[u8], from: usize) -> usize {
    text[from..]
        .iter()
        .position(|&byte| !is_space(byte))
        .map_or(text.len(), |found| from + found)
}

/// Index after the closing quote of the string that opens at `open`; the end of `text` when it is not closed.
fn string_end(text: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        if text[at + found] == b'"' {
            return at + found + 1;
        }
        at += found + 2;
    }
    text.len()
}

fn scalar_end(text: &[u8], from: usize) -> usize {
    let ends = |&byte: &u8| is_space(byte) || matches!(byte, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"');
    text[from + 1..]
        .iter()
        .position(ends)
        .map_or(text.len(), |found| from + 1 + found)
}

/// Index after the value that starts at `from`.
fn value_end(text: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(&byte) = text.get(at) {
        at = match byte {
            b'"' => string_end(text, at),
            b'{' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            _ if depth == 0 => scalar_end(text, at),
            _ => at + 1,
        };
        if depth == 0 {
            break;
        }
    }
    at
}

/// The members of a JSON object as raw tokens, in file order; made by [`members`].
#[derive(Debug, Clone)]
pub struct Members<'a> {
    text: &'a str,
    at: usize,
}

/// Iterates over the members of `text`, a well-formed JSON object: `(key token, value token)`, both as spelled,
/// quotes included. Empty for any other JSON value.
pub fn members(text: &str) -> Members<'_> {
    let start = skip_space(text.as_bytes(), 0);
    let at = if text.as_bytes().get(start) == Some(&b'{') {
        start + 1
    } else {
        text.len()
    };
    Members { text, at }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let key = skip_space(bytes, self.at);
        if bytes.get(key) != Some(&b'"') {
            self.at = bytes.len();
            return None;
        }
        let key_end = string_end(bytes, key);
        let colon = skip_space(bytes, key_end);
        let value = skip_space(bytes, (colon + 1).min(bytes.len()));
        let end = value_end(bytes, value);
        self.at = (skip_space(bytes, end) + 1).min(bytes.len());
        Some((self.text.get(key..key_end)?, self.text.get(value..end)?))
    }
}

/// The value tokens of the named members of a well-formed JSON object; the last of a repeated key wins.
pub fn fields<'a, const N: usize>(text: &'a str, names: [&str; N]) -> [Option<&'a str>; N] {
    let mut found = [None; N];
    for (key, value) in members(text) {
        if let Some(index) = names.iter().position(|name| is_key(key, name)) {
            found[index] = Some(value);
        }
    }
    found
}

fn is_key(token: &str, name: &str) -> bool {
    if token.contains('\\') {
        return decode(token).is_some_and(|key| key == name);
    }
    token.get(1..token.len() - 1) == Some(name)
}

/// `Boolean(value)` of a well-formed value token.
pub fn truthy(token: &str) -> bool {
    match token.as_bytes().first() {
        None | Some(b'n' | b'f') => false,
        Some(b'"') => token != "\"\"",
        Some(b'-' | b'0'..=b'9') => token.parse::<f64>().is_ok_and(|number| number != 0.0),
        Some(_) => true,
    }
}

/// The string of a JSON string token in the form of [`parse`](super::parse); `None` for any other token.
pub fn decode(token: &str) -> Option<String> {
    let body = token.strip_prefix('"')?.strip_suffix('"')?;
    if !body.contains('\\') && !surrogates::has_plane_16(body) {
        return Some(body.to_owned());
    }
    match parse_typed::<Value>(token.as_bytes()) {
        Ok(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// [`decode`] with U+FFFD for each lone surrogate.
pub fn decode_lossy(token: &str) -> Option<String> {
    decode(token).map(|text| surrogates::lossy(&text).into_owned())
}

/// The text of a raw JSON string, U+FFFD for each lone surrogate; `None` when the value is not a string.
pub fn string_lossy(value: &RawValue) -> Option<String> {
    decode_lossy(value.get())
}

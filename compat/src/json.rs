//! JSON read and written as the original's `JSON.parse` and `JSON.stringify` do.
//!
//! Two levels. The token level ([`minify`], [`pretty`], [`fields`]) takes bytes to bytes and never decodes a string or
//! a number, so whatever spelling came in goes out; it is what stores and serves documents. The value level
//! ([`parse`], [`to_vec`]) is for code that edits a document, and normalises as JavaScript does: numbers are doubles,
//! integer-like keys come first in ascending order, a repeated key keeps its first place and its last value.
//!
//! compat: JavaScript strings may hold lone surrogates (`"\ud800"`), Rust strings may not. At the value level a lone
//! surrogate U+Dxxx stands as the private-use character U+10Dxxx and is written back as `\udxxx`. A genuine character
//! of that range (or U+10E000 itself) is kept apart by a U+10E000 before it, so every input survives. Use
//! [`to_utf16`], [`from_utf16`] and [`lossy`] to look at such strings.

mod js;
mod surrogates;
mod tokens;

use std::borrow::Cow;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

pub use self::js::{is_js_space, js_number, js_string, js_to_number, js_trim, js_truthy, utf16_len};
pub use self::surrogates::{from_utf16, lossy, to_utf16};
pub use self::tokens::{
    Members, decode, decode_lossy, fields, members, minify, pretty, string_lossy, truthy,
};

/// Why a text is not the JSON that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not of the requested shape, or nested deeper than 128 levels.
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
    /// A request body that is JSON but neither an object nor an array.
    #[error("a JSON body must be an object or an array")]
    NotStructured,
}

/// Parses one JSON value as `JSON.parse(bytes.toString('utf8'))` would.
///
/// Bytes that are not UTF-8 read as U+FFFD. A byte order mark is an error.
///
/// # Errors
/// [`Error::Syntax`] for anything `JSON.parse` refuses, for nesting deeper than 128 levels, and for a number beyond
/// the range of a double.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let mut value = parse_typed(bytes)?;
    js::order_keys(&mut value);
    Ok(value)
}

/// Parses into a type of the caller's, with the same tolerance for lone surrogates and broken UTF-8 as [`parse`].
///
/// # Errors
/// [`Error::Syntax`] as for [`parse`], and when the value does not fit `T`.
pub fn parse_typed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let text = match std::str::from_utf8(bytes) {
        Ok(_) => Cow::Borrowed(bytes),
        Err(_) => Cow::Owned(String::from_utf8_lossy(bytes).into_owned().into_bytes()),
    };
    Ok(serde_json::from_slice(&surrogates::shield(&text))?)
}

/// Parses a request body: an object or an array; an empty body is `{}` and a byte order mark is skipped.
///
/// # Errors
/// [`Error::NotStructured`] for any other JSON value or for blank text, [`Error::Syntax`] as for [`parse`].
pub fn parse_strict(bytes: &[u8]) -> Result<Value, Error> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    match bytes.trim_ascii_start().first() {
        Some(b'{' | b'[') => parse(bytes),
        _ => Err(Error::NotStructured),
    }
}

/// Whether `bytes` are one well-formed JSON value in UTF-8, at any depth.
pub fn is_valid(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// `JSON.stringify(value)`.
pub fn to_vec(value: &Value) -> Vec<u8> {
    serialize(value).expect("a Value has string keys only and a Vec accepts every write")
}

/// `JSON.stringify(value, null, 4)`.
pub fn to_vec_pretty(value: &Value) -> Vec<u8> {
    tokens::lay_out(&to_vec(value))
}

/// `JSON.stringify` for any serialisable type.
///
/// # Errors
/// [`Error::Syntax`] when `T` refuses, for example a map whose keys are not strings.
pub fn serialize<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(128);
    value.serialize(&mut Serializer::with_formatter(&mut out, JsFormat))?;
    Ok(out)
}

/// Numbers and strings as JavaScript spells them; the rest as serde_json's compact form.
struct JsFormat;

impl Formatter for JsFormat {
    fn write_i64<W: ?Sized + std::io::Write>(&mut self, out: &mut W, value: i64) -> std::io::Result<()> {
        out.write_all(js_number(value as f64).as_bytes())
    }

    fn write_u64<W: ?Sized + std::io::Write>(&mut self, out: &mut W, value: u64) -> std::io::Result<()> {
        out.write_all(js_number(value as f64).as_bytes())
    }

    fn write_f64<W: ?Sized + std::io::Write>(&mut self, out: &mut W, value: f64) -> std::io::Result<()> {
        out.write_all(js_number(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + std::io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        surrogates::write_fragment(out, fragment)
    }
}

#[cfg(test)]
mod tests;

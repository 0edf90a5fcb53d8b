//! Lone surrogates carried through Rust strings; the scheme is described in the parent module.

use std::borrow::Cow;
use std::io::{self, Write};

/// First byte of every character from U+100000 up, and so of every stand-in.
const PLANE_16: u8 = 0xF4;
/// Stand-in minus surrogate.
const OFFSET: u32 = 0x10_0000;
/// Marks the next character as genuine.
const GUARD: char = '\u{10E000}';

/// One unit of a string at the value level.
enum Unit {
    Char(char),
    Lone(u16),
}

/// Whether a genuine `c` needs the guard before it.
fn is_reserved(c: char) -> bool {
    ('\u{10D800}'..=GUARD).contains(&c)
}

fn stand_in(surrogate: u16) -> char {
    char::from_u32(u32::from(surrogate) + OFFSET).expect("U+10D800..U+10DFFF are scalar values")
}

/// The units of `text`, guards removed.
fn units(text: &str) -> impl Iterator<Item = Unit> {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        let c = chars.next()?;
        if c == GUARD {
            return Some(Unit::Char(
                chars.next_if(|&next| is_reserved(next)).unwrap_or(GUARD),
            ));
        }
        if !is_reserved(c) {
            return Some(Unit::Char(c));
        }
        let surrogate =
            u16::try_from(u32::from(c) - OFFSET).expect("a stand-in is a 16-bit unit above the offset");
        Some(Unit::Lone(surrogate))
    })
}

/// Rewrites JSON text so that it has no lone surrogate escape and no unguarded reserved character.
pub(super) fn shield(text: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'\\', PLANE_16, rest))
    {
        let start = at + found;
        let (length, unit) = if text[start] == b'\\' {
            escape(&text[start..])
        } else {
            plane_16(&text[start..])
        };
        at = start + length;
        let Some(unit) = unit else { continue };
        out.extend_from_slice(&text[copied..start]);
        push(&mut out, &unit);
        copied = at;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[copied..]);
    Cow::Owned(out)
}

fn push(out: &mut Vec<u8>, unit: &Unit) {
    let mut buffer = [0; 4];
    let c = match *unit {
        Unit::Lone(surrogate) => stand_in(surrogate),
        Unit::Char(c) => {
            out.extend_from_slice(GUARD.encode_utf8(&mut buffer).as_bytes());
            c
        }
    };
    out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
}

/// Length of the escape at the start of `rest`, and the unit it must be replaced by, if any.
fn escape(rest: &[u8]) -> (usize, Option<Unit>) {
    let Some(first) = unicode_escape(rest) else {
        return (2, None);
    };
    if !(0xD800..=0xDFFF).contains(&first) {
        return (6, None);
    }
    let second = rest.get(6..).and_then(unicode_escape);
    match (first, second) {
        (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) => {
            let pair = char::decode_utf16([first, low]).next().and_then(Result::ok);
            (12, pair.filter(|&c| is_reserved(c)).map(Unit::Char))
        }
        _ => (6, Some(Unit::Lone(first))),
    }
}

/// The unit of a `\uXXXX` at the start of `rest`.
fn unicode_escape(rest: &[u8]) -> Option<u16> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    let mut unit = 0;
    for &digit in digits {
        unit = unit << 4 | u16::try_from(char::from(digit).to_digit(16)?).ok()?;
    }
    Some(unit)
}

/// Length of the plane 16 character at the start of `rest`, and itself if it is reserved.
fn plane_16(rest: &[u8]) -> (usize, Option<Unit>) {
    let c = rest
        .get(..4)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.chars().next());
    match c {
        Some(c) if is_reserved(c) => (4, Some(Unit::Char(c))),
        Some(_) => (4, None),
        None => (1, None),
    }
}

/// Writes part of a JSON string body, stand-ins as `\udxxx`.
pub(super) fn write_fragment<W: Write + ?Sized>(out: &mut W, fragment: &str) -> io::Result<()> {
    if !has_plane_16(fragment) {
        return out.write_all(fragment.as_bytes());
    }
    for unit in units(fragment) {
        match unit {
            Unit::Char(c) => out.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?,
            Unit::Lone(surrogate) => write!(out, "\\u{surrogate:04x}")?,
        }
    }
    Ok(())
}

/// Whether `text` may hold a stand-in; false is certain.
pub(super) fn has_plane_16(text: &str) -> bool {
    memchr::memchr(PLANE_16, text.as_bytes()).is_some()
}

/// The UTF-16 units of a string from [`parse`](super::parse), lone surrogates included.
pub fn to_utf16(text: &str) -> Vec<u16> {
    let mut out = Vec::with_capacity(text.len());
    for unit in units(text) {
        match unit {
            Unit::Char(c) => out.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            Unit::Lone(surrogate) => out.push(surrogate),
        }
    }
    out
}

/// The string of any UTF-16 units, in the form [`to_vec`](super::to_vec) writes back exactly.
pub fn from_utf16(text: &[u16]) -> String {
    let mut out = String::with_capacity(text.len());
    for unit in char::decode_utf16(text.iter().copied()) {
        match unit {
            Ok(c) => {
                if is_reserved(c) {
                    out.push(GUARD);
                }
                out.push(c);
            }
            Err(lone) => out.push(stand_in(lone.unpaired_surrogate())),
        }
    }
    out
}

/// A string from [`parse`](super::parse) as ordinary text: each lone surrogate becomes U+FFFD.
pub fn lossy(text: &str) -> Cow<'_, str> {
    if !has_plane_16(text) {
        return Cow::Borrowed(text);
    }
    let plain = units(text).map(|unit| match unit {
        Unit::Char(c) => c,
        Unit::Lone(_) => char::REPLACEMENT_CHARACTER,
    });
    Cow::Owned(plain.collect())
}

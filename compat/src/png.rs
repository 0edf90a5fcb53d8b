//! The PNG container of a character card: chunks, checksums and the two text chunks that hold the JSON.
//!
//! The card is base64 in a `tEXt` chunk named `ccv3` or `chara`. Pixels are never decoded here: the walk is linear,
//! allocates only its result, and treats every byte as hostile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::buffer::from_base64;
use crate::json;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Bytes of a chunk around its data: length, type and checksum.
const OVERHEAD: usize = 12;

/// Why a PNG cannot be read as, or made into, a card.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum Error {
    /// The first eight bytes are not the PNG signature.
    #[error("invalid PNG signature")]
    Signature,
    /// The first chunk is not `IHDR`.
    #[error("the first PNG chunk is not IHDR")]
    Header,
    /// The bytes end before an `IEND` chunk.
    #[error("the PNG ends before its IEND chunk")]
    Truncated,
    /// A chunk does not match its checksum.
    #[error("PNG chunk {0} does not match its checksum")]
    Checksum(String),
    /// A `tEXt` chunk holds a NUL inside its text.
    #[error("PNG text chunk holds a NUL character")]
    Nul,
    /// There is no `ccv3` or `chara` chunk.
    #[error("No PNG metadata")]
    NoCard,
    /// An empty card cannot be written.
    #[error("the card to write is empty")]
    EmptyCard,
    /// The card does not fit in one chunk (4 GiB).
    #[error("the card does not fit in a PNG chunk")]
    TooLarge,
}

struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
    /// The chunk with its length, type and checksum; empty for `IEND`, which is always written anew.
    raw: &'a [u8],
}

/// Walks the chunks up to and including `IEND`; what follows it is ignored.
struct Chunks<'a> {
    rest: &'a [u8],
    first: bool,
    done: bool,
}

impl<'a> Chunks<'a> {
    fn new(image: &'a [u8]) -> Result<Self, Error> {
        let rest = image.strip_prefix(&SIGNATURE).ok_or(Error::Signature)?;
        Ok(Self {
            rest,
            first: true,
            done: false,
        })
    }

    fn step(&mut self) -> Result<Chunk<'a>, Error> {
        let (head, body) = self.rest.split_first_chunk::<8>().ok_or(Error::Truncated)?;
        let [l0, l1, l2, l3, kind @ ..] = *head;
        if self.first && &kind != b"IHDR" {
            return Err(Error::Header);
        }
        self.first = false;
        if &kind == b"IEND" {
            // compat: neither the length nor the checksum of IEND is looked at, so a file cut there still reads.
            self.done = true;
            return Ok(Chunk {
                kind,
                data: &[],
                raw: &[],
            });
        }
        let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).map_err(|_| Error::Truncated)?;
        let data = body.get(..length).ok_or(Error::Truncated)?;
        let (stored, rest) = body[length..].split_first_chunk::<4>().ok_or(Error::Truncated)?;
        if checksum(kind, data) != u32::from_be_bytes(*stored) {
            return Err(Error::Checksum(
                kind.iter().map(|&byte| char::from(byte)).collect(),
            ));
        }
        let raw = &self.rest[..length + OVERHEAD];
        self.rest = rest;
        Ok(Chunk { kind, data, raw })
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let chunk = self.step();
        self.done |= chunk.is_err();
        Some(chunk)
    }
}

fn checksum(kind: [u8; 4], data: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&kind);
    hasher.update(data);
    hasher.finalize()
}

/// Which of the two card chunks a keyword names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CardChunk {
    Chara,
    Ccv3,
}

/// Splits a `tEXt` chunk; a card chunk comes with its base64 text.
///
/// compat: a NUL in the text of *any* text chunk makes the whole card unreadable.
fn card_text<'a>(chunk: &Chunk<'a>) -> Result<Option<(CardChunk, &'a [u8])>, Error> {
    if &chunk.kind != b"tEXt" {
        return Ok(None);
    }
    let end = chunk
        .data
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(chunk.data.len());
    let (keyword, text) = (&chunk.data[..end], chunk.data.get(end + 1..).unwrap_or_default());
    if text.contains(&0) {
        return Err(Error::Nul);
    }
    Ok(if keyword.eq_ignore_ascii_case(b"ccv3") {
        Some((CardChunk::Ccv3, text))
    } else if keyword.eq_ignore_ascii_case(b"chara") {
        Some((CardChunk::Chara, text))
    } else {
        None
    })
}

/// The JSON text of the card in a PNG, as UTF-8: the first `ccv3` chunk, else the first `chara` chunk.
///
/// The text may be empty or not JSON at all: parsing is the caller's. Bytes that are not UTF-8 become U+FFFD.
///
/// # Errors
/// [`Error::NoCard`] without such a chunk; any other variant when the file is not a whole, undamaged PNG.
pub fn read_card(image: &[u8]) -> Result<Vec<u8>, Error> {
    let (mut chara, mut ccv3) = (None, None);
    for chunk in Chunks::new(image)? {
        match card_text(&chunk?)? {
            Some((CardChunk::Chara, text)) => _ = chara.get_or_insert(text),
            Some((CardChunk::Ccv3, text)) => _ = ccv3.get_or_insert(text),
            None => {}
        }
    }
    let bytes = from_base64(ccv3.or(chara).ok_or(Error::NoCard)?);
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
        .into_bytes())
}

/// The same PNG without its `chara` and `ccv3` chunks; other chunks are copied as they are.
///
/// # Errors
/// When the file is not a whole, undamaged PNG.
pub fn strip_card(image: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(image.len() + OVERHEAD);
    copy_without_card(image, &mut out)?;
    push_chunk(&mut out, *b"IEND", &[])?;
    Ok(out)
}

/// The same PNG without what cameras, editors and image generators wrote into it: texts, Exif data, time. The original
/// loses them by encoding every picture anew; pixels and colours stay as they are here.
///
/// # Errors
/// When the file is not a whole, undamaged PNG.
pub fn without_metadata(image: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(image.len());
    out.extend_from_slice(&SIGNATURE);
    for chunk in Chunks::new(image)? {
        let chunk = chunk?;
        if !matches!(&chunk.kind, b"tEXt" | b"zTXt" | b"iTXt" | b"eXIf" | b"tIME") {
            push_chunk(&mut out, chunk.kind, chunk.data)?;
        }
    }
    Ok(out)
}

/// The PNG with `card_json` as its card, exactly as the original writes it.
///
/// Former card chunks go; `chara` with the text as given comes directly before `IEND`, then `ccv3` with the same
/// card marked as `chara_card_v3` 3.0. Text that is not a JSON object or array is written as `chara` alone.
///
/// # Errors
/// [`Error::EmptyCard`] for an empty text; any other variant when the file is not a whole, undamaged PNG.
pub fn compose(image_png: &[u8], card_json: &[u8]) -> Result<Vec<u8>, Error> {
    if card_json.is_empty() {
        return Err(Error::EmptyCard);
    }
    let mut out = Vec::with_capacity(image_png.len() + card_json.len() * 3 + 256);
    copy_without_card(image_png, &mut out)?;
    push_text(&mut out, "chara", card_json)?;
    if let Some(v3) = v3_text(card_json) {
        push_text(&mut out, "ccv3", &v3)?;
    }
    push_chunk(&mut out, *b"IEND", &[])?;
    Ok(out)
}

/// The text that a card written as `card_json` is read back as: the same card marked as `chara_card_v3` 3.0. `None` for
/// text that is not a JSON object or array, which is read back as it is.
pub fn v3_text(card_json: &[u8]) -> Option<Vec<u8>> {
    match json::parse(card_json).ok()? {
        Value::Object(mut card) => {
            set_spec(&mut card);
            Some(json::to_vec(&Value::Object(card)))
        }
        // compat: an array takes the two properties and drops them again when it is written.
        list @ Value::Array(_) => Some(json::to_vec(&list)),
        _ => None,
    }
}

fn set_spec(card: &mut Map<String, Value>) {
    card.insert("spec".into(), "chara_card_v3".into());
    card.insert("spec_version".into(), "3.0".into());
}

fn copy_without_card(image: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend_from_slice(&SIGNATURE);
    for chunk in Chunks::new(image)? {
        let chunk = chunk?;
        if card_text(&chunk)?.is_none() {
            out.extend_from_slice(chunk.raw);
        }
    }
    Ok(())
}

fn push_text(out: &mut Vec<u8>, keyword: &str, content: &[u8]) -> Result<(), Error> {
    push_chunk(
        out,
        *b"tEXt",
        format!("{keyword}\0{}", STANDARD.encode(content)).as_bytes(),
    )
}

fn push_chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) -> Result<(), Error> {
    let length = u32::try_from(data.len()).map_err(|_| Error::TooLarge)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&kind);
    out.extend_from_slice(data);
    out.extend_from_slice(&checksum(kind, data).to_be_bytes());
    Ok(())
}

/// Width and height in pixels as the header states them; `None` when there is no readable header.
#[must_use]
pub fn dimensions(image: &[u8]) -> Option<(u32, u32)> {
    let body = image.strip_prefix(&SIGNATURE)?;
    if body.get(4..8)? != b"IHDR" {
        return None;
    }
    let (width, rest) = body.get(8..)?.split_first_chunk::<4>()?;
    let height = rest.first_chunk::<4>()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// Whether an animation control chunk comes before the pixels (APNG). Damaged files answer `false`.
#[must_use]
pub fn is_animated(image: &[u8]) -> bool {
    let Ok(chunks) = Chunks::new(image) else {
        return false;
    };
    chunks
        .map_while(Result::ok)
        .take_while(|chunk| &chunk.kind != b"IDAT")
        .any(|chunk| &chunk.kind == b"acTL")
}

#[cfg(test)]
mod tests;

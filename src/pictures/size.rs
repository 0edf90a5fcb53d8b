//! Width and height from a file's header, also for SVG, and for files whose rest is missing.

use std::io::Cursor;

use image::{ImageFormat, ImageReader};
use squaretable_compat::png;

/// How far into a text its `<svg>` tag is looked for, in bytes.
const SVG_HEAD: usize = 64 << 10;

/// Pixels of a CSS unit, as the original counts them.
const UNITS: [(&str, f64); 8] = [
    ("px", 1.0),
    ("pt", 96.0 / 72.0),
    ("pc", 96.0 / 72.0 / 12.0),
    ("in", 96.0),
    ("cm", 96.0 / 2.54),
    ("mm", 96.0 / 2.54 / 10.0),
    ("em", 16.0),
    ("ex", 8.0),
];

/// Width and height in pixels; `None` where they are not known.
pub(super) fn of(bytes: &[u8]) -> Option<(u32, u32)> {
    let Some(format) = super::known_format(bytes) else {
        return super::avif::size(bytes).or_else(|| svg(bytes));
    };
    match format {
        ImageFormat::Png => png::dimensions(bytes),
        ImageFormat::Gif => gif(bytes),
        ImageFormat::Jpeg => jpeg(bytes),
        _ => ImageReader::with_format(Cursor::new(bytes), format)
            .into_dimensions()
            .ok(),
    }
}

fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?).into());
    side(6).zip(side(8))
}

/// From the first frame header, over the segments before it.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.get(2..)?;
    loop {
        let start = rest.iter().position(|byte| *byte != 0xff)?;
        let (kind, segment) = rest[start..].split_first()?;
        let length = usize::from(u16::from_be_bytes(*segment.first_chunk()?));
        if matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc) {
            let side = |at: usize| Some(u16::from_be_bytes(segment.get(at..at + 2)?.try_into().ok()?).into());
            return side(5).zip(side(3));
        }
        rest = segment.get(length.max(2)..)?;
    }
}

/// `width` and `height` of the `<svg>` tag; what is missing follows from `viewBox`.
fn svg(bytes: &[u8]) -> Option<(u32, u32)> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(SVG_HEAD)]);
    let tag = &head[head.find("<svg")?..];
    let tag = &tag[..tag.find('>')?];
    let width = attribute(tag, "width").and_then(length);
    let height = attribute(tag, "height").and_then(length);
    let view: Vec<f64> = attribute(tag, "viewBox")
        .into_iter()
        .flat_map(|text| text.split([' ', ',']))
        .filter_map(|part| part.trim().parse().ok())
        .collect();
    let ratio = match view[..] {
        [_, _, width, height] if height > 0.0 => Some(width / height),
        _ => None,
    };
    let (width, height) = match (width, height) {
        (Some(width), Some(height)) => (width, height),
        (Some(width), None) => (width, width / ratio?),
        (None, Some(height)) => (height * ratio?, height),
        (None, None) => (*view.get(2)?, *view.get(3)?),
    };
    Some((width.round() as u32, height.round() as u32))
}

/// The value of an attribute of a tag's text, without its quotes.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.match_indices(name).find_map(|(at, _)| {
        let is_whole = tag[..at].ends_with(|c: char| c.is_ascii_whitespace());
        let rest = tag[at + name.len()..].strip_prefix('=').filter(|_| is_whole)?;
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let rest = &rest[1..];
        Some(&rest[..rest.find(quote)?])
    })
}

/// A CSS length in pixels; percentages have none.
fn length(text: &str) -> Option<f64> {
    let text = text.trim();
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit));
    let (number, scale) = unit.map_or((text, 1.0), |(unit, scale)| {
        (&text[..text.len() - unit.len()], *scale)
    });
    Some(number.trim().parse::<f64>().ok()? * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_pictures_have_the_size_of_their_tag() {
        let size = |tag: &str| of(format!("<?xml version=\"1.0\"?>\n{tag}</svg>").as_bytes());
        assert_eq!(size("<svg width=\"30\" height='20px'>"), Some((30, 20)));
        assert_eq!(size("<svg viewBox=\"0 0 400 100\">"), Some((400, 100)));
        assert_eq!(
            size("<svg stroke-width=\"9\" width=\"1in\" viewBox=\"0 0 4 2\">"),
            Some((96, 48))
        );
        assert_eq!(
            size("<svg width=\"100%\" height=\"100%\" viewBox=\"0,0,7,5\">"),
            Some((7, 5))
        );
        assert_eq!(size("<svg>"), None);
    }

    #[test]
    fn a_header_is_enough() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\xe0";
        assert_eq!(of(png), Some((640, 480)));
        assert_eq!(of(&png[..20]), None);
        let gif = b"GIF89a\x80\x02\xe0\x01";
        assert_eq!(of(gif), Some((640, 480)));
        assert_eq!(of(&gif[..9]), None);
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc4\0\x03c\xff\xc2\0\x0b\x08\x01\xe0\x02\x80\x01";
        assert_eq!(of(jpeg), Some((640, 480)));
        assert_eq!(of(&jpeg[..jpeg.len() - 2]), None);
        assert_eq!(of(b"\xff\xd8\xff\xe0\0\0\xff\xd9"), None);
    }

    #[test]
    fn other_bytes_have_none() {
        assert_eq!(of(b""), None);
        assert_eq!(of(b"\0\0\0\x18ftypmp42"), None);
    }
}

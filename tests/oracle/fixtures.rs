//! Small inputs that several families share.

use std::fmt::Write as _;
use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

/// Names that break naive file handling: traversal, dots, reserved, long, composed and decomposed, escapes.
pub const NAMES: &[&str] = &[
    "../x",
    "..",
    ".",
    "",
    "a/b",
    "a\\b",
    "con",
    "nul.txt",
    "LPT1",
    " lead",
    "trail. ",
    "quo\"te",
    "per%20cent",
    "100%",
    "hash#1",
    "émoji 🦊",
    "e\u{301} decomposed",
    "Ünï",
    "semi;colon",
    "tab\there",
    "nul\u{0}byte",
    "\u{202e}rtl",
    "a.b.c",
    ".hidden",
];

/// A name of 300 characters.
pub fn long_name() -> String {
    "n".repeat(300)
}

/// Percent-encodes everything but unreserved characters.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A picture with four coloured quarters.
pub fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let quarter = |x: u32, y: u32| match (x * 2 < width, y * 2 < height) {
        (true, true) => Rgb([220, 40, 40]),
        (false, true) => Rgb([40, 200, 60]),
        (true, false) => Rgb([50, 60, 210]),
        (false, false) => Rgb([230, 220, 90]),
    };
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_fn(width, height, quarter)
        .write_to(&mut bytes, format)
        .expect("a vector takes any image");
    bytes.into_inner()
}

/// A picture as PNG.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    picture(width, height, ImageFormat::Png)
}

/// A PNG with `tEXt` chunks before its end: keyword and raw text.
pub fn png_with(chunks: &[(&str, &str)]) -> Vec<u8> {
    let plain = png(40, 60);
    let end = plain.len() - 12;
    let mut bytes = plain[..end].to_vec();
    for (keyword, text) in chunks {
        let mut data = b"tEXt".to_vec();
        data.extend_from_slice(keyword.as_bytes());
        data.push(0);
        data.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(
            &u32::try_from(data.len() - 4)
                .expect("a small chunk")
                .to_be_bytes(),
        );
        bytes.extend_from_slice(&data);
        bytes.extend_from_slice(&crc(&data).to_be_bytes());
    }
    bytes.extend_from_slice(&plain[end..]);
    bytes
}

/// A character card: a PNG whose chunks hold base64 of the given JSON.
pub fn card(chunks: &[(&str, &str)]) -> Vec<u8> {
    use base64::Engine as _;
    let encoded: Vec<(&str, String)> = chunks
        .iter()
        .map(|(key, json)| (*key, base64::engine::general_purpose::STANDARD.encode(json)))
        .collect();
    let chunks: Vec<(&str, &str)> = encoded.iter().map(|(key, text)| (*key, text.as_str())).collect();
    png_with(&chunks)
}

/// CRC-32 as PNG and ZIP use it.
pub fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// A ZIP archive with stored entries.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let offset = size(bytes.len());
        let mut common = vec![20, 0, 0, 8, 0, 0, 0, 0, 33, 40];
        common.extend_from_slice(&crc(data).to_le_bytes());
        common.extend_from_slice(&size(data.len()));
        common.extend_from_slice(&size(data.len()));
        common.extend_from_slice(&size(name.len())[..2]);
        common.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(b"PK\x03\x04");
        bytes.extend_from_slice(&common);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(data);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset);
        directory.extend_from_slice(name.as_bytes());
    }
    let start = size(bytes.len());
    bytes.extend_from_slice(&directory);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    let count = size(entries.len());
    bytes.extend_from_slice(&count[..2]);
    bytes.extend_from_slice(&count[..2]);
    bytes.extend_from_slice(&size(directory.len()));
    bytes.extend_from_slice(&start);
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

fn size(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a small archive").to_le_bytes()
}

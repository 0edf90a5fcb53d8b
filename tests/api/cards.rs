//! Pictures and cards for tests, made here.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A 6 by 4 PNG.
pub fn picture() -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    let pixels = image::RgbaImage::from_fn(6, 4, |x, y| image::Rgba([x as u8 * 40, y as u8 * 60, 128, 255]));
    pixels
        .write_to(&mut png, image::ImageFormat::Png)
        .expect("a picture can be encoded");
    png.into_inner()
}

/// A card: [`picture`] with `card` in a `chara` chunk.
pub fn png(card: &serde_json::Value) -> Vec<u8> {
    with_chunk(&picture(), "chara", &BASE64_STANDARD.encode(card.to_string()))
}

/// `png` with a tEXt chunk before its end.
pub fn with_chunk(png: &[u8], keyword: &str, text: &str) -> Vec<u8> {
    let data = [b"tEXt", keyword.as_bytes(), b"\0", text.as_bytes()].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&data);
    let length = u32::try_from(data.len() - 4).expect("a short chunk");
    let end = png.len() - 12;
    [
        &png[..end],
        &length.to_be_bytes(),
        &data,
        &crc.sum().to_be_bytes(),
        &png[end..],
    ]
    .concat()
}

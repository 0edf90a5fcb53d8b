//! Pictures for tests, and what can be seen of one that comes back.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// A picture of one colour.
pub fn plain(width: u32, height: u32, color: [u8; 3], format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let picture = DynamicImage::ImageRgb8(RgbImage::from_pixel(width, height, Rgb(color)));
    picture
        .write_to(&mut out, format)
        .expect("a picture can be encoded");
    out.into_inner()
}

/// A PNG of one colour.
pub fn png(width: u32, height: u32, color: [u8; 3]) -> Vec<u8> {
    plain(width, height, color, ImageFormat::Png)
}

/// A PNG that says it is an animation.
pub fn animated_png() -> Vec<u8> {
    let still = png(2, 2, [255, 0, 0]);
    let mut data = b"acTL\0\0\0\x01\0\0\0\0".to_vec();
    let mut crc = flate2::Crc::new();
    crc.update(&data);
    data.splice(0..0, 8_u32.to_be_bytes());
    data.extend_from_slice(&crc.sum().to_be_bytes());
    [&still[..33], &data, &still[33..]].concat()
}

/// Format, width and height of an encoded picture.
#[track_caller]
pub fn seen(bytes: &[u8]) -> (ImageFormat, u32, u32) {
    let format = image::guess_format(bytes).expect("a picture of a known format");
    let picture = image::load_from_memory_with_format(bytes, format).expect("a picture");
    (format, picture.width(), picture.height())
}

/// Which of red, green and blue is strongest in the middle of an encoded picture.
#[track_caller]
pub fn strongest(bytes: &[u8]) -> usize {
    let picture = image::load_from_memory(bytes).expect("a picture").into_rgb8();
    let middle = picture.get_pixel(picture.width() / 2, picture.height() / 2).0;
    (0..3)
        .max_by_key(|channel| middle[*channel])
        .expect("three channels")
}

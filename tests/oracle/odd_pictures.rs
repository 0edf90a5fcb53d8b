//! Pictures of every kind and state that reaches the routes: all show the four quarters of [`picture`].
//!
//! The files in `pictures/` are the same quarters, encoded once: by SillyTavern's own encoders (AVIF of eight bits, lossy
//! WebP, progressive JPEG), by libavif (of ten and twelve bits, and grey) and by Pillow (CMYK, which the original cannot
//! read), since nothing here writes those kinds.

use std::io::{Cursor, Write as _};

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, ImageFormat, RgbImage, RgbaImage};

use super::fixtures::{crc, picture, png};

/// Width and height of most of them, in pixels.
const SIZE: (u32, u32) = (96, 64);

/// A picture and the name it is uploaded under.
pub struct Odd {
    /// File name.
    pub name: &'static str,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Pictures that are whole.
pub fn whole() -> Vec<Odd> {
    let plain = png(SIZE.0, SIZE.1);
    let jpeg = picture(SIZE.0, SIZE.1, ImageFormat::Jpeg);
    let pixels = image::load_from_memory(&plain).expect("a PNG").into_rgb8();
    let lossless = picture(SIZE.0, SIZE.1, ImageFormat::WebP);
    [
        ("anim.png", animated_png(&plain, false)),
        ("late.png", animated_png(&plain, true)),
        ("anim.gif", animated_gif(&pixels)),
        ("anim.webp", animated_webp(&lossless)),
        ("lossless.webp", lossless),
        (
            "clear.webp",
            encoded(&DynamicImage::ImageRgba8(half_clear(&pixels)), ImageFormat::WebP),
        ),
        ("lossy.webp", include_bytes!("pictures/lossy.webp").to_vec()),
        (
            "lossy-clear.webp",
            include_bytes!("pictures/lossy-alpha.webp").to_vec(),
        ),
        ("plain.avif", include_bytes!("pictures/plain.avif").to_vec()),
        ("clear.avif", include_bytes!("pictures/alpha.avif").to_vec()),
        ("deep.avif", include_bytes!("pictures/deep.avif").to_vec()),
        ("deeper.avif", include_bytes!("pictures/deep12.avif").to_vec()),
        ("grey.avif", include_bytes!("pictures/grey.avif").to_vec()),
        ("plain.bmp", picture(SIZE.0, SIZE.1, ImageFormat::Bmp)),
        ("plain.tiff", picture(SIZE.0, SIZE.1, ImageFormat::Tiff)),
        (
            "progressive.jpg",
            include_bytes!("pictures/progressive.jpg").to_vec(),
        ),
        ("turned.jpg", turned(&jpeg)),
        ("grey.jpg", encoded(&grey(&pixels), ImageFormat::Jpeg)),
        ("deep.png", encoded(&deep(&pixels), ImageFormat::Png)),
        (
            "clear.png",
            encoded(&DynamicImage::ImageRgba8(half_clear(&pixels)), ImageFormat::Png),
        ),
        ("grey.png", encoded(&grey(&pixels), ImageFormat::Png)),
        ("palette.png", palette(&pixels)),
        ("interlaced.png", interlaced(&pixels)),
        ("dot.png", png(1, 1)),
        ("line.png", png(1, 40)),
        ("jpeg.png", jpeg.clone()),
        ("png.jpg", plain),
        ("jpeg.webp", jpeg),
    ]
    .map(|(name, bytes)| Odd { name, bytes })
    .into()
}

/// Files that are cut, empty, no pictures, or promise more pixels than anyone decodes.
pub fn broken() -> Vec<Odd> {
    let plain = png(SIZE.0, SIZE.1);
    let jpeg = picture(SIZE.0, SIZE.1, ImageFormat::Jpeg);
    let avif = include_bytes!("pictures/plain.avif");
    [
        ("cut.png", plain[..plain.len() / 2].to_vec()),
        ("head.png", plain[..33].to_vec()),
        ("cut.jpg", jpeg[..jpeg.len() * 2 / 3].to_vec()),
        ("cut.avif", avif[..avif.len() - 60].to_vec()),
        ("empty.png", Vec::new()),
        ("text.png", b"no picture at all".to_vec()),
        ("markup.jpg", b"<!DOCTYPE html><p>no picture</p>".to_vec()),
        ("huge.png", huge_png()),
        ("huge.gif", b"GIF89a\xff\xff\xff\xff\0\0\0;".to_vec()),
    ]
    .map(|(name, bytes)| Odd { name, bytes })
    .into()
}

/// The picture with a character card before its end, where it is a PNG.
pub fn with_card(bytes: &[u8], card: &str) -> Vec<u8> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(card);
    let Some(end) = bytes.windows(4).rposition(|window| window == b"IEND") else {
        return bytes.to_vec();
    };
    let card = chunk(b"tEXt", format!("chara\0{text}").as_bytes());
    [&bytes[..end - 4], &card[..], &bytes[end - 4..]].concat()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, format)
        .expect("a vector takes any picture");
    bytes.into_inner()
}

fn grey(pixels: &RgbImage) -> DynamicImage {
    DynamicImage::ImageRgb8(pixels.clone()).grayscale()
}

fn deep(pixels: &RgbImage) -> DynamicImage {
    DynamicImage::ImageRgb16(DynamicImage::ImageRgb8(pixels.clone()).into_rgb16())
}

/// The left half is fully transparent.
fn half_clear(pixels: &RgbImage) -> RgbaImage {
    let mut clear = DynamicImage::ImageRgb8(pixels.clone()).into_rgba8();
    let middle = pixels.width() / 2;
    for (x, _, pixel) in clear.enumerate_pixels_mut() {
        pixel.0[3] = if x < middle { 0 } else { 255 };
    }
    clear
}

/// A chunk of a PNG.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let content = [&kind[..], data].concat();
    let length = u32::try_from(data.len()).expect("a small chunk");
    [&length.to_be_bytes()[..], &content, &crc(&content).to_be_bytes()].concat()
}

/// Two frames' worth of control chunks around one picture; `late` puts a long comment before them.
fn animated_png(plain: &[u8], late: bool) -> Vec<u8> {
    let comment = if late {
        chunk(b"tEXt", format!("Comment\0{}", "c".repeat(400)).as_bytes())
    } else {
        Vec::new()
    };
    let control = chunk(b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0]);
    let size = [SIZE.0.to_be_bytes(), SIZE.1.to_be_bytes()].concat();
    let frame = chunk(
        b"fcTL",
        &[&[0; 4][..], &size, &[0; 8], &[0, 1, 0, 10, 0, 0]].concat(),
    );
    [&plain[..33], &comment[..], &control, &frame, &plain[33..]].concat()
}

fn animated_gif(pixels: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    let first = DynamicImage::ImageRgb8(pixels.clone()).into_rgba8();
    let second = image::imageops::rotate180(&first);
    encoder
        .encode_frames([first, second].map(Frame::new))
        .expect("a vector takes any picture");
    drop(encoder);
    bytes
}

/// One frame, which makes it an animation all the same.
fn animated_webp(lossless: &[u8]) -> Vec<u8> {
    let part = |kind: &[u8; 4], data: &[u8]| {
        let length = u32::try_from(data.len()).expect("a small picture");
        let pad: &[u8] = if data.len() % 2 == 1 { &[0] } else { &[] };
        [&kind[..], &length.to_le_bytes(), data, pad].concat()
    };
    let three = |number: u32| number.to_le_bytes()[..3].to_vec();
    let size = [three(SIZE.0 - 1), three(SIZE.1 - 1)].concat();
    let extended = part(b"VP8X", &[&[2, 0, 0, 0][..], &size].concat());
    let control = part(b"ANIM", &[0; 6]);
    let frame = [&[0; 6][..], &size, &three(100), &[0], &lossless[12..]].concat();
    let body = [&b"WEBP"[..], &extended, &control, &part(b"ANMF", &frame)].concat();
    part(b"RIFF", &body)
}

/// A JPEG whose Exif data asks for a quarter turn to the right.
fn turned(jpeg: &[u8]) -> Vec<u8> {
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = u16::try_from(exif.len() + 2).expect("a short segment");
    [
        &jpeg[..2],
        &[0xff, 0xe1],
        &length.to_be_bytes(),
        &exif[..],
        &jpeg[2..],
    ]
    .concat()
}

/// A PNG from its header's last five bytes, the chunks before the pixels, and the pixels' lines.
fn raw_png((width, height): (u32, u32), form: [u8; 5], before: &[u8], lines: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &form].concat();
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(lines).expect("a vector takes any bytes");
    let packed = packed.finish().expect("a vector takes any bytes");
    [
        &b"\x89PNG\r\n\x1a\n"[..],
        &chunk(b"IHDR", &header),
        before,
        &chunk(b"IDAT", &packed),
        &chunk(b"IEND", &[]),
    ]
    .concat()
}

/// Two bits a pixel, with a transparent colour in the palette.
fn palette(pixels: &RgbImage) -> Vec<u8> {
    let mut colours: Vec<[u8; 3]> = Vec::new();
    let mut lines = Vec::new();
    for row in pixels.rows() {
        lines.push(0);
        let mut places = row.map(|pixel| {
            let known = colours.iter().position(|colour| *colour == pixel.0);
            u8::try_from(known.unwrap_or_else(|| {
                colours.push(pixel.0);
                colours.len() - 1
            }))
            .expect("four colours")
        });
        while let Some(first) = places.next() {
            let rest = [0; 3].map(|_: u8| places.next().unwrap_or_default());
            lines.push(first << 6 | rest[0] << 4 | rest[1] << 2 | rest[2]);
        }
    }
    let before = [chunk(b"PLTE", &colours.concat()), chunk(b"tRNS", &[0, 255])].concat();
    raw_png(pixels.dimensions(), [2, 3, 0, 0, 0], &before, &lines)
}

/// The seven passes of Adam7.
fn interlaced(pixels: &RgbImage) -> Vec<u8> {
    let passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let mut lines = Vec::new();
    for (left, top, right, down) in passes {
        for y in (top..pixels.height()).step_by(down) {
            lines.push(0);
            for x in (left..pixels.width()).step_by(right) {
                lines.extend(pixels.get_pixel(x, y).0);
            }
        }
    }
    raw_png(pixels.dimensions(), [8, 2, 0, 0, 1], &[], &lines)
}

/// A few bytes that promise 3.6 gigapixels.
fn huge_png() -> Vec<u8> {
    raw_png((60_000, 60_000), [8, 6, 0, 0, 0], &[], &[0; 64])
}

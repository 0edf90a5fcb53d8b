//! Pictures: never a panic, never more pixels than the bounds allow, whatever the file says of itself.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use squaretable::pictures::{Crop, Encoding, Shape, avatar_png, decode, facts, thumbnail};

use crate::few;
use crate::mutate::{apply, apply_text, edits};

const FORMATS: &[ImageFormat] = &[
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::Gif,
    ImageFormat::Bmp,
    ImageFormat::WebP,
    ImageFormat::Tiff,
];

/// Of eight bits, with transparency, of ten bits, grey.
const AVIF: &[&[u8]] = &[
    include_bytes!("../oracle/pictures/plain.avif"),
    include_bytes!("../oracle/pictures/alpha.avif"),
    include_bytes!("../oracle/pictures/deep.avif"),
    include_bytes!("../oracle/pictures/grey.avif"),
];

/// Of kinds that nothing here writes.
const OTHERS: &[&[u8]] = &[
    include_bytes!("../oracle/pictures/lossy.webp"),
    include_bytes!("../oracle/pictures/lossy-alpha.webp"),
    include_bytes!("../oracle/pictures/progressive.jpg"),
    include_bytes!("../oracle/pictures/cmyk.jpg"),
];

const SVG: &str = r#"<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="1.5in" height='20%' viewBox="0 0 40 10"><path/></svg>"#;

/// A picture in one of the formats, deep or with transparency where the format has that.
fn valid(format: ImageFormat, rich: bool) -> Vec<u8> {
    let pixels = RgbaImage::from_fn(19, 11, |x, y| {
        let shade = |n: u32| u8::try_from(n % 256).expect("below 256");
        Rgba([shade(x * 13), shade(y * 23), shade(x * y), shade(255 - x * 9)])
    });
    let picture = DynamicImage::ImageRgba8(pixels);
    let picture = match format {
        ImageFormat::Png | ImageFormat::Tiff if rich => DynamicImage::ImageRgba16(picture.into_rgba16()),
        ImageFormat::WebP | ImageFormat::Bmp | ImageFormat::Gif if rich => picture,
        ImageFormat::Jpeg if rich => DynamicImage::ImageLuma8(picture.into_luma8()),
        _ => DynamicImage::ImageRgb8(picture.into_rgb8()),
    };
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, format)
        .expect("a vector takes any picture");
    bytes.into_inner()
}

/// Width and height of a picture that we made.
fn made(bytes: &[u8]) -> (u32, u32) {
    let picture = image::load_from_memory(bytes).expect("what we made is a picture");
    (picture.width(), picture.height())
}

/// Does everything that is done to an upload.
fn look(file: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(facts) = facts(file) {
        prop_assert!(facts.width > 0 && facts.height > 0);
        prop_assert_eq!(facts.dominant_color.len(), 7);
    }
    let decoded = decode(file);
    if let Ok(picture) = &decoded {
        prop_assert!(u64::from(picture.width()) * u64::from(picture.height()) <= 100_000_000);
    }
    if let Ok(small) = thumbnail(file, Shape::Cover(48, 72), Encoding::Jpeg(80)) {
        prop_assert!(decoded.is_ok());
        prop_assert_eq!(made(&small), (48, 72));
    }
    if let Ok(small) = thumbnail(file, Shape::Area(40, 30), Encoding::Png) {
        let (width, height) = made(&small);
        prop_assert!(width > 0 && height > 0);
    }
    Ok(())
}

proptest! {
    #![proptest_config(few(128))]

    #[test]
    fn fuzz_pictures(format in select(FORMATS), rich: bool, edits in edits()) {
        look(&apply(&valid(format, rich), &edits))?;
    }

    #[test]
    fn fuzz_pictures_avif(valid in select(AVIF), edits in edits()) {
        look(&apply(valid, &edits))?;
    }

    #[test]
    fn fuzz_pictures_others(valid in select(OTHERS), edits in edits()) {
        look(&apply(valid, &edits))?;
    }

    #[test]
    fn fuzz_picture_sizes(edits in edits(), avif: bool) {
        let avif_file: &[u8] = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf\0\0\0\x14ispe\0\0\0\0\0\0\x02\x80\0\0\x01\xe0";
        let file = apply(if avif { avif_file } else { SVG.as_bytes() }, &edits);
        if let Ok(facts) = facts(&file) {
            prop_assert!(facts.width > 0 && facts.height > 0);
        }
    }

    #[test]
    fn fuzz_crops(numbers in any::<[f64; 4]>(), near in any::<[i8; 4]>(), use_near: bool, edits in edits(), want_resize: bool) {
        let [x, y, width, height] = if use_near { near.map(f64::from) } else { numbers };
        let crop = Crop { x, y, width, height, want_resize };
        let png = valid(ImageFormat::Png, false);
        if let Ok(avatar) = avatar_png(&png, Some(crop)) {
            let size = made(&avatar);
            prop_assert!(size.0 > 0 && size.1 > 0);
            prop_assert!(!want_resize || size == (512, 768));
        }
        let query = apply_text(r#"{"x":1,"y":2.5,"width":3,"height":4,"want_resize":true}"#, &edits);
        if let Some(crop) = Crop::from_query(&query).filter(|crop| crop.width.abs() < 100.0 && crop.height.abs() < 100.0) {
            let _ = avatar_png(&png, Some(crop));
        }
    }
}

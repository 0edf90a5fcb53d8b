use image::{Rgba, RgbaImage};

use super::*;

fn plain(width: u32, height: u32, color: [u8; 4]) -> DynamicImage {
    DynamicImage::ImageRgba8(RgbaImage::from_pixel(width, height, Rgba(color)))
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn size(bytes: &[u8]) -> (u32, u32) {
    let picture = image::load_from_memory(bytes).unwrap();
    (picture.width(), picture.height())
}

fn area(x: f64, y: f64, width: f64, height: f64) -> Crop {
    Crop {
        x,
        y,
        width,
        height,
        want_resize: false,
    }
}

/// A chunk of a PNG.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let content = [&kind[..], data].concat();
    let mut sum = flate2::Crc::new();
    sum.update(&content);
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes()[..], &content, &sum.sum().to_be_bytes()].concat()
}

/// A PNG with an `acTL` chunk, which makes it an animation for every reader that knows them, after another chunk.
fn animated_png_after(before: &[u8]) -> Vec<u8> {
    let png = encoded(&plain(2, 2, [255, 0, 0, 255]), ImageFormat::Png);
    let mark = chunk(b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0]);
    [&png[..33], before, &mark, &png[33..]].concat()
}

fn animated_png() -> Vec<u8> {
    animated_png_after(&[])
}

#[test]
fn a_crop_is_four_numbers() {
    let crop = Crop::from_query(r#"{"x":1,"y":2.5,"width":3,"height":4,"want_resize":true}"#);
    assert_eq!(
        crop,
        Some(Crop {
            x: 1.0,
            y: 2.5,
            width: 3.0,
            height: 4.0,
            want_resize: true
        })
    );
    assert_eq!(
        Crop::from_query(r#"{"x":1,"y":2,"width":3,"height":4}"#).map(|c| c.want_resize),
        Some(false)
    );
    assert_eq!(Crop::from_query(r#"{"x":"1","y":2,"width":3,"height":4}"#), None);
    assert_eq!(Crop::from_query("undefined"), None);
    assert_eq!(Crop::from_query("null"), None);
}

#[test]
fn an_avatar_has_the_size_of_the_upload_of_the_crop_or_the_fixed_one() {
    let upload = encoded(&plain(10, 20, [255, 0, 0, 255]), ImageFormat::Png);
    let size_of = |crop| size(&avatar_png(&upload, crop).unwrap());
    assert_eq!(size_of(None), (10, 20));
    assert_eq!(size_of(Some(area(0.0, 0.0, 5.0, 6.0))), (5, 6));
    assert_eq!(size_of(Some(area(1.4, 1.6, 3.5, 4.5))), (4, 5));
    assert_eq!(
        size_of(Some(Crop {
            want_resize: true,
            ..area(0.0, 0.0, 5.0, 5.0)
        })),
        (512, 768)
    );
}

#[test]
fn a_crop_over_the_edge_is_padded_and_one_beside_the_picture_refused() {
    let picture = plain(10, 20, [255, 0, 0, 255]);
    let over = crop(&picture, &area(8.0, -1.0, 5.0, 5.0)).unwrap().into_rgba8();
    assert_eq!(over.dimensions(), (5, 5));
    assert_eq!(over.get_pixel(0, 1).0, [255, 0, 0, 255]);
    assert_eq!(over.get_pixel(0, 0).0, [0, 0, 0, 0]);
    assert_eq!(over.get_pixel(2, 1).0, [0, 0, 0, 0]);
    for beside in [
        area(10.0, 0.0, 5.0, 5.0),
        area(0.0, 0.0, 0.0, 5.0),
        area(0.0, 0.0, -3.0, 5.0),
        area(-5.0, 0.0, 5.0, 5.0),
        area(0.0, 0.0, 1e9, 1e9),
        area(f64::MAX, 0.0, 5.0, 5.0),
        area(f64::MIN, 0.0, 5.0, 5.0),
    ] {
        assert!(
            matches!(crop(&picture, &beside), Err(Undecodable::Crop)),
            "{beside:?}"
        );
    }
}

#[test]
fn every_kind_is_decoded_and_comes_out_as_png() {
    let picture = DynamicImage::ImageRgb8(plain(6, 4, [0, 128, 255, 255]).into_rgb8());
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::WebP,
        ImageFormat::Tiff,
    ] {
        let png = avatar_png(&encoded(&picture, format), None).unwrap();
        assert_eq!(image::guess_format(&png).unwrap(), ImageFormat::Png);
        assert_eq!(size(&png), (6, 4), "{format:?}");
    }
}

/// Which the original cannot read.
#[test]
fn a_jpeg_for_print_shows_its_colours() {
    let file = include_bytes!("../../tests/oracle/pictures/cmyk.jpg");
    let picture = decode(file).unwrap().into_rgb8();
    let [red, green, blue] = picture.get_pixel(10, 10).0;
    assert!(red > 200 && green < 60 && blue < 60, "{red} {green} {blue}");
}

#[test]
fn colours_under_transparency_show_unless_avatars_get_smaller() {
    let file = encoded(&plain(40, 40, [220, 40, 40, 0]), ImageFormat::Png);
    let red_of = |shape| {
        let jpeg = thumbnail(&file, shape, Encoding::Jpeg(95)).unwrap();
        image::load_from_memory(&jpeg)
            .unwrap()
            .into_rgb8()
            .get_pixel(4, 4)
            .0[0]
    };
    assert!(red_of(Shape::Area(8, 8)) > 200);
    assert!(red_of(Shape::Cover(80, 80)) > 200);
    assert!(red_of(Shape::Cover(8, 8)) < 20);
}

#[test]
fn animations_and_other_files_are_refused() {
    assert!(matches!(decode(&animated_png()), Err(Undecodable::Animated)));
    let late = animated_png_after(&chunk(b"tEXt", &[b'c'; 400]));
    assert!(!is_animated(&late));
    assert!(matches!(decode(&late), Err(Undecodable::Animated)));
    assert!(matches!(decode(b"<svg></svg>"), Err(Undecodable::Unknown)));
    assert!(matches!(decode(b""), Err(Undecodable::Unknown)));
    let png = encoded(&plain(20, 20, [1, 2, 3, 255]), ImageFormat::Png);
    assert!(matches!(decode(&png[..50]), Err(Undecodable::Codec(_))));
}

#[test]
fn a_header_that_promises_too_much_is_refused_before_anything_is_decoded() {
    let mut bmp = encoded(&plain(1, 1, [1, 2, 3, 255]), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&20_000_i32.to_le_bytes());
    bmp[22..26].copy_from_slice(&20_000_i32.to_le_bytes());
    assert!(matches!(
        decode(&bmp),
        Err(Undecodable::TooLarge | Undecodable::Codec(_))
    ));
}

#[test]
fn thumbnails_keep_the_area_or_the_frame() {
    let wide = encoded(&plain(400, 100, [9, 9, 9, 255]), ImageFormat::Png);
    let size_of = |shape, encoding| size(&thumbnail(&wide, shape, encoding).unwrap());
    assert_eq!(size_of(Shape::Area(160, 90), Encoding::Jpeg(95)), (240, 60));
    assert_eq!(size_of(Shape::Cover(96, 144), Encoding::Png), (96, 144));
    let line = encoded(&plain(1, 20_000, [9, 9, 9, 255]), ImageFormat::Png);
    assert_eq!(
        size(&thumbnail(&line, Shape::Area(160, 90), Encoding::Png).unwrap()),
        (1, 16_971)
    );
    let jpeg = thumbnail(&wide, Shape::Cover(8, 8), Encoding::Jpeg(95)).unwrap();
    assert_eq!(image::guess_format(&jpeg).unwrap(), ImageFormat::Jpeg);
}

#[test]
fn covering_shows_the_middle() {
    let mut picture = plain(300, 100, [255, 0, 0, 255]).into_rgba8();
    for (x, _, pixel) in picture.enumerate_pixels_mut() {
        if (100..200).contains(&x) {
            *pixel = Rgba([0, 0, 255, 255]);
        }
    }
    let middle = cover(DynamicImage::ImageRgba8(picture), 10, 10)
        .unwrap()
        .into_rgba8();
    assert_eq!(middle.get_pixel(5, 5).0, [0, 0, 255, 255]);
    assert!(middle.get_pixel(1, 5).0[2] > 200);
}

#[test]
fn facts_name_size_animation_and_average_colour() {
    let mut picture = plain(2, 1, [255, 0, 0, 0]).into_rgba8();
    picture.put_pixel(1, 0, Rgba([0, 255, 1, 255]));
    let half = facts(&encoded(&DynamicImage::ImageRgba8(picture), ImageFormat::Png)).unwrap();
    assert_eq!((half.width, half.height, half.is_animated), (2, 1, false));
    assert_eq!(half.dominant_color, "#00ff01");
    let none = facts(&encoded(&plain(1, 1, [9, 9, 9, 0]), ImageFormat::Png)).unwrap();
    assert_eq!(none.dominant_color, "#000000");
    let animated = facts(&animated_png()).unwrap();
    assert_eq!(
        (animated.is_animated, animated.dominant_color.as_str()),
        (true, GREY)
    );
    let gif = facts(&encoded(&plain(3, 3, [1, 2, 3, 255]), ImageFormat::Gif)).unwrap();
    assert_eq!((gif.is_animated, gif.dominant_color.as_str()), (true, GREY));
    assert!(facts(b"text").is_err());
}

#[tokio::test]
async fn work_leaves_the_thread() {
    let here = std::thread::current().id();
    let there = off_thread(|| std::thread::current().id()).await.unwrap();
    assert_ne!(here, there);
}

//! Pictures: decoded within bounds, cropped, scaled, encoded.
//!
//! Everything here computes and blocks; handlers go through [`off_thread`].
//!
//! compat: PNG, JPEG, GIF (first frame), BMP, WebP, TIFF and AVIF are decoded. Animated PNG and WebP are refused, as the
//! original's decoders refuse them: their callers keep the file as it is.

mod avif;
mod size;

use std::io::Cursor;

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{self, CompressionType, PngEncoder};
use image::{DynamicImage, GenericImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use squaretable_compat::{json, png as png_file};
use tokio::sync::Semaphore;

/// Most pixels of a picture that is decoded.
const MAX_PIXELS: u64 = 100_000_000;

/// Most memory that decoding one picture may take, in bytes.
const MAX_DECODED: u64 = 512 << 20;

/// Largest file that is decoded, in bytes.
pub const MAX_ENCODED: u64 = 128 << 20;

/// Width and height in pixels of an avatar that was cropped and resized: the original's constants.
const AVATAR: (u32, u32) = (512, 768);

/// How far into a file the marks of an animation are looked for, as in the original.
const HEAD: usize = 200;

/// Colour of a picture that cannot be averaged.
const GREY: &str = "#808080";

/// Pictures that are worked on at once: what bounds the memory of the process, so it belongs to the process.
static SLOTS: Semaphore = Semaphore::const_new(4);

/// Why there are no pixels to work on.
#[derive(Debug, thiserror::Error)]
pub enum Undecodable {
    /// Not one of the kinds listed above.
    #[error("not a picture of a known kind")]
    Unknown,
    /// An animation other than a GIF.
    #[error("an animated picture")]
    Animated,
    /// Beyond what this server decodes.
    #[error("a picture beyond 100 megapixels or 512 MiB")]
    TooLarge,
    /// The crop rectangle is empty, too large, or beside the picture.
    #[error("the crop rectangle does not meet the picture")]
    Crop,
    /// An AVIF of a kind that is not decoded, or a damaged one.
    #[error("an AVIF that cannot be decoded: {0}")]
    Avif(&'static str),
    /// The decoder of AVIF pictures gave up.
    #[error("the AV1 data cannot be decoded: {0}")]
    Av1(String),
    /// The decoder or encoder gave up.
    #[error(transparent)]
    Codec(#[from] image::ImageError),
    /// The picture cannot be scaled.
    #[error(transparent)]
    Resize(#[from] fast_image_resize::ResizeError),
}

/// The part of an upload that becomes the avatar, in pixels of the upload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Whether the part is scaled to 512x768 afterwards.
    pub want_resize: bool,
}

/// The size of a thumbnail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As many pixels as this width times this height, at the picture's own proportions.
    Area(u32, u32),
    /// Exactly this width and height, the picture's middle filling it.
    Cover(u32, u32),
}

/// The format of a thumbnail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// With a quality of 1 to 100.
    Jpeg(u8),
    /// Lossless.
    Png,
}

/// What the picture index knows of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Pixels, before any rotation that the file asks for.
    pub width: u32,
    /// Pixels, before any rotation that the file asks for.
    pub height: u32,
    /// A GIF, an APNG or an animated WebP.
    pub is_animated: bool,
    /// Average colour, `#rrggbb`; `#808080` when animated or not decodable.
    pub dominant_color: String,
}

/// Runs work on pictures outside the threads that serve requests; waits while many others are at it.
///
/// # Errors
/// The work panicked.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> crate::error::Result<T> {
    let slot = SLOTS.acquire().await.map_err(anyhow::Error::from)?;
    let done = tokio::task::spawn_blocking(move || {
        // Held by the work itself, which goes on when the request that asked for it is gone.
        let _slot = slot;
        work()
    });
    Ok(done.await.map_err(anyhow::Error::from)?)
}

impl Crop {
    /// Reads the query parameter `crop`: JSON with the numbers `x`, `y`, `width`, `height`, and `want_resize`. `None`
    /// for anything else, which means no crop.
    #[must_use]
    pub fn from_query(text: &str) -> Option<Self> {
        let value = json::parse(text.as_bytes()).ok()?;
        let number = |key: &str| value.get(key).and_then(serde_json::Value::as_f64);
        Some(Self {
            x: number("x")?,
            y: number("y")?,
            width: number("width")?,
            height: number("height")?,
            want_resize: value.get("want_resize").is_some_and(json::js_truthy),
        })
    }
}

/// An uploaded picture as the PNG of an avatar: cropped, and then 512x768 if the crop asks for it. Without a crop it
/// keeps its size.
///
/// # Errors
/// The upload is no picture that can be decoded, or the crop lies beside it.
pub fn avatar_png(bytes: &[u8], crop: Option<Crop>) -> Result<Vec<u8>, Undecodable> {
    let mut picture = decode(bytes)?;
    if let Some(area) = crop {
        picture = self::crop(&picture, &area)?;
        if area.want_resize {
            picture = cover(picture, AVATAR.0, AVATAR.1)?;
        }
    }
    to_png(picture)
}

/// A small version of a picture.
///
/// # Errors
/// The bytes are no picture that can be decoded.
pub fn thumbnail(bytes: &[u8], shape: Shape, encoding: Encoding) -> Result<Vec<u8>, Undecodable> {
    let picture = decode(bytes)?;
    let small = match shape {
        Shape::Cover(width, height) => cover(picture, width, height)?,
        Shape::Area(width, height) => {
            let area = f64::from(width) * f64::from(height);
            let ratio = f64::from(picture.width()) / f64::from(picture.height());
            let side = |length: f64| length.sqrt().round().max(1.0) as u32;
            scale(
                picture,
                side(area * ratio),
                side(area / ratio),
                // compat: colours are mixed whatever their transparency.
                &ResizeOptions::new().use_alpha(false),
            )?
        }
    };
    match encoding {
        Encoding::Png => to_png(small),
        Encoding::Jpeg(quality) => to_jpeg(small, quality),
    }
}

/// What the picture index knows of a picture.
///
/// # Errors
/// The bytes are no picture whose size is known.
pub fn facts(bytes: &[u8]) -> Result<Facts, Undecodable> {
    let (width, height) = size::of(bytes)
        .filter(|(w, h)| *w > 0 && *h > 0)
        .ok_or(Undecodable::Unknown)?;
    let is_animated = is_animated(bytes);
    let decoded = if is_animated { None } else { decode(bytes).ok() };
    let dominant_color = decoded.map_or_else(|| GREY.to_owned(), average);
    Ok(Facts {
        width,
        height,
        is_animated,
        dominant_color,
    })
}

/// Decodes a picture upright.
///
/// # Errors
/// The bytes are no picture of a known kind, are an animation, or exceed the bounds.
pub fn decode(bytes: &[u8]) -> Result<DynamicImage, Undecodable> {
    if bytes.len() as u64 > MAX_ENCODED {
        return Err(Undecodable::TooLarge);
    }
    if avif::is_avif(bytes) {
        return avif::decode(bytes);
    }
    let format = known_format(bytes).ok_or(Undecodable::Unknown)?;
    // An animated PNG is one wherever its mark is, although the index of pictures looks no further than HEAD.
    if format != ImageFormat::Gif && (is_animated(bytes) || png_file::is_animated(bytes)) {
        return Err(Undecodable::Animated);
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS || decoder.total_bytes() > MAX_DECODED {
        return Err(Undecodable::TooLarge);
    }
    // compat: the original turns JPEG files only.
    let turn = if format == ImageFormat::Jpeg {
        decoder.orientation().ok()
    } else {
        None
    };
    let mut picture = DynamicImage::from_decoder(decoder)?;
    if let Some(turn) = turn {
        picture.apply_orientation(turn);
    }
    Ok(picture)
}

/// Cuts a rectangle out, its numbers rounded. What lies outside the picture is transparent.
///
/// # Errors
/// The rectangle is empty, too large, or beside the picture.
pub fn crop(picture: &DynamicImage, area: &Crop) -> Result<DynamicImage, Undecodable> {
    let round = |number: f64| (number + 0.5).floor() as i64;
    let (x, y) = (round(area.x), round(area.y));
    let side = |number: f64| u32::try_from(round(number)).map_err(|_| Undecodable::Crop);
    let (width, height) = (side(area.width)?, side(area.height)?);
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Undecodable::Crop);
    }
    let (left, columns) = overlap(x, width, picture.width()).ok_or(Undecodable::Crop)?;
    let (top, rows) = overlap(y, height, picture.height()).ok_or(Undecodable::Crop)?;
    let part = picture.crop_imm(left, top, columns, rows);
    if (columns, rows) == (width, height) {
        return Ok(part);
    }
    let mut canvas = DynamicImage::new_rgba8(width, height);
    let offset =
        |inside: u32, edge: i64| u32::try_from(i64::from(inside) - edge).map_err(|_| Undecodable::Crop);
    canvas.copy_from(&part, offset(left, x)?, offset(top, y)?)?;
    Ok(canvas)
}

/// Where `start..start + length` meets `0..limit`: first and number; `None` when it does not.
fn overlap(start: i64, length: u32, limit: u32) -> Option<(u32, u32)> {
    let end = start.saturating_add(length.into()).min(limit.into());
    let start = start.max(0);
    let count = u32::try_from(end - start).ok().filter(|count| *count > 0)?;
    Some((u32::try_from(start).ok()?, count))
}

/// Scales a picture to fill exactly this size, cutting off evenly what sticks out.
///
/// compat: made smaller, what is transparent adds nothing to the colours; made larger, they are mixed whatever their
/// transparency, which a JPEG shows.
///
/// # Errors
/// The picture cannot be scaled.
pub fn cover(picture: DynamicImage, width: u32, height: u32) -> Result<DynamicImage, Undecodable> {
    let is_smaller = width < picture.width() && height < picture.height();
    let options = ResizeOptions::new()
        .fit_into_destination(Some((0.5, 0.5)))
        .use_alpha(is_smaller);
    scale(picture, width, height, &options)
}

fn scale(
    picture: DynamicImage,
    width: u32,
    height: u32,
    options: &ResizeOptions,
) -> Result<DynamicImage, Undecodable> {
    let source = flat(picture);
    let mut target = DynamicImage::new(width, height, source.color());
    let options = options.resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    Resizer::new().resize(&source, &mut target, &options)?;
    Ok(target)
}

/// Encodes as PNG with eight bits a channel, without any text or profile.
///
/// # Errors
/// The encoder gave up.
pub fn to_png(picture: DynamicImage) -> Result<Vec<u8>, Undecodable> {
    let mut out = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut out, CompressionType::Default, png::FilterType::Adaptive);
    flat(picture).write_with_encoder(encoder)?;
    Ok(out)
}

fn to_jpeg(picture: DynamicImage, quality: u8) -> Result<Vec<u8>, Undecodable> {
    let mut out = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut out, quality);
    DynamicImage::ImageRgb8(picture.into_rgb8()).write_with_encoder(encoder)?;
    Ok(out)
}

/// Eight bits a channel, with alpha only where there was some.
fn flat(picture: DynamicImage) -> DynamicImage {
    if picture.color().has_alpha() {
        DynamicImage::ImageRgba8(picture.into_rgba8())
    } else {
        DynamicImage::ImageRgb8(picture.into_rgb8())
    }
}

/// Average colour of what is not fully transparent.
///
/// compat: the average of the rows' averages, as scaling to one pixel first by width and then by height has it.
fn average(picture: DynamicImage) -> String {
    let (mut sums, mut rows) = ([0.0; 3], 0.0);
    for row in picture.into_rgba8().rows() {
        let (mut inner, mut count) = ([0_u64; 3], 0_u32);
        for pixel in row.filter(|pixel| pixel.0[3] > 0) {
            count += 1;
            for (sum, colour) in inner.iter_mut().zip(pixel.0) {
                *sum += u64::from(colour);
            }
        }
        if count > 0 {
            rows += 1.0;
            for (sum, inner) in sums.iter_mut().zip(inner) {
                *sum += inner as f64 / f64::from(count);
            }
        }
    }
    let [red, green, blue] = sums.map(|sum| (sum / f64::max(rows, 1.0)).round() as u8);
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn known_format(bytes: &[u8]) -> Option<ImageFormat> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    let format = image::guess_format(bytes).ok()?;
    matches!(format, Png | Jpeg | Gif | Bmp | WebP | Tiff).then_some(format)
}

/// Whether the file is an animation by its first bytes; every GIF counts as one.
fn is_animated(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD)];
    let holds = |mark: &[u8; 4]| head.windows(4).any(|window| window == mark);
    match known_format(bytes) {
        Some(ImageFormat::Gif) => true,
        Some(ImageFormat::Png) => holds(b"acTL"),
        Some(ImageFormat::WebP) => holds(b"ANIM") || holds(b"ANMF"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;

//! AVIF: one AV1 frame, or two with transparency, in a container of boxes.
//!
//! Decoded by `rav1d-safe`, which forbids unsafe code in itself. Pictures put together from a grid of tiles are refused.

mod boxes;
mod colour;

use std::sync::Arc;
use std::time::{Duration, Instant};

use image::{DynamicImage, RgbaImage};
use rav1d_safe::src::managed::{Stop, StopReason};
use rav1d_safe::{Decoder, Frame, Settings};

use self::boxes::Container;
use super::{MAX_DECODED, Undecodable};

/// Memory that a pixel takes while a picture is decoded, in bytes: three planes of two, one of transparency, RGBA.
const PER_PIXEL: u64 = 12;

/// Most time that the frames of one picture may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the file is an AVIF by its first bytes.
pub(super) fn is_avif(bytes: &[u8]) -> bool {
    matches!(bytes.get(4..12), Some(b"ftypavif" | b"ftypavis"))
}

/// Width and height as the container states them.
pub(super) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    Container::read(bytes)?.size
}

/// The picture, eight bits a channel whatever the file has.
///
/// # Errors
/// Damaged, of tiles, or beyond the bounds: the stated size is looked at before anything is decoded, and the frame's own
/// before its pixels are.
pub(super) fn decode(bytes: &[u8]) -> Result<DynamicImage, Undecodable> {
    let container = Container::read(bytes).ok_or(Undecodable::Avif("no picture in it"))?;
    let (width, height) = container
        .size
        .ok_or(Undecodable::Avif("a picture without a size"))?;
    if u64::from(width) * u64::from(height) > MAX_DECODED / PER_PIXEL {
        return Err(Undecodable::TooLarge);
    }
    let data = container
        .picture
        .ok_or(Undecodable::Avif("not one frame of AV1"))?;
    let deadline = Instant::now() + PATIENCE;
    let frame = frame(&data, deadline)?;
    let opaque = colour::picture(&frame, container.colours);
    let Some(alpha) = container.alpha else {
        return Ok(DynamicImage::ImageRgb8(opaque));
    };
    drop(frame);
    let alpha = colour::alpha(&self::frame(&alpha, deadline)?);
    if alpha.dimensions() != opaque.dimensions() {
        return Err(Undecodable::Avif("transparency of another size"));
    }
    let mut picture: RgbaImage = DynamicImage::ImageRgb8(opaque).into_rgba8();
    for (pixel, alpha) in picture.pixels_mut().zip(alpha.pixels()) {
        pixel.0[3] = alpha.0[0];
    }
    Ok(DynamicImage::ImageRgba8(picture))
}

/// Gives a decoder up when its time is over.
struct Deadline(Instant);

impl Stop for Deadline {
    fn check(&self) -> Result<(), StopReason> {
        if Instant::now() < self.0 {
            Ok(())
        } else {
            Err(StopReason::TimedOut)
        }
    }
}

fn frame(data: &[u8], deadline: Instant) -> Result<Frame, Undecodable> {
    let refused = |error: &dyn std::fmt::Display| Undecodable::Av1(error.to_string());
    let mut settings = Settings::default();
    settings.threads = 1;
    settings.max_frame_delay = 1;
    settings.all_layers = false;
    settings.frame_size_limit = u32::try_from(MAX_DECODED / PER_PIXEL).unwrap_or(u32::MAX);
    let mut decoder = Decoder::with_settings(settings).map_err(|error| refused(error.error()))?;
    decoder.set_stop(Some(Arc::new(Deadline(deadline))));
    if let Some(frame) = decoder.decode(data).map_err(|error| refused(error.error()))? {
        return Ok(frame);
    }
    let rest = decoder.flush().map_err(|error| refused(error.error()))?;
    rest.into_iter().next().ok_or(Undecodable::Avif("no frame in it"))
}

#[cfg(test)]
mod tests;

//! From luma and chroma planes to RGB, ISO/IEC 23091-2.

use image::{GrayImage, RgbImage};
use rav1d_safe::{ColorRange, Frame, PixelLayout, Planes};

use super::boxes::Colours;

/// Where the luma of a row, and the chroma of each of its pixels, are put.
type Row = [Vec<u16>; 3];

/// Weights of red and blue in luma, by the number of the matrix.
fn weights(matrix: u16) -> (f32, f32) {
    match matrix {
        1 => (0.2126, 0.0722),
        4 => (0.30, 0.11),
        7 => (0.212, 0.087),
        9 | 10 => (0.2627, 0.0593),
        // BT.601, and what those who do not say mostly mean.
        _ => (0.299, 0.114),
    }
}

/// How numbers of a plane become 0 to 1, and chroma -0.5 to 0.5.
struct Scale {
    black: f32,
    luma: f32,
    middle: f32,
    chroma: f32,
}

impl Scale {
    fn new(depth: u8, full_range: bool) -> Self {
        let unit = f32::from(1_u16 << (depth - 8));
        let most = f32::from((1_u16 << depth) - 1);
        let (black, luma, chroma) = if full_range {
            (0.0, most, most)
        } else {
            (16.0 * unit, 219.0 * unit, 224.0 * unit)
        };
        Self {
            black,
            luma,
            middle: 128.0 * unit,
            chroma,
        }
    }

    fn luma(&self, value: u16) -> f32 {
        (f32::from(value) - self.black) / self.luma
    }

    fn chroma(&self, value: u16) -> f32 {
        (f32::from(value) - self.middle) / self.chroma
    }
}

/// The frame as RGB. `told` is what the container says of its colours.
pub(super) fn picture(frame: &Frame, told: Option<Colours>) -> RgbImage {
    let info = frame.color_info();
    let colours = told.unwrap_or(Colours {
        matrix: info.matrix_coefficients as u16,
        full_range: info.color_range == ColorRange::Full,
    });
    let scale = Scale::new(frame.bit_depth(), colours.full_range);
    let is_grey = frame.pixel_layout() == PixelLayout::I400;
    let mut picture = RgbImage::new(frame.width(), frame.height());
    let width = frame.width() as usize;
    let mut lines = picture.chunks_exact_mut((3 * width).max(1));
    rows(frame, |row| {
        let Some(line) = lines.next() else { return };
        for (x, pixel) in line.chunks_exact_mut(3).enumerate() {
            let luma = row[0][x];
            let rgb = if is_grey {
                [scale.luma(luma); 3]
            } else {
                mixed(&scale, colours.matrix, [luma, row[1][x], row[2][x]])
            };
            pixel.copy_from_slice(&rgb.map(byte));
        }
    });
    picture
}

fn mixed(scale: &Scale, matrix: u16, [luma, u, v]: [u16; 3]) -> [f32; 3] {
    if matrix == 0 {
        return [v, luma, u].map(|value| scale.luma(value));
    }
    let (y, cb, cr) = (scale.luma(luma), scale.chroma(u), scale.chroma(v));
    if matrix == 8 {
        // YCgCo: the first of the two is the green one.
        return [y - cb + cr, y + cb, y - cb - cr];
    }
    let (red, blue) = weights(matrix);
    let (r, b) = (
        2.0_f32.mul_add((1.0 - red) * cr, y),
        2.0_f32.mul_add((1.0 - blue) * cb, y),
    );
    let g = (y - red * r - blue * b) / (1.0 - red - blue);
    [r, g, b]
}

/// The luma of a frame that holds transparency.
pub(super) fn alpha(frame: &Frame) -> GrayImage {
    let full_range = frame.color_info().color_range == ColorRange::Full;
    let scale = Scale::new(frame.bit_depth(), full_range);
    let mut picture = GrayImage::new(frame.width(), frame.height());
    let width = frame.width() as usize;
    let mut lines = picture.chunks_exact_mut(width.max(1));
    rows(frame, |row| {
        let Some(line) = lines.next() else { return };
        for (pixel, value) in line.iter_mut().zip(&row[0]) {
            *pixel = byte(scale.luma(*value));
        }
    });
    picture
}

fn byte(value: f32) -> u8 {
    (value * 255.0).round().clamp(0.0, 255.0) as u8
}

/// Goes through the rows of a frame, chroma spread over the pixels that share it.
fn rows(frame: &Frame, each: impl FnMut(&Row)) {
    match frame.planes() {
        Planes::Depth8(planes) => {
            let (y, chroma) = (planes.y(), planes.u().zip(planes.v()));
            let widen = |from: &[u8], to: &mut Vec<u16>| to.extend(from.iter().copied().map(u16::from));
            walk(frame, each, |plane, row, to| match (plane, &chroma) {
                (0, _) => widen(y.row(row), to),
                (1, Some((u, _))) => widen(u.row(row), to),
                (2, Some((_, v))) => widen(v.row(row), to),
                _ => {}
            });
        }
        Planes::Depth16(planes) => {
            let (y, chroma) = (planes.y(), planes.u().zip(planes.v()));
            walk(frame, each, |plane, row, to| match (plane, &chroma) {
                (0, _) => to.extend_from_slice(y.row(row)),
                (1, Some((u, _))) => to.extend_from_slice(u.row(row)),
                (2, Some((_, v))) => to.extend_from_slice(v.row(row)),
                _ => {}
            });
        }
    }
}

fn walk(frame: &Frame, mut each: impl FnMut(&Row), read: impl Fn(usize, usize, &mut Vec<u16>)) {
    let layout = frame.pixel_layout();
    let halves_rows = layout == PixelLayout::I420;
    let halves_columns = matches!(layout, PixelLayout::I420 | PixelLayout::I422);
    let width = frame.width() as usize;
    let (mut row, mut narrow): (Row, Vec<u16>) = (Row::default(), Vec::new());
    for y in 0..frame.height() as usize {
        row.iter_mut().for_each(Vec::clear);
        read(0, y, &mut row[0]);
        for plane in [1, 2] {
            let line = if halves_rows { y / 2 } else { y };
            if halves_columns {
                narrow.clear();
                read(plane, line, &mut narrow);
                row[plane].extend(narrow.iter().flat_map(|value| [*value; 2]).take(width));
            } else {
                read(plane, line, &mut row[plane]);
            }
        }
        each(&row);
    }
}

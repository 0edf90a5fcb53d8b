//! Makes a picture smaller or larger as the original's library does, so that networks see the same pixels.
//!
//! A side that shrinks mixes the pixels that fall into each new one, by the part that does; what is wholly transparent adds
//! no colour. A side that grows mixes the two nearest. Columns come first, unrounded, then rows.

use anyhow::{Context, ensure};
use image::RgbaImage;

/// Most pixels between the two passes: 256 MiB.
const MOST_BETWEEN: u64 = 16 << 20;
/// How far the first column that is mixed lies inside the picture, as a part of a pixel.
const INSET: f64 = 1.0 / 3.0;

/// Pixels that are mixed into a new one, with their weights.
type Mix = Vec<(usize, f64)>;

/// A picture between the two passes: four numbers a pixel.
struct Grid {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

/// How the pixels along one side become others.
struct Plan {
    mixes: Vec<Mix>,
    /// Old pixels for each new one, where the side shrinks.
    ratio: Option<f64>,
}

/// The picture with this width and height.
///
/// # Errors
/// It is so high or so narrow that a picture of that width and its own height would not fit.
pub(super) fn resize(picture: &RgbaImage, width: u32, height: u32) -> anyhow::Result<RgbaImage> {
    let between = u64::from(width) * u64::from(picture.height());
    ensure!(
        between <= MOST_BETWEEN,
        "a picture of {} by {}",
        picture.width(),
        picture.height()
    );
    let mut grid = columns(picture, width as usize);
    let plan = Plan::of(grid.height, height as usize);
    let rounds = plan.is_some();
    if let Some(plan) = plan {
        grid = rows(&grid, &plan);
    }
    // compat: numbers that no row was made of are cut, not rounded. They are in range, so the cast only drops a fraction.
    let round = |value: &f32| {
        if rounds {
            (value + 0.5).floor() as u8
        } else {
            *value as u8
        }
    };
    let bytes = grid.values.iter().map(round).collect();
    RgbaImage::from_raw(width, height, bytes).context("a picture of another size")
}

fn columns(picture: &RgbaImage, width: usize) -> Grid {
    let height = picture.height() as usize;
    let values = match Plan::of(picture.width() as usize, width) {
        None => picture.as_raw().iter().map(|value| f32::from(*value)).collect(),
        Some(plan) => {
            let mut values = Vec::with_capacity(4 * width * height);
            for row in picture.as_raw().chunks_exact(4 * picture.width() as usize) {
                let pixel = |index: usize| std::array::from_fn(|channel| f32::from(row[4 * index + channel]));
                for mix in &plan.mixes {
                    values.extend(plan.mixed(mix, pixel));
                }
            }
            values
        }
    };
    Grid {
        width,
        height,
        values,
    }
}

fn rows(grid: &Grid, plan: &Plan) -> Grid {
    let height = plan.mixes.len();
    let mut values = Vec::with_capacity(4 * grid.width * height);
    for mix in &plan.mixes {
        for column in 0..grid.width {
            let at = |index: usize| 4 * (index * grid.width + column);
            let pixel = |index: usize| std::array::from_fn(|channel| grid.values[at(index) + channel]);
            values.extend(plan.mixed(mix, pixel));
        }
    }
    Grid {
        width: grid.width,
        height,
        values,
    }
}

impl Plan {
    /// `None` where nothing changes.
    fn of(from: usize, to: usize) -> Option<Self> {
        let ratio = from as f64 / to as f64;
        match from.cmp(&to) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Self {
                mixes: shrunk(from, to, ratio),
                ratio: Some(ratio),
            }),
            std::cmp::Ordering::Less => Some(Self {
                mixes: grown(from, to, ratio),
                ratio: None,
            }),
        }
    }

    /// One new pixel. Sums are rounded to 32 bits at every step, as the original keeps them.
    fn mixed(&self, mix: &Mix, pixel: impl Fn(usize) -> [f32; 4]) -> [f32; 4] {
        let mut sums = [0.0_f32; 4];
        let mut visible = 0.0;
        let Some(ratio) = self.ratio else {
            for (channel, sum) in sums.iter_mut().enumerate() {
                let parts = mix
                    .iter()
                    .map(|(index, weight)| f64::from(pixel(*index)[channel]) * weight);
                *sum = parts.sum::<f64>() as f32;
            }
            return sums;
        };
        for (index, weight) in mix {
            let pixel = pixel(*index);
            let is_visible = pixel[3] != 0.0;
            for (channel, sum) in sums.iter_mut().enumerate() {
                if is_visible {
                    *sum = (f64::from(*sum) + f64::from(pixel[channel]) * weight) as f32;
                }
            }
            visible += if is_visible { *weight } else { 0.0 };
        }
        let scale = if visible > 0.0 { 1.0 / visible } else { 0.0 };
        let scales = [scale, scale, scale, 1.0 / ratio];
        std::array::from_fn(|channel| (f64::from(sums[channel]) * scales[channel]) as f32)
    }
}

fn shrunk(from: usize, to: usize, ratio: f64) -> Vec<Mix> {
    let (mut index, mut used) = (0, 0.0);
    let mixes = (0..to).map(|_| {
        let mut mix = Mix::new();
        let mut wanted = ratio;
        while wanted > 0.0 && index < from {
            let left = 1.0 - used;
            mix.push((index, f64::min(wanted, left)));
            if wanted >= left {
                (index, used) = (index + 1, 0.0);
                wanted -= left;
            } else {
                used += wanted;
                break;
            }
        }
        mix
    });
    mixes.collect()
}

fn grown(from: usize, to: usize, ratio: f64) -> Vec<Mix> {
    let mut mixes = Vec::with_capacity(to);
    let mut place = 0.0;
    while place < INSET && mixes.len() < to {
        mixes.push(vec![(0, 1.0)]);
        place += ratio;
    }
    place -= INSET;
    while place < (from - 1) as f64 && mixes.len() < to {
        // In range, so the cast only drops the fraction.
        let index = place as usize;
        let second = place.fract();
        mixes.push(vec![(index, 1.0 - second), (index + 1, second)]);
        place += ratio;
    }
    mixes.resize(to, vec![(from - 1, 1.0)]);
    mixes
}

#[cfg(test)]
mod tests {
    use image::RgbaImage;

    use super::MOST_BETWEEN;

    fn resize(picture: &RgbaImage, width: u32, height: u32) -> RgbaImage {
        super::resize(picture, width, height).unwrap()
    }

    fn picture(width: u32, height: u32, pixels: &[[u8; 4]]) -> RgbaImage {
        RgbaImage::from_raw(width, height, pixels.concat()).unwrap()
    }

    #[test]
    fn shrinking_mixes_and_leaves_out_what_is_transparent() {
        let source = picture(2, 1, &[[10, 20, 30, 255], [30, 40, 51, 255]]);
        // The height stays, so that numbers are cut.
        assert_eq!(resize(&source, 1, 1).as_raw(), &[20, 30, 40, 255]);
        let source = picture(1, 2, &[[10, 20, 30, 255], [30, 40, 51, 255]]);
        assert_eq!(resize(&source, 1, 1).as_raw(), &[20, 30, 41, 255]);
        let source = picture(
            2,
            2,
            &[[200, 0, 0, 255], [0, 9, 9, 0], [100, 0, 0, 255], [0, 9, 9, 0]],
        );
        assert_eq!(resize(&source, 1, 1).as_raw(), &[150, 0, 0, 128]);
        let source = picture(3, 1, &[[0, 0, 0, 255], [90, 0, 0, 255], [255, 0, 0, 255]]);
        let half = resize(&source, 2, 1);
        // A pixel and a half each: (0 + 90/2) / 1.5 and (90/2 + 255) / 1.5.
        assert_eq!((half.as_raw()[0], half.as_raw()[4]), (30, 200));
    }

    #[test]
    fn growing_mixes_the_nearest() {
        let source = picture(1, 2, &[[0, 0, 0, 255], [90, 90, 90, 255]]);
        let grown = resize(&source, 1, 4);
        let reds: Vec<u8> = grown.pixels().map(|pixel| pixel[0]).collect();
        // Places 0, then 1/2 - 1/3, and so on by halves.
        assert_eq!(reds, [0, 15, 60, 90]);
    }

    #[test]
    fn a_picture_of_the_size_stays() {
        let source = picture(2, 1, &[[1, 2, 3, 4], [5, 6, 7, 8]]);
        assert_eq!(resize(&source, 2, 1), source);
    }

    #[test]
    fn a_picture_out_of_proportion_is_refused() {
        let high = RgbaImage::new(1, u32::try_from(MOST_BETWEEN / 256).unwrap() + 1);
        assert!(super::resize(&high, 256, 1).is_err());
        assert!(super::resize(&high, 255, 1).is_ok());
    }
}

//! Pictures as networks take them, as `preprocessor_config.json` says.

use anyhow::{Context, bail, ensure};
use image::DynamicImage;
use serde_json::Value;

use super::resize::resize;
use super::session::Floats;

/// Most pixels along a side of what a network sees.
const LARGEST_SIDE: f64 = 4096.0;

/// What becomes of a picture.
#[derive(Debug)]
pub(super) struct Pixels {
    size: Option<Size>,
    factor: Option<f64>,
    /// Mean and deviation of each colour.
    normal: Option<([f64; 3], [f64; 3])>,
}

#[derive(Debug, PartialEq)]
enum Size {
    /// Width and height.
    Exact(f64, f64),
    /// Bounds of the shorter and of the longer side.
    Edges(Option<f64>, Option<f64>),
}

impl Pixels {
    /// Reads the settings.
    pub(super) fn read(settings: &Value) -> anyhow::Result<Self> {
        let flag = |key: &str| settings.get(key).and_then(Value::as_bool);
        for key in ["do_center_crop", "do_pad", "do_thumbnail", "do_crop_margin"] {
            ensure!(flag(key) != Some(true), "{key} is not supported");
        }
        let either = |one: &str, other: &str| settings.get(one).or_else(|| settings.get(other));
        let normal = if flag("do_normalize") == Some(true) {
            let mean = colours(either("image_mean", "mean")).context("no mean of the colours")?;
            let deviation = colours(either("image_std", "std")).context("no deviation of the colours")?;
            Some((mean, deviation))
        } else {
            None
        };
        let size = if flag("do_resize") == Some(true) {
            Some(Size::read(settings)?)
        } else {
            None
        };
        let factor = settings.get("rescale_factor").and_then(Value::as_f64);
        let rescales = flag("do_rescale") != Some(false);
        Ok(Self {
            size,
            factor: rescales.then_some(factor.unwrap_or(1.0 / 255.0)),
            normal,
        })
    }

    /// The picture's colours, each a plane of its own. What is transparent counts as what it would be.
    ///
    /// compat: every step is rounded to 32 bits where the original keeps it in an array of such.
    pub(super) fn of(&self, picture: DynamicImage) -> anyhow::Result<Floats> {
        let mut picture = picture.into_rgba8();
        if let Some(size) = &self.size {
            let (width, height) = size.of(picture.width(), picture.height())?;
            picture = resize(&picture, width, height)?;
        }
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut values = Vec::with_capacity(3 * width * height);
        for colour in 0..3 {
            for pixel in picture.pixels() {
                let mut value = f32::from(pixel[colour]);
                if let Some(factor) = self.factor {
                    value = (factor * f64::from(value)) as f32;
                }
                if let Some((mean, deviation)) = &self.normal {
                    value = ((f64::from(value) - mean[colour]) / deviation[colour]) as f32;
                }
                values.push(value);
            }
        }
        Ok(Floats {
            shape: vec![1, 3, height, width],
            values,
        })
    }
}

impl Size {
    fn read(settings: &Value) -> anyhow::Result<Self> {
        let size = settings.get("size").context("no size to make pictures of")?;
        let number = |key: &str| size.get(key).and_then(Value::as_f64);
        if let Some(side) = size.as_f64() {
            let longest = settings.get("max_size").and_then(Value::as_f64).unwrap_or(side);
            return Ok(Self::Edges(Some(side), Some(longest)));
        }
        match (number("shortest_edge"), number("longest_edge")) {
            (None, None) => {}
            (shortest, longest) => return Ok(Self::Edges(shortest, longest)),
        }
        match number("width").zip(number("height")) {
            Some((width, height)) => Ok(Self::Exact(width, height)),
            None => bail!("no size to make pictures of"),
        }
    }

    /// Width and height that a picture of this width and height gets.
    fn of(&self, width: u32, height: u32) -> anyhow::Result<(u32, u32)> {
        let (width, height) = match self {
            Self::Exact(width, height) => (*width, *height),
            Self::Edges(shortest, longest) => {
                let (width, height) = (f64::from(width), f64::from(height));
                let grow = shortest.map_or(1.0, |edge| (edge / width).max(edge / height));
                let (width, height) = (width * grow, height * grow);
                let shrink = longest.map_or(1.0, |edge| (edge / width).min(edge / height));
                let whole = |side: f64| ((side * shrink * 100.0).round() / 100.0).floor();
                (whole(width), whole(height))
            }
        };
        let fits = |side: f64| (0.0..=LARGEST_SIDE).contains(&side);
        ensure!(fits(width) && fits(height), "pictures of {width} by {height}");
        // In range, so the casts only drop a fraction.
        Ok(((width.round() as u32).max(1), (height.round() as u32).max(1)))
    }
}

fn colours(value: Option<&Value>) -> Option<[f64; 3]> {
    let colours: Option<Vec<f64>> = value?.as_array()?.iter().map(Value::as_f64).collect();
    colours?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, Rgba, RgbaImage};
    use serde_json::json;

    use super::{Pixels, Size};

    #[test]
    fn sizes_are_those_of_the_settings() {
        let of = |size: serde_json::Value| {
            Size::read(&json!({ "size": size }))
                .unwrap()
                .of(300, 200)
                .unwrap()
        };
        assert_eq!(of(json!({ "width": 20, "height": 10 })), (20, 10));
        assert_eq!(of(json!({ "shortest_edge": 100 })), (150, 100));
        assert_eq!(of(json!({ "longest_edge": 100 })), (100, 66));
        assert_eq!(of(json!(100)), (100, 66));
        assert!(
            Size::read(&json!({ "size": { "width": 5000, "height": 1 } }))
                .unwrap()
                .of(1, 1)
                .is_err()
        );
        assert!(Size::read(&json!({})).is_err());
    }

    #[test]
    fn colours_become_planes_of_numbers() {
        let settings = json!({
            "do_resize": false, "do_normalize": true, "image_mean": [0.5, 0.5, 0.0], "image_std": [0.5, 1.0, 1.0],
        });
        let mut picture = RgbaImage::new(2, 1);
        picture.put_pixel(0, 0, Rgba([255, 0, 51, 255]));
        picture.put_pixel(1, 0, Rgba([0, 255, 102, 0]));
        let seen = Pixels::read(&settings)
            .unwrap()
            .of(DynamicImage::ImageRgba8(picture))
            .unwrap();
        assert_eq!(seen.shape, [1, 3, 1, 2]);
        assert_eq!(seen.values, [1.0, -1.0, -0.5, 0.5, 0.2, 0.4]);
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        assert!(Pixels::read(&json!({ "do_center_crop": true })).is_err());
        assert!(Pixels::read(&json!({ "do_normalize": true })).is_err());
    }
}

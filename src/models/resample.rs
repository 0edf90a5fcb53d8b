//! Another number of samples a second, as the original's library makes it: a low pass forth and back, and cubic curves
//! between the samples.
//!
//! Operations are in the library's order, so that the numbers are the same ones.

use std::f64::consts::PI;

use anyhow::ensure;

use super::wave::{MOST_SAMPLES, rounded};

/// Stages of the low pass.
const ORDER: usize = 16;

/// One channel with `to` samples a second in the place of `from`.
///
/// compat: the filter and the curves are applied even where the rate stays.
pub(super) fn resample(mut samples: Vec<f64>, from: u32, to: u32) -> anyhow::Result<Vec<f64>> {
    let (old, new) = (f64::from(from), f64::from(to));
    let rate = (new - old) / old + 1.0;
    let length = samples.len() as f64 * rate;
    ensure!(length <= MOST_SAMPLES as f64, "the recording is too long");
    // In range, so the cast only drops the fraction.
    let length = length as usize;
    let mut made: Vec<f64>;
    if to > from {
        let mut filter = LowPass::new(new, old / 2.0);
        made = curves(&samples, length)
            .map(|sample| filter.next(sample))
            .collect();
        filter.backwards(&mut made);
    } else {
        let mut filter = LowPass::new(old, new / 2.0);
        for sample in &mut samples {
            *sample = filter.next(*sample);
        }
        filter.backwards(&mut samples);
        made = curves(&samples, length).collect();
    }
    for sample in &mut made {
        *sample = rounded(*sample);
    }
    Ok(made)
}

/// Samples of cubic curves through the given ones.
fn curves(samples: &[f64], length: usize) -> impl Iterator<Item = f64> {
    let scale = (samples.len() as f64 - 1.0) / length as f64;
    let at = |index: i64| {
        usize::try_from(index)
            .ok()
            .and_then(|index| samples.get(index))
            .copied()
            .unwrap_or(0.0)
    };
    let slope = move |index: i64| (at(index + 1) - at(index - 1)) / 2.0;
    (0..length).map(move |index| {
        let place = scale * index as f64;
        let floor = place.floor();
        let (index, t) = (floor as i64, place - floor);
        let (t2, t3) = (t * t, t * (t * t));
        (2.0 * t3 - 3.0 * t2 + 1.0) * at(index)
            + (t3 - 2.0 * t2 + t) * slope(index)
            + (-2.0 * t3 + 3.0 * t2) * at(index + 1)
            + (t3 - t2) * slope(index + 1)
    })
}

/// A Butterworth filter.
struct LowPass([Stage; ORDER]);

struct Stage {
    b: [f64; 3],
    a: [f64; 2],
    z: [f64; 2],
}

impl LowPass {
    fn new(rate: f64, cut_off: f64) -> Self {
        let angle = 2.0 * PI * cut_off / rate;
        let cosine = angle.cos();
        Self(std::array::from_fn(|index| {
            let quality = 0.5 / ((PI / (ORDER as f64 * 2.0)) * (index as f64 + 0.5)).sin();
            let alpha = angle.sin() / (2.0 * quality);
            let a0 = 1.0 + alpha;
            let b0 = (1.0 - cosine) / (2.0 * a0);
            Stage {
                b: [b0, 2.0 * b0, b0],
                a: [(-2.0 * cosine) / a0, (1.0 - alpha) / a0],
                z: [0.0; 2],
            }
        }))
    }

    fn next(&mut self, sample: f64) -> f64 {
        self.0.iter_mut().fold(sample, |sample, Stage { b, a, z }| {
            let inner = sample - a[0] * z[0] - a[1] * z[1];
            let out = b[0] * inner + b[1] * z[0] + b[2] * z[1];
            *z = [inner, z[0]];
            out
        })
    }

    /// Filters anew from the end to the start.
    fn backwards(&mut self, samples: &mut [f64]) {
        for stage in &mut self.0 {
            stage.z = [0.0; 2];
        }
        for sample in samples.iter_mut().rev() {
            *sample = self.next(*sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::resample;

    #[test]
    fn a_low_tone_stays_and_a_high_one_goes() {
        let tone =
            |hertz: f64| (0..8000).map(move |n| (n as f64 * hertz * std::f64::consts::TAU / 8000.0).sin());
        let loudness = |samples: &[f64]| {
            let middle = &samples[samples.len() / 4..samples.len() / 2];
            (middle.iter().map(|sample| sample * sample).sum::<f64>() / middle.len() as f64).sqrt()
        };
        for (to, length) in [(16_000, 16_000), (4000, 4000), (8000, 8000)] {
            let made = resample(tone(300.0).collect(), 8000, to).unwrap();
            assert_eq!(made.len(), length);
            assert!(
                (loudness(&made) - 0.5_f64.sqrt()).abs() < 0.01,
                "{to}: {}",
                loudness(&made)
            );
        }
        let made = resample(tone(3000.0).collect(), 8000, 4000).unwrap();
        assert!(loudness(&made) < 0.01, "{}", loudness(&made));
    }

    #[test]
    fn a_rate_that_makes_too_much_is_refused() {
        assert!(resample(vec![0.0; 10_000], 1, 16_000).is_err());
        assert_eq!(resample(Vec::new(), 8000, 16_000).unwrap(), [0.0; 0]);
    }
}

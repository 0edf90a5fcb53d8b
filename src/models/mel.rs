//! Recordings as Whisper's networks take them: how loud which pitch is over time, on the mel scale.

use std::f64::consts::{PI, TAU};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::session::Floats;

/// Quietest power that counts.
const FLOOR: f64 = 1e-10;
/// Highest pitch, in hertz.
const HIGHEST: f64 = 8000.0;
/// Below this pitch in hertz the scale is even, and above it logarithmic.
const BEND: f64 = 1000.0;
/// That pitch on the scale.
const BEND_MEL: f64 = 15.0;
/// Largest numbers that settings may hold, to bound the work.
const MOST: usize = 1 << 22;

/// `preprocessor_config.json` of a Whisper model.
#[derive(Debug)]
pub(super) struct Ear {
    samples: usize,
    window: Vec<f64>,
    hop: usize,
    frames: usize,
    /// Of each pitch, how much each frequency counts.
    filters: Vec<Vec<f64>>,
    /// `cos` and `sin` of each part of a circle.
    circle: Vec<(f64, f64)>,
}

impl Ear {
    /// Reads the settings.
    pub(super) fn read(settings: &Value) -> anyhow::Result<Self> {
        let number = |key: &str| {
            let number = settings
                .get(key)
                .and_then(Value::as_u64)
                .map(|number| number as usize);
            let number = number.filter(|number| (1..=MOST).contains(number));
            number.with_context(|| format!("{key} is missing or out of range"))
        };
        let (size, rate) = (number("n_fft")?, number("sampling_rate")?);
        let bins = size / 2 + 1;
        let filters = match settings.get("mel_filters") {
            Some(Value::Array(rows)) => rows
                .iter()
                .map(row)
                .collect::<Option<_>>()
                .context("mel_filters")?,
            _ => filters(bins, number("feature_size")?, rate as f64),
        };
        ensure!(
            filters.iter().all(|filter: &Vec<f64>| filter.len() >= bins),
            "mel_filters"
        );
        ensure!(
            size <= 1 << 13 && filters.len() <= 1 << 10,
            "the settings are out of range"
        );
        let part = |index: usize| (TAU * index as f64 / size as f64).sin_cos();
        Ok(Self {
            samples: number("n_samples")?,
            window: (0..size)
                .map(|n| 0.5 + 0.5 * (PI / size as f64 * (2.0 * n as f64 - size as f64)).cos())
                .collect(),
            hop: number("hop_length")?,
            frames: number("nb_max_frames")?.min(1 << 14),
            filters,
            circle: (0..size).map(part).map(|(sin, cos)| (cos, sin)).collect(),
        })
    }

    /// What a network hears of a recording, which is cut or filled with silence to the length that it takes.
    pub(super) fn hear(&self, mut recording: Vec<f32>) -> anyhow::Result<Floats> {
        recording.resize(self.samples, 0.0);
        let size = self.window.len();
        let half = (size - 1) / 2 + 1;
        ensure!(recording.len() > half, "the network hears too short a time");
        let sound = mirrored(&recording, half);
        let heard = (1 + (sound.len() - size) / self.hop).min(self.frames);
        let mut values = vec![0.0; self.filters.len() * self.frames];
        for frame in 0..heard {
            let part = &sound[frame * self.hop..];
            let windowed: Vec<f64> = self
                .window
                .iter()
                .zip(part)
                .map(|(weight, sample)| weight * f64::from(*sample))
                .collect();
            let power = self.power(&windowed);
            for (pitch, filter) in self.filters.iter().enumerate() {
                let sum: f64 = filter
                    .iter()
                    .zip(&power)
                    .map(|(weight, power)| weight * power)
                    .sum();
                let power = f64::from(sum.max(FLOOR) as f32);
                values[pitch * heard + frame] = power.log10() as f32;
            }
        }
        let loudest = f64::from(values.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        for value in &mut values {
            *value = ((f64::from(*value).max(loudest - 8.0) + 4.0) / 4.0) as f32;
        }
        Ok(Floats {
            shape: vec![1, self.filters.len(), self.frames],
            values,
        })
    }

    /// The power of each frequency.
    fn power(&self, samples: &[f64]) -> Vec<f64> {
        let waves = self.transform(samples, 0, 1, samples.len());
        let bins = waves.iter().take(samples.len() / 2 + 1);
        bins.map(|(real, imaginary)| real * real + imaginary * imaginary)
            .collect()
    }

    /// The Fourier transform of every `step`th sample, `count` of them, from `start` on: by the smallest factor of the
    /// count.
    fn transform(&self, samples: &[f64], start: usize, step: usize, count: usize) -> Vec<(f64, f64)> {
        if count == 1 {
            return vec![(samples[start], 0.0)];
        }
        let factor = (2..=count)
            .find(|factor| count.is_multiple_of(*factor))
            .unwrap_or(count);
        let inner = count / factor;
        let parts: Vec<_> = (0..factor)
            .map(|part| self.transform(samples, start + part * step, step * factor, inner))
            .collect();
        let wave = |k: usize| {
            parts
                .iter()
                .enumerate()
                .fold((0.0, 0.0), |(real, imaginary), (part, waves)| {
                    let (cos, sin) = self.circle[(part * k * step) % self.circle.len()];
                    let (a, b) = waves[k % inner];
                    (real + a * cos + b * sin, imaginary + b * cos - a * sin)
                })
        };
        (0..count).map(wave).collect()
    }
}

/// A recording with so much of itself, mirrored, at both ends.
fn mirrored(recording: &[f32], length: usize) -> Vec<f32> {
    let start = recording[1..=length].iter().rev();
    let end = recording[recording.len() - 1 - length..recording.len() - 1]
        .iter()
        .rev();
    start.chain(recording).chain(end).copied().collect()
}

fn row(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

fn to_hertz(mel: f64) -> f64 {
    let step = 6.4_f64.ln() / 27.0;
    if mel >= BEND_MEL {
        BEND * (step * (mel - BEND_MEL)).exp()
    } else {
        200.0 * mel / 3.0
    }
}

/// Triangles over the frequencies, evenly spaced on the mel scale, each of the same area (Slaney's).
fn filters(bins: usize, pitches: usize, rate: f64) -> Vec<Vec<f64>> {
    let top = BEND_MEL + (HIGHEST / BEND).ln() * (27.0 / 6.4_f64.ln());
    let edge = |index: usize| to_hertz(top * index as f64 / (pitches + 1) as f64);
    let frequency = |bin: usize| (rate / 2.0).floor() * bin as f64 / (bins.max(2) - 1) as f64;
    let filter = |pitch: usize| {
        let (low, middle, high) = (edge(pitch), edge(pitch + 1), edge(pitch + 2));
        let weight = |bin: usize| {
            let (up, down) = (
                (frequency(bin) - low) / (middle - low),
                (high - frequency(bin)) / (high - middle),
            );
            up.min(down).max(0.0) * 2.0 / (high - low)
        };
        (0..bins).map(weight).collect()
    };
    (0..pitches).map(filter).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Ear;

    fn ear() -> Ear {
        let settings = json!({
            "n_fft": 40, "sampling_rate": 16_000, "feature_size": 8, "n_samples": 160, "hop_length": 16, "nb_max_frames": 10,
        });
        Ear::read(&settings).unwrap()
    }

    #[test]
    fn the_transform_is_the_sum_it_stands_for() {
        let ear = ear();
        let samples: Vec<f64> = (0..40).map(|n| f64::from(n * n % 17) - 5.0).collect();
        for (bin, power) in ear.power(&samples).into_iter().enumerate() {
            let angle = |n: usize| std::f64::consts::TAU * (bin * n) as f64 / 40.0;
            let real: f64 = samples
                .iter()
                .enumerate()
                .map(|(n, sample)| sample * angle(n).cos())
                .sum();
            let imaginary: f64 = samples
                .iter()
                .enumerate()
                .map(|(n, sample)| sample * angle(n).sin())
                .sum();
            assert!(
                (power - (real * real + imaginary * imaginary)).abs() < 1e-6,
                "{bin}"
            );
        }
    }

    #[test]
    fn a_tone_is_loudest_at_its_pitch() {
        let ear = ear();
        let tone = (0..160).map(|n| (n as f32 * 0.4 * std::f32::consts::PI).sin());
        let heard = ear.hear(tone.collect()).unwrap();
        assert_eq!(heard.shape, [1, 8, 10]);
        // 3200 Hz of 16 000 a second.
        let middle: Vec<f32> = heard.values.iter().skip(5).step_by(10).copied().collect();
        let loudest = (0..8)
            .max_by(|one, other| middle[*one].total_cmp(&middle[*other]))
            .unwrap();
        let nearest = ear
            .filters
            .iter()
            .enumerate()
            .max_by(|(_, one), (_, other)| one[8].total_cmp(&other[8]));
        assert_eq!(loudest, nearest.unwrap().0);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        assert!(Ear::read(&json!({ "n_fft": 0 })).is_err());
        assert!(Ear::read(&json!({ "n_fft": 400, "sampling_rate": 16_000 })).is_err());
    }
}

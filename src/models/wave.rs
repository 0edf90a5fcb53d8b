//! WAV files: read as numbers from -1 to 1, and written.

use anyhow::{Context, bail, ensure};

/// Most numbers of a recording, all channels together: three minutes of stereo at 48 kHz, 160 MB. A model hears half a
/// minute of it.
pub(super) const MOST_SAMPLES: usize = 20_000_000;

/// Marks of the kinds of numbers.
const WHOLE: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// A recording.
#[derive(Debug, PartialEq)]
pub(super) struct Wave {
    /// Numbers a second.
    pub rate: u32,
    /// The numbers of each channel, with the precision of 32 bits.
    pub channels: Vec<Vec<f64>>,
}

impl Wave {
    /// Reads a file with whole numbers of 8 to 32 bits, or with floats.
    pub(super) fn read(file: &[u8]) -> anyhow::Result<Self> {
        let rest = file.strip_prefix(b"RIFF").and_then(|rest| rest.get(4..));
        let mut rest = rest
            .and_then(|rest| rest.strip_prefix(b"WAVE"))
            .context("no WAV file")?;
        let mut format = None;
        loop {
            let (head, body) = rest.split_at_checked(8).context("a WAV file without sound")?;
            let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            match &head[..4] {
                b"fmt " => format = Some(Format::read(body)?),
                b"data" => {
                    let format = format.context("a WAV file that does not say what its sound is")?;
                    // What is recorded while it is sent may not know its length.
                    return format.decode(&body[..length.min(body.len())]);
                }
                _ => {}
            }
            rest = body
                .get(length + length % 2..)
                .context("a WAV file without sound")?;
        }
    }
}

/// What a file says of its numbers.
#[derive(Debug)]
struct Format {
    kind: u16,
    channels: usize,
    rate: u32,
    bits: u16,
}

impl Format {
    fn read(chunk: &[u8]) -> anyhow::Result<Self> {
        let word = |at: usize| Some(u16::from_le_bytes([*chunk.get(at)?, *chunk.get(at + 1)?]));
        let word = |at: usize| word(at).context("a WAV file that does not say what its sound is");
        let kind = match word(0)? {
            EXTENSIBLE => word(24)?,
            kind => kind,
        };
        let format = Self {
            kind,
            channels: word(2)?.into(),
            rate: u32::from(word(4)?) | u32::from(word(6)?) << 16,
            bits: word(14)?,
        };
        ensure!(format.channels > 0 && format.rate > 0, "a WAV file of no sound");
        Ok(format)
    }

    fn decode(&self, data: &[u8]) -> anyhow::Result<Wave> {
        let number: fn(&[u8]) -> f64 = match (self.kind, self.bits) {
            (WHOLE, 8) => |bytes| scaled(i64::from(bytes[0]) - 128, 8),
            (WHOLE, 16) => |bytes| scaled(i16::from_le_bytes([bytes[0], bytes[1]]).into(), 16),
            (WHOLE, 24) => |bytes| {
                let whole = i32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]]) >> 8;
                scaled(whole.into(), 24)
            },
            (WHOLE, 32) => |bytes| scaled(four(bytes, i32::from_le_bytes).into(), 32),
            (FLOAT, 32) => |bytes| four(bytes, f32::from_le_bytes).into(),
            (FLOAT, 64) => |bytes| {
                let mut eight = [0; 8];
                eight.copy_from_slice(bytes);
                f64::from_le_bytes(eight)
            },
            (kind, bits) => bail!("a WAV file of kind {kind} with {bits} bits"),
        };
        let bytes = usize::from(self.bits / 8);
        ensure!(data.len() / bytes <= MOST_SAMPLES, "the recording is too long");
        let mut channels = vec![Vec::new(); self.channels];
        for (index, bytes) in data.chunks_exact(bytes).enumerate() {
            channels[index % self.channels].push(rounded(number(bytes)));
        }
        Ok(Wave {
            rate: self.rate,
            channels,
        })
    }
}

fn four<T>(bytes: &[u8], read: fn([u8; 4]) -> T) -> T {
    read([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// A whole number of so many bits, from -1 to 1 with both ends.
fn scaled(number: i64, bits: u32) -> f64 {
    let end = (1_i64 << (bits - 1)) - i64::from(number > 0);
    // At most 32 bits, so both casts are exact.
    number as f64 / end as f64
}

/// The nearest number of 32 bits.
pub(super) fn rounded(number: f64) -> f64 {
    f64::from(number as f32)
}

/// A WAV file of one channel of 32-bit floats.
pub(super) fn write(rate: u32, samples: &[f32]) -> anyhow::Result<Vec<u8>> {
    let length = u32::try_from(samples.len() * 4 + 36).context("the recording is too long")?;
    let mut file = Vec::with_capacity(samples.len() * 4 + 44);
    file.extend(b"RIFF");
    file.extend(length.to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(FLOAT.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend(rate.saturating_mul(4).to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    file.extend(32_u16.to_le_bytes());
    file.extend(b"data");
    file.extend((length - 36).to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::{Wave, write};

    fn file(kind: u16, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEjunk\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        file.extend(
            [kind, channels, 8000, 0, 0, 0, 0, bits]
                .iter()
                .flat_map(|word| word.to_le_bytes()),
        );
        file.extend(b"data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn numbers_are_read_of_every_kind() {
        let mono =
            |kind, bits, data: &[u8]| Wave::read(&file(kind, 1, bits, data)).unwrap().channels[0].clone();
        assert_eq!(mono(1, 8, &[0, 128, 255]), [-1.0, 0.0, 1.0]);
        assert_eq!(mono(1, 16, &[0x00, 0x80, 0xff, 0x7f]), [-1.0, 1.0]);
        assert_eq!(mono(1, 24, &[0, 0, 0x80, 0xff, 0xff, 0x7f]), [-1.0, 1.0]);
        assert_eq!(mono(1, 32, &i32::MIN.to_le_bytes()), [-1.0]);
        assert_eq!(mono(3, 32, &0.25_f32.to_le_bytes()), [0.25]);
        assert_eq!(mono(3, 64, &0.5_f64.to_le_bytes()), [0.5]);
        let stereo = Wave::read(&file(1, 2, 8, &[0, 255, 128, 128])).unwrap();
        assert_eq!(stereo.channels, [vec![-1.0, 0.0], vec![1.0, 0.0]]);
    }

    #[test]
    fn damaged_files_are_refused() {
        let whole = file(1, 1, 16, &[1, 2]);
        // Without the last two bytes it is a recording of nothing.
        for end in 0..whole.len() - 2 {
            assert!(Wave::read(&whole[..end]).is_err(), "{end}");
        }
        assert!(Wave::read(&file(6, 1, 8, &[1])).is_err());
        assert!(Wave::read(&file(1, 0, 8, &[1])).is_err());
    }

    #[test]
    fn what_is_written_can_be_read() {
        let file = write(16_000, &[0.5, -0.25]).unwrap();
        assert_eq!(file.len(), 52);
        let wave = Wave::read(&file).unwrap();
        assert_eq!((wave.rate, &wave.channels[..]), (16_000, &[vec![0.5, -0.25]][..]));
    }
}

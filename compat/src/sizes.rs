//! Byte counts as text, 1024-based, as the package `bytes` writes and reads them.

const UNITS: [(&str, u64); 6] = [
    ("PB", 1 << 50),
    ("TB", 1 << 40),
    ("GB", 1 << 30),
    ("MB", 1 << 20),
    ("KB", 1 << 10),
    ("B", 1),
];

/// The `file_size` of a chat: `155B`, `1.5KB`, `2.34MB`; at most two decimals, rounded half up, no trailing zeros.
pub fn file_size(bytes: u64) -> String {
    let (unit, size) = UNITS
        .into_iter()
        .find(|&(_, size)| bytes >= size)
        .unwrap_or(("B", 1));
    let hundredths = (u128::from(bytes) * 200 + u128::from(size)) / (2 * u128::from(size));
    let (whole, fraction) = (hundredths / 100, hundredths % 100);
    if fraction == 0 {
        return format!("{whole}{unit}");
    }
    let fraction = format!("{fraction:02}");
    format!("{whole}.{}{unit}", fraction.trim_end_matches('0'))
}

/// Reads a limit such as `256kb`, `1.5 MB` or `4096` into bytes; without a unit the leading integer counts.
/// `None` for text without a number and for negative sizes.
pub fn parse(text: &str) -> Option<u64> {
    if let Some(bytes) = with_unit(text) {
        return Some(bytes);
    }
    let text = text.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..digits].parse().ok()
}

fn with_unit(text: &str) -> Option<u64> {
    let unit_at = text.len().checked_sub(2)?;
    let (number, unit) = (text.get(..unit_at)?, text.get(unit_at..)?);
    let (_, size) = UNITS
        .into_iter()
        .find(|(name, _)| name.len() == 2 && name.eq_ignore_ascii_case(unit))?;
    let number = number.trim_end_matches(' ');
    let number = number.strip_prefix('+').unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    Some((number * size as f64).floor() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_sizes() {
        let cases = [
            (0, "0B"),
            (155, "155B"),
            (1023, "1023B"),
            (1024, "1KB"),
            (1126, "1.1KB"),
            (1152, "1.13KB"),
            (1536, "1.5KB"),
            (1_047_552, "1023KB"),
            (1_048_575, "1024KB"),
            (2_453_667, "2.34MB"),
            (1_234_567_890, "1.15GB"),
            (5_000_000_000_000, "4.55TB"),
            (2_000_000_000_000_000_000, "1776.36PB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(file_size(bytes), text);
        }
    }

    #[test]
    fn limits() {
        let cases = [
            ("256kb", Some(262_144)),
            ("100mb", Some(104_857_600)),
            ("1.5 MB", Some(1_572_864)),
            ("10", Some(10)),
            ("10b", Some(10)),
            ("-5kb", None),
            ("abc", None),
            ("1.7kb", Some(1740)),
            ("5 gb ", Some(5)),
            ("0x10", Some(0)),
            ("12abc", Some(12)),
            (" 7", Some(7)),
            (".5kb", None),
            ("+2kb", Some(2048)),
            ("é", None),
            ("", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse(text), bytes, "{text:?}");
        }
    }
}

//! Times as the original writes them into names and files, and reads them back.

mod parse;

use chrono::{DateTime, Datelike, Local, SecondsFormat, TimeZone, Utc};

pub use self::parse::{js_date, send_date};

/// The name form: `2024-07-12@01h31m37s123ms`, local time.
pub fn humanized(at: DateTime<Local>) -> String {
    at.format("%Y-%m-%d@%Hh%Mm%Ss%3fms").to_string()
}

/// `Date.toISOString()`: `2024-07-12T01:31:37.123Z`, cut to milliseconds; years outside 0..9999 have a sign and six
/// digits.
pub fn iso(at: DateTime<Utc>) -> String {
    if (0..=9999).contains(&at.year()) {
        return at.to_rfc3339_opts(SecondsFormat::Millis, true);
    }
    let sign = if at.year() < 0 { '-' } else { '+' };
    format!(
        "{sign}{:06}{}",
        at.year().abs(),
        at.format("-%m-%dT%H:%M:%S%.3fZ")
    )
}

/// `new Date(ms).toISOString()`: the ISO text of milliseconds since 1970, cut to a whole number; `None` where
/// JavaScript throws (NaN, or beyond ±8.64e15), and beyond the year 262142, which it can still name.
pub fn iso_millis(ms: f64) -> Option<String> {
    if ms.is_nan() || ms.abs() > 8.64e15 {
        return None;
    }
    Utc.timestamp_millis_opt(ms.trunc() as i64).single().map(iso)
}

/// The stamp in backup and archive names: `20240712-013137`, local time.
pub fn timestamp(at: DateTime<Local>) -> String {
    at.format("%Y%m%d-%H%M%S").to_string()
}

/// Milliseconds since 1970 with the fraction that Node's `fs.Stats` shows (`mtimeMs`).
pub fn millis(at: DateTime<Utc>) -> f64 {
    // The same two operations in the same order as Node, so that the double is the same to its last bit.
    at.timestamp() as f64 * 1e3 + f64::from(at.timestamp_subsec_nanos()) / 1e6
}

/// [`millis`] as JSON text: `1795371327706.4648`.
pub fn millis_text(at: DateTime<Utc>) -> String {
    crate::json::js_number(millis(at))
}

/// The ISO text of a file time: `new Date(Math.round(mtimeMs)).toISOString()`.
pub fn iso_rounded(at: DateTime<Utc>) -> String {
    // A `DateTime` is always inside JavaScript's range once it is a file time; the fallback only drops the rounding.
    iso_millis((millis(at) + 0.5).floor()).unwrap_or_else(|| iso(at))
}

/// The `t=` stamp of a sprite URL: `20240712013137`, UTC, rounded to the millisecond first.
pub fn sprite_stamp(at: DateTime<Utc>) -> String {
    iso_rounded(at)
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn iso_cuts_to_milliseconds() {
        assert_eq!(iso(at("2024-07-12T01:31:37.123999Z")), "2024-07-12T01:31:37.123Z");
        assert_eq!(iso(at("2024-07-12T01:31:37Z")), "2024-07-12T01:31:37.000Z");
        assert_eq!(
            iso_millis(253402300800000.9).as_deref(),
            Some("+010000-01-01T00:00:00.000Z")
        );
        assert_eq!(
            iso_millis(-62198755200000.0).as_deref(),
            Some("-000001-01-01T00:00:00.000Z")
        );
        assert_eq!(iso_millis(8.64e15 + 2.0), None);
        assert_eq!(iso_millis(f64::NAN), None);
    }

    #[test]
    fn file_times_round_half_a_millisecond_up() {
        assert_eq!(
            iso_rounded(at("2024-07-12T01:31:59.999500Z")),
            "2024-07-12T01:32:00.000Z"
        );
        assert_eq!(
            iso_rounded(at("2024-07-12T01:31:59.999400Z")),
            "2024-07-12T01:31:59.999Z"
        );
        assert_eq!(sprite_stamp(at("2024-07-12T01:31:59.999500Z")), "20240712013200");
    }

    #[test]
    fn millis_show_the_fraction_of_a_file_time() {
        let time = Utc.timestamp_opt(1_795_371_327, 706_464_800).unwrap();
        assert_eq!(millis_text(time), "1795371327706.4648");
        assert_eq!(
            millis_text(time - TimeDelta::nanoseconds(464_800)),
            "1795371327706"
        );
    }

    #[test]
    fn local_forms() {
        let time = Local.with_ymd_and_hms(2024, 7, 2, 1, 3, 7).unwrap() + TimeDelta::milliseconds(9);
        assert_eq!(humanized(time), "2024-07-02@01h03m07s009ms");
        assert_eq!(timestamp(time), "20240702-010307");
    }
}

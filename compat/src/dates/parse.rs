//! Reading times: the forms of a message's `send_date`, and JavaScript's `Date` constructor.

use chrono::{Local, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};
use serde_json::Value;

use crate::json;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A message's `send_date` in milliseconds since 1970, as the original's statistics read it.
///
/// Known forms: a number or a string of digits (milliseconds), ISO with `Z`, `June 19, 2023 2:20pm` (local time), and
/// three spellings of the name form, `2024-07-12@01h31m37s123ms` (read as UTC). Absent, falsy and unknown text is 0.
/// `None` where the original throws: a truthy value that is neither text nor number.
///
/// compat: a known form with an impossible date is NaN, and so is the meridiem form for January to September,
/// because the original builds `2023-6-19T…` there, which V8 refuses.
pub fn send_date(value: Option<&Value>) -> Option<f64> {
    let Some(value) = value.filter(|value| json::js_truthy(value)) else {
        return Some(0.0);
    };
    match value {
        Value::Number(number) => Some(number.as_f64().filter(|&ms| ms >= 0.0).map_or(0.0, time_clip)),
        Value::String(text) => Some(send_date_text(text)),
        _ => None,
    }
}

fn send_date_text(text: &str) -> f64 {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text
            .parse()
            .map_or(0.0, |ms: f64| if ms.is_finite() { time_clip(ms) } else { 0.0 });
    }
    if is_full_iso(text) {
        return iso_date(text);
    }
    meridiem(text).or_else(|| name_form(text)).unwrap_or(0.0)
}

/// Times beyond ±8.64e15 are NaN, fractions are cut.
fn time_clip(ms: f64) -> f64 {
    if ms.abs() <= 8.64e15 { ms.trunc() } else { f64::NAN }
}

/// `Number(new Date(value))` for what JSON can hold. Text is read by ECMAScript's own format; the many further
/// spellings V8 accepts are NaN here.
pub fn js_date(value: Option<&Value>) -> f64 {
    match value {
        None | Some(Value::Array(_) | Value::Object(_)) => f64::NAN,
        Some(Value::String(text)) => iso_date(text),
        Some(scalar) => time_clip(json::js_to_number(scalar)),
    }
}

/// `YYYY-MM-DDTHH:MM:SS[.f…]Z` in shape.
fn is_full_iso(text: &str) -> bool {
    let mut scan = Scan { rest: text };
    let date = scan.digits(4, 4).is_some() && scan.pair('-').is_some() && scan.pair('-').is_some();
    let time = date
        && scan.literal("T").is_some()
        && scan.digits(2, 2).is_some()
        && scan.pair(':').is_some()
        && scan.pair(':').is_some();
    if time && scan.literal(".").is_some() && scan.digits(1, usize::MAX).is_none() {
        return false;
    }
    time && scan.rest == "Z"
}

/// ECMAScript's date time string: `YYYY[-MM[-DD]]`, then optionally `THH:MM[:SS[.f…]]` and `Z` or an offset. Without
/// a zone a date alone is UTC and a date with a time is local.
fn iso_date(text: &str) -> f64 {
    read_iso(text).unwrap_or(f64::NAN)
}

fn read_iso(text: &str) -> Option<f64> {
    let mut scan = Scan { rest: text };
    let year = scan.digits(4, 4)?;
    let month = scan.pair('-').unwrap_or(1);
    let day = scan.pair('-').unwrap_or(1);
    if scan.rest.is_empty() {
        return millis(year, month, day, [0; 4]).map(utc);
    }
    scan.literal("T")?;
    let hour = scan.digits(2, 2)?;
    let minute = scan.pair(':')?;
    let second = scan.pair(':').unwrap_or(0);
    let milli = if scan.literal(".").is_some() {
        scan.fraction()?
    } else {
        0
    };
    let time = millis(year, month, day, [hour, minute, second, milli])?;
    match scan.rest {
        "Z" => Some(utc(time)),
        "" => local(time),
        _ => {
            let sign = if scan.literal("+").is_some() {
                1
            } else {
                scan.literal("-").map(|()| -1)?
            };
            let minutes = i64::from(scan.digits(2, 2)? * 60 + scan.pair(':')?);
            scan.rest
                .is_empty()
                .then(|| utc(time - TimeDelta::minutes(sign * minutes)))
        }
    }
}

/// Range checks as V8's: any month has 31 days (the excess runs into the next), 24:00:00.000 is the next midnight.
fn millis(year: u32, month: u32, day: u32, time: [u32; 4]) -> Option<NaiveDateTime> {
    let [hour, minute, second, milli] = time;
    let midnight = hour == 24 && minute == 0 && second == 0 && milli == 0;
    if !(1..=31).contains(&day) || minute > 59 || second > 59 || (hour > 23 && !midnight) {
        return None;
    }
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, 1)?.and_hms_opt(0, 0, 0)?;
    let seconds = i64::from(day - 1) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some(first + TimeDelta::seconds(seconds) + TimeDelta::milliseconds(i64::from(milli)))
}

fn utc(time: NaiveDateTime) -> f64 {
    time.and_utc().timestamp_millis() as f64
}

/// A local time that the clock skips is read with the offset before the change, as JavaScript does.
fn local(time: NaiveDateTime) -> Option<f64> {
    let known = Local.from_local_datetime(&time).earliest();
    let skipped = || {
        Local
            .from_local_datetime(&(time - TimeDelta::hours(3)))
            .earliest()
            .map(|at| at + TimeDelta::hours(3))
    };
    known.or_else(skipped).map(|at| at.timestamp_millis() as f64)
}

/// `June 19, 2023 2:20pm` anywhere in `text`.
fn meridiem(text: &str) -> Option<f64> {
    for (at, _) in text.char_indices() {
        let mut scan = Scan { rest: &text[at..] };
        let Some((month, [day, year, hour, minute], after_noon)) = scan.meridiem() else {
            continue;
        };
        // Only two-digit months make a date that V8 reads; see `send_date`.
        let month = MONTHS
            .iter()
            .position(|&name| name == month)
            .and_then(|index| u32::try_from(index + 1).ok());
        let hour = hour % 12 + if after_noon { 12 } else { 0 };
        let time = month
            .filter(|&month| month >= 10)
            .and_then(|month| millis(year, month, day, [hour, minute, 0, 0]))
            .and_then(local);
        return Some(time.unwrap_or(f64::NAN));
    }
    None
}

/// The three spellings of the name form anywhere in `text`, tried in the original's order.
fn name_form(text: &str) -> Option<f64> {
    let spellings = [("@", "", true), ("@", "", false), (" @", " ", true)];
    spellings.into_iter().find_map(|(before_hour, gap, with_millis)| {
        let starts = text.char_indices().map(|(at, _)| &text[at..]);
        starts
            .filter_map(|rest| Scan { rest }.name_form(before_hour, gap, with_millis))
            .next()
    })
}

/// A reader over the rest of a text; each step consumes what it matched.
struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    fn literal(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self
            .rest
            .bytes()
            .take(most)
            .take_while(u8::is_ascii_digit)
            .count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(digits.parse().unwrap_or(u32::MAX))
    }

    /// `mark` and two digits; nothing is consumed otherwise.
    fn pair(&mut self, mark: char) -> Option<u32> {
        let mut ahead = Scan {
            rest: self.rest.strip_prefix(mark)?,
        };
        let number = ahead.digits(2, 2)?;
        self.rest = ahead.rest;
        Some(number)
    }

    /// The digits of a fraction as milliseconds, cut.
    fn fraction(&mut self) -> Option<u32> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let text = format!("{:0<3}", &self.rest[..digits]);
        self.digits(1, usize::MAX)?;
        text[..3].parse().ok()
    }

    fn space(&mut self) -> Option<()> {
        self.rest = self.rest.strip_prefix(json::is_js_space)?;
        Some(())
    }

    /// Month name, then day, year, hour and minute, then whether it is after noon.
    fn meridiem(&mut self) -> Option<(&'a str, [u32; 4], bool)> {
        let letters = self
            .rest
            .bytes()
            .take_while(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
            .count();
        let (month, rest) = self.rest.split_at(letters);
        self.rest = rest;
        if month.is_empty() {
            return None;
        }
        self.space()?;
        let day = self.digits(1, 2)?;
        self.literal(",")?;
        self.space()?;
        let year = self.digits(4, 4)?;
        self.space()?;
        let hour = self.digits(1, 2)?;
        self.literal(":")?;
        let minute = self.digits(1, 2)?;
        let half = self.rest.get(..2)?.to_ascii_lowercase();
        matches!(half.as_str(), "am" | "pm").then(|| (month, [day, year, hour, minute], half == "pm"))
    }

    fn name_form(&mut self, before_hour: &str, gap: &str, with_millis: bool) -> Option<f64> {
        let year = self.digits(4, 4)?;
        self.literal("-")?;
        let month = self.digits(1, 2)?;
        self.literal("-")?;
        let day = self.digits(1, 2)?;
        self.literal(before_hour)?;
        let mut time = [0; 4];
        for (part, (unit, most)) in time.iter_mut().zip([("h", 2), ("m", 2), ("s", 2), ("ms", 3)]) {
            if unit == "ms" && !with_millis {
                break;
            }
            if unit != "h" {
                self.literal(gap)?;
            }
            *part = self.digits(1, most)?;
            self.literal(unit)?;
        }
        Some(millis(year, month, day, time).map_or(f64::NAN, utc))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> f64 {
        send_date(Some(value)).unwrap()
    }

    #[test]
    fn forms_of_send_date() {
        assert_eq!(read(&json!(1_687_184_400_123_i64)), 1_687_184_400_123.0);
        assert_eq!(read(&json!("1687184400123")), 1_687_184_400_123.0);
        assert_eq!(read(&json!("2023-02-28T23:00:00.1239Z")), 1_677_625_200_123.0);
        assert_eq!(read(&json!("2023-02-30T00:00:00Z")), 1_677_715_200_000.0);
        assert_eq!(read(&json!("2023-02-28T24:00:00Z")), 1_677_628_800_000.0);
        assert_eq!(read(&json!("2024-07-12@01h31m37s123ms")), 1_720_747_897_123.0);
        assert_eq!(read(&json!("Chat 2024-7-12@01h31m37s")), 1_720_747_897_000.0);
        assert_eq!(read(&json!("2024-6-5 @14h 56m 50s 682ms")), 1_717_599_410_682.0);
    }

    #[test]
    fn unknown_is_zero_and_impossible_is_nan() {
        for value in [
            json!(null),
            json!(""),
            json!("yesterday"),
            json!(-5),
            json!("2023-06-19"),
        ] {
            assert_eq!(read(&value), 0.0);
        }
        for value in [
            "2023-13-01T00:00:00Z",
            "2023-02-32T00:00:00Z",
            "June 19, 2023 2:20pm",
            "2024-13-12@01h31m37s",
        ] {
            assert!(read(&json!(value)).is_nan(), "{value}");
        }
        assert_eq!(send_date(None), Some(0.0));
        assert_eq!(send_date(Some(&json!({}))), None);
        assert_eq!(send_date(Some(&json!(true))), None);
    }

    #[test]
    fn meridiem_is_local_time() {
        let local = |hour, minute| {
            Local
                .with_ymd_and_hms(2023, 12, 19, hour, minute, 0)
                .unwrap()
                .timestamp_millis() as f64
        };
        assert_eq!(read(&json!("December 19, 2023 2:20pm")), local(14, 20));
        assert_eq!(read(&json!("December 19, 2023 12:05AM")), local(0, 5));
        assert_eq!(read(&json!("December 19, 2023 12:05pm")), local(12, 5));
        assert!(read(&json!("Dezember 19, 2023 12:05pm")).is_nan());
    }

    #[test]
    fn date_constructor() {
        assert_eq!(js_date(Some(&json!("2023-06-19"))), 1_687_132_800_000.0);
        assert_eq!(
            js_date(Some(&json!("2023-06-19T14:20:00+02:00"))),
            1_687_177_200_000.0
        );
        assert_eq!(js_date(Some(&json!("2023-06-19T14:20Z"))), 1_687_184_400_000.0);
        assert_eq!(js_date(Some(&json!(5.9))), 5.0);
        assert!(js_date(Some(&json!("2023-06-19T14:20:00Zz"))).is_nan());
        assert!(js_date(None).is_nan());
    }
}

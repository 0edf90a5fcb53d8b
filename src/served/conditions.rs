//! The conditions and the range of a request for a file.

use std::ops::Range;

use axum::http::header::{
    CACHE_CONTROL, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use axum::http::{HeaderMap, HeaderName};
use chrono::{DateTime, NaiveDateTime, Utc};

use crate::reply;

/// `If-Match` and `If-Unmodified-Since`.
pub(super) fn precondition_failed(request: &HeaderMap, tag: &str, modified: &str) -> bool {
    if let Some(wanted) = text(request, IF_MATCH) {
        return wanted != "*" && !names_tag(wanted, tag);
    }
    match text(request, IF_UNMODIFIED_SINCE).and_then(seconds) {
        Some(since) => seconds(modified).is_none_or(|modified| modified > since),
        None => false,
    }
}

/// Whether the client's copy is current by `If-None-Match` and `If-Modified-Since`, both when both are sent.
pub fn is_fresh(request: &HeaderMap, tag: Option<&str>, modified: Option<&str>) -> bool {
    let (none_match, since) = (text(request, IF_NONE_MATCH), text(request, IF_MODIFIED_SINCE));
    if none_match.is_none() && since.is_none() {
        return false;
    }
    if reply::list(request, &CACHE_CONTROL)
        .iter()
        .any(|directive| directive == "no-cache")
    {
        return false;
    }
    if let Some(list) = none_match.filter(|list| *list != "*")
        && !tag.is_some_and(|tag| names_tag(list, tag))
    {
        return false;
    }
    let Some(since) = since else { return true };
    match (modified.and_then(seconds), seconds(since)) {
        (Some(modified), Some(since)) => modified <= since,
        _ => false,
    }
}

/// Whether a list of tags names `tag`, compared weakly.
fn names_tag(list: &str, tag: &str) -> bool {
    let strong = tag.trim_start_matches("W/");
    list.split(',')
        .map(str::trim)
        .any(|known| known.trim_start_matches("W/") == strong)
}

/// Which bytes a request is answered with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them, by 200.
    Whole,
    /// These, by 206.
    Part(Range<u64>),
    /// None can be, by 416.
    Nothing,
}

/// The answer to `Range` and `If-Range`.
pub(super) fn requested_range(request: &HeaderMap, size: u64, tag: &str, modified: &str) -> Wanted {
    let Some(ranges) = text(request, RANGE).and_then(|value| value.trim_start().strip_prefix("bytes="))
    else {
        return Wanted::Whole;
    };
    if !range_is_current(request, tag, modified) {
        return Wanted::Whole;
    }
    let mut found: Vec<Range<u64>> = ranges
        .split(',')
        .filter_map(|part| one_range(part, size))
        .collect();
    if found.is_empty() {
        return Wanted::Nothing;
    }
    found.sort_by_key(|range| range.start);
    let mut whole = found[0].clone();
    for range in &found[1..] {
        if range.start > whole.end {
            return Wanted::Whole;
        }
        whole.end = whole.end.max(range.end);
    }
    Wanted::Part(whole)
}

/// `a-b`, `a-` or `-n` within `size`; `None` when malformed or outside.
fn one_range(part: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = part.split_once('-').unwrap_or((part, ""));
    let (first, last) = (leading_number(first), leading_number(last));
    let start = match (first, last) {
        (Some(start), _) => start,
        (None, Some(length)) => size.checked_sub(length)?,
        (None, None) => return None,
    };
    let end = match (first, last) {
        (Some(_), Some(last)) => last.saturating_add(1).min(size),
        _ => size,
    };
    (start < end).then_some(start..end)
}

fn leading_number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    text[..digits].parse().ok()
}

/// `If-Range`: a tag that contains ours, or a date not before the modification.
fn range_is_current(request: &HeaderMap, tag: &str, modified: &str) -> bool {
    match text(request, IF_RANGE) {
        None => true,
        Some(value) if value.contains('"') => value.contains(tag),
        Some(value) => match (seconds(modified), seconds(value)) {
            (Some(modified), Some(since)) => modified <= since,
            _ => false,
        },
    }
}

/// An HTTP date in seconds since 1970. compat: its day of the week may be wrong.
fn seconds(date: &str) -> Option<i64> {
    if let Ok(time) = httpdate::parse_http_date(date) {
        return Some(DateTime::<Utc>::from(time).timestamp());
    }
    let (_, rest) = date.split_once(", ")?;
    NaiveDateTime::parse_from_str(rest, "%d %b %Y %H:%M:%S GMT")
        .ok()
        .map(|time| time.and_utc().timestamp())
}

/// A header's text; `None` when absent or empty.
pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
}

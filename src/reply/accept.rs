//! Content negotiation of redirects.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

use super::list;

/// A text form a redirect can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preferred {
    /// text/plain
    Plain,
    /// text/html
    Html,
}

/// Which of text/plain and text/html the `Accept` header prefers; text wins ties of quality, precision and order.
pub(super) fn preferred_text(request: &HeaderMap) -> Option<Preferred> {
    let ranges = list(request, &ACCEPT);
    if ranges.is_empty() {
        return Some(Preferred::Plain);
    }
    let plain = accepted(&ranges, "plain");
    let html = accepted(&ranges, "html");
    match (plain, html) {
        (None, None) => None,
        (None, Some(_)) => Some(Preferred::Html),
        (Some(plain), Some(html)) if html > plain => Some(Preferred::Html),
        _ => Some(Preferred::Plain),
    }
}

/// Rank of `text/<subtype>`: quality in thousandths, precision of the range, earliness. `None` when refused.
fn accepted(ranges: &[String], subtype: &str) -> Option<(u32, u32, i64)> {
    let mut best: Option<(u32, i64, u32)> = None;
    for (order, range) in ranges.iter().enumerate() {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or("").to_ascii_lowercase();
        let precision = match media.split_once('/') {
            Some(("text", sub)) if sub == subtype => 6,
            Some(("text", "*")) => 4,
            Some(("*", "*")) => 0,
            _ => continue,
        };
        let quality = parts
            .find_map(|p| p.strip_prefix("q="))
            .and_then(|q| q.parse::<f64>().ok())
            .unwrap_or(1.0);
        let rank = (
            precision,
            -(order as i64),
            (quality.clamp(0.0, 1.0) * 1000.0) as u32,
        );
        if best.is_none_or(|known| (rank.0, rank.1) > (known.0, known.1)) {
            best = Some(rank);
        }
    }
    best.filter(|(_, _, quality)| *quality > 0)
        .map(|(precision, order, quality)| (quality, precision, order))
}

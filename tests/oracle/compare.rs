//! Compares two answers to the same request and says, fact by fact, where they differ.

use serde_json::Value;

use super::http::Answer;
use super::images::{self, Seen};
use super::normalise::{Normaliser, Vars};

/// Headers whose normalised values have to be equal, or be absent on both sides.
const HEADERS: &[&str] = &[
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "allow",
    "cache-control",
    "clear-site-data",
    "content-disposition",
    "content-encoding",
    "content-range",
    "content-security-policy",
    "content-type",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "etag",
    "last-modified",
    "location",
    "origin-agent-cluster",
    "referrer-policy",
    "retry-after",
    "set-cookie",
    "strict-transport-security",
    "vary",
    "www-authenticate",
    "x-tt-logid",
    "x-content-type-options",
    "x-custom-content-type",
    "x-dns-prefetch-control",
    "x-download-options",
    "x-frame-options",
    "x-permitted-cross-domain-policies",
    "x-powered-by",
    "x-response-time",
    "x-xss-protection",
];

/// One fact on which the two sides differ, both values after normalising.
#[derive(Clone, Debug, PartialEq)]
pub struct Disagreement {
    /// `status`, `header <name>` or `body <JSON pointer>`.
    pub fact: String,
    /// What the original answered.
    pub original: String,
    /// What our server answered.
    pub ours: String,
}

/// What a step leaves out of the comparison.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Facts not compared, by their exact name or by a prefix that ends in `*`.
    pub ignored: Vec<String>,
    /// Compare the order of object keys too.
    pub key_order: bool,
}

impl Rules {
    fn ignores(&self, fact: &str) -> bool {
        self.ignored.iter().any(|rule| {
            rule.strip_suffix('*')
                .map_or(rule == fact, |start| fact.starts_with(start))
        })
    }
}

/// Compares two answers; the variables are each side's captured values.
pub fn compare(rules: &Rules, sides: [(&Answer, &Vars); 2]) -> Vec<Disagreement> {
    let [(original, _), (ours, _)] = sides;
    let mut found = Found {
        rules,
        list: Vec::new(),
    };
    found.check("status", &original.status.to_string(), &ours.status.to_string());
    found.check("reason", &original.reason, &ours.reason);
    let [left, right] = sides.map(|(_, vars)| Normaliser::new(vars));
    for name in HEADERS {
        let values = [(original, &left), (ours, &right)].map(|(answer, normal)| header(name, answer, normal));
        found.check(&format!("header {name}"), &values[0], &values[1]);
    }
    let same_bytes = original.body == ours.body;
    if same_bytes && !original.body.is_empty() {
        let strong = |answer: &Answer| {
            answer
                .header("etag")
                .filter(|tag| !is_file_tag(tag))
                .unwrap_or_default()
        };
        found.check("header etag", &strong(original), &strong(ours));
    } else if !same_bytes {
        found.bodies([(original, &left), (ours, &right)]);
    }
    if original.body.is_empty() && ours.body.is_empty() {
        let length = |answer: &Answer| answer.header("content-length").unwrap_or_default();
        found.check("header content-length", &length(original), &length(ours));
    }
    found.check(
        "truncated",
        &original.truncated.to_string(),
        &ours.truncated.to_string(),
    );
    found.list
}

/// A header's value reduced to what must be equal.
fn header(name: &str, answer: &Answer, normal: &Normaliser<'_>) -> String {
    let Some(value) = answer.header(name) else {
        return "(absent)".into();
    };
    match name {
        // The date of a file and a duration are each server's own; that they are sent is not.
        "last-modified" if httpdate::parse_http_date(&value).is_ok() => "<date>".into(),
        "x-response-time"
            if value
                .strip_suffix("ms")
                .is_some_and(|ms| ms.parse::<f64>().is_ok()) =>
        {
            "<ms>".into()
        }
        // Two encoders give the same picture in different sizes; the picture itself is compared.
        "etag" if is_file_tag(&value) && is_picture(answer) => "<tag of a picture>".into(),
        "etag" if is_file_tag(&value) => format!("{}-<mtime>", value.split('-').next().unwrap_or_default()),
        "etag" => "<tag of the body>".into(),
        "set-cookie" => {
            let all = answer
                .headers
                .iter()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| cookie(value));
            all.collect::<Vec<_>>().join(" | ")
        }
        _ => normal.text(&value),
    }
}

fn is_picture(answer: &Answer) -> bool {
    // Some kinds have no content type of their own (AVIF).
    answer
        .header("content-type")
        .is_some_and(|media| media.starts_with("image/"))
        || images::look(&answer.body).is_some()
}

/// `W/"<size>-<mtime>"`, the tag of a file, against `W/"<size>-<27 characters>"`, the tag of a text.
fn is_file_tag(tag: &str) -> bool {
    let inner = tag.trim_start_matches("W/").trim_matches('"');
    inner.split_once('-').is_some_and(|(size, rest)| {
        rest.len() < 20
            && [size, rest]
                .iter()
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

/// A cookie's name and attributes without its value and date, and without the part of the name that tells one
/// installation from another.
fn cookie(header: &str) -> String {
    let mut parts = header.split("; ");
    let name = parts
        .next()
        .and_then(|pair| pair.split_once('='))
        .map_or("?", |(name, _)| name);
    let attributes = parts.map(|part| match part.split_once('=') {
        Some(("expires", _)) => "expires=<date>",
        _ => part,
    });
    let name = match name
        .split_once('-')
        .map(|(kind, id)| (kind, id.split_at_checked(8)))
    {
        Some((kind, Some((_, rest)))) => format!("{kind}-<id>{rest}"),
        _ => name.to_owned(),
    };
    format!("{name}; {}", attributes.collect::<Vec<_>>().join("; "))
}

struct Found<'a> {
    rules: &'a Rules,
    list: Vec<Disagreement>,
}

impl Found<'_> {
    fn check(&mut self, fact: &str, original: &str, ours: &str) {
        if original != ours && !self.rules.ignores(fact) {
            let (original, ours) = excerpt(original, ours);
            self.list.push(Disagreement {
                fact: fact.into(),
                original,
                ours,
            });
        }
    }

    fn bodies(&mut self, sides: [(&Answer, &Normaliser<'_>); 2]) {
        let seen = sides.map(|(answer, _)| images::look(&answer.body));
        if let [Some(original), Some(ours)] = &seen {
            return self.pictures(original, ours, [sides[0].1, sides[1].1]);
        }
        let trees = sides.map(|(answer, normal)| tree(&answer.text()).map(|value| normal.value(&value)));
        if let [Some(original), Some(ours)] = &trees {
            return self.values("body ", original, ours);
        }
        let [(original, left), (ours, right)] = sides;
        if std::str::from_utf8(&original.body).is_err() || std::str::from_utf8(&ours.body).is_err() {
            let describe = |answer: &Answer| {
                format!(
                    "{} bytes, {}",
                    answer.body.len(),
                    hex::encode(&answer.body[..answer.body.len().min(48)])
                )
            };
            return self.check("body ", &describe(original), &describe(ours));
        }
        self.check("body ", &left.text(&original.text()), &right.text(&ours.text()));
    }

    fn pictures(&mut self, original: &Seen, ours: &Seen, normal: [&Normaliser<'_>; 2]) {
        self.check("body image", &original.form, &ours.form);
        if original.form == ours.form && !images::alike(original, ours) {
            self.check(
                "body colours",
                &format!("{:?}", original.cells),
                &format!("{:?}", ours.cells),
            );
        }
        let names = |seen: &Seen| {
            seen.texts
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        self.check("body chunks", &names(original), &names(ours));
        for ((name, one), (_, other)) in original.texts.iter().zip(&ours.texts) {
            match (tree(one), tree(other)) {
                (Some(one), Some(other)) => self.values(
                    &format!("body {name} "),
                    &normal[0].value(&one),
                    &normal[1].value(&other),
                ),
                _ => self.check(
                    &format!("body {name}"),
                    &normal[0].text(one),
                    &normal[1].text(other),
                ),
            }
        }
    }

    /// Walks two normalised JSON values.
    fn values(&mut self, path: &str, original: &Value, ours: &Value) {
        if self.rules.ignores(path) {
            return;
        }
        match (original, ours) {
            (Value::Object(one), Value::Object(other)) => {
                for (key, value) in one {
                    let path = format!("{path}/{key}");
                    match other.get(key) {
                        Some(found) => self.values(&path, value, found),
                        None => self.check(&path, &value.to_string(), "(absent)"),
                    }
                }
                for (key, value) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                    self.check(&format!("{path}/{key}"), "(absent)", &value.to_string());
                }
                let order =
                    |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>().join(",");
                if self.rules.key_order && one.len() == other.len() {
                    self.check(&format!("{path} (key order)"), &order(one), &order(other));
                }
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                for (index, (one, other)) in one.iter().zip(other).enumerate() {
                    self.values(&format!("{path}/{index}"), one, other);
                }
            }
            (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
            (Value::String(one), Value::String(other))
                if path.ends_with("/dominantColor") && images::near_colours(one, other) => {}
            (Value::String(one), Value::String(other)) => self.check(path, one, other),
            _ if original == ours => {}
            _ => self.check(path, &original.to_string(), &ours.to_string()),
        }
    }
}

/// Long texts are cut to the surroundings of their first difference.
fn excerpt(original: &str, ours: &str) -> (String, String) {
    const AROUND: usize = 60;
    let same = original
        .chars()
        .zip(ours.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let cut = |text: &str| {
        let start = same.saturating_sub(AROUND);
        let part: String = text.chars().skip(start).take(4 * AROUND).collect();
        let lead = if start > 0 { "…" } else { "" };
        let tail = if text.chars().count() > start + 4 * AROUND {
            "…"
        } else {
            ""
        };
        format!("{lead}{part}{tail}")
            .replace('\r', "\\r")
            .replace('\n', "\\n")
    };
    (cut(original), cut(ours))
}

/// Parses JSON (objects and arrays only); lone surrogates, which JavaScript allows, are kept as their escape text.
pub fn tree(text: &str) -> Option<Value> {
    let trimmed = text.trim_start();
    if !trimmed.starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str(text)
        .ok()
        .or_else(|| serde_json::from_str(&escape_lone_surrogates(text)).ok())
}

fn escape_lone_surrogates(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut out, mut at) = (String::new(), 0);
    while at < text.len() {
        let length = match (unit(at), unit(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push('\\');
                6
            }
            _ if text[at..].starts_with('\\') && text.is_char_boundary(at + 2) => 2,
            _ => text[at..].chars().next().map_or(1, char::len_utf8),
        };
        out.push_str(&text[at..(at + length).min(text.len())]);
        at += length;
    }
    out
}

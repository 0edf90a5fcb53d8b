//! Bodies of type `application/x-www-form-urlencoded`, with nested names: `a[b]=1&c[]=2&c[]=3&d[0][e]=4`.
//!
//! Follows the rules of the `qs` module as the original configures it: repeated names make arrays, indexes order
//! array members and leave no holes, a name that is both a value and a container becomes an array of both.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// Most pairs in a body.
const PAIRS: usize = 1000;
/// Most `[...]` groups in a name.
const DEPTH: usize = 32;

/// Why a form was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormError {
    /// More than 1000 pairs: 413.
    TooManyPairs,
    /// More than 32 levels: 400.
    TooDeep,
}

/// A value being put together: arrays may have holes until the end.
#[derive(Debug)]
enum Node {
    Text(String),
    Array(BTreeMap<usize, Node>),
    Object(Vec<(String, Node)>),
}

/// Parses a body into an object; text values only.
pub fn parse(body: &str) -> Result<Value, FormError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let pairs = body.matches('&').count() + 1;
    if pairs > PAIRS {
        return Err(FormError::TooManyPairs);
    }
    let array_limit = pairs.max(100);
    let mut root = Node::Object(Vec::new());
    for (name, values) in grouped(body) {
        let Some(segments) = segments(&name)? else {
            continue;
        };
        root = merge(root, nest(&segments, values, array_limit));
    }
    Ok(finish(root))
}

/// The pairs in order, those of the same name together at the first one's place.
fn grouped(body: &str) -> Vec<(String, Vec<String>)> {
    let body = body
        .replace("%5B", "[")
        .replace("%5b", "[")
        .replace("%5D", "]")
        .replace("%5d", "]");
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for part in body.split('&') {
        let at = part.find("]=").map(|at| at + 1).or_else(|| part.find('='));
        let (name, value) = at.map_or((part, ""), |at| (&part[..at], &part[at + 1..]));
        let (name, value) = (decode(name), decode(value));
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups
}

/// Plus signs are spaces; a malformed escape leaves the text as it is.
fn decode(text: &str) -> String {
    let text = text.replace('+', " ");
    match decode_escapes(&text) {
        Some(decoded) => decoded.into_owned(),
        None => text,
    }
}

/// JavaScript's `decodeURIComponent`: `None` on a malformed escape or one that is not UTF-8.
pub fn decode_escapes(text: &str) -> Option<Cow<'_, str>> {
    let bytes = text.as_bytes();
    let is_well_formed = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(at, _)| {
            bytes
                .get(at + 1..at + 3)
                .is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
        });
    if !is_well_formed {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok()
}

/// `a[b][]` as `a`, `[b]`, `[]`; `None` for an empty name.
fn segments(name: &str) -> Result<Option<Vec<&str>>, FormError> {
    if name.is_empty() {
        return Ok(None);
    }
    let first = name.find('[').unwrap_or(name.len());
    let mut found = Vec::new();
    if first > 0 {
        found.push(&name[..first]);
    }
    let mut rest = &name[first..];
    let mut depth = 0;
    while let Some(open) = rest.find('[') {
        if depth == DEPTH {
            return Err(FormError::TooDeep);
        }
        depth += 1;
        let Some(length) = group_length(&rest[open..]) else {
            found.push(&rest[open..]);
            break;
        };
        found.push(&rest[open..open + length]);
        rest = &rest[open + length..];
    }
    Ok(Some(found))
}

/// Length of the balanced group at the start of `text`.
fn group_length(text: &str) -> Option<usize> {
    let mut level = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => level += 1,
            b']' => level -= 1,
            _ => {}
        }
        if level == 0 {
            return Some(at + 1);
        }
    }
    None
}

fn nest(segments: &[&str], values: Vec<String>, array_limit: usize) -> Node {
    let mut values: Vec<Node> = values.into_iter().map(Node::Text).collect();
    let is_single = values.len() == 1;
    let mut node = match values.pop() {
        Some(only) if is_single => only,
        last => Node::Array(values.into_iter().chain(last).enumerate().collect()),
    };
    for segment in segments.iter().rev() {
        let inner = segment
            .strip_prefix('[')
            .map(|inner| inner.strip_suffix(']').unwrap_or(segment));
        node = match inner {
            Some("") if matches!(node, Node::Array(_)) => node,
            Some("") => Node::Array(BTreeMap::from([(0, node)])),
            Some(inner) => match index(inner).filter(|index| *index < array_limit) {
                Some(index) => Node::Array(BTreeMap::from([(index, node)])),
                None => object(inner, node),
            },
            None => object(segment, node),
        };
    }
    node
}

fn object(key: &str, value: Node) -> Node {
    // compat: the original drops this name, which would reach into its own objects.
    if key == "__proto__" {
        return Node::Object(Vec::new());
    }
    Node::Object(vec![(key.to_owned(), value)])
}

/// A decimal number written the usual way.
fn index(text: &str) -> Option<usize> {
    text.parse::<usize>()
        .ok()
        .filter(|number| number.to_string() == text)
}

fn merge(target: Node, source: Node) -> Node {
    match (target, source) {
        // compat: an empty value never changes what is there.
        (target, Node::Text(text)) if text.is_empty() => target,
        (Node::Array(mut items), text @ Node::Text(_)) => {
            items.insert(next(&items), text);
            Node::Array(items)
        }
        (Node::Text(text), Node::Array(items)) => {
            let rest = items.into_values();
            Node::Array(
                std::iter::once(Node::Text(text))
                    .chain(rest)
                    .enumerate()
                    .collect(),
            )
        }
        (Node::Array(mut items), Node::Array(others)) => {
            for (index, item) in others {
                match items.remove(&index) {
                    None => _ = items.insert(index, item),
                    Some(known) if matches!((&known, &item), (Node::Text(_), _) | (_, Node::Text(_))) => {
                        items.insert(index, known);
                        items.insert(next(&items), item);
                    }
                    Some(known) => _ = items.insert(index, merge(known, item)),
                }
            }
            Node::Array(items)
        }
        (Node::Array(items), Node::Object(fields)) => merge_fields(keyed(items), fields),
        (Node::Object(known), Node::Array(items)) => merge_fields(known, keyed(items)),
        (Node::Object(known), Node::Object(fields)) => merge_fields(known, fields),
        (first, second) => Node::Array(BTreeMap::from([(0, first), (1, second)])),
    }
}

fn merge_fields(mut known: Vec<(String, Node)>, fields: Vec<(String, Node)>) -> Node {
    for (key, value) in fields {
        match known.iter().position(|(name, _)| *name == key) {
            None => known.push((key, value)),
            Some(at) => {
                let before = std::mem::replace(&mut known[at].1, Node::Object(Vec::new()));
                known[at].1 = merge(before, value);
            }
        }
    }
    Node::Object(known)
}

fn keyed(items: BTreeMap<usize, Node>) -> Vec<(String, Node)> {
    items
        .into_iter()
        .map(|(index, item)| (index.to_string(), item))
        .collect()
}

fn next(items: &BTreeMap<usize, Node>) -> usize {
    items.keys().next_back().map_or(0, |last| last + 1)
}

fn finish(node: Node) -> Value {
    match node {
        Node::Text(text) => Value::String(text),
        Node::Array(items) => Value::Array(items.into_values().map(finish).collect()),
        Node::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, finish(value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_nest_as_in_the_original() {
        let cases = [
            ("", json!({})),
            ("a=1&b=x+y%20z", json!({"a": "1", "b": "x y z"})),
            ("a=1&a=2", json!({"a": ["1", "2"]})),
            ("a[]=1", json!({"a": ["1"]})),
            ("a[]=1&a[]=2", json!({"a": ["1", "2"]})),
            ("a%5Bb%5D%5bc%5d=1", json!({"a": {"b": {"c": "1"}}})),
            ("a[b]=1&a[c]=2", json!({"a": {"b": "1", "c": "2"}})),
            ("a[5]=x&a[2]=y", json!({"a": ["y", "x"]})),
            ("a[0][b]=1&a[0][c]=2", json!({"a": [{"b": "1", "c": "2"}]})),
            ("a[100]=x", json!({"a": {"100": "x"}})),
            ("a[01]=x", json!({"a": {"01": "x"}})),
            ("a=1&a[b]=2", json!({"a": ["1", {"b": "2"}]})),
            ("a[b]=2&a=1", json!({"a": [{"b": "2"}, "1"]})),
            ("a[0]=x&a[b]=y", json!({"a": {"0": "x", "b": "y"}})),
            ("a[0]=x&a[]=y", json!({"a": ["x", "y"]})),
            ("a", json!({"a": ""})),
            ("=1&b=2", json!({"b": "2"})),
            ("a[b=1", json!({"a": {"[b": "1"}})),
            ("a=%zz&b=%ff", json!({"a": "%zz", "b": "%ff"})),
            ("__proto__[x]=1&a=2", json!({"a": "2"})),
        ];
        for (body, expected) in cases {
            assert_eq!(parse(body), Ok(expected), "{body}");
        }
    }

    #[test]
    fn size_and_depth_are_limited() {
        assert_eq!(parse(&"a=1&".repeat(1000)), Err(FormError::TooManyPairs));
        assert!(parse(&"a=1&".repeat(999)).is_ok());
        assert_eq!(
            parse(&format!("a{}=1", "[b]".repeat(33))),
            Err(FormError::TooDeep)
        );
        assert!(parse(&format!("a{}=1", "[b]".repeat(32))).is_ok());
    }
}

//! Vector indexes as the original's library (vectra 0.2) keeps them: the file, its items, and how near two vectors are.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::json::{js_number, parse_typed, to_vec};

/// Name of an index's file in its folder.
pub const FILE: &str = "index.json";

/// What comes before the first item of a file.
pub const HEAD: &[u8] = br#"{"version":1,"metadata_config":{},"items":["#;

/// What comes after the last one.
pub const TAIL: &[u8] = b"]}";

/// One item of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its id, as JSON.
    pub id: Vec<u8>,
    /// What the caller keeps with the vector, as JSON of an object.
    pub metadata: Vec<u8>,
    /// `hash` of the metadata, where it is a number.
    pub hash: Option<f64>,
    /// The vector; every number is finite.
    pub vector: Vec<f64>,
    /// Its length.
    pub norm: f64,
}

/// Why a file is no index that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No JSON: half-written, or damaged.
    #[error("not JSON")]
    Corrupt,
    /// JSON, but not what the library writes for this application.
    #[error("not an index as SillyTavern writes it")]
    Foreign,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: f64,
    metadata_config: Map<String, Value>,
    items: Vec<FileItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileItem {
    id: String,
    metadata: Map<String, Value>,
    vector: Vec<f64>,
    norm: f64,
}

impl Item {
    /// An item with the norm that the library gives it; `None` where that is no finite number.
    #[must_use]
    pub fn new(id: String, metadata: Map<String, Value>, vector: Vec<f64>) -> Option<Self> {
        let norm = norm(&vector);
        norm.is_finite().then(|| Self::of(id, metadata, vector, norm))
    }

    fn of(id: String, metadata: Map<String, Value>, vector: Vec<f64>, norm: f64) -> Self {
        Self {
            id: to_vec(&Value::String(id)),
            hash: metadata.get("hash").and_then(Value::as_f64),
            metadata: to_vec(&Value::Object(metadata)),
            vector,
            norm,
        }
    }

    /// The item as it stands in the file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(64 + self.metadata.len() + self.vector.len() * 22);
        json.extend_from_slice(b"{\"id\":");
        json.extend_from_slice(&self.id);
        json.extend_from_slice(b",\"metadata\":");
        json.extend_from_slice(&self.metadata);
        json.extend_from_slice(b",\"vector\":[");
        for (index, number) in self.vector.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            json.extend_from_slice(js_number(*number).as_bytes());
        }
        json.extend_from_slice(b"],\"norm\":");
        json.extend_from_slice(js_number(self.norm).as_bytes());
        json.push(b'}');
        json
    }
}

/// The items of an index's file.
///
/// # Errors
/// [`Fault`].
pub fn parse(file: &[u8]) -> Result<Vec<Item>, Fault> {
    let file: File = parse_typed(file).map_err(|error| match error {
        crate::json::Error::Syntax(error) if error.is_data() => Fault::Foreign,
        _ => Fault::Corrupt,
    })?;
    if file.version.to_bits() != 1.0_f64.to_bits() || !file.metadata_config.is_empty() {
        return Err(Fault::Foreign);
    }
    let items = file.items.into_iter();
    Ok(items
        .map(|item| Item::of(item.id, item.metadata, item.vector, item.norm))
        .collect())
}

/// The length of a vector, added up in the order of its numbers.
#[must_use]
pub fn norm(vector: &[f64]) -> f64 {
    vector.iter().fold(0.0, |sum, x| sum + x * x).sqrt()
}

/// The cosine of the angle between a vector that is asked for and a stored one, of which the latter's first numbers count
/// if it is longer. NaN if it is shorter, or if one of them is nothing but zeros.
pub fn similarity(asked: &[f64], asked_norm: f64, stored: &Packed<'_>, stored_norm: f64) -> f64 {
    if stored.len() < asked.len() {
        return f64::NAN;
    }
    let dot = match stored.width {
        Width::Single => dot(asked, stored.bytes.chunks_exact(4).map(single)),
        Width::Double => dot(asked, stored.bytes.chunks_exact(8).map(double)),
    };
    dot / (asked_norm * stored_norm)
}

fn dot(asked: &[f64], stored: impl Iterator<Item = f64>) -> f64 {
    asked.iter().zip(stored).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// Bytes of each number of a packed vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 4: models compute with them, and their numbers often are nothing else.
    Single,
    /// 8.
    Double,
}

/// A vector as little-endian floats.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a> {
    /// Of each number.
    pub width: Width,
    /// All of them.
    pub bytes: &'a [u8],
}

impl Packed<'_> {
    /// How many numbers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / self.width.bytes()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The numbers.
    #[must_use]
    pub fn unpack(&self) -> Vec<f64> {
        match self.width {
            Width::Single => self.bytes.chunks_exact(4).map(single).collect(),
            Width::Double => self.bytes.chunks_exact(8).map(double).collect(),
        }
    }
}

impl Width {
    /// As a number.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Double => 8,
        }
    }

    /// The inverse of [`Width::bytes`]; eight for anything else.
    #[must_use]
    pub fn of(bytes: i16) -> Self {
        if bytes == 4 { Self::Single } else { Self::Double }
    }
}

/// Packs a vector as narrowly as every bit of it allows.
#[must_use]
pub fn pack(vector: &[f64]) -> (Width, Vec<u8>) {
    let is_single = |x: &f64| f64::from(*x as f32).to_bits() == x.to_bits();
    if vector.iter().all(is_single) {
        let bytes = vector.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect();
        return (Width::Single, bytes);
    }
    (
        Width::Double,
        vector.iter().flat_map(|x| x.to_le_bytes()).collect(),
    )
}

fn single(bytes: &[u8]) -> f64 {
    bytes
        .try_into()
        .map_or(f64::NAN, |bytes| f64::from(f32::from_le_bytes(bytes)))
}

fn double(bytes: &[u8]) -> f64 {
    bytes.try_into().map_or(f64::NAN, f64::from_le_bytes)
}

/// How many of `length` things `slice(0, end)` takes.
#[must_use]
pub fn slice_end(length: usize, end: f64) -> usize {
    let end = end.trunc();
    let end = if end < 0.0 { length as f64 + end } else { end };
    // The cast saturates: what is negative or NaN is zero.
    length.min(end as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(items: &str) -> String {
        format!(
            "{}{items}{}",
            String::from_utf8_lossy(HEAD),
            String::from_utf8_lossy(TAIL)
        )
    }

    #[test]
    fn a_file_of_the_library_comes_back_byte_for_byte() {
        let items = concat!(
            r#"{"id":"0b1","metadata":{"hash":5,"text":"Füchse \ud83d","index":0},"vector":[0.1,-1.5e-7,1e+21,3],"#,
            r#""norm":1.0000000000000002},"#,
            r#"{"id":"x\u0000","metadata":{"text":"no hash"},"vector":[],"norm":0}"#
        );
        let parsed = parse(file(items).as_bytes()).unwrap();
        assert_eq!(
            parsed.iter().map(|item| item.hash).collect::<Vec<_>>(),
            [Some(5.0), None]
        );
        let again: Vec<String> = parsed
            .iter()
            .map(|item| String::from_utf8(item.to_json()).unwrap())
            .collect();
        assert_eq!(again.join(","), items);
        assert_eq!(parse(file("").as_bytes()), Ok(vec![]));
    }

    #[test]
    fn damage_is_told_from_what_somebody_else_wrote() {
        for corrupt in ["", "{", &file("")[..40], "\u{feff}{}"] {
            assert_eq!(parse(corrupt.as_bytes()), Err(Fault::Corrupt), "{corrupt}");
        }
        for foreign in [
            "{}",
            "[]",
            "null",
            r#"{"version":2,"metadata_config":{},"items":[]}"#,
            r#"{"version":1,"metadata_config":{"indexed":["a"]},"items":[]}"#,
            &file(r#"{"id":"a","metadata":{},"vector":["x"],"norm":1}"#),
            &file(r#"{"id":"a","metadata":{},"vector":[1],"norm":null}"#),
            &file(r#"{"id":"a","metadata":{},"vector":[1],"norm":1,"metadataFile":"b.json"}"#),
        ] {
            assert_eq!(parse(foreign.as_bytes()), Err(Fault::Foreign), "{foreign}");
        }
    }

    #[test]
    fn packing_loses_no_bit() {
        for (vector, width) in [
            (vec![0.5, -0.0, f64::from(0.1_f32)], Width::Single),
            (vec![0.5, 0.1], Width::Double),
            (vec![1e300], Width::Double),
            (vec![], Width::Single),
        ] {
            let (packed, bytes) = pack(&vector);
            assert_eq!(packed, width, "{vector:?}");
            let back = Packed { width, bytes: &bytes }.unpack();
            let bits = |list: &[f64]| list.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&back), bits(&vector));
        }
    }

    #[test]
    fn vectors_of_other_lengths_are_compared_as_far_as_they_go() {
        let asked = [1.0, 2.0];
        let near = |stored: &[f64]| {
            let (width, bytes) = pack(stored);
            let packed = Packed { width, bytes: &bytes };
            similarity(&asked, norm(&asked), &packed, norm(stored))
        };
        assert_eq!(
            near(&[1.0, 2.0]).to_bits(),
            (5.0 / (5.0_f64.sqrt() * 5.0_f64.sqrt())).to_bits()
        );
        assert_eq!(
            near(&[1.0, 2.0, 2.0]).to_bits(),
            (5.0 / (5.0_f64.sqrt() * 3.0)).to_bits()
        );
        assert!(near(&[1.0]).is_nan() && near(&[0.0, 0.0]).is_nan());
    }

    #[test]
    fn the_end_of_a_slice() {
        for (end, taken) in [
            (2.0, 2),
            (2.9, 2),
            (0.5, 0),
            (9.0, 5),
            (-1.0, 4),
            (-0.5, 0),
            (-9.0, 0),
            (f64::INFINITY, 5),
            (f64::NEG_INFINITY, 0),
        ] {
            assert_eq!(slice_end(5, end), taken, "{end}");
        }
    }
}

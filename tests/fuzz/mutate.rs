//! Changes of valid input.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

/// Pieces that mean something to one reader or another.
const TOKENS: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\u0000",
    b"\"",
    b"{",
    b"[",
    b"}]",
    b"null",
    b"1e999",
    b"-0",
    b"12345678901234567890",
    b"__proto__",
    b"../",
    b"\\",
    b"%00",
    b"%",
    b"&a[b][c]=1",
    b"[999999999]",
    b"- &a [*a, *a]",
    b"<<: *a",
    b"\xf4\x8f\xbf\xbf",
    b"\xf0\x9f\xa6\x8a",
    b"9999-12-31T23:59:59.999Z",
    b"2024-02-30@24h60m61s999ms",
];

/// Numbers at the edges of their types.
const NUMBERS: &[u32] = &[
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x10000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];

/// One change of some bytes; places are wrapped to the length.
#[derive(Clone, Debug)]
pub enum Edit {
    Set(Index, u8),
    Flip(Index, u8),
    Number(Index, u32, bool),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Copy(Index, Index, usize),
    Cut(Index),
}

/// One to eight changes.
pub fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let piece = prop_oneof![
        3 => select(TOKENS).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 1..8),
        1 => (select(TOKENS), 2..400_usize).prop_map(|(token, times)| token.repeat(times)),
    ];
    let edit = prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Edit::Set(at, value)),
        4 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        2 => (any::<Index>(), select(NUMBERS), any::<bool>()).prop_map(|(at, number, big)| Edit::Number(at, number, big)),
        3 => (any::<Index>(), piece).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        2 => (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        2 => (any::<Index>(), any::<Index>(), 1..200_usize).prop_map(|(from, to, length)| Edit::Copy(from, to, length)),
        1 => any::<Index>().prop_map(Edit::Cut),
    ];
    vec(edit, 1..8)
}

/// The bytes after the changes.
pub fn apply(valid: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for edit in edits {
        if bytes.is_empty() {
            bytes.push(0);
        }
        let length = bytes.len();
        match edit {
            Edit::Set(at, value) => bytes[at.index(length)] = *value,
            Edit::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Edit::Number(at, number, big) => {
                let new = if *big {
                    number.to_be_bytes()
                } else {
                    number.to_le_bytes()
                };
                for (old, new) in bytes[at.index(length)..].iter_mut().zip(new) {
                    *old = new;
                }
            }
            Edit::Insert(at, piece) => {
                let at = at.index(length);
                bytes.splice(at..at, piece.iter().copied());
            }
            Edit::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..length.min(at + count));
            }
            Edit::Copy(from, to, count) => {
                let from = from.index(length);
                let piece = bytes[from..length.min(from + count)].to_vec();
                let to = to.index(length);
                bytes.splice(to..to, piece);
            }
            Edit::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

/// The text after the changes, what is no UTF-8 replaced.
pub fn apply_text(valid: &str, edits: &[Edit]) -> String {
    String::from_utf8_lossy(&apply(valid.as_bytes(), edits)).into_owned()
}

/// Any JSON value that a text can spell.
pub fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        3 => ".{0,12}".prop_map(Value::from),
        1 => select(vec!["", ".", "../x", "\u{10d800}", "chara_card_v2", "3.0", "png", "1e21", "🦊"]).prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text,
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let member = ("[a-z_0-9]{0,8}", inner.clone());
        prop_oneof![
            vec(inner, 0..5).prop_map(Value::Array),
            vec(member, 0..5).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// What takes the place of one of the values of a document, by the number of the value; `None` removes it.
pub type Swaps = Vec<(Index, Option<Value>)>;

/// One to five swaps.
pub fn swaps() -> impl Strategy<Value = Swaps> {
    vec(
        (any::<Index>(), proptest::option::weighted(0.8, any_json())),
        1..5,
    )
}

/// The document after the swaps.
pub fn swap(valid: &Value, swaps: &Swaps) -> Value {
    let mut document = valid.clone();
    for (place, value) in swaps {
        let mut pointers = Vec::new();
        list(&document, String::new(), &mut pointers);
        let pointer = place.get(&pointers).clone();
        match value {
            Some(value) => {
                if let Some(old) = document.pointer_mut(&pointer) {
                    *old = value.clone();
                }
            }
            None => remove(&mut document, &pointer),
        }
    }
    document
}

fn list(value: &Value, pointer: String, found: &mut Vec<String>) {
    let below = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| list(inner, below(key), found)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, inner)| list(inner, below(&index.to_string()), found)),
        _ => {}
    }
    found.push(pointer);
}

fn remove(document: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return;
    };
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            if let Some(index) = key.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

//! CharX files that are odd as archives.

use serde_json::json;

use super::characters_archives::{deflated, import, look};
use super::characters_charx::{asset, charx_card};
use super::fixtures::{encode, png, zip};
use super::scenario::Scenario;

#[tokio::test]
async fn oracle_characters_charx_files() {
    let mut s = Scenario::start("characters_charx_files", "").await;
    odd_bytes(&mut s).await;
    odd_names(&mut s).await;
    look_around(&mut s).await;
    s.finish();
}

/// Replaces the last occurrence of some bytes.
fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).rposition(|window| window == from);
    let at = at.expect("something to patch");
    bytes.splice(at..at + from.len(), to.iter().copied());
    bytes
}

/// Sets a byte of the last line of the directory.
fn patched_at_directory(mut bytes: Vec<u8>, offset: usize, value: u8) -> Vec<u8> {
    let line = bytes.windows(4).rposition(|window| window == b"PK\x01\x02");
    bytes[line.expect("a directory") + offset] = value;
    bytes
}

/// `card.json` of a character with two sprites.
fn text(name: &str) -> String {
    let assets = json!([asset("emotion", "e", "a.png"), asset("emotion", "f", "b.png")]);
    charx_card(name, &assets)
}

/// An archive of a card, more files before it, and more after it; `a.png` and `b.png` are pictures.
fn archive(before: &[&str], name: &str, after: &[&str]) -> Vec<u8> {
    let (one, two, text) = (png(10, 10), png(20, 20), text(name));
    let mut entries: Vec<(&str, &[u8])> = Vec::new();
    let content = |file: &str| {
        if file.ends_with("a.png") {
            one.clone()
        } else if file.ends_with("b.png") {
            two.clone()
        } else {
            Vec::new()
        }
    };
    let before: Vec<_> = before.iter().map(|file| (*file, content(file))).collect();
    let after: Vec<_> = after.iter().map(|file| (*file, content(file))).collect();
    entries.extend(before.iter().map(|(file, content)| (*file, content.as_slice())));
    entries.push(("card.json", text.as_bytes()));
    entries.extend(after.iter().map(|(file, content)| (*file, content.as_slice())));
    zip(&entries)
}

async fn import_each(s: &mut Scenario, cases: Vec<(&str, Vec<u8>)>) {
    for (label, bytes) in cases {
        import(s, &format!("{label}.charx"), "charx", &bytes, &[]).await;
    }
}

/// Archives that are cut, longer than they say, or damaged.
async fn odd_bytes(s: &mut Scenario) {
    let plain = |name: &str| archive(&[], name, &["a.png", "b.png"]);
    let whole = plain("Whole");
    let stub = b"#!/bin/sh\nPK\x05\x06 PK\n".to_vec();
    let without_length = patched(plain("Commented"), b"\0\0", &[]);
    let method = deflated(&[("card.json", text("Method").as_bytes())]);
    let cases = vec![
        ("empty", Vec::new()),
        ("text", b"hello".to_vec()),
        ("empty zip", zip(&[])),
        ("prefixed", [stub, plain("Prefixed")].concat()),
        ("longer", [plain("Longer"), b"x".to_vec()].concat()),
        ("commented", [without_length, b"\x05\0hello".to_vec()].concat()),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("half", whole[..whole.len() / 2].to_vec()),
        ("wrong checksum", patched(plain("Checksum"), b"\"f\"", b"\"g\"")),
        // The method in the directory; 99 is nobody's.
        ("unknown method", patched_at_directory(method, 10, 99)),
        ("encrypted", patched_at_directory(plain("Encrypted"), 8, 1)),
    ];
    import_each(s, cases).await;
}

/// Archives with unusual names in them.
async fn odd_names(s: &mut Scenario) {
    let (inner, first, second, mac) = (text("Inner"), text("First"), text("Second"), text("Mac"));
    let picture = png(10, 10);
    let two = [
        ("a/card.json", first.as_bytes()),
        ("card.json", second.as_bytes()),
    ];
    let doubled = archive(&[], "Doubled", &["a.png", "b.png"]);
    let cases = vec![
        ("no card", zip(&[("x.json", b"{}")])),
        (
            "deep",
            zip(&[("x/y/my-card.json", inner.as_bytes()), ("a.png", &picture)]),
        ),
        (
            "macos",
            zip(&[("__MACOSX/card.json", b"{"), ("card.json", mac.as_bytes())]),
        ),
        ("two cards", zip(&two)),
        ("folder", archive(&["card.json/"], "Folder", &[])),
        ("out before", archive(&["../x"], "Out before", &["a.png"])),
        (
            "out between",
            archive(&[], "Out between", &["a.png", "/x", "b.png"]),
        ),
        ("out after", archive(&[], "Out after", &["a.png", "C:x"])),
        (
            "out slashes",
            archive(&[], "Out slashes", &["..\\a.png", "b.png"]),
        ),
        ("doubled", patched(doubled, b"b.png", b"a.png")),
    ];
    import_each(s, cases).await;
}

/// What the archives brought.
async fn look_around(s: &mut Scenario) {
    for name in [
        "Prefixed",
        "Out between",
        "Out after",
        "Out slashes",
        "Doubled",
        "Inner",
    ] {
        let sprite = |file: &str| format!("/characters/{}/{file}.png", encode(name));
        look(s, name, &[&sprite("e"), &sprite("f")]).await;
    }
}

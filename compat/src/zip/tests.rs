use std::io::{Cursor, Write as _};

use proptest::prelude::{any, proptest};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Archive, Limits, ZipError, skip_prefix};

fn limits(entries: usize, entry_bytes: u64, total_bytes: u64) -> Limits {
    Limits {
        entries,
        entry_bytes,
        total_bytes,
    }
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored)
}

fn deflated() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated)
}

fn archive_of(entries: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, options).expect("starts");
        writer.write_all(content).expect("writes");
    }
    writer.finish().expect("finishes").into_inner()
}

/// Replaces every occurrence of a byte string with one of the same length.
fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, from).collect();
    assert!(!places.is_empty(), "nothing to patch");
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to);
    }
    bytes
}

fn open(bytes: &[u8]) -> Archive<'_> {
    Archive::open(bytes, Limits::default()).expect("opens")
}

fn names<'a>(archive: &'a Archive<'_>) -> Vec<&'a str> {
    archive
        .entries()
        .iter()
        .map(|entry| entry.name.as_str())
        .collect()
}

#[test]
fn entries_are_listed_in_archive_order_and_read_whole() {
    let big = vec![7; 100_000];
    for options in [stored(), deflated()] {
        let bytes = archive_of(&[("b/two.txt", &big), ("a.txt", b"one"), ("c", b"")], options);
        let mut archive = open(&bytes);
        assert_eq!(names(&archive), ["b/two.txt", "a.txt", "c"]);
        assert_eq!(archive.entries()[0].size, 100_000);
        assert_eq!(archive.fault(), None);
        assert_eq!(archive.read(0).as_deref(), Ok(big.as_slice()));
        assert_eq!(archive.read(1).as_deref(), Ok(b"one".as_slice()));
        assert_eq!(archive.read(2).as_deref(), Ok(b"".as_slice()));
        assert_eq!(archive.read(3), Err(ZipError::NoEntry(3)));
    }
}

#[test]
fn folders_and_links_are_told_from_files() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_directory("folder", stored()).expect("adds");
    writer.add_symlink("link", "/etc/passwd", stored()).expect("adds");
    writer.start_file("file", stored()).expect("starts");
    let bytes = writer.finish().expect("finishes").into_inner();
    let archive = open(&bytes);
    let [folder, link, file] = archive.entries() else {
        panic!("three entries");
    };
    assert!(folder.is_dir && !folder.is_symlink);
    assert_eq!(folder.safe_name(), Some("folder/"));
    assert!(link.is_symlink && !link.leads_out());
    assert_eq!(link.safe_name(), None);
    assert!(!file.is_dir && !file.is_symlink);
    assert_eq!(file.safe_name(), Some("file"));
}

#[test]
fn names_that_lead_out_are_recognised() {
    for (stored_as, name, safe) in [
        ("../x", "../x", false),
        ("a/../x", "a/../x", false),
        ("a/..", "a/..", false),
        ("..\\x", "../x", false),
        ("/etc/x", "/etc/x", false),
        ("\\x", "/x", false),
        ("C:\\x", "C:/x", false),
        ("c:x", "c:x", false),
        ("a\0b", "a\0b", false),
        ("a\\b", "a/b", true),
        ("..a/b..", "..a/b..", true),
        ("./a", "./a", true),
        ("1:x", "1:x", true),
    ] {
        let placeholder = "?".repeat(stored_as.len());
        let bytes = archive_of(&[(&placeholder, b"x")], stored());
        let bytes = patched(bytes, placeholder.as_bytes(), stored_as.as_bytes());
        let archive = open(&bytes);
        let entry = &archive.entries()[0];
        assert_eq!(entry.name, name);
        assert_eq!(entry.safe_name().is_some(), safe, "{name:?}");
        assert_eq!(entry.leads_out(), !safe && !name.contains('\0'), "{name:?}");
    }
}

#[test]
fn a_name_may_occur_twice() {
    let bytes = archive_of(&[("a1", b"first"), ("a2", b"second")], deflated());
    let bytes = patched(bytes, b"a2", b"a1");
    let mut archive = open(&bytes);
    assert_eq!(names(&archive), ["a1", "a1"]);
    assert_eq!(archive.read(0).as_deref(), Ok(b"first".as_slice()));
    assert_eq!(archive.read(1).as_deref(), Ok(b"second".as_slice()));
}

#[test]
fn sizes_after_the_content_are_read_from_the_directory() {
    let mut writer = ZipWriter::new_stream(Vec::new());
    writer.start_file("streamed", deflated()).expect("starts");
    writer.write_all(b"content").expect("writes");
    let bytes = writer.finish().expect("finishes").into_inner();
    assert_eq!(bytes[6] & 8, 8, "has a data descriptor");
    let mut archive = open(&bytes);
    assert_eq!(archive.read(0).as_deref(), Ok(b"content".as_slice()));
}

#[test]
fn an_entry_is_inflated_no_further_than_its_limit() {
    let bytes = archive_of(&[("zeroes", &vec![0; 1 << 20]), ("x", b"x")], deflated());
    assert!(bytes.len() < 10_000);
    let mut archive = Archive::open(&bytes, limits(10, 1000, 10_000)).expect("opens");
    assert_eq!(archive.read(0), Err(ZipError::TooLarge { limit: 1000 }));
    assert_eq!(archive.read(1).as_deref(), Ok(b"x".as_slice()));
    let mut archive = Archive::open(&bytes, limits(10, 1 << 20, 1 << 21)).expect("opens");
    assert_eq!(archive.read(0).map(|content| content.len()), Ok(1 << 20));
}

#[test]
fn all_reads_together_stay_within_the_total() {
    let bytes = archive_of(&[("a", &[1; 600]), ("b", &[2; 600])], deflated());
    let mut archive = Archive::open(&bytes, limits(10, 1000, 1199)).expect("opens");
    assert_eq!(archive.read(0).map(|content| content.len()), Ok(600));
    let refused = archive.read(1).expect_err("one byte too many");
    assert_eq!(refused, ZipError::TooLarge { limit: 1199 });
    assert!(refused.is_limit());
    let mut archive = Archive::open(&bytes, limits(10, 1000, 1200)).expect("opens");
    assert_eq!(archive.read(0).map(|content| content.len()), Ok(600));
    assert_eq!(archive.read(1).map(|content| content.len()), Ok(600));
}

#[test]
fn a_declared_size_is_neither_believed_nor_allocated() {
    let bytes = archive_of(&[("zeroes", &[0; 5000])], deflated());
    for declared in [4999_u32, 5001, u32::MAX - 1] {
        let lying = patched(bytes.clone(), &5000_u32.to_le_bytes(), &declared.to_le_bytes());
        let mut archive = open(&lying);
        assert_eq!(archive.entries()[0].size, u64::from(declared));
        assert!(matches!(archive.read(0), Err(ZipError::Corrupt(_))));
    }
}

#[test]
fn too_many_entries_are_refused_before_they_are_read() {
    let bytes = archive_of(&[("a", b""), ("b", b""), ("c", b"")], stored());
    let refused = Archive::open(&bytes, limits(2, 10, 10)).map(drop);
    assert_eq!(refused, Err(ZipError::TooManyEntries { found: 3, limit: 2 }));
}

#[test]
fn encrypted_entries_and_other_compressions_are_errors() {
    let bytes = archive_of(&[("a", b"content"), ("b", b"more")], deflated());
    let flags = memchr::memmem::find(&bytes, b"PK\x01\x02").expect("a directory") + 8;
    let mut encrypted = bytes.clone();
    encrypted[flags] |= 1;
    let mut archive = open(&encrypted);
    assert_eq!(archive.read(0), Err(ZipError::Encrypted));
    assert_eq!(archive.read(1).as_deref(), Ok(b"more".as_slice()));
    let mut strange = bytes;
    strange[flags + 2] = 14;
    let mut archive = open(&strange);
    assert!(matches!(archive.read(0), Err(ZipError::Unsupported(_))));
    assert_eq!(archive.read(1).as_deref(), Ok(b"more".as_slice()));
}

#[test]
fn damaged_content_is_an_error() {
    let mut bytes = archive_of(&[("a", &[b'x'; 500]), ("b", b"fine")], deflated());
    // The first block's kind: 3 is no kind.
    let content = 30 + 1;
    bytes[content] |= 6;
    let mut archive = open(&bytes);
    assert!(matches!(archive.read(0), Err(ZipError::Corrupt(_))));
    assert_eq!(archive.read(1).as_deref(), Ok(b"fine".as_slice()));
}

#[test]
fn checksums_count_unless_told_otherwise() {
    let bytes = patched(archive_of(&[("a", b"content")], stored()), b"content", b"CONTENT");
    assert!(matches!(open(&bytes).read(0), Err(ZipError::Corrupt(_))));
    let read = open(&bytes).ignoring_checksums().read(0);
    assert_eq!(read.as_deref(), Ok(b"CONTENT".as_slice()));
}

#[test]
fn what_stands_before_a_broken_entry_is_there() {
    let bytes = archive_of(&[("a", b"first"), ("b", b"second")], stored());
    let directory = memchr::memmem::rfind(&bytes, b"PK\x01\x02").expect("a directory");
    let mut broken = bytes;
    broken[directory] = b'X';
    let mut archive = open(&broken);
    assert_eq!(names(&archive), ["a"]);
    assert!(matches!(archive.fault(), Some(ZipError::Corrupt(_))));
    assert_eq!(archive.read(0).as_deref(), Ok(b"first".as_slice()));
}

#[test]
fn bytes_that_are_no_archive_are_refused() {
    let bytes = archive_of(&[("a", b"content")], stored());
    let mut longer = bytes.clone();
    longer.push(0);
    let cases: [&[u8]; 5] = [b"", b"PK\x03\x04", &[0; 100], &bytes[..bytes.len() - 1], &longer];
    for case in cases {
        let refused = Archive::open(case, Limits::default()).map(drop);
        assert!(matches!(refused, Err(ZipError::NotArchive(_))));
    }
    let empty = archive_of(&[], stored());
    assert_eq!(open(&empty).entries(), []);
}

#[test]
fn a_prefix_is_skipped_on_request_only() {
    let bytes = archive_of(&[("a", b"content")], stored());
    let prefixed = [b"#!/bin/sh\n".as_slice(), &bytes].concat();
    let opened = Archive::open(&prefixed, Limits::default());
    assert!(opened.is_err() || opened.is_ok_and(|archive| archive.fault().is_some()));
    assert_eq!(skip_prefix(&prefixed), bytes);
    assert_eq!(skip_prefix(&bytes), bytes);
    assert_eq!(skip_prefix(b"none"), b"none");
}

/// Opens an archive and reads all of it; only panics and endless work would be wrong.
fn exhaust(bytes: &[u8]) {
    if let Ok(mut archive) = Archive::open(bytes, limits(100, 10_000, 100_000)) {
        for index in 0..archive.entries().len() {
            let safe = archive.entries()[index].safe_name().map(str::to_owned);
            assert!(safe.is_none_or(|name| !name.split('/').any(|part| part == "..")));
            if let Ok(content) = archive.read(index) {
                assert!(content.len() <= 10_000);
            }
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        exhaust(&bytes);
        exhaust(skip_prefix(&bytes));
    }

    #[test]
    fn mutated_archives_never_panic(
        content: Vec<u8>,
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = archive_of(&[("a.txt", &content), ("b/c.txt", &[0; 20_000])], deflated());
        for (place, value) in &edits {
            let place = place.index(bytes.len());
            bytes[place] = *value;
        }
        exhaust(&bytes);
        exhaust(&bytes[..cut.index(bytes.len())]);
    }
}

//! Line breaks as Node's `readline` sees them, which the original uses where it only skims a chat.
//!
//! compat: beside `\n` and `\r\n` a lone `\r` is one.

/// The lines within one stored line. `ended`: a line feed followed it. Without one, what is empty after the last
/// break is no line.
pub(super) fn pieces(line: &[u8], ended: bool) -> Vec<&[u8]> {
    let line = if ended {
        line.strip_suffix(b"\r").unwrap_or(line)
    } else {
        line
    };
    let mut found = Vec::new();
    let mut start = 0;
    for at in memchr::memchr_iter(b'\r', line) {
        found.push(&line[start..at]);
        start = at + 1;
    }
    if ended || start < line.len() {
        found.push(&line[start..]);
    }
    found
}

/// All lines of a file.
pub(super) fn lines(file: &[u8]) -> Vec<&[u8]> {
    let stored = super::split(file);
    let last = stored.len() - 1;
    stored
        .into_iter()
        .enumerate()
        .flat_map(|(index, line)| pieces(line, index < last))
        .collect()
}

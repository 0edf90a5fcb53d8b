//! File names: the original's sanitiser, its checks, and the names it makes up.

mod slug;

use sha2::{Digest, Sha256};

pub use self::slug::slugify;

/// Longest sanitised name in UTF-8 bytes.
const MAX_BYTES: usize = 255;

/// Extensions that may not be uploaded as a file or an asset, lower-case with the dot.
const UNSAFE_EXTENSIONS: [&str; 72] = [
    ".php",
    ".exe",
    ".com",
    ".dll",
    ".pif",
    ".application",
    ".gadget",
    ".msi",
    ".jar",
    ".cmd",
    ".bat",
    ".reg",
    ".sh",
    ".py",
    ".js",
    ".jse",
    ".jsp",
    ".pdf",
    ".html",
    ".htm",
    ".hta",
    ".vb",
    ".vbs",
    ".vbe",
    ".cpl",
    ".msc",
    ".scr",
    ".sql",
    ".iso",
    ".img",
    ".dmg",
    ".ps1",
    ".ps1xml",
    ".ps2",
    ".ps2xml",
    ".psc1",
    ".psc2",
    ".msh",
    ".msh1",
    ".msh2",
    ".mshxml",
    ".msh1xml",
    ".msh2xml",
    ".scf",
    ".lnk",
    ".inf",
    ".doc",
    ".docm",
    ".docx",
    ".dot",
    ".dotm",
    ".dotx",
    ".xls",
    ".xlsm",
    ".xlsx",
    ".xlt",
    ".xltm",
    ".xltx",
    ".xlam",
    ".ppt",
    ".pptm",
    ".pptx",
    ".pot",
    ".potm",
    ".potx",
    ".ppam",
    ".ppsx",
    ".ppsm",
    ".pps",
    ".sldx",
    ".sldm",
    ".ws",
];

/// Turns any text into a file name by removing what file systems refuse; may return an empty name.
///
/// Removed: `/ ? < > \ : * | "`, control characters (C0 and C1), trailing dots and spaces; a name of dots only and a
/// Windows device name (`con`, `nul.txt`) become empty; the rest is cut to 255 bytes. Source: the package
/// `sanitize-filename`, applied by nearly every route that takes a name.
pub fn sanitize(name: &str) -> String {
    // A file name is UTF-8: the original's file system writes U+FFFD for a lone surrogate.
    replace_unsafe(&crate::json::lossy(name), "")
}

/// [`sanitize`] with a substitute for each removed part; a trailing run of dots and spaces becomes one substitute.
pub fn sanitize_with(name: &str, replacement: &str) -> String {
    let replaced = replace_unsafe(name, replacement);
    if replacement.is_empty() {
        replaced
    } else {
        sanitize(&replaced)
    }
}

fn replace_unsafe(name: &str, replacement: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '/' | '?' | '<' | '>' | '\\' | ':' | '*' | '|' | '"' | '\0'..='\x1f' | '\u{80}'..='\u{9f}' => {
                clean.push_str(replacement);
            }
            _ => clean.push(c),
        }
    }
    if !clean.is_empty() && clean.bytes().all(|byte| byte == b'.') {
        clean.replace_range(.., replacement);
    }
    if is_windows_device(&clean) {
        clean.replace_range(.., replacement);
    }
    let kept = clean.trim_end_matches(['.', ' ']).len();
    if kept < clean.len() {
        clean.replace_range(kept.., replacement);
    }
    while clean.len() > MAX_BYTES {
        clean.pop();
    }
    clean
}

/// `con`, `prn`, `aux`, `nul`, `com0`..`com9`, `lpt0`..`lpt9`, with or without an extension.
fn is_windows_device(name: &str) -> bool {
    let (stem, rest) = name.split_once('.').unwrap_or((name, ""));
    let stem = stem.to_ascii_lowercase();
    let device = match stem.as_str() {
        "con" | "prn" | "aux" | "nul" => true,
        _ => {
            let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
            port.is_some_and(|port| port.len() == 1 && port.bytes().all(|byte| byte.is_ascii_digit()))
        }
    };
    // The extension ends the match at a line break; line feeds are gone by now, U+2028 and U+2029 are not.
    device && !rest.contains(['\u{2028}', '\u{2029}'])
}

/// Whether a name holds `/` or NUL: routes guard `avatar_url` and similar fields with it and answer 400.
pub fn contains_separator(name: &str) -> bool {
    name.contains(['/', '\0'])
}

/// A card's internal name: `avatar_url.replace('.png', '')`.
///
/// compat: the first `.png` goes, wherever it is: `a.pngb.png` is `ab.png`, `x.png.png` is `x.png`.
pub fn strip_png(avatar: &str) -> String {
    avatar.replacen(".png", "", 1)
}

/// `path.parse(path).base`: the last segment, trailing slashes ignored.
pub fn file_name(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

/// `path.parse(path).name`: the last segment without its extension.
pub fn base_name(path: &str) -> &str {
    let name = file_name(path);
    &name[..name.len() - extension(name).len()]
}

/// `path.extname(path)`: from the last dot on, dot included; empty without one, and for names like `.hidden`.
pub fn extension(path: &str) -> &str {
    let name = file_name(path);
    match name.rfind('.') {
        None | Some(0) => "",
        Some(_) if name == ".." => "",
        Some(dot) => &name[dot..],
    }
}

/// Checks the name of an uploaded file or asset.
///
/// # Errors
/// The sentence that the routes answer with status 400.
pub fn asset_name(name: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err("Illegal character in filename; only alphanumeric, '_', '-' are accepted.");
    }
    if UNSAFE_EXTENSIONS.contains(&extension(name).to_ascii_lowercase().as_str()) {
        return Err("Forbidden file extension.");
    }
    if name.starts_with('.') {
        return Err("Filename cannot start with '.'");
    }
    if sanitize(name) != name {
        return Err("Reserved or long filename.");
    }
    Ok(())
}

/// The first free of `base (1)` … `base (1000)`; `None` when all are taken.
pub fn unique_name(base: &str, taken: impl Fn(&str) -> bool) -> Option<String> {
    (1..=1000)
        .map(|number| format!("{base} ({number})"))
        .find(|name| !taken(name))
}

/// The key of a chat's backups: `chat_<key>_<stamp>.jsonl`. `name` is the card's internal name or the group chat id.
///
/// The sanitised name with `_` for every UTF-16 unit other than a letter or digit, lower-cased; a name with anything
/// outside printable ASCII also gets `_` and the first eight hex digits of its SHA-256.
pub fn backup_key(name: &str) -> String {
    let mut key = String::new();
    for c in sanitize(name).chars() {
        if c.is_ascii_alphanumeric() {
            key.push(c.to_ascii_lowercase());
        } else {
            key.extend(std::iter::repeat_n('_', c.len_utf16()));
        }
    }
    if name.bytes().any(|byte| !(0x20..=0x7e).contains(&byte)) {
        key.push('_');
        key.push_str(&hex::encode(&Sha256::digest(name.as_bytes())[..4]));
    }
    key
}

#[cfg(test)]
mod tests;

//! Finding files in an archive of a card, as SillyTavern does.

use crate::zip::{Archive, ZipError};

/// The first readable file whose whole name ends with `suffix`; what macOS adds is left out. `None` where there is none.
///
/// compat: `card.json` is also found as `anything/my-card.json`. A name that leads out of the archive ends the search.
///
/// # Errors
/// A limit was reached.
pub(super) fn by_suffix(archive: &mut Archive<'_>, suffix: &str) -> Result<Option<Vec<u8>>, ZipError> {
    for index in 0..archive.entries().len() {
        let Some(entry) = archive.entries().get(index).filter(|entry| !entry.leads_out()) else {
            return Ok(None);
        };
        if entry.name.ends_with(suffix) && !entry.name.starts_with("__MACOSX") && !entry.is_symlink {
            let content = unless_broken(archive.read(index))?;
            if content.is_some() {
                return Ok(content);
            }
        }
    }
    Ok(None)
}

/// compat: an entry that cannot be read is passed over as if it were not there. One that is too large is not.
pub(super) fn unless_broken(content: Result<Vec<u8>, ZipError>) -> Result<Option<Vec<u8>>, ZipError> {
    match content {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.is_limit() => Err(error),
        Err(_) => Ok(None),
    }
}

/// A path inside an archive in its one spelling: `/` for `\`, without `.`, `..`, repeated slashes and a slash at the
/// start. `None` for an empty path and one that leads out.
pub(super) fn normal_path(path: &str) -> Option<String> {
    let slashes = path.replace('\\', "/");
    let trimmed = crate::json::js_trim(&slashes);
    let trimmed = match trimmed.strip_prefix("./") {
        Some(rest) => rest.trim_start_matches('/'),
        None => trimmed,
    };
    let absolute = trimmed.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in trimmed.split('/') {
        match part {
            "" | "." => {}
            ".." if !parts.is_empty() => _ = parts.pop(),
            // Above the root there is nothing but the root.
            ".." if absolute => {}
            ".." => return None,
            part => parts.push(part),
        }
    }
    let mut normal = parts.join("/");
    if normal.is_empty() || (normal.starts_with("..") && !absolute) {
        return None;
    }
    if trimmed.ends_with('/') {
        normal.push('/');
    }
    Some(normal)
}

/// Archives for the tests of the formats.
#[cfg(test)]
pub(super) mod fixture {
    use std::io::{Cursor, Write as _};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    /// An archive of these names and contents, deflated.
    pub(in crate::card) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            // A name that is taken is left out.
            if writer.start_file(*name, SimpleFileOptions::default()).is_ok() {
                writer.write_all(content).expect("a vector takes any bytes");
            }
        }
        writer.finish().expect("a vector takes any bytes").into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::normal_path;

    #[test]
    fn paths_have_one_spelling() {
        for (path, normal) in [
            ("a/b.png", "a/b.png"),
            (" ./a//b.png ", "a/b.png"),
            (".//a", "a"),
            ("a\\b\\..\\c", "a/c"),
            ("/a/b", "a/b"),
            ("/../a", "a"),
            ("a/", "a/"),
            ("././a", "a"),
        ] {
            assert_eq!(normal_path(path).as_deref(), Some(normal), "{path}");
        }
        for path in ["", "  ", ".", "./", "/", "a/..", "..", "../a", "a/../../b", "..a"] {
            assert_eq!(normal_path(path), None, "{path}");
        }
    }
}

//! What the families that keep files have in common: paths below the user's root, and listings by kind.

use squaretable_compat::collate;

use crate::error::Result;
use crate::mime;
use crate::store::files::StoredFile;
use crate::store::{Tx, files};

/// Media types that a listing shows, as the bit flags of the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media(pub i32);

impl Media {
    /// Names of images.
    pub const IMAGES: Self = Self(1);

    const FLAGS: [(i32, &'static str); 3] = [(1, "image/"), (2, "video/"), (4, "audio/")];

    /// Whether a file name is of one of these types.
    #[must_use]
    pub fn holds(self, name: &str) -> bool {
        let media = mime::media_type(name).unwrap_or_default();
        Self::FLAGS
            .iter()
            .any(|(flag, prefix)| self.0 & flag != 0 && media.starts_with(prefix))
    }
}

/// Sorts files, given by the bytes of their names, as a listing wants them: `name` is locale order, `date` oldest
/// first, and any other word leaves the order.
pub fn sort(files: &mut [StoredFile], by: &str) {
    match by {
        "name" => collate::locale_sort(files, |file| &file.name),
        "date" => files.sort_by_key(|file| file.modified_at),
        _ => {}
    }
}

/// The pictures among `files`, in locale order.
#[must_use]
pub fn pictures(mut files: Vec<StoredFile>) -> Vec<StoredFile> {
    files.retain(|file| Media::IMAGES.holds(&file.name));
    sort(&mut files, "name");
    files
}

/// The names of everything directly inside a folder, files and folders, by their bytes.
///
/// # Errors
/// The database failed.
pub async fn names_in(tx: &mut Tx, folder: &str) -> Result<Vec<String>> {
    let mut names = files::list_folders(tx, folder).await?;
    names.extend(files::list(tx, folder).await?.into_iter().map(|file| file.name));
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// A client's path below the user's root, made plain: no leading slash, no `.`, `..` or empty parts. `None` when it
/// leads out. `""` is the root.
#[must_use]
pub fn below_root(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            name => parts.push(name),
        }
    }
    let plain = parts.join("/");
    // A trailing slash asks for a folder, and no file is found under that name.
    Some(if path.ends_with('/') && !plain.is_empty() {
        plain + "/"
    } else {
        plain
    })
}

/// Folder and name of a plain path.
#[must_use]
pub fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        let cases = [
            ("/user/images/a.png", Some("user/images/a.png")),
            ("user//images/./b/../a.png", Some("user/images/a.png")),
            ("user/images/", Some("user/images/")),
            ("/", Some("")),
            ("../x", None),
            ("a/../../x", None),
        ];
        for (path, expected) in cases {
            assert_eq!(below_root(path).as_deref(), expected, "{path}");
        }
        assert_eq!(split("user/images/a.png"), ("user/images", "a.png"));
        assert_eq!(split("a.png"), ("", "a.png"));
    }

    #[test]
    fn media_are_bit_flags() {
        let shown = |flags| ["a.png", "a.mp4", "a.mp3", "a.txt"].map(|name| Media(flags).holds(name));
        assert_eq!(shown(1), [true, false, false, false]);
        assert_eq!(shown(6), [false, true, true, false]);
        assert_eq!(shown(0), [false; 4]);
    }
}

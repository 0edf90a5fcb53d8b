//! A user's folder, file by file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use squaretable_compat::layout::Place;
use walkdir::WalkDir;

use super::{LINK, MAX_PATH, NOT_UTF8, TOO_LONG, UserScan, below};
use crate::report::{Entry, Kind, Report};

/// Fills in the files and folders of a user. Paths are shown as they are below `shown_root`.
pub fn user(user: &mut UserScan, shown_root: &Path, report: &mut Report) {
    let top = user.root.clone();
    walk(user, &top, "", shown_root, report);
}

/// Fills in what lies at `top`, which is `prefix` in the user's folder (`""`: the folder itself). Nothing may be there.
pub fn walk(user: &mut UserScan, top: &Path, prefix: &str, shown_root: &Path, report: &mut Report) {
    walk_in(user, top, Some(prefix), shown_root, report);
}

/// [`walk`] where the prefix may be no text, so that all names below are none.
pub fn walk_in(
    user: &mut UserScan,
    top: &Path,
    prefix: Option<&str>,
    shown_root: &Path,
    report: &mut Report,
) {
    let is_part = prefix != Some("");
    if is_part && std::fs::symlink_metadata(top).is_err() {
        return;
    }
    for item in WalkDir::new(top)
        .min_depth(usize::from(!is_part))
        .follow_links(false)
        .follow_root_links(false)
        .sort_by_file_name()
    {
        let item = match item {
            Ok(item) => item,
            Err(error) => {
                let path = error.path().unwrap_or(top);
                report.folder_problem(&below(shown_root, path), error.to_string());
                continue;
            }
        };
        let shown = below(shown_root, item.path());
        let below_top = item.path().strip_prefix(top).ok().and_then(Path::to_str);
        let path = below_top.zip(prefix).map(|(path, prefix)| match (prefix, path) {
            ("", path) => path.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, path) => format!("{prefix}/{path}"),
        });
        let path = path.as_deref();
        if !item.file_type().is_dir() {
            let found = item.metadata().map_err(|error| error.to_string());
            let size = found.as_ref().map_or(0, Metadata::len);
            let found = found.and_then(|metadata| examine(path, item.path(), &metadata));
            user.take(
                found,
                Entry {
                    path: shown,
                    kind: Kind::File,
                    size,
                },
                report,
            );
            continue;
        }
        match path {
            Some(path) if path.len() > MAX_PATH => report.folder_problem(&shown, TOO_LONG.to_owned()),
            Some(path) => user.folders.push(path.to_owned()),
            None => report.folder_problem(&shown, NOT_UTF8.to_owned()),
        }
    }
}

/// What a walk learns of a file that could be stored.
pub struct Facts {
    /// What the file is.
    pub place: Place,
    /// Its path on disk.
    pub disk: PathBuf,
    /// Its mtime.
    pub modified_at: DateTime<Utc>,
    /// Its ctime.
    pub changed_at: DateTime<Utc>,
}

/// What a file of a user is, or why it cannot be stored.
fn examine(path: Option<&str>, disk: &Path, metadata: &Metadata) -> Result<Facts, String> {
    let path = path.ok_or(NOT_UTF8)?;
    let place = Place::classify(path).map_err(|error| error.to_string())?;
    if metadata.is_symlink() {
        return Err(LINK.to_owned());
    }
    if !metadata.is_file() {
        return Err("neither a file nor a folder".to_owned());
    }
    if path.len() > MAX_PATH {
        return Err(TOO_LONG.to_owned());
    }
    let (modified_at, changed_at) = times(metadata).ok_or("its time is out of range")?;
    Ok(Facts {
        place,
        disk: disk.to_path_buf(),
        modified_at,
        changed_at,
    })
}

/// mtime and ctime, cut to the microsecond that PostgreSQL keeps.
pub fn times(metadata: &Metadata) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let at =
        |seconds, nanos: i64| DateTime::from_timestamp(seconds, u32::try_from(nanos).ok()? / 1000 * 1000);
    Some((
        at(metadata.mtime(), metadata.mtime_nsec())?,
        at(metadata.ctime(), metadata.ctime_nsec())?,
    ))
}

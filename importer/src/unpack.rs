//! Archives, unpacked into a temporary folder: a SillyTavern user backup (.zip), or a data folder as .tar or .tar.gz.
//!
//! Nothing is written outside that folder: an entry that is a link, or whose name leads out, is rejected.

use std::fs::{self, File, FileTimes};
use std::io::{BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use squaretable_compat::layout::is_safe;
use tempfile::TempDir;
use zip::extra_fields::ExtraField;

use crate::report::{Entry, Kind};

const LINK: &str = "a link, which is not followed";
const LEADS_OUT: &str = "its name leads out of the archive";

/// An unpacked archive; removed from disk when dropped.
#[derive(Debug)]
pub struct Unpacked {
    dir: TempDir,
    /// Entries that were not unpacked, and why.
    pub rejected: Vec<(Entry, String)>,
}

/// What kind of archive a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Zip,
    Tar,
    TarGz,
}

/// Unpacks an archive; blocks.
///
/// # Errors
/// It is no archive, is broken, or does not fit on the disk.
pub fn unpack(path: &Path) -> anyhow::Result<Unpacked> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let form = Form::of(&mut file).with_context(|| {
        format!(
            "{} is neither a folder nor a .zip, .tar or .tar.gz",
            path.display()
        )
    })?;
    let dir = tempfile::Builder::new()
        .prefix("squaretable-import-")
        .tempdir()
        .context("cannot make a temporary folder (TMPDIR says where)")?;
    let mut unpacked = Unpacked {
        dir,
        rejected: Vec::new(),
    };
    let file = BufReader::new(File::open(path)?);
    let done = match form {
        Form::Zip => unpacked.zip(file),
        Form::Tar => unpacked.tar(file),
        Form::TarGz => unpacked.tar(MultiGzDecoder::new(file)),
    };
    done.with_context(|| format!("cannot unpack {}", path.display()))?;
    Ok(unpacked)
}

impl Form {
    /// By the first bytes, whatever the file's name.
    fn of(file: &mut File) -> Option<Self> {
        let mut head = Vec::new();
        file.take(512).read_to_end(&mut head).ok()?;
        match &head[..] {
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(Self::Zip),
            [0x1f, 0x8b, ..] => Some(Self::TarGz),
            head if head.get(257..262) == Some(b"ustar") => Some(Self::Tar),
            _ => None,
        }
    }
}

impl Unpacked {
    /// The folder with the archive's content: what lies below the folders that hold nothing but one other folder.
    pub fn top(&self) -> PathBuf {
        let mut top = self.dir.path().to_path_buf();
        loop {
            let Ok(entries) = fs::read_dir(&top) else {
                return top;
            };
            let entries: Vec<_> = entries.flatten().collect();
            match &entries[..] {
                [only] if only.path().is_dir() => top = only.path(),
                _ => return top,
            }
        }
    }

    fn zip(&mut self, file: BufReader<File>) -> anyhow::Result<()> {
        let mut archive = zip::ZipArchive::new(file)?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index)?;
            let name = entry.name()?.into_owned();
            let modified = zip_time(&entry);
            if entry.is_symlink() {
                self.reject(&name, entry.size(), LINK);
            } else if let Some(path) = self.place(&name, entry.size()) {
                if entry.is_dir() {
                    fs::create_dir_all(&path)?;
                } else {
                    write(&path, &mut entry, modified).with_context(|| name.clone())?;
                }
            }
        }
        Ok(())
    }

    fn tar(&mut self, file: impl Read) -> anyhow::Result<()> {
        let mut archive = tar::Archive::new(file);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let kind = entry.header().entry_type();
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let size = entry.size();
            if kind.is_symlink() || kind.is_hard_link() {
                self.reject(&name, size, LINK);
                continue;
            }
            if !kind.is_dir() && !kind.is_file() {
                if !kind.is_pax_global_extensions() {
                    self.reject(&name, size, "neither a file nor a folder");
                }
                continue;
            }
            let Some(path) = self.place(&name, size) else {
                continue;
            };
            if kind.is_dir() {
                fs::create_dir_all(&path)?;
            } else {
                let modified = tar_time(&mut entry);
                write(&path, &mut entry, modified).with_context(|| name.clone())?;
            }
        }
        Ok(())
    }

    /// Where an entry goes; `None`, and a rejection, when its name leads out.
    fn place(&mut self, name: &str, size: u64) -> Option<PathBuf> {
        let plain = name.trim_start_matches("./").trim_end_matches('/');
        if plain.is_empty() || plain == "." {
            return Some(self.dir.path().to_path_buf());
        }
        if !is_safe(plain) {
            self.reject(name, size, LEADS_OUT);
            return None;
        }
        Some(self.dir.path().join(plain))
    }

    fn reject(&mut self, name: &str, size: u64, reason: &str) {
        let entry = Entry {
            path: name.to_owned(),
            kind: Kind::Other,
            size,
        };
        self.rejected.push((entry, reason.to_owned()));
    }
}

/// Writes a file of an archive in bounded memory.
fn write(path: &Path, from: &mut impl Read, modified: Option<SystemTime>) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    std::io::copy(from, &mut file)?;
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    if let Some(modified) = modified {
        file.set_times(FileTimes::new().set_modified(modified))?;
    }
    Ok(())
}

/// An entry's mtime. SillyTavern's own backups hold UTC where other programs hold local time, and nothing tells which;
/// a backup of SillyTavern is what is expected here.
fn zip_time(entry: &zip::read::ZipFile<'_, impl Read>) -> Option<SystemTime> {
    let exact = entry.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(times) => times.mod_time(),
        _ => None,
    });
    if let Some(seconds) = exact {
        return Some(UNIX_EPOCH + Duration::from_secs(seconds.into()));
    }
    let at = entry.last_modified()?;
    let day = chrono::NaiveDate::from_ymd_opt(at.year().into(), at.month().into(), at.day().into())?;
    let time = day.and_hms_opt(at.hour().into(), at.minute().into(), at.second().into())?;
    Some(time.and_utc().into())
}

/// An entry's mtime, with the fraction that a PAX header holds.
fn tar_time(entry: &mut tar::Entry<'_, impl Read>) -> Option<SystemTime> {
    let fraction = entry.pax_extensions().ok().flatten().and_then(|mut fields| {
        let field = fields.find_map(|field| field.ok().filter(|field| field.key() == Ok("mtime")))?;
        let text = field.value().ok()?.to_owned();
        let (seconds, rest) = text.split_once('.').unwrap_or((&text, ""));
        let nanos: String = rest.chars().chain("000000000".chars()).take(9).collect();
        Some(UNIX_EPOCH + Duration::new(seconds.parse().ok()?, nanos.parse().ok()?))
    });
    fraction.or_else(|| Some(UNIX_EPOCH + Duration::from_secs(entry.header().mtime().ok()?)))
}

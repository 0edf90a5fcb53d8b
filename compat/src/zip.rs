//! ZIP archives as uploads bring them: read in memory, never past a limit, with every name and size in doubt.
//!
//! The rules for what is an archive, and for where reading one stops, are those of the reader SillyTavern uses: the
//! directory is walked in its order, and what stands before a broken entry is still there.

use std::io::{Cursor, Read as _};

use memchr::memmem;
use zip::read::{ArchiveOffset, Config, OwnedZipFileEntry, ZipFileEntry};
use zip::result::ZipError as CrateError;
use zip::unstable::read::ZipIterable;
use zip::{CompressionMethod, ZipReadOptions};

const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
const END_RECORD: [u8; 4] = *b"PK\x05\x06";
/// Bytes of the end record without its comment.
const END_RECORD_SIZE: usize = 22;
/// Bytes that a comment can have.
const MAX_COMMENT: usize = 0xffff;
/// Bytes that old encryption puts before the content.
const ENCRYPTION_HEADER: u64 = 12;

/// The most that is taken out of one archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries in the directory.
    pub entries: usize,
    /// Bytes of one entry, inflated.
    pub entry_bytes: u64,
    /// Bytes of all reads together, inflated; an entry read twice counts twice.
    pub total_bytes: u64,
}

impl Default for Limits {
    /// 10,000 entries, 128 MiB each, 512 MiB in all.
    fn default() -> Self {
        Self {
            entries: 10_000,
            entry_bytes: 128 << 20,
            total_bytes: 512 << 20,
        }
    }
}

/// Why an archive or one of its entries cannot be read.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum ZipError {
    /// The bytes are no ZIP archive, or one cut short.
    #[error("not a ZIP archive: {0}")]
    NotArchive(String),
    /// The directory or an entry is damaged: the content does not inflate, or not to the declared size.
    #[error("damaged ZIP archive: {0}")]
    Corrupt(String),
    /// The entry is encrypted.
    #[error("the ZIP entry is encrypted")]
    Encrypted,
    /// The entry is compressed in a way other than deflate, or the archive is of another special kind.
    #[error("unsupported ZIP archive: {0}")]
    Unsupported(String),
    /// The archive has more entries than allowed.
    #[error("the ZIP archive has {found} entries, more than {limit}")]
    TooManyEntries {
        /// The entries that its directory declares.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Inflating would go past a limit.
    #[error("the ZIP archive inflates to more than {limit} bytes")]
    TooLarge {
        /// The limit that was reached, in bytes.
        limit: u64,
    },
    /// There is no entry with this index.
    #[error("the ZIP archive has no entry {0}")]
    NoEntry(usize),
}

impl ZipError {
    /// Whether the archive was refused for its size, and not for being broken.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::TooManyEntries { .. } | Self::TooLarge { .. })
    }
}

impl From<CrateError> for ZipError {
    fn from(error: CrateError) -> Self {
        match error {
            CrateError::UnsupportedArchive(CrateError::PASSWORD_REQUIRED) => Self::Encrypted,
            CrateError::UnsupportedArchive(reason) => Self::Unsupported(reason.to_owned()),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

/// One line of an archive's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Place in the archive, from 0; what [`Archive::read`] takes.
    pub index: usize,
    /// The name as stored, with `\` as `/`. Anything at all: see [`Entry::safe_name`].
    pub name: String,
    /// The declared size in bytes, which may be a lie.
    pub size: u64,
    /// Whether the entry is a folder (its name ends with `/`).
    pub is_dir: bool,
    /// Whether the entry is a symbolic link; its content is then the target.
    pub is_symlink: bool,
}

impl Entry {
    /// The name as a path that stays below the folder it is joined to; `None` for a name that [leads
    /// out](Self::leads_out), one with a NUL, an empty one and that of a symbolic link.
    #[must_use]
    pub fn safe_name(&self) -> Option<&str> {
        let unsafe_name =
            self.is_symlink || self.name.is_empty() || self.name.contains('\0') || self.leads_out();
        (!unsafe_name).then_some(self.name.as_str())
    }

    /// Whether the name is absolute, starts with a drive letter or has a `..` in it.
    ///
    /// compat: SillyTavern reads no further than to the first such name.
    #[must_use]
    pub fn leads_out(&self) -> bool {
        let drive = matches!(self.name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
        drive || self.name.starts_with('/') || self.name.split('/').any(|part| part == "..")
    }
}

/// An archive in memory.
#[derive(Debug)]
pub struct Archive<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry>,
    directory: Vec<OwnedZipFileEntry>,
    fault: Option<ZipError>,
    limits: Limits,
    checksums: bool,
    spent: u64,
}

impl<'a> Archive<'a> {
    /// Reads the directory of an archive that starts at the first byte ([`skip_prefix`] finds it in others).
    ///
    /// # Errors
    /// [`ZipError::NotArchive`] when there is no end record, or bytes after it; [`ZipError::TooManyEntries`]; as the
    /// end record has it [`ZipError::Corrupt`] or [`ZipError::Unsupported`]. A broken entry is no error here but the
    /// archive's [`Archive::fault`].
    pub fn open(bytes: &'a [u8], limits: Limits) -> Result<Self, ZipError> {
        check_end(bytes)?;
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut source = ZipIterable::try_new(Cursor::new(bytes), config)?;
        if source.len() > limits.entries {
            return Err(ZipError::TooManyEntries {
                found: source.len(),
                limit: limits.entries,
            });
        }
        let mut archive = Self {
            bytes,
            entries: Vec::new(),
            directory: Vec::new(),
            fault: None,
            limits,
            checksums: true,
            spent: 0,
        };
        for found in source.files()? {
            let index = archive.entries.len();
            match found
                .map_err(ZipError::from)
                .and_then(|found| Ok((entry(index, &found)?, found.into())))
            {
                Ok((entry, found)) => {
                    archive.entries.push(entry);
                    archive.directory.push(found);
                }
                Err(fault) => {
                    archive.fault = Some(fault);
                    break;
                }
            }
        }
        Ok(archive)
    }

    /// Reads entries without comparing their checksums.
    ///
    /// compat: nothing in SillyTavern compares them, so files with wrong ones are in use.
    #[must_use]
    pub fn ignoring_checksums(mut self) -> Self {
        self.checksums = false;
        self
    }

    /// The entries in the order of the directory, up to its [`Archive::fault`]. Names may repeat.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is wrong with the first entry that cannot be made out; neither it nor those after it are listed.
    #[must_use]
    pub fn fault(&self) -> Option<&ZipError> {
        self.fault.as_ref()
    }

    /// The content of the entry with this index; empty for a folder.
    ///
    /// Memory use follows what was inflated so far, never the declared size.
    ///
    /// # Errors
    /// [`ZipError::TooLarge`] when the entry, or all reads so far and this one, pass the limits; and for an entry that
    /// is encrypted, damaged, of unknown compression or not there.
    pub fn read(&mut self, index: usize) -> Result<Vec<u8>, ZipError> {
        let found = self.directory.get(index).ok_or(ZipError::NoEntry(index))?;
        let method = found.compression();
        if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(ZipError::Unsupported(format!("compression by {method}")));
        }
        let size = found.size();
        let left = self.limits.total_bytes.saturating_sub(self.spent);
        let (allowed, limit) = if left < self.limits.entry_bytes {
            (left, self.limits.total_bytes)
        } else {
            (self.limits.entry_bytes, self.limits.entry_bytes)
        };
        let mut source = Cursor::new(self.bytes);
        let options = ZipReadOptions::new().ignore_crc32(!self.checksums);
        let file = found.as_ref().with_reader(&mut source, options)?;
        let mut content = Vec::new();
        let outcome = file.take(allowed.saturating_add(1)).read_to_end(&mut content);
        let length = content.len() as u64;
        self.spent = self.spent.saturating_add(length);
        if length > allowed {
            return Err(ZipError::TooLarge { limit });
        }
        outcome.map_err(|error| ZipError::Corrupt(error.to_string()))?;
        if length != size {
            return Err(ZipError::Corrupt(format!(
                "an entry of {size} bytes holds {length}"
            )));
        }
        Ok(content)
    }
}

/// The archive in bytes that have something else before it, as self-extracting files and some cards do: what starts
/// at the first local header. Everything when there is none.
#[must_use]
pub fn skip_prefix(bytes: &[u8]) -> &[u8] {
    memmem::find(bytes, &LOCAL_HEADER)
        .and_then(|start| bytes.get(start..))
        .unwrap_or(bytes)
}

/// The last end record of the bytes must be their end: nothing may follow its comment.
fn check_end(bytes: &[u8]) -> Result<(), ZipError> {
    let refuse = |reason: &str| Err(ZipError::NotArchive(reason.to_owned()));
    let Some(last_start) = bytes.len().checked_sub(END_RECORD_SIZE) else {
        return refuse("too short");
    };
    let first_start = last_start.saturating_sub(MAX_COMMENT);
    let area = bytes
        .get(first_start..last_start + END_RECORD.len())
        .unwrap_or_default();
    let Some(found) = memmem::rfind(area, &END_RECORD) else {
        return refuse("no end record");
    };
    let record = bytes.get(first_start + found..).unwrap_or_default();
    let comment = record.len() - END_RECORD_SIZE;
    match record.get(20..END_RECORD_SIZE) {
        Some(&[low, high]) if usize::from(u16::from_le_bytes([low, high])) == comment => Ok(()),
        _ => refuse("bytes after the end record"),
    }
}

/// The directory line of an entry.
fn entry(index: usize, found: &ZipFileEntry<'_>) -> Result<Entry, ZipError> {
    let header = if found.encrypted() { ENCRYPTION_HEADER } else { 0 };
    let stored = found.compression() == CompressionMethod::Stored;
    if stored && found.size().checked_add(header) != Some(found.compressed_size()) {
        return Err(ZipError::Corrupt(
            "a stored entry with two different sizes".to_owned(),
        ));
    }
    let name = found.name()?.replace('\\', "/");
    Ok(Entry {
        index,
        size: found.size(),
        is_dir: name.ends_with('/'),
        is_symlink: found
            .unix_mode()
            .is_some_and(|mode| mode & 0o170_000 == 0o120_000),
        name,
    })
}

#[cfg(test)]
mod tests;

//! Reads files ahead of the writer, on a thread of its own, and tells which of them are new.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use chrono::Local;
use sha2::{Digest, Sha256};
use squaretable_compat::layout::Place;
use squaretable_compat::{card, chat, json, png};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::scan::{Found, times};
use crate::stored::{Known, Mark, Standing, Stored};

/// Files up to this size travel in memory; larger ones are streamed by the writer.
pub const IN_MEMORY: u64 = 8 << 20;
/// Cards, chats and documents must be looked into and so are read whole, up to this size; the original cannot open
/// larger ones either.
const MAX_WHOLE: u64 = 512 << 20;
/// Bytes that may lie between a reader and its writer, in units of [`UNIT`].
const AHEAD: u32 = 16 << 10;
/// What a permit stands for.
const UNIT: u64 = 1 << 10;

/// A file, read or not worth reading.
#[derive(Debug)]
pub struct Item {
    /// The file.
    pub found: Found,
    /// Its content, or why it cannot be taken.
    pub content: Result<Content, String>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// What a file holds.
#[derive(Debug)]
pub struct Content {
    /// The bytes; `None` for a file that the writer streams, and for one that needs no writing.
    pub bytes: Option<Vec<u8>>,
    /// How it stands to what the tenant holds.
    pub standing: Standing,
    /// What is wrong with it; it is taken all the same.
    pub flag: Option<String>,
}

/// Reads `files` in order and sends them, until all are sent or nobody listens any more. Blocks.
pub fn read_all(files: Vec<Found>, stored: &Stored, runtime: &Handle, out: &mpsc::Sender<Item>) {
    let budget = Arc::new(Semaphore::new(AHEAD as usize));
    for found in files {
        let size = u32::try_from(found.entry.size / UNIT + 1)
            .unwrap_or(AHEAD)
            .min(AHEAD);
        let Ok(permit) = runtime.block_on(budget.clone().acquire_many_owned(size)) else {
            return;
        };
        let content = read(&found, stored.get(&found.place.path()));
        if out
            .blocking_send(Item {
                found,
                content,
                _permit: Some(permit),
            })
            .is_err()
        {
            return;
        }
    }
}

/// Reads one file, and tells how it stands to what the tenant holds.
///
/// # Errors
/// A sentence for the report.
pub fn read(found: &Found, known: Option<&Known>) -> Result<Content, String> {
    let size = found.entry.size;
    if matches!(found.place, Place::File { .. }) && size > IN_MEMORY {
        return large(found, known);
    }
    if size > MAX_WHOLE {
        return Err("larger than 512 MiB".to_owned());
    }
    let bytes = stable(&found.disk, |file| {
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes).map(|_| bytes)
    })?;
    let standing = known.map_or(Standing::New, |known| standing(found, known, &bytes));
    let flag = flag(&found.place, &bytes);
    let bytes = (standing != Standing::Same).then_some(bytes);
    Ok(Content {
        bytes,
        standing,
        flag,
    })
}

/// A file that does not travel in memory: read here only if it may be the one that is stored.
fn large(found: &Found, known: Option<&Known>) -> Result<Content, String> {
    let standing = match known.map(|known| (known, &known.content)) {
        None => Standing::New,
        Some((known, Mark::Blob(hash, size))) if *size == found.entry.size => {
            let mut hasher = blake3::Hasher::new();
            stable(&found.disk, |file| hasher.update_reader(file).map(|_| ()))?;
            known.standing(hasher.finalize().as_bytes() == hash, found.modified_at)
        }
        Some(_) => Standing::Differs,
    };
    Ok(Content {
        bytes: None,
        standing,
        flag: None,
    })
}

fn standing(found: &Found, known: &Known, bytes: &[u8]) -> Standing {
    match &known.content {
        Mark::Blob(hash, _) => known.standing(blake3::hash(bytes).as_bytes() == hash, found.modified_at),
        Mark::Document(hash) => known.standing(Sha256::digest(bytes)[..] == hash[..], found.modified_at),
        Mark::Chat(chat) if u64::try_from(chat.byte_size) != Ok(bytes.len() as u64) => Standing::Differs,
        Mark::Chat(chat) if chat.modified_at == found.modified_at => Standing::Same,
        Mark::Chat(_) | Mark::Composed => Standing::Ask,
    }
}

/// What is wrong with a file's content.
fn flag(place: &Place, bytes: &[u8]) -> Option<String> {
    match place {
        Place::Document { name, .. } if name == "content.log" => None,
        Place::Document { .. } | Place::Secrets => {
            (!json::is_valid(bytes)).then(|| "not JSON; kept as it is".to_owned())
        }
        Place::Character { avatar } => match png::read_card(bytes) {
            Err(error) => Some(format!("{error}; kept as it is, without a card")),
            Ok(text) => card::entry(&text, avatar, Local::now())
                .is_none()
                .then(|| "its card is not a JSON object; kept as it is".to_owned()),
        },
        Place::Chat { .. } | Place::RootChat { .. } | Place::GroupChat { .. } => broken_lines(bytes),
        Place::Derived { .. } | Place::File { .. } => None,
    }
}

fn broken_lines(bytes: &[u8]) -> Option<String> {
    let lines = chat::split(bytes);
    let is_broken = |line: &[u8]| {
        !line.trim_ascii().is_empty() && !json::is_valid(line) && !chat::LineFacts::of(line).kept
    };
    let mut broken = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is_broken(line))
        .map(|(index, _)| index + 1);
    let first = broken.next()?;
    let count = broken.count() + 1;
    Some(if count == 1 {
        format!("line {first} is not JSON; kept as it is, though no chat shows it")
    } else {
        format!(
            "{count} lines are not JSON (the first is line {first}); kept as they are, though no chat shows them"
        )
    })
}

/// Reads a file and makes sure that it did not change meanwhile.
///
/// # Errors
/// A sentence for the report.
pub fn stable<T>(path: &Path, read: impl FnOnce(&mut File) -> std::io::Result<T>) -> Result<T, String> {
    let attempt = || {
        let mut file = File::open(path)?;
        let before = file.metadata()?;
        let value = read(&mut file)?;
        let after = file.metadata()?;
        let same = before.len() == after.len() && times(&before) == times(&after);
        Ok::<_, std::io::Error>(same.then_some(value))
    };
    match attempt() {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err("it changed while it was read; run again".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_that_grows_while_it_is_read_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, b"one").unwrap();
        let calm = stable(&path, |file| {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map(|_| bytes)
        });
        assert_eq!(calm, Ok(b"one".to_vec()));
        let grown = stable(&path, |file| {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            std::fs::OpenOptions::new()
                .append(true)
                .open(&path)?
                .write_all(b"two")
        });
        assert!(grown.unwrap_err().contains("changed while"));
        assert!(stable(&dir.path().join("none"), |_| Ok(())).is_err());
    }

    #[test]
    fn broken_lines_are_counted_and_blank_ones_are_not() {
        assert_eq!(broken_lines(b"{\"a\":1}\n\n \r\n{\"b\":\"\xff\"}\nnull\n"), None);
        assert!(broken_lines(b"{}\n{\"a\":").unwrap().starts_with("line 2 is not"));
        assert!(
            broken_lines(b"\xEF\xBB\xBF{}\n{}\nx")
                .unwrap()
                .starts_with("2 lines are not JSON (the first is line 1)")
        );
    }
}

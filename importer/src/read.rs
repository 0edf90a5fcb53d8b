//! Reads files ahead of the writer, on a thread of its own, and tells which of them are new.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use chrono::Local;
use sha2::{Digest, Sha256};
use squaretable::user_folder::{Item as Known, What};
use squaretable_compat::layout::Place;
use squaretable_compat::{card, chat, json, png};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::lines::Lines;
use crate::report::Kind;
use crate::scan::{Found, times};
use crate::stored::{self, Standing, Stored};

/// Files up to this size travel in memory; larger ones are streamed by the writer.
pub const IN_MEMORY: u64 = 8 << 20;
/// Cards and documents must be looked into and so are read whole, up to this size; the original cannot open larger ones
/// either.
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
    if size > IN_MEMORY {
        match found.entry.kind {
            Kind::File => return large_file(found, known),
            Kind::Chat => return large_chat(found, known),
            _ => {}
        }
    }
    if size > MAX_WHOLE {
        return Err("larger than 512 MiB".to_owned());
    }
    let bytes = stable(&found.disk, |file| {
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes).map(|_| bytes)
    })?;
    let standing = known.map_or(Standing::New, |known| standing(found, known, &bytes));
    let flag = found.flag.clone().or_else(|| flag(&found.place, &bytes));
    let bytes = (standing != Standing::Same).then_some(bytes);
    Ok(Content {
        bytes,
        standing,
        flag,
    })
}

/// A file that does not travel in memory: read here only if it may be the one that is stored.
fn large_file(found: &Found, known: Option<&Known>) -> Result<Content, String> {
    let standing = match known.map(|known| (known, &known.what)) {
        None => Standing::New,
        Some((known, What::File(file))) if file.blob.size == found.entry.size => {
            let hash = hash(&found.disk)?;
            stored::standing(known, hash == *file.blob.hash(), found.modified_at)
        }
        Some((known, What::Vectors(_))) if known.size == found.entry.size => Standing::Ask,
        Some(_) => Standing::Differs,
    };
    Ok(Content {
        bytes: None,
        standing,
        flag: found.flag.clone(),
    })
}

/// A chat that does not travel in memory: read here for what is wrong with it only.
fn large_chat(found: &Found, known: Option<&Known>) -> Result<Content, String> {
    let flag = stable(&found.disk, |file| {
        let (mut lines, mut broken) = (Lines::new(file), Broken::default());
        while let Some((line, _)) = lines.next()? {
            broken.look_at(&line);
        }
        Ok(broken.flag())
    })?;
    let standing = match known.map(|known| &known.what) {
        None => Standing::New,
        Some(What::Chat(chat)) if u64::try_from(chat.byte_size) != Ok(found.entry.size) => Standing::Differs,
        Some(What::Chat(chat)) if chat.modified_at == found.modified_at => Standing::Same,
        Some(_) => Standing::Ask,
    };
    Ok(Content {
        bytes: None,
        standing,
        flag,
    })
}

/// BLAKE3 of a file that does not change meanwhile.
///
/// # Errors
/// A sentence for the report.
pub fn hash(path: &Path) -> Result<[u8; 32], String> {
    let mut hasher = blake3::Hasher::new();
    stable(path, |file| hasher.update_reader(file).map(|_| ()))?;
    Ok(*hasher.finalize().as_bytes())
}

fn standing(found: &Found, known: &Known, bytes: &[u8]) -> Standing {
    let same = |same| stored::standing(known, same, found.modified_at);
    let is = |hash: &[u8; 32]| blake3::hash(bytes).as_bytes() == hash;
    match &known.what {
        What::File(file) => same(is(file.blob.hash())),
        What::Card(card) if card.pristine => same(is(card.image.hash())),
        What::Document { sha256, .. } => same(Sha256::digest(bytes)[..] == sha256[..]),
        What::Chat(chat) if u64::try_from(chat.byte_size) != Ok(bytes.len() as u64) => Standing::Differs,
        What::Chat(chat) if chat.modified_at == found.modified_at => Standing::Same,
        What::Vectors(_) if known.size != bytes.len() as u64 => Standing::Differs,
        What::Chat(_) | What::Card(_) | What::ChatBackup(_) | What::Vectors(_) | What::Secrets => {
            Standing::Ask
        }
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
        Place::Chat { .. } | Place::RootChat { .. } | Place::GroupChat { .. } => {
            let mut broken = Broken::default();
            chat::split(bytes)
                .into_iter()
                .for_each(|line| broken.look_at(line));
            broken.flag()
        }
        Place::Derived { .. } | Place::File { .. } => None,
    }
}

/// Lines of a chat that are not JSON.
#[derive(Debug, Default)]
struct Broken {
    lines: usize,
    first: usize,
    count: usize,
}

impl Broken {
    fn look_at(&mut self, line: &[u8]) {
        self.lines += 1;
        // Whoever reads the line takes U+FFFD for what is not UTF-8, and then it may be JSON.
        if line.trim_ascii().is_empty() || json::is_valid(line) || chat::LineFacts::of(line).kept {
            return;
        }
        self.count += 1;
        if self.first == 0 {
            self.first = self.lines;
        }
    }

    fn flag(&self) -> Option<String> {
        let Self { first, count, .. } = self;
        match count {
            0 => None,
            1 => Some(format!(
                "line {first} is not JSON; kept as it is, though no chat shows it"
            )),
            count => Some(format!(
                "{count} lines are not JSON (the first is line {first}); kept as they are, though no chat shows them"
            )),
        }
    }
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

    fn broken_lines(file: &[u8]) -> Option<String> {
        let place = Place::classify("group chats/a.jsonl").unwrap();
        flag(&place, file)
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

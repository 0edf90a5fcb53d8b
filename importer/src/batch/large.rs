//! Files that are never in memory as a whole.

use std::fs::File;
use std::path::Path;

use squaretable::store::chats::{Cause, Saving};
use squaretable::store::{blobs, files};
use tokio::sync::mpsc;

use super::{Batch, vectors};
use crate::ledger::Note;
use crate::lines::Lines;
use crate::report::Outcome;
use crate::scan::Found;
use crate::stored::split;

/// Bytes of lines on their way to the database at a time, but for the last of them.
const PIECE: usize = 4 << 20;

const CHANGED: &str = "it changed while it was read; run again";

/// Some lines, and whether the last of them is the file's last.
type Piece = (Vec<Vec<u8>>, bool);

impl Batch {
    /// Stores a large file in a transaction of its own, so that one that changes meanwhile takes nothing else along.
    pub(super) async fn stream_file(&mut self, found: &Found, flag: Option<String>) -> anyhow::Result<()> {
        self.commit().await?;
        let previous = self.previous(found).await?;
        let path = found.place.path();
        let (folder, name) = split(&path);
        let stored = blobs::put_file(self.tx().await?, &found.disk).await;
        if !is_calm(found) {
            return self.drop_changed(found, flag);
        }
        let blob = stored?;
        vectors::make_way(self.tx().await?, folder, name).await?;
        files::put_at(self.tx().await?, folder, name, &blob, found.modified_at).await?;
        self.written(found, flag, *blob.hash(), previous);
        self.commit().await
    }

    /// Stores a large chat in a transaction of its own, line by line.
    pub(super) async fn stream_chat(&mut self, found: &Found, flag: Option<String>) -> anyhow::Result<()> {
        self.commit().await?;
        let previous = self.previous(found).await?;
        let path = found.place.path();
        let (folder, name) = split(&path);
        let (send, mut pieces) = mpsc::channel(1);
        let disk = found.disk.clone();
        let reader = tokio::task::spawn_blocking(move || read(&disk, &send));
        let tx = self.tx().await?;
        let mut saving = Saving::begin(tx, folder, name, found.modified_at).await?;
        while let Some((lines, is_end)) = pieces.recv().await {
            let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
            saving.add(tx, &lines, is_end).await?;
        }
        let hash = match reader.await? {
            Ok(hash) if is_calm(found) => hash,
            _ => return self.drop_changed(found, flag),
        };
        saving.finish(tx, Cause::Import).await?;
        self.written(found, flag, hash, previous);
        self.commit().await
    }

    /// Takes back what was written of a file that changed meanwhile.
    fn drop_changed(&mut self, found: &Found, flag: Option<String>) -> anyhow::Result<()> {
        self.tx = None;
        let outcome = Outcome::Rejected(CHANGED.to_owned());
        self.settle(found, outcome, flag, &Note::default());
        Ok(())
    }
}

/// Sends a file's lines, until all are sent or nobody listens any more. Answers with the BLAKE3 of its bytes. Blocks.
fn read(path: &Path, out: &mpsc::Sender<Piece>) -> std::io::Result<[u8; 32]> {
    let mut lines = Lines::new(File::open(path)?);
    let mut hasher = blake3::Hasher::new();
    let (mut piece, mut bytes) = (Vec::new(), 0);
    while let Some((line, is_last)) = lines.next()? {
        hasher.update(&line);
        if !is_last {
            hasher.update(b"\n");
        }
        bytes += line.len();
        piece.push(line);
        if is_last || bytes >= PIECE {
            bytes = 0;
            if out.blocking_send((std::mem::take(&mut piece), is_last)).is_err() {
                break;
            }
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Whether a file is still as it was when it was found.
fn is_calm(found: &Found) -> bool {
    std::fs::metadata(&found.disk).is_ok_and(|now| {
        now.len() == found.entry.size
            && crate::scan::times(&now).is_some_and(|(at, _)| at == found.modified_at)
    })
}

//! A user's folder as a ZIP archive, made while it is sent.
//!
//! One task reads the database, another (on a thread of its own) compresses, and the browser takes what comes out. Each
//! hands on only so much as the next can take, so memory does not grow with the folder. The archive is complete, or the
//! transfer breaks.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::rc::Rc;
use std::{cell::Cell, mem};

use bytes::Bytes;
use chrono::{DateTime, Datelike, Local, Timelike, Utc};
use futures_util::{Stream, TryStreamExt};
use squaretable_compat::layout::is_safe;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use zip::write::{FullFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use crate::error::Result;
use crate::keys::MasterKey;
use crate::long_reads;
use crate::reply::{Pipe, pipe};
use crate::store::{Tx, blobs, chats, vectors};
use crate::tenant::Tenant;
use crate::user_folder::{self, Content, Fault, Item, What};

/// Parts that may wait to be compressed, of at most [`PIECE`] each.
const WAITING: usize = 4;

/// Bytes of a part; stored files come in chunks of this size.
const PIECE: usize = 1 << 20;

/// Bytes of a piece of the archive.
const SENT: usize = 64 << 10;

/// The lowest level that leaves pictures as they are (level 1 makes them 7 % longer); texts gain little from a higher one.
const LEVEL: i64 = 2;

/// Sizes from here on are written in 64 bits: below it, no compression grows a file past 32 bits.
const LARGE: u64 = 2 << 30;

/// Whether API keys go along: `secrets.json`, and what the original kept of it before it changed its form.
pub enum Contents {
    /// Everything.
    WithKeys(MasterKey),
    /// Everything but the keys.
    WithoutKeys,
}

impl Contents {
    fn include(&self, item: &Item) -> bool {
        match self {
            Self::WithKeys(_) => true,
            Self::WithoutKeys => !matches!(item.what, What::Secrets) && !holds_keys(&item.path),
        }
    }

    fn key(&self) -> Option<&MasterKey> {
        match self {
            Self::WithKeys(key) => Some(key),
            Self::WithoutKeys => None,
        }
    }
}

/// What the packer gets, in the order of the archive.
enum Part {
    Folder(String),
    File {
        path: String,
        size: u64,
        modified_at: DateTime<Utc>,
    },
    Bytes(Bytes),
    End,
}

/// Why there are no more parts.
enum Cut {
    /// Nobody takes them any more.
    Left,
    /// A file cannot be read.
    Failed { path: String, fault: Fault },
}

/// The archive of everything that the tenant holds now. What is listed but cannot be read breaks the stream; dropping
/// the stream ends the work. `place` is held until then.
///
/// # Errors
/// The database failed before there was anything to send.
pub async fn stream(
    tenant: &Tenant,
    contents: Contents,
    place: long_reads::Place,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
    let mut tx = tenant.begin_snapshot().await?;
    let mut items = user_folder::items(&mut tx).await?;
    items.retain(|item| contents.include(item));
    items.sort_by(|a, b| a.path.cmp(&b.path));
    let folders = with_parents(&user_folder::folders(&mut tx).await?, &items);
    let (out, body) = pipe();
    let (parts, queue) = mpsc::channel(WAITING);
    let tenant = tenant.clone();
    tokio::spawn(async move {
        let ended = tokio::select! {
            ended = read(&mut tx, &contents, folders, items, &parts) => ended,
            () = tenant.closed() => Err(Cut::Left),
        };
        if let Err(Cut::Failed { path, fault }) = ended {
            tracing::error!(error = %fault, path, user = tenant.handle(), "a backup was cut off");
        }
        // The connection first, then the place of who holds one.
        drop(tx);
        drop(place);
    });
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || pack(queue, out, runtime));
    Ok(body)
}

/// compat: `backups/secrets_migration_*.json` directly in that folder.
fn holds_keys(path: &str) -> bool {
    let kept = path.strip_prefix("backups/secrets_migration_");
    kept.is_some_and(|rest| rest.ends_with(".json") && !rest.contains('/'))
}

/// All folders that something lies in belong to the archive, too.
fn with_parents(folders: &BTreeSet<String>, items: &[Item]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let paths = folders.iter().map(|folder| format!("{folder}/"));
    for path in paths.chain(items.iter().map(|item| item.path.clone())) {
        all.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
    }
    all
}

/// Sends everything to the packer.
async fn read(
    tx: &mut Tx,
    contents: &Contents,
    folders: BTreeSet<String>,
    items: Vec<Item>,
    parts: &mpsc::Sender<Part>,
) -> Result<(), Cut> {
    for folder in folders {
        send(parts, Part::Folder(folder)).await?;
    }
    for item in items {
        read_item(tx, contents, &item, parts).await?;
    }
    send(parts, Part::End).await
}

async fn read_item(
    tx: &mut Tx,
    contents: &Contents,
    item: &Item,
    parts: &mpsc::Sender<Part>,
) -> Result<(), Cut> {
    let failed = |fault| Cut::Failed {
        path: item.path.clone(),
        fault,
    };
    if !is_safe(&item.path) {
        return Err(failed(Fault::Mismatch));
    }
    let content = item.read(tx, contents.key()).await.map_err(failed)?;
    let head = |size| Part::File {
        path: item.path.clone(),
        size,
        modified_at: item.modified_at,
    };
    match content {
        Content::Bytes(mut bytes) => {
            send(parts, head(bytes.len() as u64)).await?;
            while !bytes.is_empty() {
                let piece = bytes.split_to(bytes.len().min(PIECE));
                send(parts, Part::Bytes(piece)).await?;
            }
        }
        Content::Stored(blob) => {
            send(parts, head(blob.size)).await?;
            let (mut at, mut hasher) = (0, blake3::Hasher::new());
            while at < blob.size {
                let piece = blobs::chunk(tx, &blob, at, blob.size).await;
                let piece = piece.map_err(|error| failed(error.into()))?;
                at += piece.len() as u64;
                hasher.update(&piece);
                send(parts, Part::Bytes(piece)).await?;
            }
            if hasher.finalize().as_bytes() != blob.hash() {
                return Err(failed(Fault::Mismatch));
            }
        }
        Content::Chat(chat) => {
            send(parts, head(item.size)).await?;
            send_composed(chats::pieces(tx, &chat), item.size, parts, failed).await?;
        }
        Content::Vectors(index) => {
            send(parts, head(item.size)).await?;
            send_composed(vectors::pieces(tx, &index), item.size, parts, failed).await?;
        }
    }
    Ok(())
}

/// Sends what is composed in pieces, which are to be as many bytes as was said of them.
async fn send_composed(
    pieces: impl Stream<Item = Result<Bytes>> + Send,
    size: u64,
    parts: &mpsc::Sender<Part>,
    failed: impl Fn(Fault) -> Cut + Send + Sync,
) -> Result<(), Cut> {
    let mut left = size;
    let mut pieces = std::pin::pin!(pieces);
    while let Some(mut piece) = pieces.try_next().await.map_err(|error| failed(error.into()))? {
        let fits = left.checked_sub(piece.len() as u64);
        left = fits.ok_or_else(|| failed(Fault::Mismatch))?;
        while !piece.is_empty() {
            let part = piece.split_to(piece.len().min(PIECE));
            send(parts, Part::Bytes(part)).await?;
        }
    }
    if left > 0 {
        return Err(failed(Fault::Mismatch));
    }
    Ok(())
}

async fn send(parts: &mpsc::Sender<Part>, part: Part) -> Result<(), Cut> {
    parts.send(part).await.map_err(|_| Cut::Left)
}

/// Compresses the parts; ends the archive only when they have ended.
fn pack(parts: mpsc::Receiver<Part>, pipe: Pipe, runtime: Handle) {
    let is_cut = Rc::new(Cell::new(false));
    let mut zip = ZipWriter::new_stream(Sink {
        pipe,
        runtime,
        buffer: Vec::with_capacity(SENT),
        is_cut: is_cut.clone(),
    });
    let ended = match fill(&mut zip, parts) {
        Ok(()) => zip
            .finish()
            .map_err(io::Error::from)
            .map(StreamWriter::into_inner),
        Err(error) => {
            // Dropping the writer would still give the archive its table of contents.
            is_cut.set(true);
            Err(error)
        }
    };
    if let Err(error) = ended.and_then(Sink::end) {
        tracing::debug!(%error, "a backup ended early");
    }
}

fn fill(zip: &mut ZipWriter<StreamWriter<Sink>>, mut parts: mpsc::Receiver<Part>) -> io::Result<()> {
    let now = Utc::now();
    loop {
        match parts.blocking_recv() {
            Some(Part::Folder(path)) => zip.add_directory(path, options(now, 0)?)?,
            Some(Part::File {
                path,
                size,
                modified_at,
            }) => zip.start_file(path, options(modified_at, size)?)?,
            Some(Part::Bytes(bytes)) => zip.write_all(&bytes)?,
            Some(Part::End) => return Ok(()),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// The time goes in twice: as ZIP has it (local, to two seconds), and as everybody reads it (Unix seconds).
fn options(modified_at: DateTime<Utc>, size: u64) -> io::Result<FullFileOptions<'static, 'static>> {
    let options = FullFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .large_file(size >= LARGE)
        .last_modified_time(dos_time(modified_at).unwrap_or_default());
    Ok(match u32::try_from(modified_at.timestamp()) {
        Ok(seconds) => options.with_extended_timestamp(Some(seconds), None, None)?,
        Err(_) => options,
    })
}

/// `None` for years that ZIP cannot write.
fn dos_time(at: DateTime<Utc>) -> Option<zip::DateTime> {
    let at = at.with_timezone(&Local);
    let part = |number: u32| u8::try_from(number).ok();
    zip::DateTime::from_date_and_time(
        u16::try_from(at.year()).ok()?,
        part(at.month())?,
        part(at.day())?,
        part(at.hour())?,
        part(at.minute())?,
        part(at.second())?,
    )
    .ok()
}

/// Where the archive goes. Once cut, it takes what comes and sends nothing.
struct Sink {
    pipe: Pipe,
    runtime: Handle,
    buffer: Vec<u8>,
    is_cut: Rc<Cell<bool>>,
}

impl Sink {
    fn end(mut self) -> io::Result<()> {
        self.send()?;
        self.runtime.block_on(self.pipe.end())
    }

    fn send(&mut self) -> io::Result<()> {
        let bytes = mem::replace(&mut self.buffer, Vec::with_capacity(SENT));
        let sent = self.runtime.block_on(self.pipe.send(bytes.into()));
        self.is_cut.set(sent.is_err());
        sent
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_cut.get() {
            return Ok(bytes.len());
        }
        let taken = bytes.len().min(SENT - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == SENT {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

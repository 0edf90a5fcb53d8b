//! Files on their way into one transaction, with their lines of the ledger.

mod large;
mod sealed;
pub mod vectors;

use std::sync::Arc;

use anyhow::Context as _;
use squaretable::store::characters::NewCharacter;
use squaretable::store::chats::Cause;
use squaretable::store::imports::{self, Action, Line, Previous, PreviousContent};
use squaretable::store::{Tx, blobs, characters, chats, documents, files};
use squaretable::tenant::Tenant;
use squaretable::user_folder::What;
use squaretable_compat::layout::Place;
use squaretable_compat::{chat, png};

use crate::ledger::{self, Note};
use crate::load::Run;
use crate::plan;
use crate::policy::OnConflict;
use crate::read::{Content, Item};
use crate::report::{Kind, Outcome};
use crate::scan::Found;
use crate::stored::{Standing, Stored, split};

/// A transaction ends after so many bytes ...
const BATCH_BYTES: u64 = 64 << 20;
/// ... or after so many files.
const BATCH_FILES: usize = 500;

/// The open transaction of a lane. A file counts as moved only once it is committed.
pub struct Batch {
    run: Run,
    tenant: Tenant,
    stored: Arc<Stored>,
    tx: Option<Tx>,
    bytes: u64,
    written: Vec<(Found, Option<String>)>,
    lines: Vec<Line>,
}

impl Batch {
    /// An empty one.
    pub fn new(run: Run, tenant: Tenant, stored: Arc<Stored>) -> Self {
        Self {
            run,
            tenant,
            stored,
            tx: None,
            bytes: 0,
            written: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Deals with one file.
    ///
    /// # Errors
    /// The database failed, or the run ends here (`Stopped`).
    pub async fn take(&mut self, item: Item) -> anyhow::Result<()> {
        let found = &item.found;
        let path = &found.entry.path;
        match item.content {
            Err(reason) => self.reject(found, reason).await?,
            Ok(content) => self
                .store(found, content)
                .await
                .with_context(|| format!("cannot store {path}"))?,
        }
        if self.bytes >= BATCH_BYTES || self.lines.len() >= BATCH_FILES {
            self.commit().await?;
        }
        Ok(self.run.check()?)
    }

    async fn store(&mut self, found: &Found, content: Content) -> anyhow::Result<()> {
        let Content {
            bytes,
            standing,
            flag,
        } = content;
        if found.is_sealed() {
            return self.store_sealed(found, &bytes.unwrap_or_default(), flag).await;
        }
        let standing = match standing {
            Standing::Ask => {
                let stored = self.stored.clone();
                plan::compare(self.tx().await?, &stored, found, bytes.as_deref()).await?
            }
            standing => standing,
        };
        match self.decide(found, standing) {
            Some(outcome) => {
                let note = Note {
                    hash: bytes.as_deref().map(|bytes| *blake3::hash(bytes).as_bytes()),
                    ..Note::default()
                };
                self.settle(found, outcome, flag, &note);
                Ok(())
            }
            None => match bytes {
                Some(bytes) => self.write_and_note(found, &bytes, flag).await,
                None if found.entry.kind == Kind::Chat => self.stream_chat(found, flag).await,
                None => self.stream_file(found, flag).await,
            },
        }
    }

    /// What becomes of a file without writing it; `None` when it is to be written.
    fn decide(&self, found: &Found, standing: Standing) -> Option<Outcome> {
        let path = found.place.path();
        let yields = self.stored.yields(&path, found.modified_at);
        match standing {
            Standing::New | Standing::Ask => None,
            Standing::Same => Some(Outcome::Unchanged),
            Standing::Touched => (!yields).then_some(Outcome::Unchanged),
            Standing::Differs if self.stored.is_default(&path) => None,
            Standing::Differs => match self.run.on_conflict {
                OnConflict::Overwrite => None,
                OnConflict::Newer if yields => None,
                OnConflict::Newer => Some(Outcome::Skipped(
                    "Squaretable holds a version that was changed later".to_owned(),
                )),
                OnConflict::Skip | OnConflict::Rename => Some(Outcome::Skipped(
                    "Squaretable holds another version, which was kept".to_owned(),
                )),
                // Going on with a run: its own earlier version gives way to what changed in the source since.
                OnConflict::Fail if yields => None,
                OnConflict::Fail => Some(Outcome::Refused(
                    "Squaretable holds a version that was changed later".to_owned(),
                )),
            },
        }
    }

    async fn write_and_note(
        &mut self,
        found: &Found,
        bytes: &[u8],
        flag: Option<String>,
    ) -> anyhow::Result<()> {
        let previous = self.previous(found).await?;
        self.write(found, bytes).await?;
        self.bytes += found.entry.size;
        self.written(found, flag, *blake3::hash(bytes).as_bytes(), previous);
        Ok(())
    }

    /// Keeps what lies at the file's path aside.
    async fn previous(&mut self, found: &Found) -> anyhow::Result<Option<Previous>> {
        let stored = self.stored.clone();
        let Some(known) = stored.get(&found.place.path()) else {
            return Ok(None);
        };
        let tx = self.tx().await?;
        let content = match (&known.what, &found.place) {
            (What::Chat(chat), _) => PreviousContent::Revision(chat.head),
            (What::Vectors(index), _) => PreviousContent::Bytes(vectors::keep(tx, index).await?),
            (_, Place::Document { kind, name }) => match documents::get(tx, *kind, name).await? {
                Some(document) => PreviousContent::Bytes(blobs::put(tx, &document.body).await?),
                None => return Ok(None),
            },
            (_, Place::Character { avatar }) => match characters::get(tx, avatar).await? {
                Some(character) => {
                    let bytes = characters::file(tx, &character).await?;
                    PreviousContent::Bytes(blobs::put(tx, &bytes).await?)
                }
                None => return Ok(None),
            },
            (_, place) => {
                let path = place.path();
                let (folder, name) = split(&path);
                match files::get(tx, folder, name).await? {
                    Some(file) => PreviousContent::Bytes(file.blob),
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(Previous {
            content,
            modified_at: known.modified_at,
        }))
    }

    async fn write(&mut self, found: &Found, bytes: &[u8]) -> anyhow::Result<()> {
        let (modified_at, changed_at) = (found.modified_at, found.changed_at);
        let tx = self.tx().await?;
        match &found.place {
            Place::Document { kind, name } => documents::put_at(tx, *kind, name, bytes, modified_at).await?,
            Place::Character { avatar } => {
                let image = &blobs::put(tx, bytes).await?;
                let card = png::read_card(bytes).ok();
                let card = card.as_deref();
                let new = NewCharacter {
                    avatar,
                    image,
                    pristine: true,
                    card,
                    modified_at,
                    changed_at,
                };
                characters::put(tx, &new).await?;
            }
            place => {
                let path = place.path();
                let (folder, name) = split(&path);
                if Kind::of(place) == Kind::Chat {
                    let lines = chat::split(bytes);
                    chats::save_at(tx, folder, name, &lines, Cause::Import, modified_at).await?;
                } else {
                    let blob = blobs::put(tx, bytes).await?;
                    vectors::make_way(tx, folder, name).await?;
                    files::put_at(tx, folder, name, &blob, modified_at).await?;
                }
            }
        }
        Ok(())
    }

    /// Keeps the bytes of a file that cannot be taken, where they can be read.
    async fn reject(&mut self, found: &Found, reason: String) -> anyhow::Result<()> {
        // API keys are stored sealed or not at all.
        let rejected = if found.is_sealed() {
            None
        } else {
            // A file that cannot be read to its end leaves half a content: nothing else may share its transaction.
            self.commit().await?;
            let kept = blobs::put_file(self.tx().await?, &found.disk).await;
            if kept.is_err() {
                self.tx = None;
            }
            kept.ok()
        };
        let note = Note {
            rejected,
            ..Note::default()
        };
        self.settle(found, Outcome::Rejected(reason), None, &note);
        Ok(())
    }

    fn written(&mut self, found: &Found, flag: Option<String>, hash: [u8; 32], previous: Option<Previous>) {
        let note = Note {
            hash: Some(hash),
            action: Some(if previous.is_some() {
                Action::Replaced
            } else {
                Action::Created
            }),
            previous,
            rejected: None,
        };
        self.lines
            .push(ledger::line(found, &Outcome::Moved, flag.as_deref(), &note));
        self.written.push((found.clone(), flag));
    }

    async fn tx(&mut self) -> anyhow::Result<&mut Tx> {
        if self.tx.is_none() {
            self.tx = Some(self.tenant.begin().await?);
        }
        self.tx.as_mut().context("a transaction was just begun")
    }

    /// Makes everything durable, ledger and all; takes it back in a dry run.
    ///
    /// # Errors
    /// The database failed; nothing of the batch is in then.
    pub async fn commit(&mut self) -> anyhow::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        if self.run.dry_run {
            self.tx = None;
        } else if !lines.is_empty() {
            let run_id = self.run.run_id;
            imports::record(self.tx().await?, run_id, &lines).await?;
        }
        if let Some(tx) = self.tx.take() {
            tx.commit().await?;
        }
        for (found, flag) in std::mem::take(&mut self.written) {
            self.run.settle(&found.entry, Outcome::Moved, flag);
        }
        self.bytes = 0;
        Ok(())
    }

    fn settle(&mut self, found: &Found, outcome: Outcome, flag: Option<String>, note: &Note) {
        self.lines
            .push(ledger::line(found, &outcome, flag.as_deref(), note));
        self.run.settle(&found.entry, outcome, flag);
    }
}

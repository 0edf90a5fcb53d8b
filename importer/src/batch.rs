//! Files on their way into one transaction, with their lines of the ledger.

use std::sync::Arc;

use anyhow::Context as _;
use squaretable::store::characters::NewCharacter;
use squaretable::store::chats::Cause;
use squaretable::store::imports::{self, Action, Line, Previous, PreviousContent};
use squaretable::store::{Tx, blobs, characters, chats, documents, files, secrets};
use squaretable::tenant::Tenant;
use squaretable_compat::layout::Place;
use squaretable_compat::{chat, png};

use crate::ledger::{self, Note};
use crate::load::Run;
use crate::plan;
use crate::policy::OnConflict;
use crate::read::{Content, Item};
use crate::report::{Kind, Outcome};
use crate::scan::Found;
use crate::stored::{Mark, Standing, Stored, split};

/// A transaction ends after so many bytes ...
const BATCH_BYTES: u64 = 64 << 20;
/// ... or after so many files.
const BATCH_FILES: usize = 500;

const NO_KEY: &str =
    "there is no master key: set SQUARETABLE_MASTER_KEY to the server's, or name its --data-dir";

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
        if found.place == Place::Secrets {
            return self.store_secrets(found, &bytes.unwrap_or_default(), flag).await;
        }
        let standing = match (standing, &bytes) {
            (Standing::Ask, Some(bytes)) => {
                let stored = self.stored.clone();
                plan::compare(self.tx().await?, &stored, found, bytes).await?
            }
            (standing, _) => standing,
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
                None => self.stream(found, flag).await,
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
        let content = match (&known.content, &found.place) {
            (Mark::Chat(chat), _) => PreviousContent::Revision(chat.head),
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
                    files::put_at(tx, folder, name, &blob, modified_at).await?;
                }
            }
        }
        Ok(())
    }

    /// Stores a large file in a transaction of its own, so that one that changes meanwhile takes nothing else along.
    async fn stream(&mut self, found: &Found, flag: Option<String>) -> anyhow::Result<()> {
        self.commit().await?;
        let previous = self.previous(found).await?;
        let path = found.place.path();
        let (folder, name) = split(&path);
        let tx = self.tx().await?;
        let stored = blobs::put_file(tx, &found.disk).await;
        if !is_calm(found) {
            self.tx = None;
            let reason = "it changed while it was read; run again".to_owned();
            self.settle(found, Outcome::Rejected(reason), flag, &Note::default());
            return Ok(());
        }
        let blob = stored?;
        files::put_at(self.tx().await?, folder, name, &blob, found.modified_at).await?;
        self.written(found, flag, *blob.hash(), previous);
        self.commit().await
    }

    async fn store_secrets(
        &mut self,
        found: &Found,
        bytes: &[u8],
        flag: Option<String>,
    ) -> anyhow::Result<()> {
        let Some(key) = self.run.key.clone() else {
            return self.reject(found, NO_KEY.to_owned()).await;
        };
        let policy = self.run.on_conflict;
        let tx = self.tx().await?;
        let sealed = secrets::sealed(tx).await?;
        let gives_way = |at| match policy {
            OnConflict::Overwrite => true,
            OnConflict::Newer | OnConflict::Fail => at <= found.modified_at,
            OnConflict::Skip | OnConflict::Rename => false,
        };
        let outcome = match &sealed {
            None => Outcome::Moved,
            Some((_, at)) => match secrets::get(tx, &key).await {
                Ok(stored) if stored.as_deref() == Some(bytes) => Outcome::Unchanged,
                Ok(_) if gives_way(*at) => Outcome::Moved,
                Ok(_) if policy == OnConflict::Fail => {
                    Outcome::Refused("Squaretable holds other API keys".to_owned())
                }
                Ok(_) => Outcome::Skipped("Squaretable holds other API keys, which were kept".to_owned()),
                // Sealing under a second key would lock the tenant's server out.
                Err(error) => Outcome::Rejected(format!("the stored secrets cannot be read: {error}")),
            },
        };
        if outcome != Outcome::Moved {
            self.settle(found, outcome, flag, &Note::default());
            return Ok(());
        }
        let previous = match sealed {
            Some((sealed, modified_at)) => Some(Previous {
                content: PreviousContent::Bytes(blobs::put(tx, &ledger::pack(&sealed)).await?),
                modified_at,
            }),
            None => None,
        };
        secrets::put_at(tx, &key, bytes, found.modified_at).await?;
        self.written(found, flag, *blake3::hash(bytes).as_bytes(), previous);
        Ok(())
    }

    /// Keeps the bytes of a file that cannot be taken, where they can be read.
    async fn reject(&mut self, found: &Found, reason: String) -> anyhow::Result<()> {
        // API keys are stored sealed or not at all.
        let rejected = if found.place == Place::Secrets {
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

/// Whether a file is still as it was when it was found.
fn is_calm(found: &Found) -> bool {
    std::fs::metadata(&found.disk).is_ok_and(|now| {
        now.len() == found.entry.size
            && crate::scan::times(&now).is_some_and(|(at, _)| at == found.modified_at)
    })
}

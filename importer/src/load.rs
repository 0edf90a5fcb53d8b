//! Writes files into a tenant, in lanes that run side by side.
//!
//! Chats go in two lanes, everything else in one: only that one touches `blobs`, whose rows all lanes would share, so
//! no lane waits for another's transaction.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use squaretable::keys::MasterKey;
use squaretable::store::characters::NewCharacter;
use squaretable::store::chats::Cause;
use squaretable::store::{Db, Tx, blobs, characters, chats, documents, files, secrets};
use squaretable::tenant::Tenant;
use squaretable_compat::layout::{Place, USER_FOLDERS};
use squaretable_compat::{chat, png};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::accounts::is_automatic;
use crate::progress::Progress;
use crate::read::{self, Content, Item};
use crate::report::{Entry, Outcome, Report};
use crate::scan::{Found, UserScan};
use crate::stored::{Mark, Standing, Stored, split};

/// A transaction ends after so many bytes ...
const BATCH_BYTES: u64 = 64 << 20;
/// ... or after so many files.
const BATCH_FILES: usize = 500;
/// Files between a reader and its writer.
const QUEUE: usize = 64;

const NEWER: &str = "Squaretable holds a version that was edited later; --overwrite replaces it";

/// What every lane needs.
#[derive(Clone)]
pub struct Run {
    /// The database.
    pub db: Db,
    /// The key of stored secrets.
    pub key: Option<MasterKey>,
    /// Replace what is newer, too.
    pub overwrite: bool,
    /// The bar.
    pub progress: Arc<Progress>,
    /// The counts.
    pub report: Arc<Mutex<Report>>,
}

impl Run {
    fn settle(&self, entry: &Entry, outcome: Outcome, flag: Option<String>) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.settle(entry, outcome, flag);
    }
}

/// Loads one account and its folder.
///
/// # Errors
/// The database failed. Whatever was committed before is in, and in the report.
pub async fn user(run: &Run, user: UserScan) -> anyhow::Result<()> {
    let tenant = open(run, &user)
        .await
        .with_context(|| format!("account {}", user.account.handle))?;
    let mut tx = tenant.begin().await?;
    let folders: Vec<String> = USER_FOLDERS
        .iter()
        .map(ToString::to_string)
        .chain(user.folders)
        .collect();
    files::create_folders(&mut tx, &folders).await?;
    let stored = Arc::new(Stored::read(&mut tx).await?);
    tx.commit().await?;
    let mut lanes: [Vec<Found>; 3] = Default::default();
    for (index, found) in user.files.into_iter().enumerate() {
        lanes[if chat_place(&found.place).is_some() {
            index % 2
        } else {
            2
        }]
        .push(found);
    }
    // It tells default content from edited content (`Stored::yields`), so an interrupted run must not have changed it.
    lanes[2].sort_by_key(|found| found.place.path() == "content.log");
    let mut tasks = JoinSet::new();
    for files in lanes.into_iter().filter(|files| !files.is_empty()) {
        tasks.spawn(lane(run.clone(), tenant.clone(), stored.clone(), files));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// The account's tenant, the account brought in.
async fn open(run: &Run, user: &UserScan) -> anyhow::Result<Tenant> {
    let account = &user.account;
    let (mut tenant, made) = Tenant::open(&run.db, &account.as_new()).await?;
    let outcome = if made {
        Outcome::Moved
    } else if account.equals(tenant.user()) || user.records.is_empty() {
        Outcome::Unchanged
    } else if run.overwrite || is_automatic(tenant.user()) {
        squaretable::store::accounts::replace(&run.db, &account.as_new()).await?;
        (tenant, _) = Tenant::open(&run.db, &account.as_new()).await?;
        Outcome::Moved
    } else {
        Outcome::Refused("Squaretable has another account of this name; --overwrite replaces it".to_owned())
    };
    for (entry, flag) in &user.records {
        run.settle(entry, outcome.clone(), flag.clone());
    }
    Ok(tenant)
}

/// Folder and file name of a chat.
fn chat_place(place: &Place) -> Option<(String, &str)> {
    match place {
        Place::Chat { folder, file } => Some((format!("chats/{folder}"), file)),
        Place::RootChat { file } => Some(("chats".to_owned(), file)),
        Place::GroupChat { file } => Some(("group chats".to_owned(), file)),
        _ => None,
    }
}

/// Reads `files` on a thread of its own and writes them here.
async fn lane(run: Run, tenant: Tenant, stored: Arc<Stored>, files: Vec<Found>) -> anyhow::Result<()> {
    let (send, mut receive) = mpsc::channel(QUEUE);
    let known = stored.clone();
    let runtime = Handle::current();
    let reader = tokio::task::spawn_blocking(move || read::read_all(files, &known, &runtime, &send));
    let mut batch = Batch {
        run,
        tenant,
        stored,
        tx: None,
        bytes: 0,
        written: Vec::new(),
    };
    while let Some(item) = receive.recv().await {
        batch.take(item).await?;
    }
    batch.commit().await?;
    Ok(reader.await?)
}

/// Files on their way into one transaction. A file counts as moved only once that is committed.
struct Batch {
    run: Run,
    tenant: Tenant,
    stored: Arc<Stored>,
    tx: Option<Tx>,
    bytes: u64,
    written: Vec<(Entry, Option<String>)>,
}

impl Batch {
    async fn take(&mut self, item: Item) -> anyhow::Result<()> {
        let found = &item.found;
        let path = &found.entry.path;
        match item.content {
            Err(reason) => self.settle(found, Outcome::Rejected(reason), None),
            Ok(content) => self
                .store(found, content)
                .await
                .with_context(|| format!("cannot store {path}"))?,
        }
        if self.bytes >= BATCH_BYTES || self.written.len() >= BATCH_FILES {
            self.commit().await?;
        }
        Ok(())
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
            (Standing::Ask, Some(bytes)) => self.compare(found, bytes).await?,
            (standing, _) => standing,
        };
        let yields = self.stored.yields(&found.place.path(), found.modified_at);
        match standing {
            Standing::Same => self.settle(found, Outcome::Unchanged, flag),
            Standing::Touched if !yields => self.settle(found, Outcome::Unchanged, flag),
            Standing::Differs if !yields && !self.run.overwrite => {
                self.settle(found, Outcome::Refused(NEWER.to_owned()), flag);
            }
            _ => match bytes {
                Some(bytes) => {
                    self.write(found, &bytes).await?;
                    self.bytes += found.entry.size;
                    self.written.push((found.entry.clone(), flag));
                }
                None => self.stream(found, flag).await?,
            },
        }
        Ok(())
    }

    /// Compares with what must be put together first.
    async fn compare(&mut self, found: &Found, bytes: &[u8]) -> anyhow::Result<Standing> {
        let stored = self.stored.clone();
        let Some(known) = stored.get(&found.place.path()) else {
            return Ok(Standing::New);
        };
        let tx = self.tx().await?;
        let same = match (&known.content, &found.place) {
            (Mark::Chat(chat), _) => chats::file(tx, chat).await? == bytes,
            (Mark::Composed, Place::Character { avatar }) => match characters::get(tx, avatar).await? {
                Some(character) => characters::file(tx, &character).await? == bytes,
                None => return Ok(Standing::New),
            },
            _ => false,
        };
        Ok(known.standing(same, found.modified_at))
    }

    async fn write(&mut self, found: &Found, bytes: &[u8]) -> anyhow::Result<()> {
        let (modified_at, changed_at) = (found.modified_at, found.changed_at);
        let tx = self.tx().await?;
        if let Some((folder, file)) = chat_place(&found.place) {
            let lines = chat::split(bytes);
            return Ok(chats::save_at(tx, &folder, file, &lines, Cause::Import, modified_at).await?);
        }
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
                let blob = blobs::put(tx, bytes).await?;
                let path = place.path();
                let (folder, name) = split(&path);
                files::put_at(tx, folder, name, &blob, modified_at).await?;
            }
        }
        Ok(())
    }

    /// Stores a large file in a transaction of its own, so that one that changes meanwhile takes nothing else along.
    async fn stream(&mut self, found: &Found, flag: Option<String>) -> anyhow::Result<()> {
        self.commit().await?;
        let mut tx = self.tenant.begin().await?;
        let path = found.place.path();
        let (folder, name) = split(&path);
        let stored = blobs::put_file(&mut tx, &found.disk).await;
        let now = std::fs::metadata(&found.disk).ok();
        let calm = now.is_some_and(|now| {
            now.len() == found.entry.size
                && crate::scan::times(&now).is_some_and(|(at, _)| at == found.modified_at)
        });
        if !calm {
            drop(tx);
            let reason = "it changed while it was read; run again".to_owned();
            self.settle(found, Outcome::Rejected(reason), flag);
            return Ok(());
        }
        files::put_at(&mut tx, folder, name, &stored?, found.modified_at).await?;
        tx.commit().await?;
        self.settle(found, Outcome::Moved, flag);
        Ok(())
    }

    async fn store_secrets(
        &mut self,
        found: &Found,
        bytes: &[u8],
        flag: Option<String>,
    ) -> anyhow::Result<()> {
        let Some(key) = self.run.key.clone() else {
            let reason =
                "there is no master key: set SQUARETABLE_MASTER_KEY to the server's, or name its --data-dir";
            self.settle(found, Outcome::Rejected(reason.to_owned()), flag);
            return Ok(());
        };
        let overwrite = self.run.overwrite;
        let tx = self.tx().await?;
        let outcome = match secrets::modified_at(tx).await? {
            None => Outcome::Moved,
            Some(modified_at) => match secrets::get(tx, &key).await {
                Ok(stored) if stored.as_deref() == Some(bytes) => Outcome::Unchanged,
                Ok(_) if overwrite || modified_at <= found.modified_at => Outcome::Moved,
                Ok(_) => Outcome::Refused(NEWER.to_owned()),
                // Sealing under a second key would lock the tenant's server out.
                Err(error) => Outcome::Rejected(format!("the stored secrets cannot be read: {error}")),
            },
        };
        if outcome == Outcome::Moved {
            secrets::put_at(tx, &key, bytes, found.modified_at).await?;
            self.written.push((found.entry.clone(), flag));
        } else {
            self.settle(found, outcome, flag);
        }
        Ok(())
    }

    async fn tx(&mut self) -> anyhow::Result<&mut Tx> {
        if self.tx.is_none() {
            self.tx = Some(self.tenant.begin().await?);
        }
        self.tx.as_mut().context("a transaction was just begun")
    }

    async fn commit(&mut self) -> anyhow::Result<()> {
        if let Some(tx) = self.tx.take() {
            tx.commit().await?;
        }
        for (entry, flag) in std::mem::take(&mut self.written) {
            self.run.progress.advance(entry.size);
            self.run.settle(&entry, Outcome::Moved, flag);
        }
        self.bytes = 0;
        Ok(())
    }

    fn settle(&self, found: &Found, outcome: Outcome, flag: Option<String>) {
        self.run.progress.advance(found.entry.size);
        self.run.settle(&found.entry, outcome, flag);
    }
}

//! Writes the files of one account into its tenant, in lanes that run side by side.
//!
//! Chats go in all lanes but one, everything else in that one: only it touches `blobs`, whose rows all lanes would
//! share, so no lane waits for another's transaction.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use squaretable::keys::MasterKey;
use squaretable::store::{Db, Tx, accounts, files, imports};
use squaretable::tenant::Tenant;
use squaretable_compat::layout::USER_FOLDERS;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::accounts::{DEFAULT, is_automatic};
use crate::batch::Batch;
use crate::ledger;
use crate::plan::{self, Conflicts};
use crate::policy::{OnConflict, OnError};
use crate::progress::Progress;
use crate::read;
use crate::report::{Entry, Kind, Outcome, Report};
use crate::runs::PAGE;
use crate::scan::{Found, UserScan};
use crate::stored::Stored;
use crate::system;

/// Files between a reader and its writer.
const QUEUE: usize = 64;

/// What every lane needs.
#[derive(Clone)]
pub struct Run {
    /// The database.
    pub db: Db,
    /// The key of stored secrets.
    pub key: Option<MasterKey>,
    /// The run's name in the ledger.
    pub run_id: Uuid,
    /// What happens where something is in the way.
    pub on_conflict: OnConflict,
    /// What happens when files cannot be taken.
    pub on_error: OnError,
    /// Roll everything back.
    pub dry_run: bool,
    /// Lanes.
    pub jobs: usize,
    /// The bar.
    pub progress: Arc<Progress>,
    /// The counts.
    pub report: Arc<Mutex<Report>>,
}

/// Why a run ended before all files were dealt with.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The account holds something, and nobody said what to do about it.
    #[error(
        "{handle} holds {conflicts} files that differ from the source's and {others} that it does not have; nothing \
         was written. Say what to do with --on-conflict skip, overwrite, rename or newer"
    )]
    Conflict {
        /// The account.
        handle: String,
        /// Files at the same path, but different.
        conflicts: usize,
        /// Files that only the account holds.
        others: usize,
    },
    /// As many files could not be taken as `--on-error` allows.
    #[error("ended after {0} rejected files, as --on-error says")]
    Errors(usize),
    /// Another account has the name.
    #[error(
        "Squaretable has another account {0:?}; nothing was written. Give the source's another name with --user \
         {0}=OTHER, or say what to do with --on-conflict"
    )]
    Account(String),
    /// A single user's data goes to an account that does not exist.
    #[error("there is no account {0:?}: name another one with --user, or make it with --create-tenant")]
    NoAccount(String),
    /// Another import writes into the account.
    #[error("another import into {0} is running")]
    Busy(String),
}

impl Run {
    /// Says where a file ended.
    pub fn settle(&self, entry: &Entry, outcome: Outcome, flag: Option<String>) {
        self.progress.settle(entry, &outcome, flag.as_deref());
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.settle(entry, outcome, flag);
    }

    /// Ends the run when too many files were rejected.
    ///
    /// # Errors
    /// [`Stopped::Errors`].
    pub fn check(&self) -> Result<(), Stopped> {
        let rejected = self
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .rejected();
        if self.on_error.ends(rejected) {
            return Err(Stopped::Errors(rejected));
        }
        Ok(())
    }
}

/// Loads one account and its folder.
///
/// # Errors
/// [`Stopped`], or the database failed. Whatever was committed before is in, in the ledger and in the report.
pub async fn user(run: &Run, user: UserScan) -> anyhow::Result<()> {
    let handle = user.account.handle.clone();
    let tenant = open(run, &user)
        .await
        .with_context(|| format!("account {handle}"))?;
    files_of(run, &tenant, user).await
}

async fn files_of(run: &Run, tenant: &Tenant, mut user: UserScan) -> anyhow::Result<()> {
    // Held until everything is in: two imports into one account would each undo what the other's ledger says.
    let mut guard = tenant.begin().await?;
    if !imports::hold(&mut guard).await? {
        return Err(Stopped::Busy(tenant.handle().to_owned()).into());
    }
    let mut tx = tenant.begin().await?;
    let stored = Arc::new(Stored::read(&mut tx, tenant.handle()).await?);
    make_way(run, &mut tx, &stored, &mut user.files).await?;
    if !system::is_system(tenant.handle()) {
        let folders = USER_FOLDERS.iter().map(ToString::to_string);
        user.folders.extend(folders);
    }
    make_folders(run, &mut tx, user.folders).await?;
    if run.dry_run {
        drop(tx);
    } else {
        tx.commit().await?;
    }
    let mut tasks = JoinSet::new();
    for files in lanes(user.files, run.jobs) {
        tasks.spawn(lane(run.clone(), tenant.clone(), stored.clone(), files));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(guard.commit().await?)
}

/// Distributes files over lanes: the last one holds everything but chats.
fn lanes(files: Vec<Found>, jobs: usize) -> impl Iterator<Item = Vec<Found>> {
    let chats = jobs.saturating_sub(1).max(1);
    let mut lanes: Vec<Vec<Found>> = Vec::new();
    lanes.resize_with(chats + 1, Vec::new);
    for (index, found) in files.into_iter().enumerate() {
        let is_chat = found.entry.kind == Kind::Chat;
        lanes[if is_chat { index % chats } else { chats }].push(found);
    }
    // It tells default content from edited content (`Stored::yields`), so an interrupted run must not have changed it.
    lanes[chats].sort_by_key(|found| found.place.path() == "content.log");
    lanes.into_iter().filter(|files| !files.is_empty())
}

/// Makes sure that the accounts exist, but for the one that the server makes by itself.
///
/// # Errors
/// [`Stopped::NoAccount`], or the database failed.
pub async fn require_accounts(db: &Db, users: &[UserScan]) -> anyhow::Result<()> {
    for user in users {
        let handle = &user.account.handle;
        if handle != DEFAULT && !user.is_system() && accounts::find(db, handle).await?.is_none() {
            return Err(Stopped::NoAccount(handle.clone()).into());
        }
    }
    Ok(())
}

/// Makes sure that no account of the source holds anything else, before anything is written.
///
/// # Errors
/// [`Stopped::Conflict`], or the database failed.
pub async fn refuse_conflicts(db: &Db, users: &[UserScan]) -> anyhow::Result<()> {
    for user in users {
        let handle = &user.account.handle;
        let Some(tenant) = system::tenant(db, handle).await? else {
            continue;
        };
        let known = tenant.user();
        if user.is_stated && !user.account.equals(known) && !is_automatic(known) {
            return Err(Stopped::Account(handle.clone()).into());
        }
        let mut tx = tenant.begin().await?;
        let stored = Stored::read(&mut tx, handle).await?;
        let conflicts = Conflicts::find(&mut tx, &stored, &user.files).await?;
        if !conflicts.is_empty() {
            return Err(Stopped::Conflict {
                handle: handle.clone(),
                conflicts: conflicts.paths.len(),
                others: conflicts.others,
            }
            .into());
        }
    }
    Ok(())
}

/// Gives files other names where the account holds something else, if that is what was asked for.
async fn make_way(run: &Run, tx: &mut Tx, stored: &Stored, files: &mut [Found]) -> anyhow::Result<()> {
    if run.on_conflict == OnConflict::Rename {
        let earlier = names_given(run, tx).await?;
        let conflicts = Conflicts::find(tx, stored, files).await?;
        plan::rename(files, stored, &conflicts, &earlier);
    }
    Ok(())
}

/// The paths that an interrupted run gave to what it wrote, by the paths in the source.
async fn names_given(run: &Run, tx: &mut Tx) -> anyhow::Result<HashMap<String, String>> {
    let mut names = HashMap::new();
    let mut after = String::new();
    loop {
        let lines = imports::lines(tx, run.run_id, &after, PAGE).await?;
        let Some(last) = lines.last() else {
            return Ok(names);
        };
        after.clone_from(&last.path);
        let written = lines.into_iter().filter(|line| line.action.is_some());
        names.extend(written.map(|line| (line.source_path, line.path)));
    }
}

async fn make_folders(run: &Run, tx: &mut Tx, folders: Vec<String>) -> anyhow::Result<()> {
    let before: HashSet<String> = files::created_folders(tx).await?.into_iter().collect();
    files::create_folders(tx, &folders).await?;
    let made: BTreeSet<&String> = folders.iter().filter(|path| !before.contains(*path)).collect();
    let lines: Vec<_> = made.into_iter().map(|path| ledger::folder(path)).collect();
    if !run.dry_run {
        imports::record(tx, run.run_id, &lines).await?;
    }
    Ok(())
}

/// The account's tenant, the account brought in.
async fn open(run: &Run, user: &UserScan) -> anyhow::Result<Tenant> {
    let account = &user.account;
    let (mut tenant, made) = match system::tenant(&run.db, &account.handle).await? {
        Some(tenant) => (tenant, false),
        None if run.dry_run => {
            let trial = run.run_id.to_string();
            (Tenant::scratch(&run.db, &account.as_new(), &trial).await?, true)
        }
        None => Tenant::open(&run.db, &account.as_new()).await?,
    };
    let mut previous = None;
    let outcome = if made {
        Outcome::Moved
    } else if account.equals(tenant.user()) || !user.is_stated {
        Outcome::Unchanged
    } else if run.on_conflict == OnConflict::Overwrite || is_automatic(tenant.user()) {
        if !run.dry_run {
            previous = Some(crate::accounts::to_json(tenant.user()));
            accounts::replace(&run.db, &account.as_new()).await?;
            (tenant, _) = Tenant::open(&run.db, &account.as_new()).await?;
        }
        Outcome::Moved
    } else {
        let reason = "Squaretable has another account of this name; --on-conflict overwrite replaces it";
        match run.on_conflict {
            OnConflict::Fail => Outcome::Refused(reason.to_owned()),
            _ => Outcome::Skipped(reason.to_owned()),
        }
    };
    if !run.dry_run {
        let noted = imports::RunAccount {
            handle: account.handle.clone(),
            made,
            previous,
        };
        imports::add_account(&run.db, run.run_id, &noted).await?;
    }
    for entry in &user.records {
        run.settle(entry, outcome.clone(), None);
    }
    Ok(tenant)
}

/// Reads `files` on a thread of its own and writes them here.
async fn lane(run: Run, tenant: Tenant, stored: Arc<Stored>, files: Vec<Found>) -> anyhow::Result<()> {
    let (send, mut receive) = mpsc::channel(QUEUE);
    let known = stored.clone();
    let runtime = Handle::current();
    let reader = tokio::task::spawn_blocking(move || read::read_all(files, &known, &runtime, &send));
    let mut batch = Batch::new(run, tenant, stored);
    while let Some(item) = receive.recv().await {
        if let Err(error) = batch.take(item).await {
            // What was taken before the end of the run stays taken.
            if error.is::<Stopped>() {
                batch.commit().await?;
            }
            return Err(error);
        }
    }
    batch.commit().await?;
    Ok(reader.await?)
}

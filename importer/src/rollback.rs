//! `rollback`: takes back what a run wrote, as far as it is still what the run wrote.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use squaretable::keys::MasterKey;
use squaretable::store::characters::NewCharacter;
use squaretable::store::chats::Cause;
use squaretable::store::imports::{self, Action, Line, Previous, PreviousContent, Run, RunAccount};
use squaretable::store::{Db, Tx, accounts as users, blobs, characters, chats, documents, files, secrets};
use squaretable::tenant::Tenant;
use squaretable::user_folder::Fault;
use squaretable_compat::layout::Place;
use squaretable_compat::png;

use crate::accounts;
use crate::args::RollbackArgs;
use crate::batch::vectors::make_way;
use crate::composed;
use crate::exit::{Exit, Failure};
use crate::import::interrupted;
use crate::ledger;
use crate::output::Output;
use crate::progress::Progress;
use crate::report::{Entry, Kind, Outcome, Report};
use crate::runs::PAGE;
use crate::stored::{Stored, split};
use crate::system;
use crate::target::Target;

/// A transaction ends after so many files.
const BATCH: usize = 500;

/// What is at work.
struct Rollback {
    db: Db,
    key: Option<MasterKey>,
    run: Run,
    progress: Arc<Progress>,
    report: Mutex<Report>,
}

/// Runs the verb.
///
/// # Errors
/// What kept it from finishing; what was taken back by then stays so, and running it again goes on.
pub async fn run(args: &RollbackArgs) -> Result<Exit, Failure> {
    let output = Output::open(&args.output)?;
    let target = Target::open(&args.target, false, 4).await?;
    let fail = |error: anyhow::Error| Failure::new(Exit::Target, error);
    let found = imports::find(&target.db, args.run).await;
    let run = match found {
        Ok(Some(run)) if run.rolled_back_at.is_none() => run,
        Ok(Some(_)) => return nothing(target, "this run was rolled back already").await,
        Ok(None) => return nothing(target, "there is no such run; `runs` lists them").await,
        Err(error) => return Err(fail(error.into())),
    };
    output.start("rollback", &run.source, Some(run.run_id), false, 0, 0);
    let rollback = Rollback {
        db: target.db.clone(),
        key: target.key.clone(),
        run,
        progress: Arc::new(Progress::new(0, 0, output)),
        report: Mutex::default(),
    };
    let ended = tokio::select! {
        done = rollback.all() => done.map_err(fail),
        interrupted = interrupted() => Err(interrupted),
    };
    rollback.progress.finish();
    target.close().await?;
    ended?;
    let report = rollback.report.lock().unwrap_or_else(PoisonError::into_inner);
    let output = rollback.progress.output();
    output.summary(&report, "rolled back", Some(rollback.run.run_id))?;
    Ok(report.exit())
}

async fn nothing(target: Target, why: &str) -> Result<Exit, Failure> {
    target.close().await?;
    eprintln!("squaretable-importer: {why}");
    Ok(Exit::Nothing)
}

impl Rollback {
    async fn all(&self) -> anyhow::Result<()> {
        for account in imports::accounts(&self.db, self.run.run_id).await? {
            if let Some(tenant) = system::tenant(&self.db, &account.handle).await? {
                self.files(&tenant).await?;
                self.account(&tenant, &account).await?;
            }
        }
        Ok(imports::set_rolled_back(&self.db, self.run.run_id).await?)
    }

    async fn files(&self, tenant: &Tenant) -> anyhow::Result<()> {
        let mut guard = tenant.begin().await?;
        anyhow::ensure!(
            imports::hold(&mut guard).await?,
            "an import into {} is running",
            tenant.handle()
        );
        let stored = Stored::read(&mut guard, tenant.handle()).await?;
        let mut folders = Vec::new();
        let mut after = String::new();
        loop {
            let lines = imports::lines(&mut guard, self.run.run_id, &after, PAGE).await?;
            let Some(last) = lines.last() else { break };
            after.clone_from(&last.path);
            for batch in lines.chunks(BATCH) {
                let mut tx = tenant.begin().await?;
                let mut outcomes = Vec::with_capacity(batch.len());
                for line in batch.iter().filter(|line| line.action.is_some()) {
                    match line.path.strip_suffix('/') {
                        Some(folder) => folders.push(folder.to_owned()),
                        None => outcomes.push((line, self.file(tenant, &mut tx, line, &stored).await?)),
                    }
                }
                tx.commit().await?;
                for (line, outcome) in outcomes {
                    self.settle(line, outcome);
                }
            }
        }
        let mut tx = tenant.begin().await?;
        // Deepest first, so that a folder is empty once its own folders are gone.
        folders.sort_by(|a, b| b.cmp(a));
        for folder in folders {
            files::delete_empty_folder(&mut tx, &folder).await?;
        }
        tx.commit().await?;
        Ok(guard.commit().await?)
    }

    /// Takes back one file.
    async fn file(
        &self,
        tenant: &Tenant,
        tx: &mut Tx,
        line: &Line,
        stored: &Stored,
    ) -> anyhow::Result<Outcome> {
        let place = Place::classify(&line.path).context("the ledger names no file")?;
        let Some(item) = stored.item(&line.path) else {
            return Ok(match line.action {
                Some(Action::Created) => Outcome::Unchanged,
                _ => Outcome::Skipped("it was removed since".to_owned()),
            });
        };
        let now = match composed::hash(tenant, tx, item, self.key.as_ref()).await {
            Ok((hash, _)) => hash,
            Err(Fault::Store(error)) => return Err(error.into()),
            Err(fault) => return Ok(Outcome::Rejected(fault.to_string())),
        };
        if line.hash != Some(now) {
            let restored = match &line.previous {
                Some(previous) => is_previous(&now, previous),
                None => false,
            };
            return Ok(if restored {
                Outcome::Unchanged
            } else {
                Outcome::Skipped("it was changed since; it stays".to_owned())
            });
        }
        match &line.previous {
            None => remove(tx, &place).await?,
            Some(previous) => restore(tx, &place, previous).await?,
        }
        Ok(Outcome::Moved)
    }

    /// Puts the account back as it was; removes it when the run made it and nothing is left in it.
    async fn account(&self, tenant: &Tenant, account: &RunAccount) -> anyhow::Result<()> {
        if let Some(previous) = account.previous.as_deref().and_then(accounts::from_json) {
            users::replace(&self.db, &previous.as_new()).await?;
        }
        if !account.made {
            return Ok(());
        }
        let mut tx = tenant.begin().await?;
        let stored = Stored::read(&mut tx, tenant.handle()).await?;
        let left = stored
            .paths()
            .filter(|path| !stored.is_default(path) && !path.starts_with("backups/"))
            .count();
        tx.commit().await?;
        let entry = Entry {
            path: account.handle.clone(),
            kind: Kind::Account,
            size: 0,
        };
        self.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .find(Kind::Account);
        let outcome = if left == 0 {
            users::delete(&self.db, &account.handle).await?;
            Outcome::Moved
        } else {
            Outcome::Skipped(format!("{left} files are left in it; it stays"))
        };
        self.note(&entry, outcome);
        Ok(())
    }

    fn settle(&self, line: &Line, outcome: Outcome) {
        let kind = Place::classify(&line.path).map_or(Kind::Other, |place| Kind::of(&place));
        self.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .find(kind);
        let entry = Entry {
            path: line.path.clone(),
            kind,
            size: u64::try_from(line.size).unwrap_or(0),
        };
        self.note(&entry, outcome);
    }

    fn note(&self, entry: &Entry, outcome: Outcome) {
        self.progress.settle(entry, &outcome, None);
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.settle(entry, outcome, None);
    }
}

fn is_previous(now: &[u8; 32], previous: &Previous) -> bool {
    matches!(&previous.content, PreviousContent::Bytes(blob) if blob.hash() == now)
}

async fn remove(tx: &mut Tx, place: &Place) -> anyhow::Result<()> {
    if system::holds_keys(place) {
        return Ok(secrets::restore(tx, &place.path(), None).await?);
    }
    match place {
        Place::Document { kind, name } => {
            documents::delete(tx, *kind, name).await?;
        }
        Place::Character { avatar } => {
            characters::delete(tx, avatar).await?;
        }
        _ => {
            let path = place.path();
            let (folder, name) = split(&path);
            if Kind::of(place) == Kind::Chat {
                chats::delete(tx, folder, name).await?;
            } else {
                files::delete(tx, folder, name).await?;
                make_way(tx, folder, name).await?;
            }
        }
    }
    Ok(())
}

async fn restore(tx: &mut Tx, place: &Place, previous: &Previous) -> anyhow::Result<()> {
    let modified_at = previous.modified_at;
    let path = place.path();
    let (folder, name) = split(&path);
    let blob = match previous.content {
        PreviousContent::Bytes(blob) => blob,
        PreviousContent::Revision(revision) => {
            let mut chat = chats::find_for_update(tx, folder, name)
                .await?
                .context("the chat was there a moment ago")?;
            chat.head = revision;
            let lines = chats::lines(tx, &chat).await?;
            let lines: Vec<&[u8]> = lines.iter().map(|line| &line.body[..]).collect();
            chats::save_at(tx, folder, name, &lines, Cause::Restore, modified_at).await?;
            return Ok(());
        }
    };
    if system::holds_keys(place) {
        let bytes = blobs::read(tx, &blob).await?;
        let sealed = ledger::unpack(&bytes).context("the ledger holds no sealed secrets")?;
        return Ok(secrets::restore(tx, &path, Some((&sealed, modified_at))).await?);
    }
    if let Place::File { .. } = place {
        make_way(tx, folder, name).await?;
        return Ok(files::put_at(tx, folder, name, &blob, modified_at).await?);
    }
    let bytes = blobs::read(tx, &blob).await?;
    match place {
        Place::Document { kind, name } => documents::put_at(tx, *kind, name, &bytes, modified_at).await?,
        Place::Character { avatar } => {
            let card = png::read_card(&bytes).ok();
            let new = NewCharacter {
                avatar,
                image: &blob,
                pristine: true,
                card: card.as_deref(),
                modified_at,
                changed_at: modified_at,
            };
            characters::put(tx, &new).await?;
        }
        _ => anyhow::bail!("the ledger restores {path}, which cannot be"),
    }
    Ok(())
}

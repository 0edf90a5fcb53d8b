//! `export`: the stored data as the files that the original would have.

mod records;

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt};
use squaretable::keys::MasterKey;
use squaretable::store::accounts::{self as users, User};
use squaretable::store::{Tx, blobs, chats, files, imports, vectors};
use squaretable::tenant::Tenant;
use squaretable::user_folder::{self, Content, Item, What, join};
use squaretable_compat::layout::is_safe;
use tokio::task::JoinSet;

use crate::accounts::{Account, as_new};
use crate::args::ExportArgs;
use crate::exit::{Exit, Failure};
use crate::import::interrupted;
use crate::output::Output;
use crate::progress::Progress;
use crate::read::IN_MEMORY;
use crate::report::{Entry, Kind, Outcome, Report};
use crate::system;
use crate::target::Target;

/// Tasks that write side by side.
const LANES: usize = 3;

/// Connections: one for each lane, and one to spare.
const CONNECTIONS: u32 = 5;

const LEFT_OUT: &str = "\
not part of an export: config.yaml, extensions for all users, thumbnails and caches, access.log, file permissions, times
of folders";

/// What every task needs.
#[derive(Clone)]
struct Run {
    out: PathBuf,
    key: Option<MasterKey>,
    handles: Arc<HashSet<String>>,
    progress: Arc<Progress>,
    report: Arc<Mutex<Report>>,
}

/// Why a file was not written as it should be.
enum Fault {
    Rejected(String),
    Mismatch(String),
    Database(anyhow::Error),
}

impl From<squaretable::error::Error> for Fault {
    fn from(error: squaretable::error::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<user_folder::Fault> for Fault {
    fn from(fault: user_folder::Fault) -> Self {
        let reason = fault.to_string();
        match fault {
            user_folder::Fault::Mismatch => Self::Mismatch(reason),
            user_folder::Fault::Store(error) => error.into(),
            user_folder::Fault::Gone | user_folder::Fault::NoKey | user_folder::Fault::Secrets(_) => {
                Self::Rejected(reason)
            }
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Rejected(error.to_string())
    }
}

/// Runs the verb.
///
/// # Errors
/// What kept it from finishing.
pub async fn run(args: &ExportArgs) -> Result<Exit, Failure> {
    claim(&args.out)?;
    let target = Target::open(&args.target, false, CONNECTIONS).await?;
    let ended = tokio::select! {
        ended = export(args, &target) => ended,
        interrupted = interrupted() => Err(interrupted),
    };
    target.close().await?;
    ended
}

/// Makes sure that nothing is overwritten.
fn claim(out: &Path) -> Result<(), Failure> {
    let fail = |exit, error: std::io::Error| {
        let error = anyhow::Error::from(error).context(format!("cannot use {}", out.display()));
        Failure::new(exit, error)
    };
    std::fs::create_dir_all(out).map_err(|error| fail(Exit::Failed, error))?;
    let mut entries = std::fs::read_dir(out).map_err(|error| fail(Exit::Failed, error))?;
    if entries.next().is_some() {
        return Err(Failure::new(
            Exit::Conflict,
            anyhow::anyhow!("{} is not empty", out.display()),
        ));
    }
    Ok(())
}

async fn export(args: &ExportArgs, target: &Target) -> Result<Exit, Failure> {
    let fail = |error: anyhow::Error| Failure::new(Exit::Target, error);
    let chosen = choose(args, target).await?;
    if chosen.is_empty() {
        eprintln!("squaretable-importer: the database holds no account");
        return Ok(Exit::Nothing);
    }
    let mut plans = Vec::new();
    let mut report = Report::default();
    for tenant in tenants(args, target, &chosen).await.map_err(fail)? {
        let mut items = plan(&tenant, &args.out).await.map_err(fail)?;
        items.retain(|item| !(args.without_secrets && matches!(item.what, What::Secrets)));
        plans.push((tenant, items));
    }
    let kept = kept_records(&mut plans).await.map_err(fail)?;
    for item in plans.iter().flat_map(|(_, items)| items) {
        report.find(kind_of(item));
    }
    let items = || plans.iter().flat_map(|(_, items)| items);
    let progress = Arc::new(Progress::new(
        items().count(),
        items().map(|item| item.size).sum(),
        Output::open(&args.output)?,
    ));
    let report = Arc::new(Mutex::new(report));
    let run = Run {
        out: args.out.clone(),
        key: target.key.clone(),
        handles: Arc::new(chosen.iter().map(|user| user.handle.clone()).collect()),
        progress,
        report,
    };
    let accounts: Vec<Account> = chosen.iter().map(Account::from).collect();
    write_records(&run, &records::choose(&accounts, kept))
        .map_err(|error| Failure::new(Exit::Failed, error))?;
    for (tenant, items) in plans {
        let told = imports::audit_export(&target.db, tenant.handle(), &args.out.display().to_string()).await;
        told.map_err(|error| fail(error.into()))?;
        write_user(&run, &tenant, items).await.map_err(fail)?;
    }
    run.progress.finish();
    let report = run.report.lock().unwrap_or_else(PoisonError::into_inner);
    let output = run.progress.output();
    output.summary(&report, "exported", None)?;
    if output.shows_progress() {
        println!("{LEFT_OUT}");
    }
    Ok(report.exit())
}

async fn choose(args: &ExportArgs, target: &Target) -> Result<Vec<User>, Failure> {
    let all = users::list(&target.db)
        .await
        .map_err(|error| Failure::new(Exit::Target, error))?;
    if args.users.all_users {
        return Ok(all);
    }
    let mut chosen = Vec::new();
    for handle in &args.users.user {
        let user = all.iter().find(|user| user.handle == *handle);
        let user =
            user.ok_or_else(|| Failure::new(Exit::Usage, anyhow::anyhow!("there is no account {handle:?}")))?;
        chosen.push(user.clone());
    }
    chosen.dedup_by(|a, b| a.handle == b.handle);
    Ok(chosen)
}

/// The tenants of the accounts, and with all of them the one that holds what belongs to none.
async fn tenants(args: &ExportArgs, target: &Target, chosen: &[User]) -> anyhow::Result<Vec<Tenant>> {
    let mut tenants = Vec::new();
    for user in chosen {
        tenants.push(Tenant::open(&target.db, &as_new(user)).await?.0);
    }
    if args.users.all_users {
        tenants.push(Tenant::system(&target.db).await?);
    }
    Ok(tenants)
}

/// Takes the records of the account store out of the plans, and reads them.
async fn kept_records(plans: &mut [(Tenant, Vec<Item>)]) -> anyhow::Result<Vec<records::Record>> {
    let mut kept = Vec::new();
    for (tenant, items) in plans
        .iter_mut()
        .filter(|(tenant, _)| system::is_system(tenant.handle()))
    {
        let mut tx = tenant.begin().await?;
        let is_record = |item: &mut Item| item.path.starts_with(system::RECORDS);
        for item in items.extract_if(.., is_record) {
            if let What::File(file) = &item.what {
                kept.push(records::Record {
                    name: item.path[system::RECORDS.len()..].to_owned(),
                    bytes: blobs::read(&mut tx, &file.blob).await?.to_vec(),
                    modified_at: Some(item.modified_at),
                });
            }
        }
        tx.commit().await?;
    }
    Ok(kept)
}

fn write_records(run: &Run, records: &[records::Record]) -> anyhow::Result<()> {
    for record in records {
        let path = run.out.join("_storage").join(&record.name);
        let write = || {
            std::fs::create_dir_all(path.parent().unwrap_or(&run.out))?;
            let mut file = File::create(&path)?;
            file.write_all(&record.bytes)?;
            match record.modified_at {
                Some(at) => file.set_modified(at.into()),
                None => Ok(()),
            }
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        let entry = Entry {
            path: format!("_storage/{}", record.name),
            kind: Kind::Account,
            size: record.bytes.len() as u64,
        };
        let mut report = run.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.find(Kind::Account);
        report.settle(&entry, Outcome::Moved, None);
    }
    Ok(())
}

/// Lists everything of a tenant, and makes its folders.
async fn plan(tenant: &Tenant, out: &Path) -> anyhow::Result<Vec<Item>> {
    let mut tx = tenant.begin().await?;
    let mut items = user_folder::items(&mut tx).await?;
    items.retain(|item| system::concerns(tenant.handle(), &item.path));
    let folders = if system::is_system(tenant.handle()) {
        let mut folders = files::created_folders(&mut tx).await?;
        folders.retain(|folder| is_safe(folder) && system::outside(folder).is_some());
        folders.into_iter().collect()
    } else {
        user_folder::folders(&mut tx).await?
    };
    for folder in folders {
        let path = out.join(place(tenant.handle(), &folder));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    tx.commit().await?;
    Ok(items)
}

/// Where a path of a tenant lies below the data root.
fn place(handle: &str, path: &str) -> String {
    match system::outside(path) {
        Some(path) if system::is_system(handle) => path.to_owned(),
        _ => join(handle, path),
    }
}

async fn write_user(run: &Run, tenant: &Tenant, items: Vec<Item>) -> anyhow::Result<()> {
    let mut lanes: [Vec<Item>; LANES] = Default::default();
    for (index, item) in items.into_iter().enumerate() {
        lanes[index % LANES].push(item);
    }
    let mut tasks = JoinSet::new();
    for items in lanes {
        tasks.spawn(lane(run.clone(), tenant.clone(), items));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

async fn lane(run: Run, tenant: Tenant, items: Vec<Item>) -> anyhow::Result<()> {
    let mut tx = tenant.begin().await?;
    for item in items {
        let outcome = match run.write(&tenant, &mut tx, &item).await {
            Ok(()) => Outcome::Moved,
            Err(Fault::Rejected(reason)) => Outcome::Rejected(reason),
            Err(Fault::Mismatch(reason)) => Outcome::Mismatch(reason),
            Err(Fault::Database(error)) => return Err(error.context(format!("cannot export {}", item.path))),
        };
        let entry = Entry {
            path: place(tenant.handle(), &item.path),
            kind: kind_of(&item),
            size: item.size,
        };
        run.progress.settle(&entry, &outcome, None);
        run.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .settle(&entry, outcome, None);
    }
    tx.commit().await?;
    Ok(())
}

fn kind_of(item: &Item) -> Kind {
    match &item.what {
        What::Document { .. } => Kind::Document,
        What::Card(_) => Kind::Card,
        What::Chat(_) => Kind::Chat,
        What::ChatBackup(_) | What::File(_) | What::Vectors(_) => Kind::File,
        What::Secrets => Kind::Secrets,
    }
}

impl Run {
    async fn write(&self, tenant: &Tenant, tx: &mut Tx, item: &Item) -> Result<(), Fault> {
        if !is_safe(&item.path) {
            return Err(Fault::Rejected("not a path below a user's folder".to_owned()));
        }
        let below = place(tenant.handle(), &item.path);
        let top = below.split('/').next().unwrap_or_default();
        if system::is_system(tenant.handle()) && self.handles.contains(top) {
            let reason = format!("an account {top:?} was made since, whose folder is another one");
            return Err(Fault::Rejected(reason));
        }
        let path = self.out.join(below);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let bytes = match item.read(tx, self.key.as_ref()).await? {
            Content::Bytes(bytes) => bytes,
            Content::Stored(blob) if blob.size > IN_MEMORY => {
                let pieces = tenant.stream(blob, 0, blob.size);
                let (hash, _) = stream(pieces, item.modified_at, &path).await?;
                return check(hash == *blob.hash());
            }
            Content::Chat(chat) => {
                let (_, size) = stream(chats::pieces(tx, &chat), item.modified_at, &path).await?;
                return check(size == item.size);
            }
            Content::Vectors(index) => {
                let (_, size) = stream(vectors::pieces(tx, &index), item.modified_at, &path).await?;
                return check(size == item.size);
            }
            Content::Stored(blob) => {
                let bytes = blobs::read(tx, &blob).await?;
                check(blake3::hash(&bytes).as_bytes() == blob.hash())?;
                bytes
            }
        };
        let mut file = File::create_new(&path)?;
        file.write_all(&bytes)?;
        finish(&file, item.modified_at)
    }
}

/// Writes a file of any size in bounded memory. Answers with the hash of its bytes and their number.
async fn stream(
    pieces: impl Stream<Item = squaretable::error::Result<impl AsRef<[u8]>>>,
    modified_at: DateTime<Utc>,
    path: &Path,
) -> Result<([u8; 32], u64), Fault> {
    let mut file = File::create_new(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut pieces = std::pin::pin!(pieces);
    while let Some(piece) = pieces.try_next().await? {
        hasher.update(piece.as_ref());
        file.write_all(piece.as_ref())?;
    }
    finish(&file, modified_at)?;
    Ok((*hasher.finalize().as_bytes(), hasher.count()))
}

fn check(holds: bool) -> Result<(), Fault> {
    if holds {
        Ok(())
    } else {
        Err(user_folder::Fault::Mismatch.into())
    }
}

fn finish(file: &File, modified_at: DateTime<Utc>) -> Result<(), Fault> {
    Ok(file.set_modified(modified_at.into())?)
}

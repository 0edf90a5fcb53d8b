//! `export`: the stored data as the files that the original would have.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use squaretable::keys::MasterKey;
use squaretable::store::accounts::{self as users, NewUser, User};
use squaretable::store::chats::{self, Chat};
use squaretable::store::files::{self, StoredFile};
use squaretable::store::{Tx, blobs, characters, documents, secrets};
use squaretable::tenant::Tenant;
use squaretable_compat::layout::{DocumentKind, Place, USER_FOLDERS, is_safe};
use tokio::task::JoinSet;

use crate::accounts;
use crate::args::ExportArgs;
use crate::exit::{Exit, Failure};
use crate::import::interrupted;
use crate::progress::Progress;
use crate::read::IN_MEMORY;
use crate::report::{Entry, Kind, Outcome, Report};
use crate::stored::join;
use crate::target::Target;

/// Tasks that write side by side.
const LANES: usize = 3;

const LEFT_OUT: &str = "\
not part of an export, since Squaretable does not store them: cookie-secret.txt, content.log, _css, _errors (all made
anew by SillyTavern when it starts), config.yaml, thumbnails, file permissions, times of folders and of _storage";

/// Something to write.
struct Item {
    path: String,
    what: What,
    size: u64,
    modified_at: DateTime<Utc>,
}

enum What {
    Document(DocumentKind, String),
    Card(String),
    Chat(Box<Chat>),
    File(Box<StoredFile>),
    Secrets,
}

/// What every task needs.
#[derive(Clone)]
struct Run {
    out: PathBuf,
    key: Option<MasterKey>,
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
    let target = Target::open(&args.target, false).await?;
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
    for user in &chosen {
        let (tenant, _) = Tenant::open(&target.db, &as_new(user))
            .await
            .map_err(|error| fail(error.into()))?;
        let items = plan(&tenant, &args.out).await.map_err(fail)?;
        for item in &items {
            report.find(item.kind());
        }
        plans.push((tenant, items));
    }
    let items = || plans.iter().flat_map(|(_, items)| items);
    let progress = Arc::new(Progress::new(
        items().count(),
        items().map(|item| item.size).sum(),
        args.target.quiet,
    ));
    let report = Arc::new(Mutex::new(report));
    let run = Run {
        out: args.out.clone(),
        key: target.key.clone(),
        progress,
        report,
    };
    for user in &chosen {
        write_account(&run, user).map_err(|error| Failure::new(Exit::Failed, error))?;
    }
    for (tenant, items) in plans {
        write_user(&run, &tenant, items).await.map_err(fail)?;
    }
    run.progress.finish();
    let report = run.report.lock().unwrap_or_else(PoisonError::into_inner);
    eprint!("{}", report.problems());
    if !args.target.quiet {
        println!("{}{LEFT_OUT}", report.summary("exported"));
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

fn as_new(user: &User) -> NewUser<'_> {
    NewUser {
        handle: &user.handle,
        name: &user.name,
        password: &user.password,
        salt: &user.salt,
        admin: user.admin,
        enabled: user.enabled,
        avatar: &user.avatar,
        created_at: user.created_at,
    }
}

fn write_account(run: &Run, user: &User) -> anyhow::Result<()> {
    let store = run.out.join("_storage");
    std::fs::create_dir_all(&store)?;
    for (name, bytes) in accounts::records(&as_new(user)) {
        let path = store.join(&name);
        std::fs::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        let entry = Entry {
            path: format!("_storage/{name}"),
            kind: Kind::Account,
            size: bytes.len() as u64,
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
    let mut items = Vec::new();
    for row in documents::fingerprints(&mut tx).await? {
        let kind = DocumentKind::from_name(&row.kind).context("there is a document of an unknown kind")?;
        let path = Place::Document {
            kind,
            name: row.name.clone(),
        }
        .path();
        items.push(Item::new(
            path,
            What::Document(kind, row.name),
            row.size,
            row.modified_at,
        ));
    }
    for row in characters::versions(&mut tx).await? {
        let path = Place::Character {
            avatar: row.avatar.clone(),
        }
        .path();
        let size = i64::try_from(row.image.size)?;
        items.push(Item::new(path, What::Card(row.avatar), size, row.modified_at));
    }
    for chat in chats::list_all(&mut tx).await? {
        let (size, at) = (chat.byte_size, chat.modified_at);
        items.push(Item::new(
            join(&chat.folder, &chat.file_name),
            What::Chat(Box::new(chat)),
            size,
            at,
        ));
    }
    for file in files::list_recursive(&mut tx, "").await? {
        let (size, at) = (i64::try_from(file.blob.size)?, file.modified_at);
        items.push(Item::new(
            join(&file.folder, &file.name),
            What::File(Box::new(file)),
            size,
            at,
        ));
    }
    if let Some(at) = secrets::modified_at(&mut tx).await? {
        items.push(Item::new(Place::Secrets.path(), What::Secrets, 0, at));
    }
    let root = out.join(tenant.handle());
    let created = files::created_folders(&mut tx).await?;
    let folders = USER_FOLDERS.into_iter().chain(created.iter().map(String::as_str));
    for folder in folders.filter(|folder| is_safe(folder)) {
        let path = root.join(folder);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    tx.commit().await?;
    Ok(items)
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
        run.progress.advance(item.size);
        let entry = Entry {
            path: join(tenant.handle(), &item.path),
            kind: item.kind(),
            size: item.size,
        };
        run.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .settle(&entry, outcome, None);
    }
    tx.commit().await?;
    Ok(())
}

impl Item {
    fn new(path: String, what: What, size: i64, modified_at: DateTime<Utc>) -> Self {
        Self {
            path,
            what,
            size: u64::try_from(size).unwrap_or(0),
            modified_at,
        }
    }

    fn kind(&self) -> Kind {
        match &self.what {
            What::Document(..) => Kind::Document,
            What::Card(_) => Kind::Card,
            What::Chat(_) => Kind::Chat,
            What::File(_) => Kind::File,
            What::Secrets => Kind::Secrets,
        }
    }
}

impl Run {
    async fn write(&self, tenant: &Tenant, tx: &mut Tx, item: &Item) -> Result<(), Fault> {
        if !is_safe(&item.path) {
            return Err(Fault::Rejected("not a path below a user's folder".to_owned()));
        }
        let path = self.out.join(tenant.handle()).join(&item.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let gone = || Fault::Rejected("it was removed during the export".to_owned());
        let bytes = match &item.what {
            What::Document(kind, name) => documents::get(tx, *kind, name).await?.ok_or_else(gone)?.body,
            What::Card(avatar) => {
                let character = characters::get(tx, avatar).await?.ok_or_else(gone)?;
                let bytes = characters::file(tx, &character).await?;
                check(!character.pristine || blake3::hash(&bytes).as_bytes() == character.image.hash())?;
                bytes.into()
            }
            What::Chat(chat) => {
                let bytes = chats::file(tx, chat).await?;
                check(u64::try_from(chat.byte_size) == Ok(bytes.len() as u64))?;
                bytes
            }
            What::File(file) if file.blob.size > IN_MEMORY => return stream(tenant, file, &path).await,
            What::File(file) => {
                let bytes = blobs::read(tx, &file.blob).await?;
                check(blake3::hash(&bytes).as_bytes() == file.blob.hash())?;
                bytes.into()
            }
            What::Secrets => {
                let key = self.key.as_ref();
                let key =
                    key.ok_or_else(|| Fault::Rejected("there is no master key to read it with".to_owned()))?;
                match secrets::get(tx, key).await {
                    Ok(body) => body.ok_or_else(gone)?,
                    Err(error) => return Err(Fault::Rejected(error.to_string())),
                }
            }
        };
        let mut file = File::create_new(&path)?;
        file.write_all(&bytes)?;
        finish(&file, item.modified_at)
    }
}

/// A file of any size, in bounded memory.
async fn stream(tenant: &Tenant, stored: &StoredFile, path: &Path) -> Result<(), Fault> {
    let mut file = File::create_new(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut chunks = std::pin::pin!(tenant.stream(stored.blob, 0, stored.blob.size));
    while let Some(chunk) = chunks.try_next().await? {
        hasher.update(&chunk);
        file.write_all(&chunk)?;
    }
    check(hasher.finalize().as_bytes() == stored.blob.hash())?;
    finish(&file, stored.modified_at)
}

fn check(holds: bool) -> Result<(), Fault> {
    if holds {
        return Ok(());
    }
    Err(Fault::Mismatch(
        "what the database holds is not what it recorded when it was stored".to_owned(),
    ))
}

fn finish(file: &File, modified_at: DateTime<Utc>) -> Result<(), Fault> {
    Ok(file.set_modified(modified_at.into())?)
}

//! Runs of the importer and their ledgers. `migrations/0011_imports.sql` states the model.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::blobs::Blob;
use super::{Db, Tx};
use crate::error::Result;

mod told;

pub use self::told::audit_export;

/// A run of the importer.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Run {
    /// Its name.
    pub run_id: Uuid,
    /// Canonical path of the source on the machine that ran it.
    pub source: String,
    /// What decides the outcome, as JSON.
    pub options: String,
    /// Version of the importer.
    pub version: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was done; `None` while it runs, and after an interruption.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub rolled_back_at: Option<DateTime<Utc>>,
}

/// An account of a run.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RunAccount {
    /// The account.
    pub handle: String,
    /// Whether the run made it.
    pub made: bool,
    /// The account that the run replaced, as JSON.
    pub previous: Option<String>,
}

/// What a run did at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing lay there.
    Created,
    /// Something lay there and gave way.
    Replaced,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Replaced => "replaced",
        }
    }

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "created" => Ok(Self::Created),
            "replaced" => Ok(Self::Replaced),
            other => Err(anyhow::anyhow!("there is a ledger row with the action {other:?}").into()),
        }
    }
}

/// What gave way to a file of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Previous {
    /// Where it is.
    pub content: PreviousContent,
    /// Its mtime.
    pub modified_at: DateTime<Utc>,
}

/// Where the content is that gave way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviousContent {
    /// The file's bytes; of the secrets, their sealed bytes.
    Bytes(Blob),
    /// A revision of the chat.
    Revision(i32),
}

/// A line of the ledger: what became of one file, or of one folder (its path ends in `/`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Path below the user's root, as it is stored.
    pub path: String,
    /// Path as the source has it, for people.
    pub source_path: String,
    /// What kind of file it is: a word of the importer's report.
    pub kind: String,
    /// Bytes.
    pub size: i64,
    /// mtime of the source's file.
    pub modified_at: Option<DateTime<Utc>>,
    /// BLAKE3 of the bytes that were taken.
    pub hash: Option<[u8; 32]>,
    /// `imported`, `unchanged`, `skipped`, `refused` or `rejected`.
    pub outcome: String,
    /// Why, where it was not simply taken.
    pub reason: Option<String>,
    /// What the run wrote; `None` when it wrote nothing.
    pub action: Option<Action>,
    /// What lay there before and gave way.
    pub previous: Option<Previous>,
    /// The bytes of a rejected file.
    pub rejected: Option<Blob>,
}

/// Starts a run.
///
/// # Errors
/// The database failed.
pub async fn begin(db: &Db, run: &Run) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql =
        "INSERT INTO import_runs (run_id, source, options, version, started_at) VALUES ($1, $2, $3, $4, $5)";
    sqlx::query(sql)
        .bind(run.run_id)
        .bind(&run.source)
        .bind(&run.options)
        .bind(&run.version)
        .bind(run.started_at)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// The latest run of this source with these options that was neither finished nor taken back.
///
/// # Errors
/// The database failed.
pub async fn unfinished(db: &Db, source: &str, options: &str) -> Result<Option<Run>> {
    let is_open = |run: &Run| run.finished_at.is_none() && run.rolled_back_at.is_none();
    let mut runs = list(db).await?.into_iter();
    Ok(runs.find(|run| is_open(run) && run.source == source && run.options == options))
}

/// A run by its name.
///
/// # Errors
/// The database failed.
pub async fn find(db: &Db, run_id: Uuid) -> Result<Option<Run>> {
    Ok(list(db).await?.into_iter().find(|run| run.run_id == run_id))
}

/// All runs, the latest first.
///
/// # Errors
/// The database failed.
pub async fn list(db: &Db) -> Result<Vec<Run>> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "SELECT * FROM import_runs ORDER BY started_at DESC, run_id";
    let runs = sqlx::query_as(sql).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(runs)
}

/// Notes that a run is done, and has PostgreSQL look at what came: until its own rounds it plans from guesses.
///
/// # Errors
/// The database failed.
pub async fn finish(db: &Db, run_id: Uuid) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let filled =
        "ANALYZE files, documents, characters, chats, messages, chat_file_summaries, blobs, import_files";
    sqlx::query(filled).execute(&mut *tx).await?;
    let sql = "UPDATE import_runs SET finished_at = now() WHERE run_id = $1";
    sqlx::query(sql).bind(run_id).execute(&mut *tx).await?;
    told::audit_accounts(&mut tx, run_id, "import").await?;
    Ok(tx.commit().await?)
}

/// Notes that a run was taken back.
///
/// # Errors
/// The database failed.
pub async fn set_rolled_back(db: &Db, run_id: Uuid) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "UPDATE import_runs SET rolled_back_at = now() WHERE run_id = $1";
    sqlx::query(sql).bind(run_id).execute(&mut *tx).await?;
    told::audit_accounts(&mut tx, run_id, "rollback").await?;
    Ok(tx.commit().await?)
}

/// Notes an account of a run. What was noted first stays: going on with a run must not forget what was there before.
///
/// # Errors
/// The database failed.
pub async fn add_account(db: &Db, run_id: Uuid, account: &RunAccount) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "INSERT INTO import_accounts (run_id, handle, made, previous) VALUES ($1, $2, $3, $4)
               ON CONFLICT (run_id, handle) DO NOTHING";
    sqlx::query(sql)
        .bind(run_id)
        .bind(&account.handle)
        .bind(account.made)
        .bind(&account.previous)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// The accounts of a run, by handle.
///
/// # Errors
/// The database failed.
pub async fn accounts(db: &Db, run_id: Uuid) -> Result<Vec<RunAccount>> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "SELECT handle, made, previous FROM import_accounts WHERE run_id = $1 ORDER BY handle";
    let accounts = sqlx::query_as(sql).bind(run_id).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(accounts)
}

/// Keeps other imports out of the tenant until the transaction ends. Says whether it could.
///
/// # Errors
/// The database failed.
pub async fn hold(tx: &mut Tx) -> Result<bool> {
    let sql = "SELECT pg_try_advisory_xact_lock(hashtextextended('import', $1))";
    Ok(sqlx::query_scalar(sql).bind(tx.id()).fetch_one(tx.conn()).await?)
}

/// Notes what became of files, in the transaction that wrote them. A file that is met again when a run goes on keeps
/// what the run did first, and what lay there before that.
///
/// # Errors
/// The database failed.
pub async fn record(tx: &mut Tx, run_id: Uuid, lines: &[Line]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO import_files AS kept (tenant_id, run_id, path, source_path, kind, size, modified_at, hash,
                   outcome, reason, action, previous, previous_revision, previous_modified_at, rejected)
               SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[],
                   $8::bytea[], $9::text[], $10::text[], $11::text[], $12::bytea[], $13::int[], $14::timestamptz[],
                   $15::bytea[])
               ON CONFLICT (tenant_id, run_id, path) DO UPDATE SET
                   size = EXCLUDED.size, modified_at = EXCLUDED.modified_at,
                   hash = coalesce(EXCLUDED.hash, kept.hash),
                   outcome = CASE WHEN kept.action IS NULL OR EXCLUDED.action IS NOT NULL
                                  THEN EXCLUDED.outcome ELSE kept.outcome END,
                   reason = EXCLUDED.reason,
                   action = coalesce(kept.action, EXCLUDED.action),
                   previous = CASE WHEN kept.action IS NULL THEN EXCLUDED.previous ELSE kept.previous END,
                   previous_revision = CASE WHEN kept.action IS NULL
                                  THEN EXCLUDED.previous_revision ELSE kept.previous_revision END,
                   previous_modified_at = CASE WHEN kept.action IS NULL
                                  THEN EXCLUDED.previous_modified_at ELSE kept.previous_modified_at END,
                   rejected = EXCLUDED.rejected";
    let hash = |blob: &Blob| blob.hash().to_vec();
    sqlx::query(sql)
        .bind(tx.id())
        .bind(run_id)
        .bind(column(lines, |line| line.path.clone()))
        .bind(column(lines, |line| line.source_path.clone()))
        .bind(column(lines, |line| line.kind.clone()))
        .bind(column(lines, |line| line.size))
        .bind(column(lines, |line| line.modified_at))
        .bind(column(lines, |line| line.hash.map(|hash| hash.to_vec())))
        .bind(column(lines, |line| line.outcome.clone()))
        .bind(column(lines, |line| line.reason.clone()))
        .bind(column(lines, |line| {
            line.action.map(|action| action.as_str().to_owned())
        }))
        .bind(column(lines, |line| {
            line.previous.as_ref().and_then(Previous::blob).map(hash)
        }))
        .bind(column(lines, |line| {
            line.previous.as_ref().and_then(Previous::revision)
        }))
        .bind(column(lines, |line| {
            line.previous.map(|previous| previous.modified_at)
        }))
        .bind(column(lines, |line| line.rejected.as_ref().map(hash)))
        .execute(tx.conn())
        .await?;
    Ok(())
}

impl Previous {
    fn blob(&self) -> Option<&Blob> {
        match &self.content {
            PreviousContent::Bytes(blob) => Some(blob),
            PreviousContent::Revision(_) => None,
        }
    }

    fn revision(&self) -> Option<i32> {
        match self.content {
            PreviousContent::Bytes(_) => None,
            PreviousContent::Revision(revision) => Some(revision),
        }
    }
}

fn column<T>(lines: &[Line], value: impl FnMut(&Line) -> T) -> Vec<T> {
    lines.iter().map(value).collect()
}

#[derive(sqlx::FromRow)]
struct Row {
    path: String,
    source_path: String,
    kind: String,
    size: i64,
    modified_at: Option<DateTime<Utc>>,
    hash: Option<Vec<u8>>,
    outcome: String,
    reason: Option<String>,
    action: Option<String>,
    previous: Option<Vec<u8>>,
    previous_size: Option<i64>,
    previous_revision: Option<i32>,
    previous_modified_at: Option<DateTime<Utc>>,
    rejected: Option<Vec<u8>>,
    rejected_size: Option<i64>,
}

/// Up to `limit` lines of a run's ledger for the transaction's tenant, by path, from the first after `after` on (`""`
/// is the beginning).
///
/// # Errors
/// The database failed.
pub async fn lines(tx: &mut Tx, run_id: Uuid, after: &str, limit: i64) -> Result<Vec<Line>> {
    let sql =
        "SELECT f.path, f.source_path, f.kind, f.size, f.modified_at, f.hash, f.outcome, f.reason, f.action,
                      f.previous, p.size AS previous_size, f.previous_revision, f.previous_modified_at,
                      f.rejected, r.size AS rejected_size
               FROM import_files f
               LEFT JOIN blobs p ON p.hash = f.previous
               LEFT JOIN blobs r ON r.hash = f.rejected
               WHERE f.tenant_id = $1 AND f.run_id = $2 AND f.path > $3 ORDER BY f.path LIMIT $4";
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(tx.id())
        .bind(run_id)
        .bind(after)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.into_iter().map(Line::try_from).collect()
}

/// How many files of a run ended how, and their bytes, for the transaction's tenant: kind, outcome, files, bytes.
///
/// # Errors
/// The database failed.
pub async fn counts(tx: &mut Tx, run_id: Uuid) -> Result<Vec<(String, String, i64, i64)>> {
    let sql = "SELECT kind, outcome, count(*), coalesce(sum(size), 0)::bigint FROM import_files
               WHERE tenant_id = $1 AND run_id = $2 GROUP BY kind, outcome ORDER BY kind, outcome";
    Ok(sqlx::query_as(sql)
        .bind(tx.id())
        .bind(run_id)
        .fetch_all(tx.conn())
        .await?)
}

impl TryFrom<Row> for Line {
    type Error = crate::error::Error;

    fn try_from(row: Row) -> Result<Self> {
        let blob = |hash: Option<Vec<u8>>, size: Option<i64>| match (hash, size) {
            (Some(hash), Some(size)) => Blob::from_row(&hash, size).map(Some),
            _ => Ok(None),
        };
        let bytes = blob(row.previous, row.previous_size)?.map(PreviousContent::Bytes);
        let content = bytes.or(row.previous_revision.map(PreviousContent::Revision));
        let previous = content
            .zip(row.previous_modified_at)
            .map(|(content, modified_at)| Previous { content, modified_at });
        let hash = row.hash.as_deref().map(|hash| {
            hash.try_into()
                .map_err(|_| anyhow::anyhow!("a hash of the ledger is not 32 bytes long"))
        });
        Ok(Self {
            path: row.path,
            source_path: row.source_path,
            kind: row.kind,
            size: row.size,
            modified_at: row.modified_at,
            hash: hash.transpose()?,
            outcome: row.outcome,
            reason: row.reason,
            action: row.action.as_deref().map(Action::from_str).transpose()?,
            previous,
            rejected: blob(row.rejected, row.rejected_size)?,
        })
    }
}

//! The audit log: added to, read by administrators, and pruned when entries are old. `migrations/0017_audit_log.sql` states
//! the model, `docs/OPERATIONS.md` lists the acts.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Db, Tx};
use crate::error::Result;

/// Longest text of an entry, in characters: some of them are whatever a stranger sent.
const LONGEST: usize = 300;

/// Entries removed in one statement.
const BATCH: i64 = 1000;

/// What is written of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Handle of the account concerned; empty for the whole installation.
    pub tenant: String,
    /// Handle of who did it; empty for nobody known.
    pub actor: String,
    /// What: `login`, `secret.write` …
    pub act: &'static str,
    /// To what; never a secret's value.
    pub subject: String,
    /// Where from.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// `done`, or why it was not.
    pub outcome: &'static str,
}

impl Entry {
    /// What a program did that holds the database's credentials.
    #[must_use]
    pub fn of_program(program: &str, act: &'static str, tenant: &str, subject: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            actor: program.to_owned(),
            act,
            subject: subject.to_owned(),
            address: String::new(),
            agent: program.to_owned(),
            outcome: "done",
        }
    }
}

/// An entry as it was stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Stored {
    /// Counts up.
    pub entry_id: i64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// As [`Entry::tenant`].
    pub tenant: String,
    /// As [`Entry::actor`].
    pub actor: String,
    /// As [`Entry::act`].
    pub act: String,
    /// As [`Entry::subject`].
    pub subject: String,
    /// As [`Entry::address`].
    pub address: String,
    /// As [`Entry::agent`].
    pub agent: String,
    /// As [`Entry::outcome`].
    pub outcome: String,
}

/// Which entries are asked for. `None` is any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Handle of the account concerned.
    pub tenant: Option<String>,
    /// What was done; one that ends in a full stop stands for all that begin with it.
    pub act: Option<String>,
    /// From this time on.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
    /// Older than this entry.
    pub before: Option<i64>,
}

/// Adds an entry in a tenant's transaction: it stands when the act does.
///
/// # Errors
/// The database failed.
pub async fn add(tx: &mut Tx, entry: &Entry) -> Result<()> {
    Ok(insert(tx.conn(), entry).await?)
}

/// Adds an entry by itself, for what changes nothing or was refused.
///
/// # Errors
/// The database failed.
pub async fn add_alone(db: &Db, entry: &Entry) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    insert(&mut tx, entry).await?;
    Ok(tx.commit().await?)
}

/// Adds an entry, if there is one, in a transaction without a tenant.
pub(in crate::store) async fn insert_some(
    conn: &mut PgConnection,
    entry: Option<&Entry>,
) -> sqlx::Result<()> {
    match entry {
        Some(entry) => insert(conn, entry).await,
        None => Ok(()),
    }
}

pub(in crate::store) async fn insert(conn: &mut PgConnection, entry: &Entry) -> sqlx::Result<()> {
    // No text of the database holds NUL.
    let cut = |text: &str| -> String { text.replace('\0', "").chars().take(LONGEST).collect() };
    let sql = "INSERT INTO audit_log (tenant, actor, act, subject, address, agent, outcome)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(sql)
        .bind(cut(&entry.tenant))
        .bind(cut(&entry.actor))
        .bind(entry.act)
        .bind(cut(&entry.subject))
        .bind(cut(&entry.address))
        .bind(cut(&entry.agent))
        .bind(entry.outcome)
        .execute(conn)
        .await?;
    Ok(())
}

/// At most `most` entries, the newest first.
///
/// # Errors
/// The database failed.
pub async fn list(db: &Db, filter: &Filter, most: i64) -> Result<Vec<Stored>> {
    let sql = "SELECT entry_id, at, tenant, actor, act, subject, address, agent, outcome FROM audit_log
               WHERE ($1::text IS NULL OR tenant = $1)
                 AND ($2::text IS NULL OR act = $2 OR (right($2, 1) = '.' AND act ^@ $2))
                 AND ($3::timestamptz IS NULL OR at >= $3) AND ($4::timestamptz IS NULL OR at < $4)
                 AND ($5::bigint IS NULL OR entry_id < $5)
               ORDER BY entry_id DESC LIMIT $6";
    db.ask(|pool| async move {
        sqlx::query_as(sql)
            .bind(&filter.tenant)
            .bind(&filter.act)
            .bind(filter.from)
            .bind(filter.until)
            .bind(filter.before)
            .bind(most)
            .fetch_all(&pool)
            .await
    })
    .await
}

/// Removes some of the entries that are older than `days` (at least one). Says how many: nothing is left to do when that is
/// 0. Nodes that do it at once take different ones.
///
/// # Errors
/// The database failed.
pub async fn prune(db: &Db, days: u32) -> Result<u64> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "DELETE FROM audit_log WHERE entry_id IN (
                   SELECT entry_id FROM audit_log WHERE at < now() - make_interval(days => greatest($1, 1))
                   ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    let gone = sqlx::query(sql)
        .bind(i32::try_from(days).unwrap_or(i32::MAX))
        .bind(BATCH)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected())
}

//! Sessions: who is logged in, read before anyone is known.

use chrono::{DateTime, Utc};

use super::Db;
use super::accounts::{Row, User};
use super::audit::{self, Entry};
use crate::error::Result;

/// How many sessions an account may have; the oldest make room.
const MOST: i64 = 100;

/// BLAKE3 of a session's id.
pub type Hash = [u8; 32];

/// A session to be made.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    /// Names it.
    pub hash: Hash,
    /// When it ends unless it is extended.
    pub expires_at: DateTime<Utc>,
    /// The browser's address.
    pub client: &'a str,
    /// What the browser calls itself.
    pub agent: &'a str,
}

/// What a session is worth.
#[derive(Debug, Clone)]
pub enum Found {
    /// Its account, without the avatar, and when the session ends.
    Live(Box<User>, DateTime<Utc>),
    /// The account's password was changed since.
    Outdated,
    /// There is none, its time is over, or its account is gone or may not log in.
    None,
}

/// A session as its owner may see it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Session {
    /// BLAKE3 of its id.
    pub hash: Vec<u8>,
    /// When its owner logged in.
    pub created_at: DateTime<Utc>,
    /// When it was last extended.
    pub seen_at: DateTime<Utc>,
    /// When it ends unless it is extended.
    pub expires_at: DateTime<Utc>,
    /// The browser's address.
    pub client: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// Makes a session, if the account is still the one whose password was checked and may log in, and notes the login in the
/// audit log. Says whether it did.
///
/// # Errors
/// The database failed.
pub async fn open(db: &Db, user: &User, new: &NewSession<'_>) -> Result<bool> {
    let mut tx = db.begin_untenanted().await?;
    // Locked, so that whoever changes the account either comes first and is seen, or later and ends this session.
    let sql = "INSERT INTO sessions (hash, handle, epoch, expires_at, client, agent)
               SELECT $1, handle, epoch, $2, $3, $4 FROM users
               WHERE handle = $5 AND epoch = $6 AND enabled FOR SHARE";
    let made = sqlx::query(sql)
        .bind(&new.hash[..])
        .bind(new.expires_at)
        .bind(new.client)
        .bind(new.agent)
        .bind(&user.handle)
        .bind(user.epoch)
        .execute(&mut *tx)
        .await?;
    let sql = "DELETE FROM sessions WHERE expires_at < now()";
    sqlx::query(sql).execute(&mut *tx).await?;
    let sql = "DELETE FROM sessions WHERE handle = $1 AND hash IN
               (SELECT hash FROM sessions WHERE handle = $1 ORDER BY created_at DESC OFFSET $2)";
    sqlx::query(sql)
        .bind(&user.handle)
        .bind(MOST)
        .execute(&mut *tx)
        .await?;
    let is_made = made.rows_affected() > 0;
    if is_made {
        audit::insert(&mut tx, &login(user, new)).await?;
    }
    tx.commit().await?;
    Ok(is_made)
}

fn login(user: &User, new: &NewSession<'_>) -> Entry {
    Entry {
        tenant: user.handle.clone(),
        actor: user.handle.clone(),
        act: "login",
        subject: user.handle.clone(),
        address: new.client.to_owned(),
        agent: new.agent.to_owned(),
        outcome: "done",
    }
}

#[derive(sqlx::FromRow)]
struct Live {
    #[sqlx(flatten)]
    user: Row,
    expires_at: DateTime<Utc>,
    is_current: bool,
}

/// What the session with this hash is worth to the account that its cookie names: one statement, asked at every request.
///
/// # Errors
/// The database failed.
pub async fn find(db: &Db, hash: &Hash, handle: &str) -> Result<Found> {
    let sql = "SELECT u.tenant_id, u.handle, u.name, u.password, u.salt, u.admin, u.enabled, '' AS avatar,
                      u.created_at, u.epoch, s.expires_at, s.epoch = u.epoch AS is_current
               FROM sessions s JOIN users u ON u.handle = s.handle
               WHERE s.hash = $1 AND s.handle = $2 AND s.expires_at > now() AND u.enabled";
    let row: Option<Live> = db
        .ask(|pool| async move {
            sqlx::query_as(sql)
                .bind(&hash[..])
                .bind(handle)
                .fetch_optional(&pool)
                .await
        })
        .await?;
    Ok(match row {
        None => Found::None,
        Some(row) if row.is_current => Found::Live(Box::new(row.user.into()), row.expires_at),
        Some(_) => Found::Outdated,
    })
}

/// Lets a session last until `expires_at`.
///
/// # Errors
/// The database failed.
pub async fn extend(db: &Db, hash: &Hash, expires_at: DateTime<Utc>) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "UPDATE sessions SET seen_at = now(), expires_at = $2 WHERE hash = $1";
    sqlx::query(sql)
        .bind(&hash[..])
        .bind(expires_at)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Ends a session.
///
/// # Errors
/// The database failed.
pub async fn close(db: &Db, hash: &Hash, entry: Option<&Entry>) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "DELETE FROM sessions WHERE hash = $1";
    sqlx::query(sql).bind(&hash[..]).execute(&mut *tx).await?;
    audit::insert_some(&mut tx, entry).await?;
    Ok(tx.commit().await?)
}

/// The sessions of an account that are worth something, the newest first.
///
/// # Errors
/// The database failed.
pub async fn list(db: &Db, handle: &str) -> Result<Vec<Session>> {
    let sql = "SELECT s.hash, s.created_at, s.seen_at, s.expires_at, s.client, s.agent
               FROM sessions s JOIN users u ON u.handle = s.handle AND u.epoch = s.epoch
               WHERE s.handle = $1 AND s.expires_at > now() ORDER BY s.created_at DESC";
    db.ask(|pool| async move { sqlx::query_as(sql).bind(handle).fetch_all(&pool).await })
        .await
}

/// Ends the session of an account whose hash begins like this. Says whether there was one.
///
/// # Errors
/// The database failed.
pub async fn revoke(db: &Db, handle: &str, start: &[u8]) -> Result<bool> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "DELETE FROM sessions WHERE handle = $1 AND substr(hash, 1, length($2)) = $2";
    let gone = sqlx::query(sql)
        .bind(handle)
        .bind(start)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected() > 0)
}

/// Ends every session of an account but the one with this hash. Says how many.
///
/// # Errors
/// The database failed.
pub async fn revoke_others(db: &Db, handle: &str, keep: Option<&Hash>) -> Result<u64> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "DELETE FROM sessions WHERE handle = $1 AND hash IS DISTINCT FROM $2";
    let gone = sqlx::query(sql)
        .bind(handle)
        .bind(keep.map(|hash| &hash[..]))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected())
}

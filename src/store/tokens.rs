//! Service tokens: what a program acts with, read before anyone is known.

use chrono::{DateTime, Utc};

use sqlx::{Postgres, Transaction};

use super::Db;
use super::accounts::{Row, User};
use super::audit::{self, Entry};
use super::sessions::Hash;
use crate::error::Result;

/// How many tokens an account may have.
const MOST: i64 = 100;

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// BLAKE3 of the token.
    pub hash: Hash,
    /// What its owner calls it.
    pub name: &'a str,
    /// Names of its scopes.
    pub scopes: &'a [String],
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A token as its owner may see it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Token {
    /// BLAKE3 of it.
    pub hash: Vec<u8>,
    /// What its owner calls it.
    pub name: String,
    /// Names of its scopes.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to the minute; `None` for never.
    pub used_at: Option<DateTime<Utc>>,
}

/// A token that is worth something.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its account, without the avatar; maybe disabled.
    pub user: User,
    /// What its owner calls it.
    pub name: String,
    /// Names of its scopes.
    pub scopes: Vec<String>,
    /// Whether its last use is to be written down anew.
    pub is_stale: bool,
}

#[derive(sqlx::FromRow)]
struct Live {
    #[sqlx(flatten)]
    user: Row,
    token: String,
    scopes: Vec<String>,
    is_stale: bool,
}

/// Makes a token, unless the account is gone or has too many. Says whether it did.
///
/// # Errors
/// The database failed.
pub async fn create(db: &Db, handle: &str, new: &NewToken<'_>, entry: &Entry) -> Result<bool> {
    let mut tx = db.begin_untenanted().await?;
    // Locked, so that two requests at once are counted one after the other.
    let sql = "SELECT handle FROM users WHERE handle = $1 FOR UPDATE";
    sqlx::query(sql).bind(handle).execute(&mut *tx).await?;
    let sql = "DELETE FROM service_tokens WHERE handle = $1 AND expires_at < now() - interval '30 days'";
    sqlx::query(sql).bind(handle).execute(&mut *tx).await?;
    let sql = "INSERT INTO service_tokens (hash, handle, name, scopes, expires_at)
               SELECT $1, handle, $2, $3, $4 FROM users
               WHERE handle = $5 AND (SELECT count(*) FROM service_tokens WHERE handle = $5) < $6";
    let made = sqlx::query(sql)
        .bind(&new.hash[..])
        .bind(new.name)
        .bind(new.scopes)
        .bind(new.expires_at)
        .bind(handle)
        .bind(MOST)
        .execute(&mut *tx)
        .await?;
    finish(tx, made.rows_affected() > 0, entry).await
}

/// The token with this hash, unless its time is over: one statement, asked at every request that brings one.
///
/// # Errors
/// The database failed.
pub async fn find(db: &Db, hash: &Hash) -> Result<Option<Found>> {
    let sql = "SELECT u.tenant_id, u.handle, u.name, u.password, u.salt, u.admin, u.enabled, '' AS avatar,
                      u.created_at, u.epoch, t.name AS token, t.scopes,
                      coalesce(t.used_at < now() - interval '1 minute', true) AS is_stale
               FROM service_tokens t JOIN users u ON u.handle = t.handle
               WHERE t.hash = $1 AND t.expires_at > now()";
    let row: Option<Live> = db
        .ask(|pool| async move { sqlx::query_as(sql).bind(&hash[..]).fetch_optional(&pool).await })
        .await?;
    Ok(row.map(|row| Found {
        user: row.user.into(),
        name: row.token,
        scopes: row.scopes,
        is_stale: row.is_stale,
    }))
}

/// Writes down that a token is used now.
///
/// # Errors
/// The database failed.
pub async fn touch(db: &Db, hash: &Hash) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "UPDATE service_tokens SET used_at = now() WHERE hash = $1";
    sqlx::query(sql).bind(&hash[..]).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// The tokens of an account, the newest first, those whose time is over among them.
///
/// # Errors
/// The database failed.
pub async fn list(db: &Db, handle: &str) -> Result<Vec<Token>> {
    let sql = "SELECT hash, name, scopes, created_at, expires_at, used_at
               FROM service_tokens WHERE handle = $1 ORDER BY created_at DESC, hash";
    db.ask(|pool| async move { sqlx::query_as(sql).bind(handle).fetch_all(&pool).await })
        .await
}

/// Ends the token of an account whose hash begins like this. Says whether there was one.
///
/// # Errors
/// The database failed.
pub async fn revoke(db: &Db, handle: &str, start: &[u8], entry: &Entry) -> Result<bool> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "DELETE FROM service_tokens WHERE handle = $1 AND substr(hash, 1, length($2)) = $2";
    let gone = sqlx::query(sql)
        .bind(handle)
        .bind(start)
        .execute(&mut *tx)
        .await?;
    finish(tx, gone.rows_affected() > 0, entry).await
}

/// Commits, with the entry if something was done; says so.
async fn finish(mut tx: Transaction<'static, Postgres>, is_done: bool, entry: &Entry) -> Result<bool> {
    if is_done {
        audit::insert(&mut tx, entry).await?;
    }
    tx.commit().await?;
    Ok(is_done)
}

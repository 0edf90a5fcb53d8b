//! Accounts and tenants: the only tables read before anyone is logged in.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::audit::{self, Entry};
use super::sessions::Hash;
use super::{Db, TenantId};
use crate::error::Result;

mod scratch;

pub use self::scratch::{delete_scratch, make_scratch};

/// Name of the tenant without an account, which holds what belongs to the whole installation.
pub const SYSTEM: &str = "_system";

/// A SillyTavern account, in its one tenant.
#[derive(Debug, Clone)]
pub struct User {
    /// Tenant whose rows this user may see.
    pub tenant: TenantId,
    /// Unique short name, `default-user`.
    pub handle: String,
    /// Display name.
    pub name: String,
    /// Base64 scrypt hash of the original, or an Argon2id hash that begins with `$`; empty for no password.
    pub password: String,
    /// Salt of a scrypt hash.
    pub salt: String,
    /// May use the users-admin routes.
    pub admin: bool,
    /// May log in.
    pub enabled: bool,
    /// Data URL of the account's picture; empty for none, and for the user of a session, which does without.
    pub avatar: String,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// Changes when every session of the account ends: with its password, its role, and whether it may log in.
    pub epoch: i64,
}

#[derive(sqlx::FromRow)]
pub(in crate::store) struct Row {
    tenant_id: i64,
    handle: String,
    name: String,
    password: String,
    salt: String,
    admin: bool,
    enabled: bool,
    avatar: String,
    created_at: DateTime<Utc>,
    epoch: i64,
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        let Row {
            tenant_id,
            handle,
            name,
            password,
            salt,
            admin,
            enabled,
            avatar,
            created_at,
            epoch,
        } = row;
        Self {
            tenant: TenantId(tenant_id),
            handle,
            name,
            password,
            salt,
            admin,
            enabled,
            avatar,
            created_at,
            epoch,
        }
    }
}

/// What an account consists of when it is made.
#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    /// Unique short name.
    pub handle: &'a str,
    /// Display name.
    pub name: &'a str,
    /// Base64 scrypt hash, or empty.
    pub password: &'a str,
    /// Salt of `password`, or empty.
    pub salt: &'a str,
    /// May use the users-admin routes.
    pub admin: bool,
    /// May log in.
    pub enabled: bool,
    /// Data URL, or empty.
    pub avatar: &'a str,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

const BY_HANDLE: &str =
    "SELECT tenant_id, handle, name, password, salt, admin, enabled, avatar, created_at, epoch
     FROM users WHERE handle = $1";

/// The tenant named [`SYSTEM`].
///
/// # Errors
/// The database failed, or its migrations have not run.
pub async fn system_tenant(db: &Db) -> Result<TenantId> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "SELECT tenant_id FROM tenants WHERE handle = $1";
    let tenant: i64 = sqlx::query_scalar(sql).bind(SYSTEM).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(TenantId(tenant))
}

/// The account with this handle, or `None`.
///
/// # Errors
/// The database failed.
pub async fn find(db: &Db, handle: &str) -> Result<Option<User>> {
    let mut tx = db.begin_untenanted().await?;
    let row: Option<Row> = sqlx::query_as(BY_HANDLE)
        .bind(handle)
        .fetch_optional(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(row.map(User::from))
}

/// All accounts, oldest first.
///
/// # Errors
/// The database failed.
pub async fn list(db: &Db) -> Result<Vec<User>> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "SELECT tenant_id, handle, name, password, salt, admin, enabled, avatar, created_at, epoch
               FROM users ORDER BY created_at, handle";
    let rows: Vec<Row> = sqlx::query_as(sql).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// The account with this handle, made together with its tenant where there is none. Says whether it was made.
///
/// # Errors
/// The database failed.
pub async fn find_or_create(db: &Db, new: &NewUser<'_>) -> Result<(User, bool)> {
    find_or_create_noted(db, new, None).await
}

async fn find_or_create_noted(db: &Db, new: &NewUser<'_>, entry: Option<&Entry>) -> Result<(User, bool)> {
    let mut tx = db.begin_untenanted().await?;
    // One statement each, by unique constraint: two nodes may start on an empty database at once.
    let sql = "INSERT INTO tenants (handle) VALUES ($1) ON CONFLICT (handle) DO UPDATE SET handle = $1
               RETURNING tenant_id";
    let tenant: i64 = sqlx::query_scalar(sql)
        .bind(new.handle)
        .fetch_one(&mut *tx)
        .await?;
    let is_made = insert(&mut tx, new, tenant).await?;
    audit::insert_some(&mut tx, entry.filter(|_| is_made)).await?;
    let row: Row = sqlx::query_as(BY_HANDLE)
        .bind(new.handle)
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok((row.into(), is_made))
}

/// Makes an account in a tenant, unless there is one of this handle. Says whether it did.
pub(in crate::store) async fn insert(
    conn: &mut PgConnection,
    new: &NewUser<'_>,
    tenant: i64,
) -> sqlx::Result<bool> {
    let sql =
        "INSERT INTO users (handle, tenant_id, name, password, salt, admin, enabled, avatar, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (handle) DO NOTHING";
    let made = sqlx::query(sql)
        .bind(new.handle)
        .bind(tenant)
        .bind(new.name)
        .bind(new.password)
        .bind(new.salt)
        .bind(new.admin)
        .bind(new.enabled)
        .bind(new.avatar)
        .bind(new.created_at)
        .execute(conn)
        .await?;
    Ok(made.rows_affected() > 0)
}

/// Replaces everything but the handle of an existing account, and ends its sessions.
///
/// # Errors
/// The database failed.
pub async fn replace(db: &Db, new: &NewUser<'_>) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "UPDATE users SET name = $2, password = $3, salt = $4, admin = $5, enabled = $6, avatar = $7,
                                created_at = $8, epoch = nextval('account_epochs')
               WHERE handle = $1";
    sqlx::query(sql)
        .bind(new.handle)
        .bind(new.name)
        .bind(new.password)
        .bind(new.salt)
        .bind(new.admin)
        .bind(new.enabled)
        .bind(new.avatar)
        .bind(new.created_at)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Makes an account, in the tenant that an earlier account of this handle may have left; `None` where there is one.
///
/// # Errors
/// The database failed.
pub async fn create(db: &Db, new: &NewUser<'_>, entry: Option<&Entry>) -> Result<Option<User>> {
    let (user, is_new) = find_or_create_noted(db, new, entry).await?;
    Ok(is_new.then_some(user))
}

/// Changes the display name. Says whether there is such an account.
///
/// # Errors
/// The database failed.
pub async fn set_name(db: &Db, handle: &str, name: &str, entry: Option<&Entry>) -> Result<bool> {
    let sql = "UPDATE users SET name = $2 WHERE handle = $1";
    change(db, sql, handle, name, entry).await
}

/// Changes the picture. Says whether there is such an account.
///
/// # Errors
/// The database failed.
pub async fn set_avatar(db: &Db, handle: &str, url: &str, entry: Option<&Entry>) -> Result<bool> {
    let sql = "UPDATE users SET avatar = $2 WHERE handle = $1";
    change(db, sql, handle, url, entry).await
}

async fn change(
    db: &Db,
    sql: &'static str,
    handle: &str,
    value: &str,
    entry: Option<&Entry>,
) -> Result<bool> {
    let mut tx = db.begin_untenanted().await?;
    let changed = sqlx::query(sql)
        .bind(handle)
        .bind(value)
        .execute(&mut *tx)
        .await?;
    let exists = changed.rows_affected() > 0;
    audit::insert_some(&mut tx, entry.filter(|_| exists)).await?;
    tx.commit().await?;
    Ok(exists)
}

/// Stores the same password under another hash, unless it was changed meanwhile.
///
/// # Errors
/// The database failed.
pub async fn rehash(db: &Db, user: &User, hash: &str) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "UPDATE users SET password = $3, salt = '' WHERE handle = $1 AND password = $2";
    sqlx::query(sql)
        .bind(&user.handle)
        .bind(&user.password)
        .bind(hash)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Sets the password's hash, empty for none. The account's sessions but the one that is to be kept are outdated by that;
/// they stay until their time is over, so that their browsers can be told.
///
/// # Errors
/// The database failed.
pub async fn set_password(
    db: &Db,
    handle: &str,
    hash: &str,
    keep: Option<&Hash>,
    entry: Option<&Entry>,
) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql =
        "UPDATE users SET password = $2, salt = '', epoch = nextval('account_epochs') WHERE handle = $1";
    sqlx::query(sql).bind(handle).bind(hash).execute(&mut *tx).await?;
    let sql = "UPDATE sessions SET epoch = users.epoch FROM users
               WHERE sessions.handle = $1 AND users.handle = $1 AND sessions.hash = $2";
    sqlx::query(sql)
        .bind(handle)
        .bind(keep.map(|hash| &hash[..]))
        .execute(&mut *tx)
        .await?;
    audit::insert_some(&mut tx, entry).await?;
    Ok(tx.commit().await?)
}

/// What an administrator decides about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Whether it may log in.
    Enabled(bool),
    /// Whether it administers the server.
    Admin(bool),
}

/// Sets an account's standing; where that changes anything its sessions end. Says whether there is such an account.
///
/// # Errors
/// The database failed.
pub async fn set_standing(db: &Db, handle: &str, standing: Standing, entry: Option<&Entry>) -> Result<bool> {
    let mut tx = db.begin_untenanted().await?;
    let (sql, value) = match standing {
        Standing::Enabled(value) => (
            "UPDATE users SET enabled = $2, epoch = nextval('account_epochs') WHERE handle = $1 AND enabled <> $2",
            value,
        ),
        Standing::Admin(value) => (
            "UPDATE users SET admin = $2, epoch = nextval('account_epochs') WHERE handle = $1 AND admin <> $2",
            value,
        ),
    };
    let changed = sqlx::query(sql)
        .bind(handle)
        .bind(value)
        .execute(&mut *tx)
        .await?;
    if changed.rows_affected() > 0 {
        let sql = "DELETE FROM sessions WHERE handle = $1";
        sqlx::query(sql).bind(handle).execute(&mut *tx).await?;
        audit::insert_some(&mut tx, entry).await?;
    }
    let sql = "SELECT EXISTS (SELECT FROM users WHERE handle = $1)";
    let exists: bool = sqlx::query_scalar(sql).bind(handle).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(exists)
}

/// Removes an account and leaves its data, which an account of the same handle would find again.
///
/// # Errors
/// The database failed.
pub async fn remove(db: &Db, handle: &str, entry: Option<&Entry>) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "DELETE FROM users WHERE handle = $1";
    sqlx::query(sql).bind(handle).execute(&mut *tx).await?;
    audit::insert_some(&mut tx, entry).await?;
    Ok(tx.commit().await?)
}

/// Removes an account, and all data under its handle unless another account shares it.
///
/// # Errors
/// The database failed.
pub async fn purge(db: &Db, handle: &str, entry: Option<&Entry>) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "DELETE FROM users WHERE handle = $1";
    sqlx::query(sql).bind(handle).execute(&mut *tx).await?;
    let sql = "DELETE FROM tenants t WHERE t.handle = $1 AND left(t.handle, 1) <> '_'
               AND NOT EXISTS (SELECT FROM users u WHERE u.tenant_id = t.tenant_id)";
    sqlx::query(sql).bind(handle).execute(&mut *tx).await?;
    audit::insert_some(&mut tx, entry).await?;
    Ok(tx.commit().await?)
}

/// Removes an account, and its tenant with everything in it unless the tenant has another account. Says whether there
/// was one.
///
/// # Errors
/// The database failed.
pub async fn delete(db: &Db, handle: &str) -> Result<bool> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "DELETE FROM users WHERE handle = $1 RETURNING tenant_id";
    let tenant: Option<i64> = sqlx::query_scalar(sql)
        .bind(handle)
        .fetch_optional(&mut *tx)
        .await?;
    let sql =
        "DELETE FROM tenants WHERE tenant_id = $1 AND NOT EXISTS (SELECT FROM users WHERE tenant_id = $1)";
    sqlx::query(sql).bind(tenant).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(tenant.is_some())
}

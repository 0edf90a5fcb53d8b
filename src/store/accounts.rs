//! Accounts and tenants: the only tables read before anyone is logged in.

use chrono::{DateTime, Utc};

use super::{Db, TenantId};
use crate::error::Result;

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
    /// Base64 scrypt hash; empty for an account without a password.
    pub password: String,
    /// Salt of `password`.
    pub salt: String,
    /// May use the users-admin routes.
    pub admin: bool,
    /// May log in.
    pub enabled: bool,
    /// Data URL of the account's picture; empty for none.
    pub avatar: String,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant_id: i64,
    handle: String,
    name: String,
    password: String,
    salt: String,
    admin: bool,
    enabled: bool,
    avatar: String,
    created_at: DateTime<Utc>,
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

const BY_HANDLE: &str = "SELECT tenant_id, handle, name, password, salt, admin, enabled, avatar, created_at
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
    let sql = "SELECT tenant_id, handle, name, password, salt, admin, enabled, avatar, created_at
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
    let mut tx = db.begin_untenanted().await?;
    // One statement each, by unique constraint: two nodes may start on an empty database at once.
    let sql = "INSERT INTO tenants (handle) VALUES ($1) ON CONFLICT (handle) DO UPDATE SET handle = $1
               RETURNING tenant_id";
    let tenant: i64 = sqlx::query_scalar(sql)
        .bind(new.handle)
        .fetch_one(&mut *tx)
        .await?;
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
        .execute(&mut *tx)
        .await?;
    let row: Row = sqlx::query_as(BY_HANDLE)
        .bind(new.handle)
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok((row.into(), made.rows_affected() > 0))
}

/// Replaces everything but the handle of an existing account.
///
/// # Errors
/// The database failed.
pub async fn replace(db: &Db, new: &NewUser<'_>) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "UPDATE users SET name = $2, password = $3, salt = $4, admin = $5, enabled = $6, avatar = $7,
                                created_at = $8
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

/// What names of tenants begin with that are to be rolled back.
const SCRATCH: &str = "_try_";

/// A tenant without an account, for what is to be rolled back: nobody can log in to it or finds it in a list.
/// `trial` tells whose it is, `handle` which.
///
/// # Errors
/// The database failed.
pub async fn make_scratch(db: &Db, trial: &str, handle: &str) -> Result<TenantId> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "INSERT INTO tenants (handle) VALUES ($1 || $2 || '_' || $3)
               ON CONFLICT (handle) DO UPDATE SET handle = tenants.handle RETURNING tenant_id";
    let tenant: i64 = sqlx::query_scalar(sql)
        .bind(SCRATCH)
        .bind(trial)
        .bind(handle)
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(TenantId(tenant))
}

/// Removes what [`make_scratch`] made for a trial, and what trials of earlier days left behind that were cut off.
///
/// # Errors
/// The database failed.
pub async fn delete_scratch(db: &Db, trial: &str) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "DELETE FROM tenants WHERE handle ^@ ($1 || $2)
                  OR handle ^@ $1 AND created_at < now() - interval '1 day'";
    sqlx::query(sql)
        .bind(SCRATCH)
        .bind(trial)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
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

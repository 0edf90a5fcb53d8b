//! Which account logs in by which identity at a provider. `migrations/0020_oidc.sql` states the model.

use super::Db;
use super::accounts::{self, NewUser, Row, User};
use super::audit::{self, Entry};
use crate::error::Result;

/// A person at a provider.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The provider's address.
    pub issuer: &'a str,
    /// Its name for the person.
    pub subject: &'a str,
}

/// The account of an identity, or `None`.
///
/// # Errors
/// The database failed.
pub async fn find(db: &Db, identity: Identity<'_>) -> Result<Option<User>> {
    let sql = "SELECT u.tenant_id, u.handle, u.name, u.password, u.salt, u.admin, u.enabled, u.avatar, u.created_at,
                      u.epoch
               FROM oidc_identities i JOIN users u ON u.handle = i.handle
               WHERE i.issuer = $1 AND i.subject = $2";
    let row: Option<Row> = db
        .ask(|pool| async move {
            sqlx::query_as(sql)
                .bind(identity.issuer)
                .bind(identity.subject)
                .fetch_optional(&pool)
                .await
        })
        .await?;
    Ok(row.map(User::from))
}

/// Makes an account for an identity, with an entry in the audit log. Says no where the handle is or was somebody's: data that
/// an earlier account left behind are not for a stranger of the same name.
///
/// # Errors
/// The database failed.
pub async fn create(db: &Db, identity: Identity<'_>, new: &NewUser<'_>, entry: &Entry) -> Result<bool> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "INSERT INTO tenants (handle) VALUES ($1) ON CONFLICT (handle) DO NOTHING RETURNING tenant_id";
    let tenant: Option<i64> = sqlx::query_scalar(sql)
        .bind(new.handle)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(tenant) = tenant else { return Ok(false) };
    if !accounts::insert(&mut tx, new, tenant).await? || !bind(&mut tx, identity, new.handle).await? {
        return Ok(false);
    }
    audit::insert(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// Lets an identity log in as an account that there is, with an entry in the audit log. Says whether it may from now on.
///
/// # Errors
/// The database failed.
pub async fn link(db: &Db, identity: Identity<'_>, handle: &str, entry: &Entry) -> Result<bool> {
    let mut tx = db.begin_untenanted().await?;
    if !bind(&mut tx, identity, handle).await? {
        return Ok(false);
    }
    audit::insert(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(true)
}

async fn bind(conn: &mut sqlx::PgConnection, identity: Identity<'_>, handle: &str) -> sqlx::Result<bool> {
    let sql = "INSERT INTO oidc_identities (issuer, subject, handle)
               SELECT $1, $2, handle FROM users WHERE handle = $3 ON CONFLICT DO NOTHING";
    let made = sqlx::query(sql)
        .bind(identity.issuer)
        .bind(identity.subject)
        .bind(handle)
        .execute(conn)
        .await?;
    Ok(made.rows_affected() > 0)
}

//! Tenants that are to be rolled back, for programs that try out what they would store.

use crate::error::Result;
use crate::store::{Db, TenantId};

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

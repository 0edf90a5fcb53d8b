//! What tenants may hold and ask for, and what they do. `migrations/0018_quotas.sql` counts and refuses; here is what reads,
//! sets and begins it.

use super::Tx;
use crate::error::Result;

/// What an administrator decided for one account. `None` is what the environment says, -1 no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Overrides {
    /// Bytes stored.
    #[sqlx(rename = "quota_bytes")]
    pub bytes: Option<i64>,
    /// Characters.
    #[sqlx(rename = "quota_characters")]
    pub characters: Option<i64>,
    /// Requests to providers a day (UTC).
    #[sqlx(rename = "quota_upstream")]
    pub upstream: Option<i64>,
}

/// What a tenant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Usage {
    /// Bytes stored.
    pub bytes: i64,
    /// Characters.
    pub characters: i64,
}

/// Begins to count what the tenant holds, unless it is counted already. Waits for the tenant's transactions that are being
/// committed, so that none is left out, and is to be the first thing in its own.
///
/// # Errors
/// The database failed.
pub async fn measure(tx: &mut Tx) -> Result<()> {
    let known = "SELECT EXISTS (SELECT FROM tenant_usage WHERE tenant_id = $1)";
    if sqlx::query_scalar(known)
        .bind(tx.id())
        .fetch_one(tx.conn())
        .await?
    {
        return Ok(());
    }
    tx.hold("usage").await?;
    let sql = "INSERT INTO tenant_usage (tenant_id, bytes, characters)
               SELECT $1, bytes, characters FROM measured_usage() ON CONFLICT DO NOTHING";
    sqlx::query(sql).bind(tx.id()).execute(tx.conn()).await?;
    Ok(())
}

/// What the tenant holds: as it was counted, else summed up now.
///
/// # Errors
/// The database failed.
pub async fn usage(tx: &mut Tx) -> Result<Usage> {
    let sql = "SELECT bytes, characters FROM tenant_usage WHERE tenant_id = $1";
    let counted = sqlx::query_as(sql)
        .bind(tx.id())
        .fetch_optional(tx.conn())
        .await?;
    match counted {
        Some(usage) => Ok(usage),
        None => measured(tx).await,
    }
}

/// What the tenant holds, summed up from its rows.
///
/// # Errors
/// The database failed.
pub async fn measured(tx: &mut Tx) -> Result<Usage> {
    // The function names the tenant by `app_tenant()`, which is this transaction's.
    let sql = "SELECT bytes, characters FROM measured_usage()";
    Ok(sqlx::query_as(sql).fetch_one(tx.conn()).await?)
}

/// What was decided for the tenant.
///
/// # Errors
/// The database failed.
pub async fn overrides(tx: &mut Tx) -> Result<Overrides> {
    let sql = "SELECT quota_bytes, quota_characters, quota_upstream FROM tenants WHERE tenant_id = $1";
    Ok(sqlx::query_as(sql).bind(tx.id()).fetch_one(tx.conn()).await?)
}

/// Decides for the tenant.
///
/// # Errors
/// The database failed.
pub async fn set_overrides(tx: &mut Tx, new: &Overrides) -> Result<()> {
    let sql = "UPDATE tenants SET quota_bytes = $2, quota_characters = $3, quota_upstream = $4 WHERE tenant_id = $1";
    sqlx::query(sql)
        .bind(tx.id())
        .bind(new.bytes)
        .bind(new.characters)
        .bind(new.upstream)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Counts a request to a provider, unless the tenant has sent `most` of them today. Says whether it may be sent.
///
/// # Errors
/// The database failed.
pub async fn count_upstream(tx: &mut Tx, most: i64) -> Result<bool> {
    let sql = "INSERT INTO upstream_days (tenant_id, day, requests)
               SELECT $1, (now() AT TIME ZONE 'UTC')::date, 1 WHERE $2 > 0
               ON CONFLICT (tenant_id) DO UPDATE
               SET requests = CASE WHEN upstream_days.day = EXCLUDED.day THEN upstream_days.requests + 1 ELSE 1 END,
                   day = EXCLUDED.day
               WHERE upstream_days.day <> EXCLUDED.day OR upstream_days.requests < $2";
    let done = sqlx::query(sql)
        .bind(tx.id())
        .bind(most)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Requests to providers that were counted today.
///
/// # Errors
/// The database failed.
pub async fn upstream_today(tx: &mut Tx) -> Result<i64> {
    let sql = "SELECT coalesce(sum(requests), 0)::bigint FROM upstream_days
               WHERE tenant_id = $1 AND day = (now() AT TIME ZONE 'UTC')::date";
    Ok(sqlx::query_scalar(sql).bind(tx.id()).fetch_one(tx.conn()).await?)
}

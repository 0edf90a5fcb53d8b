//! What the administrator allows everybody, and which keys are lent to whoever has none.

use super::{Db, TenantId, Tx};
use crate::error::Result;

/// The policy. `None` allows all.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Policy {
    /// Values of `chat_completion_source`.
    pub chat_sources: Option<Vec<String>>,
    /// Values of `api_type`, and the names of the back ends that have routes of their own.
    pub text_sources: Option<Vec<String>>,
    /// Hosts that requests may go to.
    pub hosts: Option<Vec<String>>,
    /// Secrets of the tenant `_system` that are lent.
    pub shared_keys: Vec<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    policy: Policy,
    quota_upstream: Option<i64>,
}

/// The policy, and what was decided about the requests of one tenant a day: one statement, asked before every request to a
/// provider, so that a change counts at once on every node.
///
/// # Errors
/// The database failed.
pub async fn read(db: &Db, tenant: TenantId) -> Result<(Policy, Option<i64>)> {
    let sql = "SELECT p.chat_sources, p.text_sources, p.hosts, p.shared_keys, t.quota_upstream
               FROM policy p LEFT JOIN tenants t ON t.tenant_id = $1";
    let row: Row = db
        .ask(|pool| async move { sqlx::query_as(sql).bind(tenant.0).fetch_one(&pool).await })
        .await?;
    Ok((row.policy, row.quota_upstream))
}

/// Replaces what is allowed; the keys that are lent stay.
///
/// # Errors
/// The database failed.
pub async fn set(tx: &mut Tx, new: &Policy) -> Result<()> {
    let sql = "UPDATE policy SET chat_sources = $1, text_sources = $2, hosts = $3, changed_at = now()";
    sqlx::query(sql)
        .bind(&new.chat_sources)
        .bind(&new.text_sources)
        .bind(&new.hosts)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Lends a key of this name, or does no more.
///
/// # Errors
/// The database failed.
pub async fn lend(tx: &mut Tx, key: &str, is_lent: bool) -> Result<()> {
    let sql = "UPDATE policy SET changed_at = now(), shared_keys =
                   CASE WHEN $2 THEN array_append(array_remove(shared_keys, $1), $1)
                        ELSE array_remove(shared_keys, $1) END";
    sqlx::query(sql)
        .bind(key)
        .bind(is_lent)
        .execute(tx.conn())
        .await?;
    Ok(())
}

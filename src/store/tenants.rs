//! A tenant as a whole.

use sqlx::AssertSqlSafe;

use super::{Db, TenantId, Tx};
use crate::error::Result;

/// Every tenant there is, the oldest first.
///
/// # Errors
/// The database failed.
pub async fn list(db: &Db) -> Result<Vec<TenantId>> {
    let sql = "SELECT tenant_id FROM tenants ORDER BY tenant_id";
    let ids: Vec<i64> = db
        .ask(|pool| async move { sqlx::query_scalar(sql).fetch_all(&pool).await })
        .await?;
    Ok(ids.into_iter().map(TenantId).collect())
}

/// What counts the tenant rather than belongs to it: emptying the others brings the first down, and a day's requests were sent.
const COUNTERS: [&str; 2] = ["tenant_usage", "upstream_days"];

/// Removes everything that the tenant has, from every table there is; the account stays, and what was counted of it.
///
/// # Errors
/// The database failed.
pub async fn clear(tx: &mut Tx) -> Result<()> {
    let sql = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
               WHERE a.attname = 'tenant_id' AND c.relkind = 'r' AND c.relrowsecurity
                 AND c.relnamespace = current_schema()::regnamespace AND c.relname <> ALL($1)";
    let tables: Vec<String> = sqlx::query_scalar(sql)
        .bind(&COUNTERS[..])
        .fetch_all(tx.conn())
        .await?;
    for table in tables {
        // A name from the catalogue, quoted by it.
        let sql = format!("DELETE FROM {table} WHERE tenant_id = $1");
        let tenant = tx.id();
        sqlx::query(AssertSqlSafe(sql))
            .bind(tenant)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

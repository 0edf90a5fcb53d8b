//! What the audit log hears of the importer.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Result;
use crate::store::Db;
use crate::store::audit::{self, Entry};

/// Who runs, in the audit log.
const PROGRAM: &str = "squaretable-importer";

/// Tells in the audit log of each account of a run.
pub(super) async fn audit_accounts(conn: &mut PgConnection, run_id: Uuid, act: &'static str) -> Result<()> {
    let sql = "SELECT handle FROM import_accounts WHERE run_id = $1 ORDER BY handle";
    let handles: Vec<String> = sqlx::query_scalar(sql).bind(run_id).fetch_all(&mut *conn).await?;
    for handle in handles {
        let entry = Entry::of_program(PROGRAM, act, &handle, &format!("run {run_id}"));
        audit::insert(conn, &entry).await?;
    }
    Ok(())
}

/// Tells in the audit log that an account's data is being exported to a folder.
///
/// # Errors
/// The database failed.
pub async fn audit_export(db: &Db, handle: &str, folder: &str) -> Result<()> {
    audit::add_alone(db, &Entry::of_program(PROGRAM, "export", handle, folder)).await
}

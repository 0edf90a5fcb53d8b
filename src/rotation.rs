//! `squaretable rotate-keys`: every data key is wrapped anew, by the master key that seals now.
//!
//! A tenant's rows are one transaction. A row that the new key opens is left alone, so that a command that was killed is
//! simply run again. Servers that know both keys go on meanwhile; docs/OPERATIONS.md has the order of things.

use anyhow::Context;

use crate::config::Config;
use crate::keys::MasterKey;
use crate::serve::Database;
use crate::store::audit::{self, Entry};
use crate::store::secrets::{self, Rewrapped};
use crate::store::{Db, tenants};

/// What became of the sealed rows of all tenants.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Tenants looked at.
    pub tenants: usize,
    /// Rows of theirs.
    pub rows: Rewrapped,
}

/// Rotates the keys in the database that the configuration names.
///
/// # Errors
/// The database cannot be opened (an embedded one: while its server runs), or a row opens under neither key.
pub async fn run(config: Config, fresh: bool) -> anyhow::Result<()> {
    let keys = MasterKey::of(&config)?;
    let database = Database::open(&config).await?;
    let db = Db::connect(database.options.clone(), 2).await?;
    let result = rotate(&db, &keys, fresh).await;
    if let Ok(report) = &result {
        let rows = format!("{} of {}", report.rows.done, report.rows.done + report.rows.kept);
        let entry = Entry::of_program("squaretable", "keys.rotate", "", &rows);
        audit::add_alone(&db, &entry).await?;
    }
    db.close().await;
    database.close().await?;
    let Report { tenants, rows } = result?;
    tracing::info!(
        tenants,
        rewrapped = rows.done,
        kept = rows.kept,
        "keys were rotated"
    );
    anyhow::ensure!(
        rows.failed == 0,
        "{} sealed files open under neither master key (the log names their tenants); the others were rotated",
        rows.failed
    );
    Ok(())
}

/// Wraps the data keys of all tenants by `keys`; with `fresh` everything is encrypted under new data keys, too.
///
/// # Errors
/// The database failed. The tenants that came before are done.
pub async fn rotate(db: &Db, keys: &MasterKey, fresh: bool) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for tenant in tenants::list(db).await? {
        let mut tx = db.begin(tenant).await?;
        let rows = secrets::rewrap_all(&mut tx, keys, fresh)
            .await
            .with_context(|| format!("tenant {tenant:?}"))?;
        tx.commit().await?;
        if rows.failed > 0 {
            tracing::error!(?tenant, rows = rows.failed, "sealed under an unknown master key");
        }
        report.tenants += 1;
        report.rows.done += rows.done;
        report.rows.kept += rows.kept;
        report.rows.failed += rows.failed;
    }
    Ok(report)
}

//! One-time codes of accounts, shown to the operator and good for five minutes.

use super::Db;
use crate::error::Result;

/// Wrong guesses after which a code is worth nothing, from wherever they came.
const FAILURES: i32 = 20;

/// What a code is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A new password for an account whose password is lost.
    Recover,
    /// Removing everything that an account has.
    Reset,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Recover => "recover",
            Self::Reset => "reset",
        }
    }
}

/// Stores a code by its keyed hash, in the place of an earlier one.
///
/// # Errors
/// The database failed, or there is no such account.
pub async fn put(db: &Db, handle: &str, purpose: Purpose, hash: &[u8]) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "INSERT INTO account_codes (handle, purpose, hash, expires_at)
               VALUES ($1, $2, $3, now() + interval '5 minutes')
               ON CONFLICT (handle, purpose) DO UPDATE
               SET hash = EXCLUDED.hash, expires_at = EXCLUDED.expires_at, failures = 0";
    sqlx::query(sql)
        .bind(handle)
        .bind(purpose.as_str())
        .bind(hash)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Whether this is the code; a wrong one is counted.
///
/// # Errors
/// The database failed.
pub async fn check(db: &Db, handle: &str, purpose: Purpose, hash: &[u8]) -> Result<bool> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "UPDATE account_codes SET failures = failures + CASE WHEN hash = $3 THEN 0 ELSE 1 END
               WHERE handle = $1 AND purpose = $2 AND expires_at > now() AND failures < $4
               RETURNING hash = $3";
    let right: Option<bool> = sqlx::query_scalar(sql)
        .bind(handle)
        .bind(purpose.as_str())
        .bind(hash)
        .bind(FAILURES)
        .fetch_optional(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(right == Some(true))
}

/// Removes a code that was used.
///
/// # Errors
/// The database failed.
pub async fn remove(db: &Db, handle: &str, purpose: Purpose) -> Result<()> {
    let mut tx = db.begin_untenanted().await?;
    let sql = "DELETE FROM account_codes WHERE handle = $1 AND purpose = $2";
    sqlx::query(sql)
        .bind(handle)
        .bind(purpose.as_str())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

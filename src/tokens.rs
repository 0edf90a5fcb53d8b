//! Service tokens: `st_` and 32 random bytes in base64url. The database has only their hashes; with 256 random bits there
//! is nothing to try out, so that the hash needs neither salt nor slowness.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{TimeDelta, Utc};

use crate::error::Result;
use crate::scopes::Scope;
use crate::store::Db;
use crate::store::audit::Entry;
use crate::store::sessions::Hash;
use crate::store::tokens::{self, Found, NewToken, Token};

/// What every token begins with.
pub const PREFIX: &str = "st_";

/// Makes, finds and ends tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    db: Db,
}

impl Tokens {
    /// Over a database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Makes a token of an account, which is not shown again; `None` where the account is gone or has too many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn create(
        &self,
        handle: &str,
        name: &str,
        scopes: &[Scope],
        life: TimeDelta,
        entry: &Entry,
    ) -> Result<Option<String>> {
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let scopes: Vec<_> = scopes.iter().map(|scope| scope.name().to_owned()).collect();
        let new = NewToken {
            hash: hash(&token),
            name,
            scopes: &scopes,
            expires_at: Utc::now() + life,
        };
        Ok(tokens::create(&self.db, handle, &new, entry)
            .await?
            .then_some(token))
    }

    /// What a token is worth; `None` for nothing. Its use is written down, to the minute.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find(&self, token: &str) -> Result<Option<Found>> {
        let hash = hash(token);
        let found = tokens::find(&self.db, &hash).await?;
        if found.as_ref().is_some_and(|found| found.is_stale)
            && let Err(error) = tokens::touch(&self.db, &hash).await
        {
            tracing::warn!(%error, "the use of a token could not be written down");
        }
        Ok(found)
    }

    /// The tokens of an account, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self, handle: &str) -> Result<Vec<Token>> {
        tokens::list(&self.db, handle).await
    }

    /// Ends the token of an account whose hash begins like this. Says whether there was one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoke(&self, handle: &str, start: &[u8], entry: &Entry) -> Result<bool> {
        tokens::revoke(&self.db, handle, start, entry).await
    }
}

fn hash(token: &str) -> Hash {
    *blake3::hash(token.as_bytes()).as_bytes()
}

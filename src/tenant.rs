//! The only door to a user's rows, files and secrets.
//!
//! A handler that touches stored data takes a [`Tenant`]; there is no other way to a transaction. The HTTP side makes
//! one only from the user that `middleware/user.rs` resolved, so a handler cannot forget who is asking.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bytes::Bytes;
use futures_util::Stream;

use crate::app::App;
use crate::error::{Error, Result};
use crate::store::accounts::{self, NewUser, User};
use crate::store::blobs::{self, Blob};
use crate::store::{Db, Tx};

/// A user's isolation unit, verified.
#[derive(Clone, Debug)]
pub struct Tenant {
    db: Db,
    user: Arc<User>,
}

/// The user of a request, set by `middleware/user.rs` alone.
#[derive(Clone, Debug)]
pub(crate) struct CurrentUser(pub(crate) Arc<User>);

impl Tenant {
    pub(crate) fn of(db: Db, user: Arc<User>) -> Self {
        Self { db, user }
    }

    /// The tenant of an account, both made where there is none: for programs that hold the database's credentials, the
    /// importer and the server at its start. Says whether it was made.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(db: &Db, account: &NewUser<'_>) -> Result<(Self, bool)> {
        let (user, made) = accounts::find_or_create(db, account).await?;
        Ok((Self::of(db.clone(), Arc::new(user)), made))
    }

    /// Opens a transaction in which exactly this tenant's rows exist.
    ///
    /// # Errors
    /// The database failed.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin(self.user.tenant).await
    }

    /// The account.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The account's short name, which the original uses in file names.
    #[must_use]
    pub fn handle(&self) -> &str {
        &self.user.handle
    }

    /// The bytes `start..end` of a content of this tenant, in chunks, outliving the request's transaction.
    pub fn stream(
        &self,
        blob: Blob,
        start: u64,
        end: u64,
    ) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        blobs::stream(self.db.clone(), self.user.tenant, blob, start, end)
    }
}

impl FromRequestParts<App> for Tenant {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let CurrentUser(user) = parts.extensions.get().cloned().ok_or(Error::forbidden())?;
        Ok(Self::of(app.db().clone(), user))
    }
}

//! The only door to a user's rows, files and secrets.
//!
//! A handler that touches stored data takes a [`Tenant`]; there is no other way to a transaction. The HTTP side makes
//! one only from the user that `middleware/user.rs` resolved, so a handler cannot forget who is asking.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bytes::Bytes;
use chrono::DateTime;
use futures_util::Stream;

use crate::app::App;
use crate::error::{Error, Result};
use crate::store::accounts::{self, NewUser, User};
use crate::store::blobs::{self, Blob};
use crate::store::{Db, TenantId, Tx};

/// A user's isolation unit, verified.
#[derive(Clone, Debug)]
pub struct Tenant {
    db: Db,
    user: Arc<User>,
}

/// What belongs to the whole installation rather than to a user: every user may read it, administrators change it.
#[derive(Clone, Debug)]
pub struct Shared {
    db: Db,
    tenant: TenantId,
    by: Arc<User>,
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

    /// The tenant of what belongs to the whole installation, which has no account: for programs that hold the database's
    /// credentials.
    ///
    /// # Errors
    /// The database failed.
    pub async fn system(db: &Db) -> Result<Self> {
        let user = User {
            tenant: accounts::system_tenant(db).await?,
            handle: accounts::SYSTEM.to_owned(),
            name: String::new(),
            password: String::new(),
            salt: String::new(),
            admin: false,
            enabled: false,
            avatar: String::new(),
            created_at: DateTime::UNIX_EPOCH,
            epoch: 0,
        };
        Ok(Self::of(db.clone(), Arc::new(user)))
    }

    /// A tenant for an account that there is not: for programs that try out what they would store. See
    /// [`accounts::delete_scratch`].
    ///
    /// # Errors
    /// The database failed.
    pub async fn scratch(db: &Db, account: &NewUser<'_>, trial: &str) -> Result<Self> {
        let user = User {
            tenant: accounts::make_scratch(db, trial, account.handle).await?,
            handle: account.handle.to_owned(),
            name: account.name.to_owned(),
            password: account.password.to_owned(),
            salt: account.salt.to_owned(),
            admin: account.admin,
            enabled: account.enabled,
            avatar: account.avatar.to_owned(),
            created_at: account.created_at,
            epoch: 0,
        };
        Ok(Self::of(db.clone(), Arc::new(user)))
    }

    /// Opens a transaction in which exactly this tenant's rows exist.
    ///
    /// # Errors
    /// The database failed.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin(self.user.tenant).await
    }

    /// Opens a transaction that sees this tenant's rows as they are now, however long it takes, and changes none. It
    /// holds a connection: [`LongReads`](crate::long_reads::LongReads) says how many there may be.
    ///
    /// # Errors
    /// The database failed.
    pub async fn begin_snapshot(&self) -> Result<Tx> {
        self.db.begin_snapshot(self.user.tenant).await
    }

    /// Waits until the database is being closed, for what holds a transaction longer than a request.
    pub async fn closed(&self) {
        self.db.closed().await;
    }

    /// The tenant of another account, for an administrator; `None` where there is no such account.
    ///
    /// # Errors
    /// 403 when this user is no administrator; the database failed.
    pub async fn of_other(&self, app: &App, handle: &str) -> Result<Option<Self>> {
        if !self.user.admin {
            return Err(Error::forbidden());
        }
        let user = app.accounts().find(handle).await?;
        Ok(user.map(|user| Self::of(self.db.clone(), Arc::new(user))))
    }

    /// What belongs to the whole installation, as this user may see and change it.
    #[must_use]
    pub fn shared(&self, app: &App) -> Shared {
        Shared {
            db: self.db.clone(),
            tenant: app.system_tenant(),
            by: self.user.clone(),
        }
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

impl Shared {
    /// Opens a transaction that reads; the database refuses to change anything in it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read(&self) -> Result<Tx> {
        self.db.begin_snapshot(self.tenant).await
    }

    /// Opens a transaction that reads and writes.
    ///
    /// # Errors
    /// 403 when the user is no administrator; the database failed.
    pub async fn change(&self) -> Result<Tx> {
        if !self.by.admin {
            return Err(Error::forbidden());
        }
        self.db.begin(self.tenant).await
    }

    /// As [`Tenant::stream`].
    pub fn stream(
        &self,
        blob: Blob,
        start: u64,
        end: u64,
    ) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        blobs::stream(self.db.clone(), self.tenant, blob, start, end)
    }
}

impl FromRequestParts<App> for Tenant {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let CurrentUser(user) = parts.extensions.get().cloned().ok_or(Error::forbidden())?;
        Ok(Self::of(app.db().clone(), user))
    }
}

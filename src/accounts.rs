//! The door to accounts, as [`Tenant`](crate::tenant::Tenant) is the one to a user's data.
//!
//! Logging in and recovering a password happen before anyone is known, so these functions ask for no user; what an
//! administrator does is behind [`Admin`].

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::App;
use crate::cache::Redis;
use crate::config::accounts::RateLimits;
use crate::error::{Error, Result};
use crate::keys::MasterKey;
use crate::middleware::rate_limit::RateLimiter;
use crate::oidc::Identity;
use crate::passwords::{Passwords, Verdict};
use crate::sessions::Sessions;
use crate::store::Db;
use crate::store::accounts::{self, NewUser, User};
use crate::store::audit::{self, Entry, Filter, Stored};
use crate::store::codes::{self, Purpose};
use crate::store::oidc;
use crate::tenant::Tenant;
use crate::tokens::Tokens;

/// Accounts, their sessions, passwords and codes.
#[derive(Debug)]
pub struct Accounts {
    db: Db,
    keys: MasterKey,
    sessions: Sessions,
    tokens: Tokens,
    passwords: Passwords,
    limits: Limits,
}

/// Attempts allowed to one client address.
#[derive(Debug)]
pub struct Limits {
    /// `POST /api/users/login`, a minute.
    pub login: RateLimiter,
    /// The two steps of recovering a password, five minutes.
    pub recover: RateLimiter,
    /// The two steps of resetting an account, five minutes.
    pub reset: RateLimiter,
}

/// An administrator, for handlers of what only administrators may do: 403 for anyone else.
#[derive(Debug)]
pub struct Admin(pub Tenant);

impl Limits {
    /// As configured; counted for all nodes where there is Redis.
    #[must_use]
    pub fn new(config: &RateLimits, redis: Option<&Redis>) -> Self {
        let limit = |name, points, minutes: u64| {
            RateLimiter::new(name, points, Duration::from_secs(60 * minutes), redis.cloned())
        };
        Self {
            login: limit("login", config.login, 1),
            recover: limit("recover", config.recover, 5),
            reset: limit("reset", config.reset, 5),
        }
    }
}

impl Accounts {
    /// Over a database.
    #[must_use]
    pub fn new(db: Db, keys: MasterKey, sessions: Sessions, limits: Limits) -> Self {
        Self {
            tokens: Tokens::new(db.clone()),
            db,
            keys,
            sessions,
            passwords: Passwords::default(),
            limits,
        }
    }

    /// Sessions.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Service tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Passwords.
    #[must_use]
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// Attempts.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The account with this handle.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find(&self, handle: &str) -> Result<Option<User>> {
        // No text of the database holds NUL.
        if handle.contains('\0') {
            return Ok(None);
        }
        accounts::find(&self.db, handle).await
    }

    /// All accounts, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self) -> Result<Vec<User>> {
        accounts::list(&self.db).await
    }

    /// The only account there is, unless it has a password or may not log in.
    ///
    /// # Errors
    /// The database failed.
    pub async fn only_one(&self) -> Result<Option<User>> {
        let mut all = self.list().await?;
        let is_open = all.len() == 1 && all[0].password.is_empty() && all[0].enabled;
        Ok(if is_open { all.pop() } else { None })
    }

    /// An account's data, to be read for its picture.
    #[must_use]
    pub fn tenant(&self, user: User) -> Tenant {
        Tenant::of(self.db.clone(), std::sync::Arc::new(user))
    }

    /// Whether this is the account's password; a right one that is stored in an old form is stored in the new one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn check_password(&self, user: &User, given: &str) -> Result<bool> {
        let verdict = self.passwords.check(user, given).await?;
        if verdict == Verdict::Outdated {
            let hash = self.passwords.hash(given).await?;
            accounts::rehash(&self.db, user, &hash).await?;
        }
        Ok(verdict != Verdict::Wrong)
    }

    /// Sets or removes (empty) a password. All sessions of the account end but the one that is kept.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_password(&self, handle: &str, password: &str, keep: Option<&str>) -> Result<()> {
        self.change_password(handle, password, keep, None).await
    }

    /// [`Accounts::set_password`], with an entry in the audit log.
    ///
    /// # Errors
    /// The database failed.
    pub async fn change_password(
        &self,
        handle: &str,
        password: &str,
        keep: Option<&str>,
        entry: Option<&Entry>,
    ) -> Result<()> {
        let hash = match password {
            "" => String::new(),
            _ => self.passwords.hash(password).await?,
        };
        self.sessions.change_password(handle, &hash, keep, entry).await
    }

    /// Makes an account, with an entry in the audit log; `None` where there is one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn create(&self, new: &NewUser<'_>, entry: Option<&Entry>) -> Result<Option<User>> {
        accounts::create(&self.db, new, entry).await
    }

    /// Changes the display name, with an entry in the audit log. Says whether there is such an account.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_name(&self, handle: &str, name: &str, entry: Option<&Entry>) -> Result<bool> {
        let exists = accounts::set_name(&self.db, handle, name, entry).await?;
        self.sessions.forget(handle).await;
        Ok(exists)
    }

    /// Changes the picture, with an entry in the audit log. Says whether there is such an account.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_avatar(&self, handle: &str, url: &str, entry: Option<&Entry>) -> Result<bool> {
        accounts::set_avatar(&self.db, handle, url, entry).await
    }

    /// Removes an account, and with `purge` all its data; with an entry in the audit log.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove(&self, handle: &str, purge: bool, entry: Option<&Entry>) -> Result<()> {
        if handle.contains('\0') {
            return Ok(());
        }
        if purge {
            accounts::purge(&self.db, handle, entry).await?;
        } else {
            accounts::remove(&self.db, handle, entry).await?;
        }
        self.sessions.forget(handle).await;
        Ok(())
    }

    /// The account that logs in by an identity at a provider, or `None`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of_identity(&self, identity: &Identity) -> Result<Option<User>> {
        oidc::find(&self.db, identity.key()).await
    }

    /// Makes an account that logs in by an identity, with an entry in the audit log. Says no where the handle is taken, if
    /// only by data that an account of before left behind.
    ///
    /// # Errors
    /// The database failed.
    pub async fn create_for(&self, identity: &Identity, new: &NewUser<'_>, entry: &Entry) -> Result<bool> {
        oidc::create(&self.db, identity.key(), new, entry).await
    }

    /// Lets an identity log in as an account that there is, with an entry in the audit log. Says whether there is one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn link(&self, identity: &Identity, handle: &str, entry: &Entry) -> Result<bool> {
        oidc::link(&self.db, identity.key(), handle, entry).await
    }

    /// Adds an entry to the audit log for what changes nothing, or was refused.
    ///
    /// # Errors
    /// The database failed.
    pub async fn note(&self, entry: &Entry) -> Result<()> {
        audit::add_alone(&self.db, entry).await
    }

    /// Entries of the audit log, the newest first, for administrators.
    ///
    /// # Errors
    /// The database failed.
    pub async fn audit_log(&self, _: &Admin, filter: &Filter, most: i64) -> Result<Vec<Stored>> {
        audit::list(&self.db, filter, most).await
    }

    /// Makes six digits for an account, in the place of earlier ones.
    ///
    /// # Errors
    /// The database failed.
    pub async fn new_code(&self, handle: &str, purpose: Purpose) -> Result<String> {
        let code = format!("{:06}", rand::random_range(0..1_000_000));
        codes::put(&self.db, handle, purpose, &self.keys.code_hash(handle, &code)).await?;
        Ok(code)
    }

    /// Whether these are the digits.
    ///
    /// # Errors
    /// The database failed.
    pub async fn check_code(&self, handle: &str, purpose: Purpose, code: &str) -> Result<bool> {
        codes::check(&self.db, handle, purpose, &self.keys.code_hash(handle, code)).await
    }

    /// Forgets digits that were used.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove_code(&self, handle: &str, purpose: Purpose) -> Result<()> {
        codes::remove(&self.db, handle, purpose).await
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let tenant = Tenant::from_request_parts(parts, app).await?;
        if tenant.user().admin {
            return Ok(Self(tenant));
        }
        tracing::warn!(handle = tenant.handle(), "not an administrator");
        Err(Error::forbidden())
    }
}

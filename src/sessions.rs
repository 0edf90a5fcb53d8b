//! Sessions on the server. The browser's signed cookie names one; the database has them, and Redis, where there is one,
//! answers for it.
//!
//! An entry in Redis counts only while the account's generation is the one it was made under. Ending sessions changes
//! the database first and the generation then, so that whatever was read before is worth nothing. Where Redis cannot be
//! reached for that, entries end by themselves after [`CACHED`] seconds.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::cache::Redis;
use crate::error::Result;
use crate::store::accounts::{self, Standing, User};
use crate::store::audit;
use crate::store::sessions::{self, Found, Hash, NewSession, Session};
use crate::store::{Db, TenantId};

/// Seconds that an answer of the database is good for in Redis.
const CACHED: u64 = 30;

/// Seconds that a generation is kept: longer than any entry that was made under it.
const GENERATION: u64 = 600;

/// How long a session that ends with the browser lasts on the server without a sign of life.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes, finds and ends sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    db: Db,
    redis: Option<Redis>,
    life: Duration,
}

/// Who logs in, for the list of sessions.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The address.
    pub client: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// What a cookie's session is worth.
#[derive(Debug, Clone)]
pub enum Worth {
    /// A user.
    User(Arc<User>),
    /// Nothing: its time is over, it was ended, or its account is gone or disabled.
    Nothing,
    /// Nothing, since the account's password was changed.
    Outdated,
}

/// A user as Redis keeps it; without password and avatar, which no request needs.
#[derive(Serialize, Deserialize)]
struct Entry {
    generation: u64,
    expires_at: i64,
    tenant: TenantId,
    handle: String,
    name: String,
    has_password: bool,
    admin: bool,
    created_at: i64,
    epoch: i64,
}

impl Sessions {
    /// Sessions of this life from their last sign of life; `None` for those that end with the browser.
    #[must_use]
    pub fn new(db: Db, redis: Option<Redis>, life: Option<Duration>) -> Self {
        let life = life.unwrap_or(IDLE);
        Self { db, redis, life }
    }

    /// Logs a user in; the session's id, or `None` when the account was changed since it was read.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(&self, user: &User, visitor: &Visitor) -> Result<Option<String>> {
        let id = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let cut = |text: &str| -> String { text.replace('\0', "").chars().take(300).collect() };
        let new = NewSession {
            hash: hash(&id),
            expires_at: self.end(),
            client: &cut(&visitor.client),
            agent: &cut(&visitor.agent),
        };
        Ok(sessions::open(&self.db, user, &new).await?.then_some(id))
    }

    /// Whose session this is; `handle` is what the cookie says.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find(&self, id: &str, handle: &str) -> Result<Worth> {
        if handle.contains('\0') {
            return Ok(Worth::Nothing);
        }
        let hash = hash(id);
        let generation = match self.cached(&hash, handle).await {
            Some(Ok(user)) => return Ok(Worth::User(user)),
            Some(Err(generation)) => Some(generation),
            None => None,
        };
        let (user, expires_at) = match sessions::find(&self.db, &hash, handle).await? {
            Found::Live(user, expires_at) => (user, expires_at),
            Found::Outdated => return Ok(Worth::Outdated),
            Found::None => return Ok(Worth::Nothing),
        };
        if let (Some(redis), Some(generation)) = (&self.redis, generation)
            && let Ok(entry) = serde_json::to_vec(&Entry::new(&user, expires_at, generation))
        {
            redis.set(&session_key(&hash), &entry, CACHED).await;
        }
        Ok(Worth::User(Arc::from(user)))
    }

    /// What Redis knows: the user, or else the generation to store the user under; `None` without Redis.
    async fn cached(&self, hash: &Hash, handle: &str) -> Option<Result<Arc<User>, u64>> {
        let keys = [session_key(hash), generation_key(handle)];
        let [entry, generation] = self
            .redis
            .as_ref()?
            .get_two([keys[0].as_str(), keys[1].as_str()])
            .await?;
        let generation = generation.map_or(Some(0), |text| String::from_utf8(text).ok()?.parse().ok())?;
        let entry = entry.and_then(|entry| serde_json::from_slice::<Entry>(&entry).ok());
        Some(match entry {
            Some(entry) if entry.generation == generation && entry.handle == handle => {
                entry.into_user().map(Arc::new).ok_or(generation)
            }
            _ => Err(generation),
        })
    }

    /// A sign of life: the session lasts as long as a new one from now.
    ///
    /// # Errors
    /// The database failed.
    pub async fn extend(&self, id: &str) -> Result<()> {
        sessions::extend(&self.db, &hash(id), self.end()).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database failed.
    pub async fn close(&self, id: &str, handle: &str) -> Result<()> {
        sessions::close(&self.db, &hash(id), None).await?;
        self.forget(handle).await;
        Ok(())
    }

    /// [`Sessions::close`], with an entry in the audit log.
    ///
    /// # Errors
    /// The database failed.
    pub async fn log_out(&self, id: &str, handle: &str, entry: &audit::Entry) -> Result<()> {
        sessions::close(&self.db, &hash(id), Some(entry)).await?;
        self.forget(handle).await;
        Ok(())
    }

    /// A user's sessions, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self, user: &User) -> Result<Vec<Session>> {
        sessions::list(&self.db, &user.handle).await
    }

    /// Ends the session of a user whose hash begins like this. Says whether there was one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoke(&self, user: &User, start: &[u8]) -> Result<bool> {
        let done = sessions::revoke(&self.db, &user.handle, start).await?;
        self.forget(&user.handle).await;
        Ok(done)
    }

    /// Ends all sessions of a user but the one with this id. Says how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoke_others(&self, user: &User, keep: Option<&str>) -> Result<u64> {
        let keep = keep.map(hash);
        let count = sessions::revoke_others(&self.db, &user.handle, keep.as_ref()).await?;
        self.forget(&user.handle).await;
        Ok(count)
    }

    /// Sets an account's password by its hash and ends its sessions but the one that is kept.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_password(&self, handle: &str, password: &str, keep: Option<&str>) -> Result<()> {
        self.change_password(handle, password, keep, None).await
    }

    /// [`Sessions::set_password`], with an entry in the audit log.
    ///
    /// # Errors
    /// The database failed.
    pub async fn change_password(
        &self,
        handle: &str,
        password: &str,
        keep: Option<&str>,
        entry: Option<&audit::Entry>,
    ) -> Result<()> {
        let keep = keep.map(hash);
        accounts::set_password(&self.db, handle, password, keep.as_ref(), entry).await?;
        self.forget(handle).await;
        Ok(())
    }

    /// Sets an account's standing and ends its sessions. Says whether there is such an account.
    ///
    /// # Errors
    /// The database failed.
    pub async fn set_standing(&self, handle: &str, standing: Standing) -> Result<bool> {
        self.change_standing(handle, standing, None).await
    }

    /// [`Sessions::set_standing`], with an entry in the audit log.
    ///
    /// # Errors
    /// The database failed.
    pub async fn change_standing(
        &self,
        handle: &str,
        standing: Standing,
        entry: Option<&audit::Entry>,
    ) -> Result<bool> {
        let exists = accounts::set_standing(&self.db, handle, standing, entry).await?;
        self.forget(handle).await;
        Ok(exists)
    }

    /// Makes every node ask the database again about an account.
    pub async fn forget(&self, handle: &str) {
        let Some(redis) = &self.redis else { return };
        if !redis.count_up(&generation_key(handle), GENERATION).await {
            tracing::warn!(%handle, "nodes that reach Redis may go by the old account for {CACHED} s");
        }
    }

    fn end(&self) -> DateTime<Utc> {
        let life = TimeDelta::from_std(self.life).unwrap_or(TimeDelta::MAX);
        let end = Utc::now().checked_add_signed(life);
        // PostgreSQL's years end before chrono's.
        end.unwrap_or(DateTime::<Utc>::MAX_UTC)
            .min(Utc::now() + TimeDelta::days(365 * 100))
    }
}

impl Entry {
    fn new(user: &User, expires_at: DateTime<Utc>, generation: u64) -> Self {
        Self {
            generation,
            expires_at: expires_at.timestamp_millis(),
            tenant: user.tenant,
            handle: user.handle.clone(),
            name: user.name.clone(),
            has_password: !user.password.is_empty(),
            admin: user.admin,
            created_at: user.created_at.timestamp_micros(),
            epoch: user.epoch,
        }
    }

    /// The user; `None` when the session's time is over.
    fn into_user(self) -> Option<User> {
        if self.expires_at <= Utc::now().timestamp_millis() {
            return None;
        }
        Some(User {
            tenant: self.tenant,
            handle: self.handle,
            name: self.name,
            password: if self.has_password {
                "*".to_owned()
            } else {
                String::new()
            },
            salt: String::new(),
            admin: self.admin,
            enabled: true,
            avatar: String::new(),
            created_at: DateTime::from_timestamp_micros(self.created_at)?,
            epoch: self.epoch,
        })
    }
}

fn hash(id: &str) -> Hash {
    *blake3::hash(id.as_bytes()).as_bytes()
}

fn session_key(hash: &Hash) -> String {
    format!("squaretable:session:{}", hex::encode(hash))
}

fn generation_key(handle: &str) -> String {
    format!("squaretable:account:{handle}")
}

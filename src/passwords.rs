//! Passwords: the original's scrypt hashes are understood, new ones are Argon2id.
//!
//! A hash takes tens of milliseconds and some 20 MiB, so that only a few are made at once, off the runtime's threads.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use moka::sync::Cache;
use squaretable_compat::password;
use tokio::sync::Semaphore;

use crate::error::Result;
use crate::middleware::basic_auth::same;
use crate::store::accounts::User;

/// KiB, passes and lanes of a new hash: OWASP's recommendation.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// What new hashes begin with; `$` is no letter of base64, which scrypt's are.
const FORM: &str = "$argon2id$v=19$";

/// How long a pair of account and password that was right needs no hashing, for what asks at every request.
const REMEMBERED: Duration = Duration::from_secs(300);

/// Makes and checks hashes.
#[derive(Debug)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    right: Cache<[u8; 32], ()>,
}

/// Whether a password is an account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not.
    Wrong,
    /// It is.
    Right,
    /// It is, and the hash should be replaced by a new one.
    Outdated,
}

impl Default for Passwords {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            permits: Arc::new(Semaphore::new(threads)),
            right: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(REMEMBERED)
                .build(),
        }
    }
}

impl Passwords {
    /// A new hash of a password.
    ///
    /// # Errors
    /// No memory for it.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        let hash = self
            .work(move || new_hash(&password, rand::random(), COST))
            .await?;
        Ok(hash?)
    }

    /// Checks the password of an account that has one; of one that has none nothing is right.
    ///
    /// # Errors
    /// A stored hash that cannot be read.
    pub async fn check(&self, user: &User, given: &str) -> Result<Verdict> {
        let (stored, salt, given) = (user.password.clone(), user.salt.clone(), given.to_owned());
        if stored.is_empty() {
            return Ok(Verdict::Wrong);
        }
        Ok(self.work(move || judge(&stored, &salt, &given)).await??)
    }

    /// [`check`](Self::check), remembering for some minutes what was right.
    ///
    /// # Errors
    /// A stored hash that cannot be read.
    pub async fn check_again(&self, user: &User, given: &str) -> Result<bool> {
        let mut hasher = blake3::Hasher::new_derive_key("squaretable 2026 password seen right");
        for part in [&user.handle, &user.password, given] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let key = *hasher.finalize().as_bytes();
        if self.right.contains_key(&key) {
            return Ok(true);
        }
        let is_right = self.check(user, given).await? != Verdict::Wrong;
        if is_right {
            self.right.insert(key, ());
        }
        Ok(is_right)
    }

    /// Takes as long as a check, so that the time does not tell whether there is an account.
    ///
    /// # Errors
    /// No memory for it.
    pub async fn pretend(&self, given: &str) -> Result<()> {
        self.hash(given).await.map(drop)
    }

    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.context("the semaphore is never closed")?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            job()
        });
        Ok(done.await.context("hashing a password")?)
    }
}

fn judge(stored: &str, salt: &str, given: &str) -> anyhow::Result<Verdict> {
    if !stored.starts_with('$') {
        let is_right = same(stored.as_bytes(), password::hash(given, salt).as_bytes());
        return Ok(if is_right {
            Verdict::Outdated
        } else {
            Verdict::Wrong
        });
    }
    let (salt, cost) = read(stored).context("a stored password hash cannot be read")?;
    let hash = new_hash(given, salt, cost)?;
    Ok(match same(stored.as_bytes(), hash.as_bytes()) {
        true if cost == COST => Verdict::Right,
        true => Verdict::Outdated,
        false => Verdict::Wrong,
    })
}

fn new_hash(given: &str, salt: [u8; 16], cost: (u32, u32, u32)) -> anyhow::Result<String> {
    let (memory, passes, lanes) = cost;
    let failed = |error| anyhow::anyhow!("Argon2: {error}");
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(failed)?;
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password::normalise(given).as_bytes(), &salt, &mut hash)
        .map_err(failed)?;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    Ok(format!("{FORM}m={memory},t={passes},p={lanes}${salt}${hash}"))
}

/// Salt and cost of a hash that [`new_hash`] made.
fn read(stored: &str) -> Option<([u8; 16], (u32, u32, u32))> {
    let mut parts = stored.strip_prefix(FORM)?.split('$');
    let mut cost = parts.next()?.split(',');
    let mut number = |name: &str| cost.next()?.strip_prefix(name)?.parse().ok();
    let cost = (number("m=")?, number("t=")?, number("p=")?);
    let salt = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    Some((salt.try_into().ok()?, cost))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_says_what_it_was_made_with() {
        let cheap = (64, 1, 1);
        let hash = new_hash("pa\u{308}ss", [7; 16], cheap).unwrap();
        assert_eq!(read(&hash), Some(([7; 16], cheap)));
        assert_eq!(judge(&hash, "", "p\u{e4}ss").unwrap(), Verdict::Outdated);
        assert_eq!(judge(&hash, "", "pass").unwrap(), Verdict::Wrong);
        let now = new_hash("pass", [8; 16], COST).unwrap();
        assert_eq!(judge(&now, "", "pass").unwrap(), Verdict::Right);
        assert!(judge("$argon2id$v=19$m=x", "", "pass").is_err());
    }

    #[test]
    fn the_originals_hashes_are_understood_and_outdated() {
        let stored = password::hash("pass", "c2FsdA==");
        assert_eq!(judge(&stored, "c2FsdA==", "pass").unwrap(), Verdict::Outdated);
        assert_eq!(judge(&stored, "c2FsdA==", "Pass").unwrap(), Verdict::Wrong);
        assert_eq!(judge(&stored, "other", "pass").unwrap(), Verdict::Wrong);
    }
}

//! A fixed-window counter per key: failed logins, requests and the like. In Redis, where there is one, so that all nodes
//! count together; else, and while Redis is away, in memory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cache::Redis;

/// Keys kept before expired ones are dropped for the first time.
const SWEEP_AT: usize = 10_000;

/// Longest key in bytes that is used as it is: some hold whatever a client sent.
const LONGEST: usize = 100;

/// Allows `points` uses per key in a window that starts with the first use.
#[derive(Debug)]
pub struct RateLimiter {
    /// Tells its keys from those of other limiters in Redis.
    name: &'static str,
    /// `None` is no limit.
    points: Option<u64>,
    window: Duration,
    local: Local,
    redis: Option<Redis>,
}

/// What this process counted.
#[derive(Debug)]
struct Local(Mutex<Windows>);

#[derive(Debug)]
struct Windows {
    by_key: HashMap<String, Window>,
    /// How many there may be before expired ones are dropped: twice what was left the last time, so that a flood of
    /// addresses does not cost every request a walk through all of them.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    used: u64,
    ends: Instant,
}

/// The key is over its limit until the window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// What is left of the window.
    pub wait: Duration,
}

impl Exceeded {
    /// The `Retry-After` value: whole seconds, rounded up.
    pub fn retry_after(self) -> u64 {
        u64::try_from(self.wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

impl RateLimiter {
    /// A limiter of `points` uses per `window`; 0 means no limit. `name` names it in Redis.
    pub fn new(name: &'static str, points: u32, window: Duration, redis: Option<Redis>) -> Self {
        Self {
            name,
            points: (points > 0).then_some(u64::from(points)),
            window,
            local: Local::default(),
            redis,
        }
    }

    /// Whether there is no limit.
    pub fn is_off(&self) -> bool {
        self.points.is_none()
    }

    /// Counts one use, and fails when it is one too many.
    ///
    /// # Errors
    /// How long to wait.
    pub async fn consume(&self, key: &str) -> Result<(), Exceeded> {
        let Some(points) = self.points else { return Ok(()) };
        let key = short(key);
        if let Some(redis) = &self.redis
            && let Some((used, wait)) = redis.count(&self.shared(&key), self.window).await
        {
            return judge(used, points, wait);
        }
        let (used, wait) = self.local.count(&key, self.window, Instant::now());
        judge(used, points, wait)
    }

    /// Fails when the key is already over its limit; counts nothing.
    ///
    /// # Errors
    /// How long to wait.
    pub async fn check(&self, key: &str) -> Result<(), Exceeded> {
        let Some(points) = self.points else { return Ok(()) };
        let key = short(key);
        if let Some(redis) = &self.redis
            && let Some((used, wait)) = redis.counted(&self.shared(&key)).await
        {
            return judge(used, points, wait);
        }
        let (used, wait) = self.local.counted(&key, Instant::now());
        judge(used, points, wait)
    }

    /// Forgets a key, after a success.
    pub async fn reset(&self, key: &str) {
        let key = short(key);
        if let (Some(redis), Some(_)) = (&self.redis, self.points) {
            redis.remove(&self.shared(&key)).await;
        }
        self.local.lock().by_key.remove(&*key);
    }

    fn shared(&self, key: &str) -> String {
        format!("squaretable:limit:{}:{key}", self.name)
    }
}

fn short(key: &str) -> Cow<'_, str> {
    if key.len() > LONGEST {
        Cow::Owned(blake3::hash(key.as_bytes()).to_hex().to_string())
    } else {
        Cow::Borrowed(key)
    }
}

fn judge(used: u64, points: u64, wait: Duration) -> Result<(), Exceeded> {
    if used > points {
        Err(Exceeded { wait })
    } else {
        Ok(())
    }
}

impl Default for Local {
    fn default() -> Self {
        Self(Mutex::new(Windows {
            by_key: HashMap::new(),
            sweep_at: SWEEP_AT,
        }))
    }
}

impl Local {
    fn lock(&self) -> std::sync::MutexGuard<'_, Windows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The uses of a key with this one, and what is left of its window.
    fn count(&self, key: &str, life: Duration, now: Instant) -> (u64, Duration) {
        let mut windows = self.lock();
        if windows.by_key.len() >= windows.sweep_at {
            windows.by_key.retain(|_, window| window.ends > now);
            windows.sweep_at = SWEEP_AT.max(2 * windows.by_key.len());
        }
        let fresh = Window {
            used: 0,
            ends: now + life,
        };
        let window = windows.by_key.entry(key.to_owned()).or_insert(fresh);
        if window.ends <= now {
            *window = fresh;
        }
        window.used = window.used.saturating_add(1);
        (window.used, window.ends - now)
    }

    fn counted(&self, key: &str, now: Instant) -> (u64, Duration) {
        let windows = self.lock();
        let window = windows.by_key.get(key).filter(|window| window.ends > now);
        window.map_or((0, Duration::ZERO), |window| (window.used, window.ends - now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_window_starts_with_the_first_use_and_ends() {
        let local = Local::default();
        let start = Instant::now();
        let later = start + Duration::from_millis(500);
        assert_eq!(local.count("a", MINUTE, start), (1, MINUTE));
        let (used, wait) = local.count("a", MINUTE, later);
        assert_eq!((used, wait), (2, MINUTE - Duration::from_millis(500)));
        assert_eq!(local.counted("a", later), (2, wait));
        assert_eq!(judge(2, 2, wait), Ok(()));
        assert_eq!(judge(3, 2, wait).unwrap_err().retry_after(), 60);
        assert_eq!(local.count("b", MINUTE, later).0, 1);
        assert_eq!(local.counted("a", start + MINUTE).0, 0);
        assert_eq!(local.count("a", MINUTE, start + MINUTE).0, 1);
    }

    #[test]
    fn a_flood_of_keys_is_swept_once_they_have_expired() {
        let local = Local::default();
        let start = Instant::now();
        for key in 0..=SWEEP_AT {
            local.count(&key.to_string(), MINUTE, start);
        }
        assert_eq!(local.lock().sweep_at, 2 * SWEEP_AT, "none had expired");
        for key in 0..SWEEP_AT {
            local.count(&format!("later {key}"), MINUTE, start + MINUTE);
        }
        assert!(local.lock().by_key.len() <= SWEEP_AT + 1);
    }

    #[tokio::test]
    async fn a_reset_and_zero_points_lift_the_limit() {
        let limiter = RateLimiter::new("test", 1, MINUTE, None);
        assert!(limiter.consume("a").await.is_ok() && limiter.consume("a").await.is_err());
        assert!(limiter.check("a").await.is_err() && limiter.check("b").await.is_ok());
        limiter.reset("a").await;
        assert!(limiter.consume("a").await.is_ok());
        let unlimited = RateLimiter::new("test", 0, MINUTE, None);
        for _ in 0..100 {
            assert!(unlimited.consume("a").await.is_ok());
        }
    }

    #[tokio::test]
    async fn long_keys_are_told_apart_and_take_little_room() {
        let limiter = RateLimiter::new("test", 1, MINUTE, None);
        let keys = ["x".repeat(5000), "x".repeat(5001)];
        for key in &keys {
            assert!(limiter.consume(key).await.is_ok());
            assert!(limiter.consume(key).await.is_err());
        }
        assert!(limiter.local.lock().by_key.keys().all(|key| key.len() <= LONGEST));
    }
}

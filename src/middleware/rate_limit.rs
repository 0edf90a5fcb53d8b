//! A fixed-window counter per key, in memory: failed logins and the like.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Keys kept before expired ones are dropped.
const SWEEP_AT: usize = 10_000;

/// Allows `points` uses per key in a window that starts with the first use.
#[derive(Debug)]
pub struct RateLimiter {
    points: u32,
    window: Duration,
    used: Mutex<HashMap<String, Window>>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    used: u32,
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
    /// A limiter of `points` uses per `window`; 0 means no limit.
    pub fn new(points: u32, window: Duration) -> Self {
        let points = if points == 0 { u32::MAX } else { points };
        Self {
            points,
            window,
            used: Mutex::default(),
        }
    }

    /// Counts one use at `now`, and fails when it is one too many.
    pub fn consume(&self, key: &str, now: Instant) -> Result<(), Exceeded> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= SWEEP_AT {
            used.retain(|_, window| window.ends > now);
        }
        let fresh = Window {
            used: 0,
            ends: now + self.window,
        };
        let window = used.entry(key.to_owned()).or_insert(fresh);
        if window.ends <= now {
            *window = fresh;
        }
        window.used = window.used.saturating_add(1);
        self.judge(*window, now)
    }

    /// Fails when the key is already over its limit at `now`; counts nothing.
    pub fn check(&self, key: &str, now: Instant) -> Result<(), Exceeded> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.get(key)
            .filter(|window| window.ends > now)
            .map_or(Ok(()), |window| self.judge(*window, now))
    }

    /// Forgets a key, after a success.
    pub fn reset(&self, key: &str) {
        self.used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }

    fn judge(&self, window: Window, now: Instant) -> Result<(), Exceeded> {
        if window.used > self.points {
            Err(Exceeded {
                wait: window.ends - now,
            })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_starts_with_the_first_use_and_ends() {
        let limiter = RateLimiter::new(2, Duration::from_secs(60));
        let start = Instant::now();
        let later = start + Duration::from_millis(500);
        assert_eq!(limiter.consume("a", start), Ok(()));
        assert_eq!(limiter.consume("a", later), Ok(()));
        assert_eq!(limiter.check("a", later), Ok(()));
        let exceeded = limiter.consume("a", later).unwrap_err();
        assert_eq!(exceeded.retry_after(), 60);
        assert!(limiter.check("a", later).is_err());
        assert_eq!(limiter.consume("b", later), Ok(()));
        assert_eq!(limiter.check("a", start + Duration::from_secs(60)), Ok(()));
        assert_eq!(limiter.consume("a", start + Duration::from_secs(60)), Ok(()));
    }

    #[test]
    fn a_reset_and_zero_points_lift_the_limit() {
        let now = Instant::now();
        let limiter = RateLimiter::new(1, Duration::from_secs(60));
        assert!(limiter.consume("a", now).is_ok() && limiter.consume("a", now).is_err());
        limiter.reset("a");
        assert!(limiter.consume("a", now).is_ok());
        let unlimited = RateLimiter::new(0, Duration::from_secs(60));
        assert!((0..100).all(|_| unlimited.consume("a", now).is_ok()));
    }
}

//! Redis, where it is configured: what nodes share for speed. Nothing is lost with it; the database has the truth.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult, Value};

/// An answer that takes longer is none: asking the database is faster.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long Redis is left alone after it failed, so that it costs a request [`PATIENCE`] once and not each time.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection that renews itself.
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
    state: std::sync::Arc<State>,
}

struct State {
    begun: Instant,
    /// Milliseconds since `begun` until which nothing is asked.
    away_until: AtomicU64,
}

impl std::fmt::Debug for Redis {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redis")
    }
}

impl Redis {
    /// Prepares the connection, which is made when it is first needed: the server starts without Redis, too.
    ///
    /// # Errors
    /// A URL that cannot be used.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let client = Client::open(url).context("REDIS_URL cannot be used")?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection =
            ConnectionManager::new_lazy_with_config(client, config).context("REDIS_URL cannot be used")?;
        Ok(Self {
            connection,
            state: std::sync::Arc::new(State {
                begun: Instant::now(),
                away_until: AtomicU64::new(0),
            }),
        })
    }

    /// The texts under two keys, `None` for those that are not there; nothing while Redis is away.
    pub async fn get_two(&self, keys: [&str; 2]) -> Option<[Option<Vec<u8>>; 2]> {
        let mut command = redis::cmd("MGET");
        command.arg(&keys);
        let (first, second) = self.ask(command).await?;
        Some([first, second])
    }

    /// Stores a text for some seconds. Says whether it did.
    pub async fn set(&self, key: &str, value: &[u8], seconds: u64) -> bool {
        let mut command = redis::cmd("SET");
        command.arg(key).arg(value).arg("EX").arg(seconds);
        self.ask::<Value>(command).await.is_some()
    }

    /// Counts a key up and lets it live for some seconds more. Says whether it did.
    pub async fn count_up(&self, key: &str, seconds: u64) -> bool {
        let mut connection = self.connection.clone();
        let mut both = redis::pipe();
        both.atomic();
        both.cmd("INCR").arg(key).ignore();
        both.cmd("EXPIRE").arg(key).arg(seconds).ignore();
        // Asked even while Redis is thought to be away: others may reach it.
        let done = self.within(async move { both.query_async::<()>(&mut connection).await });
        done.await.is_some()
    }

    /// Counts a use of a key that lives for `life` from its first use on. Its uses so far, this one included, and what is
    /// left of its life; nothing while Redis is away. One round trip, in which nobody else comes between.
    pub async fn count(&self, key: &str, life: Duration) -> Option<(u64, Duration)> {
        let mut all = redis::pipe();
        all.atomic();
        let millis = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        all.cmd("SET")
            .arg(key)
            .arg(0)
            .arg("PX")
            .arg(millis)
            .arg("NX")
            .ignore();
        all.cmd("INCR").arg(key);
        all.cmd("PTTL").arg(key);
        let (used, left): (u64, i64) = self.ask_all(all).await?;
        Some((used, Duration::from_millis(left.try_into().unwrap_or(0))))
    }

    /// As [`Redis::count`], without counting; a key that was never used has 0 uses.
    pub async fn counted(&self, key: &str) -> Option<(u64, Duration)> {
        let mut both = redis::pipe();
        both.cmd("GET").arg(key);
        both.cmd("PTTL").arg(key);
        let (used, left): (Option<u64>, i64) = self.ask_all(both).await?;
        Some((
            used.unwrap_or(0),
            Duration::from_millis(left.try_into().unwrap_or(0)),
        ))
    }

    /// Removes a key. Says whether it could.
    pub async fn remove(&self, key: &str) -> bool {
        let mut command = redis::cmd("DEL");
        command.arg(key);
        self.ask::<Value>(command).await.is_some()
    }

    async fn ask<T: redis::FromRedisValue>(&self, command: redis::Cmd) -> Option<T> {
        if self.is_away() {
            return None;
        }
        let mut connection = self.connection.clone();
        self.within(async move { command.query_async(&mut connection).await })
            .await
    }

    async fn ask_all<T: redis::FromRedisValue>(&self, commands: redis::Pipeline) -> Option<T> {
        if self.is_away() {
            return None;
        }
        let mut connection = self.connection.clone();
        self.within(async move { commands.query_async(&mut connection).await })
            .await
    }

    fn is_away(&self) -> bool {
        let now = u64::try_from(self.state.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        now < self.state.away_until.load(Ordering::Relaxed)
    }

    async fn within<T>(&self, question: impl Future<Output = RedisResult<T>>) -> Option<T> {
        let error = match tokio::time::timeout(PATIENCE, question).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let until = self.state.begun.elapsed() + PAUSE;
        let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.state.away_until.store(until, Ordering::Relaxed);
        tracing::warn!(%error, "Redis is away: the database is asked instead, and uses are counted in this process");
        None
    }
}

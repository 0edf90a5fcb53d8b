//! A node that is killed among many saves at once.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use squaretable::embedded::Embedded;

use super::{Process, folder, kill, read, start};
use crate::harness::{Client, Redis};

/// A node of its own, on a database that is somebody else's.
async fn node(data: &Path, database: &Embedded, redis: &Redis) -> Process {
    let mut command: Command = Process::command(data);
    command
        .env("DATABASE_URL", database.connect_options().to_url_lossy().as_str())
        .env("REDIS_URL", redis.url())
        .env("SQUARETABLE_MASTER_KEY", "7".repeat(64))
        .env("SILLYTAVERN_BACKUPS_CHAT_ENABLED", "false");
    Process::launch(command).await
}

/// A chat of many lines, all of which say which version they are of.
fn version(n: usize, version: &str) -> Value {
    let lines =
        (0..30).map(|line| json!({ "name": "Ada", "mes": format!("{version} of chat {n}, line {line}") }));
    let header =
        json!({ "chat_metadata": { "note": version }, "user_name": "unused", "character_name": "unused" });
    std::iter::once(header).chain(lines).collect()
}

fn body(n: usize, text: &str) -> Value {
    json!({ "avatar_url": "Ada.png", "file_name": format!("chat {n}"), "chat": version(n, text), "force": true })
}

/// Saves at once, until the server answers or dies: whether it acknowledged.
async fn put(client: &Client, n: usize, text: &str) -> bool {
    let answer = client.posting("/api/chats/save", &body(n, text)).send().await;
    match answer {
        Ok(answer) => {
            let status = answer.status();
            let text = answer.text().await;
            assert_eq!(status, 200, "a save was refused: {text:?}");
            // An answer that broke off is none.
            text.is_ok()
        }
        Err(_) => false,
    }
}

/// Saves in the test below, half of which go to the node that dies: `SQUARETABLE_SAVES`, or 400.
fn saves() -> usize {
    let wanted = std::env::var("SQUARETABLE_SAVES").ok();
    wanted.map_or(400, |wanted| {
        wanted.parse().expect("SQUARETABLE_SAVES is a number")
    })
}

/// What became of the saves.
#[derive(Debug, Default)]
struct Outcome {
    acknowledged: usize,
    unacknowledged: usize,
    /// Acknowledged, and not there.
    lost: Vec<usize>,
    /// Neither as before nor whole.
    half: Vec<usize>,
}

impl Outcome {
    /// Compares a save with the chat that is there.
    fn note(&mut self, n: usize, is_acknowledged: bool, found: &Value) {
        let is_new = *found == version(n, "after");
        if is_acknowledged {
            self.acknowledged += 1;
        } else {
            self.unacknowledged += 1;
        }
        if is_acknowledged && !is_new {
            self.lost.push(n);
        }
        if !is_new && *found != version(n, "before") {
            self.half.push(n);
        }
    }
}

/// Puts all chats at once, the even ones to a node that is killed (as `pid`) once it acknowledged a tenth of all, the odd
/// ones to one that lives; which were acknowledged.
async fn put_and_kill(here: &Client, there: &Client, pid: u32) -> Vec<(usize, bool)> {
    let acknowledged = AtomicUsize::new(0);
    let all = (0..saves()).map(|n| {
        let acknowledged = &acknowledged;
        async move {
            if n % 2 == 1 {
                return (n, put(there, n, "after").await);
            }
            let is_stored = put(here, n, "after").await;
            if is_stored && acknowledged.fetch_add(1, Ordering::Relaxed) == saves() / 10 {
                kill("-9", pid);
            }
            (n, is_stored)
        }
    });
    futures_util::future::join_all(all).await
}

/// One of two nodes is killed in the middle of many saves at once: each that was acknowledged is there, whole; those that
/// were not are as before or whole; the other node acknowledged all of its own and serves everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_among_saves_loses_none() {
    let data = folder();
    let database = start(&data.path().join("postgres")).await;
    let redis = Redis::start().await;
    let (one, two) = (data.path().join("one"), data.path().join("two"));
    let doomed = node(&one, &database, &redis).await;
    let other = node(&two, &database, &redis).await;
    let (here, there) = (Client::new(&doomed.url).await, Client::new(&other.url).await);
    let before = futures_util::stream::iter(0..saves()).map(|n| put(&there, n, "before"));
    let before: Vec<bool> = before.buffer_unordered(30).collect().await;
    assert!(before.into_iter().all(|is_stored| is_stored));
    let stored = put_and_kill(&here, &there, doomed.child.id()).await;
    let restarted = node(&one, &database, &redis).await;
    let again = Client::new(&restarted.url).await;
    let mut outcome = Outcome::default();
    for (n, is_acknowledged) in stored {
        assert!(
            is_acknowledged || n % 2 == 0,
            "the other node refused the save {n}"
        );
        let client = if n % 4 < 2 { &there } else { &again };
        outcome.note(n, is_acknowledged, &read(client, n).await.expect(200).json());
    }
    println!(
        "kill -9 of a node among {} saves at once: {} acknowledged, {} not; {} acknowledged ones lost, {} half there",
        saves(),
        outcome.acknowledged,
        outcome.unacknowledged,
        outcome.lost.len(),
        outcome.half.len()
    );
    assert!(
        outcome.unacknowledged > 0,
        "the node answered everything before it died: this proves nothing"
    );
    assert!(outcome.lost.is_empty() && outcome.half.is_empty(), "{outcome:?}");
    for process in [restarted, other] {
        process.signal("-TERM");
        assert_eq!(process.exit_code().await, Some(0));
    }
    database.stop().await.expect("PostgreSQL stops");
}

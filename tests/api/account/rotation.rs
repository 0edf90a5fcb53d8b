use std::process::{Command, Output, Stdio};

use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use squaretable::config::secret::Secret;
use squaretable::keys::MasterKey;
use squaretable::rotation::{Report, rotate};
use squaretable::store::secrets::Rewrapped;

use super::options;
use crate::harness::{Options, Server};

const USERS: [&str; 3] = ["anna", "bob", "carol"];
const CANARY: &str = "sk-canary-of-";

fn old() -> String {
    "0a".repeat(32)
}

fn new() -> String {
    "0b".repeat(32)
}

fn keys(key: &str, other: Option<&str>) -> MasterKey {
    let keys = MasterKey::from_hex(key).expect("a key");
    match other {
        Some(other) => keys.with_other(other).expect("a key"),
        None => keys,
    }
}

/// A server with these keys that shows secrets to their owners.
fn with_keys(key: &str, other: Option<&str>) -> Options {
    options(|config| {
        config.content.allow_keys_exposure = true;
        config.master_key = Some(Secret::new(key.to_owned()));
        config.master_key_other = other.map(|other| Secret::new(other.to_owned()));
    })
}

async fn write(server: &Server, handle: &str, key: &str) {
    let value = format!("{CANARY}{handle}-{key}");
    let client = server.client_of(handle).await;
    let body = json!({ "key": key, "value": value });
    client.post("/api/secrets/write", body).await.expect(200);
}

/// Every user reads what was written.
async fn expect_all(server: &Server, keys: &[&str]) {
    for handle in USERS {
        let client = server.client_of(handle).await;
        for key in keys {
            let found = client
                .post("/api/secrets/find", json!({ "key": key }))
                .await
                .expect(200);
            assert_eq!(
                found.json()["value"],
                format!("{CANARY}{handle}-{key}"),
                "{handle}"
            );
        }
    }
}

/// Three users with a secret each, under the old key.
async fn start() -> Server {
    let server = Server::with(with_keys(&old(), None)).await;
    for handle in USERS {
        server.tenant(handle, false).await;
        write(&server, handle, "api_key_openai").await;
    }
    server
}

/// A connection that sees this user's rows.
async fn sql_of(server: &Server, handle: &str) -> PgConnection {
    let mut conn = server.database.connect().await.expect("the database answers");
    let sql = "SELECT set_config('app.tenant', tenant_id::text, false) FROM tenants WHERE handle = $1";
    let set = sqlx::query(sql).bind(handle).execute(&mut conn).await;
    set.expect("a tenant");
    conn
}

/// The wrapped data keys and bodies of the users, in their order.
async fn rows(server: &Server) -> Vec<(Vec<u8>, Vec<u8>, chrono::DateTime<chrono::Utc>)> {
    let mut all = Vec::new();
    for handle in USERS {
        let sql = "SELECT wrapped_key, body, modified_at FROM secrets
                   WHERE tenant_id = (SELECT tenant_id FROM tenants WHERE handle = $1)";
        let row = sqlx::query_as(sql)
            .bind(handle)
            .fetch_one(&mut sql_of(server, handle).await)
            .await;
        all.push(row.expect("a row"));
    }
    all
}

#[tokio::test]
async fn secrets_stay_readable_and_writable_while_the_master_key_changes() {
    let first = start().await;
    let mut nodes = Vec::new();
    // The second step of the manual, then the third, one node after the other.
    for (key, other) in [(old(), new()), (new(), old())] {
        let node = first.beside(with_keys(&key, Some(&other))).await;
        expect_all(&node, &["api_key_openai"]).await;
        nodes.push(node);
    }
    drop(first);
    for handle in USERS {
        write(&nodes[1], handle, "api_key_claude").await;
    }
    // Sealed by the new key and read by who still seals by the old one, and the other way round.
    expect_all(&nodes[0], &["api_key_openai", "api_key_claude"]).await;
    for handle in USERS {
        write(&nodes[0], handle, "api_key_mistralai").await;
    }
    let all = ["api_key_openai", "api_key_claude", "api_key_mistralai"];
    expect_all(&nodes[1], &all).await;
    let before = rows(&nodes[1]).await;
    let db = nodes[1].app.db();
    let report = rotate(db, &keys(&new(), Some(&old())), false)
        .await
        .expect("a report");
    let counted = Rewrapped {
        done: 3,
        kept: report.rows.kept,
        failed: 0,
    };
    assert_eq!(report.rows, counted);
    for (before, after) in before.iter().zip(rows(&nodes[1]).await) {
        assert!(before.0 != after.0 && before.1 == after.1 && before.2 == after.2);
    }
    for node in &nodes {
        expect_all(node, &all).await;
    }
    // Again: nothing to do. With fresh data keys: everything.
    let again = rotate(db, &keys(&new(), None), false).await.expect("a report");
    assert_eq!((again.rows.done, again.rows.failed), (0, 0));
    let fresh = rotate(db, &keys(&new(), None), true).await.expect("a report");
    assert_eq!(fresh.rows.done, again.rows.kept);
    assert!(
        before
            .iter()
            .zip(rows(&nodes[1]).await)
            .all(|(before, after)| before.1 != after.1)
    );
    let last = nodes[1].beside(with_keys(&new(), None)).await;
    expect_all(&last, &all).await;
    // The old key opens nothing any more, and the answer shows nothing.
    let stale = last.beside(with_keys(&old(), None)).await;
    let client = stale.client_of("anna").await;
    let answer = client.post("/api/secrets/read", json!({})).await.expect(500);
    assert_eq!(answer.text(), "Internal Server Error");
}

#[tokio::test]
async fn rows_that_no_key_opens_are_counted_and_left_alone() {
    let server = start().await;
    let before = rows(&server).await;
    let db = server.app.db();
    for fresh in [false, true] {
        let report: Report = rotate(db, &keys(&new(), None), fresh).await.expect("a report");
        assert!(report.rows.failed >= 3 && report.rows.done == 0, "{report:?}");
    }
    assert_eq!(before, rows(&server).await);
    let output = command(&server, &new(), None).output().expect("the program runs");
    assert!(!output.status.success());
    expect_no_secrets(&output);
    expect_all(&server, &["api_key_openai"]).await;
}

/// The real program, on a server's database.
fn command(server: &Server, key: &str, other: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squaretable"));
    command
        .arg("rotate-keys")
        .env("DATABASE_URL", server.database.to_url_lossy().as_str())
        .env("SQUARETABLE_MASTER_KEY", key)
        .env("RUST_LOG", "debug")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    match other {
        Some(other) => command.env("SQUARETABLE_MASTER_KEY_OTHER", other),
        None => command.env_remove("SQUARETABLE_MASTER_KEY_OTHER"),
    };
    command
}

fn expect_no_secrets(output: &Output) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    for secret in [CANARY, &old(), &new()] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_rotation_that_was_killed_is_run_again() {
    let server = start().await;
    let before = rows(&server).await;
    // It gets past the first user and no further than the second, whose row is held.
    let mut holder = sql_of(&server, "bob").await;
    let mut held = holder.begin().await.expect("a transaction");
    let hold = "SELECT 1 FROM secrets WHERE tenant_id = current_setting('app.tenant')::bigint FOR UPDATE";
    sqlx::query(hold).execute(&mut *held).await.expect("a lock");
    let mut child = command(&server, &new(), Some(&old()))
        .spawn()
        .expect("the program runs");
    let mut watch = server.sql().await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    loop {
        let count: i64 = sqlx::query_scalar(waiting)
            .fetch_one(&mut watch)
            .await
            .expect("a count");
        if count > 0 {
            break;
        }
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none(), "it ended before it came to the row: {ended:?}");
    }
    child.kill().expect("kill -9");
    expect_no_secrets(&child.wait_with_output().expect("an end"));
    held.rollback().await.expect("an end");
    let half = rows(&server).await;
    let moved: Vec<bool> = before
        .iter()
        .zip(&half)
        .map(|(before, half)| before != half)
        .collect();
    assert_eq!(moved, [true, false, false]);
    let node = server.beside(with_keys(&new(), Some(&old()))).await;
    expect_all(&node, &["api_key_openai"]).await;
    let output = command(&server, &new(), Some(&old()))
        .output()
        .expect("the program runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    expect_no_secrets(&output);
    let after = rows(&server).await;
    assert_eq!(half[0], after[0], "what was done is left alone");
    let last = server.beside(with_keys(&new(), None)).await;
    expect_all(&last, &["api_key_openai"]).await;
}

/// Every row of every table, as anybody with the database's password may see it.
#[tokio::test]
async fn no_table_holds_a_secret_or_a_master_key_in_plain_text() {
    let server = start().await;
    let both = keys(&new(), Some(&old()));
    let mut scanned = 0;
    for rotated in [false, true] {
        if rotated {
            rotate(server.app.db(), &both, true).await.expect("a report");
        }
        for handle in USERS {
            let mut conn = sql_of(&server, handle).await;
            let sql = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'r'
                       AND c.relnamespace = current_schema()::regnamespace";
            let tables: Vec<String> = sqlx::query_scalar(sql)
                .fetch_all(&mut conn)
                .await
                .expect("tables");
            for table in tables {
                let sql = format!("SELECT t::text FROM {table} t");
                let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                    .fetch_all(&mut conn)
                    .await
                    .expect("rows");
                scanned += rows.len();
                for row in rows {
                    for secret in [CANARY.to_owned(), hex::encode(CANARY), old(), new()] {
                        assert!(!row.contains(&secret), "{table}");
                    }
                }
            }
        }
    }
    assert!(scanned > 20, "only {scanned} rows were there");
}

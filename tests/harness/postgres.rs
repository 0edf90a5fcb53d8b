//! One embedded PostgreSQL for the whole test binary, and a fresh database for each test.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use squaretable::embedded::{Embedded, Options};
use squaretable::store::Db;
use tokio::sync::OnceCell;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Migrated once; every test's database is a copy of it.
const TEMPLATE: &str = "squaretable_template";

struct Cluster {
    options: PgConnectOptions,
    _embedded: Embedded,
    // When the process ends its pipe closes, and the watchdog stops PostgreSQL and removes its folder.
    _watchdog: Child,
}

/// A migrated, empty database of the caller's own.
pub async fn database() -> PgConnectOptions {
    let cluster = CLUSTER.get_or_init(start).await;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut conn = cluster
        .options
        .connect()
        .await
        .expect("the test cluster accepts connections");
    let sql = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY wal_log");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut conn)
        .await
        .expect("a database can be created");
    conn.close().await.expect("the connection closes");
    cluster.options.clone().database(&name)
}

async fn start() -> Cluster {
    let dir = tempfile::Builder::new()
        .prefix("squaretable-tests-")
        .tempdir()
        .expect("a temporary folder")
        .keep();
    make_traversable(&dir);
    let options = Options {
        dir: dir.join("postgres"),
        postgres_bin: None,
        fsync: false,
    };
    let embedded = Embedded::start(options)
        .await
        .expect("the embedded PostgreSQL starts");
    let watchdog = watchdog(&dir);
    let options = embedded.connect_options();
    let mut conn = options
        .connect()
        .await
        .expect("the test cluster accepts connections");
    let sql = format!("CREATE DATABASE {TEMPLATE}");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut conn)
        .await
        .expect("the template can be created");
    let db = Db::connect(options.clone().database(TEMPLATE), 2)
        .await
        .expect("the migrations run");
    db.close().await;
    Cluster {
        options,
        _embedded: embedded,
        _watchdog: watchdog,
    }
}

/// PostgreSQL runs under an account of its own when the tests run as root.
fn make_traversable(dir: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).expect("our own folder");
}

/// Waits for the end of this process, however it ends, then stops PostgreSQL and removes its folder.
fn watchdog(dir: &std::path::Path) -> Child {
    let script = r#"read -r _; pid=$(head -n 1 "$0/postgres/postmaster.pid" 2>/dev/null || head -n 1 "$0"/postgres/*/postmaster.pid)
        kill -QUIT "$pid"; while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done; rm -rf "$0""#;
    let dir: PathBuf = dir.to_path_buf();
    Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}

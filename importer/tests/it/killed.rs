//! An import that is killed without warning, at any moment, and run again.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use crate::source::{Node, tree};
use crate::target::{Target, folder, program, run};

/// How often to kill, unless `SQUARETABLE_KILLS` says so: `SQUARETABLE_KILLS=20` is what a release is tried with.
const KILLS: usize = 4;

fn generate(dir: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/generate-data.mjs");
    let options = [
        "--cards",
        "150",
        "--chats",
        "120",
        "--messages",
        "60",
        "--big-chat",
        "1300",
        "--many-chats",
        "300",
    ];
    run(Command::new("node")
        .arg(script)
        .arg(dir)
        .args(options)
        .arg("--awkward"))
    .expect(0);
}

/// Of a line of the ledger: tenant and path, outcome, action, hash.
type Line = (String, String, Option<String>, Option<Vec<u8>>);

/// What an import left: the files of an export, the rows of all tables, and the ledger.
#[derive(PartialEq)]
struct End {
    files: Vec<(String, blake3::Hash)>,
    rows: Vec<(String, i64)>,
    ledger: Vec<Line>,
}

/// A database of its own in the target's PostgreSQL.
struct Database<'a> {
    target: &'a Target,
    name: String,
}

impl Database<'_> {
    fn command(&self, verb: &str) -> Command {
        let mut command = program();
        command
            .arg(verb)
            .args(["--database-url", &self.target.url(&self.name)])
            .env("SQUARETABLE_MASTER_KEY", "ab".repeat(32));
        command
    }

    fn import(&self, source: &Path) -> Command {
        let mut command = self.command("import");
        command
            .arg(source)
            .args(["--with-secrets", "--quiet"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    async fn end(&self) -> End {
        let out = folder();
        let path = out.path().join("out");
        run(self.command("export").arg(&path).arg("--all-users")).expect(0);
        let files = tree(&path).into_iter().map(|(path, node)| {
            let hash = match node {
                Node::File(bytes, _) if path.starts_with("_storage") => blake3::hash(&bytes),
                Node::File(bytes, at) => blake3::hash(&[&bytes[..], &at.to_be_bytes()].concat()),
                _ => blake3::hash(b""),
            };
            (path.to_string_lossy().into_owned(), hash)
        });
        let mut conn = self.target.connect_to(&self.name).await;
        End {
            files: files.collect(),
            rows: crate::target::rows_of(&mut conn).await,
            ledger: ledger(&mut conn).await,
        }
    }
}

async fn ledger(conn: &mut PgConnection) -> Vec<Line> {
    let tenants: Vec<(i64, String)> = sqlx::query_as("SELECT tenant_id, handle FROM tenants ORDER BY handle")
        .fetch_all(&mut *conn)
        .await
        .expect("an answer");
    let mut all = Vec::new();
    for (tenant, handle) in tenants {
        let set = sqlx::query("SELECT set_config('app.tenant', $1, false)").bind(tenant.to_string());
        set.execute(&mut *conn).await.expect("an answer");
        // Killed after its last line, an import is finished, and running it again is another one.
        let sql = "SELECT $1 || '/' || path, outcome, action, hash FROM import_files
                   WHERE run_id = (SELECT run_id FROM import_runs ORDER BY started_at LIMIT 1) ORDER BY path";
        let lines = sqlx::query_as(sql).bind(handle).fetch_all(&mut *conn).await;
        all.extend(lines.expect("an answer"));
    }
    all
}

/// Whatever an import was doing when it was killed, going on ends where an import without interruption ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_goes_on_to_the_same_end() {
    let kills = std::env::var("SQUARETABLE_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    let home = folder();
    let source = home.path().join("source");
    generate(&source);
    let target = Target::start().await;
    let database = async |name: String| {
        let mut conn = target.connect().await;
        conn.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .await
            .expect("a database");
        conn.close().await.expect("the connection closes");
        Database {
            target: &target,
            name,
        }
    };
    let whole = database("whole".to_owned()).await;
    let begun = Instant::now();
    assert_eq!(whole.import(&source).status().expect("it starts").code(), Some(5));
    let duration = begun.elapsed();
    let expected = whole.end().await;
    let mut seed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(1, |now| now.as_nanos() as u64);
    let mut cut_off = 0;
    for number in 0..kills {
        let killed = database(format!("killed_{number}")).await;
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // One moment in each of as many parts of the duration.
        let part = (number as f64 + (seed >> 40) as f64 / f64::from(1 << 24)) / kills as f64;
        let moment = duration.mul_f64(part);
        let mut child = killed.import(&source).spawn().expect("it starts");
        tokio::time::sleep(moment).await;
        child.kill().expect("our own process");
        cut_off += usize::from(child.wait().expect("its status").code().is_none());
        assert_eq!(
            killed.import(&source).status().expect("it starts").code(),
            Some(5)
        );
        let end = killed.end().await;
        assert_eq!(end.rows, expected.rows, "killed after {moment:?} of {duration:?}");
        assert!(
            end.files == expected.files,
            "killed after {moment:?} of {duration:?}"
        );
        assert!(
            end.ledger == expected.ledger,
            "killed after {moment:?} of {duration:?}"
        );
    }
    println!("{cut_off} of {kills} imports were cut off; one takes {duration:?}");
    assert!(
        cut_off > 0,
        "no import was still running when it was to be killed"
    );
    target.stop().await;
}

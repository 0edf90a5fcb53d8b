//! A data directory of the server's, and the program run against it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection};
use squaretable::embedded::{Embedded, Options};
use squaretable::store::Db;
use squaretable::store::accounts;
use squaretable::tenant::Tenant;

/// A data directory with a running PostgreSQL, which the program joins.
pub struct Target {
    dir: tempfile::TempDir,
    embedded: Option<Embedded>,
}

/// How the program ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Asserts the exit code; shows everything when it is another one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }

    /// The figures of a line of the summary: found, moved, unchanged, ignored, skipped, refused, rejected.
    #[track_caller]
    pub fn row(&self, name: &str) -> Vec<usize> {
        let row = self.out.lines().find(|line| line.split(' ').next() == Some(name));
        let row = row.unwrap_or_else(|| panic!("no line {name} in\n{}", self.out));
        row.split_whitespace()
            .skip(1)
            .map(|cell| cell.parse().expect("a number"))
            .collect()
    }

    /// The run that the summary names.
    #[track_caller]
    pub fn run_id(&self) -> String {
        let line = self.out.lines().find_map(|line| line.strip_prefix("run "));
        line.unwrap_or_else(|| panic!("no run in\n{}", self.out))
            .to_owned()
    }

    /// The problem reported for a path.
    #[track_caller]
    pub fn problem(&self, path: &str) -> &str {
        let line = self.err.lines().find(|line| line.contains(&format!(" {path}: ")));
        line.unwrap_or_else(|| panic!("nothing about {path} in\n{}", self.err))
    }
}

/// The program, without the environment of the person who runs the tests.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squaretable-importer"));
    for name in [
        "DATABASE_URL",
        "SQUARETABLE_DATA_DIR",
        "SQUARETABLE_MASTER_KEY",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command.current_dir(workspace());
    command
}

pub fn run(command: &mut Command) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run {
        code: status.code(),
        out: text(stdout),
        err: text(stderr),
    }
}

/// The folder that has `node_modules`, where PostgreSQL's programs are looked for.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A temporary folder that PostgreSQL's own account may enter.
pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::Builder::new()
        .prefix("squaretable-importer-")
        .tempdir()
        .expect("a temporary folder");
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("our own folder");
    dir
}

/// An account as the store takes it.
pub fn as_new(user: &accounts::User) -> accounts::NewUser<'_> {
    accounts::NewUser {
        handle: &user.handle,
        name: &user.name,
        password: &user.password,
        salt: &user.salt,
        admin: user.admin,
        enabled: user.enabled,
        avatar: &user.avatar,
        created_at: user.created_at,
    }
}

impl Target {
    pub async fn start() -> Self {
        let dir = folder();
        std::env::set_current_dir(workspace()).expect("the workspace");
        let options = Options {
            dir: dir.path().join("postgres"),
            postgres_bin: None,
            fsync: false,
        };
        let embedded = Embedded::start(options).await.expect("PostgreSQL starts");
        Self {
            dir,
            embedded: Some(embedded),
        }
    }

    /// Stops PostgreSQL; call it at the end.
    pub async fn stop(mut self) {
        self.embedded
            .take()
            .expect("it runs")
            .stop()
            .await
            .expect("PostgreSQL stops");
    }

    fn embedded(&self) -> &Embedded {
        self.embedded.as_ref().expect("it runs")
    }

    /// `import ROOT`, secrets and all; what was changed last wins.
    pub fn import(&self, root: &Path) -> Run {
        self.import_with(root, &["--on-conflict", "newer"])
    }

    /// `import ROOT`, secrets and all; the source wins.
    pub fn overwrite(&self, root: &Path) -> Run {
        self.import_with(root, &["--on-conflict", "overwrite"])
    }

    /// `import ROOT`, secrets and all, with more arguments.
    pub fn import_with(&self, root: &Path, more: &[&str]) -> Run {
        run(self.command("import").arg(root).arg("--with-secrets").args(more))
    }

    /// `export OUT --all-users`.
    pub fn export(&self, out: &Path) -> Run {
        run(self.command("export").arg(out).arg("--all-users"))
    }

    /// The program with this data directory, to add to.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = program();
        command.arg(verb).arg("--data-dir").arg(self.dir.path());
        command
    }

    pub async fn db(&self) -> Db {
        Db::connect(self.embedded().connect_options(), 2)
            .await
            .expect("the database answers")
    }

    /// The tenant of an account that exists.
    pub async fn tenant(&self, db: &Db, handle: &str) -> Tenant {
        let user = accounts::find(db, handle)
            .await
            .expect("an answer")
            .expect("the account exists");
        Tenant::open(db, &as_new(&user)).await.expect("an answer").0
    }

    /// How many stored chunks hold this text.
    pub async fn plain_blobs(&self, text: &str) -> i64 {
        let mut conn = self.connect().await;
        let sql = "SELECT count(*) FROM blob_chunks WHERE position($1::bytea IN bytes) > 0";
        let count = sqlx::query_scalar(sql)
            .bind(text.as_bytes())
            .fetch_one(&mut conn)
            .await
            .expect("an answer");
        conn.close().await.expect("the connection closes");
        count
    }

    /// The account that the server makes by itself.
    pub async fn default_user(&self, db: &Db) -> Tenant {
        let new = accounts::NewUser {
            handle: "default-user",
            name: "User",
            password: "",
            salt: "",
            admin: true,
            enabled: true,
            avatar: "",
            created_at: chrono::Utc::now(),
        };
        Tenant::open(db, &new).await.expect("an answer").0
    }

    pub async fn connect(&self) -> PgConnection {
        self.embedded()
            .connect_options()
            .connect()
            .await
            .expect("the database answers")
    }

    pub async fn connect_to(&self, database: &str) -> PgConnection {
        let options = self.embedded().connect_options().database(database);
        options.connect().await.expect("the database answers")
    }

    /// The address of a database of this PostgreSQL.
    pub fn url(&self, database: &str) -> String {
        let options = self.embedded().connect_options().database(database);
        options.to_url_lossy().to_string()
    }

    /// Rows of every table that an import writes, of all tenants together, and the highest document version.
    pub async fn rows(&self) -> Vec<(String, i64)> {
        let mut conn = self.connect().await;
        let rows = rows_of(&mut conn).await;
        conn.close().await.expect("the connection closes");
        rows
    }
}

/// Rows of every table that an import writes, of all tenants together, and the highest document version.
pub async fn rows_of(conn: &mut PgConnection) -> Vec<(String, i64)> {
    let tenants: Vec<(i64, String)> = sqlx::query_as("SELECT tenant_id, handle FROM tenants ORDER BY 1")
        .fetch_all(&mut *conn)
        .await
        .expect("an answer");
    let blobs: i64 = sqlx::query_scalar("SELECT count(*) FROM blobs")
        .fetch_one(&mut *conn)
        .await
        .expect("an answer");
    let mut rows = vec![("all blobs".to_owned(), blobs)];
    let sql = "SELECT 'documents', count(*) FROM documents UNION ALL SELECT 'versions', sum(version) FROM documents
               UNION ALL SELECT 'files', count(*) FROM files UNION ALL SELECT 'cards', count(*) FROM characters
               UNION ALL SELECT 'chats', count(*) FROM chats UNION ALL SELECT 'lines', count(*) FROM messages
               UNION ALL SELECT 'revisions', count(*) FROM revisions
               UNION ALL SELECT 'folders', count(*) FROM folders UNION ALL SELECT 'secrets', count(*) FROM secrets
               UNION ALL SELECT 'sealed files', count(*) FROM sealed_files";
    for (tenant, handle) in tenants {
        let set = sqlx::query("SELECT set_config('app.tenant', $1, false)").bind(tenant.to_string());
        set.execute(&mut *conn).await.expect("an answer");
        let sql = format!("SELECT name, n::bigint FROM ({sql}) AS counts(name, n)");
        let found: Vec<(String, Option<i64>)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut *conn)
            .await
            .expect("an answer");
        rows.extend(
            found
                .into_iter()
                .map(|(name, count)| (format!("{handle} {name}"), count.unwrap_or(0))),
        );
    }
    rows
}

//! The embedded PostgreSQL: a real server run as a child process, used when no `DATABASE_URL` is given.
//!
//! # Folder
//! ```text
//! DIR/                 0700; as root 0750 root:<group of the account>, so that the account cannot plant links in it
//!   cluster/           the data directory, owned by the account PostgreSQL runs under
//!   socket/            0700, same owner; PostgreSQL listens here and nowhere else (no TCP)
//!   socket-path        only when DIR/socket is too long for a socket address: the folder used instead
//!   server.conf, pg_hba.conf, pg_ident.conf   written anew at every start
//!   local.conf         the operator's own settings; read last, never overwritten
//!   postgres.log       the server's log
//!   turn, users        lock files, see below
//! ```
//!
//! # Who may connect
//! Two walls: the socket lies in a folder that only the account PostgreSQL runs under (and root) may enter, and `peer`
//! authentication maps only the operating-system user who started it, and root, to database roles. PostgreSQL refuses
//! to run as root, so under root it runs as an unprivileged account while root itself connects: the peer map names root,
//! not that account. A user without a name (a container with an arbitrary user id) cannot have an embedded PostgreSQL:
//! `initdb` itself insists on one.
//!
//! # Who stops it
//! Every process that uses the cluster holds a shared lock on `users`; the lock goes with the process, however it dies.
//! The last one to call [`Embedded::stop`] shuts PostgreSQL down. So a command-line tool may join a running server, or
//! a server a running tool, in any order, and an instance orphaned by `kill -9` is stopped by the one that joined it.
//! Dropping an [`Embedded`] that was not stopped asks for the shutdown of what it started, unless others use it.
//! Starting and stopping take turns by an exclusive lock on `turn`.

mod account;
mod binaries;
mod home;
mod postmaster;
mod settings;
#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use home::Home;
use postmaster::Probe;

/// The role the server works with, and the name of its database. Neither superuser nor `BYPASSRLS`.
const ROLE: &str = "squaretable";
/// The cluster's superuser, used for set-up only.
const SUPERUSER: &str = "postgres";
/// How long one process waits for another that is starting or stopping the same cluster.
const TURN_LIMIT: Duration = Duration::from_secs(330);
/// How long PostgreSQL may take to accept connections; generous because crash recovery comes first.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How long a fast shutdown may take: it writes a checkpoint.
const STOP_LIMIT: Duration = Duration::from_secs(120);
/// Pause between two looks at a condition another process brings about.
const POLL: Duration = Duration::from_millis(5);

/// What [`Embedded::start`] needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for everything of the embedded PostgreSQL, `DATA_DIR/postgres`; made when missing.
    pub dir: PathBuf,
    /// A folder with `postgres` and `initdb`; `None` searches as [`find_binaries`] does.
    pub postgres_bin: Option<PathBuf>,
    /// `false` gives up crash safety for speed: tests only.
    pub fsync: bool,
}

/// A running embedded PostgreSQL, started or joined by this process.
#[derive(Debug)]
pub struct Embedded {
    home: Home,
    child: Option<Child>,
    users: File,
}

impl Embedded {
    /// Starts PostgreSQL in `options.dir`, or joins the instance that runs there; creates cluster, role and database
    /// when missing. Every step can be repeated after a crash in its middle.
    ///
    /// # Errors
    /// No usable binaries; a cluster of another major version; a folder that cannot be used; PostgreSQL not starting
    /// (with the end of its log).
    pub async fn start(options: Options) -> Result<Self> {
        let Options {
            dir,
            postgres_bin,
            fsync,
        } = options;
        let mut home = tokio::task::spawn_blocking(move || Home::prepare(&dir)).await??;
        let turn = take_turn(&home).await?;
        let users = home.open_lock("users")?;
        users
            .lock_shared()
            .context("cannot lock the embedded PostgreSQL's `users` file")?;
        home.open_socket_folder()?;

        let child = if join(&home).await? {
            None
        } else {
            Some(launch(&home, postgres_bin, fsync).await?)
        };
        let embedded = Self { home, child, users };
        if let Err(error) = embedded.set_up().await {
            drop(turn);
            if let Err(stop_error) = embedded.stop().await {
                tracing::error!("cannot stop the embedded PostgreSQL: {stop_error:#}");
            }
            return Err(error.context("cannot set up the embedded PostgreSQL"));
        }
        Ok(embedded)
    }

    /// How to connect: role and database `squaretable`, over the Unix socket.
    pub fn connect_options(&self) -> PgConnectOptions {
        options_for(&self.home.socket_dir, ROLE, ROLE)
    }

    /// Whether this process started PostgreSQL, as opposed to joining a running instance.
    pub fn started_here(&self) -> bool {
        self.child.is_some()
    }

    /// Shuts PostgreSQL down (mode fast) and waits for it, unless another process still uses it. Close all pools first.
    ///
    /// # Errors
    /// The shutdown cannot be asked for, or is not over after two minutes.
    pub async fn stop(mut self) -> Result<()> {
        let _turn = take_turn(&self.home).await?;
        self.users
            .unlock()
            .context("cannot unlock the embedded PostgreSQL's `users` file")?;
        match self.users.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                tracing::info!("the embedded PostgreSQL stays up: another process uses it");
                self.child = None;
                return Ok(());
            }
            Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the `users` file"),
        }
        let cluster = self.home.cluster();
        let Some(pid) = postmaster::running(&cluster).await? else {
            return Ok(());
        };
        postmaster::request_stop(pid)?;
        let over = async {
            if let Some(child) = &mut self.child {
                child.wait().await.context("cannot wait for PostgreSQL")?;
            }
            while postmaster::serves(pid, &cluster).await? {
                sleep(POLL).await;
            }
            anyhow::Ok(())
        };
        timeout(STOP_LIMIT, over)
            .await
            .with_context(|| format!("PostgreSQL did not stop; see {}", self.home.log().display()))?
    }

    /// Creates role and database unless they exist.
    async fn set_up(&self) -> Result<()> {
        let mut connection = superuser(&self.home.socket_dir).await?;
        let (role, database): (bool, bool) = sqlx::query_as(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'squaretable'),
                    EXISTS (SELECT FROM pg_database WHERE datname = 'squaretable')",
        )
        .fetch_one(&mut connection)
        .await?;
        if !role {
            sqlx::raw_sql("CREATE ROLE squaretable LOGIN NOSUPERUSER NOBYPASSRLS CREATEDB")
                .execute(&mut connection)
                .await?;
        }
        if !database {
            sqlx::raw_sql("CREATE DATABASE squaretable OWNER squaretable")
                .execute(&mut connection)
                .await?;
        }
        self.choose_compression(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// Uses lz4 where these binaries offer it. A setting of the role, not of the server's file: binaries built without
    /// lz4 then only warn, where the file would stop them from starting.
    async fn choose_compression(&self, connection: &mut PgConnection) -> Result<()> {
        let wanted: bool = sqlx::query_scalar(
            "SELECT 'lz4' = ANY (enumvals) AND NOT EXISTS (
                 SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
                 WHERE r.rolname = 'squaretable' AND s.setdatabase = 0)
             FROM pg_settings WHERE name = 'default_toast_compression'",
        )
        .fetch_one(&mut *connection)
        .await?;
        if wanted {
            sqlx::raw_sql(
                "ALTER ROLE squaretable SET default_toast_compression = 'lz4';
                 ALTER ROLE squaretable SET wal_compression = 'lz4'",
            )
            .execute(connection)
            .await?;
        }
        Ok(())
    }
}

impl Drop for Embedded {
    /// Without [`Embedded::stop`] (an error later in the start, a panic): asks for the shutdown, does not wait for it.
    fn drop(&mut self) {
        let Some(pid) = self.child.as_ref().and_then(Child::id) else {
            return;
        };
        if self.users.unlock().is_err() || self.users.try_lock().is_err() {
            return;
        }
        if let Err(error) = postmaster::request_stop(pid) {
            tracing::error!("{error:#}");
        }
    }
}

/// The folder with `postgres` and `initdb`: `explicit` or nothing else; without it the npm package in
/// `./node_modules` or two levels above the executable's folder, then PATH, then `/usr/lib/postgresql/*/bin`, newest
/// first.
///
/// # Errors
/// None found that runs; the message lists what was tried and why it was passed over.
pub fn find_binaries(explicit: Option<&Path>) -> Result<PathBuf> {
    binaries::find(explicit, None).map(|binaries| binaries.dir)
}

/// Waits until no other process is starting or stopping the cluster; the turn lasts as long as the file is held.
async fn take_turn(home: &Home) -> Result<File> {
    let file = home.open_lock("turn")?;
    let deadline = Instant::now() + TURN_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(POLL).await,
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "another process has been starting or stopping the PostgreSQL in {} for minutes",
                    home.root.display()
                )
            }
            Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the `turn` file"),
        }
    }
}

/// Joins the instance that runs in `home`, waiting for one that is starting; `false` when none runs (any more).
async fn join(home: &Home) -> Result<bool> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        match postmaster::probe(&home.socket_dir).await? {
            Probe::Ready => return Ok(true),
            // The socket answers before the process can be seen when it runs in another container: believe the socket.
            Probe::Busy => {}
            Probe::Silent if postmaster::running(&home.cluster()).await?.is_none() => return Ok(false),
            Probe::Silent => {}
        }
        if Instant::now() > deadline {
            bail!(
                "the PostgreSQL running in {} does not accept connections; see its postgres.log",
                home.root.display()
            );
        }
        sleep(POLL).await;
    }
}

/// Makes the cluster when missing, starts PostgreSQL and waits until it accepts connections.
async fn launch(home: &Home, postgres_bin: Option<PathBuf>, fsync: bool) -> Result<Child> {
    let shared = home.clone();
    let prepare = move || {
        let binaries = binaries::for_cluster(postgres_bin.as_deref(), &shared)?;
        home::init_cluster(&shared, &binaries, fsync)?;
        settings::write(&shared, fsync)?;
        anyhow::Ok(binaries)
    };
    let binaries = tokio::task::spawn_blocking(prepare).await??;
    postmaster::clear_stale_locks(home).await?;

    let deadline = Instant::now() + START_LIMIT;
    loop {
        let log_start = home.log_size()?;
        let mut child = postmaster::spawn(home, &binaries)?;
        match wait_until_ready(home, &mut child, deadline).await {
            Ok(Outcome::Ready) => return Ok(child),
            Ok(Outcome::Exited(status)) => {
                let tail = home.log_tail(log_start)?;
                // Backends of a postmaster killed with -9 finish what they do before they notice.
                if !tail.contains("shared memory block") || Instant::now() > deadline {
                    bail!(
                        "PostgreSQL did not start ({status}); the end of {}:\n{tail}",
                        home.log().display()
                    );
                }
                sleep(Duration::from_millis(100)).await;
            }
            Err(error) => {
                if let Some(pid) = child.id() {
                    postmaster::request_stop(pid)?;
                }
                let tail = home.log_tail(log_start)?;
                return Err(error.context(format!("the end of {}:\n{tail}", home.log().display())));
            }
        }
    }
}

/// How waiting for a started PostgreSQL ends.
enum Outcome {
    Ready,
    Exited(ExitStatus),
}

async fn wait_until_ready(home: &Home, child: &mut Child, deadline: Instant) -> Result<Outcome> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Outcome::Exited(status));
        }
        if postmaster::probe(&home.socket_dir).await? == Probe::Ready {
            return Ok(Outcome::Ready);
        }
        if Instant::now() > deadline {
            bail!("PostgreSQL does not accept connections");
        }
        sleep(POLL).await;
    }
}

/// A superuser connection to the maintenance database.
async fn superuser(socket_dir: &Path) -> sqlx::Result<PgConnection> {
    PgConnection::connect_with(&options_for(socket_dir, SUPERUSER, "postgres").disable_statement_logging())
        .await
}

/// Options that the environment (`PGHOST`, `PGSSLMODE` ...) cannot bend.
fn options_for(socket_dir: &Path, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .port(settings::PORT)
        .username(role)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
}

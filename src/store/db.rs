//! The pool, kept private: what leaves this file is a transaction of one tenant.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Postgres, Transaction};

use crate::config::limits::Quotas;
use crate::error::{Error, Result};

/// Role of the server when `DATABASE_URL` names a superuser: neither superuser nor BYPASSRLS, so policies bind it.
const ROLE: &str = "squaretable";

/// How long a request waits for a connection before it is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Key of a tenant's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct TenantId(pub(in crate::store) i64);

/// The database. Exposes no pool and no connection.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
    /// What transactions tell the triggers of `migrations/0018_quotas.sql` of the environment's quotas; empty for writes
    /// that none holds for.
    quotas: Arc<str>,
}

/// A transaction in which exactly one tenant's rows exist. Dropped without [`Tx::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    tenant: TenantId,
}

impl Db {
    /// Connects, brings the schema up to date and proves that row-level security binds this role.
    ///
    /// # Errors
    /// The database is unreachable, a migration fails, or another tenant's probe row was visible.
    pub async fn connect(options: PgConnectOptions, max_connections: u32) -> anyhow::Result<Self> {
        let options = options.disable_statement_logging();
        let switch_role = prepare_role(&options).await.context("cannot reach PostgreSQL")?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A ping per request would cost a round trip; `begin` retries a connection that has died instead.
            .test_before_acquire(false)
            .after_connect(move |conn, _| {
                Box::pin(async move {
                    if switch_role {
                        sqlx::raw_sql("SET ROLE squaretable").execute(conn).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .context("cannot connect to PostgreSQL")?;
        MIGRATIONS
            .run(&pool)
            .await
            .context("cannot migrate the database")?;
        let db = Self {
            pool,
            quotas: Arc::from(""),
        };
        db.prove_isolation().await?;
        Ok(db)
    }

    /// The same database, whose transactions are held to quotas: these, unless an administrator decided otherwise. Without
    /// this call, as the importer does, none is refused for its size.
    #[must_use]
    pub fn with_quotas(&self, quotas: &Quotas) -> Self {
        let text = |most: Option<u64>| most.map_or(-1, |most| i64::try_from(most).unwrap_or(i64::MAX));
        Self {
            pool: self.pool.clone(),
            quotas: format!("{} {}", text(quotas.bytes), text(quotas.characters)).into(),
        }
    }

    /// Opens a transaction for `tenant`: BEGIN and the tenant setting travel in one round trip.
    pub(crate) async fn begin(&self, tenant: TenantId) -> Result<Tx> {
        // The setting is local to the transaction, so a pooled connection (ours or PgBouncer's) cannot carry it over.
        let statement = format!(
            "BEGIN; SELECT set_config('app.tenant', '{}', true), set_config('app.quotas', '{}', true)",
            tenant.0, self.quotas
        );
        Ok(Tx {
            inner: self.begin_with(&statement).await?,
            tenant,
        })
    }

    /// Opens a transaction that sees the tenant's rows as they are now, however long it takes, and changes none.
    pub(crate) async fn begin_snapshot(&self, tenant: TenantId) -> Result<Tx> {
        let statement = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT set_config('app.tenant', '{}', true)",
            tenant.0
        );
        Ok(Tx {
            inner: self.begin_with(&statement).await?,
            tenant,
        })
    }

    /// A transaction without a tenant, for tables that have none. Only `store/accounts.rs` and the migrations of
    /// content use it.
    pub(in crate::store) async fn begin_untenanted(&self) -> Result<Transaction<'static, Postgres>> {
        self.begin_with("BEGIN").await
    }

    /// Asks one statement outside a transaction and a tenant, again where a connection had died: it must only read.
    pub(in crate::store) async fn ask<T, F>(&self, statement: impl Fn(PgPool) -> F) -> Result<T>
    where
        F: Future<Output = sqlx::Result<T>>,
    {
        let mut attempts = self.pool.options().get_max_connections() + 1;
        loop {
            attempts -= 1;
            match statement(self.pool.clone()).await {
                Err(error) if attempts > 0 && is_disconnect(&error) => {}
                result => return result.map_err(Error::from),
            }
        }
    }

    async fn begin_with(&self, statement: &str) -> Result<Transaction<'static, Postgres>> {
        // After a restart of PostgreSQL every idle connection is dead; nothing has been sent yet, so trying the next
        // one is safe and the browser does not see the restart.
        let mut attempts = self.pool.options().get_max_connections() + 1;
        loop {
            attempts -= 1;
            match self.pool.begin_with(AssertSqlSafe(statement.to_owned())).await {
                Err(error) if attempts > 0 && is_disconnect(&error) => {}
                result => return result.map_err(Error::from),
            }
        }
    }

    /// Whether the database answers: what `GET /readyz` reports.
    ///
    /// # Errors
    /// 503 when it does not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes every connection once its transaction has ended; who holds one for long listens to [`Db::closed`].
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Waits until [`Db::close`] is called.
    pub(crate) async fn closed(&self) {
        let mut event = std::pin::pin!(self.pool.close_event());
        event.as_mut().await;
    }

    /// Writes a row as one tenant and looks for it as another, inside a transaction that is rolled back.
    async fn prove_isolation(&self) -> anyhow::Result<()> {
        let mut tx = self.pool.begin().await?;
        let probe = |n: u8| format!("probe-{}-{n}", uuid::Uuid::new_v4());
        let insert = "INSERT INTO tenants (handle) VALUES ($1) RETURNING tenant_id";
        let ours: i64 = sqlx::query_scalar(insert)
            .bind(probe(0))
            .fetch_one(&mut *tx)
            .await?;
        let other: i64 = sqlx::query_scalar(insert)
            .bind(probe(1))
            .fetch_one(&mut *tx)
            .await?;
        set_tenant(&mut tx, ours).await?;
        sqlx::query("INSERT INTO folders (path) VALUES ('probe')")
            .execute(&mut *tx)
            .await?;
        set_tenant(&mut tx, other).await?;
        let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM folders WHERE tenant_id = $1")
            .bind(ours)
            .fetch_one(&mut *tx)
            .await?;
        tx.rollback().await?;
        anyhow::ensure!(
            seen == 0,
            "row-level security does not bind this database role: refusing to serve"
        );
        Ok(())
    }
}

impl Tx {
    /// Makes everything since `begin` durable. A handler answers success only after this returned.
    ///
    /// # Errors
    /// The database could not promise durability; nothing was written.
    pub async fn commit(self) -> Result<()> {
        Ok(self.inner.commit().await?)
    }

    /// Holds a name of this tenant until the transaction ends: for read-modify-write of what may not exist yet, where
    /// there is no row to lock.
    ///
    /// # Errors
    /// The database failed.
    pub(in crate::store) async fn hold(&mut self, name: &str) -> Result<()> {
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended($2, $1))";
        sqlx::query(sql)
            .bind(self.id())
            .bind(name)
            .execute(self.conn())
            .await?;
        Ok(())
    }

    /// The tenant whose rows this transaction sees.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The connection, for the statements of this room only.
    pub(in crate::store) fn conn(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// The tenant's key, to bind as the first parameter of a statement.
    pub(in crate::store) fn id(&self) -> i64 {
        self.tenant.0
    }
}

/// Whether the error says that the connection is gone rather than that the statement failed.
fn is_disconnect(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // Class 57P: the server is shutting down, starting up or killed the connection.
        sqlx::Error::Database(e) => e.code().is_some_and(|code| code.starts_with("57P0")),
        _ => false,
    }
}

async fn set_tenant(conn: &mut PgConnection, tenant: i64) -> sqlx::Result<()> {
    sqlx::query("SELECT set_config('app.tenant', $1, true)")
        .bind(tenant.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// When the login role bypasses policies (the usual container default), creates the ordinary role that every
/// connection then switches to. Returns whether it must.
async fn prepare_role(options: &PgConnectOptions) -> sqlx::Result<bool> {
    let mut conn = PgConnection::connect_with(options).await?;
    let privileged: bool =
        sqlx::query_scalar("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            .fetch_one(&mut conn)
            .await?;
    if privileged {
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(ROLE)
            .fetch_one(&mut conn)
            .await?;
        if !known {
            sqlx::raw_sql("CREATE ROLE squaretable NOSUPERUSER NOBYPASSRLS")
                .execute(&mut conn)
                .await?;
        }
        sqlx::raw_sql("GRANT USAGE, CREATE ON SCHEMA public TO squaretable")
            .execute(&mut conn)
            .await?;
    }
    conn.close().await?;
    Ok(privileged)
}

//! The database that a run works on, and the master key.

use std::time::Duration;

use anyhow::{Context, anyhow};
use squaretable::embedded::{Embedded, Options};
use squaretable::keys::MasterKey;
use squaretable::store::Db;

use crate::args::TargetArgs;
use crate::exit::{Exit, Failure};

/// How long closing waits for statements that still run.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// An open database.
pub struct Target {
    /// The database.
    pub db: Db,
    /// The key of stored secrets; `None` when nobody named one.
    pub key: Option<MasterKey>,
    embedded: Option<Embedded>,
}

impl Target {
    /// Connects to the database that the server would use, bringing its schema up to date. The embedded PostgreSQL is
    /// joined when it runs, else started for this run. `create` says whether a new one, and a new master key, may be
    /// made; `connections` how many there may be at a time.
    ///
    /// # Errors
    /// [`Exit::Target`] with the cause.
    pub async fn open(args: &TargetArgs, create: bool, connections: u32) -> Result<Self, Failure> {
        Self::connect(args, create, connections)
            .await
            .map_err(|error| Failure::new(Exit::Target, error))
    }

    async fn connect(args: &TargetArgs, create: bool, connections: u32) -> anyhow::Result<Self> {
        let Some(url) = &args.database_url else {
            return Self::embedded(args, create, connections).await;
        };
        let key = master_key(args, false)?;
        // The parser's message could repeat the URL, and with it a password.
        let options = url
            .parse()
            .map_err(|_| anyhow!("--database-url is not a PostgreSQL URL"))?;
        Ok(Self {
            db: Db::connect(options, connections).await?,
            key,
            embedded: None,
        })
    }

    async fn embedded(args: &TargetArgs, create: bool, connections: u32) -> anyhow::Result<Self> {
        let dir = args.data_dir.join("postgres");
        if !create && !dir.is_dir() {
            anyhow::bail!("there is no database in {}", args.data_dir.display());
        }
        std::fs::create_dir_all(&args.data_dir)
            .with_context(|| format!("cannot create {}", args.data_dir.display()))?;
        let key = master_key(args, create)?;
        let options = Options {
            dir,
            postgres_bin: args.postgres_bin.clone(),
            fsync: true,
        };
        let embedded = Embedded::start(options).await?;
        match Db::connect(embedded.connect_options(), connections).await {
            Ok(db) => Ok(Self {
                db,
                key,
                embedded: Some(embedded),
            }),
            Err(error) => {
                embedded.stop().await?;
                Err(error)
            }
        }
    }

    /// Closes all connections, and stops PostgreSQL if nobody else uses it.
    ///
    /// # Errors
    /// [`Exit::Target`] when PostgreSQL does not stop.
    pub async fn close(self) -> Result<(), Failure> {
        // A statement that an interrupted run left behind may go on for a while; stopping or leaving ends it too.
        if tokio::time::timeout(CLOSE_LIMIT, self.db.close()).await.is_err() {
            eprintln!(
                "squaretable-importer: the database still works on the last statement; it will be rolled back"
            );
        }
        match self.embedded {
            Some(embedded) => embedded
                .stop()
                .await
                .map_err(|error| Failure::new(Exit::Target, error)),
            None => Ok(()),
        }
    }
}

/// The key that the server would use. A new one is made only beside an embedded database: of another database nobody
/// here knows whether its server has a key already.
fn master_key(args: &TargetArgs, create: bool) -> anyhow::Result<Option<MasterKey>> {
    let given = std::env::var("SQUARETABLE_MASTER_KEY").unwrap_or_default();
    if !given.trim().is_empty() {
        let key = MasterKey::from_hex(&given).context("SQUARETABLE_MASTER_KEY cannot be used")?;
        // While the server's key is changed, stored files may be sealed under either.
        let other = std::env::var("SQUARETABLE_MASTER_KEY_OTHER").unwrap_or_default();
        if other.trim().is_empty() {
            return Ok(Some(key));
        }
        let key = key
            .with_other(&other)
            .context("SQUARETABLE_MASTER_KEY_OTHER cannot be used")?;
        return Ok(Some(key));
    }
    let path = args.data_dir.join("master.key");
    if create || path.exists() {
        MasterKey::from_file(&path).map(Some)
    } else {
        Ok(None)
    }
}

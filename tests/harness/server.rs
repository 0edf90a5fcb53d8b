//! Our server, in this process, on a port and a database of its own.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use squaretable::app::App;
use squaretable::config::Config;
use squaretable::config::secret::Secret;
use squaretable::config::upstream::RequestProxy;
use squaretable::serve;
use squaretable::store::accounts::NewUser;
use squaretable::tenant::Tenant;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::client::Client;
use super::postgres;
use super::sites::Sites;
use super::world::World;

/// What a test's server differs in.
#[derive(Default)]
pub struct Options {
    /// Seed the default content (some seconds; off unless a test is about it).
    pub content: bool,
    /// Anything else; a frontend that is not the default's stays.
    pub config: Config,
}

impl Options {
    /// With `world` as the whole internet.
    pub fn through(mut self, world: &World) -> Self {
        self.config.upstream.extra_ca_certificates = Some(world.authority());
        self.config.upstream.proxy = Some(RequestProxy {
            url: Secret::new(world.proxy()),
            bypass: Vec::new(),
        });
        self
    }
}

/// A running server; ends with the value.
pub struct Server {
    /// `http://127.0.0.1:<port>`
    pub url: String,
    /// Its database.
    pub database: PgConnectOptions,
    /// Its state, for what HTTP does not show.
    pub app: App,
    _data: tempfile::TempDir,
    _task: tokio::task::JoinHandle<()>,
    _stop: watch::Sender<bool>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self._task.abort();
    }
}

impl Server {
    /// With an empty default user: no content, default configuration.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// With `options`.
    pub async fn with(options: Options) -> Self {
        Self::serve(options, postgres::database().await).await
    }

    /// With an empty default user, in a world that answers as `sites` says, and a browser.
    pub async fn in_world(sites: &Sites) -> (World, Self, Client) {
        let world = World::start(sites).await;
        let server = Self::with(Options::default().through(&world)).await;
        let client = server.client().await;
        (world, server, client)
    }

    /// On a database of the caller's own.
    pub async fn on(database: PgConnectOptions) -> Self {
        Self::serve(Options::default(), database).await
    }

    /// That waits so long for the head of a request.
    pub async fn with_patience(head: Duration) -> Self {
        Self::patient(Options::default(), postgres::database().await, head).await
    }

    /// With `options`, on a database of the caller's own.
    pub async fn with_on(options: Options, database: PgConnectOptions) -> Self {
        Self::serve(options, database).await
    }

    /// Another node on the database of this one, with the same master key unless `options` have one.
    pub async fn beside(&self, mut options: Options) -> Self {
        if options.config.master_key.is_none() {
            let key = std::fs::read_to_string(self._data.path().join("master.key"));
            options.config.master_key = Some(Secret::new(key.expect("a key file")));
        }
        Self::serve(options, self.database.clone()).await
    }

    async fn serve(options: Options, database: PgConnectOptions) -> Self {
        Self::patient(options, database, serve::HEAD).await
    }

    async fn patient(options: Options, database: PgConnectOptions, head: Duration) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let mut config = options.config;
        config.data_dir = data.path().to_path_buf();
        if config.frontend == Config::default().frontend {
            config.frontend = frontend();
        }
        config.content.skip_content_check = !options.content;
        config.database.max_connections = 5;
        let app = App::new(config, database.clone())
            .await
            .expect("the server starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(serve::connections(listener, app.clone(), head, stopped));
        Self {
            url,
            database,
            app,
            _data: data,
            _task: task,
            _stop: stop,
        }
    }

    /// An account's tenant, the account made (without a password) where there is none.
    pub async fn tenant(&self, handle: &str, admin: bool) -> Tenant {
        let user = NewUser {
            handle,
            name: handle,
            password: "",
            salt: "",
            admin,
            enabled: true,
            avatar: "",
            created_at: chrono::Utc::now(),
        };
        let opened = Tenant::open(self.app.db(), &user).await;
        opened.expect("an account can be made").0
    }

    /// A browser that is logged in as `handle`, an account without a password, on a server with accounts.
    pub async fn client_of(&self, handle: &str) -> Client {
        let mut client = self.client().await;
        client.log_in(handle, "").await.expect(200);
        client
    }

    /// A connection to its database that sees the default user's rows.
    pub async fn sql(&self) -> PgConnection {
        let mut conn = self.database.connect().await.expect("the database answers");
        let sql = "SELECT set_config('app.tenant', tenant_id::text, false) FROM tenants WHERE handle = 'default-user'";
        sqlx::query(sql)
            .execute(&mut conn)
            .await
            .expect("the default user exists");
        conn
    }

    /// The one number that `sql` answers, asked as [`Server::sql`].
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(&mut self.sql().await)
            .await
            .expect("a count")
    }

    /// A browser without cookies.
    pub async fn client(&self) -> Client {
        Client::new(&self.url).await
    }
}

/// The installed npm package.
pub fn frontend() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("node_modules/sillytavern")
}

/// Our side of a comparison with the original.
pub struct Target {
    /// `http://127.0.0.1:<port>`
    pub base_url: String,
    server: Server,
}

impl Target {
    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.server.app.config().data_dir.clone()
    }
}

/// Our server with the default content, SillyTavern's `config.yaml` text, and the file of `NODE_EXTRA_CA_CERTS`.
pub async fn oracle_target(config_yaml: &str, extra_ca_certificates: Option<PathBuf>) -> Target {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), config_yaml).expect("our own file");
    let cli = clap::Parser::try_parse_from(["squaretable", "--config", &file.path().display().to_string()]);
    let (mut config, _) = Config::load(&cli.expect("the flags parse")).expect("the configuration is valid");
    config.upstream.extra_ca_certificates = extra_ca_certificates;
    let server = Server::with(Options {
        content: true,
        config,
    })
    .await;
    Target {
        base_url: server.url.clone(),
        server,
    }
}

//! The server's life: database, sockets, requests, orderly end.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use std::pin::pin;

use anyhow::Context;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use fs4::FileExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sqlx::postgres::PgConnectOptions;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::app::App;
use crate::audit;
use crate::config::Config;
use crate::embedded::{self, Embedded};
use crate::router;

/// How long requests and streams may go on after the server was asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long a client may take to send the head of a request, and be silent before it. Longer than proxies keep a connection
/// that they do not use, so that it is theirs to close.
pub const HEAD: Duration = Duration::from_secs(120);

/// How long no connection is taken after one could not be, for want of file descriptors for instance.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Whatever keeps the server from starting, with its cause.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("cannot create {}", config.data_dir.display()))?;
    let database = Database::open(&config).await?;
    let listen = config.http.listen.clone();
    let app = App::new(config, database.options.clone()).await?;
    refuse_open_administrators(&app).await?;
    let (stop, stopped) = watch::channel(false);
    let mut servers = JoinSet::new();
    let mut addresses = Vec::new();
    for host in &listen.hosts {
        let listener = TcpListener::bind((host.trim_matches(['[', ']']), listen.port))
            .await
            .with_context(|| format!("cannot listen on {host}:{}", listen.port))?;
        addresses.push(listener.local_addr()?);
        servers.spawn(connections(listener, app.clone(), HEAD, stopped.clone()));
    }
    let pruning = tokio::spawn(prune_audit_log(app.clone()));
    announce(&addresses)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        Some(ended) = servers.join_next() => ended?,
    }
    tracing::info!("stopping");
    stop.send_replace(true);
    let finish = async { while servers.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finish).await.is_err() {
        tracing::warn!("requests still open after {} s were cut off", GRACE.as_secs());
    }
    pruning.abort();
    app.db().close().await;
    database.close().await
}

/// Keeps the audit log as short as configured, at the start and every hour.
async fn prune_audit_log(app: App) {
    let mut hours = tokio::time::interval(Duration::from_secs(60 * 60));
    loop {
        hours.tick().await;
        if let Err(error) = audit::prune(app.db(), app.config().limits.audit_days).await {
            tracing::warn!(%error, "old entries of the audit log could not be removed");
        }
    }
}

/// Names the accounts without a password while the server listens on the network, and refuses to serve where nothing but
/// accounts protects it and one of them is an administrator's (unless `securityOverride` is set).
///
/// # Errors
/// There is such an administrator, or the database failed.
pub async fn refuse_open_administrators(app: &App) -> anyhow::Result<()> {
    let config = app.config();
    if !config.http.listen.exposed || !config.accounts.enabled {
        return Ok(());
    }
    let mut open = app.accounts().list().await?;
    open.retain(|user| user.enabled && user.password.is_empty());
    for user in &open {
        tracing::warn!(
            handle = user.handle,
            admin = user.admin,
            "an account has no password"
        );
    }
    if config.is_open() && !config.http.security_override && open.iter().any(|user| user.admin) {
        anyhow::bail!(
            "the server could be reached from other machines, and an administrator has no password: set one while \
             `listen` is false, switch on whitelistMode or basicAuthMode, or set securityOverride"
        );
    }
    Ok(())
}

/// Serves the connections of a listener until `stopped` holds true, and then until the requests that are open are
/// answered. A client that takes longer than `head` for the head of a request is hung up on.
pub async fn connections(
    listener: TcpListener,
    app: App,
    head: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    let router = router::service(&app);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head);
    let mut open = JoinSet::new();
    loop {
        // An error means that the sender is gone, and with it the server.
        let stop = async { _ = stopped.wait_for(|stop| *stop).await.is_ok() };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop => break,
        };
        while open.try_join_next().is_some() {}
        match accepted {
            Ok((socket, peer)) => {
                let stopped = stopped.clone();
                open.spawn(converse(http.clone(), router.clone(), socket, peer, stopped));
            }
            Err(error) if is_clients(&error) => {}
            Err(error) => {
                tracing::error!(%error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// Serves one connection.
async fn converse(
    http: http1::Builder,
    router: axum::Router,
    socket: TcpStream,
    peer: SocketAddr,
    mut stopped: watch::Receiver<bool>,
) {
    // Without this a streamed answer waits for the browser's delayed acknowledgement, 40 ms at a time.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "cannot send small packets at once");
    }
    let service = router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(service)));
    let stop = async { _ = stopped.wait_for(|stop| *stop).await.is_ok() };
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection broke off");
    }
}

/// Whether a connection was gone before it could be taken.
fn is_clients(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    let kinds = [
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionReset,
    ];
    kinds.contains(&error.kind())
}

/// The line that scripts wait for: printed when, and only when, the server answers.
fn announce(addresses: &[SocketAddr]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for address in addresses {
        writeln!(out, "Squaretable is listening on http://{address}")?;
    }
    Ok(out.flush()?)
}

/// The database that the configuration names: a URL, or the embedded one of the data directory.
pub struct Database {
    /// How to connect.
    pub options: PgConnectOptions,
    embedded: Option<(Embedded, File)>,
}

impl Database {
    /// Starts the embedded PostgreSQL when no URL is configured. The data directory is then locked against a second
    /// server.
    ///
    /// # Errors
    /// A malformed URL, a data directory in use, or PostgreSQL did not start.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        if let Some(url) = &config.database.url {
            let options = url
                .expose()
                .parse()
                .context("DATABASE_URL is not a PostgreSQL URL")?;
            return Ok(Self {
                options,
                embedded: None,
            });
        }
        let lock = lock(&config.data_dir)?;
        let embedded = Embedded::start(embedded::Options {
            dir: config.data_dir.join("postgres"),
            postgres_bin: config.database.postgres_bin.clone(),
            fsync: true,
        })
        .await?;
        Ok(Self {
            options: embedded.connect_options(),
            embedded: Some((embedded, lock)),
        })
    }

    /// Stops the embedded PostgreSQL, then releases the data directory.
    ///
    /// # Errors
    /// PostgreSQL did not stop.
    pub async fn close(self) -> anyhow::Result<()> {
        if let Some((embedded, lock)) = self.embedded {
            embedded.stop().await?;
            drop(lock);
        }
        Ok(())
    }
}

/// Held by the kernel for the process's life, so that kill -9 releases it.
fn lock(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("squaretable.lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    if FileExt::try_lock(&file).is_err() {
        anyhow::bail!(
            "another Squaretable serves {}: stop it, or give this one a directory of its own with --data-dir",
            data_dir.display()
        );
    }
    Ok(file)
}

//! Configuration: flags, then the environment, then SillyTavern's `config.yaml`, then defaults.
//!
//! `Config::load` reads and checks everything before anything starts; `docs/OPERATIONS.md` is its manual.

pub mod accounts;
pub mod cache_buster;
pub mod content;
pub mod database;
pub mod http;
pub mod ip_pattern;
mod keys;
pub mod limits;
pub mod listen;
pub mod log;
pub mod models;
pub mod oidc;
mod renames;
pub mod report;
pub mod secret;
mod source;
#[cfg(test)]
mod tests;
pub mod upstream;
mod values;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use accounts::AccountsConfig;
use content::ContentConfig;
use database::DatabaseConfig;
use http::HttpConfig;
use limits::LimitsConfig;
use log::LogConfig;
use models::ModelsConfig;
use report::{Faults, Warning};
use secret::Secret;
use source::{Environment, Source};
use upstream::UpstreamConfig;

/// The command line of `squaretable`.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "squaretable",
    version,
    about = "A drop-in replacement for the SillyTavern server"
)]
pub struct Cli {
    /// What to do; `serve` when none is given.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of every command, before or after its name.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Subcommands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the server (the default).
    Serve,
    /// Check the configuration and print what is wrong with it.
    CheckConfig,
    /// Seal stored API keys under the current master key, which SQUARETABLE_MASTER_KEY_OTHER opens now; may be repeated.
    RotateKeys {
        /// Encrypt everything under new data keys, too
        #[arg(long)]
        fresh: bool,
    },
}

/// Flags; each wins over its environment variable. Texts are checked by `Config::load`, with everything else.
#[derive(Args, Clone, Default)]
pub struct ServeArgs {
    /// Address or host name to listen on [env: HOST] [default: 127.0.0.1]
    #[arg(long, global = true, value_name = "HOST")]
    pub host: Option<String>,
    /// Port to listen on, 0 for any free one [env: PORT] [default: 8000]
    #[arg(long, global = true, value_name = "PORT")]
    pub port: Option<String>,
    /// Folder of the server's data [env: SQUARETABLE_DATA_DIR] [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// SillyTavern's config.yaml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// SillyTavern folder whose frontend is served [env: SQUARETABLE_FRONTEND] [default: node_modules/sillytavern]
    #[arg(long, global = true, value_name = "DIR")]
    pub frontend: Option<PathBuf>,
    /// PostgreSQL to use instead of the embedded one [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Redis for sessions, limits and caches [env: REDIS_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub redis_url: Option<String>,
    /// Folder of initdb, pg_ctl and postgres for the embedded PostgreSQL
    #[arg(long, global = true, value_name = "DIR")]
    pub postgres_bin: Option<PathBuf>,
}

impl std::fmt::Debug for ServeArgs {
    /// Without the URLs, which may hold passwords.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ServeArgs")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("data_dir", &self.data_dir)
            .field("config", &self.config)
            .field("frontend", &self.frontend)
            .field("postgres_bin", &self.postgres_bin)
            .finish_non_exhaustive()
    }
}

/// Everything the server was told, checked. `Default` is a server on 127.0.0.1:8000 with the settings of the
/// `config.yaml` that SillyTavern 1.19.0 ships.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `--config`, the file that was read. Default none.
    pub config_file: Option<PathBuf>,
    /// `--data-dir`, `SQUARETABLE_DATA_DIR`, `dataRoot`. Default `./data`. Need not exist yet.
    pub data_dir: PathBuf,
    /// `--frontend`, `SQUARETABLE_FRONTEND`. Default `node_modules/sillytavern`, which need not exist.
    pub frontend: PathBuf,
    /// `SQUARETABLE_MASTER_KEY`: 64 hexadecimal digits, the key under which stored API keys are encrypted.
    /// Default none: a key file in the data folder.
    pub master_key: Option<Secret<String>>,
    /// `SQUARETABLE_MASTER_KEY_OTHER`: a key that opens and never seals, while the master key is changed. Default none.
    pub master_key_other: Option<Secret<String>>,
    /// Logging.
    pub log: LogConfig,
    /// The HTTP server.
    pub http: HttpConfig,
    /// PostgreSQL and Redis.
    pub database: DatabaseConfig,
    /// Users.
    pub accounts: AccountsConfig,
    /// What users may ask for and hold.
    pub limits: LimitsConfig,
    /// The library and stored data.
    pub content: ContentConfig,
    /// Models that run inside the server.
    pub models: ModelsConfig,
    /// Outgoing requests.
    pub upstream: UpstreamConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            config_file: None,
            data_dir: PathBuf::from("./data"),
            frontend: PathBuf::from("node_modules/sillytavern"),
            master_key: None,
            master_key_other: None,
            log: LogConfig::default(),
            http: HttpConfig::default(),
            database: DatabaseConfig::default(),
            accounts: AccountsConfig::default(),
            limits: LimitsConfig::default(),
            content: ContentConfig::default(),
            models: ModelsConfig::default(),
            upstream: UpstreamConfig::default(),
        }
    }
}

impl Config {
    /// Reads flags, the process environment and the configuration file. All faults come back together; the
    /// warnings are for the log, once.
    pub fn load(cli: &Cli) -> Result<(Self, Vec<Warning>), Faults> {
        let mut env = Environment::new();
        let mut faults = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => {
                    env.insert(name, value);
                }
                Err(_) if name.starts_with("SILLYTAVERN_") || VARIABLES.contains(&name.as_str()) => {
                    faults.push(format!("{name}: is no UTF-8 text"));
                }
                Err(_) => {}
            }
        }
        Self::from_parts(&cli.serve, env, faults)
    }

    fn from_parts(
        args: &ServeArgs,
        env: Environment,
        faults: Vec<String>,
    ) -> Result<(Self, Vec<Warning>), Faults> {
        let mut source = open(args.config.as_deref(), env);
        source.faults.splice(0..0, faults);
        renames::apply(&mut source);
        keys::review(&mut source);
        let config = Self::read(&mut source, args);
        config.check(&mut source);
        if source.faults.is_empty() {
            Ok((config, source.warnings))
        } else {
            Err(Faults::new(source.faults))
        }
    }

    fn read(source: &mut Source, args: &ServeArgs) -> Self {
        let default = Self::default();
        let data_root = PathBuf::from(source.text("dataRoot", "./data"));
        let data_dir = folder(source, args.data_dir.as_ref(), "SQUARETABLE_DATA_DIR").unwrap_or(data_root);
        Self {
            config_file: args.config.clone(),
            data_dir,
            frontend: read_frontend(source, args).unwrap_or(default.frontend),
            master_key: read_master_key(source, "SQUARETABLE_MASTER_KEY"),
            master_key_other: read_master_key(source, "SQUARETABLE_MASTER_KEY_OTHER"),
            log: LogConfig::read(source),
            http: HttpConfig::read(source, args),
            database: DatabaseConfig::read(source, args),
            accounts: AccountsConfig::read(source),
            limits: LimitsConfig::read(source),
            content: ContentConfig::read(source),
            models: ModelsConfig::read(source),
            upstream: UpstreamConfig::read(source),
        }
    }

    /// Faults and warnings that need more than one key.
    fn check(&self, source: &mut Source) {
        if self.data_dir.as_os_str().is_empty() {
            source.fault("dataRoot: is empty");
        } else if self.data_dir.exists() && !self.data_dir.is_dir() {
            source.fault(format!("data folder: {} is no folder", self.data_dir.display()));
        }
        if self.is_open() && !self.accounts.enabled {
            if self.http.security_override {
                source.warn(
                    "securityOverride: the server can be reached from other machines and nothing protects it",
                );
            } else {
                source.fault(
                    "listen: the server could be reached from other machines and nothing would protect it; \
                     switch on whitelistMode, basicAuthMode or enableUserAccounts, or set securityOverride",
                );
            }
        }
        if self.accounts.per_user_basic_auth && !self.accounts.enabled {
            source.warn("perUserBasicAuth: has no effect without enableUserAccounts");
        }
        if self.accounts.oidc.is_some() && !self.accounts.enabled {
            source.fault("SQUARETABLE_OIDC_ISSUER: needs enableUserAccounts");
        }
        if self.http.admin_port.is_some() {
            source.warn("ADMIN_PORT: checked, but GET /metrics is not served yet");
        }
        if self.http.disable_csrf {
            source.warn("disableCsrfProtection: any web page that a user visits can act on this server");
        }
        if self.upstream.proxy.is_some() && self.upstream.private_addresses.enabled {
            source
                .warn("privateAddressWhitelist: the proxy decides where the names lead that it is asked for");
        }
    }

    /// Whether other machines reach the server and neither the whitelist nor basic authentication stops them.
    /// With accounts on, the original then refuses to start while an enabled administrator has no password.
    pub fn is_open(&self) -> bool {
        self.http.listen.exposed && !self.http.ip_whitelist.enabled && self.http.basic_auth.is_none()
    }
}

/// The variables that are not SillyTavern's.
const VARIABLES: &[&str] = &[
    "HOST",
    "PORT",
    "ADMIN_PORT",
    "DATABASE_URL",
    "DATABASE_MAX_CONNECTIONS",
    "REDIS_URL",
    "SQUARETABLE_AUDIT_DAYS",
    "SQUARETABLE_DATA_DIR",
    "SQUARETABLE_FRONTEND",
    "SQUARETABLE_KEEP_GENERATIONS",
    "SQUARETABLE_LIMIT_ADDRESS",
    "SQUARETABLE_LIMIT_UPSTREAM",
    "SQUARETABLE_LIMIT_USER",
    "SQUARETABLE_MASTER_KEY",
    "SQUARETABLE_MASTER_KEY_OTHER",
    "SQUARETABLE_OIDC_ADMIN_GROUPS",
    "SQUARETABLE_OIDC_CLIENT_ID",
    "SQUARETABLE_OIDC_CLIENT_SECRET",
    "SQUARETABLE_OIDC_CREATE",
    "SQUARETABLE_OIDC_GROUPS",
    "SQUARETABLE_OIDC_GROUPS_CLAIM",
    "SQUARETABLE_OIDC_HANDLE_CLAIM",
    "SQUARETABLE_OIDC_ISSUER",
    "SQUARETABLE_OIDC_LABEL",
    "SQUARETABLE_OIDC_LINK_BY_HANDLE",
    "SQUARETABLE_OIDC_SCOPES",
    "SQUARETABLE_OIDC_URL",
    "SQUARETABLE_QUOTA_BYTES",
    "SQUARETABLE_QUOTA_CHARACTERS",
    "SQUARETABLE_QUOTA_UPSTREAM",
    "LOG_FORMAT",
    "NODE_EXTRA_CA_CERTS",
    "RUST_LOG",
];

fn open(file: Option<&Path>, env: Environment) -> Source {
    let Some(path) = file else {
        return Source::from_yaml("", &"", env);
    };
    let name = path.display();
    match std::fs::read_to_string(path) {
        Ok(text) => Source::from_yaml(&text, &name, env),
        Err(error) => {
            let mut source = Source::from_yaml("", &name, env);
            source.fault(format!("--config: {name}: {error}"));
            source
        }
    }
}

fn folder(source: &Source, flag: Option<&PathBuf>, variable: &str) -> Option<PathBuf> {
    flag.cloned()
        .or_else(|| source.variable(variable).map(PathBuf::from))
}

fn read_frontend(source: &mut Source, args: &ServeArgs) -> Option<PathBuf> {
    let frontend = folder(source, args.frontend.as_ref(), "SQUARETABLE_FRONTEND")?;
    if !frontend.is_dir() {
        let name = if args.frontend.is_some() {
            "--frontend"
        } else {
            "SQUARETABLE_FRONTEND"
        };
        source.fault(format!("{name}: {} is no folder", frontend.display()));
    }
    Some(frontend)
}

fn read_master_key(source: &mut Source, variable: &str) -> Option<Secret<String>> {
    let text = source.variable(variable)?;
    let text = text.trim();
    if hex::decode(text).is_ok_and(|key| key.len() == 32) {
        return Some(Secret::new(text.to_owned()));
    }
    source.fault(format!("{variable}: expected 64 hexadecimal digits"));
    None
}

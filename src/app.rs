//! What every request shares. Exposes no connection pool: stored data is reached through a tenant.

mod start;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::FromRef;
use bytes::Bytes;
use moka::future::Cache;
use sqlx::postgres::PgConnectOptions;

use crate::accounts::Accounts;
use crate::api::web::pages::Pages;
use crate::cache::Redis;
use crate::config::Config;
use crate::content::DefaultContent;
use crate::error::Result;
use crate::frontend::Frontend;
use crate::git::Git;
use crate::keys::MasterKey;
use crate::long_reads::LongReads;
use crate::middleware::csrf::CsrfPolicy;
use crate::middleware::limits::RequestLimits;
use crate::models::Models;
use crate::oidc::Oidc;
use crate::policy::Policies;
use crate::providers::relay::Relay;
use crate::providers::text::horde;
use crate::providers::translate::bing::Bing;
use crate::snapshots::Autosaves;
use crate::stack;
use crate::store::accounts::{self, User};
use crate::store::{Db, TenantId};
use crate::tenant::Tenant;
use crate::tokenizers::vocabularies::Vocabularies;
use crate::upgrades;

/// Handle of the account that exists always, and that everyone is while accounts are off.
pub const DEFAULT_USER: &str = "default-user";

/// Shared state; a clone is a reference.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    config: Config,
    db: Db,
    keys: MasterKey,
    frontend: Frontend,
    content: DefaultContent,
    relay: Relay,
    untrusted_relay: Relay,
    vocabularies: Vocabularies,
    models: Models,
    uploads: PathBuf,
    git: Git,
    system_tenant: TenantId,
    pages: Arc<Pages>,
    csrf: Arc<CsrfPolicy>,
    not_found_page: Bytes,
    default_user: Arc<User>,
    accounts: Accounts,
    redis: Option<Redis>,
    limits: Arc<RequestLimits>,
    policies: Policies,
    oidc: Option<Oidc>,
    /// The database without the quotas that the others go by, for what the server itself gives.
    unlimited: Db,
    /// Tenants whose content this process has looked at: once is enough, the content changes with the installation.
    seeded: Cache<TenantId, ()>,
    autosaves: Autosaves,
    long_reads: LongReads,
    cacheable_models: Cache<String, ()>,
    horde: horde::Lists,
    bing: Bing,
}

impl App {
    /// Connects to the database, migrates it, and makes the default user with its content.
    ///
    /// # Errors
    /// Whatever keeps the server from serving, with its cause.
    pub async fn new(mut config: Config, database: PgConnectOptions) -> anyhow::Result<Self> {
        start::complete_whitelist(&mut config).await;
        let frontend = Frontend::open(&config.frontend)?;
        let content = DefaultContent::load(&frontend.default_content())?;
        let keys = MasterKey::of(&config)?;
        let uploads = config.data_dir.join("_uploads");
        start::empty_folder(&uploads)?;
        let relay = Relay::new(&config.upstream)?;
        let untrusted_relay = relay.untrusted(&config.upstream)?;
        let db = Db::connect(database, config.database.max_connections).await?;
        let system_tenant = accounts::system_tenant(&db).await?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let git = Git::new(&uploads, path, config.content.extensions.limits);
        let tenant = start::open_default_tenant(&config, &db, &keys, &content).await?;
        let default_user = Arc::new(start::without_accounts(tenant.user()));
        let pages = Arc::new(start::open_pages(&config, &frontend, &content));
        let csrf = CsrfPolicy {
            enabled: !config.http.disable_csrf,
            is_proxy_open: config.http.cors_proxy,
        };
        let not_found_page = start::read_error_page(&config.data_dir, &content, "url-not-found.html").into();
        let redis = start::redis(&config)?;
        let accounts = start::open_accounts(&config, &db, &keys, redis.as_ref());
        let limits = RequestLimits::new(&config.limits, redis.as_ref(), stack::counting_headers(&config));
        let oidc = config.accounts.oidc.clone();
        let oidc = oidc.map(|oidc| Oidc::new(oidc, &config.upstream)).transpose()?;
        let policies = start::open_policies(&config, &db, &relay, system_tenant).await?;
        Ok(Self(Arc::new(Inner {
            long_reads: LongReads::new(config.database.max_connections),
            vocabularies: start::open_vocabularies(&config, &frontend, &relay),
            models: start::open_models(&config, &relay),
            db: db.with_quotas(&config.limits.quotas),
            config,
            unlimited: db,
            keys,
            frontend,
            content,
            relay,
            untrusted_relay,
            uploads,
            git,
            system_tenant,
            pages,
            csrf: Arc::new(csrf),
            not_found_page,
            default_user,
            accounts,
            redis,
            limits: Arc::new(limits),
            policies,
            oidc,
            seeded: Cache::new(100_000),
            autosaves: Autosaves::default(),
            cacheable_models: Cache::new(1000),
            horde: horde::Lists::default(),
            bing: Bing::default(),
        })))
    }

    /// The validated configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The keys that never enter the database.
    #[must_use]
    pub fn keys(&self) -> &MasterKey {
        &self.0.keys
    }

    /// The installed frontend.
    #[must_use]
    pub fn frontend(&self) -> &Frontend {
        &self.0.frontend
    }

    /// The default content that new tenants get.
    #[must_use]
    pub fn content(&self) -> &DefaultContent {
        &self.0.content
    }

    /// Models of OpenRouter's whose prompts can be cached, as its prices have said to this process.
    #[must_use]
    pub fn cacheable_models(&self) -> &Cache<String, ()> {
        &self.0.cacheable_models
    }

    /// All outbound traffic.
    #[must_use]
    pub fn relay(&self) -> &Relay {
        &self.0.relay
    }

    /// Tokenizers that are loaded on first use.
    #[must_use]
    pub fn vocabularies(&self) -> &Vocabularies {
        &self.0.vocabularies
    }

    /// Models that run inside the server.
    #[must_use]
    pub fn models(&self) -> &Models {
        &self.0.models
    }

    /// Outbound traffic to addresses that nobody vouches for, such as a link in a message.
    #[must_use]
    pub fn untrusted_relay(&self) -> &Relay {
        &self.0.untrusted_relay
    }

    /// Folder of uploads in flight; emptied at start.
    #[must_use]
    pub fn uploads(&self) -> &Path {
        &self.0.uploads
    }

    /// The AI Horde's lists, which are everybody's.
    #[must_use]
    pub fn horde(&self) -> &horde::Lists {
        &self.0.horde
    }

    /// What Bing's translator page handed out last.
    #[must_use]
    pub fn bing(&self) -> &Bing {
        &self.0.bing
    }

    /// The system's git.
    #[must_use]
    pub fn git(&self) -> &Git {
        &self.0.git
    }

    /// Whose the things of the whole installation are; see [`Tenant::shared`].
    pub(crate) fn system_tenant(&self) -> TenantId {
        self.0.system_tenant
    }

    /// Pages and static files of the frontend.
    #[must_use]
    pub fn pages(&self) -> &Arc<Pages> {
        &self.0.pages
    }

    /// When a CSRF token is asked for.
    #[must_use]
    pub fn csrf(&self) -> &Arc<CsrfPolicy> {
        &self.0.csrf
    }

    /// Who saved settings lately.
    #[must_use]
    pub fn autosaves(&self) -> &Autosaves {
        &self.0.autosaves
    }

    /// How many answers may hold a database connection while they are sent.
    #[must_use]
    pub fn long_reads(&self) -> &LongReads {
        &self.0.long_reads
    }

    /// The body of a 404 page.
    #[must_use]
    pub fn not_found_page(&self) -> Bytes {
        self.0.not_found_page.clone()
    }

    /// The deployment's own error page of this name, else the shipped one, else nothing.
    #[must_use]
    pub fn error_page(&self, name: &str) -> String {
        start::read_error_page(&self.0.config.data_dir, &self.0.content, name)
    }

    /// The database, for the start, the end and readiness; handlers take a [`Tenant`].
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The account that everyone is while accounts are off.
    #[must_use]
    pub(crate) fn default_user(&self) -> Arc<User> {
        self.0.default_user.clone()
    }

    /// Accounts, passwords and sessions.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// Redis, where it is configured.
    pub(crate) fn redis(&self) -> Option<&Redis> {
        self.0.redis.as_ref()
    }

    /// Requests a minute.
    #[must_use]
    pub fn limits(&self) -> &Arc<RequestLimits> {
        &self.0.limits
    }

    /// The provider that logs users in, where one is configured.
    #[must_use]
    pub fn oidc(&self) -> Option<&Oidc> {
        self.0.oidc.as_ref()
    }

    /// What the administrator allows everybody.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.0.policies
    }

    /// Brings a tenant's old data up to date and gives it its content, when this process first sees it.
    pub(crate) async fn prepare(&self, user: &Arc<User>) -> Result<()> {
        if self.0.seeded.contains_key(&user.tenant) {
            return Ok(());
        }
        let tenant = Tenant::of(self.0.unlimited.clone(), user.clone());
        upgrades::run(&tenant, &self.0.keys, &self.0.content).await?;
        if !self.0.config.content.skip_content_check {
            self.0.content.seed(&tenant, &self.0.keys).await?;
        }
        start::begin_counting(&self.0.config, &tenant).await?;
        self.0.seeded.insert(user.tenant, ()).await;
        Ok(())
    }
}

impl FromRef<App> for Arc<Pages> {
    fn from_ref(app: &App) -> Self {
        app.pages().clone()
    }
}

impl FromRef<App> for Arc<CsrfPolicy> {
    fn from_ref(app: &App) -> Self {
        app.csrf().clone()
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

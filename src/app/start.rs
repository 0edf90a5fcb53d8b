//! What the server makes of its configuration and its folders before it serves.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use chrono::Utc;

use super::DEFAULT_USER;
use crate::accounts::{Accounts, Limits};
use crate::api::web::pages::{Pages, Version};
use crate::api::web::static_files::{StaticFiles, UserCss};
use crate::cache::Redis;
use crate::config::Config;
use crate::config::ip_pattern::IpPattern;
use crate::content::DefaultContent;
use crate::error::Result;
use crate::frontend::Frontend;
use crate::keys::MasterKey;
use crate::models::Models;
use crate::policy::Policies;
use crate::providers::relay::Relay;
use crate::sessions::Sessions;
use crate::snapshots;
use crate::store::accounts::{NewUser, User};
use crate::store::{Db, TenantId, quotas};
use crate::tenant::Tenant;
use crate::tokenizers::vocabularies::Vocabularies;
use crate::upgrades;

/// Redis, where it is configured.
pub(super) fn redis(config: &Config) -> anyhow::Result<Option<Redis>> {
    let url = config.database.redis_url.as_ref();
    url.map(|url| Redis::new(url.expose())).transpose()
}

/// Whether this is a container, as the original tells (npm `is-docker`).
fn is_container() -> bool {
    let groups = || std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Path::new("/.dockerenv").exists() || groups().contains("docker")
}

/// Puts the machine that runs this container on the IP whitelist, where that is in force (`whitelistDockerHosts`).
pub(super) async fn complete_whitelist(config: &mut Config) {
    let whitelist = &config.http.ip_whitelist;
    if whitelist.enabled && whitelist.docker_hosts && is_container() {
        add_docker_hosts(config).await;
    }
}

/// A name that the machine has not is logged.
async fn add_docker_hosts(config: &mut Config) {
    for host in ["host.docker.internal", "gateway.docker.internal"] {
        let upstream = &config.upstream;
        match upstream.lookup.resolve(host, upstream.dns_prefer_ipv6).await {
            Ok(found) => {
                let first = found.first().map(|address| address.ip().to_string());
                tracing::info!(host, address = first, "on the IP whitelist");
                let entry = first.and_then(|address| IpPattern::parse(&address));
                config.http.ip_whitelist.entries.extend(entry);
            }
            Err(error) => tracing::warn!(host, %error, "cannot be put on the IP whitelist"),
        }
    }
}

/// The frontend's own files, with the operator's style sheet.
pub(super) fn open_pages(config: &Config, frontend: &Frontend, content: &DefaultContent) -> Pages {
    let files = StaticFiles::new(frontend.public(), frontend.lib_js().map(Path::to_path_buf));
    files.set_user_css(read_user_css(&config.data_dir, content));
    Pages {
        files: Arc::new(files),
        has_accounts: config.accounts.enabled,
        version: Version::new(frontend.version(), frontend.git()),
    }
}

/// Accounts with what they stand on.
pub(super) fn open_accounts(config: &Config, db: &Db, keys: &MasterKey, redis: Option<&Redis>) -> Accounts {
    let life = config.http.session_timeout.cookie_age();
    let sessions = Sessions::new(db.clone(), redis.cloned(), life);
    let limits = Limits::new(&config.accounts.rate_limits, redis);
    Accounts::new(db.clone(), keys.clone(), sessions, limits)
}

/// The tokenizers that are files.
pub(super) fn open_vocabularies(config: &Config, frontend: &Frontend, relay: &Relay) -> Vocabularies {
    let relay = config.upstream.download_tokenizers.then(|| relay.clone());
    Vocabularies::new(frontend.tokenizers(), config.data_dir.join("_cache"), relay)
}

/// The models that run here, none of them loaded.
pub(super) fn open_models(config: &Config, relay: &Relay) -> Models {
    Models::new(
        config.models.clone(),
        config.data_dir.join("_cache"),
        relay.clone(),
    )
}

/// The administrator's policy, as it is now.
pub(super) async fn open_policies(
    config: &Config,
    db: &Db,
    relay: &Relay,
    system: TenantId,
) -> Result<Policies> {
    let policies = Policies::new(db.clone(), relay.hosts().clone(), &config.limits.quotas);
    policies.refresh(system).await?;
    Ok(policies)
}

/// Counts what a tenant holds from now on, where everybody is under a quota.
pub(super) async fn begin_counting(config: &Config, tenant: &Tenant) -> Result<()> {
    if config.limits.quotas.limits_storage() {
        let mut tx = tenant.begin().await?;
        quotas::measure(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The default user's tenant, made where there is none, its data up to date and its content given.
pub(super) async fn open_default_tenant(
    config: &Config,
    db: &Db,
    keys: &MasterKey,
    content: &DefaultContent,
) -> anyhow::Result<Tenant> {
    let (tenant, _) = Tenant::open(db, &default_account()).await?;
    upgrades::run(&tenant, keys, content)
        .await
        .context("cannot bring old data up to date")?;
    if !config.content.skip_content_check {
        content
            .seed(&tenant, keys)
            .await
            .context("cannot store the default content")?;
    }
    begin_counting(config, &tenant).await?;
    snapshots::take_at_start(&tenant, config.content.backups.number_of_backups).await?;
    Ok(tenant)
}

/// The default user as it is made on an empty database.
fn default_account() -> NewUser<'static> {
    NewUser {
        handle: DEFAULT_USER,
        name: "User",
        password: "",
        salt: "",
        admin: true,
        enabled: true,
        avatar: "",
        created_at: Utc::now(),
    }
}

/// compat: with accounts off the original answers these constants, whatever its account store says.
pub(super) fn without_accounts(user: &User) -> User {
    User {
        name: "User".to_owned(),
        password: String::new(),
        salt: String::new(),
        admin: true,
        enabled: true,
        created_at: Utc::now(),
        ..user.clone()
    }
}

/// The deployment's own error page, else the shipped one, else nothing.
pub(super) fn read_error_page(data_dir: &Path, content: &DefaultContent, name: &str) -> String {
    let own = std::fs::read_to_string(data_dir.join("_errors").join(name));
    own.or_else(|_| {
        content
            .of_kind("error_page", name)
            .map_or(Ok(String::new()), std::fs::read_to_string)
    })
    .unwrap_or_default()
}

/// The deployment's own `_css/user.css`, else the shipped one.
fn read_user_css(data_dir: &Path, content: &DefaultContent) -> Option<UserCss> {
    let own = data_dir.join("_css/user.css");
    let path = if own.is_file() {
        own
    } else {
        content.of_kind("stylesheet", "user.css")?
    };
    let modified = std::fs::metadata(&path).and_then(|meta| meta.modified()).ok()?;
    Some(UserCss {
        body: std::fs::read(&path).ok()?.into(),
        modified: modified.into(),
    })
}

/// Removes what an earlier process left behind, as the original does at its start.
pub(super) fn empty_folder(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_file() => std::fs::remove_file(entry.path())?,
            kind if kind.is_dir() => std::fs::remove_dir_all(entry.path())?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::resolver::Lookup;

    #[tokio::test]
    async fn the_machine_that_runs_a_container_is_listed() {
        let mut config = Config::default();
        let before = config.http.ip_whitelist.entries.len();
        config.upstream.lookup = Lookup::table(|host| match host {
            "host.docker.internal" => Ok(vec!["192.168.65.254:0".parse().unwrap()]),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        });
        add_docker_hosts(&mut config).await;
        let entries = &config.http.ip_whitelist.entries;
        assert_eq!(entries.len(), before + 1);
        let lists = |address: &str| {
            let address = address.parse().unwrap();
            entries.iter().any(|entry| entry.matches(address))
        };
        assert!(lists("192.168.65.254") && !lists("192.168.65.253"));
    }
}

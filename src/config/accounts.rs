//! Users, single sign-on and limits on guessing.

use super::ip_pattern::IpPattern;
use super::oidc::OidcConfig;
use super::source::Source;

/// Settings of user accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountsConfig {
    /// `enableUserAccounts`: several users who log in. Default false: every request is `default-user`.
    pub enabled: bool,
    /// `enableDiscreetLogin`: the login page lists no users. Default false.
    pub discreet_login: bool,
    /// `perUserBasicAuth`: basic authentication asks for an account's handle and password; counts only with
    /// accounts on. Default false.
    pub per_user_basic_auth: bool,
    /// `sso.*`.
    pub sso: SsoConfig,
    /// `rateLimiting.*`.
    pub rate_limits: RateLimits,
    /// `SQUARETABLE_OIDC_*`: login by a provider. Default none.
    pub oidc: Option<OidcConfig>,
}

/// Log-in by the header of a trusted reverse proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoConfig {
    /// `sso.autheliaAuth`: obey `Remote-User`. Default false.
    pub authelia: bool,
    /// `sso.authentikAuth`: obey `X-Authentik-Username`. Default false.
    pub authentik: bool,
    /// `sso.trustedProxies`: peers whose headers count; `*` is every peer. Default `::1`, `127.0.0.1`.
    pub trusted_proxies: Vec<IpPattern>,
}

/// Failed attempts allowed for one client address; 0 is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// `rateLimiting.preferRealIpHeader`: take the address from the enabled `forwardedHeaders`. Default false.
    pub prefer_real_ip_header: bool,
    /// `rateLimiting.basicAuthMaxAttempts`, per minute. Default 5.
    pub basic_auth: u32,
    /// `rateLimiting.accountsLoginMaxAttempts`. Default 5.
    pub login: u32,
    /// `rateLimiting.accountsRecoverMaxAttempts`. Default 5.
    pub recover: u32,
    /// `rateLimiting.accountsResetMaxAttempts`. Default 5.
    pub reset: u32,
}

impl Default for SsoConfig {
    fn default() -> Self {
        let trusted_proxies = ["::1", "127.0.0.1"]
            .into_iter()
            .filter_map(IpPattern::parse)
            .collect();
        Self {
            authelia: false,
            authentik: false,
            trusted_proxies,
        }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            prefer_real_ip_header: false,
            basic_auth: 5,
            login: 5,
            recover: 5,
            reset: 5,
        }
    }
}

impl AccountsConfig {
    pub(super) fn read(source: &mut Source) -> Self {
        let default = Self::default();
        Self {
            enabled: source.flag("enableUserAccounts", default.enabled),
            discreet_login: source.flag("enableDiscreetLogin", default.discreet_login),
            per_user_basic_auth: source.flag("perUserBasicAuth", default.per_user_basic_auth),
            sso: SsoConfig::read(source),
            rate_limits: RateLimits::read(source),
            oidc: OidcConfig::read(source),
        }
    }
}

impl SsoConfig {
    fn read(source: &mut Source) -> Self {
        let default = Self::default();
        let key = "sso.trustedProxies";
        let trusted_proxies = if source.is_set(key) {
            let entries = source.list(key, &[]);
            let (all, entries): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.trim() == "*");
            let mut patterns = source.parse_patterns(key, &entries);
            patterns.extend(all.first().map(|_| IpPattern::any()));
            patterns
        } else {
            default.trusted_proxies
        };
        Self {
            authelia: source.flag("sso.autheliaAuth", default.authelia),
            authentik: source.flag("sso.authentikAuth", default.authentik),
            trusted_proxies,
        }
    }
}

impl RateLimits {
    fn read(source: &mut Source) -> Self {
        let default = Self::default();
        Self {
            prefer_real_ip_header: source
                .flag("rateLimiting.preferRealIpHeader", default.prefer_real_ip_header),
            basic_auth: source.whole("rateLimiting.basicAuthMaxAttempts", default.basic_auth),
            login: source.whole("rateLimiting.accountsLoginMaxAttempts", default.login),
            recover: source.whole("rateLimiting.accountsRecoverMaxAttempts", default.recover),
            reset: source.whole("rateLimiting.accountsResetMaxAttempts", default.reset),
        }
    }
}

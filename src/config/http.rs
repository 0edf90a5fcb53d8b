//! The server's own door: addresses, who may enter, and what it answers across routes.

use std::path::Path;
use std::time::Duration;

use serde_yaml_ng::Value;

use super::ServeArgs;
use super::cache_buster::CacheBuster;
use super::ip_pattern::IpPattern;
use super::listen::{self, Listen};
use super::secret::Secret;
use super::source::Source;
use super::values::scalar_text;

/// Settings of the HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where the server accepts connections.
    pub listen: Listen,
    /// `ADMIN_PORT`: port of `GET /metrics` on the loopback interface. Default none: off.
    pub admin_port: Option<u16>,
    /// `cors.*`; `None` when `cors.enabled` is false.
    pub cors: Option<CorsConfig>,
    /// `hostWhitelist.*`.
    pub host_whitelist: HostWhitelist,
    /// `whitelistMode` and its companions.
    pub ip_whitelist: IpWhitelist,
    /// `basicAuthMode` and `basicAuthUser.*`; `None` when off. As in the original it is off, too, when the server
    /// listens on the loopback interface only.
    pub basic_auth: Option<BasicAuth>,
    /// `disableCsrfProtection`. Default false.
    pub disable_csrf: bool,
    /// `securityOverride`: start although nothing protects an open address. Default false.
    pub security_override: bool,
    /// `sessionTimeout`. Default [`SessionTimeout::Never`].
    pub session_timeout: SessionTimeout,
    /// `forwardedHeaders.*`.
    pub forwarded_headers: ForwardedHeaders,
    /// `enableCorsProxy`: serve `/proxy/`. Default false.
    pub cors_proxy: bool,
    /// `cacheBuster.*`; `None` when `cacheBuster.enabled` is false.
    pub cache_buster: Option<CacheBuster>,
    /// Largest request body of a known user, bytes: the original's 500 MiB.
    pub max_body_bytes: usize,
    /// Largest request body before log-in, bytes: 1 MiB.
    pub max_anonymous_body_bytes: usize,
}

/// Answers to requests from other origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsConfig {
    /// `cors.origin`. Default the list of one origin, `null`.
    pub origin: CorsOrigin,
    /// `cors.methods`. Default `OPTIONS`.
    pub methods: Vec<String>,
    /// `cors.allowedHeaders`. Default empty: those that the request asks for.
    pub allowed_headers: Vec<String>,
    /// `cors.exposedHeaders`. Default empty: no header sent.
    pub exposed_headers: Vec<String>,
    /// `cors.credentials`. Default false.
    pub credentials: bool,
    /// `cors.maxAge`, seconds. Default none: no header sent.
    pub max_age: Option<i64>,
}

/// Which origins `Access-Control-Allow-Origin` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigin {
    /// `*`.
    Any,
    /// The origin of the request, whatever it is (`true` in the file).
    Mirror,
    /// Always this text (a text in the file), with `Vary: Origin`.
    Fixed(String),
    /// The origin of the request if it is one of these (a list in the file), with `Vary: Origin`.
    Listed(Vec<String>),
}

/// Protection against DNS rebinding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostWhitelist {
    /// `hostWhitelist.enabled`. Default true, unlike the original's: without it any web page that one of its users visits
    /// can act on a server without accounts (CVE-2025-59159).
    pub enabled: bool,
    /// `hostWhitelist.scan`: log unknown `Host` values. Default true.
    pub scan: bool,
    /// `hostWhitelist.hosts`: names, or `.suffix` for all below. Default empty; localhost and addresses always pass.
    pub hosts: Vec<String>,
}

/// Client addresses that may enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpWhitelist {
    /// `whitelistMode`. Default true.
    pub enabled: bool,
    /// `whitelist`, or the lines of a `whitelist.txt` beside the configuration file. Default `::1`, `127.0.0.1`.
    pub entries: Vec<IpPattern>,
    /// `enableForwardedWhitelist`: a forwarded address must be listed as well. Default true.
    pub check_forwarded: bool,
    /// `whitelistDockerHosts`: inside a container, `host.docker.internal` and `gateway.docker.internal` count as
    /// listed. Default true.
    pub docker_hosts: bool,
}

/// The one name and password of basic authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicAuth {
    /// `basicAuthUser.username`. Default `user`.
    pub username: String,
    /// `basicAuthUser.password`. Default `password`.
    pub password: Secret<String>,
}

/// How long a session lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionTimeout {
    /// 0 in the file: until the browser closes.
    BrowserSession,
    /// Negative in the file, the default: 400 days, the longest that browsers accept.
    #[default]
    Never,
    /// Positive in the file: this long without a sign of life.
    After(Duration),
}

impl SessionTimeout {
    /// The age of the cookie; `None` is a cookie without expiry.
    pub const fn cookie_age(self) -> Option<Duration> {
        match self {
            Self::BrowserSession => None,
            Self::Never => Some(Duration::from_secs(400 * 24 * 60 * 60)),
            Self::After(age) => Some(age),
        }
    }
}

/// Headers from which the address of a client is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedHeaders {
    /// `forwardedHeaders.xRealIp`. Default true.
    pub x_real_ip: bool,
    /// `forwardedHeaders.xForwardedFor`, of which the first address counts. Default true.
    pub x_forwarded_for: bool,
    /// `forwardedHeaders.cfConnectingIp`. Default false.
    pub cf_connecting_ip: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            admin_port: None,
            cors: Some(CorsConfig::default()),
            host_whitelist: HostWhitelist::default(),
            ip_whitelist: IpWhitelist::default(),
            basic_auth: None,
            disable_csrf: false,
            security_override: false,
            session_timeout: SessionTimeout::Never,
            forwarded_headers: ForwardedHeaders::default(),
            cors_proxy: false,
            cache_buster: None,
            max_body_bytes: 500 << 20,
            max_anonymous_body_bytes: 1 << 20,
        }
    }
}

impl Default for CorsConfig {
    fn default() -> Self {
        Self {
            origin: CorsOrigin::Listed(vec!["null".to_owned()]),
            methods: vec!["OPTIONS".to_owned()],
            allowed_headers: Vec::new(),
            exposed_headers: Vec::new(),
            credentials: false,
            max_age: None,
        }
    }
}

impl Default for HostWhitelist {
    fn default() -> Self {
        Self {
            enabled: true,
            scan: true,
            hosts: Vec::new(),
        }
    }
}

impl Default for IpWhitelist {
    fn default() -> Self {
        let entries = ["::1", "127.0.0.1"]
            .into_iter()
            .filter_map(IpPattern::parse)
            .collect();
        Self {
            enabled: true,
            entries,
            check_forwarded: true,
            docker_hosts: true,
        }
    }
}

impl Default for ForwardedHeaders {
    fn default() -> Self {
        Self {
            x_real_ip: true,
            x_forwarded_for: true,
            cf_connecting_ip: false,
        }
    }
}

impl HttpConfig {
    pub(super) fn read(source: &mut Source, args: &ServeArgs) -> Self {
        let default = Self::default();
        let listen = Listen::read(source, args);
        listen::check_tls(source, &listen);
        Self {
            admin_port: listen::admin_port(source, listen.port),
            cors: CorsConfig::read(source),
            host_whitelist: HostWhitelist::read(source),
            ip_whitelist: IpWhitelist::read(source, args.config.as_deref()),
            basic_auth: BasicAuth::read(source, listen.exposed),
            disable_csrf: source.flag("disableCsrfProtection", default.disable_csrf),
            security_override: source.flag("securityOverride", default.security_override),
            session_timeout: read_session_timeout(source),
            forwarded_headers: ForwardedHeaders::read(source),
            cors_proxy: source.flag("enableCorsProxy", default.cors_proxy),
            cache_buster: CacheBuster::read(source),
            listen,
            ..default
        }
    }
}

impl CorsConfig {
    fn read(source: &mut Source) -> Option<Self> {
        let default = Self::default();
        let enabled = source.flag("cors.enabled", true);
        let config = Self {
            origin: CorsOrigin::read(source).unwrap_or(default.origin),
            methods: source.list("cors.methods", &default.methods),
            allowed_headers: source.list("cors.allowedHeaders", &default.allowed_headers),
            exposed_headers: source.list("cors.exposedHeaders", &default.exposed_headers),
            credentials: source.flag("cors.credentials", default.credentials),
            max_age: source.whole_or_none("cors.maxAge"),
        };
        enabled.then_some(config)
    }
}

impl CorsOrigin {
    /// compat: from the environment this key is always a text, never JSON.
    fn read(source: &mut Source) -> Option<Self> {
        let (name, value, _) = source.raw("cors.origin")?;
        match value {
            Value::Null => None,
            Value::Bool(true) => Some(Self::Mirror),
            Value::Bool(false) => Some(Self::Any),
            Value::String(text) if text.is_empty() || text == "*" => Some(Self::Any),
            Value::String(text) => Some(Self::Fixed(text)),
            Value::Sequence(items) => match items.iter().map(scalar_text).collect() {
                Some(origins) => Some(Self::Listed(origins)),
                None => {
                    source.fault(format!("{name}: expected a list of texts"));
                    None
                }
            },
            _ => {
                source.fault(format!("{name}: expected an origin or a list of origins"));
                None
            }
        }
    }
}

impl HostWhitelist {
    fn read(source: &mut Source) -> Self {
        let default = Self::default();
        Self {
            enabled: source.flag("hostWhitelist.enabled", default.enabled),
            scan: source.flag("hostWhitelist.scan", default.scan),
            hosts: source.list("hostWhitelist.hosts", &default.hosts),
        }
    }
}

impl IpWhitelist {
    fn read(source: &mut Source, config: Option<&Path>) -> Self {
        let default = Self::default();
        let entries = source.patterns("whitelist", &default.entries);
        Self {
            enabled: source.flag("whitelistMode", default.enabled),
            entries: old_whitelist(source, config).unwrap_or(entries),
            check_forwarded: source.flag("enableForwardedWhitelist", default.check_forwarded),
            docker_hosts: source.flag("whitelistDockerHosts", default.docker_hosts),
        }
    }
}

/// compat: a `whitelist.txt` of old installations replaces the list.
fn old_whitelist(source: &mut Source, config: Option<&Path>) -> Option<Vec<IpPattern>> {
    let path = config?.with_file_name("whitelist.txt");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            source.fault(format!("{}: {error}", path.display()));
            return None;
        }
    };
    source.warn(format!(
        "whitelist: {} is read instead; move its lines to the key",
        path.display()
    ));
    let lines: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    Some(source.parse_patterns("whitelist.txt", &lines))
}

impl BasicAuth {
    fn read(source: &mut Source, exposed: bool) -> Option<Self> {
        let enabled = source.flag("basicAuthMode", false);
        let username = source.text("basicAuthUser.username", "user");
        let password = source.text("basicAuthUser.password", "password");
        if !enabled {
            return None;
        }
        if !exposed {
            source
                .warn("basicAuthMode: has no effect while the server listens on the loopback interface only");
            return None;
        }
        if username.is_empty() || password.is_empty() {
            source.warn("basicAuthUser: the name or the password is empty");
        } else if username == "user" && password == "password" {
            source
                .warn("basicAuthUser: the name and password are the ones every SillyTavern is shipped with");
        }
        Some(Self {
            username,
            password: Secret::new(password),
        })
    }
}

fn read_session_timeout(source: &mut Source) -> SessionTimeout {
    match source.whole("sessionTimeout", -1_i64) {
        0 => SessionTimeout::BrowserSession,
        seconds => u64::try_from(seconds).map_or(SessionTimeout::Never, |seconds| {
            SessionTimeout::After(Duration::from_secs(seconds))
        }),
    }
}

impl ForwardedHeaders {
    fn read(source: &mut Source) -> Self {
        let default = Self::default();
        Self {
            x_real_ip: source.flag("forwardedHeaders.xRealIp", default.x_real_ip),
            x_forwarded_for: source.flag("forwardedHeaders.xForwardedFor", default.x_forwarded_for),
            cf_connecting_ip: source.flag("forwardedHeaders.cfConnectingIp", default.cf_connecting_ip),
        }
    }
}

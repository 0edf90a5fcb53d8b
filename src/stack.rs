//! From the configuration to the layers around the routes (`middleware/mod.rs` states their order and why).

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::config::Config;
use crate::config::http::{CorsConfig, CorsOrigin, HttpConfig};
use crate::middleware::Outside;
use crate::middleware::access_log::AccessLog;
use crate::middleware::basic_auth::{BasicAuth, Credentials, Users};
use crate::middleware::body::{self, BodyLimits};
use crate::middleware::client_ip::ForwardedHeaders;
use crate::middleware::cors::{CorsPolicy, Origins};
use crate::middleware::host_whitelist::HostPolicy;
use crate::middleware::rate_limit::RateLimiter;
use crate::middleware::session::SessionPolicy;
use crate::middleware::whitelist::Whitelist;

/// What failures of basic authentication are counted in.
const MINUTE: Duration = Duration::from_secs(60);

/// The layers outside user resolution, as configured.
#[must_use]
pub fn outside(app: &App) -> Outside {
    let http = &app.config().http;
    let exposed = http.listen.exposed;
    let forwarded = forwarded(http);
    let access_log = (exposed && app.config().log.access_log).then(|| {
        Arc::new(AccessLog::new(
            app.config().data_dir.join("access.log"),
            forwarded,
            app.config().accounts.enabled,
        ))
    });
    Outside {
        limits: app.limits().clone(),
        session: Arc::new(session(app)),
        body: BodyLimits {
            patience: body::PATIENCE,
            anonymous: http.max_anonymous_body_bytes,
            known: http.max_body_bytes,
        },
        cors: http.cors.as_ref().map(|cors| Arc::new(cors_policy(cors))),
        basic_auth: http.basic_auth.as_ref().filter(|_| exposed).map(|user| {
            let accounts = &app.config().accounts;
            let users = if accounts.enabled && accounts.per_user_basic_auth {
                Users::Accounts(app.clone())
            } else {
                Users::One(Credentials {
                    username: user.username.clone(),
                    password: user.password.expose().clone(),
                })
            };
            Arc::new(BasicAuth::new(
                users,
                app.error_page("unauthorized.html"),
                counted_by(app),
                RateLimiter::new(
                    "basic",
                    accounts.rate_limits.basic_auth,
                    MINUTE,
                    app.redis().cloned(),
                ),
            ))
        }),
        whitelist: http.ip_whitelist.enabled.then(|| {
            Arc::new(Whitelist {
                patterns: http.ip_whitelist.entries.clone(),
                forwarded: http.ip_whitelist.check_forwarded.then_some(forwarded),
                page: app.error_page("forbidden-by-whitelist.html"),
            })
        }),
        hosts: Arc::new(HostPolicy::new(
            http.host_whitelist.enabled,
            http.host_whitelist.scan,
            http.host_whitelist.hosts.clone(),
            app.error_page("host-not-allowed.html"),
        )),
        access_log,
    }
}

/// The cookie is the same on every node: its name and its signature both come from the master key.
fn session(app: &App) -> SessionPolicy {
    let secret = app.keys().cookie_secret();
    SessionPolicy {
        name: squaretable_compat::cookie::session_name(&secret),
        secret,
        max_age: app.config().http.session_timeout.cookie_age(),
        secure: false,
    }
}

/// The forwarding headers by which failed attempts are counted (`rateLimiting.preferRealIpHeader`); `None`: the peer alone.
#[must_use]
pub fn counted_by(app: &App) -> Option<ForwardedHeaders> {
    counting_headers(app.config())
}

/// As [`counted_by`], before there is an [`App`].
#[must_use]
pub fn counting_headers(config: &Config) -> Option<ForwardedHeaders> {
    let prefers = config.accounts.rate_limits.prefer_real_ip_header;
    prefers.then(|| forwarded(&config.http))
}

fn forwarded(http: &HttpConfig) -> ForwardedHeaders {
    let from = &http.forwarded_headers;
    ForwardedHeaders {
        x_real_ip: from.x_real_ip,
        cf_connecting_ip: from.cf_connecting_ip,
        x_forwarded_for: from.x_forwarded_for,
    }
}

fn cors_policy(cors: &CorsConfig) -> CorsPolicy {
    CorsPolicy {
        origins: match &cors.origin {
            CorsOrigin::Any => Origins::Any,
            CorsOrigin::Mirror => Origins::Mirror,
            CorsOrigin::Fixed(origin) => Origins::Fixed(origin.clone()),
            CorsOrigin::Listed(origins) => Origins::Listed(origins.clone()),
        },
        methods: cors.methods.clone(),
        allowed_headers: cors.allowed_headers.clone(),
        exposed_headers: cors.exposed_headers.clone(),
        credentials: cors.credentials,
        max_age: cors.max_age,
    }
}

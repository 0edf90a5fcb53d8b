//! What happens before a handler, in this order; the first to object answers.
//!
//! 1. [`headers`]: security headers on every reply, and `HEAD` as `GET` without a body.
//! 2. [`compression`]
//! 3. [`response_time`]
//! 4. [`etag`]: tags and 304. It sees each body before compression does.
//! 5. [`session`]: reads the cookie, and [`user::identify`] finds its user. The original does this at step 11; nothing can
//!    be told apart from outside, and the body limit needs to know whether a user is logged in. [`limits`] counts before
//!    and after it, where that is configured: by address first, which asks no database, then by user.
//! 6. [`body`]: a malformed body is 400 whatever else is wrong with the request.
//! 7. [`cors`]: answers every `OPTIONS`, before any authentication.
//! 8. [`basic_auth`], then 9. [`whitelist`], then 10. [`host_whitelist`], then 11. [`access_log`]: who may connect.
//! 12. [`user::resolve`]: a session older than its account's password is 403 on any path.
//! 13. [`cache_buster`], which only adds a header, then [`csrf`]
//! 14. static files of the frontend ([`crate::api::web::static_files`]): open to everyone, and before any route, so that
//!     a global extension's file wins over a user's own.
//! 15. [`case`]: the path as routes have it.
//!
//! The login gate is not here: it belongs to the private routes ([`crate::router`]), and so do the gate of service tokens
//! ([`token::check`]) and [`outbound`], which judges requests that go to providers.

pub mod access_log;
pub mod basic_auth;
pub mod body;
pub mod cache_buster;
pub mod case;
pub mod client_ip;
pub mod compression;
pub mod cors;
pub mod csrf;
pub mod etag;
pub mod form;
pub mod headers;
pub mod host_whitelist;
pub mod limits;
pub mod outbound;
pub mod rate_limit;
pub mod response_time;
pub mod session;
pub mod token;
pub mod user;
pub mod whitelist;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};

use crate::api::web::static_files::{self, StaticFiles};

use access_log::AccessLog;
use basic_auth::BasicAuth;
use body::BodyLimits;
use cors::CorsPolicy;
use csrf::CsrfPolicy;
use host_whitelist::HostPolicy;
use limits::RequestLimits;
use session::SessionPolicy;
use whitelist::Whitelist;

/// The layers inside user resolution: CSRF, static files, path normalisation, then `routes` with its state applied.
pub fn inside(routes: Router, csrf: Arc<CsrfPolicy>, files: Arc<StaticFiles>) -> Router {
    Router::new()
        // As a fallback, so that the path is normalised before the routes are looked at.
        .fallback_service(routes)
        .layer(from_fn(case::normalise))
        .layer(from_fn_with_state(files, static_files::serve))
        .layer(from_fn_with_state(csrf, csrf::check))
}

/// The layers outside user resolution. `None` is a step that is off.
#[derive(Clone)]
pub struct Outside {
    /// Requests a minute.
    pub limits: Arc<RequestLimits>,
    /// The session cookie.
    pub session: Arc<SessionPolicy>,
    /// Largest bodies.
    pub body: BodyLimits,
    /// `cors.*`, when enabled.
    pub cors: Option<Arc<CorsPolicy>>,
    /// `basicAuthMode`, when listening.
    pub basic_auth: Option<Arc<BasicAuth>>,
    /// `whitelistMode`.
    pub whitelist: Option<Arc<Whitelist>>,
    /// `hostWhitelist.*`.
    pub hosts: Arc<HostPolicy>,
    /// The access log, when listening.
    pub access_log: Option<Arc<AccessLog>>,
}

impl Outside {
    /// Wraps what [`inside`] made, with user resolution added by the caller; `identify` adds the step that finds the
    /// user, right inside the session.
    pub fn wrap(self, router: Router, identify: impl FnOnce(Router) -> Router) -> Router {
        let mut router = router;
        if let Some(log) = self.access_log {
            router = router.layer(from_fn_with_state(log, access_log::record));
        }
        router = router.layer(from_fn_with_state(self.hosts, host_whitelist::check));
        if let Some(whitelist) = self.whitelist {
            router = router.layer(from_fn_with_state(whitelist, whitelist::check));
        }
        if let Some(auth) = self.basic_auth {
            router = router.layer(from_fn_with_state(auth, basic_auth::check));
        }
        if let Some(policy) = self.cors {
            router = router.layer(from_fn_with_state(policy, cors::apply));
        }
        let known = router
            .layer(from_fn_with_state(self.body, body::parse))
            .layer(from_fn_with_state(self.limits.clone(), limits::by_user));
        identify(known)
            .layer(from_fn_with_state(self.limits, limits::by_address))
            .layer(from_fn_with_state(self.session, session::attach))
            .layer(from_fn(etag::tag))
            .layer(from_fn(response_time::measure))
            .layer(from_fn(compression::announce))
            .layer(compression::layer())
            .layer(from_fn(headers::head))
            .layer(from_fn(headers::security))
    }
}

#[cfg(test)]
mod tests;

//! Tells browsers to drop what they cached (`cacheBuster.*`): each of them once, at its first page, and whenever a
//! picture changed under its name.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use moka::sync::Cache;

use crate::app::DEFAULT_USER;
use crate::config::cache_buster::CacheBuster;
use crate::tenant::CurrentUser;

/// Browsers that are remembered. One that is forgotten loads its pictures once more.
const REMEMBERED: u64 = 100_000;

const CLEAR: HeaderName = HeaderName::from_static("clear-site-data");

/// Response extension: a picture changed under its name.
#[derive(Clone, Copy, Debug)]
struct PictureChanged;

/// Marks an answer after which the browser's copy of a picture is out of date.
pub fn picture_changed(response: &mut Response) {
    response.extensions_mut().insert(PictureChanged);
}

/// Which browsers are told, and which were.
#[derive(Debug)]
pub struct Policy {
    config: CacheBuster,
    /// Hashes of accounts and browsers.
    seen: Cache<[u8; 32], ()>,
}

impl Policy {
    /// As configured; nobody was told yet.
    #[must_use]
    pub fn new(config: CacheBuster) -> Self {
        Self {
            config,
            seen: Cache::new(REMEMBERED),
        }
    }

    /// Whether this is the first visit of an account's browser.
    fn is_first(&self, handle: &str, agent: &[u8]) -> bool {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(handle.len() as u64).to_le_bytes());
        hasher.update(handle.as_bytes()).update(agent);
        let entry = self.seen.entry(*hasher.finalize().as_bytes());
        entry.or_insert(()).is_fresh()
    }

    fn tells(&self, agent: &[u8]) -> bool {
        let pattern = self.config.user_agent.as_ref();
        pattern.is_none_or(|pattern| pattern.is_in(agent))
    }
}

/// Adds `Clear-Site-Data` to the first answer of `GET /` to a browser, and to those of [`picture_changed`].
pub async fn apply(State(policy): State<Arc<Policy>>, request: Request, next: Next) -> Response {
    let agent = request.headers().get(USER_AGENT);
    let agent = agent.map_or_else(Vec::new, |agent| agent.as_bytes().to_vec());
    let is_page = request.method() == Method::GET && request.uri().path() == "/";
    let user = request.extensions().get::<CurrentUser>();
    let handle = user.map_or(DEFAULT_USER, |user| &user.0.handle);
    let is_first_page = is_page && policy.is_first(handle, &agent);
    let mut response = next.run(request).await;
    let is_due = is_first_page || response.extensions().get::<PictureChanged>().is_some();
    if is_due && policy.tells(&agent) {
        let value = HeaderValue::from_static("\"cache\"");
        response.headers_mut().insert(CLEAR, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_browser_of_each_account_is_first_once() {
        let policy = Policy::new(CacheBuster::default());
        let first = |handle: &str, agent: &[u8]| policy.is_first(handle, agent);
        assert!(first("ada", b"Firefox"));
        assert!(!first("ada", b"Firefox"));
        assert!(first("ada", b"Chrome"));
        assert!(first("bob", b"Firefox"));
        assert!(first("adaF", b"irefox"));
        assert!(first("ada", b""));
        assert!(!first("ada", b""));
    }
}

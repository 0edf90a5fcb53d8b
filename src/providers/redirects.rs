//! Which redirects outbound requests follow.

use std::sync::Arc;

use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName};
use reqwest::redirect;

use super::address_filter::{AddressFilter, FilterError};
use super::allowed_hosts::AllowedHosts;

/// Redirects followed before giving up.
const MAX_REDIRECTS: usize = 20;

/// What requests a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    /// Nothing that a host must not see which another one redirects to; `Authorization` and cookies stay behind anyway.
    Nothing,
    /// A key in a header of its own, which would go along.
    Key,
}

impl Carries {
    /// What these headers carry.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let is_key = |name: &HeaderName| ["key", "token"].iter().any(|word| name.as_str().contains(word));
        if headers.keys().any(is_key) {
            Self::Key
        } else {
            Self::Nothing
        }
    }
}

/// Follows at most [`MAX_REDIRECTS`] redirects, none to a literal address the filter refuses or a host that is not allowed,
/// and none to another host with a key.
pub(super) fn follow(
    carries: Carries,
    filter: Option<Arc<AddressFilter>>,
    hosts: AllowedHosts,
) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > MAX_REDIRECTS {
            return attempt.error("too many redirects");
        }
        let is_public = |()| match &filter {
            Some(filter) => filter.check_url(attempt.url()),
            None => Ok(()),
        };
        let stays = |()| match attempt.url().host_str() {
            host if attempt.previous().iter().all(|url| url.host_str() == host) => Ok(()),
            host if carries == Carries::Key => {
                let host = host.unwrap_or_default();
                tracing::warn!(host, "blocked a redirect that takes a key to another host");
                Err(FilterError::Elsewhere(host.to_owned()))
            }
            _ => Ok(()),
        };
        match hosts.check(attempt.url()).and_then(is_public).and_then(stays) {
            Ok(()) => attempt.follow(),
            Err(error) => attempt.error(error),
        }
    })
}

/// Where a redirect leads that could not be followed because that is no address.
pub(super) fn unfollowed(response: &reqwest::Response) -> Option<String> {
    let location = response.headers().get(LOCATION)?;
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    is_redirect.then(|| String::from_utf8_lossy(location.as_bytes()).into_owned())
}

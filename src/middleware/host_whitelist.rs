//! The `Host` header check (`hostWhitelist.*`): a defence against DNS rebinding.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::reply;

/// Unknown hosts that are reported in the log, at most.
const REPORTED: usize = 1000;

/// Which hosts may be asked for.
#[derive(Debug)]
pub struct HostPolicy {
    enabled: bool,
    scan: bool,
    hosts: Vec<String>,
    page: String,
    seen: Mutex<HashSet<String>>,
}

impl HostPolicy {
    /// `enabled` refuses other hosts, `scan` only logs each of them once; `page` is the HTML of the refusal.
    pub fn new(enabled: bool, scan: bool, hosts: Vec<String>, page: String) -> Self {
        Self {
            enabled,
            scan,
            hosts,
            page,
            seen: Mutex::default(),
        }
    }

    /// Whether a `Host` value is allowed: localhost and its subdomains, any IP literal, a listed name, or a subdomain
    /// of a listed `.suffix`.
    pub fn allows(&self, host: &str) -> bool {
        let host = host.trim();
        if let Some(rest) = host.strip_prefix('[') {
            return rest.split_once(']').is_some_and(|(literal, port)| {
                literal.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.starts_with(':'))
            });
        }
        let scheme = host
            .split_once(':')
            .map_or("", |(scheme, _)| scheme)
            .to_ascii_lowercase();
        // compat: what desktop shells and browser extensions send. With the slashes, which the original does not ask for:
        // `file:8000` is a host of that name, and a network's own name server may say where it is.
        let is_shell = scheme == "file"
            || scheme
                .strip_suffix("-extension")
                .is_some_and(|name| !name.is_empty());
        if is_shell
            && host
                .get(scheme.len()..)
                .is_some_and(|rest| rest.starts_with("://"))
        {
            return true;
        }
        let name = host.split(':').next().unwrap_or(host);
        if name.parse::<Ipv4Addr>().is_ok() || name == "localhost" || name.ends_with(".localhost") {
            return true;
        }
        self.hosts.iter().any(|known| match known.strip_prefix('.') {
            Some(suffix) => name == suffix || name.ends_with(known.as_str()),
            None => name == known,
        })
    }

    fn report(&self, host: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < REPORTED && seen.insert(host.to_owned()) {
            tracing::warn!(%host, "request from an untrusted host: add it to hostWhitelist.hosts if you trust it");
        }
    }
}

/// Every host that a request names: in each `Host` header, and in its target where that is a whole address.
fn named(request: &Request) -> Vec<String> {
    let headers = request.headers().get_all(HOST).iter();
    let headers = headers.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let target = request.uri().authority().map(ToString::to_string);
    headers.chain(target).collect()
}

/// Answers 403 with the page when a host that the request names is not allowed. A request that names none passes.
pub async fn check(State(policy): State<Arc<HostPolicy>>, request: Request, next: Next) -> Response {
    let is_judged = policy.enabled || policy.scan;
    let mut refused = named(&request)
        .into_iter()
        .filter(|host| is_judged && !policy.allows(host));
    let Some(host) = refused.next() else {
        return next.run(request).await;
    };
    if policy.scan {
        policy.report(&host);
    }
    if !policy.enabled {
        return next.run(request).await;
    }
    let mut response = Response::new(Body::from(policy.page.clone()));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    reply::untag(response.extensions_mut());
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use tower::ServiceExt;

    fn policy(enabled: bool) -> HostPolicy {
        let hosts = vec!["st.example".to_owned(), ".lan.example".to_owned()];
        HostPolicy::new(enabled, true, hosts, "<p>no</p>".to_owned())
    }

    #[test]
    fn hosts_are_judged_as_the_original_does() {
        let policy = policy(true);
        for host in [
            "localhost:8000",
            "a.localhost",
            "127.0.0.1:8000",
            "[::1]:8000",
            "st.example",
            "st.example:1",
        ] {
            assert!(policy.allows(host), "{host}");
        }
        for host in ["lan.example", "a.lan.example", "moz-extension://x", "file://x"] {
            assert!(policy.allows(host), "{host}");
        }
        for host in [
            "evil.example",
            "a.st.example",
            "xlan.example",
            "[::1",
            "[host]",
            "[::1].evil.example",
            "file:8000",
            "x-extension:8000",
            "ST.example",
            "",
        ] {
            assert!(!policy.allows(host), "{host}");
        }
    }

    #[tokio::test]
    async fn refusal_is_only_for_enabled_policies() {
        for (enabled, expected) in [(true, StatusCode::FORBIDDEN), (false, StatusCode::OK)] {
            let router =
                Router::new()
                    .fallback(|| async { "in" })
                    .layer(axum::middleware::from_fn_with_state(
                        Arc::new(policy(enabled)),
                        check,
                    ));
            let request = Request::get("/")
                .header(HOST, "evil.example")
                .body(Body::empty())
                .unwrap();
            assert_eq!(router.oneshot(request).await.unwrap().status(), expected);
        }
    }
}

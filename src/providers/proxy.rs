//! The outbound proxy (`requestProxy`) and which destinations bypass it.

use std::fmt;

use anyhow::{Context, bail};
use reqwest::Url;

use crate::config::upstream::RequestProxy;

/// The proxy in force.
pub(super) struct ProxyRule {
    pub(super) url: Url,
    bypass: Vec<Bypass>,
}

/// One destination that bypasses the proxy.
struct Bypass {
    /// Host, or the end of the host when `is_suffix`.
    host: String,
    is_suffix: bool,
    port: Option<u16>,
}

impl fmt::Debug for ProxyRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ProxyRule").finish_non_exhaustive()
    }
}

impl ProxyRule {
    /// Reads the configuration. A missing or malformed address means no proxy, and is logged.
    ///
    /// # Errors
    /// When the address is well-formed but of a kind this server cannot use; going direct instead would leak.
    pub(super) fn new(config: &RequestProxy) -> anyhow::Result<Option<Self>> {
        let Ok(mut url) = Url::parse(config.url.expose()) else {
            tracing::error!("requestProxy.url is missing or invalid, no proxy is used");
            return Ok(None);
        };
        match url.scheme() {
            "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h" => {}
            // The name is resolved by the proxy, as the original's `socks` does.
            "socks" => {
                let address = url.as_str().replacen("socks:", "socks5h:", 1);
                url = Url::parse(&address).context("requestProxy.url")?;
            }
            scheme => bail!("requestProxy.url: proxies of type \"{scheme}\" are not supported"),
        }
        let entries = config
            .bypass
            .iter()
            .flat_map(|entry| entry.split([',', ' ', '\t']));
        let bypass = entries
            .filter(|entry| !entry.is_empty())
            .map(Bypass::parse)
            .collect();
        Ok(Some(Self { url, bypass }))
    }

    /// Whether requests to this address go through the proxy.
    pub(super) fn serves(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let port = url.port_or_known_default();
        !self.bypass.iter().any(|bypass| bypass.covers(&host, port))
    }

    /// Whether `name` is the proxy's own host.
    pub(super) fn is_host(&self, name: &str) -> bool {
        self.url
            .host_str()
            .is_some_and(|host| host.eq_ignore_ascii_case(name))
    }
}

impl Bypass {
    fn parse(entry: &str) -> Self {
        let (host, port) = match entry.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => (host, Some(port)),
            _ => (entry, None),
        };
        let host = host.to_ascii_lowercase();
        match host.strip_prefix('*') {
            Some(suffix) => Self {
                host: suffix.to_owned(),
                is_suffix: true,
                port,
            },
            None => Self {
                is_suffix: host.starts_with('.'),
                host,
                port,
            },
        }
    }

    fn covers(&self, host: &str, port: Option<u16>) -> bool {
        let is_host = if self.is_suffix {
            host.ends_with(&self.host)
        } else {
            host == self.host
        };
        is_host && (self.port.is_none() || self.port == port)
    }
}

#[cfg(test)]
mod tests {
    use super::{ProxyRule, RequestProxy};
    use crate::config::secret::Secret;

    fn rule(url: &str, bypass: &[&str]) -> anyhow::Result<Option<ProxyRule>> {
        let bypass = bypass.iter().map(|&entry| entry.to_owned()).collect();
        ProxyRule::new(&RequestProxy {
            url: Secret::new(url.to_owned()),
            bypass,
        })
    }

    #[test]
    fn bypass_follows_no_proxy() {
        let rule = rule(
            "http://u:p@proxy:3128",
            &["exact.com", ".dot.com,*star.com", "port.com:8080"],
        )
        .unwrap()
        .unwrap();
        let serves = |url: &str| rule.serves(&url.parse().unwrap());
        assert!(!serves("http://exact.com/") && serves("http://sub.exact.com/"));
        assert!(!serves("http://sub.dot.com/") && serves("http://dot.com/"));
        assert!(!serves("http://star.com/") && !serves("http://my-star.com/"));
        assert!(!serves("http://port.com:8080/") && serves("http://port.com/"));
        assert!(rule.is_host("PROXY") && !rule.is_host("proxy.com"));
    }

    #[test]
    fn an_unusable_proxy_is_an_error_and_a_missing_one_is_none() {
        assert!(rule("", &[]).unwrap().is_none());
        assert!(rule("pac+http://host/proxy.pac", &[]).is_err());
        assert_eq!(
            rule("socks://host:1080", &[]).unwrap().unwrap().url.scheme(),
            "socks5h"
        );
    }
}

//! Which hosts outbound requests may go to, as the administrator's policy says while the server runs.

use std::sync::{Arc, PoisonError, RwLock};

use reqwest::Url;

use super::address_filter::FilterError;

/// The hosts; all of them unless a list was set. A clone is the same list.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(Arc<RwLock<Option<Vec<String>>>>);

impl AllowedHosts {
    /// Replaces the list: `a.example` (any port), `a.example:8080`, `*.a.example` (what is below it); `None` allows all.
    pub fn set(&self, hosts: Option<Vec<String>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = hosts;
    }

    /// Refuses an address whose host is not allowed.
    ///
    /// # Errors
    /// [`FilterError::NotAllowed`].
    pub fn check(&self, url: &Url) -> Result<(), FilterError> {
        let hosts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(hosts) = hosts.as_ref() else {
            return Ok(());
        };
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_suffix('.').unwrap_or(host);
        if hosts.iter().any(|allowed| matches(allowed, host, url)) {
            return Ok(());
        }
        Err(FilterError::NotAllowed(host.to_owned()))
    }
}

fn matches(allowed: &str, host: &str, url: &Url) -> bool {
    let allowed = allowed.to_ascii_lowercase();
    if let Some(domain) = allowed.strip_prefix("*.") {
        return host
            .strip_suffix(domain)
            .is_some_and(|below| below.len() > 1 && below.ends_with('.'));
    }
    let port = url.port_or_known_default().unwrap_or_default();
    allowed == host || allowed == format!("{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_whole_and_domains_by_their_end() {
        let hosts = AllowedHosts::default();
        let allows = |address: &str| hosts.check(&Url::parse(address).unwrap()).is_ok();
        assert!(allows("http://anything.example/"));
        let list = ["API.a.example", "*.b.example", "127.0.0.1:5001", "[::1]"];
        hosts.set(Some(list.map(str::to_owned).to_vec()));
        for address in [
            "https://api.a.example/v1",
            "https://api.a.example:8443",
            "https://API.A.EXAMPLE./",
            "https://x.b.example",
            "https://x.y.b.example",
            "http://127.0.0.1:5001/api",
            "http://[::1]:9/",
        ] {
            assert!(allows(address), "{address}");
        }
        for address in [
            "https://a.example",
            "https://api.a.example.evil.example",
            "https://evil-api.a.example",
            "https://b.example",
            "https://evilb.example",
            "http://127.0.0.1:5002",
            "http://api.a.example@evil.example/",
        ] {
            assert!(!allows(address), "{address}");
        }
        hosts.set(Some(Vec::new()));
        assert!(!allows("https://api.a.example"));
    }
}

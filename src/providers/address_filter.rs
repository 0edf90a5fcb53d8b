//! Which addresses outbound requests may reach (`privateAddressWhitelist`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::BoxError;
use reqwest::Url;

use super::proxy::ProxyRule;
use crate::config::ip_pattern::IpPattern;
use crate::config::upstream::PrivateAddresses;

/// Why the filter refuses a destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A private address that no allowed range covers.
    #[error("Blocked request to private IP address: {0}")]
    Blocked(IpAddr),
    /// A host that the administrator's policy does not name.
    #[error("This server's administrator does not allow requests to {0}")]
    NotAllowed(String),
    /// Another host, to which a redirect would take a key.
    #[error("Blocked a redirect that takes a key to another host: {0}")]
    Elsewhere(String),
    /// A name without addresses.
    #[error(
        "Unable to resolve host: {0}. Set privateAddressWhitelist.allowUnresolvedHosts to true to bypass this check."
    )]
    Unresolved(String),
}

/// The filter in force. It is asked for literal addresses of request and redirect targets, and by the resolver
/// for those of names, so that the address checked is the address connected to.
pub(super) struct AddressFilter {
    allowed: Vec<IpPattern>,
    allow_unresolved_hosts: bool,
    log_blocked: bool,
    log_allowed: bool,
    proxy: Option<Arc<ProxyRule>>,
}

impl AddressFilter {
    /// The filter, or `None` when the configuration switches it off. The names of `proxy`'s own host are not judged.
    pub(super) fn new(config: &PrivateAddresses, proxy: Option<Arc<ProxyRule>>) -> Option<Arc<Self>> {
        config.enabled.then(|| {
            Arc::new(Self {
                allowed: config.allowed_ranges.clone(),
                allow_unresolved_hosts: config.allow_unresolved_hosts,
                log_blocked: config.log_blocked,
                log_allowed: config.log_allowed,
                proxy,
            })
        })
    }

    /// Refuses a target whose host is a literal private address, or the name that every system has for itself, whoever is
    /// going to connect to it. Other names are checked when they resolve; those that a proxy resolves are its own to judge.
    pub(super) fn check_url(&self, url: &Url) -> Result<(), FilterError> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let name = host.strip_suffix('.').unwrap_or(host);
        if name == "localhost" || name.ends_with(".localhost") {
            return self.check(Ipv4Addr::LOCALHOST.into());
        }
        host.parse().map_or(Ok(()), |address| self.check(address))
    }

    fn check(&self, address: IpAddr) -> Result<(), FilterError> {
        if !is_private(address) {
            return Ok(());
        }
        if self.allowed.iter().any(|range| range.matches(address)) {
            if self.log_allowed {
                tracing::info!(%address, "allowed a request to a private address");
            }
            return Ok(());
        }
        if self.log_blocked {
            tracing::warn!(%address, "blocked a request to a private address");
        }
        Err(FilterError::Blocked(address))
    }

    /// What may be connected to of the addresses that a lookup of `host` found. A proxy's own are not judged.
    pub(super) fn judge(
        &self,
        host: &str,
        found: std::io::Result<Vec<SocketAddr>>,
    ) -> Result<Vec<SocketAddr>, BoxError> {
        let found = match found {
            Err(error) if self.allow_unresolved_hosts => return Err(error.into()),
            found => found.unwrap_or_default(),
        };
        if self.proxy.as_ref().is_some_and(|proxy| proxy.is_host(host)) {
            return Ok(found);
        }
        Ok(self.permitted(host, found)?)
    }

    /// The addresses of `found` that may be connected to.
    pub(super) fn permitted(
        &self,
        host: &str,
        found: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, FilterError> {
        let mut refusal = FilterError::Unresolved(host.to_owned());
        let mut permitted = Vec::with_capacity(found.len());
        for address in found {
            match self.check(address.ip()) {
                Ok(()) => permitted.push(address),
                Err(error) => refusal = error,
            }
        }
        if permitted.is_empty() {
            Err(refusal)
        } else {
            Ok(permitted)
        }
    }
}

impl fmt::Debug for AddressFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AddressFilter")
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// Whether an address belongs to a network that is not the public internet. Stricter than the original, which
/// knows only loopback, the classic private ranges, link-local and unique local addresses.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(embedded) => is_private_v4(embedded),
            None => is_private_v6(address),
        },
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        // Protocol assignments, among them a cloud's metadata, and the relays of 6to4.
        || matches!(address.octets(), [192, 0, 0, _] | [192, 88, 99, _])
        // Another cloud's, which is public everywhere else.
        || address.octets() == [168, 63, 129, 16]
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        // Site-local, withdrawn but still routed by some networks.
        || (address.segments()[0] & 0xffc0) == 0xfec0
}

/// The IPv4 address a mapped, compatible, translated or tunnelled IPv6 address leads to.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // ::ffff:a.b.c.d, ::a.b.c.d, ::ffff:0:a.b.c.d
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => from(high, low),
        // NAT64: 64:ff9b::/96 and 64:ff9b:1::/48
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => from(high, low),
        // 6to4
        [0x2002, high, low, ..] => from(high, low),
        // Teredo: the client's address, inverted.
        [0x2001, 0, _, _, _, _, high, low] => from(!high, !low),
        // ISATAP
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => from(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{AddressFilter, FilterError, PrivateAddresses, is_private};

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn knows_private_networks_in_every_disguise() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "100.127.255.255",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.192",
            "192.88.99.1",
            "168.63.129.16",
            "2001:0:808:808::f5ff:fffe",
            "2001:4860::5efe:10.0.0.1",
            "2001:4860::200:5efe:10.0.0.1",
            "::1",
            "::",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "2002:c0a8:101::5",
        ] {
            assert!(is_private(address(text)), "{text}");
        }
        for text in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "192.0.1.1",
            "168.63.129.17",
            "2001:0:a00:1::f7f7:f7f7",
            "2001:4860::5efe:808:808",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(!is_private(address(text)), "{text}");
        }
    }

    #[test]
    fn checks_literal_hosts_in_any_notation() {
        let config = PrivateAddresses {
            enabled: true,
            ..PrivateAddresses::default()
        };
        let filter = AddressFilter::new(&config, None).unwrap();
        let check = |url: &str| filter.check_url(&url.parse().unwrap());
        assert_eq!(
            check("http://0xa.1/"),
            Err(FilterError::Blocked(address("10.0.0.1")))
        );
        assert_eq!(
            check("http://[::ffff:10.0.0.1]/"),
            Err(FilterError::Blocked(address("::ffff:10.0.0.1")))
        );
        assert_eq!(check("http://127.0.0.1:8080/"), Ok(()));
        assert_eq!(check("http://8.8.8.8/"), Ok(()));
        assert!(AddressFilter::new(&PrivateAddresses::default(), None).is_none());
    }

    #[test]
    fn resolved_names_keep_only_permitted_addresses() {
        let config = PrivateAddresses {
            enabled: true,
            allowed_ranges: Vec::new(),
            ..PrivateAddresses::default()
        };
        let filter = AddressFilter::new(&config, None).unwrap();
        let sockets = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        let mixed = filter
            .permitted("h", sockets(&["10.0.0.1:0", "8.8.8.8:0"]))
            .unwrap();
        assert_eq!(mixed, ["8.8.8.8:0".parse().unwrap()]);
        let blocked = filter.permitted("h", sockets(&["10.0.0.1:0"]));
        assert_eq!(blocked, Err(FilterError::Blocked(address("10.0.0.1"))));
        assert_eq!(
            filter.permitted("h", Vec::new()),
            Err(FilterError::Unresolved("h".to_owned()))
        );
    }
}

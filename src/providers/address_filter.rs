//! Which addresses outbound requests may reach (`privateAddressWhitelist`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::proxy::ProxyRule;

/// The configuration section `privateAddressWhitelist`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterConfig {
    /// Whether private addresses are blocked at all.
    pub enabled: bool,
    /// Private addresses that are allowed: addresses, CIDR ranges, or IPv4 with `*` for trailing parts.
    pub allowed_ranges: Vec<String>,
    /// Whether a name that does not resolve is left to fail by itself.
    pub allow_unresolved_hosts: bool,
    /// Whether blocked requests are logged.
    pub log_blocked: bool,
    /// Whether allowed requests to private addresses are logged.
    pub log_allowed: bool,
}

impl Default for FilterConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            allowed_ranges: vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()],
            allow_unresolved_hosts: false,
            log_blocked: true,
            log_allowed: false,
        }
    }
}

/// Why the filter refuses a destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A private address that no allowed range covers.
    #[error("Blocked request to private IP address: {0}")]
    Blocked(IpAddr),
    /// A name without addresses.
    #[error(
        "Unable to resolve host: {0}. Set privateAddressWhitelist.allowUnresolvedHosts to true to bypass this check."
    )]
    Unresolved(String),
}

/// The filter in force. It is asked for literal addresses of request and redirect targets, and resolves names
/// itself so that the address checked is the address connected to.
pub(super) struct AddressFilter {
    allowed: Vec<Range>,
    allow_unresolved_hosts: bool,
    log_blocked: bool,
    log_allowed: bool,
    proxy: Option<Arc<ProxyRule>>,
}

impl AddressFilter {
    /// The filter, or `None` when the configuration switches it off. Allowed ranges that do not parse are logged
    /// and ignored. Destinations that `proxy` serves are the proxy's to judge.
    pub(super) fn new(config: FilterConfig, proxy: Option<Arc<ProxyRule>>) -> Option<Arc<Self>> {
        let FilterConfig { enabled, allowed_ranges, allow_unresolved_hosts, log_blocked, log_allowed } = config;
        if !enabled {
            return None;
        }
        let allowed = allowed_ranges.iter().filter_map(|text| {
            let range = Range::parse(text);
            if range.is_none() {
                tracing::warn!(entry = %text, "ignoring an invalid entry of privateAddressWhitelist.allowedRanges");
            }
            range
        });
        let allowed = allowed.collect();
        Some(Arc::new(Self { allowed, allow_unresolved_hosts, log_blocked, log_allowed, proxy }))
    }

    /// Refuses a target whose host is a literal private address. Names are checked when they resolve.
    pub(super) fn check_url(&self, url: &Url) -> Result<(), FilterError> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse() {
            Ok(address) if !self.proxy.as_ref().is_some_and(|proxy| proxy.serves(url)) => self.check(address),
            _ => Ok(()),
        }
    }

    fn check(&self, address: IpAddr) -> Result<(), FilterError> {
        if !is_private(address) {
            return Ok(());
        }
        if self.allowed.iter().any(|range| range.contains(address)) {
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

    /// The addresses of `found` that may be connected to.
    fn permitted(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, FilterError> {
        let mut refusal = FilterError::Unresolved(host.to_owned());
        let mut permitted = Vec::with_capacity(found.len());
        for address in found {
            match self.check(address.ip()) {
                Ok(()) => permitted.push(address),
                Err(error) => refusal = error,
            }
        }
        if permitted.is_empty() { Err(refusal) } else { Ok(permitted) }
    }
}

impl fmt::Debug for AddressFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AddressFilter").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

/// The resolver of a client whose destinations are filtered.
pub(super) struct FilteringResolver(pub(super) Arc<AddressFilter>);

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let filter = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = match tokio::net::lookup_host((host, 0)).await {
                Ok(found) => found.collect(),
                Err(error) if filter.allow_unresolved_hosts => return Err(error.into()),
                Err(_) => Vec::new(),
            };
            let is_proxy = filter.proxy.as_ref().is_some_and(|proxy| proxy.is_host(host));
            let permitted = if is_proxy { found } else { filter.permitted(host, found)? };
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
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
        _ => None,
    }
}

/// A network range: the first `bits` bits of `base`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    base: IpAddr,
    bits: u32,
}

impl Range {
    /// Reads an address, `address/bits`, `address/netmask`, or an IPv4 pattern such as `192.168.*.*`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((base, suffix)) = text.split_once('/') {
            let base: IpAddr = base.parse().ok()?;
            let bits = match suffix.parse::<Ipv4Addr>() {
                Ok(mask) if base.is_ipv4() && (u32::from(mask).leading_ones() + u32::from(mask).trailing_zeros()) == 32 => {
                    u32::from(mask).leading_ones()
                }
                _ => suffix.parse().ok()?,
            };
            return (bits <= width(base)).then_some(Self { base, bits });
        }
        if text.contains('*') {
            return Self::parse_wildcard(text);
        }
        let base: IpAddr = text.parse().ok()?;
        Some(Self { base, bits: width(base) })
    }

    fn parse_wildcard(text: &str) -> Option<Self> {
        let mut octets = [0; 4];
        let parts: Vec<&str> = text.split('.').collect();
        let fixed = parts.iter().position(|part| *part == "*")?;
        if parts.len() != 4 || parts.iter().skip(fixed).any(|part| *part != "*") {
            return None;
        }
        for (octet, part) in octets.iter_mut().zip(parts.iter().take(fixed)) {
            *octet = part.parse().ok()?;
        }
        Some(Self { base: octets.into(), bits: 8 * u32::try_from(fixed).ok()? })
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                (u32::from(base) ^ u32::from(address)).leading_zeros() >= self.bits
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                (u128::from(base) ^ u128::from(address)).leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{AddressFilter, FilterConfig, FilterError, Range, is_private};

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn knows_private_networks_in_every_disguise() {
        for text in [
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "0.0.0.0",
            "100.64.0.1", "100.127.255.255", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fc00::1",
            "fd12::1", "fe80::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "::10.0.0.1", "::ffff:0:10.0.0.1",
            "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:c0a8:101::5",
        ] {
            assert!(is_private(address(text)), "{text}");
        }
        for text in [
            "8.8.8.8", "172.32.0.1", "100.128.0.1", "198.20.0.1", "223.255.255.255", "2606:4700::1111",
            "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
        ] {
            assert!(!is_private(address(text)), "{text}");
        }
    }

    #[test]
    fn ranges_parse_in_all_spellings() {
        let covers = |range: &str, text: &str| Range::parse(range).is_some_and(|range| range.contains(address(text)));
        assert!(covers("10.0.0.0/8", "10.255.0.1") && !covers("10.0.0.0/8", "11.0.0.1"));
        assert!(covers("10.0.0.0/255.255.0.0", "10.0.9.9") && !covers("10.0.0.0/255.255.0.0", "10.1.0.0"));
        assert!(covers("192.168.*.*", "192.168.7.7") && !covers("192.168.*.*", "192.169.0.1"));
        assert!(covers("10.0.0.5", "10.0.0.5") && !covers("10.0.0.5", "10.0.0.6"));
        assert!(covers("::1/128", "::1") && covers("0.0.0.0/0", "9.9.9.9") && covers("fc00::/7", "fd00::1"));
        for text in ["", "10.0.0.0/33", "10.0.0", "*.1.1.1", "10.0.0.0/255.0.255.0", "host", "::/129"] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }

    #[test]
    fn checks_literal_hosts_in_any_notation() {
        let config = FilterConfig { enabled: true, ..FilterConfig::default() };
        let filter = AddressFilter::new(config, None).unwrap();
        let check = |url: &str| filter.check_url(&url.parse().unwrap());
        assert_eq!(check("http://0xa.1/"), Err(FilterError::Blocked(address("10.0.0.1"))));
        assert_eq!(check("http://[::ffff:10.0.0.1]/"), Err(FilterError::Blocked(address("::ffff:10.0.0.1"))));
        assert_eq!(check("http://127.0.0.1:8080/"), Ok(()));
        assert_eq!(check("http://8.8.8.8/"), Ok(()));
        assert!(AddressFilter::new(FilterConfig::default(), None).is_none());
    }

    #[test]
    fn resolved_names_keep_only_permitted_addresses() {
        let config = FilterConfig { enabled: true, allowed_ranges: Vec::new(), ..FilterConfig::default() };
        let filter = AddressFilter::new(config, None).unwrap();
        let sockets = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        let mixed = filter.permitted("h", sockets(&["10.0.0.1:0", "8.8.8.8:0"])).unwrap();
        assert_eq!(mixed, ["8.8.8.8:0".parse().unwrap()]);
        let blocked = filter.permitted("h", sockets(&["10.0.0.1:0"]));
        assert_eq!(blocked, Err(FilterError::Blocked(address("10.0.0.1"))));
        assert_eq!(filter.permitted("h", Vec::new()), Err(FilterError::Unresolved("h".to_owned())));
    }
}

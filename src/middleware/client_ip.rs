//! Where a request comes from: the peer address and what proxies say about it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

/// Which forwarding headers are read (`forwardedHeaders.*`), in this order of preference.
#[derive(Clone, Copy, Debug)]
pub struct ForwardedHeaders {
    /// `X-Real-IP`
    pub x_real_ip: bool,
    /// `CF-Connecting-IP`
    pub cf_connecting_ip: bool,
    /// The first address of `X-Forwarded-For`
    pub x_forwarded_for: bool,
}

/// The address of the connection, IPv4-mapped IPv6 unmapped. `None` only where no connection is known (tests).
pub fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(address)| address.ip().to_canonical())
}

impl ForwardedHeaders {
    /// The client address a proxy reports, as sent: it may be anything the client wrote.
    pub fn reported(self, headers: &HeaderMap) -> Option<String> {
        let text = |name: &str| headers.get(name)?.to_str().ok().filter(|value| !value.is_empty());
        let real = text("x-real-ip").filter(|_| self.x_real_ip);
        let cloudflare = text("cf-connecting-ip").filter(|_| self.cf_connecting_ip);
        let forwarded = text("x-forwarded-for").filter(|_| self.x_forwarded_for);
        let first = forwarded.map(|list| list.split(',').next().unwrap_or(list).trim());
        real.or(cloudflare).or(first).map(str::to_owned)
    }
}

/// The client as a key for rate limits and logs: the peer, with `(forwarded: <reported>)` when a header is read.
pub fn describe(extensions: &Extensions, headers: &HeaderMap, forwarded: Option<ForwardedHeaders>) -> String {
    let peer = peer(extensions).map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
    match forwarded.and_then(|forwarded| forwarded.reported(headers)) {
        Some(reported) => format!("{peer} (forwarded: {reported})"),
        None => peer,
    }
}

/// What [`describe`] says, as uses are counted by: of IPv6 addresses the network of 64 bits, since whoever has one address of
/// it usually has them all.
pub fn network(described: &str) -> String {
    let folded = described.split(' ').map(|word| {
        let bare = word.trim_end_matches(')');
        match bare.parse::<Ipv6Addr>() {
            Ok(address) => {
                let network = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
                word.replacen(bare, &format!("{network}/64"), 1)
            }
            Err(_) => word.to_owned(),
        }
    });
    folded.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: ForwardedHeaders = ForwardedHeaders {
        x_real_ip: true,
        cf_connecting_ip: true,
        x_forwarded_for: true,
    };

    #[test]
    fn headers_are_read_in_order_and_only_when_enabled() {
        let mut headers = HeaderMap::new();
        assert_eq!(ALL.reported(&headers), None);
        headers.insert("x-forwarded-for", "10.0.0.1, 10.0.0.2".parse().unwrap());
        assert_eq!(ALL.reported(&headers).as_deref(), Some("10.0.0.1"));
        headers.insert("cf-connecting-ip", "10.0.0.3".parse().unwrap());
        assert_eq!(ALL.reported(&headers).as_deref(), Some("10.0.0.3"));
        headers.insert("x-real-ip", "10.0.0.4".parse().unwrap());
        assert_eq!(ALL.reported(&headers).as_deref(), Some("10.0.0.4"));
        let none = ForwardedHeaders {
            x_real_ip: false,
            cf_connecting_ip: false,
            x_forwarded_for: false,
        };
        assert_eq!(none.reported(&headers), None);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_client() {
        for (described, expected) in [
            ("10.1.2.3", "10.1.2.3"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8:0:0:ffff::2", "2001:db8::/64"),
            (
                "::1 (forwarded: 2001:db8:1::5)",
                "::/64 (forwarded: 2001:db8:1::/64)",
            ),
            ("::1 (forwarded: what it says)", "::/64 (forwarded: what it says)"),
            ("unknown", "unknown"),
        ] {
            assert_eq!(network(described), expected);
        }
    }

    #[test]
    fn the_peer_is_unmapped() {
        let mut extensions = Extensions::new();
        assert_eq!(describe(&extensions, &HeaderMap::new(), None), "unknown");
        let address: SocketAddr = "[::ffff:10.1.2.3]:80".parse().unwrap();
        extensions.insert(ConnectInfo(address));
        assert_eq!(describe(&extensions, &HeaderMap::new(), Some(ALL)), "10.1.2.3");
    }
}

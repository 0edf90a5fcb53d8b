//! Address patterns as SillyTavern's lists take them: one address, `*` parts, a subnet, a mask or a range.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A set of IP addresses written as one entry of `whitelist`, `sso.trustedProxies` or
/// `privateAddressWhitelist.allowedRanges`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpPattern {
    text: String,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Any,
    /// `bits` of the address under `mask` are equal.
    V4 {
        bits: u32,
        mask: u32,
    },
    V6 {
        bits: u128,
        mask: u128,
    },
    V4Range(u32, u32),
    V6Range(u128, u128),
}

impl IpPattern {
    /// The entry `*`, every address. Only `sso.trustedProxies` takes it; `parse` refuses it.
    pub fn any() -> Self {
        Self {
            text: "*".to_owned(),
            rule: Rule::Any,
        }
    }

    /// Reads `192.168.0.1`, `10.*.*.*`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.1-10.0.0.9` and the same
    /// in IPv6; `None` for anything else.
    pub fn parse(entry: &str) -> Option<Self> {
        let text = entry.trim();
        let rule = if let Some((address, suffix)) = text.split_once('/') {
            subnet(address, suffix)
        } else if let Some((first, last)) = text.split_once('-') {
            range(first.trim(), last.trim())
        } else {
            single(text)
        };
        rule.map(|rule| Self {
            text: text.to_owned(),
            rule,
        })
    }

    /// Whether `address` is in the set. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn matches(&self, address: IpAddr) -> bool {
        match (&self.rule, address.to_canonical()) {
            (Rule::Any, _) => true,
            (Rule::V4 { bits, mask }, IpAddr::V4(ip)) => ip.to_bits() & mask == *bits,
            (Rule::V6 { bits, mask }, IpAddr::V6(ip)) => ip.to_bits() & mask == *bits,
            (Rule::V4Range(first, last), IpAddr::V4(ip)) => (*first..=*last).contains(&ip.to_bits()),
            (Rule::V6Range(first, last), IpAddr::V6(ip)) => (*first..=*last).contains(&ip.to_bits()),
            _ => false,
        }
    }
}

impl fmt::Display for IpPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

fn subnet(address: &str, suffix: &str) -> Option<Rule> {
    match address.parse().ok()? {
        IpAddr::V4(ip) => {
            let mask = match suffix.parse::<u32>() {
                Ok(length) if length <= 32 => u32::MAX.checked_shl(32 - length).unwrap_or(0),
                Ok(_) => return None,
                Err(_) => suffix.parse::<Ipv4Addr>().ok()?.to_bits(),
            };
            Some(Rule::V4 {
                bits: ip.to_bits() & mask,
                mask,
            })
        }
        IpAddr::V6(ip) => {
            let mask = match suffix.parse::<u32>() {
                Ok(length) if length <= 128 => u128::MAX.checked_shl(128 - length).unwrap_or(0),
                Ok(_) => return None,
                Err(_) => suffix.parse::<Ipv6Addr>().ok()?.to_bits(),
            };
            Some(Rule::V6 {
                bits: ip.to_bits() & mask,
                mask,
            })
        }
    }
}

fn range(first: &str, last: &str) -> Option<Rule> {
    match (first.parse().ok()?, last.parse().ok()?) {
        (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
            Some(Rule::V4Range(first.to_bits(), last.to_bits()))
        }
        (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
            Some(Rule::V6Range(first.to_bits(), last.to_bits()))
        }
        _ => None,
    }
}

/// One address whose parts may be `*`; a whole `*` alone is no address.
fn single(text: &str) -> Option<Rule> {
    let filled = text.replace('*', "0").parse().ok()?;
    match filled {
        IpAddr::V4(ip) => {
            let parts: Vec<&str> = text.split('.').collect();
            let mask = parts
                .iter()
                .fold(0, |mask, part| mask << 8 | if *part == "*" { 0 } else { 0xff });
            parts_are_whole(&parts).then(|| Rule::V4 {
                bits: ip.to_bits() & mask,
                mask,
            })
        }
        IpAddr::V6(ip) => {
            let mask = wildcard_mask(text)?;
            Some(Rule::V6 {
                bits: ip.to_bits() & mask,
                mask,
            })
        }
    }
}

fn parts_are_whole(parts: &[&str]) -> bool {
    parts.iter().all(|part| *part == "*" || !part.contains('*'))
}

/// Marks the groups of an IPv6 text that are `*`, with `::` expanded.
fn wildcard_mask(text: &str) -> Option<u128> {
    if !text.contains('*') {
        return Some(u128::MAX);
    }
    let (head, tail) = text.split_once("::").unwrap_or((text, ""));
    let head: Vec<&str> = head.split(':').filter(|part| !part.is_empty()).collect();
    let tail: Vec<&str> = tail.split(':').filter(|part| !part.is_empty()).collect();
    if !parts_are_whole(&head) || !parts_are_whole(&tail) || text.contains('.') {
        return None;
    }
    let gap = 8_usize.checked_sub(head.len() + tail.len())?;
    let all = head
        .iter()
        .copied()
        .chain(std::iter::repeat_n("0", gap))
        .chain(tail.iter().copied());
    Some(all.fold(0, |mask, part| mask << 16 | if part == "*" { 0 } else { 0xffff }))
}

#[cfg(test)]
mod tests {
    use super::IpPattern;

    fn matches(pattern: &str, address: &str) -> bool {
        let pattern = IpPattern::parse(pattern).unwrap_or_else(|| panic!("{pattern} is a pattern"));
        pattern.matches(address.parse().expect("an address"))
    }

    #[test]
    fn every_spelling_selects_its_addresses_and_no_others() {
        for (pattern, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.*.*.*", "10.1.2.3", "11.1.2.3"),
            ("10.0.0.1/8", "10.255.0.9", "11.0.0.1"),
            ("10.0.0.0/255.255.0.0", "10.0.9.9", "10.1.0.0"),
            ("1.2.3.4-1.2.3.9", "1.2.3.9", "1.2.3.10"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("::1", "::1", "127.0.0.1"),
            ("fe80::*", "fe80::9", "fe80::1:9"),
            ("2001:*::7", "2001:5::7", "2002:5::7"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::ffff:128.0.0.1"),
        ] {
            assert!(matches(pattern, inside), "{pattern} covers {inside}");
            assert!(!matches(pattern, outside), "{pattern} leaves {outside} out");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for entry in [
            "*",
            "10.*",
            "10.0.0",
            "10.0.0.0/33",
            "::/129",
            "9.9.9.9-1.1.1.1",
            "1*.0.0.1",
            "[::1]",
            "host",
        ] {
            assert_eq!(IpPattern::parse(entry), None, "{entry}");
        }
    }
}

//! Addresses and ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ServeArgs;
use super::source::Source;
use super::values::scalar_text;

/// Where the server accepts connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// `--host`, `HOST`, or from `listen`, `listenAddress.*` and `protocol.*`: addresses without brackets, or one
    /// host name. The server listens on each; it is enough that one of them can be bound, as in the original.
    /// Default `127.0.0.1`.
    pub hosts: Vec<String>,
    /// `--port`, `PORT`, `port`; 0 lets the system choose. Default 8000.
    pub port: u16,
    /// Whether any of `hosts` can be reached from another machine: the original's `listen`.
    pub exposed: bool,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            hosts: vec!["127.0.0.1".to_owned()],
            port: 8000,
            exposed: false,
        }
    }
}

impl Listen {
    pub(super) fn read(source: &mut Source, args: &ServeArgs) -> Self {
        let listen = source.flag("listen", false);
        let hosts = configured_hosts(source, listen);
        let hosts = match chosen_host(source, args) {
            Some(host) => vec![host],
            None => hosts,
        };
        if hosts.is_empty() {
            source.fault("protocol: switch on ipv4 or ipv6");
        }
        let exposed = hosts.iter().any(|host| !is_loopback(host));
        let port = source.whole("port", Self::default().port);
        Self {
            port: chosen_port(source, args).unwrap_or(port),
            hosts,
            exposed,
        }
    }

    /// The URL of the first address with `port`, for the line printed at start.
    pub fn url(&self, port: u16) -> String {
        let host = self.hosts.first().map_or("127.0.0.1", String::as_str);
        if host.contains(':') {
            format!("http://[{host}]:{port}")
        } else {
            format!("http://{host}:{port}")
        }
    }
}

fn chosen_host(source: &mut Source, args: &ServeArgs) -> Option<String> {
    let (name, host) = match &args.host {
        Some(host) => ("--host", host.clone()),
        None => ("HOST", source.variable("HOST")?),
    };
    let host = host
        .trim()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let is_name = !host.is_empty()
        && host
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-._".contains(letter));
    if host.parse::<IpAddr>().is_err() && !is_name {
        source.fault(format!(
            "{name}: expected an address or a host name, found {host:?}"
        ));
        return None;
    }
    Some(host)
}

fn chosen_port(source: &mut Source, args: &ServeArgs) -> Option<u16> {
    let (name, text) = match &args.port {
        Some(port) => ("--port", port.clone()),
        None => ("PORT", source.variable("PORT")?),
    };
    port_number(source, name, &text)
}

fn port_number(source: &mut Source, name: &str, text: &str) -> Option<u16> {
    let port = text.trim().parse().ok();
    if port.is_none() {
        source.fault(format!("{name}: expected a port from 0 to 65535, found {text:?}"));
    }
    port
}

/// `ADMIN_PORT`; 0 and empty are off. It must differ from the server's own port.
pub(super) fn admin_port(source: &mut Source, port: u16) -> Option<u16> {
    let text = source.variable("ADMIN_PORT")?;
    let admin = port_number(source, "ADMIN_PORT", &text).filter(|admin| *admin != 0)?;
    if admin == port {
        source.fault(format!("ADMIN_PORT: {admin} is the port of the server itself"));
    }
    Some(admin)
}

fn configured_hosts(source: &mut Source, listen: bool) -> Vec<String> {
    let ipv4 = protocol(source, "protocol.ipv4", true);
    let ipv6 = protocol(source, "protocol.ipv6", false);
    let open_ipv4 = address(source, "listenAddress.ipv4", Ipv4Addr::UNSPECIFIED);
    let open_ipv6 = address(source, "listenAddress.ipv6", Ipv6Addr::UNSPECIFIED);
    let v4 = if listen { open_ipv4 } else { Ipv4Addr::LOCALHOST };
    let v6 = if listen { open_ipv6 } else { Ipv6Addr::LOCALHOST };
    let hosts = [ipv4.then(|| v4.to_string()), ipv6.then(|| v6.to_string())];
    hosts.into_iter().flatten().collect()
}

/// `auto` counts as on: an address family that the machine lacks is left out when it cannot be bound.
/// compat: any other word falls back to the default with a warning.
fn protocol(source: &mut Source, key: &str, default: bool) -> bool {
    let Some((name, value, _)) = source.raw(key).filter(|(_, value, _)| !value.is_null()) else {
        return default;
    };
    match scalar_text(&value)
        .unwrap_or_default()
        .trim()
        .to_lowercase()
        .as_str()
    {
        "true" | "auto" => true,
        "false" => false,
        _ => {
            source.warn(format!(
                "{name}: expected true, false or auto; the default, {default}, applies"
            ));
            default
        }
    }
}

/// compat: what is no address falls back to every address of the machine; here with a warning.
fn address<A: std::str::FromStr>(source: &mut Source, key: &str, fallback: A) -> A {
    let text = source.text(key, "");
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
    bare.parse().unwrap_or_else(|_| {
        if !bare.is_empty() {
            source.warn(format!(
                "{key}: {text:?} is no address of its kind; every address of the machine is used"
            ));
        }
        fallback
    })
}

fn is_loopback(host: &str) -> bool {
    host.parse::<IpAddr>().map_or_else(
        |_| host.eq_ignore_ascii_case("localhost"),
        |ip| ip.to_canonical().is_loopback(),
    )
}

/// TLS is left to a reverse proxy. Asked for on an open address, plain text would be a surprise: that is a fault.
pub(super) fn check_tls(source: &mut Source, listen: &Listen) {
    let enabled = source.flag("ssl.enabled", false);
    for key in ["ssl.certPath", "ssl.keyPath", "ssl.keyPassphrase"] {
        source.text(key, "");
    }
    let text = "ssl.enabled, ssl.certPath, ssl.keyPath, ssl.keyPassphrase: not applicable: the server speaks plain \
                HTTP; let a reverse proxy do TLS";
    if enabled && listen.exposed {
        source.fault(format!(
            "{text} and set ssl.enabled to false, or listen on 127.0.0.1"
        ));
    } else if enabled {
        source.warn(text);
    }
}

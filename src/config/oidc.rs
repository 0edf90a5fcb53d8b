//! Login by an OpenID Connect provider. All of it Squaretable's own.

use std::net::IpAddr;

use reqwest::Url;

use super::secret::Secret;
use super::source::Source;

const ISSUER: &str = "SQUARETABLE_OIDC_ISSUER";
const CLIENT_ID: &str = "SQUARETABLE_OIDC_CLIENT_ID";
const URL: &str = "SQUARETABLE_OIDC_URL";

/// The variables besides the issuer, each of which means nothing without it.
pub(super) const VARIABLES: [&str; 11] = [
    CLIENT_ID,
    URL,
    "SQUARETABLE_OIDC_ADMIN_GROUPS",
    "SQUARETABLE_OIDC_CLIENT_SECRET",
    "SQUARETABLE_OIDC_CREATE",
    "SQUARETABLE_OIDC_GROUPS",
    "SQUARETABLE_OIDC_GROUPS_CLAIM",
    "SQUARETABLE_OIDC_HANDLE_CLAIM",
    "SQUARETABLE_OIDC_LABEL",
    "SQUARETABLE_OIDC_LINK_BY_HANDLE",
    "SQUARETABLE_OIDC_SCOPES",
];

/// A provider, and what its word counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcConfig {
    /// `SQUARETABLE_OIDC_ISSUER`: the provider's address, below which `/.well-known/openid-configuration` is.
    pub issuer: String,
    /// `SQUARETABLE_OIDC_CLIENT_ID`: this server's name at the provider.
    pub client_id: String,
    /// `SQUARETABLE_OIDC_CLIENT_SECRET`: its password there; `None` for a public client.
    pub client_secret: Option<Secret<String>>,
    /// `SQUARETABLE_OIDC_URL`: this server's address as browsers know it, such as `https://st.example.com`, without a slash at
    /// its end.
    pub own_url: String,
    /// `SQUARETABLE_OIDC_SCOPES`: what is asked for besides `openid`. Default `profile`.
    pub scopes: Vec<String>,
    /// `SQUARETABLE_OIDC_HANDLE_CLAIM`: the claim that names a new account. Default `preferred_username`.
    pub handle_claim: String,
    /// `SQUARETABLE_OIDC_GROUPS_CLAIM`: the claim that lists groups. Default `groups`.
    pub groups_claim: String,
    /// `SQUARETABLE_OIDC_GROUPS`: groups whose members may log in. Default none: everybody may.
    pub groups: Vec<String>,
    /// `SQUARETABLE_OIDC_ADMIN_GROUPS`: groups whose members are administrators, and nobody else who logs in this way.
    /// Default none: roles are given here.
    pub admin_groups: Vec<String>,
    /// `SQUARETABLE_OIDC_CREATE`: whether a first login makes an account. Default true.
    pub creates: bool,
    /// `SQUARETABLE_OIDC_LINK_BY_HANDLE`: whether a first login takes the account that has the handle already, with its data
    /// and its role. Default false: whoever chooses names at the provider would choose accounts here.
    pub links_by_handle: bool,
    /// `SQUARETABLE_OIDC_LABEL`: the text of the button on the login page.
    pub label: String,
}

impl OidcConfig {
    pub(super) fn read(source: &mut Source) -> Option<Self> {
        let Some(issuer) = source.variable(ISSUER) else {
            for name in VARIABLES {
                if source.variable(name).is_some() {
                    source.fault(format!("{name}: needs {ISSUER}"));
                }
            }
            return None;
        };
        let text = |source: &Source, name: &str, default: &str| {
            source
                .variable(name)
                .unwrap_or_else(|| default.to_owned())
                .trim()
                .to_owned()
        };
        let list = |source: &Source, name: &str, separator: char, default: &str| {
            let items = text(source, name, default);
            let items = items
                .split(separator)
                .map(str::trim)
                .filter(|item| !item.is_empty());
            items.map(str::to_owned).collect::<Vec<_>>()
        };
        let config = Self {
            issuer: issuer.trim().to_owned(),
            client_id: text(source, CLIENT_ID, ""),
            client_secret: source.variable("SQUARETABLE_OIDC_CLIENT_SECRET").map(Secret::new),
            own_url: text(source, URL, "").trim_end_matches('/').to_owned(),
            scopes: list(source, "SQUARETABLE_OIDC_SCOPES", ' ', "profile"),
            handle_claim: text(source, "SQUARETABLE_OIDC_HANDLE_CLAIM", "preferred_username"),
            groups_claim: text(source, "SQUARETABLE_OIDC_GROUPS_CLAIM", "groups"),
            groups: list(source, "SQUARETABLE_OIDC_GROUPS", ',', ""),
            admin_groups: list(source, "SQUARETABLE_OIDC_ADMIN_GROUPS", ',', ""),
            creates: flag(source, "SQUARETABLE_OIDC_CREATE", true),
            links_by_handle: flag(source, "SQUARETABLE_OIDC_LINK_BY_HANDLE", false),
            label: text(source, "SQUARETABLE_OIDC_LABEL", "Single sign-on"),
        };
        if config.client_id.is_empty() {
            source.fault(format!("{CLIENT_ID}: is missing"));
        }
        for (name, address) in [(ISSUER, &config.issuer), (URL, &config.own_url)] {
            if let Some(fault) = fault(address) {
                source.fault(format!("{name}: {fault}"));
            }
        }
        Some(config)
    }
}

/// Why an address cannot be one of a login's: everybody on the way would read what goes there.
fn fault(address: &str) -> Option<&'static str> {
    let Ok(url) = address.parse::<Url>() else {
        return Some("expected an address such as https://login.example.com");
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => None,
        "http" if is_here => None,
        _ => Some("expected https; http only on this machine"),
    }
}

fn flag(source: &mut Source, name: &str, default: bool) -> bool {
    match source.variable(name).as_deref().map(str::trim) {
        None => default,
        Some("true") => true,
        Some("false") => false,
        Some(other) => {
            source.fault(format!("{name}: expected true or false, found {other:?}"));
            default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OidcConfig;
    use crate::config::source::{Environment, Source};

    fn read(variables: &[(&str, &str)]) -> (Option<OidcConfig>, Vec<String>) {
        let env: Environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut source = Source::from_yaml("", &"", env);
        (OidcConfig::read(&mut source), source.faults)
    }

    #[test]
    fn a_provider_needs_a_client_and_addresses_that_nobody_reads_along() {
        assert_eq!(read(&[]), (None, Vec::new()));
        let (config, faults) = read(&[
            ("SQUARETABLE_OIDC_ISSUER", "https://login.example.com/realms/st"),
            ("SQUARETABLE_OIDC_CLIENT_ID", "st"),
            ("SQUARETABLE_OIDC_URL", "http://127.0.0.1:8000/"),
            ("SQUARETABLE_OIDC_ADMIN_GROUPS", "st admins, ops"),
            ("SQUARETABLE_OIDC_SCOPES", "profile  groups"),
        ]);
        assert!(faults.is_empty(), "{faults:?}");
        let config = config.unwrap();
        assert_eq!(config.own_url, "http://127.0.0.1:8000");
        assert_eq!(config.admin_groups, ["st admins", "ops"]);
        assert_eq!(config.scopes, ["profile", "groups"]);
        assert!(config.creates && !config.links_by_handle);
    }

    #[test]
    fn what_is_missing_or_open_is_a_fault() {
        for (variables, expected) in [
            (
                &[("SQUARETABLE_OIDC_CLIENT_ID", "st")][..],
                "needs SQUARETABLE_OIDC_ISSUER",
            ),
            (
                &[
                    ("SQUARETABLE_OIDC_ISSUER", "https://a.example"),
                    ("SQUARETABLE_OIDC_URL", "https://b.example"),
                ],
                "CLIENT_ID: is missing",
            ),
            (
                &[
                    ("SQUARETABLE_OIDC_ISSUER", "http://a.example"),
                    ("SQUARETABLE_OIDC_CLIENT_ID", "st"),
                    ("SQUARETABLE_OIDC_URL", "https://b.example"),
                ],
                "ISSUER: expected https",
            ),
            (
                &[
                    ("SQUARETABLE_OIDC_ISSUER", "https://a.example"),
                    ("SQUARETABLE_OIDC_CLIENT_ID", "st"),
                    ("SQUARETABLE_OIDC_URL", "https://b.example"),
                    ("SQUARETABLE_OIDC_CREATE", "perhaps"),
                ],
                "CREATE: expected true or false",
            ),
        ] {
            let (_, faults) = read(variables);
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].contains(expected), "{faults:?}");
        }
    }
}

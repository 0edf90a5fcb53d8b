//! The address of a repository, checked by the same rules as every other outbound request.

use std::fmt::Write as _;

use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::GitError;
use crate::app::App;
use crate::providers::relay::Route;
use crate::providers::upstream::{Upstream, UpstreamHeaders};

/// The question every fetch begins with.
const QUESTION: &str = "info/refs";
const SERVICE: &str = "service=git-upload-pack";

/// What hosts that serve people and git at the same address tell them apart by.
const USER_AGENT: &str = "git/2.47.0";

/// A repository that answers, and the way there: git is told to go nowhere else.
#[derive(Debug)]
pub struct Remote {
    /// Options of git, by name.
    pub(super) options: Vec<(String, String)>,
}

impl Remote {
    /// Asks for the repository at `address`, as it is known to git, and notes where the answer came from: git itself
    /// follows no redirect. User and password of the address are sent to its own host alone.
    ///
    /// # Errors
    /// The address is none of http, may not be reached, or no git answers there.
    pub async fn reach(app: &App, address: &str) -> Result<Self, GitError> {
        let unusable = |reason: &str| GitError::Unusable(reason.to_owned());
        let mut url = Url::parse(address).map_err(|_| unusable("the remote is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unusable("the remote is not at an http address"));
        }
        let credentials = take_credentials(&mut url);
        let mut headers = UpstreamHeaders::default();
        headers.set("Accept", "*/*");
        headers.set("User-Agent", USER_AGENT);
        headers.set("Git-Protocol", "version=2");
        if let Some(credentials) = &credentials {
            headers.set("Authorization", credentials.clone());
        }
        let question = Upstream {
            method: Method::GET,
            url: Url::parse(&asking(url.as_str())).map_err(|_| unusable("the remote is no URL"))?,
            headers,
            body: Bytes::new(),
        };
        let reply = app.relay().send(question).await?;
        let media = reply.headers().get(CONTENT_TYPE);
        if !reply.is_success()
            || media.is_none_or(|media| media != "application/x-git-upload-pack-advertisement")
        {
            let reason = format!("no git answers at the remote: status {}", reply.status());
            return Err(GitError::Unusable(reason));
        }
        let target =
            asked(reply.url().as_str()).ok_or_else(|| unusable("the remote redirects to another place"))?;
        drop(reply);
        let target_url = Url::parse(&target).map_err(|_| unusable("the remote is no URL"))?;
        let mut options = vec![(format!("url.{target}.insteadOf"), address.to_owned())];
        if let Some(credentials) = credentials
            && target_url.origin() == url.origin()
        {
            options.push(("http.extraHeader".into(), format!("Authorization: {credentials}")));
        }
        options.extend(way(app, &target_url).await?);
        Ok(Self { options })
    }
}

/// The options that lead git to the very addresses that were checked.
async fn way(app: &App, target: &Url) -> Result<Vec<(String, String)>, GitError> {
    let mut options = Vec::new();
    match app.relay().route(target).await? {
        Route::Direct => {}
        Route::Proxy(proxy) => options.push(("http.proxy".to_owned(), proxy.to_string())),
        Route::Pinned(addresses) => {
            let host = target.host_str().unwrap_or_default();
            let port = target.port_or_known_default().unwrap_or_default();
            let mut pin = format!("{host}:{port}:");
            for (at, address) in addresses.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                match address {
                    std::net::IpAddr::V4(address) => write!(pin, "{comma}{address}"),
                    std::net::IpAddr::V6(address) => write!(pin, "{comma}[{address}]"),
                }
                .map_err(|error| GitError::Unusable(error.to_string()))?;
            }
            options.push(("http.curloptResolve".to_owned(), pin));
        }
    }
    if let Some(path) = &app.config().upstream.extra_ca_certificates {
        // Beside the folder of the system's certificates, which stays.
        let path = std::path::absolute(path)?;
        options.push(("http.sslCAInfo".to_owned(), path.display().to_string()));
    }
    Ok(options)
}

/// Takes user and password out of an address, as the value of the header `Authorization`.
fn take_credentials(url: &mut Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let mut plain = decoded(url.username());
    plain.push(b':');
    plain.extend(decoded(url.password().unwrap_or_default()));
    // Neither fails: the address has a host.
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(format!("Basic {}", STANDARD.encode(plain)))
}

/// The first address that git asks, spelled as git does.
fn asking(base: &str) -> String {
    let slash = if base.ends_with('/') { "" } else { "/" };
    let joint = if base.contains('?') { '&' } else { '?' };
    format!("{base}{slash}{QUESTION}{joint}{SERVICE}")
}

/// What was asked, by the address that answered.
fn asked(url: &str) -> Option<String> {
    let rest = url.strip_suffix(SERVICE)?;
    let rest = rest.strip_suffix(['?', '&'])?.strip_suffix(QUESTION)?;
    Some(rest.strip_suffix('/').unwrap_or(rest).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_found_again_in_its_address() {
        for base in ["https://host/a/b.git", "http://host:1/a?x=1"] {
            assert_eq!(asked(&asking(base)).as_deref(), Some(base));
        }
        assert_eq!(
            asked(&asking("https://host/a/")).as_deref(),
            Some("https://host/a")
        );
        assert_eq!(asked("https://host/login?to=info/refs"), None);
    }

    #[test]
    fn credentials_leave_the_address() {
        let mut url: Url = "https://me:p%40ss@host/a".parse().unwrap();
        let expected = format!("Basic {}", STANDARD.encode("me:p@ss"));
        assert_eq!(take_credentials(&mut url), Some(expected));
        assert_eq!(url.as_str(), "https://host/a");
        assert_eq!(take_credentials(&mut url), None);
    }
}

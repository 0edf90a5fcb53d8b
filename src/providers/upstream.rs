//! One outbound request as data.

use std::fmt;

use axum::http::Method;
use bytes::Bytes;
use reqwest::Url;

/// Headers that never carry a credential and may be printed in full.
const PRINTABLE_HEADERS: [&str; 3] = ["accept", "accept-language", "content-type"];

/// A request to a third party, ready for [`Relay::send`](super::relay::Relay::send).
///
/// `Debug` prints neither header values that may hold a secret, nor the query string, nor the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Upstream {
    /// HTTP method.
    pub method: Method,
    /// Absolute address; the relay refuses schemes other than http and https.
    pub url: Url,
    /// Headers in sending order.
    pub headers: UpstreamHeaders,
    /// Body bytes; empty means no body.
    pub body: Bytes,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Upstream")
            .field("method", &self.method)
            .field("url", &redacted(&self.url))
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// The address without user, password, query and fragment, for logs.
pub(crate) fn redacted(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "{}://{}{}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        port,
        url.path()
    )
}

/// Header names and values with the rules of a JavaScript object: the same spelling replaces, another
/// spelling of the same name is sent as a second line.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UpstreamHeaders(Vec<(String, String)>);

impl UpstreamHeaders {
    /// Sets `name` to `value`, replacing the value of exactly this spelling.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((name, value)),
        }
    }

    /// The names and values in sending order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for UpstreamHeaders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| {
            let printable = PRINTABLE_HEADERS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name));
            (name, if printable { value } else { "[redacted]" })
        });
        formatter.debug_map().entries(shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use bytes::Bytes;

    use super::{Upstream, UpstreamHeaders};

    #[test]
    fn debug_output_holds_no_secret() {
        let mut headers = UpstreamHeaders::default();
        headers.set("Content-Type", "application/json");
        headers.set("Authorization", "Bearer hunter2");
        headers.set("X-Anything", "hunter2");
        let upstream = Upstream {
            method: Method::POST,
            url: "https://u:hunter2@host:8/v1?key=hunter2#hunter2".parse().unwrap(),
            headers,
            body: Bytes::from_static(b"hunter2"),
        };
        let shown = format!("{upstream:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(
            shown.contains("https://host:8/v1") && shown.contains("application/json"),
            "{shown}"
        );
    }

    #[test]
    fn headers_replace_by_exact_spelling_only() {
        let mut headers = UpstreamHeaders::default();
        headers.set("Authorization", "a");
        headers.set("authorization", "b");
        headers.set("Authorization", "c");
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [("Authorization", "c"), ("authorization", "b")]);
    }
}

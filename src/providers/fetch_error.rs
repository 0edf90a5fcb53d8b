//! Why an outbound request failed, told the way the original's HTTP client tells it.

use std::error::Error;
use std::fmt;
use std::io;

use reqwest::Url;
use rustls::CertificateError;
use serde_json::{Map, Value};

use super::address_filter::FilterError;
use super::upstream::redacted;

/// A failed outbound request. `Display` is the message the browser shows; it names the full address, so it goes
/// to the user who asked and never into a log. `Debug` prints neither credentials nor the query.
#[derive(thiserror::Error)]
pub enum RelayError {
    /// The scheme is neither http nor https; `url` is the address.
    #[error("node-fetch cannot load {url}. URL scheme \"{scheme}\" is not supported.", scheme = url.scheme())]
    UnsupportedScheme {
        /// The address.
        url: Url,
    },
    /// The address holds a user name or password.
    #[error("{url} is an url with embedded credentials.")]
    EmbeddedCredentials {
        /// The address.
        url: Url,
    },
    /// A header name that HTTP does not allow.
    #[error("Header name must be a valid HTTP token [\"{0}\"]")]
    HeaderName(String),
    /// A header value that HTTP does not allow; holds the header's name.
    #[error("Invalid character in header content [\"{0}\"]")]
    HeaderValue(String),
    /// More than 20 redirects.
    #[error("maximum redirect reached at: {url}")]
    TooManyRedirects {
        /// The address that redirected once too often.
        url: Url,
    },
    /// A redirect to what is no address.
    #[error("uri requested responds with an invalid redirect URL: {location}")]
    InvalidRedirect {
        /// The address that redirected.
        url: Url,
        /// Where to, as it was sent.
        location: String,
    },
    /// No connection, or none that lasted until the response's head.
    #[error("request to {url} failed, reason: {reason}")]
    Request {
        /// The address asked for.
        url: Box<Url>,
        /// What went wrong, in the runtime's words where they are known.
        reason: String,
        /// The runtime's error code.
        code: Option<&'static str>,
        /// The system call that failed.
        call: Option<&'static str>,
    },
    /// The response's body ended early or could not be decoded.
    #[error("Invalid response body while trying to fetch {url}: {reason}")]
    Body {
        /// The address asked for.
        url: Url,
        /// What went wrong.
        reason: String,
    },
}

impl fmt::Debug for RelayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("RelayError");
        match self {
            Self::UnsupportedScheme { url } => shown.field("unsupported_scheme", &url.scheme()),
            Self::EmbeddedCredentials { url } => shown.field("embedded_credentials", &redacted(url)),
            Self::HeaderName(_) => shown.field("header", &"invalid name"),
            Self::HeaderValue(name) => shown.field("header_value", name),
            Self::TooManyRedirects { url } => shown.field("too_many_redirects", &redacted(url)),
            Self::InvalidRedirect { url, .. } => shown.field("invalid_redirect", &redacted(url)),
            Self::Request { url, reason, .. } => shown.field("url", &redacted(url)).field("reason", reason),
            Self::Body { url, reason } => shown.field("url", &redacted(url)).field("reason", reason),
        };
        shown.finish()
    }
}

impl RelayError {
    /// The original's `error` object: the message, and the client's own properties such as `type` and `code`.
    #[must_use]
    pub fn to_object(&self) -> Map<String, Value> {
        let mut object = Map::new();
        let mut put = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                object.insert(key.to_owned(), value.into());
            }
        };
        let code = self.code();
        let message = if code == Some("ECONNREFUSED") {
            format!("Connection refused: {self}")
        } else {
            self.to_string()
        };
        put("message", Some(message));
        let kind = match self {
            Self::Request { .. } | Self::Body { .. } => Some("system"),
            Self::TooManyRedirects { .. } => Some("max-redirect"),
            Self::InvalidRedirect { .. } => Some("invalid-redirect"),
            _ => None,
        };
        put("type", kind.map(str::to_owned));
        put("errno", code.filter(|_| kind.is_some()).map(str::to_owned));
        put("code", code.map(str::to_owned));
        if let Self::Request { call: Some(call), .. } = self {
            put("erroredSysCall", Some((*call).to_owned()));
        }
        object
    }

    /// The class of the original's error, where the browser is shown that too.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::UnsupportedScheme { .. }
            | Self::EmbeddedCredentials { .. }
            | Self::HeaderName(_)
            | Self::HeaderValue(_) => "TypeError",
            Self::TooManyRedirects { .. }
            | Self::InvalidRedirect { .. }
            | Self::Request { .. }
            | Self::Body { .. } => "FetchError",
        }
    }

    /// A word for logs that names no address.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::HeaderName(_) => Some("ERR_INVALID_HTTP_TOKEN"),
            Self::HeaderValue(_) => Some("ERR_INVALID_CHAR"),
            Self::Request { code, .. } => *code,
            Self::Body { .. } => Some("ECONNRESET"),
            Self::UnsupportedScheme { .. }
            | Self::EmbeddedCredentials { .. }
            | Self::TooManyRedirects { .. }
            | Self::InvalidRedirect { .. } => None,
        }
    }

    /// The error of a request that nobody carries on with: the server is shutting down.
    pub(super) fn ended(url: &Url) -> Self {
        Self::Request {
            url: Box::new(url.clone()),
            reason: "the server is shutting down".to_owned(),
            code: None,
            call: None,
        }
    }

    /// The error of a destination that the address filter refuses.
    pub(super) fn refused(url: &Url, error: &FilterError) -> Self {
        Self::Request {
            url: Box::new(url.clone()),
            reason: error.to_string(),
            code: None,
            call: None,
        }
    }

    /// The error of a request whose response head never came.
    pub(super) fn from_request(url: &Url, error: &reqwest::Error) -> Self {
        if error.is_redirect() {
            return match causes(error).find_map(|cause| cause.downcast_ref::<FilterError>()) {
                Some(refusal) => Self::refused(error.url().unwrap_or(url), refusal),
                None => Self::TooManyRedirects {
                    url: error.url().unwrap_or(url).clone(),
                },
            };
        }
        let (reason, code, call) = explain(url, error);
        Self::Request {
            url: Box::new(url.clone()),
            reason,
            code,
            call,
        }
    }

    /// The error of a response whose body did not arrive whole.
    pub(super) fn from_body(url: &Url, error: &reqwest::Error) -> Self {
        let is_cut = |cause: &(dyn Error + 'static)| {
            let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
            matches!(
                kind,
                Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
            )
        };
        let reason = if causes(error).any(is_cut) {
            "aborted".to_owned()
        } else {
            innermost(error)
        };
        Self::Body {
            url: url.clone(),
            reason,
        }
    }
}

type Explanation = (String, Option<&'static str>, Option<&'static str>);

/// Names the first cause the runtime has a code for.
fn explain(url: &Url, error: &reqwest::Error) -> Explanation {
    for cause in causes(error) {
        if let Some(refusal) = cause.downcast_ref::<FilterError>() {
            return (refusal.to_string(), None, None);
        }
    }
    let host = url.host_str().unwrap_or_default();
    if error.is_dns() {
        return (
            format!("getaddrinfo ENOTFOUND {host}"),
            Some("ENOTFOUND"),
            Some("getaddrinfo"),
        );
    }
    for cause in causes(error) {
        if let Some(rustls::Error::InvalidCertificate(certificate)) = cause.downcast_ref() {
            return explain_certificate(certificate, host);
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return (format!("write EPROTO {tls}"), Some("EPROTO"), Some("write"));
        }
        if let Some(http) = cause.downcast_ref::<hyper::Error>()
            && http.is_incomplete_message()
        {
            return ("socket hang up".to_owned(), Some("ECONNRESET"), None);
        }
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && let Some((code, call)) = io_code(io.kind(), error.is_connect())
        {
            let target = if call == "connect" {
                format!(" {host}:{}", url.port_or_known_default().unwrap_or_default())
            } else {
                String::new()
            };
            return (format!("{call} {code}{target}"), Some(code), Some(call));
        }
    }
    (innermost(error), None, None)
}

fn io_code(kind: io::ErrorKind, is_connecting: bool) -> Option<(&'static str, &'static str)> {
    let call = if is_connecting { "connect" } else { "read" };
    Some(match kind {
        io::ErrorKind::ConnectionRefused => ("ECONNREFUSED", "connect"),
        io::ErrorKind::ConnectionReset => ("ECONNRESET", "read"),
        io::ErrorKind::BrokenPipe => ("EPIPE", "write"),
        io::ErrorKind::TimedOut => ("ETIMEDOUT", call),
        io::ErrorKind::HostUnreachable => ("EHOSTUNREACH", call),
        io::ErrorKind::NetworkUnreachable => ("ENETUNREACH", call),
        io::ErrorKind::AddrNotAvailable => ("EADDRNOTAVAIL", call),
        _ => return None,
    })
}

fn explain_certificate(error: &CertificateError, host: &str) -> Explanation {
    let (reason, code) = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("certificate has expired".to_owned(), "CERT_HAS_EXPIRED")
        }
        CertificateError::UnknownIssuer => (
            "unable to verify the first certificate".to_owned(),
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            format!(
                "Hostname/IP does not match certificate's altnames: Host: {host}. is not in the cert's list"
            ),
            "ERR_TLS_CERT_ALTNAME_INVALID",
        ),
        other => (other.to_string(), "ERR_TLS_CERT"),
    };
    (reason, Some(code), None)
}

/// The error and everything below it, including what I/O errors wrap.
fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped
            .map(|inner| inner as &(dyn Error + 'static))
            .or_else(|| error.source())
    })
}

fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

//! The one place that talks to third parties.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use hyper::ext::ReasonPhrase;
use reqwest::Url;

pub use super::address_filter::FilterError;
pub use super::fetch_error::RelayError;

use super::address_filter::AddressFilter;
use super::allowed_hosts::AllowedHosts;
use super::proxy::ProxyRule;
use super::redirects::{Carries, follow, unfollowed};
use super::resolver::Resolver;
use super::upstream::{Upstream, redacted};
use crate::config::upstream::{PrivateAddresses, UpstreamConfig};
use crate::reply::untag;

/// Sent as `User-Agent` unless the request has its own.
const USER_AGENT: &str = concat!("Squaretable/", env!("CARGO_PKG_VERSION"));

/// Sends outbound requests over HTTP/1.1 or HTTP/2, follows redirects, decodes gzip, deflate and brotli, and never
/// times out. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Relay {
    client: reqwest::Client,
    /// For requests with a key that no redirect may take elsewhere.
    faithful: reqwest::Client,
    filter: Option<Arc<AddressFilter>>,
    resolver: Resolver,
    proxy: Option<Arc<ProxyRule>>,
    hosts: AllowedHosts,
}

/// How a program that makes its own connections gets to an address as this server would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// By itself.
    Direct,
    /// To one of these addresses and no other: the name was resolved, and they were checked.
    Pinned(Vec<IpAddr>),
    /// Through the proxy, whose address may hold its password.
    Proxy(Url),
}

impl Relay {
    /// A relay with its own connections, trusting the certificates the operating system trusts (`SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` replace them) and those of `extra_ca_certificates`.
    ///
    /// # Errors
    /// When the proxy is of an unsupported kind, or certificates cannot be read.
    pub fn new(config: &UpstreamConfig) -> anyhow::Result<Self> {
        Self::to(AllowedHosts::default(), config)
    }

    fn to(hosts: AllowedHosts, config: &UpstreamConfig) -> anyhow::Result<Self> {
        // Fails only when another part of the process has installed a provider, which then serves as well.
        rustls::crypto::ring::default_provider().install_default().ok();
        let proxy = match &config.proxy {
            Some(config) => ProxyRule::new(config)?.map(Arc::new),
            None => None,
        };
        let filter = AddressFilter::new(&config.private_addresses, proxy.clone());
        let resolver = Resolver {
            lookup: config.lookup.clone(),
            ipv6_first: config.dns_prefer_ipv6,
            filter: filter.clone(),
        };
        let certificates = match &config.extra_ca_certificates {
            Some(path) => read_certificates(path)?,
            None => Vec::new(),
        };
        let client = |carries| {
            let builder = client(config, resolver.clone(), proxy.clone());
            builder
                .redirect(follow(carries, filter.clone(), hosts.clone()))
                .tls_certs_merge(certificates.clone())
                .build()
                .context("the outbound HTTP client cannot be set up")
        };
        Ok(Self {
            client: client(Carries::Nothing)?,
            faithful: client(Carries::Key)?,
            filter,
            resolver,
            proxy,
            hosts,
        })
    }

    /// The hosts that requests may go to, to be set by the administrator's policy; all at first.
    #[must_use]
    pub fn hosts(&self) -> &AllowedHosts {
        &self.hosts
    }

    /// A relay for addresses that nobody vouches for: where the operator has switched the filter off, it refuses every
    /// private address. The allowed hosts are this one's.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn untrusted(&self, config: &UpstreamConfig) -> anyhow::Result<Self> {
        if self.filter.is_some() {
            return Ok(self.clone());
        }
        let private_addresses = PrivateAddresses {
            enabled: true,
            allowed_ranges: Vec::new(),
            ..config.private_addresses.clone()
        };
        let config = UpstreamConfig {
            private_addresses,
            ..config.clone()
        };
        Self::to(self.hosts.clone(), &config)
    }

    /// The way to an address for a program that makes its own connections and follows no redirects.
    ///
    /// # Errors
    /// [`RelayError::Request`] when the filter refuses the destination.
    pub async fn route(&self, url: &Url) -> Result<Route, RelayError> {
        let refused = |error| RelayError::refused(url, &error);
        self.hosts.check(url).map_err(refused)?;
        if let Some(filter) = &self.filter {
            filter.check_url(url).map_err(refused)?;
        }
        if let Some(proxy) = self.proxy.as_ref().filter(|proxy| proxy.serves(url)) {
            return Ok(Route::Proxy(proxy.url.clone()));
        }
        let Some(filter) = &self.filter else {
            return Ok(Route::Direct);
        };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if host.parse::<IpAddr>().is_ok() {
            return Ok(Route::Direct);
        }
        let found = self.resolver.lookup(host).await.unwrap_or_default();
        let permitted = filter.permitted(host, found).map_err(refused)?;
        Ok(Route::Pinned(
            permitted.iter().map(std::net::SocketAddr::ip).collect(),
        ))
    }

    /// Sends a request and waits for the head of its response. Dropping the future drops the connection.
    ///
    /// # Errors
    /// See [`RelayError`]. A response of any status is no error.
    pub async fn send(&self, upstream: Upstream) -> Result<UpstreamReply, RelayError> {
        let Upstream {
            method,
            url,
            headers,
            body,
        } = upstream;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(RelayError::UnsupportedScheme { url });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RelayError::EmbeddedCredentials { url });
        }
        let refused = |error| RelayError::refused(&url, &error);
        self.hosts.check(&url).map_err(refused)?;
        if let Some(filter) = &self.filter {
            filter.check_url(&url).map_err(refused)?;
        }
        let mut request = reqwest::Request::new(method, url.clone());
        *request.headers_mut() = header_map(headers.iter())?;
        if !body.is_empty() {
            *request.body_mut() = Some(body.into());
        }
        tracing::debug!(method = %request.method(), url = redacted(&url), "outbound request");
        let client = match Carries::of(request.headers()) {
            Carries::Nothing => &self.client,
            Carries::Key => &self.faithful,
        };
        match client.execute(request).await {
            Ok(response) => match unfollowed(&response) {
                Some(location) => Err(RelayError::InvalidRedirect { url, location }),
                None => Ok(UpstreamReply { url, response }),
            },
            Err(error) => {
                let error = RelayError::from_request(&url, &error);
                tracing::warn!(
                    url = redacted(&url),
                    code = error.code(),
                    "outbound request failed"
                );
                Err(error)
            }
        }
    }
}

/// What all clients have in common.
fn client(
    config: &UpstreamConfig,
    resolver: Resolver,
    proxy: Option<Arc<ProxyRule>>,
) -> reqwest::ClientBuilder {
    let mut builder = reqwest::Client::builder()
        .dns_resolver(Arc::new(resolver))
        .user_agent(USER_AGENT)
        .no_proxy()
        // The address that redirected may hold a key; the original's client does not send it on either.
        .referer(false);
    if !config.keep_alive {
        builder = builder.pool_max_idle_per_host(0);
    }
    if let Some(proxy) = proxy {
        let rule = move |url: &Url| proxy.serves(url).then(|| proxy.url.clone());
        builder = builder.proxy(reqwest::Proxy::custom(rule));
    }
    builder
}

/// The certificates of a PEM file.
fn read_certificates(path: &Path) -> anyhow::Result<Vec<reqwest::Certificate>> {
    let read = || anyhow::Ok(reqwest::Certificate::from_pem_bundle(&std::fs::read(path)?)?);
    read().with_context(|| format!("NODE_EXTRA_CA_CERTS: {}", path.display()))
}

/// Header lines as HTTP wants them; characters up to U+00FF are sent as one byte each.
fn header_map<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Result<HeaderMap, RelayError> {
    let mut map = HeaderMap::new();
    for (name, text) in headers {
        let bytes: Option<Vec<u8>> = text
            .chars()
            .map(|character| u8::try_from(character).ok())
            .collect();
        let value = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
        let mut value = value.ok_or_else(|| RelayError::HeaderValue(name.to_owned()))?;
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| RelayError::HeaderName(name.to_owned()))?;
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}

/// A response whose body has not been read yet. Dropping it drops the connection.
pub struct UpstreamReply {
    pub(super) url: Url,
    pub(super) response: reqwest::Response,
}

impl fmt::Debug for UpstreamReply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("UpstreamReply");
        shown
            .field("url", &redacted(&self.url))
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl UpstreamReply {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status().is_success()
    }

    /// The reason phrase as it was sent, possibly empty; the status's usual phrase over HTTP/2, which sends none.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.response.extensions().get::<ReasonPhrase>() {
            Some(reason) => reason.as_bytes().iter().copied().map(char::from).collect(),
            None => self.status().canonical_reason().unwrap_or_default().to_owned(),
        }
    }

    /// The response's headers. None of them may reach the browser by default.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The address that answered: the last one of the redirects.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.response.url()
    }

    /// The whole body, decoded; `None` when it is longer than `limit` bytes, which are the most that is held.
    ///
    /// # Errors
    /// [`RelayError::Body`] when it ends early or cannot be decoded.
    pub async fn bytes_within(mut self, limit: u64) -> Result<Option<Bytes>, RelayError> {
        let announced = self.response.content_length().unwrap_or_default();
        if announced > limit {
            return Ok(None);
        }
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if (body.len() + chunk.len()) as u64 > limit {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body.into()))
    }

    /// The next piece of the body, decoded; `None` at its end.
    ///
    /// # Errors
    /// As for [`bytes_within`](Self::bytes_within).
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RelayError> {
        let chunk = self.response.chunk().await;
        chunk.map_err(|error| RelayError::from_body(&self.url, &error))
    }

    /// The pieces of the body, decoded, as they arrive. Dropping the stream drops the connection.
    ///
    /// An item is an error as for [`bytes_within`](Self::bytes_within), and the last one then.
    pub fn into_pieces(self) -> impl Stream<Item = Result<Bytes, RelayError>> + Send + Unpin + 'static {
        let url = self.url;
        let pieces = self.response.bytes_stream();
        Box::pin(pieces.map_err(move |error| RelayError::from_body(&url, &error)))
    }

    /// The whole body, decoded.
    ///
    /// # Errors
    /// [`RelayError::Body`] when it ends early or cannot be decoded.
    pub async fn bytes(self) -> Result<Bytes, RelayError> {
        self.response
            .bytes()
            .await
            .map_err(|error| RelayError::from_body(&self.url, &error))
    }

    /// The whole body as text without byte order mark; what is not UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    /// As for [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String, RelayError> {
        let bytes = self.bytes().await?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
    }

    /// Passes the response on: its status, except 401 which becomes 400, its reason phrase, and its body byte by byte
    /// as it arrives. No header is passed on and no content type is set, so nothing downstream buffers or
    /// compresses. Dropping the returned response drops the connection to the third party.
    ///
    /// An error's body is read whole first; it is empty when it cannot be read.
    pub async fn into_stream(self) -> Response {
        let status = match self.status() {
            // A 401 would make the browser forget its basic authentication for this server.
            StatusCode::UNAUTHORIZED => StatusCode::BAD_REQUEST,
            status => status,
        };
        let reason = self.reason();
        let body = if self.is_success() {
            Body::from_stream(self.response.bytes_stream())
        } else {
            Body::from(self.bytes().await.unwrap_or_default())
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        untag(response.extensions_mut());
        if !reason.is_empty()
            && let Ok(reason) = ReasonPhrase::try_from(latin1(&reason))
        {
            response.extensions_mut().insert(reason);
        }
        response
    }
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .filter_map(|character| u8::try_from(character).ok())
        .collect()
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "relay_serve_tests.rs"]
mod serve_tests;

//! `/proxy/<address>`: other sites for scripts of the page, which browsers let ask only their own (`enableCorsProxy`).

use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use reqwest::Url;
use squaretable_compat::json;

use crate::app::App;
use crate::error::{Error, Result};
use crate::extract::RawBody;
use crate::middleware::form::decode_escapes;
use crate::middleware::token;
use crate::providers::upstream::{Upstream, UpstreamHeaders};
use crate::reply;
use crate::tenant::Tenant;

const PREFIX: &str = "/proxy/";
const OFF: &str = "CORS proxy is disabled. Enable it in config.yaml or use the --corsProxy flag.";

/// Headers that are between the browser and this server.
const OWN: [&str; 26] = [
    "x-csrf-token",
    "x-tenant-id",
    "host",
    "referer",
    "origin",
    "cookie",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-protocol",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-user",
    "x-real-ip",
    "remote-user",
    "x-authentik-username",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-dest",
    "sec-fetch-user",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
];

/// `ANY /proxy/<address>`: the answer of that address, its status (400 for 401) and its body without its headers.
///
/// compat: the address ends where this request's query begins; `POST`, `PUT` and `PATCH` send the body as JSON whatever it
/// came as. What comes back has no origin where a browser opens it as a page.
///
/// # Errors
/// 404 where it is off; 400 for this server's own address; 500 when nobody answers, or it is no address.
pub async fn proxy(
    State(app): State<App>,
    _: Tenant,
    parts: Parts,
    RawBody(body): RawBody,
) -> Result<Response> {
    if !app.config().http.cors_proxy {
        return Ok(reply::html_with(StatusCode::NOT_FOUND, OFF));
    }
    let encoded = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let address = decode_escapes(encoded).ok_or_else(Error::bad_request)?;
    if is_circular(&address, &parts.headers) {
        return Err(Error::text(400, "Circular requests are not allowed"));
    }
    let sends_body = [Method::POST, Method::PUT, Method::PATCH].contains(&parts.method);
    let is_ours = app.config().http.basic_auth.is_some() || token::presented(&parts.headers).is_some();
    let mut headers = forwarded(&parts.headers, is_ours);
    if sends_body && !parts.headers.contains_key(CONTENT_TYPE) {
        headers.set("content-type", "text/plain;charset=UTF-8");
    }
    let upstream = Upstream {
        url: address.parse::<Url>().map_err(|_| Error::status(500))?,
        headers,
        method: parts.method,
        body: if sends_body {
            respelled(&body)?
        } else {
            Bytes::new()
        },
    };
    match app.relay().send(upstream).await {
        Ok(answer) => Ok(contained(answer.into_stream().await)),
        Err(error) => {
            tracing::warn!(%error, "the CORS proxy gets no answer");
            Ok(Error::status(500).into_response())
        }
    }
}

/// Whether the address is one of this server's, by the name that the request has for it.
fn is_circular(address: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        return false;
    };
    // compat: the beginning of a longer name counts, too.
    ["http://", "https://"].iter().any(|scheme| {
        address
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && address
                .get(scheme.len()..scheme.len() + host.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(host))
    })
}

/// The browser's headers, without those that are for this server. `is_ours` says that `Authorization` is one of them.
fn forwarded(all: &HeaderMap, is_ours: bool) -> UpstreamHeaders {
    let mut headers = UpstreamHeaders::default();
    for (name, value) in all {
        // The relay asks for the encodings that it can read.
        if is_own(name) || *name == ACCEPT_ENCODING || (is_ours && *name == AUTHORIZATION) {
            continue;
        }
        headers.set(
            name.as_str(),
            value
                .as_bytes()
                .iter()
                .copied()
                .map(char::from)
                .collect::<String>(),
        );
    }
    headers
}

fn is_own(name: &HeaderName) -> bool {
    OWN.contains(&name.as_str()) || name.as_str().starts_with("proxy-")
}

/// The body as the original spells it after it has read it.
fn respelled(body: &[u8]) -> Result<Bytes> {
    let value = json::parse_strict(body).map_err(|_| Error::Page(StatusCode::BAD_REQUEST))?;
    Ok(json::to_vec(&value).into())
}

/// A page of somebody else's must not act as this server's when a browser is sent to it.
fn contained(mut response: Response) -> Response {
    let sandbox = HeaderValue::from_static("sandbox");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, sandbox);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_circular() {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("st.example:8000"))]);
        for (address, expected) in [
            ("http://st.example:8000/x", true),
            ("HTTPS://ST.example:8000", true),
            ("http://st.example:80001/", true),
            ("http://st.example/", false),
            ("ftp://st.example:8000", false),
            ("http://é", false),
            ("", false),
        ] {
            assert_eq!(is_circular(address, &headers), expected, "{address}");
        }
        assert!(!is_circular("http://st.example/", &HeaderMap::new()));
    }

    #[test]
    fn what_is_for_this_server_stays_here() {
        let mut all = HeaderMap::new();
        for (name, value) in [
            ("cookie", "session"),
            ("x-csrf-token", "t"),
            ("proxy-authorization", "p"),
            ("remote-user", "u"),
            ("accept-encoding", "zstd"),
            ("authorization", "Bearer x"),
            ("x-api-key", "caf\u{e9}"),
        ] {
            let value = HeaderValue::from_bytes(&value.chars().map(|c| c as u8).collect::<Vec<_>>());
            all.insert(name, value.expect("a header's value"));
        }
        let of = |is_ours| {
            let headers = forwarded(&all, is_ours);
            let names: Vec<_> = headers.iter().map(|(name, _)| name.to_owned()).collect();
            names
        };
        assert_eq!(of(false), ["authorization", "x-api-key"]);
        assert_eq!(of(true), ["x-api-key"]);
    }
}

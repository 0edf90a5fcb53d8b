//! Headers every reply carries, errors included.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_LENGTH};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

/// The original's fixed security headers.
const FIXED: [(&str, &str); 11] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
];

/// Adds the fixed security headers and removes `Allow`, which the router adds to wrong methods: the original answers
/// those as unknown paths.
pub async fn security(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.remove(ALLOW);
    response
}

/// Request extension: the client sent `HEAD`, which everything inside sees as `GET`.
#[derive(Clone, Copy, Debug)]
pub struct Head;

/// Answers `HEAD` wherever `GET` works, with the headers the `GET` would have had and no body.
///
/// Inside, the request is a `GET` (marked [`Head`], and never compressed, so that `Content-Length` is the real one).
pub async fn head(mut request: Request, next: Next) -> Response {
    if request.method() != Method::HEAD {
        return next.run(request).await;
    }
    *request.method_mut() = Method::GET;
    request.headers_mut().remove(ACCEPT_ENCODING);
    request.extensions_mut().insert(Head);
    let mut response = next.run(request).await;
    let length = response.body().size_hint().exact().filter(|length| *length > 0);
    if let Some(length) = length {
        response
            .headers_mut()
            .entry(CONTENT_LENGTH)
            .or_insert_with(|| HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
    response
}

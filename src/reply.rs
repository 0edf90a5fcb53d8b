//! Replies in the wire forms of the original server (Express 4): plain reason phrases, JSON, HTML strings, the
//! error page, redirects and attachments.
//!
//! Nothing here computes an `ETag`: [`crate::middleware::etag`] adds it to bodies that are in memory, except for
//! replies marked [`Untagged`], which the original writes without its `send` function.

mod accept;
mod disposition;
mod pipe;

use axum::body::Body;
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LOCATION, VARY,
};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;

use crate::middleware::etag;

use accept::{Preferred, preferred_text};
pub use disposition::content_disposition;
pub use pipe::{Pipe, pipe};

/// Content type of plain text replies.
pub const TEXT: &str = "text/plain; charset=utf-8";
/// Content type of HTML replies.
pub const HTML: &str = "text/html; charset=utf-8";
/// Content type of JSON replies.
pub const JSON: &str = "application/json; charset=utf-8";

/// Response extension: this reply never carries a computed `ETag` (error pages, redirects, preflights).
#[derive(Clone, Copy, Debug)]
pub struct Untagged;

/// Marks a reply [`Untagged`].
pub fn untag(extensions: &mut Extensions) {
    extensions.insert(Untagged);
}

/// A bare status with its reason phrase as `text/plain` (Express `sendStatus`); 204 has no body.
pub fn status(code: StatusCode) -> Response {
    let phrase = reason(code);
    if code == StatusCode::NO_CONTENT {
        let mut response = with_status(code, Body::empty());
        // compat: the phrase is tagged before Express drops the body, so a 204 shows the tag of "No Content".
        response.headers_mut().insert(ETAG, etag::weak(phrase.as_bytes()));
        return response;
    }
    bytes(code, TEXT, Bytes::from(phrase))
}

/// `200` with `value` as compact JSON. A value that cannot be serialised is logged and answered with 500.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Response {
    json_with(StatusCode::OK, value)
}

/// `code` with `value` as compact JSON; see [`json`].
pub fn json_with<T: Serialize + ?Sized>(code: StatusCode, value: &T) -> Response {
    match squaretable_compat::json::serialize(value) {
        Ok(body) => bytes(code, JSON, Bytes::from(body)),
        Err(error) => {
            tracing::error!(%error, "a reply could not be serialised");
            status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// `200` with JSON that is already serialised.
pub fn json_bytes(body: impl Into<Bytes>) -> Response {
    bytes(StatusCode::OK, JSON, body.into())
}

/// `200` with a string as `text/html`, which is how Express sends every string (also `ok`).
pub fn html_text(body: impl Into<Bytes>) -> Response {
    bytes(StatusCode::OK, HTML, body.into())
}

/// `code` with a string as `text/html`; see [`html_text`].
pub fn html_with(code: StatusCode, body: impl Into<Bytes>) -> Response {
    bytes(code, HTML, body.into())
}

/// `code` with a body in memory and its content type.
pub fn bytes(code: StatusCode, content_type: &str, body: Bytes) -> Response {
    let mut response = with_status(code, Body::from(body));
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

/// A body that is sent as it comes. Without a content type it is never compressed, so each chunk leaves at once.
pub fn stream<S, E>(code: StatusCode, content_type: Option<&str>, chunks: S) -> Response
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<axum::BoxError> + 'static,
{
    let mut response = with_status(code, Body::from_stream(chunks));
    if let Some(value) = content_type.and_then(|text| HeaderValue::from_str(text).ok()) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

/// Express's error page in its production form: only the reason phrase, never a cause.
pub fn error_page(code: StatusCode) -> Response {
    let mut response = html_with(code, html_document("Error", &reason(code)));
    response.headers_mut().insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'"),
    );
    untag(response.extensions_mut());
    response
}

/// The page for an unknown path or a wrong method: 404 with the operator's HTML (empty when there is none).
pub fn not_found_page(page: Bytes) -> Response {
    html_with(StatusCode::NOT_FOUND, page)
}

/// A redirect to `location` whose body is negotiated: text unless `Accept` prefers HTML, empty if it allows neither.
pub fn redirect(code: StatusCode, location: &str, request: &HeaderMap) -> Response {
    let address = encode_url(location);
    let text = format!("{}. Redirecting to {address}", reason(code));
    let mut response = match preferred_text(request) {
        Some(Preferred::Plain) => bytes(code, TEXT, Bytes::from(text)),
        Some(Preferred::Html) => {
            let body = format!(
                "<p>{}. Redirecting to {}</p>",
                reason(code),
                escape_html(&address)
            );
            bytes(code, HTML, Bytes::from(body))
        }
        None => {
            let mut response = with_status(code, Body::empty());
            response
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            response
        }
    };
    if let Ok(value) = HeaderValue::from_str(&address) {
        response.headers_mut().insert(LOCATION, value);
    }
    vary(response.headers_mut(), "Accept");
    untag(response.extensions_mut());
    response
}

/// `301` to `location` with the HTML body of Express's directory redirect.
pub fn directory_redirect(location: &str) -> Response {
    let address = encode_url(location);
    let page = html_document(
        "Redirecting",
        &format!("Redirecting to {}", escape_html(&address)),
    );
    let mut response = bytes(
        StatusCode::MOVED_PERMANENTLY,
        "text/html; charset=UTF-8",
        Bytes::from(page),
    );
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'"),
    );
    if let Ok(value) = HeaderValue::from_str(&address) {
        headers.insert(LOCATION, value);
    }
    untag(response.extensions_mut());
    response
}

/// Turns a reply into a download named `file_name` (RFC 6266, see [`content_disposition`]).
pub fn attachment(mut response: Response, file_name: &str) -> Response {
    response
        .headers_mut()
        .insert(CONTENT_DISPOSITION, content_disposition(file_name));
    response
}

/// Adds `name` at the end of `Vary` unless it is there.
pub fn vary(headers: &mut HeaderMap, name: &str) {
    merge_vary(headers, name, false);
}

/// Adds `name` at the front of `Vary` unless it is there.
pub fn vary_first(headers: &mut HeaderMap, name: &str) {
    merge_vary(headers, name, true);
}

fn merge_vary(headers: &mut HeaderMap, name: &str, first: bool) {
    let mut fields: Vec<String> = list(headers, &VARY);
    if fields
        .iter()
        .any(|field| field == "*" || field.eq_ignore_ascii_case(name))
    {
        return;
    }
    fields.insert(if first { 0 } else { fields.len() }, name.to_owned());
    if let Ok(value) = HeaderValue::from_str(&fields.join(", ")) {
        headers.insert(VARY, value);
    }
}

/// The comma separated members of every occurrence of a header, trimmed, empty ones dropped.
pub fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|member| !member.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The reason phrase of a status; the number when it has none.
pub fn reason(code: StatusCode) -> String {
    match code {
        StatusCode::PAYLOAD_TOO_LARGE => "Payload Too Large".to_owned(),
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Entity".to_owned(),
        _ => code
            .canonical_reason()
            .map_or_else(|| code.as_u16().to_string(), str::to_owned),
    }
}

/// Text made safe for HTML content and attributes.
pub fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("&quot;"),
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&#39;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    out
}

/// Percent-encodes what may not stand in a URL and leaves existing escapes alone.
pub fn encode_url(url: &str) -> String {
    let raw = url.as_bytes();
    let mut out = String::with_capacity(raw.len());
    for (at, &byte) in raw.iter().enumerate() {
        let is_escape = byte == b'%'
            && raw
                .get(at + 1..at + 3)
                .is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
        let is_plain = byte.is_ascii_graphic() && !b"\"<>`{}%".contains(&byte);
        if is_escape || is_plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn html_document(title: &str, body: &str) -> String {
    let head = format!("<meta charset=\"utf-8\">\n<title>{title}</title>");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n{head}\n</head>\n<body>\n<pre>{body}</pre>\n</body>\n</html>\n"
    )
}

fn with_status(code: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::ACCEPT;
    use http_body_util::BodyExt;

    async fn text(response: Response) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    fn accept(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(value).unwrap())])
    }

    #[tokio::test]
    async fn a_status_is_its_reason_phrase() {
        let response = status(StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(response.headers()[CONTENT_TYPE], TEXT);
        assert_eq!(text(response).await, "Payload Too Large");
        let none = status(StatusCode::NO_CONTENT);
        assert_eq!(none.headers()[ETAG], "W/\"a-bAsFyilMr4Ra1hIU5PyoyFRunpI\"");
        assert_eq!(text(none).await, "");
    }

    #[tokio::test]
    async fn the_error_page_matches_the_original() {
        let response = error_page(StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[CONTENT_SECURITY_POLICY], "default-src 'none'");
        let body = text(response).await;
        assert_eq!(body.len(), 138);
        assert!(body.contains("<pre>Bad Request</pre>"));
    }

    #[tokio::test]
    async fn redirects_negotiate_their_body() {
        let found = StatusCode::FOUND;
        let body = |headers: HeaderMap| async move { text(redirect(found, "/", &headers)).await };
        assert_eq!(body(HeaderMap::new()).await, "Found. Redirecting to /");
        assert_eq!(body(accept("")).await, "Found. Redirecting to /");
        assert_eq!(body(accept("*/*")).await, "Found. Redirecting to /");
        assert_eq!(
            body(accept("text/html,*/*;q=0.8")).await,
            "<p>Found. Redirecting to /</p>"
        );
        assert_eq!(body(accept("image/png")).await, "");
        assert_eq!(redirect(found, "/", &HeaderMap::new()).headers()[VARY], "Accept");
    }

    #[test]
    fn urls_are_encoded_once() {
        assert_eq!(encode_url("/a b/%20/é?x={1}"), "/a%20b/%20/%C3%A9?x=%7B1%7D");
        assert_eq!(encode_url("/100%"), "/100%25");
    }
}

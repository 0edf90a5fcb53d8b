//! Request bodies: read, inflated and checked before anything else is looked at, as the original does. A malformed
//! body is answered before authentication and CSRF.

mod decode;

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::middleware::form::{self, FormError};
use crate::reply;

use decode::{Charset, Encoding, inflate};

/// JSON bodies up to this many bytes are checked here. Longer ones (chats, settings) are parsed by their handler, which
/// answers a malformed one in the same words: parsing 20 MB twice would cost more than the order of errors is worth.
const CHECKED: usize = 1 << 20;

/// Request extension: what the body was.
#[derive(Clone, Debug, PartialEq)]
pub enum ParsedBody {
    /// JSON whose top level is an object or array: UTF-8, no byte order mark. Valid up to 1 MiB, else its start only.
    Json(Bytes),
    /// A form, as an object of texts, arrays and objects.
    Form(Value),
    /// No body, or an empty one: handlers see `{}`.
    Empty,
    /// Any other type, multipart included: the request still has it, unread.
    Other,
}

/// How long a request without [`Known`] may take to come and be understood: nothing that is open to everyone takes long.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Largest bodies in bytes, after inflation.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Time for requests without [`Known`].
    pub patience: Duration,
    /// For requests without [`Known`].
    pub anonymous: usize,
    /// For requests with [`Known`].
    pub known: usize,
}

/// Request extension, set further out: the request is from a known user, who may send big bodies.
#[derive(Clone, Copy, Debug)]
pub struct Known;

/// Puts a [`ParsedBody`] into the extensions, or answers with the error page: 400 malformed, 413 too big, 415 unknown
/// charset or encoding, 408 not there in time.
pub async fn parse(State(limits): State<BodyLimits>, request: Request, next: Next) -> Response {
    if request.extensions().get::<Known>().is_some() {
        return pass(request, limits.known, next).await;
    }
    let limited = match within(request, limits.anonymous) {
        Ok(request) => request,
        Err(code) => return reply::error_page(code),
    };
    let answer = tokio::time::timeout(limits.patience, pass(limited, limits.anonymous, next));
    answer
        .await
        .unwrap_or_else(|_| reply::error_page(StatusCode::REQUEST_TIMEOUT))
}

async fn pass(request: Request, limit: usize, next: Next) -> Response {
    match take(request, limit).await {
        Ok((mut request, parsed)) => {
            request.extensions_mut().insert(parsed);
            next.run(request).await
        }
        Err(code) => reply::error_page(code),
    }
}

/// The request with a body that breaks off beyond `limit` bytes, whatever its type and whoever reads it; 413 where it says
/// itself that it is longer.
fn within(request: Request, limit: usize) -> Result<Request, StatusCode> {
    let announced = text(request.headers(), CONTENT_LENGTH).parse::<u64>();
    if announced.is_ok_and(|length| length > limit as u64) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(request.map(|body| Body::new(Limited::new(body, limit))))
}

async fn take(request: Request, limit: usize) -> Result<(Request, ParsedBody), StatusCode> {
    let headers = request.headers();
    if !headers.contains_key(TRANSFER_ENCODING) && !headers.contains_key(CONTENT_LENGTH) {
        return Ok((request, ParsedBody::Empty));
    }
    let kind = text(headers, CONTENT_TYPE).to_ascii_lowercase();
    let media = kind.split(';').next().unwrap_or("").trim();
    let is_json = media == "application/json";
    if !is_json && media != "application/x-www-form-urlencoded" {
        let is_empty = text(headers, CONTENT_LENGTH) == "0";
        return Ok((
            request,
            if is_empty {
                ParsedBody::Empty
            } else {
                ParsedBody::Other
            },
        ));
    }
    let charset = Charset::of(&kind)?;
    if !is_json && charset != Charset::Utf8 {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let encoding = Encoding::of(headers)?;
    let (parts, body) = request.into_parts();
    let raw = collect(body, limit).await?;
    let bytes = inflate(encoding, raw, limit).await?;
    let bytes = charset.to_utf8(bytes);
    let parsed = if is_json { json(bytes)? } else { form(&bytes)? };
    Ok((Request::from_parts(parts, Body::empty()), parsed))
}

fn json(bytes: Bytes) -> Result<ParsedBody, StatusCode> {
    if bytes.is_empty() {
        return Ok(ParsedBody::Empty);
    }
    let first = bytes.iter().find(|byte| !b" \t\n\r".contains(byte));
    let is_container = matches!(first, Some(b'{' | b'['));
    let is_checked = bytes.len() > CHECKED || serde_json::from_slice::<IgnoredAny>(&bytes).is_ok();
    if is_container && is_checked {
        Ok(ParsedBody::Json(bytes))
    } else {
        Err(StatusCode::BAD_REQUEST)
    }
}

fn form(bytes: &Bytes) -> Result<ParsedBody, StatusCode> {
    if bytes.is_empty() {
        return Ok(ParsedBody::Empty);
    }
    form::parse(&String::from_utf8_lossy(bytes))
        .map(ParsedBody::Form)
        .map_err(|error| match error {
            FormError::TooManyPairs => StatusCode::PAYLOAD_TOO_LARGE,
            FormError::TooDeep => StatusCode::BAD_REQUEST,
        })
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, StatusCode> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_too_long(error.as_ref()) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

/// Whether a body broke off at its limit, the one here or the one that stands around it for who is not known.
pub(crate) fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(<dyn std::error::Error>::is::<LengthLimitError>)
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::CONTENT_ENCODING;
    use axum::{Extension, Router};
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use std::io::Write;
    use tower::ServiceExt;

    const JSON: &str = "application/json";

    async fn send(headers: &[(HeaderName, &str)], body: impl Into<Vec<u8>>) -> Result<String, StatusCode> {
        let body = body.into();
        let router = Router::new()
            .fallback(|Extension(parsed): Extension<ParsedBody>| async move { format!("{parsed:?}") })
            .layer(axum::middleware::from_fn_with_state(
                BodyLimits {
                    patience: Duration::from_secs(60),
                    anonymous: 64,
                    known: 1 << 22,
                },
                parse,
            ));
        let mut request = Request::post("/").header(CONTENT_LENGTH, body.len());
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        if headers.iter().any(|(name, _)| name == "x-known") {
            request.extensions_mut().insert(Known);
        }
        let response = router.oneshot(request).await.unwrap();
        if !response.status().is_success() {
            return Err(response.status());
        }
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn send_json(body: impl Into<Vec<u8>>) -> Result<String, StatusCode> {
        send(&[(CONTENT_TYPE, JSON)], body).await
    }

    #[tokio::test]
    async fn json_must_be_an_object_or_array() {
        assert_eq!(
            send_json(" {\"a\":1}").await.unwrap(),
            "Json(b\" {\\\"a\\\":1}\")"
        );
        assert!(send_json("[]").await.is_ok());
        assert_eq!(send_json("").await.unwrap(), "Empty");
        for bad in ["\"a\"", "1", "null", "{", "{} x", " ", "{\"a\":}"] {
            assert_eq!(send_json(bad).await, Err(StatusCode::BAD_REQUEST), "{bad}");
        }
    }

    #[tokio::test]
    async fn json_keeps_what_javascript_allows() {
        assert!(send_json(r#"["\ud800", 1e999]"#).await.is_ok());
        assert!(send_json("\u{feff}[]").await.unwrap().contains("b\"[]\""));
        assert!(
            send_json(&b"[\"\xff\"]"[..])
                .await
                .unwrap()
                .contains("\\xef\\xbf\\xbd")
        );
        let units: Vec<u8> = "[1]".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let kind = [(CONTENT_TYPE, "application/json; charset=utf-16le")];
        assert!(send(&kind, units).await.unwrap().contains("[1]"));
    }

    #[tokio::test]
    async fn deep_json_is_no_fault() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(
            send(
                &[(CONTENT_TYPE, JSON), (HeaderName::from_static("x-known"), "1")],
                deep
            )
            .await
            .is_ok()
        );
    }

    #[tokio::test]
    async fn the_limit_depends_on_who_asks() {
        let big = format!("[{}]", " ".repeat(100));
        assert_eq!(send_json(big.clone()).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert!(
            send(
                &[(CONTENT_TYPE, JSON), (HeaderName::from_static("x-known"), "1")],
                big
            )
            .await
            .is_ok()
        );
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let limits = BodyLimits {
            patience: Duration::from_millis(1),
            anonymous: 64,
            known: 64,
        };
        let router = Router::new()
            .fallback(|| async {})
            .layer(axum::middleware::from_fn_with_state(limits, parse));
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let request = Request::post("/")
            .header(CONTENT_LENGTH, 9)
            .header(CONTENT_TYPE, JSON);
        let response = router.oneshot(request.body(never).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn a_body_of_any_type_breaks_off_at_a_visitors_limit() {
        for (known, expected) in [(false, None), (true, Some(80))] {
            let limits = BodyLimits {
                patience: Duration::from_secs(60),
                anonymous: 64,
                known: 1 << 22,
            };
            let read = |request: Request| async move {
                let length = request.into_body().collect().await.ok();
                format!("{:?}", length.map(|body| body.to_bytes().len()))
            };
            let router = Router::new()
                .fallback(read)
                .layer(axum::middleware::from_fn_with_state(limits, parse));
            let pieces = (0..10).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"aaaaaaaa")));
            let mut request = Request::post("/")
                .header(TRANSFER_ENCODING, "chunked")
                .header(CONTENT_TYPE, "multipart/form-data; boundary=x")
                .body(Body::from_stream(futures_util::stream::iter(pieces)))
                .unwrap();
            if known {
                request.extensions_mut().insert(Known);
            }
            let answer = router.oneshot(request).await.unwrap().into_body();
            let answer = answer.collect().await.unwrap().to_bytes();
            assert_eq!(answer, format!("{expected:?}"));
        }
    }

    #[tokio::test]
    async fn bodies_are_inflated_within_the_limit() {
        let gzip = |text: &str| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"[2]").unwrap();
        let send_as = |encoding: &'static str, body: Vec<u8>| async move {
            send(&[(CONTENT_TYPE, JSON), (CONTENT_ENCODING, encoding)], body).await
        };
        assert!(send_as("gzip", gzip("[1]")).await.unwrap().contains("[1]"));
        assert!(
            send_as("gzip", [gzip("[1,"), gzip("2]"), vec![0; 2]].concat())
                .await
                .unwrap()
                .contains("[1,2]")
        );
        let trailed = send_as("gzip", [gzip("[1]"), b"zz".to_vec()].concat()).await;
        assert_eq!(trailed, Err(StatusCode::BAD_REQUEST));
        assert!(
            send_as("Deflate", zlib.finish().unwrap())
                .await
                .unwrap()
                .contains("[2]")
        );
        let bomb = gzip(&format!("[{}]", " ".repeat(1000)));
        assert_eq!(send_as("gzip", bomb).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(
            send_as("gzip", b"junk".to_vec()).await,
            Err(StatusCode::BAD_REQUEST)
        );
        assert_eq!(
            send_as("gzip", gzip("[1]")[..12].to_vec()).await,
            Err(StatusCode::BAD_REQUEST)
        );
        assert_eq!(
            send_as("br", b"x".to_vec()).await,
            Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        );
    }

    #[tokio::test]
    async fn other_types_are_left_alone() {
        let multipart = [(CONTENT_TYPE, "multipart/form-data; boundary=x")];
        assert_eq!(send(&multipart, vec![0; 64]).await.unwrap(), "Other");
        let known = (HeaderName::from_static("x-known"), "1");
        assert_eq!(
            send(&[multipart[0].clone(), known], vec![0; 100]).await.unwrap(),
            "Other"
        );
        assert_eq!(
            send(&multipart, vec![0; 65]).await,
            Err(StatusCode::PAYLOAD_TOO_LARGE)
        );
        let latin = [(CONTENT_TYPE, "application/json; charset=iso-8859-1")];
        assert_eq!(send(&latin, "{}").await, Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        let form = [(CONTENT_TYPE, "application/x-www-form-urlencoded")];
        assert_eq!(
            send(&form, "a[b]=1").await.unwrap(),
            r#"Form(Object {"a": Object {"b": String("1")}})"#
        );
    }
}

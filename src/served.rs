//! File replies: one function for files on disk and for blobs in the database.
//!
//! Preconditions, byte ranges and caching headers follow Express's `send`: see [`serve`].

mod conditions;

use std::io::SeekFrom;
use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    USER_AGENT,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::reply;

pub use conditions::is_fresh;
use conditions::{Wanted, precondition_failed, requested_range, text};

/// Bytes read from a file at a time.
const CHUNK: usize = 64 * 1024;

/// How a browser may keep a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// `public, max-age=0`: kept, asked for again each time.
    Revalidate,
    /// As `Revalidate`, but Firefox is told not to store images (user data and thumbnails).
    NoImagesInFirefox,
}

/// What the headers of a file reply are made of.
#[derive(Clone, Copy, Debug)]
pub struct FileMeta<'a> {
    /// Whole size in bytes.
    pub size: u64,
    /// Time of the last change; the tag uses it rounded to milliseconds.
    pub modified: DateTime<Utc>,
    /// Whole `Content-Type` value, see [`crate::mime::content_type`].
    pub content_type: &'a str,
    /// Cache rule of the route.
    pub cache: Cache,
}

/// Where the bytes come from.
pub enum Source {
    /// All of them, in memory.
    Bytes(Bytes),
    /// An open file.
    File(File),
    /// Anything that can produce a byte range, asked at most once and only when a body is sent.
    Ranged(Box<dyn FnOnce(Range<u64>) -> Body + Send>),
}

/// Answers a request for a file: 200, 206, 304, 412 or 416 by the request's conditions and range.
///
/// Method-independent, as user data routes answer any method. Several ranges are answered with the whole file.
pub async fn serve(request: &HeaderMap, meta: &FileMeta<'_>, source: Source) -> Response {
    let tag = entity_tag(meta);
    let modified = http_date(rounded_ms(meta.modified).div_euclid(1000));
    let mut headers = HeaderMap::new();
    set(&mut headers, ACCEPT_RANGES, "bytes");
    set(&mut headers, CACHE_CONTROL, cache_control(request, meta));
    set(&mut headers, LAST_MODIFIED, &modified);
    set(&mut headers, ETAG, &tag);
    if precondition_failed(request, &tag, &modified) {
        return with_headers(reply::error_page(StatusCode::PRECONDITION_FAILED), headers);
    }
    if is_fresh(request, Some(&tag), Some(&modified)) {
        return with_headers(empty(StatusCode::NOT_MODIFIED), headers);
    }
    let (code, range) = match requested_range(request, meta.size, &tag, &modified) {
        Wanted::Whole => (StatusCode::OK, 0..meta.size),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing => {
            set(&mut headers, CONTENT_RANGE, &format!("bytes */{}", meta.size));
            return with_headers(reply::error_page(StatusCode::RANGE_NOT_SATISFIABLE), headers);
        }
    };
    set(&mut headers, CONTENT_TYPE, meta.content_type);
    if code == StatusCode::PARTIAL_CONTENT {
        let last = range.end - 1;
        set(
            &mut headers,
            CONTENT_RANGE,
            &format!("bytes {}-{last}/{}", range.start, meta.size),
        );
    }
    set(
        &mut headers,
        CONTENT_LENGTH,
        &(range.end - range.start).to_string(),
    );
    match body(source, range).await {
        Ok(body) => {
            let mut response = empty(code);
            *response.body_mut() = body;
            with_headers(response, headers)
        }
        Err(error) => {
            tracing::error!(%error, "a file could not be read");
            reply::error_page(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

async fn body(source: Source, range: Range<u64>) -> std::io::Result<Body> {
    Ok(match source {
        Source::Bytes(bytes) => {
            let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            Body::from(bytes.slice(at(range.start)..at(range.end)))
        }
        Source::File(mut file) => {
            if range.start > 0 {
                file.seek(SeekFrom::Start(range.start)).await?;
            }
            Body::from_stream(ReaderStream::with_capacity(
                file.take(range.end - range.start),
                CHUNK,
            ))
        }
        Source::Ranged(produce) => produce(range),
    })
}

/// The weak tag of a file: `W/"<size hex>-<modification ms hex>"`.
pub fn entity_tag(meta: &FileMeta<'_>) -> String {
    let ms = rounded_ms(meta.modified);
    let sign = if ms < 0 { "-" } else { "" };
    format!("W/\"{:x}-{sign}{:x}\"", meta.size, ms.unsigned_abs())
}

/// Milliseconds since 1970, rounded as Node does for file times.
fn rounded_ms(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros().saturating_add(500).div_euclid(1000)
}

/// Seconds since 1970 as an HTTP date.
pub fn http_date(seconds: i64) -> String {
    DateTime::<Utc>::from_timestamp(seconds, 0)
        .unwrap_or(DateTime::UNIX_EPOCH)
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

fn cache_control(request: &HeaderMap, meta: &FileMeta<'_>) -> &'static str {
    let is_image = meta.content_type.starts_with("image/");
    // compat: Firefox keeps images in memory past their revalidation, so edited avatars would stay stale.
    if meta.cache == Cache::NoImagesInFirefox && is_image && is_firefox(request) {
        return "must-understand, no-store";
    }
    "public, max-age=0"
}

fn is_firefox(request: &HeaderMap) -> bool {
    text(request, USER_AGENT).is_some_and(|agent| agent.to_ascii_lowercase().contains("firefox"))
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn empty(code: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = code;
    response
}

fn with_headers(mut response: Response, headers: HeaderMap) -> Response {
    response.headers_mut().extend(headers);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::{
        IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
    };
    use http_body_util::BodyExt;

    const TAG: &str = "W/\"a-1a204f71e18\"";

    fn meta() -> FileMeta<'static> {
        FileMeta {
            size: 10,
            modified: DateTime::from_timestamp(1_795_379_633, 687_909_979).unwrap(),
            content_type: "image/png",
            cache: Cache::NoImagesInFirefox,
        }
    }

    async fn get(headers: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap, String) {
        let request = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect();
        let response = serve(
            &request,
            &meta(),
            Source::Bytes(Bytes::from_static(b"0123456789")),
        )
        .await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            parts.status,
            parts.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn a_plain_request_gets_the_file_and_its_headers() {
        let (status, headers, body) = get(&[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "0123456789"));
        assert_eq!(headers[ETAG], TAG);
        assert_eq!(headers[LAST_MODIFIED], "Sun, 22 Nov 2026 20:33:53 GMT");
        assert_eq!(headers[CACHE_CONTROL], "public, max-age=0");
        assert_eq!(headers[CONTENT_LENGTH], "10");
    }

    #[tokio::test]
    async fn firefox_is_told_not_to_store_images() {
        let (_, headers, _) = get(&[(USER_AGENT, "Mozilla Firefox/140")]).await;
        assert_eq!(headers[CACHE_CONTROL], "must-understand, no-store");
    }

    #[tokio::test]
    async fn conditions_decide_between_304_412_and_200() {
        let (status, headers, body) = get(&[(IF_NONE_MATCH, TAG)]).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert!(!headers.contains_key(CONTENT_TYPE));
        let date = "Sun, 22 Nov 2026 20:33:53 GMT";
        assert_eq!(
            get(&[(IF_MODIFIED_SINCE, date)]).await.0,
            StatusCode::NOT_MODIFIED
        );
        let wrong_day = "Mon, 22 Nov 2036 20:33:53 GMT";
        assert_eq!(
            get(&[(IF_MODIFIED_SINCE, wrong_day)]).await.0,
            StatusCode::NOT_MODIFIED
        );
        let stale = [(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, date)];
        assert_eq!(get(&stale).await.0, StatusCode::OK);
        assert_eq!(
            get(&[(IF_NONE_MATCH, TAG), (CACHE_CONTROL, "no-cache")]).await.0,
            StatusCode::OK
        );
        assert_eq!(
            get(&[(IF_MATCH, "\"x\"")]).await.0,
            StatusCode::PRECONDITION_FAILED
        );
        let old = "Sun, 22 Nov 2020 20:33:53 GMT";
        assert_eq!(
            get(&[(IF_UNMODIFIED_SINCE, old)]).await.0,
            StatusCode::PRECONDITION_FAILED
        );
    }

    #[tokio::test]
    async fn ranges_are_cut_joined_or_refused() {
        let range = |value: &'static str| async move { get(&[(RANGE, value)]).await };
        let (status, headers, body) = range("bytes=2-4").await;
        assert_eq!((status, body.as_str()), (StatusCode::PARTIAL_CONTENT, "234"));
        assert_eq!(headers[CONTENT_RANGE], "bytes 2-4/10");
        assert_eq!(range("bytes=-3").await.2, "789");
        assert_eq!(range("bytes=7-").await.2, "789");
        assert_eq!(range("bytes=5-99").await.2, "56789");
        assert_eq!(range("bytes=0-1,2-3").await.2, "0123");
        assert_eq!(range("bytes=0-1,5-6").await.0, StatusCode::OK);
        assert_eq!(range("lines=0-1").await.0, StatusCode::OK);
        let (status, headers, body) = range("bytes=10-").await;
        assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(headers[CONTENT_RANGE], "bytes */10");
        assert!(body.contains("Range Not Satisfiable"));
    }

    #[tokio::test]
    async fn a_stale_if_range_gets_the_whole_file() {
        assert_eq!(
            get(&[(RANGE, "bytes=0-1"), (IF_RANGE, "\"x\"")]).await.2,
            "0123456789"
        );
        assert_eq!(get(&[(RANGE, "bytes=0-1"), (IF_RANGE, TAG)]).await.2, "01");
    }
}

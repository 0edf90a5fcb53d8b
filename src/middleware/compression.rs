//! Response compression: bodies of 1 KiB and more of compressible types, by br, gzip or deflate.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate, SizeAbove};

use crate::reply;

/// Bodies below this many bytes are sent as they are.
const THRESHOLD: u64 = 1024;

type Rule = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// The compression layer. Replies without a content type and event streams pass untouched, so that tokens reach the
/// browser as they come; the original compresses event streams.
pub fn layer() -> CompressionLayer<And<SizeAbove, Rule>> {
    let rule: Rule = |_, _, headers, _| is_compressible(headers) && !forbids_transform(headers);
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(THRESHOLD).and(rule))
}

/// Adds `Accept-Encoding` to the `Vary` of every compressible reply, whatever its size. Belongs inside [`layer`].
pub async fn announce(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if is_compressible(response.headers()) && !forbids_transform(response.headers()) {
        reply::vary(response.headers_mut(), "Accept-Encoding");
    }
    response
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let media = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match media.split_once('/') {
        Some(("text", subtype)) => subtype != "event-stream",
        Some(("application", subtype)) => {
            let listed = [
                "json",
                "javascript",
                "ecmascript",
                "xml",
                "wasm",
                "x-javascript",
                "x-ndjson",
                "toml",
                "octet-stream",
            ];
            listed.contains(&subtype) || has_text_suffix(subtype)
        }
        Some(("image", subtype)) => {
            ["bmp", "x-icon", "vnd.microsoft.icon", "vnd.adobe.photoshop"].contains(&subtype)
                || has_text_suffix(subtype)
        }
        Some(("font", subtype)) => ["ttf", "otf"].contains(&subtype),
        Some((_, subtype)) => has_text_suffix(subtype),
        None => false,
    }
}

fn has_text_suffix(subtype: &str) -> bool {
    ["+json", "+text", "+xml"]
        .iter()
        .any(|suffix| subtype.ends_with(suffix))
}

fn forbids_transform(headers: &HeaderMap) -> bool {
    reply::list(headers, &CACHE_CONTROL)
        .iter()
        .any(|directive| directive.eq_ignore_ascii_case("no-transform"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
    use axum::routing::get;
    use bytes::Bytes;
    use tower::ServiceExt;

    async fn fetch(path: &str) -> Response {
        let big = || async { reply::json(&"x".repeat(2000)) };
        let small = || async { reply::json(&"x") };
        let image = || async { reply::bytes(StatusCode::OK, "image/png", Bytes::from(vec![0; 5000])) };
        let events =
            || async { reply::bytes(StatusCode::OK, "text/event-stream", Bytes::from(vec![65; 5000])) };
        let untyped = || async {
            reply::stream(
                StatusCode::OK,
                None,
                futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::new())]),
            )
        };
        let router = Router::new()
            .route("/big", get(big))
            .route("/small", get(small))
            .route("/image", get(image))
            .route("/events", get(events))
            .route("/untyped", get(untyped))
            .layer(axum::middleware::from_fn(announce))
            .layer(layer());
        let request = Request::get(path)
            .header(ACCEPT_ENCODING, "gzip, deflate, br")
            .body(Body::empty())
            .unwrap();
        router.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn only_big_compressible_replies_are_compressed() {
        let big = fetch("/big").await;
        assert_eq!(big.headers()[CONTENT_ENCODING], "br");
        assert_eq!(big.headers()[VARY], "Accept-Encoding");
        let small = fetch("/small").await;
        assert!(!small.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(small.headers()[VARY], "Accept-Encoding");
        for path in ["/image", "/events", "/untyped"] {
            let response = fetch(path).await;
            assert!(!response.headers().contains_key(CONTENT_ENCODING), "{path}");
            assert!(!response.headers().contains_key(VARY), "{path}");
        }
    }
}

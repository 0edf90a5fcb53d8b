//! Weak tags for replies that are in memory, and 304 for clients that hold the same.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    TRANSFER_ENCODING,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http_body_util::BodyExt;
use sha1::{Digest, Sha1};

use crate::reply::{self, Untagged};
use crate::served;

/// Bodies above this many bytes get no tag: hashing each chat and character list on every read would cost more than
/// the 304s it could save. The original tags bodies of any size.
const LIMIT: u64 = 256 * 1024;

/// Adds the tag and answers `GET` and `HEAD` with 304 when the client's copy has it.
///
/// Streams, files (which bring their own tag) and replies marked [`Untagged`] are left alone.
pub async fn tag(request: Request, next: Next) -> Response {
    let is_get = request.method() == Method::GET || request.method() == Method::HEAD;
    let conditions = conditions(request.headers());
    let response = next.run(request).await;
    let response = tagged(response).await;
    let can_be_fresh = response.status().is_success() && response.headers().contains_key(ETAG);
    if is_get && can_be_fresh && is_fresh(&conditions, response.headers()) {
        return not_modified(response);
    }
    response
}

/// `W/"<length in hex>-<27 characters of base64 SHA-1>"`.
pub fn weak(body: &[u8]) -> HeaderValue {
    let hash = STANDARD_NO_PAD.encode(Sha1::digest(body));
    let text = format!("W/\"{:x}-{hash}\"", body.len());
    HeaderValue::from_str(&text).expect("hex and base64 are header characters")
}

async fn tagged(response: Response) -> Response {
    let exact = response.body().size_hint().exact();
    let wants_tag = !response.headers().contains_key(ETAG)
        && response.headers().contains_key(CONTENT_TYPE)
        && response.extensions().get::<Untagged>().is_none()
        && exact.is_some_and(|size| size <= LIMIT);
    if !wants_tag {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    match body.collect().await {
        Ok(collected) => {
            let bytes = collected.to_bytes();
            parts.headers.insert(ETAG, weak(&bytes));
            Response::from_parts(parts, Body::from(bytes))
        }
        Err(error) => {
            tracing::error!(%error, "a reply body broke before it was sent");
            reply::error_page(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// The request headers that decide freshness.
fn conditions(headers: &HeaderMap) -> HeaderMap {
    let names: [HeaderName; 3] = [IF_NONE_MATCH, IF_MODIFIED_SINCE, CACHE_CONTROL];
    names
        .into_iter()
        .filter_map(|name| headers.get(&name).cloned().map(|value| (name, value)))
        .collect()
}

fn is_fresh(conditions: &HeaderMap, reply: &HeaderMap) -> bool {
    let text = |name: HeaderName| reply.get(name).and_then(|value| value.to_str().ok());
    served::is_fresh(conditions, text(ETAG), text(LAST_MODIFIED))
}

fn not_modified(mut response: Response) -> Response {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.body_mut() = Body::empty();
    for name in [CONTENT_TYPE, CONTENT_LENGTH, TRANSFER_ENCODING] {
        response.headers_mut().remove(name);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::any;
    use bytes::Bytes;
    use tower::ServiceExt;

    async fn send(method: Method, path: &str, none_match: &str) -> Response {
        let stream = || async {
            let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"x"))]);
            reply::stream(StatusCode::OK, Some(reply::TEXT), chunks)
        };
        let router = Router::new()
            .route("/ok", any(|| async { reply::status(StatusCode::NOT_FOUND) }))
            .route("/json", any(|| async { reply::json(&[1]) }))
            .route(
                "/page",
                any(|| async { reply::error_page(StatusCode::FORBIDDEN) }),
            )
            .route(
                "/big",
                any(|| async { reply::html_text("x".repeat(LIMIT as usize + 1)) }),
            )
            .route("/stream", any(stream))
            .layer(axum::middleware::from_fn(tag));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(IF_NONE_MATCH, none_match);
        router
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn bodies_in_memory_are_tagged_whatever_their_status() {
        let response = send(Method::POST, "/ok", "*").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[ETAG], "W/\"9-0gXL1ngzMqISxa6S1zx3F4wtLyg\"");
        for path in ["/page", "/big", "/stream"] {
            assert!(
                !send(Method::GET, path, "\"x\"")
                    .await
                    .headers()
                    .contains_key(ETAG),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn a_get_of_the_same_is_304_and_a_post_never() {
        let tag = weak(b"[1]").to_str().unwrap().to_owned();
        let same = send(Method::GET, "/json", &tag).await;
        assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
        assert!(!same.headers().contains_key(CONTENT_TYPE));
        assert_eq!(
            send(Method::GET, "/json", "*").await.status(),
            StatusCode::NOT_MODIFIED
        );
        assert_eq!(
            send(Method::GET, "/json", "\"other\"").await.status(),
            StatusCode::OK
        );
        assert_eq!(send(Method::POST, "/json", &tag).await.status(), StatusCode::OK);
    }
}

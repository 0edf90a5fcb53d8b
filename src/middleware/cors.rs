//! Cross-origin headers, and the answer to every `OPTIONS` request.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_LENGTH, ORIGIN,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::reply;

/// Which origins may read replies (`cors.origin`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// `*`
    Any,
    /// `true`: the origin of the request is sent back, whatever it is.
    Mirror,
    /// A single string in the configuration: sent to everyone.
    Fixed(String),
    /// A list: an origin that is on it is sent back.
    Listed(Vec<String>),
}

/// The `cors.*` settings.
#[derive(Clone, Debug)]
pub struct CorsPolicy {
    /// `cors.origin`
    pub origins: Origins,
    /// `cors.methods`
    pub methods: Vec<String>,
    /// `cors.allowedHeaders`; when empty, the requested headers are allowed.
    pub allowed_headers: Vec<String>,
    /// `cors.exposedHeaders`
    pub exposed_headers: Vec<String>,
    /// `cors.credentials`
    pub credentials: bool,
    /// `cors.maxAge`, seconds.
    pub max_age: Option<i64>,
}

/// Answers `OPTIONS` (any path) with 204, and adds the cross-origin headers to everything else.
///
/// Mount it only when `cors.enabled`.
pub async fn apply(State(policy): State<Arc<CorsPolicy>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    if request.method() == Method::OPTIONS {
        return policy.preflight(origin.as_ref(), request.headers());
    }
    let mut response = next.run(request).await;
    policy.common(origin.as_ref(), response.headers_mut());
    response
}

impl CorsPolicy {
    fn preflight(&self, origin: Option<&HeaderValue>, request: &HeaderMap) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        reply::untag(response.extensions_mut());
        let headers = response.headers_mut();
        self.common(origin, headers);
        // compat: an empty method list leaves the header out.
        set(headers, ACCESS_CONTROL_ALLOW_METHODS, &self.methods.join(","));
        if self.allowed_headers.is_empty() {
            reply::vary(headers, "Access-Control-Request-Headers");
            if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
            }
        } else {
            set(
                headers,
                ACCESS_CONTROL_ALLOW_HEADERS,
                &self.allowed_headers.join(","),
            );
        }
        if let Some(seconds) = self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
        }
        // Safari waits for a body otherwise.
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        response
    }

    fn common(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        match &self.origins {
            Origins::Any => set(headers, ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            Origins::Fixed(fixed) => {
                set(headers, ACCESS_CONTROL_ALLOW_ORIGIN, fixed);
                reply::vary_first(headers, "Origin");
            }
            Origins::Mirror => {
                if let Some(origin) = origin {
                    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                }
                reply::vary_first(headers, "Origin");
            }
            Origins::Listed(list) => {
                let listed =
                    origin.filter(|origin| list.iter().any(|known| known.as_bytes() == origin.as_bytes()));
                if let Some(origin) = listed {
                    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                }
                reply::vary_first(headers, "Origin");
            }
        }
        if self.credentials {
            set(headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        set(
            headers,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            &self.exposed_headers.join(","),
        );
    }
}

/// Sets a header unless its value is empty.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::header::VARY;
    use tower::ServiceExt;

    fn policy() -> CorsPolicy {
        CorsPolicy {
            origins: Origins::Listed(vec!["null".to_owned()]),
            methods: vec!["OPTIONS".to_owned()],
            allowed_headers: Vec::new(),
            exposed_headers: Vec::new(),
            credentials: false,
            max_age: None,
        }
    }

    async fn send(policy: CorsPolicy, method: Method, origin: &str) -> Response {
        let router = Router::new()
            .fallback(|| async { reply::redirect(StatusCode::FOUND, "/", &HeaderMap::new()) })
            .layer(axum::middleware::from_fn_with_state(Arc::new(policy), apply));
        let request = Request::builder()
            .method(method)
            .uri("/any")
            .header(ORIGIN, origin);
        let request = request
            .header(ACCESS_CONTROL_REQUEST_HEADERS, "x-a")
            .body(Body::empty())
            .unwrap();
        router.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn options_is_answered_for_any_path() {
        let response = send(policy(), Method::OPTIONS, "null").await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let headers = response.headers();
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "null");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_METHODS], "OPTIONS");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_HEADERS], "x-a");
        assert_eq!(headers[VARY], "Origin, Access-Control-Request-Headers");
        assert_eq!(headers[CONTENT_LENGTH], "0");
    }

    #[tokio::test]
    async fn strangers_are_not_named() {
        let response = send(policy(), Method::OPTIONS, "http://a").await;
        assert!(!response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        let response = send(policy(), Method::GET, "http://a").await;
        assert_eq!(response.headers()[VARY], "Origin, Accept");
        assert!(!response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }

    #[tokio::test]
    async fn a_fixed_origin_is_sent_to_everyone() {
        let fixed = CorsPolicy {
            origins: Origins::Fixed("http://b".to_owned()),
            ..policy()
        };
        let response = send(fixed, Method::GET, "http://a").await;
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "http://b");
    }
}

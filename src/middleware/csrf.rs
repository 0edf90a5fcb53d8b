//! Protection against requests forged by other sites: a token in the session must come back in a header.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use axum::{Extension, extract};
use serde_json::json;

use crate::middleware::basic_auth::same;
use crate::middleware::session::Session;
use crate::middleware::token::Bearer;
use crate::reply;

/// When the token is asked for.
#[derive(Clone, Copy, Debug)]
pub struct CsrfPolicy {
    /// False with `disableCsrfProtection`.
    pub enabled: bool,
    /// Whether `/proxy/` works (`enableCorsProxy`); its requests carry no token.
    pub is_proxy_open: bool,
}

/// GET /csrf-token
///
/// `{"token": "<64 hex>"}`, the same as long as the session has one; `"disabled"` when there is no protection.
pub async fn token(
    extract::State(policy): State<Arc<CsrfPolicy>>,
    Extension(session): Extension<Session>,
) -> Response {
    if !policy.enabled {
        return reply::json(&json!({ "token": "disabled" }));
    }
    let token = session.csrf_token().unwrap_or_else(|| {
        let fresh = hex::encode(rand::random::<[u8; 32]>());
        session.set("csrfToken", fresh.clone());
        fresh
    });
    reply::json(&json!({ "token": token }))
}

/// Answers the error page 403 to a changing request without the session's token in `X-CSRF-Token`. One with a service
/// token was not made by a page and passes.
pub async fn check(State(policy): State<Arc<CsrfPolicy>>, request: Request, next: Next) -> Response {
    let is_reading = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let is_exempt = policy.is_proxy_open && request.uri().path().starts_with("/proxy/");
    let is_program = request.extensions().get::<Bearer>().is_some();
    if !policy.enabled || is_reading || is_exempt || is_program || is_valid(&request) {
        return next.run(request).await;
    }
    reply::error_page(StatusCode::FORBIDDEN)
}

fn is_valid(request: &Request) -> bool {
    let expected = request
        .extensions()
        .get::<Session>()
        .and_then(Session::csrf_token);
    let given = request.headers().get("x-csrf-token");
    match (expected, given) {
        (Some(expected), Some(given)) => same(expected.as_bytes(), given.as_bytes()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::header::COOKIE;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use squaretable_compat::cookie;
    use tower::ServiceExt;

    use crate::middleware::session::{SessionPolicy, attach};

    fn router(enabled: bool) -> Router {
        let csrf = Arc::new(CsrfPolicy {
            enabled,
            is_proxy_open: true,
        });
        let (name, secret) = ("s".to_owned(), "key".to_owned());
        let session = Arc::new(SessionPolicy {
            name,
            secret,
            max_age: None,
            secure: false,
        });
        Router::new()
            .route("/csrf-token", get(token).with_state(csrf.clone()))
            .fallback(|| async { "in" })
            .layer(axum::middleware::from_fn_with_state(csrf, check))
            .layer(axum::middleware::from_fn_with_state(session, attach))
    }

    async fn send(router: Router, method: Method, path: &str, token: &str) -> (StatusCode, String) {
        let value = cookie::encode(json!({"csrfToken": "abc"}).as_object().unwrap());
        let cookies = format!("s={value}; s.sig={}", cookie::sign("s", &value, "key"));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(COOKIE, cookies);
        let request = request.header("x-csrf-token", token).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn changing_requests_need_the_token() {
        let denied = send(router(true), Method::POST, "/x", "abd").await;
        assert_eq!(denied.0, StatusCode::FORBIDDEN);
        assert!(denied.1.contains("<pre>Forbidden</pre>"));
        assert_eq!(send(router(true), Method::POST, "/x", "abc").await.1, "in");
        assert_eq!(send(router(true), Method::GET, "/x", "").await.1, "in");
        assert_eq!(send(router(true), Method::POST, "/proxy/x", "").await.1, "in");
        assert_eq!(send(router(false), Method::POST, "/x", "").await.1, "in");
    }

    #[tokio::test]
    async fn the_token_is_the_sessions() {
        assert_eq!(
            send(router(true), Method::GET, "/csrf-token", "").await.1,
            r#"{"token":"abc"}"#
        );
        assert_eq!(
            send(router(false), Method::GET, "/csrf-token", "").await.1,
            r#"{"token":"disabled"}"#
        );
        let request = Request::get("/csrf-token").body(Body::empty()).unwrap();
        let body = router(true)
            .oneshot(request)
            .await
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        let fresh: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(
            fresh["token"]
                .as_str()
                .is_some_and(|token| hex::decode(token).is_ok_and(|raw| raw.len() == 32))
        );
    }
}

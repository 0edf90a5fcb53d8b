//! The whole stack over a few routes, against what the original answered to the same requests.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, SET_COOKIE,
    VARY,
};
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::api::web::static_files::StaticFiles;
use crate::reply;
use cors::Origins;

fn stack(public: &std::path::Path) -> Router {
    let csrf = Arc::new(CsrfPolicy {
        enabled: true,
        is_proxy_open: false,
    });
    let routes = Router::new()
        .route("/csrf-token", get(csrf::token).with_state(csrf.clone()))
        .route("/api/echo", post(|| async { reply::status(StatusCode::OK) }))
        .route("/big", get(|| async { reply::html_text("x".repeat(3000)) }))
        .fallback(|| async { reply::not_found_page(Bytes::from_static(b"<p>none</p>")) })
        .method_not_allowed_fallback(|| async { reply::not_found_page(Bytes::from_static(b"<p>none</p>")) });
    let files = Arc::new(StaticFiles::new(public.to_owned(), None));
    let (name, secret) = ("s".to_owned(), "key".to_owned());
    let cors = CorsPolicy {
        origins: Origins::Listed(vec!["null".to_owned()]),
        methods: vec!["OPTIONS".to_owned()],
        allowed_headers: Vec::new(),
        exposed_headers: Vec::new(),
        credentials: false,
        max_age: None,
    };
    let whitelist = Whitelist {
        patterns: crate::config::ip_pattern::IpPattern::parse("127.0.0.1")
            .into_iter()
            .collect(),
        forwarded: None,
        page: String::new(),
    };
    let off = crate::config::limits::LimitsConfig::default();
    let outside = Outside {
        limits: Arc::new(RequestLimits::new(&off, None, None)),
        session: Arc::new(SessionPolicy {
            name,
            secret,
            max_age: None,
            secure: false,
        }),
        body: BodyLimits {
            patience: super::body::PATIENCE,
            anonymous: 10,
            known: 1000,
        },
        cors: Some(Arc::new(cors)),
        basic_auth: None,
        whitelist: Some(Arc::new(whitelist)),
        hosts: Arc::new(HostPolicy::new(false, false, Vec::new(), String::new())),
        access_log: None,
    };
    outside.wrap(inside(routes, csrf, files), |router| {
        router.layer(axum::Extension(body::Known))
    })
}

async fn send(method: Method, path: &str, headers: &[(HeaderName, &str)], body: &'static str) -> Response {
    send_from("127.0.0.1", method, path, headers, body).await
}

async fn send_from(
    peer: &str,
    method: Method,
    path: &str,
    headers: &[(HeaderName, &str)],
    body: &'static str,
) -> Response {
    let public = tempfile::tempdir().unwrap();
    std::fs::write(public.path().join("page.html"), "<p>page</p>").unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    if !body.is_empty() {
        request = request.header(CONTENT_LENGTH, body.len());
    }
    let mut request = request.body(Body::from(body)).unwrap();
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
    stack(public.path()).oneshot(request).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn every_reply_has_the_fixed_headers() {
    for (path, status) in [("/csrf-token", 200), ("/nope", 404), ("/page.html", 200)] {
        let response = send(Method::GET, path, &[], "").await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(response.headers()["x-frame-options"], "SAMEORIGIN", "{path}");
        assert_eq!(response.headers()[VARY], "Origin, Accept-Encoding", "{path}");
        assert!(
            response.headers()["x-response-time"]
                .to_str()
                .unwrap()
                .ends_with("ms"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_first_objection_wins() {
    let json = (CONTENT_TYPE, "application/json");
    let malformed = send_from("8.8.8.8", Method::POST, "/api/echo", &[json], "\"text\"").await;
    assert_eq!(malformed.status(), StatusCode::BAD_REQUEST);
    assert_eq!(malformed.headers()[VARY], "Accept-Encoding");
    let preflight = send_from("8.8.8.8", Method::OPTIONS, "/any", &[], "").await;
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert!(!preflight.headers().contains_key(ETAG));
    let stranger = send_from("8.8.8.8", Method::POST, "/api/echo", &[], "").await;
    assert_eq!(
        (stranger.status(), text(stranger).await.as_str()),
        (StatusCode::FORBIDDEN, "")
    );
    let forged = send(Method::POST, "/nope", &[], "").await;
    assert!(text(forged).await.contains("<pre>Forbidden</pre>"));
}

#[tokio::test]
async fn routes_match_in_any_case_and_wrong_methods_are_unknown_paths() {
    let token = send(Method::GET, "/CSRF-Token/", &[], "").await;
    assert_eq!(token.headers().get_all(SET_COOKIE).iter().count(), 2);
    let wrong = send(Method::GET, "/api/echo", &[], "").await;
    assert_eq!(wrong.status(), StatusCode::NOT_FOUND);
    assert!(!wrong.headers().contains_key(ALLOW));
    assert_eq!(text(wrong).await, "<p>none</p>");
}

#[tokio::test]
async fn head_has_the_headers_of_get() {
    for path in ["/csrf-token", "/page.html", "/big", "/nope"] {
        let get = send(Method::GET, path, &[], "").await;
        let head = send(Method::HEAD, path, &[(ACCEPT_ENCODING, "gzip")], "").await;
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(
            head.headers().get(CONTENT_LENGTH),
            get.headers().get(CONTENT_LENGTH),
            "{path}"
        );
        assert!(
            head.headers().contains_key(ETAG) && head.headers().contains_key(CONTENT_LENGTH),
            "{path}"
        );
        assert_eq!(text(head).await, "", "{path}");
    }
}

#[tokio::test]
async fn the_tag_is_of_the_uncompressed_body() {
    let plain = send(Method::GET, "/big", &[], "").await;
    let packed = send(Method::GET, "/big", &[(ACCEPT_ENCODING, "gzip")], "").await;
    assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
    assert_eq!(packed.headers()[ETAG], plain.headers()[ETAG]);
    let tag = plain.headers()[ETAG].to_str().unwrap().to_owned();
    let same = send(
        Method::GET,
        "/big",
        &[(IF_NONE_MATCH, &tag), (ACCEPT_ENCODING, "gzip")],
        "",
    )
    .await;
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(same.headers()[VARY], "Origin");
    assert!(!same.headers().contains_key(CONTENT_ENCODING));
}

//! The session: a signed cookie that holds a small JSON object, sent again only when it changed.
//!
//! For an anonymous visitor that is all there is, and it costs no storage. The cookie of a user names the session that
//! the server has ([`crate::sessions`]) and is worth nothing without it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{TimeDelta, Utc};
use serde_json::{Map, Value};
use squaretable_compat::cookie::{self, Received};

use crate::middleware::token;

/// Name, key and attributes of the cookie.
#[derive(Clone)]
pub struct SessionPolicy {
    /// `session-` and 8 hex digits of the host name's SHA-256; the signature's cookie is this with `.sig`.
    pub name: String,
    /// Text of `cookie-secret.txt`, verbatim.
    pub secret: String,
    /// Life of the cookie from its last change; `None` for one that ends with the browser.
    pub max_age: Option<Duration>,
    /// Whether connections are TLS.
    pub secure: bool,
}

/// Request extension: the session of this request. A clone is the same session.
///
/// Known keys are `csrfToken`, `handle`, `session` and `touch`; others are kept.
#[derive(Clone, Default)]
pub struct Session(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    values: Map<String, Value>,
    /// The cookie's value as received; `None` for a new session.
    received: Option<String>,
    is_forged: bool,
    is_used: bool,
    is_destroyed: bool,
    is_touched: bool,
}

/// Reads the session before the request is handled, and writes it back when it changed.
pub async fn attach(State(policy): State<Arc<SessionPolicy>>, mut request: Request, next: Next) -> Response {
    if token::presented(request.headers()).is_some() {
        // A program has no session: none is read, and none is made.
        request.extensions_mut().insert(Session::default());
        return next.run(request).await;
    }
    let session = policy.read(request.headers());
    let secure = policy.secure || is_behind_tls(request.headers());
    request.extensions_mut().insert(session.clone());
    let mut response = next.run(request).await;
    for cookie in policy.cookies(&session, secure) {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    response
}

impl Session {
    /// The logged-in user's handle.
    pub fn handle(&self) -> Option<String> {
        self.text("handle")
    }

    /// The CSRF token, if one was given out.
    pub fn csrf_token(&self) -> Option<String> {
        self.text("csrfToken")
    }

    /// Any key.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.used().values.get(key).cloned()
    }

    /// Sets any key.
    pub fn set(&self, key: &str, value: impl Into<Value>) {
        self.used().values.insert(key.to_owned(), value.into());
    }

    /// Makes the session one of this user; `id` is that of the server's session, `None` while accounts are off. The token
    /// from before the login is worth nothing after it: whoever planted the cookie would know it.
    pub fn log_in(&self, handle: &str, id: Option<&str>) {
        self.set("handle", handle);
        match id {
            Some(id) => {
                self.set("session", id);
                self.used().values.shift_remove("csrfToken");
            }
            None => _ = self.used().values.shift_remove("session"),
        }
    }

    /// Renews the cookie, by setting `touch` to now (milliseconds).
    pub fn touch(&self) {
        self.set("touch", Utc::now().timestamp_millis());
        self.lock().is_touched = true;
    }

    /// Whether this request renewed the cookie.
    pub fn is_touched(&self) -> bool {
        self.lock().is_touched
    }

    /// Ends the session: its cookies expire with this reply.
    pub fn destroy(&self) {
        let mut inner = self.used();
        inner.values.clear();
        inner.is_destroyed = true;
    }

    /// Handle and id of the server's session, without counting as a use of the cookie: for what comes before the steps
    /// that may still refuse the request.
    pub fn claims(&self) -> Option<(String, String)> {
        let inner = self.lock();
        let text = |key: &str| inner.values.get(key).and_then(Value::as_str).map(str::to_owned);
        Some((text("handle")?, text("session")?))
    }

    fn text(&self, key: &str) -> Option<String> {
        self.used()
            .values
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }

    fn used(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        inner.is_used = true;
        inner
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionPolicy {
    /// The session a request brings; a new one when there is none or its signature is wrong.
    pub fn read(&self, headers: &HeaderMap) -> Session {
        let all: Vec<&str> = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let mut inner = Inner::default();
        match cookie::receive(&all.join("; "), &self.name, &self.secret) {
            Received::Absent => {}
            Received::Forged => inner.is_forged = true,
            Received::Session(values, value) => {
                inner.values = values;
                inner.received = Some(value);
            }
        }
        Session(Arc::new(Mutex::new(inner)))
    }

    /// The `Set-Cookie` values this session needs now.
    fn cookies(&self, session: &Session, secure: bool) -> Vec<String> {
        let inner = session.lock();
        if inner.is_destroyed {
            return cookie::clear(&self.name, &self.secret, secure).into();
        }
        let value = cookie::encode(&inner.values);
        let is_changed = match &inner.received {
            None => !inner.values.is_empty(),
            Some(received) => *received != value,
        };
        if inner.is_used && is_changed {
            let age = self.max_age.and_then(|age| TimeDelta::from_std(age).ok());
            let expires = age.and_then(|age| Utc::now().checked_add_signed(age));
            return cookie::store(&self.name, &value, &self.secret, expires, secure).into();
        }
        if inner.is_used && inner.is_forged {
            return vec![cookie::clear_signature(&self.name, secure)];
        }
        Vec::new()
    }
}

/// Whether a proxy says that the browser's connection is TLS. Anyone can say so, about the own cookie only.
fn is_behind_tls(headers: &HeaderMap) -> bool {
    let protocol = headers
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok());
    let first = protocol.and_then(|list| list.split(',').next());
    first.is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::{Extension, Router, routing::get};
    use serde_json::json;
    use tower::ServiceExt;

    fn policy() -> SessionPolicy {
        SessionPolicy {
            name: "session-1".to_owned(),
            secret: "key".to_owned(),
            max_age: Some(Duration::from_secs(60)),
            secure: false,
        }
    }

    /// The `Set-Cookie` values of a request with these cookies.
    async fn visit(path: &str, cookies: &str) -> Vec<String> {
        let router = Router::new()
            .route("/idle", get(|| async {}))
            .route(
                "/read",
                get(|Extension(session): Extension<Session>| async move { _ = session.handle() }),
            )
            .route(
                "/login",
                get(|Extension(session): Extension<Session>| async move { session.log_in("a", Some("v")) }),
            )
            .route(
                "/logout",
                get(|Extension(session): Extension<Session>| async move { session.destroy() }),
            )
            .layer(axum::middleware::from_fn_with_state(Arc::new(policy()), attach));
        let request = Request::get(path)
            .header(COOKIE, cookies)
            .body(Body::empty())
            .unwrap();
        let response = router.oneshot(request).await.unwrap();
        response
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    /// A `Cookie` header with this session.
    fn cookies(values: &Value) -> String {
        let value = cookie::encode(values.as_object().unwrap());
        format!(
            "x=1; session-1={value}; session-1.sig={}",
            cookie::sign("session-1", &value, "key")
        )
    }

    #[tokio::test]
    async fn a_login_sets_both_cookies() {
        let set = visit("/login", "").await;
        assert_eq!(set.len(), 2);
        let value = set[0]
            .strip_prefix("session-1=")
            .unwrap()
            .split(';')
            .next()
            .unwrap();
        assert_eq!(
            Value::Object(cookie::decode(value).unwrap()),
            json!({"handle": "a", "session": "v"})
        );
        assert!(set[0].contains("; path=/; expires=") && set[0].ends_with(" GMT; samesite=lax; httponly"));
        assert!(set[1].starts_with("session-1.sig="));
    }

    #[tokio::test]
    async fn an_unchanged_session_is_not_sent_again() {
        let same = cookies(&json!({"other": [1], "handle": "a", "session": "v"}));
        for path in ["/idle", "/read", "/login"] {
            assert_eq!(visit(path, &same).await, Vec::<String>::new(), "{path}");
        }
        assert_eq!(visit("/login", &cookies(&json!({"other": 1}))).await.len(), 2);
    }

    #[tokio::test]
    async fn a_wrong_signature_is_removed_when_the_session_is_looked_at() {
        let forged = cookies(&json!({"handle": "a"})).replace(".sig=", ".sig=x");
        assert_eq!(visit("/idle", &forged).await, Vec::<String>::new());
        let removed = "session-1.sig=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly";
        assert_eq!(visit("/read", &forged).await, [removed]);
        assert_eq!(visit("/login", &forged).await.len(), 2);
    }

    #[test]
    fn cookies_are_secure_where_a_proxy_does_tls() {
        let headers = |value: &str| {
            HeaderMap::from_iter([("x-forwarded-proto".parse().unwrap(), value.parse().unwrap())])
        };
        assert!(is_behind_tls(&headers("HTTPS, http")));
        assert!(!is_behind_tls(&headers("http, https")) && !is_behind_tls(&HeaderMap::new()));
        let session = policy().read(&HeaderMap::new());
        session.log_in("a", Some("v"));
        assert!(
            policy()
                .cookies(&session, true)
                .iter()
                .all(|cookie| cookie.ends_with("; secure; httponly"))
        );
    }

    #[tokio::test]
    async fn a_logout_expires_both_cookies() {
        let set = visit("/logout", &cookies(&json!({"handle": "a"}))).await;
        let expired = "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; samesite=lax; httponly";
        assert_eq!(set[0], format!("session-1={expired}"));
        assert!(set[1].starts_with("session-1.sig=") && set[1].ends_with(expired));
    }
}

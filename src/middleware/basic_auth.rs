//! HTTP basic authentication in front of everything (`basicAuthMode` while listening), with one configured user or, with
//! `perUserBasicAuth`, with the accounts that have a password.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use squaretable_compat::buffer::from_base64;

use crate::app::App;
use crate::error::Result;
use crate::middleware::client_ip::{self, ForwardedHeaders};
use crate::middleware::rate_limit::RateLimiter;
use crate::middleware::token::Bearer;
use crate::reply;
use crate::store::accounts::User;

/// Who may enter.
pub enum Users {
    /// `basicAuthUser.*`
    One(Credentials),
    /// Every account that has a password and may log in.
    Accounts(App),
}

/// Who may enter, and the limit on wrong attempts.
pub struct BasicAuth {
    users: Users,
    page: Bytes,
    forwarded: Option<ForwardedHeaders>,
    limiter: RateLimiter,
}

/// A name and password from an `Authorization: Basic` header.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Up to the first colon.
    pub username: String,
    /// After the first colon.
    pub password: String,
}

impl BasicAuth {
    /// `page` is the HTML of the 401; `forwarded` is set when `rateLimiting.preferRealIpHeader` is; `limiter` counts the
    /// failures per client (`rateLimiting.basicAuthMaxAttempts`).
    pub fn new(
        users: Users,
        page: impl Into<Bytes>,
        forwarded: Option<ForwardedHeaders>,
        limiter: RateLimiter,
    ) -> Self {
        Self {
            users,
            page: page.into(),
            forwarded,
            limiter,
        }
    }

    async fn is_user(&self, given: &Credentials) -> Result<bool> {
        match &self.users {
            Users::One(user) => {
                let name = same(user.username.as_bytes(), given.username.as_bytes());
                Ok(name & same(user.password.as_bytes(), given.password.as_bytes()))
            }
            Users::Accounts(app) => Ok(account(app, given).await?.is_some()),
        }
    }

    fn unauthorized(&self) -> Response {
        let mut response = reply::html_with(StatusCode::UNAUTHORIZED, self.page.clone());
        let challenge = HeaderValue::from_static("Basic realm=\"SillyTavern\", charset=\"UTF-8\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        response
    }
}

/// Lets requests with the right credentials pass; answers 401 with the page, or 429 after too many wrong ones.
pub async fn check(State(auth): State<Arc<BasicAuth>>, request: Request, next: Next) -> Response {
    // A service token takes the header, and is the better proof.
    if request.extensions().get::<Bearer>().is_some() {
        return next.run(request).await;
    }
    let Some(given) = credentials(request.headers()) else {
        return auth.unauthorized();
    };
    let client = client_ip::describe(request.extensions(), request.headers(), auth.forwarded);
    let counted = client_ip::network(&client);
    let outcome = match auth.limiter.check(&counted).await {
        Ok(()) => match auth.is_user(&given).await {
            Ok(true) => {
                auth.limiter.reset(&counted).await;
                return next.run(request).await;
            }
            Ok(false) => auth.limiter.consume(&counted).await,
            Err(error) => return error.into_response(),
        },
        Err(exceeded) => Err(exceeded),
    };
    match outcome {
        Ok(()) => auth.unauthorized(),
        Err(exceeded) => {
            tracing::warn!(%client, "basic authentication failed too often");
            let mut response = reply::status(StatusCode::TOO_MANY_REQUESTS);
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(exceeded.retry_after()));
            response
        }
    }
}

/// The credentials of a `Basic` header; `None` when there are none. The scheme is matched exactly, as the original does.
pub fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let mut parts = value.split(' ');
    let encoded = parts
        .next()
        .filter(|scheme| *scheme == "Basic")
        .and_then(|_| parts.next())
        .filter(|encoded| !encoded.is_empty())?;
    let decoded = from_base64(encoded.as_bytes());
    let text = String::from_utf8_lossy(&decoded);
    let (username, password) = text.split_once(':').unwrap_or((&text, ""));
    Some(Credentials {
        username: username.to_owned(),
        password: password.to_owned(),
    })
}

/// The account that these credentials are of, if it may log in.
///
/// # Errors
/// The database failed.
pub async fn account(app: &App, given: &Credentials) -> Result<Option<User>> {
    let user = app.accounts().find(&given.username).await?;
    let Some(user) = user.filter(|user| user.enabled && !user.password.is_empty()) else {
        return Ok(None);
    };
    let is_right = app
        .accounts()
        .passwords()
        .check_again(&user, &given.password)
        .await?;
    Ok(is_right.then_some(user))
}

/// Whether two byte strings are the same, in time that depends only on their lengths.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use base64::Engine;
    use base64::engine::general_purpose;
    use tower::ServiceExt;

    fn router(attempts: u32) -> Router {
        let user = Credentials {
            username: "user".to_owned(),
            password: "pass:word".to_owned(),
        };
        let limiter = RateLimiter::new("test", attempts, std::time::Duration::from_secs(60), None);
        let auth = BasicAuth::new(Users::One(user), "<p>no</p>", None, limiter);
        Router::new()
            .fallback(|| async { "in" })
            .layer(axum::middleware::from_fn_with_state(Arc::new(auth), check))
    }

    async fn send(router: &Router, header: Option<String>) -> Response {
        let mut request = Request::get("/").body(Body::empty()).unwrap();
        if let Some(value) = header {
            request
                .headers_mut()
                .insert(AUTHORIZATION, value.parse().unwrap());
        }
        router.clone().oneshot(request).await.unwrap()
    }

    fn basic(pair: &str) -> Option<String> {
        Some(format!("Basic {}", general_purpose::STANDARD.encode(pair)))
    }

    #[tokio::test]
    async fn only_the_right_pair_passes() {
        let router = router(0);
        assert_eq!(
            send(&router, basic("user:pass:word")).await.status(),
            StatusCode::OK
        );
        for wrong in [
            None,
            basic("user:"),
            basic("other:pass:word"),
            Some("Bearer x".to_owned()),
        ] {
            let response = send(&router, wrong).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            assert!(response.headers().contains_key(WWW_AUTHENTICATE));
        }
    }

    #[tokio::test]
    async fn too_many_wrong_attempts_lock_the_client_out() {
        let router = router(2);
        for expected in [
            StatusCode::UNAUTHORIZED,
            StatusCode::UNAUTHORIZED,
            StatusCode::TOO_MANY_REQUESTS,
        ] {
            assert_eq!(send(&router, basic("user:x")).await.status(), expected);
        }
        let right = send(&router, basic("user:pass:word")).await;
        assert_eq!(right.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(right.headers().contains_key(RETRY_AFTER));
    }
}

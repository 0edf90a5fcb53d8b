//! Requests a minute: of one address, whoever it is, and of one user.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Value, json};

use crate::cache::Redis;
use crate::config::limits::LimitsConfig;
use crate::middleware::client_ip::{self, ForwardedHeaders};
use crate::middleware::rate_limit::{Exceeded, RateLimiter};
use crate::reply;
use crate::tenant::CurrentUser;

/// The limits in force, each of them off by default.
#[derive(Debug)]
pub struct RequestLimits {
    address: RateLimiter,
    user: RateLimiter,
    /// Requests of a user that go to a provider: see [`outbound`](super::outbound).
    pub upstream: RateLimiter,
    forwarded: Option<ForwardedHeaders>,
}

impl RequestLimits {
    /// As configured; `forwarded` is set when `rateLimiting.preferRealIpHeader` is.
    #[must_use]
    pub fn new(config: &LimitsConfig, redis: Option<&Redis>, forwarded: Option<ForwardedHeaders>) -> Self {
        let minute = |name, points| RateLimiter::new(name, points, Duration::from_secs(60), redis.cloned());
        Self {
            address: minute("address", config.address),
            user: minute("user", config.user),
            upstream: minute("upstream", config.upstream),
            forwarded,
        }
    }
}

/// Counts a request by its address, and answers 429 when it is one too many.
pub async fn by_address(State(limits): State<Arc<RequestLimits>>, request: Request, next: Next) -> Response {
    if limits.address.is_off() {
        return next.run(request).await;
    }
    let client = client_ip::describe(request.extensions(), request.headers(), limits.forwarded);
    match limits.address.consume(&client_ip::network(&client)).await {
        Ok(()) => next.run(request).await,
        Err(exceeded) => {
            tracing::warn!(client, "too many requests of an address");
            too_many(exceeded, &json!("Too many requests. Try again later."))
        }
    }
}

/// Counts a request by its user, where one is known, and answers 429 when it is one too many.
pub async fn by_user(State(limits): State<Arc<RequestLimits>>, request: Request, next: Next) -> Response {
    let user = request.extensions().get::<CurrentUser>();
    let Some(CurrentUser(user)) = user else {
        return next.run(request).await;
    };
    match limits.user.consume(&user.handle).await {
        Ok(()) => next.run(request).await,
        Err(exceeded) => {
            tracing::warn!(handle = user.handle, "too many requests of a user");
            too_many(exceeded, &json!("Too many requests. Try again later."))
        }
    }
}

/// 429 with the time to wait, and `{"error": error}`.
pub fn too_many(exceeded: Exceeded, error: &Value) -> Response {
    let mut response = reply::json_with(StatusCode::TOO_MANY_REQUESTS, &json!({ "error": error }));
    let wait = HeaderValue::from(exceeded.retry_after());
    response.headers_mut().insert(RETRY_AFTER, wait);
    response
}

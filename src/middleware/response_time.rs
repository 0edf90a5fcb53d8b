//! `X-Response-Time`: milliseconds until the headers were ready, with three decimals.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

const NAME: HeaderName = HeaderName::from_static("x-response-time");

/// Adds `X-Response-Time: <n>.<3 digits>ms`.
pub async fn measure(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let mut response = next.run(request).await;
    let text = format!("{:.3}ms", start.elapsed().as_secs_f64() * 1000.0);
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().entry(NAME).or_insert(value);
    }
    response
}

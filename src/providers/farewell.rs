//! The last word to a back end that generates on when its connection closes.

use axum::body::Body;
use axum::response::Response;
use futures_util::{StreamExt, stream};

use super::relay::Relay;
use super::upstream::Upstream;

/// Sends a request when it is dropped, unless the answer has come to its end: when the browser goes before.
#[derive(Debug)]
pub struct Farewell {
    relay: Relay,
    upstream: Option<Upstream>,
}

impl Farewell {
    /// A farewell of this request; `None` says nothing.
    #[must_use]
    pub fn new(relay: Relay, upstream: Option<Upstream>) -> Self {
        Self { relay, upstream }
    }

    /// The answer is complete, and nothing is to be said.
    #[must_use]
    pub fn finish(mut self, response: Response) -> Response {
        self.upstream = None;
        response
    }

    /// Rides along with a response whose body is still to come.
    #[must_use]
    pub fn with(self, response: Response) -> Response {
        if self.upstream.is_none() {
            return response;
        }
        let (parts, body) = response.into_parts();
        let state = (body.into_data_stream(), self);
        let pieces = stream::unfold(state, |(mut body, mut farewell)| async move {
            let Some(piece) = body.next().await else {
                farewell.upstream.take();
                return None;
            };
            Some((piece, (body, farewell)))
        });
        Response::from_parts(parts, Body::from_stream(pieces))
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let Some(upstream) = self.upstream.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let relay = self.relay.clone();
        runtime.spawn(async move {
            match relay.send(upstream).await {
                Ok(answer) if !answer.is_success() => {
                    tracing::warn!(status = answer.status().as_u16(), "the back end refuses to stop");
                }
                // The relay has logged why.
                Ok(_) | Err(_) => {}
            }
        });
    }
}

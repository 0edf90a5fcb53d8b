//! Answers that are read to their end whether or not the browser waits for it.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use reqwest::ResponseBuilderExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::relay::{Relay, RelayError, UpstreamReply};
use super::upstream::Upstream;

/// How long an answer may go on after its browser has gone.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// The most that is held of an answer, in bytes; of a longer one the start.
const MAX_HELD: usize = 16 << 20;

/// A piece of an answer on its way to the browser.
type Piece = Result<Bytes, reqwest::Error>;

impl Relay {
    /// As [`send`](Self::send), but dropping the future or the reply does not drop the connection: the answer is read on,
    /// for at most 15 minutes, and `keep` gets all of it (at most 16 MiB) that came by then. It is called only when the
    /// browser went before the end, and only for answers of status 2xx.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_and_keep<F, K>(&self, upstream: Upstream, keep: F) -> Result<UpstreamReply, RelayError>
    where
        F: FnOnce(Bytes) -> K + Send + 'static,
        K: Future<Output = ()> + Send + 'static,
    {
        let (head, answered) = oneshot::channel();
        let url = upstream.url.clone();
        tokio::spawn(drain(self.clone(), upstream, head, keep));
        answered.await.unwrap_or_else(|_| Err(RelayError::ended(&url)))
    }
}

async fn drain<F, K>(
    relay: Relay,
    upstream: Upstream,
    mut head: oneshot::Sender<Result<UpstreamReply, RelayError>>,
    keep: F,
) where
    F: FnOnce(Bytes) -> K,
    K: Future<Output = ()>,
{
    let mut sending = pin!(relay.send(upstream));
    let outcome = tokio::select! {
        outcome = &mut sending => Some(outcome),
        () = head.closed() => timeout(PATIENCE, sending).await.ok(),
    };
    let reply = match outcome {
        Some(Ok(reply)) if reply.is_success() => reply,
        // Nobody is there any more when this fails.
        Some(other) => return drop(head.send(other)),
        None => return,
    };
    let (pieces, arriving) = mpsc::channel(1);
    let (finish, finished) = oneshot::channel();
    let (reply, rest) = split(reply, arriving, finish);
    let listener = head.send(Ok(reply)).is_ok().then_some(pieces);
    let held = read(rest, listener).await;
    // Dropped without a word when the browser has not seen the end.
    if finished.await.is_err() && !held.is_empty() {
        keep(held.into()).await;
    }
}

/// A reply with the same head, whose body is what comes through the channel, and the response behind it.
fn split(
    reply: UpstreamReply,
    arriving: mpsc::Receiver<Piece>,
    finish: oneshot::Sender<()>,
) -> (UpstreamReply, reqwest::Response) {
    let body = stream::unfold(Some((arriving, finish)), |state| async {
        let (mut arriving, finish) = state?;
        match arriving.recv().await {
            Some(Ok(piece)) => Some((Ok(piece), Some((arriving, finish)))),
            end => {
                // Nobody listens when there is nothing to be kept.
                finish.send(()).ok();
                end.map(|error| (error, None))
            }
        }
    });
    let UpstreamReply { url, response } = reply;
    let mut copy = axum::http::Response::builder().url(response.url().clone());
    if let Some(reason) = response.extensions().get::<hyper::ext::ReasonPhrase>() {
        copy = copy.extension(reason.clone());
    }
    let mut copy = copy
        .status(response.status())
        .body(reqwest::Body::wrap_stream(body))
        .expect("a status and an address that were received are valid");
    *copy.headers_mut() = response.headers().clone();
    let copy = UpstreamReply {
        url,
        response: copy.into(),
    };
    (copy, response)
}

/// Reads a body to its end, passing the pieces on for as long as somebody listens. Gives what is to be kept.
async fn read(mut rest: reqwest::Response, mut listener: Option<mpsc::Sender<Piece>>) -> Vec<u8> {
    let mut held = Vec::new();
    let mut deadline = Instant::now() + PATIENCE;
    loop {
        let piece = match &listener {
            Some(pieces) => tokio::select! {
                piece = rest.chunk() => piece,
                () = pieces.closed() => {
                    deadline = Instant::now() + PATIENCE;
                    listener = None;
                    continue;
                }
            },
            None => tokio::select! {
                piece = rest.chunk() => piece,
                () = sleep_until(deadline) => return held,
            },
        };
        let piece = match piece {
            Ok(Some(piece)) => Ok(piece),
            Ok(None) => return held,
            Err(error) => Err(error),
        };
        let is_over = piece.is_err();
        if let Ok(bytes) = &piece {
            let room = MAX_HELD.saturating_sub(held.len());
            held.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        // A listener that goes meanwhile is noticed in the next round.
        if let Some(pieces) = &listener {
            pieces.send(piece).await.ok();
        }
        if is_over {
            return held;
        }
    }
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;

//! A body that is written while it is sent, in bounded memory.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::mpsc;

/// Pieces that may wait for the browser.
const WAITING: usize = 8;

/// How long a browser may take none of them before it counts as gone: what feeds a pipe holds a database connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// The end that a body is written into. Dropped without [`Pipe::end`], it breaks the transfer, so that a browser never
/// takes a part of the body for the whole.
#[derive(Debug)]
pub struct Pipe {
    pieces: mpsc::Sender<Option<Bytes>>,
}

/// A pipe, and the body that comes out of it.
pub fn pipe() -> (Pipe, impl Stream<Item = io::Result<Bytes>> + Send + 'static) {
    let (pieces, queue) = mpsc::channel(WAITING);
    let body = stream::unfold(Some(queue), |queue| async {
        let mut queue = queue?;
        match queue.recv().await {
            Some(Some(bytes)) => Some((Ok(bytes), Some(queue))),
            Some(None) => None,
            None => Some((Err(broken("the body ended early")), None)),
        }
    });
    // Compression asks once more after the end.
    (Pipe { pieces }, body.fuse())
}

impl Pipe {
    /// Adds a piece, and waits while the browser has enough to take.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn send(&self, bytes: Bytes) -> io::Result<()> {
        self.put(Some(bytes)).await
    }

    /// Says that the body is complete.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn end(self) -> io::Result<()> {
        self.put(None).await
    }

    async fn put(&self, piece: Option<Bytes>) -> io::Result<()> {
        let sent = self.pieces.send_timeout(piece, PATIENCE).await;
        sent.map_err(|_| broken("the browser is gone"))
    }
}

fn broken(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::compression;
    use crate::reply;
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::StatusCode;
    use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    #[tokio::test]
    async fn only_an_ended_body_is_complete() {
        let (pipe, body) = pipe();
        pipe.send(Bytes::from_static(b"all")).await.unwrap();
        pipe.end().await.unwrap();
        let pieces: Vec<_> = body.collect().await;
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].as_ref().unwrap(), "all");

        let (pipe, body) = super::pipe();
        pipe.send(Bytes::from_static(b"some")).await.unwrap();
        drop(pipe);
        let pieces: Vec<_> = body.collect().await;
        assert_eq!(pieces[0].as_ref().unwrap(), "some");
        assert!(pieces[1].is_err());
        assert_eq!(pieces.len(), 2);
    }

    #[tokio::test]
    async fn so_it_is_when_it_is_compressed() {
        for ends in [true, false] {
            let handler = move || async move {
                let (pipe, body) = super::pipe();
                pipe.send(Bytes::from(vec![b'x'; 5000])).await.unwrap();
                if ends {
                    pipe.end().await.unwrap();
                }
                reply::stream(StatusCode::OK, Some(reply::JSON), body)
            };
            let router = Router::new().route("/", get(handler)).layer(compression::layer());
            for encoding in ["gzip", "br", "deflate"] {
                let request = Request::get("/").header(ACCEPT_ENCODING, encoding);
                let request = request.body(Body::empty()).unwrap();
                let response = router.clone().oneshot(request).await.unwrap();
                assert_eq!(response.headers()[CONTENT_ENCODING], encoding);
                assert_eq!(response.into_body().collect().await.is_ok(), ends);
            }
        }
    }

    #[tokio::test]
    async fn nobody_writes_for_a_browser_that_left() {
        let (pipe, body) = pipe();
        drop(body);
        assert!(pipe.send(Bytes::new()).await.is_err());
    }
}

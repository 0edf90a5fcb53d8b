//! The access log: one line for each new client while listening on the network, and one for each account it logs in to.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::header::USER_AGENT;
use axum::middleware::Next;
use axum::response::Response;
use chrono::{SecondsFormat, Utc};
use tokio::io::AsyncWriteExt;

use crate::middleware::client_ip::{self, ForwardedHeaders};
use crate::tenant::CurrentUser;

/// Clients remembered; forwarding headers are free text, so this must end somewhere.
const REMEMBERED: usize = 10_000;

/// Which clients were seen, and where new ones are written.
#[derive(Debug)]
pub struct AccessLog {
    file: PathBuf,
    forwarded: ForwardedHeaders,
    has_accounts: bool,
    seen: Mutex<HashSet<String>>,
}

impl AccessLog {
    /// Appends to `file` (`<data>/access.log`). Clients are told apart by peer and forwarded address.
    pub fn new(file: PathBuf, forwarded: ForwardedHeaders, has_accounts: bool) -> Self {
        Self {
            file,
            forwarded,
            has_accounts,
            seen: Mutex::default(),
        }
    }

    fn is_new(&self, client: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.len() < REMEMBERED && seen.insert(client.to_owned())
    }

    async fn write(&self, client: &str, agent: &str) -> std::io::Result<()> {
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut file = tokio::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.file)
            .await?;
        file.write_all(format!("{time} {client} {agent}\n").as_bytes())
            .await?;
        file.flush().await
    }
}

/// Logs a client's first request as `<time> <client> <user agent>`, and its first one as a user of account mode with
/// ` (user: <handle>)` behind the client. A log that cannot be written stops nothing.
pub async fn record(State(log): State<Arc<AccessLog>>, request: Request, next: Next) -> Response {
    let mut client = client_ip::describe(request.extensions(), request.headers(), Some(log.forwarded));
    let user = request
        .extensions()
        .get::<CurrentUser>()
        .filter(|_| log.has_accounts);
    if let Some(CurrentUser(user)) = user {
        client = format!("{client} (user: {})", user.handle);
    }
    if log.is_new(&client) {
        let agent = request
            .headers()
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let agent = agent.unwrap_or("undefined").to_owned();
        tracing::info!(%client, %agent, "new connection");
        if let Err(error) = log.write(&client, &agent).await {
            tracing::error!(%error, "the access log could not be written");
        }
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use tower::ServiceExt;

    #[tokio::test]
    async fn each_client_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("access.log");
        let headers = ForwardedHeaders {
            x_real_ip: true,
            cf_connecting_ip: false,
            x_forwarded_for: false,
        };
        let log = Arc::new(AccessLog::new(file.clone(), headers, false));
        let router = Router::new()
            .fallback(|| async { "in" })
            .layer(axum::middleware::from_fn_with_state(log, record));
        for ip in ["10.0.0.1", "10.0.0.1", "10.0.0.2"] {
            let request = Request::get("/")
                .header("x-real-ip", ip)
                .header(USER_AGENT, "test")
                .body(Body::empty());
            router.clone().oneshot(request.unwrap()).await.unwrap();
        }
        let text = std::fs::read_to_string(file).unwrap();
        let lines: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(_, rest)| rest)
            .collect();
        assert_eq!(
            lines,
            [
                "unknown (forwarded: 10.0.0.1) test",
                "unknown (forwarded: 10.0.0.2) test"
            ]
        );
    }
}

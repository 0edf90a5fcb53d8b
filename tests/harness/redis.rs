//! A real Redis, on a socket in a temporary folder.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// A running server; ends with the value.
pub struct Redis {
    folder: tempfile::TempDir,
    child: Child,
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Best effort: the test may have stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Redis {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let child = spawn(&folder.path().join("redis.sock"));
        let mut redis = Self { folder, child };
        redis.answers().await;
        redis
    }

    /// Ends it, as a crash would.
    pub fn stop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Starts it again, empty.
    pub async fn start_again(&mut self) {
        self.child = spawn(&self.socket());
        self.answers().await;
    }

    /// What `REDIS_URL` would be.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Sends a command and answers what comes back first.
    pub async fn ask(&self, command: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).await.expect("it runs");
        let line = format!("{command}\r\n");
        stream.write_all(line.as_bytes()).await.expect("it reads");
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.expect("it answers");
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    async fn answers(&mut self) {
        while UnixStream::connect(self.socket()).await.is_err() {
            let ended = self.child.try_wait().expect("a status");
            assert!(ended.is_none(), "redis-server did not start");
            tokio::task::yield_now().await;
        }
        assert_eq!(self.ask("PING").await, "+PONG\r\n");
    }
}

fn spawn(socket: &std::path::Path) -> Child {
    // A socket that a killed server left would be taken for the new one's.
    let _ = std::fs::remove_file(socket);
    Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(socket)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is installed")
}

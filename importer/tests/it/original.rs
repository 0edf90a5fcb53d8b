//! The original server on a data root.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use squaretable_compat::json;

use crate::target::folder;

const CONFIG: &str = "\
browserLaunch:
  enabled: false
whitelistDockerHosts: false
enableDownloadableTokenizers: false
disableCsrfProtection: true
";

/// Makes the server exit when its standard input closes, so that it cannot outlive a test process that was killed.
const WATCHDOG: &str = "data:text/javascript,import%20{isMainThread}%20from%20'node:worker_threads';\
    if(isMainThread)process.stdin.on('end',()=>process.exit(0)).on('error',()=>process.exit(0)).resume()";

/// A running original; stopped when dropped.
pub struct Original {
    port: u16,
    child: Child,
    folder: tempfile::TempDir,
}

impl Original {
    /// Starts the package of `SQUARETABLE_ORACLE`, else `node_modules/sillytavern` of this checkout.
    pub async fn start(root: &Path) -> Self {
        let package = std::env::var_os("SQUARETABLE_ORACLE").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../node_modules/sillytavern"),
            PathBuf::from,
        );
        // Its image codecs load only from inside its own real folder, so a link is followed here.
        let package = package
            .canonicalize()
            .expect("the original: run `npm ci`, or set SQUARETABLE_ORACLE");
        let folder = folder();
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let config = folder.path().join("config.yaml");
        std::fs::write(&config, CONFIG).expect("our own file");
        let log = File::create(folder.path().join("log.txt")).expect("our own file");
        let child = Command::new("node")
            .args(["--import", WATCHDOG])
            .arg(package.join("server.js"))
            .arg("--configPath")
            .arg(&config)
            .arg("--dataRoot")
            .arg(root)
            .args(["--port", &port.to_string()])
            .current_dir(folder.path())
            .env("NODE_ENV", "production")
            .env("GIT_CEILING_DIRECTORIES", package.parent().unwrap_or(&package))
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("our own file"))
            .stderr(log)
            .spawn()
            .expect("node starts");
        let mut original = Self { port, child, folder };
        let deadline = Instant::now() + Duration::from_secs(180);
        while original.send("GET", "/version", "").is_none() {
            let ended = original.child.try_wait().expect("its status");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the original did not start:\n{}",
                original.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        original
    }

    /// Asks it, and expects JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, &body.to_string());
        let answer = answer.unwrap_or_else(|| panic!("{path} {body}\n{}", self.log()));
        // It reads half an emoji, where serde_json does not.
        json::parse(&answer).expect("JSON")
    }

    /// The body of a successful answer. HTTP 1.0, so that it comes in one piece and ends with the connection.
    fn send(&self, method: &str, path: &str, body: &str) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        let status = answer.get(9..12)?;
        (status == b"200").then(|| answer.split_off(end + 4))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log.txt")).unwrap_or_default()
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

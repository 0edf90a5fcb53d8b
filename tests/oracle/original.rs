//! Starts the original server (the `sillytavern` package from npm) as a child process on a port of its own.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::Mutex;

use super::http::{self, Wire};

/// Configuration that every instance gets, ours included: no browser, no downloads, no DNS look-ups at start.
const BASE_CONFIG: &str = "\
browserLaunch:
  enabled: false
whitelistDockerHosts: false
enableDownloadableTokenizers: false
";

/// Makes the server exit when its standard input closes, so that it cannot outlive a test process that was killed.
/// Only in the main thread: the bundler's workers load it too, and see an empty standard input.
const WATCHDOG: &str = "data:text/javascript,import%20{isMainThread}%20from%20'node:worker_threads';\
    if(isMainThread)process.stdin.on('end',()=>process.exit(0)).on('error',()=>process.exit(0)).resume()";

/// Whether a first start is done. It compiles the frontend's libraries into a cache that all instances share when the
/// package runs in a container, so nobody starts beside it; later starts only read that cache.
static STARTED_BEFORE: Mutex<bool> = Mutex::const_new(false);

/// The configuration text for a family: the base plus the family's own YAML keys.
pub fn config(extra: &str) -> String {
    format!("{BASE_CONFIG}{extra}")
}

/// A running original; stopped when dropped, its data folder removed with it.
pub struct Original {
    /// `http://127.0.0.1:<port>`.
    pub base_url: String,
    child: Child,
    folder: TempDir,
}

impl Original {
    /// Starts an instance with a fresh, freshly seeded data folder and waits until it answers. It trusts the
    /// certificate authorities of `extra_ca`, a PEM file, besides its own.
    ///
    /// Panics (it is a test's precondition) when the package is absent or the server does not come up.
    pub async fn start(config_yaml: &str, extra_ca: Option<&Path>) -> Original {
        let mut before = STARTED_BEFORE.lock().await;
        if *before {
            drop(before);
            return Self::try_start(config_yaml, extra_ca).await;
        }
        let first = Self::try_start(config_yaml, extra_ca).await;
        *before = true;
        first
    }

    async fn try_start(config_yaml: &str, extra_ca: Option<&Path>) -> Original {
        for attempt in 1.. {
            match Self::attempt(config_yaml, extra_ca).await {
                Ok(original) => return original,
                // Another process may have taken the port between our probe and the server's bind.
                Err(log) if attempt < 3 && log.contains("EADDRINUSE") => {}
                Err(log) => panic!("the original server did not start:\n{log}"),
            }
        }
        unreachable!("the loop above returns or panics")
    }

    async fn attempt(config_yaml: &str, extra_ca: Option<&Path>) -> Result<Original, String> {
        let package = package();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let config_path = folder.path().join("config.yaml");
        std::fs::write(&config_path, config_yaml).expect("config.yaml written");
        let log = File::create(folder.path().join("log.txt")).expect("log file");
        let mut command = Command::new("node");
        // Its proxy library would let these win over the configuration's proxy.
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        if let Some(path) = extra_ca {
            let fetch = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/fetch.mjs");
            command.env("NODE_EXTRA_CA_CERTS", path).args(["--import", fetch]);
        }
        let child = command
            .args(["--import", WATCHDOG])
            .arg(package.join("server.js"))
            .arg("--configPath")
            .arg(&config_path)
            .arg("--dataRoot")
            .arg(folder.path().join("data"))
            .args(["--port", &port.to_string()])
            .current_dir(folder.path())
            .env("NODE_ENV", "production")
            // The package lies inside our own repository; its version is not the package's.
            .env("GIT_CEILING_DIRECTORIES", package.parent().unwrap_or(&package))
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("second log handle"))
            .stderr(log)
            .spawn()
            .expect("node starts");
        let mut original = Original {
            base_url: format!("http://127.0.0.1:{port}"),
            child,
            folder,
        };
        original.wait().await.map(|()| original)
    }

    /// Waits until `/version` answers, be it with a refusal; `Err` holds the log when the process ends or three minutes pass.
    async fn wait(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(180);
        let probe = Wire::new("GET", "/version");
        while Instant::now() < deadline {
            if http::send(&self.base_url, &probe)
                .await
                .is_ok_and(|answer| matches!(answer.status, 200 | 401 | 403))
            {
                return Ok(());
            }
            if self.child.try_wait().expect("child status").is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Err(self.log())
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Everything the server wrote to its console so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log.txt")).unwrap_or_default()
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        // Best effort: the process may have ended already, and the watchdog covers the rest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The package folder: `SQUARETABLE_ORACLE`, else `node_modules/sillytavern` of this checkout.
fn package() -> PathBuf {
    let folder = std::env::var_os("SQUARETABLE_ORACLE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("node_modules/sillytavern"),
        PathBuf::from,
    );
    assert!(
        folder.join("server.js").is_file(),
        "the oracle tests need the original server in {}: run `npm ci`, or set SQUARETABLE_ORACLE",
        folder.display()
    );
    // Its image codecs load only from inside its own real folder, so a link is followed here.
    folder.canonicalize().expect("the package folder exists")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

//! A host of git repositories on loopback, as the public ones are: smart HTTP, by git's own server program.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// Bytes and kind of a file in a commit.
struct Entry {
    mode: &'static str,
    path: String,
    /// Content, or the hash of a submodule's commit.
    data: Vec<u8>,
}

/// A commit to make; the same calls make the same commit anywhere.
pub struct Commit {
    branch: String,
    from: Option<String>,
    message: String,
    entries: Vec<Entry>,
}

impl Commit {
    /// On top of a branch, or the first one of it.
    pub fn on(branch: &str, message: &str) -> Self {
        Self {
            branch: branch.to_owned(),
            from: None,
            message: message.to_owned(),
            entries: Vec::new(),
        }
    }

    /// A new branch begins at another one, or an old one is put back there.
    pub fn from(mut self, branch: &str) -> Self {
        self.from = Some(branch.to_owned());
        self
    }

    /// Adds or replaces a file.
    pub fn file(self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.entry("100644", path, text)
    }

    /// A file that may be run.
    pub fn program(self, path: &str, text: &str) -> Self {
        self.entry("100755", path, text)
    }

    /// A symbolic link.
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry("120000", path, target)
    }

    /// A submodule at a commit.
    pub fn module(self, path: &str, hash: &str) -> Self {
        self.entry("160000", path, hash)
    }

    /// Removes a file.
    pub fn without(self, path: &str) -> Self {
        self.entry("", path, "")
    }

    fn entry(mut self, mode: &'static str, path: &str, data: impl Into<Vec<u8>>) -> Self {
        self.entries.push(Entry {
            mode,
            path: path.to_owned(),
            data: data.into(),
        });
        self
    }

    /// The commit in the language of `git fast-import`.
    fn stream(&self, has_branch: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let head = format!(
            "commit refs/heads/{}\ncommitter Test <test@example.com> 1700000000 +0000\ndata {}\n{}\n",
            self.branch,
            self.message.len(),
            self.message
        );
        out.extend(head.into_bytes());
        let from = self.from.as_ref().or(has_branch.then_some(&self.branch));
        if let Some(from) = from {
            out.extend(format!("from refs/heads/{from}^0\n").into_bytes());
        }
        for Entry { mode, path, data } in &self.entries {
            if mode.is_empty() {
                out.extend(format!("D {path}\n").into_bytes());
                continue;
            }
            if *mode == "160000" {
                out.extend(format!("M {mode} {} {path}\n", String::from_utf8_lossy(data)).into_bytes());
                continue;
            }
            out.extend(format!("M {mode} inline {path}\ndata {}\n", data.len()).into_bytes());
            out.extend_from_slice(data);
            out.push(b'\n');
        }
        out
    }
}

/// What the host keeps besides repositories.
#[derive(Default)]
struct Table {
    /// Paths that redirect, by their start, and where to.
    moved: BTreeMap<String, String>,
    /// The same, for every request but the first one to a path.
    moving: BTreeMap<String, String>,
    /// `Authorization` that repositories below a path ask for.
    locked: BTreeMap<String, String>,
    /// Method and path of every request.
    requests: Vec<String>,
}

/// A running host; ends with the value.
pub struct GitHost {
    /// `http://127.0.0.1:<port>`; a repository lies at `<url>/<name>`.
    pub url: String,
    folder: tempfile::TempDir,
    table: Arc<Mutex<Table>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for GitHost {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Host {
    root: PathBuf,
    table: Arc<Mutex<Table>>,
}

fn git() -> std::process::Command {
    let mut command = std::process::Command::new("git");
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("GIT_DIR");
    command
}

impl GitHost {
    /// Starts listening, without repositories.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1").await
    }

    /// As [`start`](Self::start), at another address of this machine.
    pub async fn start_at(ip: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let table = Arc::new(Mutex::new(Table::default()));
        let host = Host {
            root: folder.path().to_owned(),
            table: table.clone(),
        };
        let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let router = Router::new().fallback(serve).with_state(host);
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the host serves");
        });
        Self {
            url,
            folder,
            table,
            task,
        }
    }

    /// The address of a repository.
    pub fn address(&self, repository: &str) -> String {
        format!("{}/{repository}", self.url)
    }

    /// Makes a commit, and the repository where there is none.
    pub fn commit(&self, repository: &str, commit: &Commit) {
        let path = self.folder.path().join(repository);
        if !path.exists() {
            let args = ["init", "--quiet", "--bare", "-b", "main"];
            assert!(git().args(args).arg(&path).status().expect("git runs").success());
        }
        let branch = format!("refs/heads/{}", commit.branch);
        let has_branch = git()
            .arg("-C")
            .arg(&path)
            .args(["show-ref", "--verify", "--quiet", &branch])
            .status()
            .expect("git runs")
            .success();
        let mut import = git()
            .arg("-C")
            .arg(&path)
            .args(["fast-import", "--quiet", "--force"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("git runs");
        let mut input = import.stdin.take().expect("it is piped");
        input.write_all(&commit.stream(has_branch)).expect("git reads");
        drop(input);
        assert!(import.wait().expect("git ends").success());
    }

    /// Runs git on a repository and answers what it wrote.
    pub fn git(&self, repository: &str, args: &[&str]) -> String {
        let path = self.folder.path().join(repository);
        let done = git().arg("-C").arg(path).args(args).output().expect("git runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Everything below a path redirects to the same below another address.
    pub fn redirect(&self, path: &str, to: &str) {
        let mut table = self.table.lock().expect("no holder panics");
        table.moved.insert(path.to_owned(), to.to_owned());
    }

    /// As [`redirect`](Self::redirect), but the first request to each path is answered.
    pub fn redirect_later(&self, path: &str, to: &str) {
        let mut table = self.table.lock().expect("no holder panics");
        table.moving.insert(path.to_owned(), to.to_owned());
    }

    /// Everything below a path wants this `Authorization`.
    pub fn lock(&self, path: &str, authorization: &str) {
        let mut table = self.table.lock().expect("no holder panics");
        table.locked.insert(path.to_owned(), authorization.to_owned());
    }

    /// Takes the requests recorded so far, as `GET /path`.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.table.lock().expect("no holder panics").requests)
    }
}

async fn serve(
    State(host): State<Host>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    {
        let mut table = host.table.lock().expect("no holder panics");
        let line = format!("{method} {}", uri.path());
        let is_first = !table.requests.contains(&line);
        table.requests.push(line);
        let whole = uri.path_and_query().map_or("/", |path| path.as_str());
        let moving = table.moving.iter().filter(|_| !is_first);
        for (path, to) in table.moved.iter().chain(moving) {
            if let Some(rest) = whole.strip_prefix(path.as_str()) {
                return (StatusCode::FOUND, [("location", format!("{to}{rest}"))]).into_response();
            }
        }
        for (path, authorization) in &table.locked {
            if whole.starts_with(path.as_str()) && header("authorization") != authorization {
                return (
                    StatusCode::UNAUTHORIZED,
                    [("www-authenticate", "Basic realm=\"x\"")],
                )
                    .into_response();
            }
        }
    }
    let mut child = tokio::process::Command::new("git")
        .arg("http-backend")
        .env_remove("GIT_DIR")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", &host.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("git runs");
    let mut input = child.stdin.take().expect("it is piped");
    // A client that goes away is its own business.
    tokio::spawn(async move { input.write_all(&body).await.ok() });
    let output = child.wait_with_output().await.expect("git ends").stdout;
    answer(&output)
}

/// A response from the output of a CGI program.
fn answer(output: &[u8]) -> Response {
    let Some(end) = output.windows(4).position(|window| window == b"\r\n\r\n") else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::new(Body::from(output[end + 4..].to_vec()));
    let head = String::from_utf8_lossy(&output[..end]);
    for (name, value) in head.split("\r\n").filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse().ok());
            *response.status_mut() = code.expect("a status");
        } else {
            let name: axum::http::HeaderName = name.parse().expect("a header");
            response
                .headers_mut()
                .append(name, value.parse().expect("a value"));
        }
    }
    response
}

//! What is acknowledged stays, whatever dies: the database, the server, or both at once.

mod killed_node;
mod nodes;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use squaretable::app::App;
use squaretable::embedded::{self, Embedded};

use crate::harness::{Answer, Client, Server};

/// A data folder that PostgreSQL's account may pass through.
fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder
        .prefix("squaretable-faults-")
        .permissions(std::fs::Permissions::from_mode(0o755));
    builder.tempdir().expect("a temporary folder")
}

async fn start(dir: &Path) -> Embedded {
    let options = embedded::Options {
        dir: dir.to_owned(),
        postgres_bin: None,
        fsync: true,
    };
    Embedded::start(options).await.expect("PostgreSQL starts")
}

/// The postmaster of the cluster in `dir`, while it runs.
fn postmaster(dir: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(dir.join("cluster/postmaster.pid")).ok()?;
    let pid = text.lines().next()?.trim().parse().ok()?;
    is_alive(pid).then_some(pid)
}

/// Whether a process runs; one that has ended and was not waited for does not.
fn is_alive(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state
        .rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn kill(signal: &str, pid: u32) {
    let done = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status()
        .expect("kill runs");
    assert!(done.success(), "{pid} cannot be signalled");
}

/// Waits for a condition that another process brings about.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..6000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen within a minute");
}

/// Kills PostgreSQL as a power cut would.
async fn kill_database(dir: &Path) {
    end_database(dir, "-9").await;
}

/// Sends a signal to PostgreSQL and waits until all of it has gone.
async fn end_database(dir: &Path, signal: &str) {
    let pid = postmaster(dir).expect("PostgreSQL runs");
    let children: Vec<u32> = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .expect("the children of the postmaster")
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect();
    kill(signal, pid);
    until("the end of PostgreSQL", || {
        !is_alive(pid) && !children.iter().any(|child| is_alive(*child))
    })
    .await;
}

fn chat(n: usize) -> Value {
    json!([{ "chat_metadata": { "integrity": "i" } }, { "name": "Ada", "mes": format!("save {n}") }])
}

async fn save(client: &Client, n: usize) -> Answer {
    let body = json!({ "avatar_url": "Ada.png", "file_name": format!("chat {n}"), "chat": chat(n) });
    client.post("/api/chats/save", body).await
}

async fn read(client: &Client, n: usize) -> Answer {
    client
        .post(
            "/api/chats/get",
            json!({ "avatar_url": "Ada.png", "file_name": format!("chat {n}") }),
        )
        .await
}

/// Requests of every family that reads or writes.
const REQUESTS: [&str; 14] = [
    "/api/chats/get",
    "/api/chats/save",
    "/api/chats/delete",
    "/api/chats/recent",
    "/api/chats/search",
    "/api/characters/all",
    "/api/characters/get",
    "/api/characters/chats",
    "/api/groups/all",
    "/api/worldinfo/get",
    "/api/worldinfo/list",
    "/api/settings/get",
    "/api/settings/save",
    "/api/secrets/read",
];

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_nothing_looks_empty_and_afterwards_all_is_there() {
    let data = folder();
    let dir = data.path().join("postgres");
    let first = start(&dir).await;
    let server = Server::on(first.connect_options()).await;
    let client = server.client().await;
    client
        .post("/api/settings/save", json!({ "mine": true }))
        .await
        .expect(200);
    save(&client, 1).await.expect(200);
    kill_database(&dir).await;

    let body = json!({
        "avatar_url": "Ada.png", "file_name": "chat 1", "chatfile": "chat 1", "name": "Lore", "chat": chat(2), "query": "x",
    });
    let answers = REQUESTS.map(|path| {
        let request = client.posting(path, &body);
        let client = &client;
        async move { (path, client.send(request).await) }
    });
    for (path, answer) in futures_util::future::join_all(answers).await {
        assert!(
            matches!(answer.status.as_u16(), 500 | 503),
            "{path} answers {}: {}",
            answer.status,
            answer.text()
        );
    }
    let picture = client.get("/characters/Ada.png").await;
    assert!(matches!(picture.status.as_u16(), 500 | 503), "{}", picture.status);
    client.get("/readyz").await.expect(503);
    client.get("/healthz").await.expect(200);
    client.get("/").await.expect(200);
    client.get("/csrf-token").await.expect(200);

    drop(first);
    let second = start(&dir).await;
    assert_eq!(
        read(&client, 1).await.expect(200).json(),
        chat(1),
        "an acknowledged save is gone"
    );
    save(&client, 2).await.expect(200);
    assert_eq!(read(&client, 2).await.expect(200).json(), chat(2));
    client.get("/readyz").await.expect(200);
    assert!(
        client
            .post("/api/settings/get", json!({}))
            .await
            .expect(200)
            .text()
            .contains("mine")
    );
    let app: App = server.app.clone();
    drop(server);
    app.db().close().await;
    second.stop().await.expect("PostgreSQL stops");
}

/// Crashed, or shut down in an orderly way under open connections.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_restarts_is_not_noticed() {
    for signal in ["-9", "-INT"] {
        restart_unnoticed(signal).await;
    }
}

async fn restart_unnoticed(signal: &str) {
    let data = folder();
    let dir = data.path().join("postgres");
    let first = start(&dir).await;
    let server = Server::on(first.connect_options()).await;
    let client = server.client().await;
    // Several idle connections, each of which will be dead.
    let saves = futures_util::future::join_all((0..10).map(|n| save(&client, n))).await;
    saves.into_iter().for_each(|answer| drop(answer.expect(200)));
    end_database(&dir, signal).await;
    drop(first);
    let second = start(&dir).await;
    let reads = futures_util::future::join_all((0..10).map(|n| read(&client, n))).await;
    for (n, answer) in reads.into_iter().enumerate() {
        assert_eq!(answer.expect(200).json(), chat(n));
    }
    let app = server.app.clone();
    drop(server);
    app.db().close().await;
    second.stop().await.expect("PostgreSQL stops");
}

/// The real binary on a data folder.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn command(data: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squaretable"));
        let frontend = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("node_modules/sillytavern");
        command
            .arg("--port")
            .arg("0")
            .arg("--data-dir")
            .arg(data)
            .arg("--frontend")
            .arg(frontend);
        command
            .env_remove("DATABASE_URL")
            .env("SILLYTAVERN_SKIPCONTENTCHECK", "true");
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    /// Starts it and waits for the line that says that it answers.
    async fn start(data: &Path) -> Self {
        Self::launch(Self::command(data)).await
    }

    async fn launch(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the server runs");
        let stdout = child.stdout.take().expect("a pipe");
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = line.await.expect("a thread").expect("a line");
        let url = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        assert!(
            line.contains("listening") && url.starts_with("http://127.0.0.1:"),
            "{line:?}"
        );
        Self { child, url }
    }

    fn signal(&self, signal: &str) {
        kill(signal, self.child.id());
    }

    async fn exit_code(mut self) -> Option<i32> {
        let mut child = std::mem::replace(&mut self.child, Command::new("true").spawn().expect("true runs"));
        tokio::task::spawn_blocking(move || child.wait())
            .await
            .expect("a thread")
            .expect("a status")
            .code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing to do for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_save_acknowledged_before_kill_9_is_there_afterwards() {
    let data = folder();
    let server = Process::start(data.path()).await;
    let client = Client::new(&server.url).await;
    let body =
        |n: usize| json!({ "avatar_url": "Ada.png", "file_name": format!("chat {n}"), "chat": chat(n) });
    let mut acknowledged = Vec::new();
    let pid = server.child.id();
    for n in 0.. {
        if n == 25 {
            // In the middle of a series: the next saves meet a server that is dying.
            std::thread::spawn(move || kill("-9", pid));
        }
        match client.posting("/api/chats/save", &body(n)).send().await {
            Ok(answer) if answer.status() == 200 => acknowledged.push(n),
            Ok(answer) => panic!("a save was refused: {}", answer.status()),
            Err(_) => break,
        }
    }
    assert!(acknowledged.len() >= 25);
    drop(server);

    let server = Process::start(data.path()).await;
    let client = Client::new(&server.url).await;
    for n in acknowledged {
        assert_eq!(
            read(&client, n).await.expect(200).json(),
            chat(n),
            "the acknowledged save {n} is gone"
        );
    }
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0));
    assert_eq!(
        postmaster(&data.path().join("postgres")),
        None,
        "PostgreSQL goes on without its server"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn saves_survive_the_death_of_server_and_database_together() {
    let data = folder();
    let server = Process::start(data.path()).await;
    let client = Client::new(&server.url).await;
    for n in 0..5 {
        save(&client, n).await.expect(200);
    }
    kill_database(&data.path().join("postgres")).await;
    server.signal("-9");
    drop(server);
    let server = Process::start(data.path()).await;
    let client = Client::new(&server.url).await;
    for n in 0..5 {
        assert_eq!(read(&client, n).await.expect(200).json(), chat(n));
    }
    server.signal("-INT");
    assert_eq!(server.exit_code().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_has_one_server() {
    let data = folder();
    let server = Process::start(data.path()).await;
    let mut second = Process::command(data.path());
    second.stderr(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || second.output())
        .await
        .unwrap()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "it says that it listens");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("another Squaretable serves"), "{error}");
    let client = Client::new(&server.url).await;
    save(&client, 1).await.expect(200);
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0));
    let pid_file = data.path().join("postgres/cluster/postmaster.pid");
    assert!(
        !pid_file.exists(),
        "PostgreSQL was not shut down in an orderly way"
    );
}

//! Whose an extension is: one user's, everybody's, or the installation's.

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use squaretable::config::Config;

use super::extensions::{host, read};
use crate::harness::{Client, Commit, Options, Server};

/// A server with an administrator and two others.
async fn three_users() -> (Server, [Client; 3]) {
    let mut config = Config::default();
    config.accounts.enabled = true;
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    for handle in ["admin", "first", "second"] {
        server.tenant(handle, handle == "admin").await;
    }
    let admin = server.client_of("admin").await;
    let first = server.client_of("first").await;
    let second = server.client_of("second").await;
    (server, [admin, first, second])
}

/// The extensions that did not come with the frontend.
async fn found(client: &Client) -> Vec<Value> {
    let all = client.get("/api/extensions/discover").await.expect(200).json();
    let all = all.as_array().expect("a list").iter();
    all.filter(|extension| extension["type"] != "system")
        .cloned()
        .collect()
}

fn entry(kind: &str, name: &str) -> Value {
    json!({ "type": kind, "name": format!("third-party/{name}") })
}

#[tokio::test]
async fn a_users_extension_is_nobody_elses() {
    let host = host().await;
    let (_server, [admin, first, second]) = three_users().await;
    let url = json!({ "url": host.address("Ext") });
    let name = json!({ "extensionName": "Ext" });
    first.post("/api/extensions/install", &url).await.expect(200);
    for other in [&admin, &second] {
        assert_eq!(found(other).await, Vec::<Value>::new());
        assert_eq!(read(other, "Ext/index.js").await, Err(404));
        for route in ["version", "update", "branches", "delete"] {
            other
                .post(&format!("/api/extensions/{route}"), &name)
                .await
                .expect(404);
        }
    }
    second.post("/api/extensions/install", &url).await.expect(200);
    second.post("/api/extensions/delete", &name).await.expect(200);
    assert_eq!(read(&first, "Ext/index.js").await, Ok("one".to_owned()));
}

#[tokio::test]
async fn everybody_has_what_an_administrator_installs_for_everybody() {
    let host = host().await;
    let (server, [admin, first, _]) = three_users().await;
    let url = json!({ "url": host.address("Ext"), "global": true });
    let global = json!({ "extensionName": "Ext", "global": true });
    let refused = first.post("/api/extensions/install", &url).await.expect(403);
    assert_eq!(
        refused.text(),
        "Forbidden: No permission to install global extensions."
    );
    admin.post("/api/extensions/install", &url).await.expect(200);
    admin.post("/api/extensions/install", &url).await.expect(409);
    for client in [&admin, &first] {
        assert_eq!(found(client).await, [entry("global", "Ext")]);
        assert_eq!(read(client, "Ext/index.js").await, Ok("one".to_owned()));
        // The address in it may hold a password.
        assert_eq!(read(client, "Ext/.git/config").await, Err(404));
        assert_eq!(read(client, "Ext/none.js").await, Err(404));
    }
    host.commit("Ext", &Commit::on("main", "Second").file("index.js", "two"));
    let switch = json!({ "extensionName": "Ext", "global": true, "branch": "main" });
    let moved = json!({ "extensionName": "Ext", "source": "global", "destination": "local" });
    for (route, body) in [
        ("update", &global),
        ("branches", &global),
        ("delete", &global),
        ("switch", &switch),
        ("move", &moved),
    ] {
        first
            .post(&format!("/api/extensions/{route}"), body)
            .await
            .expect(403);
    }
    let version = first
        .post("/api/extensions/version", &global)
        .await
        .expect(200)
        .json();
    assert_eq!(version["isUpToDate"], false);
    admin.post("/api/extensions/update", &global).await.expect(200);
    assert_eq!(read(&first, "Ext/index.js").await, Ok("two".to_owned()));

    // A user's own comes first.
    host.commit("Ext", &Commit::on("main", "Third").file("index.js", "three"));
    let own = json!({ "url": host.address("Ext") });
    first.post("/api/extensions/install", &own).await.expect(200);
    assert_eq!(found(&first).await, [entry("local", "Ext")]);
    assert_eq!(read(&first, "Ext/index.js").await, Ok("three".to_owned()));
    assert_eq!(read(&admin, "Ext/index.js").await, Ok("two".to_owned()));
    // On another node as well.
    let node = Server::on(server.database.clone()).await;
    assert_eq!(found(&node.client().await).await, [entry("global", "Ext")]);
    admin.post("/api/extensions/delete", &global).await.expect(200);
    assert_eq!(found(&admin).await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_administrator_moves_extensions_with_all_that_belongs_to_them() {
    let host = host().await;
    let (_server, [admin, first, _]) = three_users().await;
    let url = json!({ "url": host.address("Ext") });
    admin.post("/api/extensions/install", &url).await.expect(200);
    first.post("/api/extensions/install", &url).await.expect(200);
    let up = json!({ "extensionName": "Ext", "source": "local", "destination": "global" });
    let down = json!({ "extensionName": "Ext", "source": "global", "destination": "local" });
    first.post("/api/extensions/move", &up).await.expect(403);
    admin.post("/api/extensions/move", &up).await.expect(204);
    assert_eq!(found(&admin).await, [entry("global", "Ext")]);
    admin.post("/api/extensions/move", &up).await.expect(404);
    // It is still a repository.
    host.commit("Ext", &Commit::on("main", "Second").file("index.js", "two"));
    let global = json!({ "extensionName": "Ext", "global": true });
    admin.post("/api/extensions/update", &global).await.expect(200);
    admin.post("/api/extensions/install", &url).await.expect(200);
    admin.post("/api/extensions/move", &up).await.expect(409);
    admin.post("/api/extensions/move", &down).await.expect(409);
    let own = json!({ "extensionName": "Ext" });
    admin.post("/api/extensions/delete", &own).await.expect(200);
    admin.post("/api/extensions/move", &down).await.expect(204);
    assert_eq!(found(&admin).await, [entry("local", "Ext")]);
    assert_eq!(read(&admin, "Ext/index.js").await, Ok("two".to_owned()));
    assert_eq!(read(&first, "Ext/index.js").await, Ok("one".to_owned()));
}

#[tokio::test]
async fn the_password_of_everybodys_extension_is_the_administrators() {
    let host = host().await;
    host.lock("/Ext", "Basic bWU6c2VjcmV0");
    let (_server, [admin, first, _]) = three_users().await;
    let address = host.address("Ext").replace("http://", "http://me:secret@");
    let url = json!({ "url": address, "global": true });
    let global = json!({ "extensionName": "Ext", "global": true });
    admin.post("/api/extensions/install", &url).await.expect(200);
    for (client, shown) in [(&admin, address), (&first, host.address("Ext"))] {
        let version = client
            .post("/api/extensions/version", &global)
            .await
            .expect(200)
            .json();
        assert_eq!(version["remoteUrl"], shown);
        assert_eq!(version["isUpToDate"], true);
    }
}

/// A frontend like the installed one, with an extension for everybody in its folder.
fn frontend_with_extension() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    mirror(
        &crate::harness::frontend(),
        root.path(),
        &["public", "scripts", "extensions"],
    );
    let folder = root.path().join("public/scripts/extensions/third-party/Disk");
    std::fs::create_dir_all(&folder).expect("our own folder");
    std::fs::write(folder.join("manifest.json"), "{}").expect("our own folder");
    root
}

/// Links to everything in `from`, but for the folders on the way, which are made.
fn mirror(from: &Path, to: &Path, way: &[&str]) {
    std::fs::create_dir_all(to).expect("our own folder");
    for entry in std::fs::read_dir(from).expect("the frontend") {
        let entry = entry.expect("the frontend");
        match way.split_first() {
            Some((next, rest)) if entry.file_name() == *next => mirror(&entry.path(), &to.join(next), rest),
            None if entry.file_name() == "third-party" => {}
            _ => symlink(entry.path(), to.join(entry.file_name())).expect("our own folder"),
        }
    }
}

#[tokio::test]
async fn extensions_of_the_installation_are_there_and_stay() {
    let host = host().await;
    host.commit("Disk", &Commit::on("main", "x").file("manifest.json", "{}"));
    let frontend = frontend_with_extension();
    let config = Config {
        frontend: frontend.path().to_owned(),
        ..Config::default()
    };
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    let client = server.client().await;
    let url = json!({ "url": host.address("Ext"), "global": true });
    client.post("/api/extensions/install", &url).await.expect(200);
    assert_eq!(
        found(&client).await,
        [entry("global", "Disk"), entry("global", "Ext")]
    );
    assert_eq!(read(&client, "Disk/manifest.json").await, Ok("{}".to_owned()));
    let url = json!({ "url": host.address("Disk"), "global": true });
    client.post("/api/extensions/install", &url).await.expect(409);
    let disk = json!({ "extensionName": "Disk", "global": true, "branch": "main", "source": "global", "destination": "local" });
    let version = client
        .post("/api/extensions/version", &disk)
        .await
        .expect(200)
        .json();
    assert_eq!(version["isUpToDate"], true);
    for route in ["update", "branches", "switch", "move", "delete"] {
        let refused = client
            .post(&format!("/api/extensions/{route}"), &disk)
            .await
            .expect(403);
        assert!(
            refused.text().contains("part of the server's installation"),
            "{}",
            refused.text()
        );
    }
    assert_eq!(read(&client, "Disk/manifest.json").await, Ok("{}".to_owned()));
}

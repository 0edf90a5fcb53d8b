//! Extensions of one user. Limits and hostile repositories are in `extension_limits.rs`, those of others and of everybody
//! in `extension_owners.rs`.

use serde_json::{Value, json};
use squaretable::app::DEFAULT_USER;
use squaretable::config::Config;
use squaretable::store::{blobs, files};

use crate::harness::{Client, Commit, GitHost, Options, Server};

/// Puts a file into the default user's folder, as an import would.
pub async fn put(server: &Server, folder: &str, name: &str, text: &str) {
    let tenant = server.tenant(DEFAULT_USER, true).await;
    let mut tx = tenant.begin().await.expect("a transaction");
    let blob = blobs::put(&mut tx, text.as_bytes()).await.expect("a content");
    files::put(&mut tx, folder, name, &blob).await.expect("a file");
    tx.commit().await.expect("it is stored");
}

#[tokio::test]
async fn the_frontends_own_extensions_come_first_and_then_the_users() {
    let server = Server::start().await;
    put(&server, "extensions/Zebra", "manifest.json", "{}").await;
    put(&server, "extensions/Apple", "manifest.json", "{}").await;
    put(&server, "extensions/Left over", "index.js", "").await;
    put(&server, "extensions/Apple/nested", "manifest.json", "{}").await;
    let client = server.client().await;
    let found = client.get("/api/extensions/discover").await.expect(200).json();
    let found = found.as_array().expect("a list");
    assert!(found.contains(&json!({ "type": "system", "name": "quick-reply" })));
    assert!(!found.iter().any(|extension| extension["name"] == "third-party"));
    let local: Vec<&Value> = found
        .iter()
        .filter(|extension| extension["type"] == "local")
        .collect();
    let expected =
        ["third-party/Apple", "third-party/Zebra"].map(|name| json!({ "type": "local", "name": name }));
    assert_eq!(local, expected.iter().collect::<Vec<_>>());
    let manifest = client
        .get("/scripts/extensions/third-party/Apple/manifest.json")
        .await
        .expect(200);
    assert_eq!(manifest.text(), "{}");
}

#[tokio::test]
async fn extensions_that_are_switched_off_are_not_found() {
    let mut config = Config::default();
    config.content.extensions.enabled = false;
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    let client = server.client().await;
    assert_eq!(
        client.get("/api/extensions/discover").await.expect(404).text(),
        "Not Found"
    );
}

/// A host with a small extension in the repository `Ext`.
pub async fn host() -> GitHost {
    let host = GitHost::start().await;
    let first = Commit::on("main", "First")
        .file("manifest.json", r#"{"display_name":"Ext","version":"1"}"#)
        .file("index.js", "one");
    host.commit("Ext", &first);
    host
}

/// The text of a file of an extension, or the status without it.
pub async fn read(client: &Client, path: &str) -> Result<String, u16> {
    let answer = client
        .get(&format!("/scripts/extensions/third-party/{path}"))
        .await;
    match answer.status.as_u16() {
        200 => Ok(answer.text()),
        status => Err(status),
    }
}

#[tokio::test]
async fn an_extension_belongs_to_every_node_and_outlives_them() {
    let host = host().await;
    let first = Server::start().await;
    let client = first.client().await;
    let url = json!({ "url": host.address("Ext") });
    let installed = client
        .post("/api/extensions/install", &url)
        .await
        .expect(200)
        .json();
    assert_eq!(
        installed,
        json!({ "version": "1", "display_name": "Ext", "extensionPath": "/default-user/extensions/Ext", "folderName": "Ext" })
    );
    let database = first.database.clone();
    drop(first);
    let second = Server::on(database).await;
    let client = second.client().await;
    client.post("/api/extensions/install", &url).await.expect(409);
    assert_eq!(read(&client, "Ext/index.js").await, Ok("one".to_owned()));

    let next = Commit::on("main", "Second")
        .file("index.js", "two")
        .file("more/new.js", "new");
    host.commit("Ext", &next);
    host.commit(
        "Ext",
        &Commit::on("dev", "Dev").from("main").file("index.js", "dev"),
    );
    let name = json!({ "extensionName": "/Ext" });
    let behind = client
        .post("/api/extensions/version", &name)
        .await
        .expect(200)
        .json();
    assert_eq!(behind["isUpToDate"], false);
    let updated = client
        .post("/api/extensions/update", &name)
        .await
        .expect(200)
        .json();
    assert_eq!(updated["isUpToDate"], false);
    assert_eq!(updated["remoteUrl"], host.address("Ext"));
    assert_eq!(read(&client, "Ext/index.js").await, Ok("two".to_owned()));
    assert_eq!(read(&client, "Ext/more/new.js").await, Ok("new".to_owned()));

    let head = switched_to_dev(&client).await;
    assert_eq!(head["currentBranchName"], "dev");
    assert_eq!(head["currentCommitHash"], host.git("Ext", &["rev-parse", "dev"]));
    client.post("/api/extensions/delete", &name).await.expect(200);
    assert_eq!(
        second
            .count("SELECT count(*) FROM files WHERE folder LIKE 'extensions%'")
            .await,
        0
    );
}

/// The version of the extension `Ext` once it is on its branch `dev`.
async fn switched_to_dev(client: &Client) -> Value {
    let name = json!({ "extensionName": "/Ext" });
    client.post("/api/extensions/branches", &name).await.expect(200);
    let dev = json!({ "extensionName": "Ext", "branch": "origin/dev" });
    client.post("/api/extensions/switch", &dev).await.expect(204);
    assert_eq!(read(client, "Ext/index.js").await, Ok("dev".to_owned()));
    client
        .post("/api/extensions/version", &name)
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn what_is_removed_upstream_is_removed_and_what_the_user_added_stays() {
    let host = host().await;
    host.commit("Ext", &Commit::on("main", "Old").file("old.js", "old"));
    let server = Server::start().await;
    let client = server.client().await;
    let url = json!({ "url": host.address("Ext") });
    client.post("/api/extensions/install", &url).await.expect(200);
    put(&server, "extensions/Ext", "mine.json", "mine").await;
    let without = Commit::on("main", "Without old.js")
        .file("manifest.json", "{}")
        .without("old.js");
    host.commit("Ext", &without);
    let name = json!({ "extensionName": "Ext" });
    client.post("/api/extensions/update", &name).await.expect(200);
    assert_eq!(read(&client, "Ext/manifest.json").await, Ok("{}".to_owned()));
    assert_eq!(read(&client, "Ext/old.js").await, Err(404));
    assert_eq!(read(&client, "Ext/mine.json").await, Ok("mine".to_owned()));

    // A change of the user's own stands in the way of the next one; nothing of either is lost.
    put(&server, "extensions/Ext", "index.js", "changed by hand").await;
    host.commit(
        "Ext",
        &Commit::on("main", "Two")
            .file("index.js", "two")
            .file("new.js", "new"),
    );
    client.post("/api/extensions/update", &name).await.expect(500);
    assert_eq!(
        read(&client, "Ext/index.js").await,
        Ok("changed by hand".to_owned())
    );
    assert_eq!(read(&client, "Ext/new.js").await, Err(404));
}

#[tokio::test]
async fn requests_for_one_extension_at_a_time_do_not_mix() {
    let host = host().await;
    let server = Server::start().await;
    let client = server.client().await;
    let url = json!({ "url": host.address("Ext") });
    let (first, second) = tokio::join!(
        client.post("/api/extensions/install", &url),
        client.post("/api/extensions/install", &url)
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    host.commit("Ext", &Commit::on("main", "Second").file("index.js", "two"));
    let name = json!({ "extensionName": "Ext" });
    let (first, second) = tokio::join!(
        client.post("/api/extensions/update", &name),
        client.post("/api/extensions/update", &name)
    );
    let hash = host.git("Ext", &["rev-parse", "main"]);
    for answer in [first, second] {
        assert_eq!(answer.expect(200).json()["shortCommitHash"], hash[..7]);
    }
    assert_eq!(read(&client, "Ext/index.js").await, Ok("two".to_owned()));
}

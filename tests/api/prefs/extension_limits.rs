//! What a repository or its host may not do to the server.

use std::time::Duration;

use serde_json::json;
use squaretable::config::Config;
use squaretable::config::ip_pattern::IpPattern;
use squaretable::config::secret::Secret;
use squaretable::config::upstream::RequestProxy;
use squaretable::git::Limits;

use super::extensions::{host, put, read};
use crate::harness::{Client, Commit, GitHost, Options, Server};

const STORED: &str = "SELECT count(*) FROM files WHERE folder LIKE 'extensions%'";

async fn server(change: impl FnOnce(&mut Config)) -> (Server, Client) {
    let mut config = Config::default();
    change(&mut config);
    let server = Server::with(Options {
        config,
        ..Options::default()
    })
    .await;
    let client = server.client().await;
    (server, client)
}

async fn limited(limits: Limits) -> (Server, Client) {
    server(|config| config.content.extensions.limits = limits).await
}

/// Asks for an extension; answers the status.
async fn install(client: &Client, url: &str) -> u16 {
    let answer = client
        .post("/api/extensions/install", json!({ "url": url }))
        .await;
    answer.status.as_u16()
}

/// Nothing is stored, and no temporary folder is left.
async fn assert_nothing_is_left(server: &Server) {
    assert_eq!(server.count(STORED).await, 0);
    let left: Vec<_> = std::fs::read_dir(server.app.uploads())
        .expect("the folder")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut reader = blake3::Hasher::new().finalize_xof();
    let mut bytes = vec![0; length];
    reader.fill(&mut bytes);
    bytes
}

#[tokio::test]
async fn repositories_beyond_the_limits_are_refused_whole() {
    let host = host().await;
    let manifest = || Commit::on("main", "x").file("manifest.json", "{}");
    // Small when it arrives, and large when it is unpacked.
    host.commit("Zeros", &manifest().file("zeros", vec![0; 6 << 20]));
    host.commit("Noise", &manifest().file("noise", noise(6 << 20)));
    let many = (0..200).fold(manifest(), |commit, n| commit.file(&format!("{n}.js"), "x"));
    host.commit("Many", &many);
    let (server, client) = limited(Limits {
        bytes: 4 << 20,
        files: 100,
        ..Limits::default()
    })
    .await;
    for name in ["Zeros", "Noise", "Many"] {
        let url = json!({ "url": host.address(name) });
        let answer = client.post("/api/extensions/install", &url).await.expect(413);
        let reason = if name == "Many" { "100 files" } else { "4 MiB" };
        assert!(answer.text().contains(reason), "{}", answer.text());
    }
    assert_nothing_is_left(&server).await;

    // One that grows too large later stays as it is.
    assert_eq!(install(&client, &host.address("Ext")).await, 200);
    let before = server.count(STORED).await;
    host.commit(
        "Ext",
        &Commit::on("main", "Large").file("index.js", vec![0; 6 << 20]),
    );
    let name = json!({ "extensionName": "Ext" });
    client.post("/api/extensions/update", &name).await.expect(413);
    assert_eq!(read(&client, "Ext/index.js").await, Ok("one".to_owned()));
    assert_eq!(server.count(STORED).await, before);
}

#[tokio::test]
async fn a_host_that_takes_too_long_is_given_up() {
    let host = host().await;
    let (server, client) = limited(Limits {
        time: Duration::ZERO,
        ..Limits::default()
    })
    .await;
    assert_eq!(install(&client, &host.address("Ext")).await, 504);
    assert_nothing_is_left(&server).await;
}

#[tokio::test]
async fn links_lead_nowhere_and_modules_are_not_fetched() {
    let host = host().await;
    let commit = Commit::on("main", "x")
        .file("manifest.json", "{}")
        .link("passwd", "/etc/passwd")
        .link("out", "../../..")
        .file(
            ".gitmodules",
            format!(
                "[submodule \"m\"]\n\tpath = m\n\turl = {}\n",
                host.address("Module")
            ),
        )
        .module("m", "0123456789012345678901234567890123456789");
    host.commit("Odd", &commit);
    host.commit("Module", &Commit::on("main", "x").file("x", "x"));
    host.commit(
        "Linked",
        &Commit::on("main", "x")
            .file("real.json", "{}")
            .link("manifest.json", "real.json"),
    );
    let (server, client) = server(|_| ()).await;
    assert_eq!(install(&client, &host.address("Linked")).await, 500);
    assert_nothing_is_left(&server).await;
    assert_eq!(install(&client, &host.address("Odd")).await, 200);
    assert_eq!(read(&client, "Odd/passwd").await, Ok("/etc/passwd".to_owned()));
    assert_eq!(read(&client, "Odd/out").await, Ok("../../..".to_owned()));
    let asked = host.take();
    assert!(asked.iter().any(|line| line.contains("/Odd/")), "{asked:?}");
    assert!(!asked.iter().any(|line| line.contains("/Module")), "{asked:?}");
}

#[tokio::test]
async fn a_stored_repository_runs_nothing() {
    let host = host().await;
    host.commit(
        "Ext",
        &Commit::on("dev", "Dev").from("main").file("index.js", "dev"),
    );
    let (server, client) = server(|_| ()).await;
    assert_eq!(install(&client, &host.address("Ext")).await, 200);
    // As it could come with an import.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let marker = folder.path().join("ran");
    let act = format!("touch {}; cat", marker.display());
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = \"{act}\"\n\tsshCommand = \"{act}\"\n\
         [filter \"f\"]\n\tsmudge = \"{act}\"\n\tclean = \"{act}\"\n\
         [credential]\n\thelper = \"!{act}\"\n\
         [remote \"origin\"]\n\turl = {0}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\tuploadpack = \"{act}\"\n\
         [remote \"other\"]\n\turl = ext::{act}\n",
        host.address("Ext")
    );
    put(&server, "extensions/Ext/.git", "config", &config).await;
    put(&server, "extensions/Ext/.git/info", "attributes", "* filter=f\n").await;
    put(&server, "extensions/Ext", ".gitattributes", "* filter=f\n").await;
    for hook in [
        "post-checkout",
        "post-merge",
        "reference-transaction",
        "post-index-change",
    ] {
        put(
            &server,
            "extensions/Ext/.git/hooks",
            hook,
            &format!("#!/bin/sh\n{act}\n"),
        )
        .await;
    }
    host.commit("Ext", &Commit::on("main", "Second").file("index.js", "two"));
    let name = json!({ "extensionName": "Ext" });
    for route in ["version", "update", "branches"] {
        client
            .post(&format!("/api/extensions/{route}"), &name)
            .await
            .expect(200);
    }
    assert_eq!(read(&client, "Ext/index.js").await, Ok("two".to_owned()));
    let dev = json!({ "extensionName": "Ext", "branch": "origin/dev" });
    client.post("/api/extensions/switch", &dev).await.expect(204);
    assert_eq!(read(&client, "Ext/index.js").await, Ok("dev".to_owned()));
    assert!(!marker.exists(), "something ran");
    assert_eq!(
        read(&client, "Ext/.git/hooks/post-merge").await,
        Ok(format!("#!/bin/sh\n{act}\n"))
    );
}

#[tokio::test]
async fn only_addresses_that_the_server_may_reach_are_fetched_from() {
    let (inside, outside) = (GitHost::start_at("127.0.0.2").await, host().await);
    inside.commit("Ext", &Commit::on("main", "x").file("manifest.json", "{}"));
    outside.redirect("/moved", &inside.url);
    outside.redirect_later("/Ext", &format!("{}/Ext", inside.url));
    let (server, client) = server(|config| {
        let addresses = &mut config.upstream.private_addresses;
        addresses.enabled = true;
        addresses.allowed_ranges = vec![IpPattern::parse("127.0.0.1").expect("an address")];
    })
    .await;
    assert_eq!(install(&client, &inside.address("Ext")).await, 500);
    assert_eq!(install(&client, &outside.address("moved/Ext")).await, 500);
    // The second question is git's own.
    assert_eq!(install(&client, &outside.address("Ext")).await, 500);
    assert_eq!(inside.take(), [""; 0]);
    assert!(outside.take().len() >= 3, "the redirects were met");
    assert_nothing_is_left(&server).await;
    // By name, git goes where the name led when it was checked.
    outside.commit("Named", &Commit::on("main", "x").file("manifest.json", "{}"));
    let by_name = outside.address("Named").replace("127.0.0.1", "localhost");
    assert_eq!(install(&client, &by_name).await, 200);
}

#[tokio::test]
async fn redirects_within_what_is_allowed_are_followed() {
    let (inside, outside) = (GitHost::start_at("127.0.0.2").await, host().await);
    inside.commit("Ext", &Commit::on("main", "x").file("manifest.json", "{}"));
    outside.redirect("/moved", &inside.url);
    let (_server, client) = server(|_| ()).await;
    assert_eq!(install(&client, &outside.address("moved/Ext")).await, 200);
    let name = json!({ "extensionName": "Ext" });
    let version = client
        .post("/api/extensions/version", &name)
        .await
        .expect(200)
        .json();
    assert_eq!(version["remoteUrl"], outside.address("moved/Ext"));
    assert_eq!(version["isUpToDate"], true);
}

#[tokio::test]
async fn everything_goes_through_the_proxy() {
    // A host that is asked for whole addresses answers for every name.
    let proxy = host().await;
    let (_server, client) = server(|config| {
        config.upstream.proxy = Some(RequestProxy {
            url: Secret::new(proxy.url.clone()),
            bypass: Vec::new(),
        });
    })
    .await;
    assert_eq!(install(&client, "http://git.example/Ext").await, 200);
    assert_eq!(read(&client, "Ext/index.js").await, Ok("one".to_owned()));
}

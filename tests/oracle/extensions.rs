//! `/api/extensions`.
//!
//! Nothing is installed for everybody here: the original would do so in its package, which all tests share.

use serde_json::{Value, json};

use super::dsl::call;
use super::fixtures::long_name;
use super::scenario::Scenario;
use crate::harness::{Commit, GitHost};

const MANIFEST: &str = r#"{"display_name":"Größe 🎉","version":"1.2.3","author":["a",1],"js":"index.js"}"#;

/// The repositories that both sides fetch.
async fn host() -> GitHost {
    let host = GitHost::start().await;
    let first = Commit::on("main", "First: größe")
        .file("manifest.json", MANIFEST)
        .file("index.js", "export const n = 1;\n")
        .program("tool.sh", "#!/bin/sh\n")
        .file("nested/deep/a b.txt", "text")
        .file(".hidden", "hidden");
    host.commit("Plain", &first);
    host.commit(
        "Plain",
        &Commit::on("main", "Second\n\nbody").file("index.js", "export const n = 2;\n"),
    );
    host.commit(
        "Plain",
        &Commit::on("dev", "On dev").from("main").file("dev.js", "dev"),
    );
    host.commit(
        "Plain",
        &Commit::on("a/b", "On a/b").from("main").file("index.js", "ab"),
    );
    host.git("Plain", &["tag", "v1", "main^0"]);
    host.commit("NoManifest", &Commit::on("main", "x").file("index.js", ""));
    for (name, text) in [
        ("Broken", "{"),
        ("List", "[]"),
        ("Text", "\"x\""),
        ("Null", "null"),
        ("Bom", "\u{feff}{}"),
    ] {
        host.commit(name, &Commit::on("main", "x").file("manifest.json", text));
    }
    host.commit(
        "Bare.git",
        &Commit::on("main", "x").file("manifest.json", "{\"version\":null}"),
    );
    host.commit("Moved", &Commit::on("main", "x").file("manifest.json", "{}"));
    host.redirect("/old/Moved", &host.address("Moved"));
    host.commit("Locked", &Commit::on("main", "x").file("manifest.json", "{}"));
    host.lock("/Locked", "Basic bWU6c2VjcmV0");
    host
}

#[tokio::test]
async fn oracle_extensions() {
    let host = host().await;
    let mut s = Scenario::start("extensions", "").await;
    refusals(&mut s).await;
    install(&mut s, &host).await;
    served(&mut s).await;
    for route in ["version", "update", "branches"] {
        names(&mut s, route).await;
    }
    names(&mut s, "delete").await;
    update(&mut s, &host).await;
    branches(&mut s, &host).await;
    tagged(&mut s, &host).await;
    move_and_delete(&mut s).await;
    s.finish();
}

async fn post(s: &mut Scenario, route: &str, body: Value) {
    s.post(&format!("/api/extensions/{route}"), body).await;
}

async fn refusals(s: &mut Scenario) {
    for body in [
        json!({}),
        json!([]),
        json!({ "url": "" }),
        json!({ "url": null }),
        json!({ "url": 5 }),
        json!({ "url": true }),
        json!({ "url": {} }),
        json!({ "url": [] }),
        json!({ "url": "no url" }),
        json!({ "url": "/etc" }),
        json!({ "url": "host/name" }),
        json!({ "url": "git@github.com:a/b.git" }),
        json!({ "url": "ssh://git@127.0.0.1/a/b.git" }),
        json!({ "url": "git://127.0.0.1/a" }),
        json!({ "url": "file:///etc" }),
        json!({ "url": "ext::sh -c id" }),
        json!({ "url": "http://" }),
        json!({ "url": "http://127.0.0.1:1/" }),
        json!({ "url": "http://127.0.0.1:1" }),
        json!({ "url": "http://127.0.0.1:1/..." }),
        json!({ "url": "http://127.0.0.1:1/a/con" }),
        json!({ "url": "http://127.0.0.1:1/%" }),
        json!({ "url": "http://127.0.0.1:1/closed" }),
        json!({ "url": ["http://127.0.0.1:1/listed"] }),
        json!({ "url": "http://127.0.0.1:1/\u{0}" }),
    ] {
        post(s, "install", body).await;
    }
    s.send(call("POST", "/api/extensions/install")).await;
    s.raw(
        "/api/extensions/install",
        r#"{"url":"http://127.0.0.1:1/\ud800"}"#,
    )
    .await;
}

async fn install(s: &mut Scenario, host: &GitHost) {
    for (name, branch) in [
        ("Plain", json!("nothing")),
        ("Plain", json!("--upload-pack=x")),
        ("Plain", json!(true)),
        ("Plain", json!({})),
        ("Plain", json!(5)),
        ("Plain", Value::Null),
        ("Plain", Value::Null),
        ("Plain.git", json!("dev")),
        ("Plain/", Value::Null),
        ("NoManifest", Value::Null),
        ("Broken", Value::Null),
        ("List", Value::Null),
        ("Text", Value::Null),
        ("Null", Value::Null),
        ("Bom", Value::Null),
        ("Bare.git", json!("")),
        ("Bare", Value::Null),
        ("old/Moved", Value::Null),
        ("Locked", Value::Null),
        ("Nothing", Value::Null),
        ("", Value::Null),
    ] {
        post(
            s,
            "install",
            json!({ "url": host.address(name), "branch": branch }),
        )
        .await;
    }
    let locked = host.address("Locked");
    let with_password = |word: &str| locked.replace("http://", &format!("http://{word}@"));
    post(s, "install", json!({ "url": with_password("me:wrong") })).await;
    post(s, "install", json!({ "url": with_password("me:secret") })).await;
    post(s, "version", json!({ "extensionName": "Locked" })).await;
    post(s, "update", json!({ "extensionName": "Locked" })).await;
    post(s, "version", json!({ "extensionName": "Moved" })).await;
    s.get("/api/extensions/discover").await;
}

async fn served(s: &mut Scenario) {
    for path in [
        "Plain/manifest.json",
        "Plain/index.js",
        "Plain/nested/deep/a%20b.txt",
        "Plain/.hidden",
        "Plain/.git/config",
        "Plain/.git/HEAD",
        "Plain/.git/",
        "Plain",
        "Plain/",
        "Plain/none.js",
        "Plain/../Plain/index.js",
        "None/manifest.json",
    ] {
        s.get(&format!("/scripts/extensions/third-party/{path}")).await;
    }
}

/// What every route makes of names that are none.
async fn names(s: &mut Scenario, route: &str) {
    let long = long_name();
    for name in [
        "",
        ".",
        "..",
        "...",
        "/",
        "\\",
        "con",
        "none",
        "a/b",
        "../x",
        "%",
        " ",
        long.as_str(),
    ] {
        post(s, route, json!({ "extensionName": name })).await;
    }
    for name in [json!(null), json!(5), json!(["Plain"]), json!({}), json!(true)] {
        post(s, route, json!({ "extensionName": name })).await;
    }
    post(s, route, json!({})).await;
    post(s, route, json!([])).await;
    post(s, route, json!({ "extensionName": "none", "global": true })).await;
    post(s, route, json!({ "extensionName": ".", "global": "yes" })).await;
}

async fn update(s: &mut Scenario, host: &GitHost) {
    let plain = json!({ "extensionName": "/Plain" });
    for route in ["version", "update"] {
        post(s, route, plain.clone()).await;
    }
    host.commit(
        "Plain",
        &Commit::on("main", "Third")
            .file("index.js", "export const n = 3;\n")
            .file("new.js", "new"),
    );
    for route in ["version", "update", "version", "update"] {
        post(s, route, plain.clone()).await;
    }
    for file in ["index.js", "new.js", "nested/deep/a%20b.txt"] {
        s.get(&format!("/scripts/extensions/third-party/Plain/{file}"))
            .await;
    }
    // Another history: nothing to follow.
    host.commit(
        "Bare.git",
        &Commit::on("other", "Other").file("manifest.json", "{}"),
    );
    host.git("Bare.git", &["update-ref", "refs/heads/main", "refs/heads/other"]);
    for route in ["version", "update", "version"] {
        post(s, route, json!({ "extensionName": "Bare" })).await;
    }
    // The branch is gone.
    host.git("Moved", &["update-ref", "-d", "refs/heads/main"]);
    for route in ["version", "update"] {
        post(s, route, json!({ "extensionName": "Moved" })).await;
    }
}

async fn branches(s: &mut Scenario, host: &GitHost) {
    let plain = json!({ "extensionName": "Plain" });
    let switch = |branch: Value| json!({ "extensionName": "Plain", "branch": branch });
    for branch in [json!("origin/dev"), json!("dev")] {
        post(s, "switch", switch(branch)).await;
    }
    post(s, "branches", plain.clone()).await;
    for branch in [
        json!("main"),
        json!("dev"),
        json!("nothing"),
        json!("origin/nothing"),
        json!("origin/"),
        json!("origin/--orphan"),
        json!("-f"),
        json!("v1"),
        json!("<b>x</b>"),
        json!(""),
        json!(5),
        json!(true),
        json!(["main"]),
        json!(["origin/dev"]),
        json!({}),
        json!(null),
        json!("origin/dev"),
    ] {
        post(s, "switch", switch(branch)).await;
    }
    post(s, "version", plain.clone()).await;
    s.get("/scripts/extensions/third-party/Plain/dev.js").await;
    post(s, "branches", plain.clone()).await;
    for branch in ["origin/main", "origin/a/b", "main", "dev"] {
        post(s, "switch", switch(json!(branch))).await;
        s.get("/scripts/extensions/third-party/Plain/dev.js").await;
        s.get("/scripts/extensions/third-party/Plain/index.js").await;
    }
    host.commit("Plain", &Commit::on("dev", "More on dev").file("dev.js", "more"));
    host.commit(
        "Plain",
        &Commit::on("fresh", "Fresh")
            .from("main")
            .file("fresh.js", "fresh"),
    );
    for route in ["version", "branches", "update", "version"] {
        post(s, route, plain.clone()).await;
    }
    post(s, "switch", switch(json!("origin/fresh"))).await;
    s.get("/scripts/extensions/third-party/Plain/fresh.js").await;
    for body in [
        json!({}),
        json!({ "branch": "main" }),
        json!({ "extensionName": 5, "branch": "main" }),
        json!({ "extensionName": ".", "branch": "main" }),
        json!({ "extensionName": ".." }),
        json!({ "extensionName": "none", "branch": "main" }),
        json!({ "extensionName": "none", "branch": "main", "global": true }),
    ] {
        post(s, "switch", body).await;
    }
}

/// A tag is no branch: there is nothing to follow.
async fn tagged(s: &mut Scenario, host: &GitHost) {
    post(s, "delete", json!({ "extensionName": "Plain" })).await;
    post(
        s,
        "install",
        json!({ "url": host.address("Plain"), "branch": "v1" }),
    )
    .await;
    for route in ["version", "update", "branches"] {
        post(s, route, json!({ "extensionName": "Plain" })).await;
    }
    s.get("/scripts/extensions/third-party/Plain/index.js").await;
}

async fn move_and_delete(s: &mut Scenario) {
    for body in [
        json!({}),
        json!({ "extensionName": 5 }),
        json!({ "extensionName": "", "source": "local", "destination": "global" }),
        json!({ "extensionName": ".", "source": "local", "destination": "global" }),
        json!({ "extensionName": "Plain" }),
        json!({ "extensionName": "Plain", "source": "local" }),
        json!({ "extensionName": "Plain", "source": "", "destination": "global" }),
        json!({ "extensionName": "none", "source": "local", "destination": "global" }),
        json!({ "extensionName": "none", "source": "global", "destination": "local" }),
        json!({ "extensionName": "none", "source": "local", "destination": "local" }),
        json!({ "extensionName": "Plain", "source": "local", "destination": "local" }),
        json!({ "extensionName": "Plain", "source": "local", "destination": "elsewhere" }),
        json!({ "extensionName": "Plain", "source": ["local"], "destination": 5 }),
        json!({ "extensionName": "Plain", "source": "global", "destination": "global" }),
        json!({ "extensionName": "Plain", "source": "global", "destination": "local" }),
    ] {
        post(s, "move", body).await;
    }
    post(s, "delete", json!({ "extensionName": "third-party/Plain" })).await;
    for name in ["Plain", "Plain", "/Bare"] {
        post(s, "delete", json!({ "extensionName": name })).await;
    }
    s.get("/scripts/extensions/third-party/Plain/index.js").await;
    s.get("/api/extensions/discover").await;
}

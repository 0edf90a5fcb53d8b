//! Names of extensions of which sanitising leaves nothing, or which are paths: no folder but an extension's own is meant.

use serde_json::json;

use super::tally::{EXTENSION, Tally};
use crate::harness::{Client, Commit, GitHost, Server};

/// What sanitising makes nothing of, or a path.
const NAMES: [&str; 25] = [
    ".",
    "..",
    "...",
    "",
    " ",
    ". .",
    "/",
    "//",
    "\\",
    "./",
    "../",
    ".\\",
    "..\\",
    ".\0",
    "\0",
    "\0\0.",
    "?",
    "*",
    "<>",
    ":",
    "\u{7f}\u{80}.",
    "con",
    "NUL.txt",
    "../../extensions",
    "third-party/..",
];

const ROUTES: [&str; 6] = ["update", "version", "branches", "switch", "delete", "move"];

/// What the user and everybody have: the list, and a file of each.
async fn state(client: &Client) -> String {
    let list = client.get("/api/extensions/discover").await.expect(200).text();
    let mut all = list;
    for name in ["Ext", "Shared"] {
        let path = format!("/scripts/extensions/third-party/{name}/index.js");
        all.push_str(&client.get(&path).await.expect(200).text());
    }
    all
}

#[tokio::test]
async fn no_name_means_the_folder_of_all_extensions() {
    let host = GitHost::start().await;
    for repository in ["Ext", "Shared"] {
        let commit = Commit::on("main", "first")
            .file("manifest.json", "{}")
            .file("index.js", repository);
        host.commit(repository, &commit);
    }
    let server = Server::start().await;
    let client = server.client().await;
    for (repository, global) in [("Ext", false), ("Shared", true)] {
        let body = json!({ "url": host.address(repository), "global": global });
        client.post("/api/extensions/install", body).await.expect(200);
    }
    let before = state(&client).await;
    let mut tally = Tally::new("extensions");
    for name in NAMES {
        for global in [false, true] {
            for route in ROUTES {
                let (source, destination) = if global {
                    ("global", "local")
                } else {
                    ("local", "global")
                };
                let body = json!({
                    "extensionName": name, "global": global, "branch": "main", "source": source, "destination": destination,
                });
                let answer = client.post(&format!("/api/extensions/{route}"), body).await;
                let refused = matches!(answer.status.as_u16(), 400 | 404);
                let what = format!("{route} {name:?}, global {global}");
                tally.note(
                    EXTENSION,
                    what,
                    refused,
                    format!("{} {}", answer.status, answer.text()),
                );
            }
        }
        let unchanged = state(&client).await == before;
        tally.note(
            EXTENSION,
            format!("{name:?}: all extensions stay"),
            unchanged,
            "one is gone",
        );
    }
    // Addresses whose last segment is such a name.
    for end in ["", "/", "/.", "/..", "/%2e%2e/..", "/?", "/.//", "/a/.."] {
        let url = format!("{}{end}", host.url);
        let answer = client
            .post("/api/extensions/install", json!({ "url": url }))
            .await;
        let unchanged = state(&client).await == before;
        let refused = answer.status.as_u16() >= 400 && unchanged;
        tally.note(EXTENSION, format!("install from {end:?}"), refused, answer.text());
    }
    tally.finish(330);
}

use serde_json::{Value, json};
use squaretable::app::DEFAULT_USER;
use squaretable::config::Config;
use squaretable::store::accounts::NewUser;
use squaretable::store::{blobs, files};
use squaretable::tenant::Tenant;

use crate::harness::{Options, Server};

/// Puts a file into the default user's folder, as an import or an installation would.
async fn put(server: &Server, folder: &str, name: &str, text: &str) {
    let account = NewUser {
        handle: DEFAULT_USER,
        name: "User",
        password: "",
        salt: "",
        admin: true,
        enabled: true,
        avatar: "",
        created_at: chrono::Utc::now(),
    };
    let (tenant, _) = Tenant::open(server.app.db(), &account)
        .await
        .expect("the default user");
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

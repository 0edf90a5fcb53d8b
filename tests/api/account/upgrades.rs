//! Old data of an account, brought up to date when the account is first seen.

use serde_json::{Value, json};
use squaretable::config::Config;
use squaretable::content::DefaultContent;
use squaretable::store::accounts::NewUser;
use squaretable::store::chats::{self, Cause};
use squaretable::store::{documents, files, secrets};
use squaretable::tenant::Tenant;
use squaretable::upgrades;
use squaretable_compat::layout::DocumentKind;

use crate::harness::{Client, Options, Server, frontend};

const MESSAGE: &str = r#"{"name":"Ann","is_user":false,"mes":"Hello"}"#;

async fn server() -> Server {
    let mut config = Config::default();
    config.accounts.enabled = true;
    Server::with(Options {
        config,
        ..Options::default()
    })
    .await
}

/// An account that nobody has used here yet.
async fn imported(server: &Server) -> Tenant {
    let user = NewUser {
        handle: "old",
        name: "old",
        password: "",
        salt: "",
        admin: false,
        enabled: true,
        avatar: "",
        created_at: chrono::Utc::now(),
    };
    let (tenant, _) = Tenant::open(server.app.db(), &user)
        .await
        .expect("an account can be made");
    let mut tx = tenant.begin().await.expect("a transaction");
    let instruct = json!({ "name": "Mine", "system_prompt": "Be kind.", "wrap": true }).to_string();
    let group = json!({
        "id": "7", "name": "Both", "members": [], "chats": ["now", "then"], "chat_id": "now",
        "chat_metadata": { "note": 1 }, "past_metadata": { "then": { "note": 2 } },
    })
    .to_string();
    let new =
        json!({ "id": "8", "name": "New", "members": [], "chats": ["own"], "chat_id": "own" }).to_string();
    for (kind, name, text) in [
        (DocumentKind::Instruct, "Mine.json", &instruct),
        (DocumentKind::Groups, "7.json", &group),
        (DocumentKind::Groups, "8.json", &new),
        (DocumentKind::Root, "settings.json", &"{}".to_owned()),
    ] {
        documents::put(&mut tx, kind, name, text.as_bytes())
            .await
            .expect("stored");
    }
    for name in ["now.jsonl", "then.jsonl", "own.jsonl"] {
        let lines = [MESSAGE.as_bytes()];
        chats::save(&mut tx, "group chats", name, &lines, Cause::Import)
            .await
            .expect("stored");
    }
    let flat = json!({ "api_key_openai": "sk-old", "api_key_claude": "" }).to_string();
    secrets::put(&mut tx, server.app.keys(), flat.as_bytes())
        .await
        .expect("stored");
    tx.commit().await.expect("committed");
    tenant
}

async fn group_chat(client: &Client, id: &str) -> Value {
    client
        .post("/api/chats/group/get", json!({ "id": id }))
        .await
        .expect(200)
        .json()
}

/// The first request already finds system prompts, group metadata and secrets where this version has them; the old
/// documents are among the backups, the keys are not.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_an_old_install_comes_up_to_date() {
    let server = server().await;
    let tenant = imported(&server).await;
    let client = server.client_of("old").await;

    let settings = client
        .post("/api/settings/get", json!({}))
        .await
        .expect(200)
        .json();
    let named = |list: &str, name: &str| {
        let all = settings[list].as_array().expect("a list");
        all.iter().find(|entry| entry["name"] == name).cloned()
    };
    let prompt = named("sysprompt", "[Migrated] Mine").expect("the prompt was moved");
    assert_eq!(prompt["content"], "Be kind.");
    let template = named("instruct", "Mine").expect("the template stays");
    assert_eq!(
        (template.get("system_prompt"), &template["wrap"]),
        (None, &json!(true))
    );

    let groups = client.post("/api/groups/all", json!({})).await.expect(200).json();
    let old = groups
        .as_array()
        .and_then(|groups| groups.iter().find(|group| group["id"] == "7"));
    let old = old.expect("the group is there");
    assert!(old.get("past_metadata").is_none(), "{old}");
    for (chat, note) in [("now", 1), ("then", 2)] {
        let lines = group_chat(&client, chat).await;
        assert_eq!(lines[0]["chat_metadata"], json!({ "note": note }), "{lines}");
        assert_eq!(lines[1]["mes"], "Hello");
    }
    let own = group_chat(&client, "own").await;
    assert_eq!(
        own.as_array().map(Vec::len),
        Some(1),
        "a chat of a new group was changed: {own}"
    );

    let state = client
        .post("/api/secrets/read", json!({}))
        .await
        .expect(200)
        .json();
    let keys = state["api_key_openai"].as_array().expect("a list");
    assert_eq!((keys.len(), &keys[0]["active"]), (1, &json!(true)), "{state}");

    let expected = [
        "backups/_group_metadata_update/7.json",
        "backups/_group_metadata_update/now.jsonl",
        "backups/_group_metadata_update/then.jsonl",
        "backups/_sysprompt/Mine.json",
    ];
    assert_eq!(kept(&tenant).await, expected);
}

/// Copies that were kept, and that no keys are among them.
async fn kept(tenant: &Tenant) -> Vec<String> {
    let mut tx = tenant.begin().await.expect("a transaction");
    let copies = secrets::list(&mut tx).await.expect("an answer");
    assert_eq!(copies.len(), 1, "keys were copied: {copies:?}");
    let files = files::list_recursive(&mut tx, "backups")
        .await
        .expect("an answer");
    tx.commit().await.expect("committed");
    let copies = files.iter().filter(|file| file.folder != "backups");
    let mut paths: Vec<String> = copies
        .map(|file| format!("{}/{}", file.folder, file.name))
        .collect();
    paths.sort();
    paths
}

/// What is up to date already is not written again.
#[tokio::test(flavor = "multi_thread")]
async fn it_happens_once() {
    let server = server().await;
    let tenant = imported(&server).await;
    let client = server.client_of("old").await;
    client.post("/api/settings/get", json!({})).await.expect(200);
    let fingerprint = async || {
        let mut tx = tenant.begin().await.expect("a transaction");
        let documents = documents::fingerprints(&mut tx).await.expect("an answer");
        let mut all: Vec<_> = documents
            .into_iter()
            .map(|row| (row.name, row.modified_at, row.sha256))
            .collect();
        for chat in chats::list_all(&mut tx).await.expect("an answer") {
            all.push((chat.file_name, chat.modified_at, chat.head.to_be_bytes().to_vec()));
        }
        let at = secrets::modified_at(&mut tx).await.expect("an answer");
        all.push(("secrets".to_owned(), at.expect("there are some"), Vec::new()));
        all
    };
    let before = fingerprint().await;
    // As a server does that starts later and sees the account for the first time.
    let content = DefaultContent::load(&frontend().join("default/content")).expect("the default content");
    upgrades::run(&tenant, server.app.keys(), &content)
        .await
        .expect("nothing to do");
    assert_eq!(fingerprint().await, before);
}

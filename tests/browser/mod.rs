//! SillyTavern's own frontend in headless Chromium (`CHROMIUM`, default `/usr/bin/chromium`), driven by the scripts beside
//! this file. Pictures of what it showed are kept in `target/browser`.

mod login;
mod media;
mod model;
mod services;

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use squaretable::app::App;
use squaretable::config::Config;
use squaretable::config::secret::Secret;
use squaretable::router;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::api::cards;
use crate::harness::{Client, Options, Server};
use model::Model;

const CHARACTER: &str = "Marlow the Keeper";
const REPLY: &str = "The lamp is lit and the tide turns.";

#[tokio::test]
async fn an_evening_from_the_first_visit_to_the_reload() {
    let server = Server::with(Options {
        content: true,
        ..Options::default()
    })
    .await;
    let model = Model::start().await;
    let (_folder, card) = card();
    play("journey.mjs", &[&server.url, &model.url, &card]).await;

    let client = server.client().await;
    let character = character(&client, "Marlow the Keeper.png").await;
    assert_eq!(
        character["data"]["description"],
        "Marlow keeps the lighthouse, and a diary."
    );
    let chat = chat(&client, &character).await;
    let told: Vec<_> = chat
        .iter()
        .skip(1)
        .map(|line| (&line["name"], &line["mes"]))
        .collect();
    let expected = [
        (
            json!(CHARACTER),
            json!("The lamp hums. \"Welcome, Ada of the Shore,\" says Marlow the Keeper."),
        ),
        (json!("Ada of the Shore"), json!("Is the lamp lit tonight?")),
        (json!(CHARACTER), json!(REPLY)),
    ];
    assert_eq!(told, expected.each_ref().map(|(name, text)| (name, text)));

    client.get("/backgrounds/keeper.png").await.expect(200);
    // The page puts who is added first in the list.
    let groups = client.post("/api/groups/all", json!({})).await.expect(200).json();
    assert_eq!(
        groups[0]["members"],
        json!(["default_Seraphina.png", "Marlow the Keeper.png"])
    );

    let settings = settings(&client).await;
    assert_eq!(settings["username"], "Ada of the Shore");
    assert_eq!(settings["main_api"], "openai");
    assert_eq!(settings["oai_settings"]["chat_completion_source"], "custom");
    assert_eq!(
        settings["oai_settings"]["custom_url"],
        format!("{}/v1", model.url)
    );

    let prompts = model.prompts();
    let [prompt] = prompts.as_slice() else {
        panic!(
            "one message was sent, the model was asked {} times",
            prompts.len()
        );
    };
    let messages = prompt["messages"].to_string();
    assert!(messages.contains("Marlow keeps a lighthouse."), "{messages}");
    assert!(messages.contains("Is the lamp lit tonight?"), "{messages}");
    assert_eq!(prompt["stream"], true);
}

/// One serves the installed npm package, the other the copy of somebody's own installation, on the same database.
#[tokio::test]
async fn two_frontends_at_once() {
    let master_key = Some(Secret::new("5a".repeat(32)));
    let config = Config {
        master_key: master_key.clone(),
        ..Config::default()
    };
    let first = Server::with(Options {
        content: true,
        config,
    })
    .await;
    let install = copied_install().await;
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut config = config_of(&[
        "--frontend",
        &path_of(install.path()),
        "--data-dir",
        &path_of(data.path()),
    ]);
    config.master_key = master_key;
    let app = App::new(config, first.database.clone())
        .await
        .expect("the server starts");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let second = format!("http://{}", listener.local_addr().expect("a bound socket"));
    let service = router::service(&app).into_make_service_with_connect_info::<SocketAddr>();
    let task = tokio::spawn(async move {
        axum::serve(listener, service).await.expect("the server serves");
    });

    let model = Model::start().await;
    let (_folder, card) = card();
    play("two_frontends.mjs", &[&first.url, &second, &model.url, &card]).await;

    for url in [&first.url, &second] {
        let client = Client::new(url).await;
        assert_eq!(
            client.get("/version").await.expect(200).json()["pkgVersion"],
            "1.19.0"
        );
        for avatar in ["Marlow the Keeper.png", "default_Seraphina.png"] {
            let character = character(&client, avatar).await;
            let chat = chat(&client, &character).await;
            assert_eq!(chat.last().expect("messages")["mes"], REPLY, "{avatar} at {url}");
        }
    }
    assert_eq!(model.prompts().len(), 2);
    task.abort();
}

/// Longest that a script may take, on however busy a machine: one that hangs must not take the whole run along.
const PATIENCE: Duration = Duration::from_mins(12);

/// Runs a script to its end; what it reported is shown when it failed.
async fn play(script: &str, arguments: &[&String]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser");
    let running = Command::new("node")
        .arg(folder.join(script))
        .args(arguments.iter().map(OsStr::new))
        .arg(&pictures)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(PATIENCE, running).await;
    let output = ended
        .expect("a script comes to its end")
        .expect("node is installed");
    let (reported, complaints) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    println!("{reported}");
    assert!(
        output.status.success(),
        "{script} failed:\n{reported}{complaints}"
    );
}

/// A folder with a card in it, and the card's path.
fn card() -> (tempfile::TempDir, String) {
    let card = json!({
        "spec": "chara_card_v2", "spec_version": "2.0",
        "data": {
            "name": CHARACTER, "description": "Marlow keeps a lighthouse.", "personality": "", "scenario": "",
            "first_mes": "The lamp hums. \"Welcome, {{user}},\" says {{char}}.", "mes_example": "",
            "creator_notes": "", "system_prompt": "", "post_history_instructions": "",
            "alternate_greetings": [], "tags": [], "creator": "", "character_version": "", "extensions": {},
        },
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("keeper.png");
    std::fs::write(&path, cards::png(&card)).expect("our own file");
    (folder, path_of(&path))
}

/// The installed package as somebody's own folder, told apart by the title of its page.
async fn copied_install() -> tempfile::TempDir {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/sillytavern");
    let copy = tempfile::tempdir().expect("a temporary folder");
    let parts: [PathBuf; 3] = ["public", "default", "package.json"].map(|part| package.join(part));
    let copied = Command::new("cp")
        .arg("-r")
        .args(parts)
        .arg(copy.path())
        .status()
        .await;
    assert!(copied.expect("cp runs").success());
    let index = copy.path().join("public/index.html");
    let page = std::fs::read_to_string(&index).expect("the package has a page");
    let title = "<title>SillyTavern</title>";
    assert!(page.contains(title), "the page's title has changed");
    std::fs::write(index, page.replace(title, "<title>Copied install</title>")).expect("our own file");
    copy
}

fn config_of(flags: &[&str]) -> Config {
    let flags = ["squaretable"].iter().chain(flags);
    let (config, _) =
        Config::load(&Parser::try_parse_from(flags).expect("the flags parse")).expect("it is valid");
    config
}

async fn character(client: &Client, avatar: &str) -> Value {
    let body = json!({ "avatar_url": avatar });
    client.post("/api/characters/get", body).await.expect(200).json()
}

/// The lines of the character's current chat, its header first.
async fn chat(client: &Client, character: &Value) -> Vec<Value> {
    let body = json!({ "ch_name": character["name"], "file_name": character["chat"], "avatar_url": character["avatar"] });
    let answer = client.post("/api/chats/get", body).await.expect(200).json();
    answer.as_array().expect("a chat").clone()
}

async fn settings(client: &Client) -> Value {
    let answer = client
        .post("/api/settings/get", json!({}))
        .await
        .expect(200)
        .json();
    serde_json::from_str(answer["settings"].as_str().expect("text")).expect("JSON in text")
}

fn path_of(path: &Path) -> String {
    path.to_str().expect("temporary paths are UTF-8").to_owned()
}

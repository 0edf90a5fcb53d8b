//! The page's extensions at work: a message translated and read aloud, a picture, a file of the data bank in a prompt.

use serde_json::json;

use super::model::Model;
use super::services::Services;
use super::{CHARACTER, card, character, chat, path_of, play};
use crate::harness::{Options, Server};

/// What the question is about; the other things of the file are not.
const WANTED: &str = "The spare wicks are stored in the blue cupboard beneath the staircase.";

/// A diary of more than a kibibyte, from which on files are cut in pieces; one sentence of it answers.
fn diary() -> String {
    let others = [
        "Storm warnings arrive by telegraph before breakfast.",
        "Gulls nest upon the northern parapet every spring.",
        "Fishermen trade mackerel against tobacco on Fridays.",
        "Painting the railing takes seven buckets of whitewash.",
        "Inspectors from the capital visit twice each decade.",
        "Letters come with the mailboat whenever waves permit.",
    ];
    let mut text = String::new();
    for (number, other) in others.iter().cycle().take(36).enumerate() {
        let line = if number == 9 { WANTED } else { other };
        text.push_str(line);
        text.push_str("\n\n");
    }
    text
}

#[tokio::test]
async fn translated_read_aloud_painted_and_remembered() {
    let server = Server::with(Options {
        content: true,
        ..Options::default()
    })
    .await;
    let client = server.client().await;
    let (model, services) = (Model::start().await, Services::start().await);
    let translator = json!({ "key": "libre_url", "value": format!("{}/translate", services.url) });
    client.post("/api/secrets/write", translator).await.expect(200);
    let (folder, card) = card();
    let file = folder.path().join("diary.txt");
    std::fs::write(&file, diary()).expect("our own file");
    play(
        "media.mjs",
        &[&server.url, &model.url, &services.url, &card, &path_of(&file)],
    )
    .await;

    let translated = services.asked("/translate");
    assert_eq!(translated[0]["target"], "de");
    assert!(
        translated[0]["q"]
            .as_str()
            .is_some_and(|text| text.contains("The lamp hums."))
    );
    let spoken = services.asked("/v1/audio/speech");
    assert_eq!(spoken[0]["voice"], "alloy");
    assert!(
        spoken[0]["input"]
            .as_str()
            .is_some_and(|text| text.contains("The lamp hums."))
    );
    let painted = services.asked("/sdapi/v1/txt2img");
    assert_eq!(painted.len(), 1);
    assert!(
        painted[0]["prompt"]
            .as_str()
            .is_some_and(|text| text.contains("a lighthouse at dusk"))
    );
    let chat = chat(&client, &character(&client, &format!("{CHARACTER}.png")).await).await;
    let picture = chat
        .iter()
        .find_map(|line| line.pointer("/extra/media/0/url")?.as_str());
    client
        .get(&format!(
            "/{}",
            picture.expect("a picture in the chat").trim_start_matches('/')
        ))
        .await
        .expect(200);

    let prompts = model.prompts();
    let prompt = prompts.last().expect("a prompt")["messages"].to_string();
    assert!(prompt.contains(WANTED), "{prompt}");
    assert!(!prompt.contains("Fishermen trade"), "only what answers: {prompt}");
}

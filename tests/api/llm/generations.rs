//! Answers that finish after their browser has gone.

use futures_util::StreamExt;
use serde_json::{Value, json};
use squaretable::config::upstream::KeepGenerations;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::provider::{Arrived, Provider, SOON, STREAM, closed, response};
use crate::harness::{Client, Options, Server};

const CHAT: &str = "/api/backends/chat-completions/generate";
const TEXT: &str = "/api/backends/text-completions/generate";

async fn keeping(whose: KeepGenerations) -> (Server, Client, Provider) {
    let mut options = Options::default();
    options.config.upstream.keep_generations = whose;
    let server = Server::with(options).await;
    let client = server.client().await;
    (server, client, Provider::start().await)
}

fn chat_body(provider: &Provider, stream: bool) -> Value {
    json!({
        "chat_completion_source": "custom", "custom_url": provider.url, "model": "m", "stream": stream,
        "messages": [{ "role": "user", "content": "hi" }], "char_name": "Ada",
    })
}

fn text_body(provider: &Provider, stream: bool) -> Value {
    json!({ "api_type": "koboldcpp", "api_server": provider.url, "prompt": "p", "stream": stream })
}

/// Saves a chat of Ada's, as the browser does before it asks for an answer.
async fn save_chat(client: &Client) {
    let chat = json!([{ "chat_metadata": {}, "user_name": "u", "character_name": "Ada" }, { "name": "u", "is_user": true, "mes": "hi" }]);
    let body = json!({ "avatar_url": "Ada.png", "file_name": "Ada - talk", "chat": chat });
    client.post("/api/chats/save", body).await.expect(200);
}

/// The kept answers among the backups.
async fn listed(client: &Client) -> Vec<Value> {
    let list = client
        .post("/api/backups/chat/get", json!({}))
        .await
        .expect(200)
        .json();
    let is_kept = |backup: &&Value| {
        backup["file_name"]
            .as_str()
            .is_some_and(|name| name.contains("_unseen"))
    };
    list.as_array()
        .expect("a list")
        .iter()
        .filter(is_kept)
        .cloned()
        .collect()
}

/// Waits until `count` answers are listed.
async fn wait_for(client: &Client, count: usize) -> Vec<Value> {
    let wait = async {
        loop {
            let found = listed(client).await;
            if found.len() >= count {
                return found;
            }
        }
    };
    timeout(SOON, wait).await.expect("the answer is not kept")
}

async fn download(client: &Client, backup: &Value) -> Vec<Value> {
    let name = json!({ "name": backup["file_name"] });
    let file = client
        .post("/api/backups/chat/download", name)
        .await
        .expect(200)
        .text();
    file.lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

/// Asks for a stream, reads its first part and goes; gives the connection that is still open.
async fn leave(client: &Client, provider: &Provider, route: &str, body: &Value, first: &str) -> Arrived {
    let upstream = async {
        let mut arrived = provider.request().await;
        arrived
            .stream
            .write_all(&[STREAM, first.as_bytes()].concat())
            .await
            .expect("the relay reads");
        arrived
    };
    let (answer, arrived) = tokio::join!(client.posting(route, body).send(), upstream);
    let mut chunks = answer.expect("an answer").bytes_stream();
    let chunk = chunks.next().await.expect("a chunk").expect("a whole chunk");
    assert_eq!(&chunk[..], first.as_bytes());
    drop(chunks);
    arrived
}

#[tokio::test]
async fn a_finished_answer_is_listed_shown_and_deleted() {
    let (_server, client, provider) = keeping(KeepGenerations::Everybody).await;
    save_chat(&client).await;
    let first = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello \"}}]}\n\n";
    let mut arrived = leave(&client, &provider, CHAT, &chat_body(&provider, true), first).await;
    let rest = b"data: {\"choices\":[{\"delta\":{\"content\":\"w\xc3\xb6rld\"}}]}\n\ndata: [DONE]\n\n";
    arrived
        .stream
        .write_all(rest)
        .await
        .expect("the connection is still open");
    drop(arrived);
    let found = wait_for(&client, 1).await;
    let name = found[0]["file_name"].as_str().unwrap();
    assert!(
        name.starts_with("chat_ada_") && name.ends_with("_unseen.jsonl"),
        "{name}"
    );
    assert_eq!(
        (&found[0]["mes"], &found[0]["chat_items"]),
        (&json!("Hello wörld"), &json!(1))
    );
    let lines = download(&client, &found[0]).await;
    assert_eq!(lines[0]["chat_metadata"], json!({ "main_chat": "Ada - talk" }));
    assert_eq!(
        (&lines[1]["name"], &lines[1]["mes"]),
        (&json!("Ada"), &json!("Hello wörld"))
    );
    assert_eq!(lines[1]["is_user"], false);
    client
        .post("/api/backups/chat/delete", json!({ "name": name }))
        .await
        .expect(200);
    assert_eq!(listed(&client).await, [] as [Value; 0]);
}

/// Also of the server that would otherwise be told to stop, and of an answer that is not streamed.
#[tokio::test]
async fn answers_of_every_kind_are_kept() {
    let (_server, client, provider) =
        keeping(KeepGenerations::Handles(vec!["default-user".to_owned()])).await;
    let mut arrived = leave(
        &client,
        &provider,
        TEXT,
        &text_body(&provider, true),
        "data: {\"token\":\"a\"}\n\n",
    )
    .await;
    arrived
        .stream
        .write_all(b"data: {\"token\":\"b\"}\n\n")
        .await
        .unwrap();
    drop(arrived);
    wait_for(&client, 1).await;
    for (route, body) in [
        (TEXT, text_body(&provider, false)),
        (CHAT, chat_body(&provider, false)),
    ] {
        let request = tokio::spawn(client.posting(route, &body).send());
        let mut arrived = provider.request().await;
        assert!(
            arrived.head.starts_with("POST /v1/completions ")
                || arrived.head.starts_with("POST /chat/completions ")
        );
        request.abort();
        assert!(request.await.is_err());
        let whole = response("200 OK", r#"{"choices":[{"text":"one"},{"text":"two"}]}"#);
        arrived.stream.write_all(&whole).await.unwrap();
        drop(arrived);
    }
    let found = wait_for(&client, 3).await;
    let mut texts: Vec<_> = found
        .iter()
        .map(|backup| backup["mes"].as_str().unwrap())
        .collect();
    texts.sort_unstable();
    assert_eq!(texts, ["ab", "one", "one"]);
    let two = found.iter().find(|backup| backup["mes"] == "one").unwrap();
    assert_eq!(download(&client, two).await[1]["swipes"], json!(["one", "two"]));
}

#[tokio::test]
async fn an_answer_that_was_seen_is_not_kept_and_neither_is_a_refusal() {
    let (server, client, provider) = keeping(KeepGenerations::Everybody).await;
    let events = b"data: {\"token\":\"a\"}\n\n";
    for (stream, upstream) in [
        (true, [STREAM, events].concat()),
        (false, response("200 OK", "{\"choices\":[{\"text\":\"a\"}]}")),
        (true, response("429 Slow Down", "{}")),
    ] {
        let (answer, _) = tokio::join!(
            client.post(TEXT, text_body(&provider, stream)),
            provider.answer(&upstream)
        );
        assert!(!answer.text().is_empty());
    }
    // One that is kept comes after those that are not.
    let arrived = leave(
        &client,
        &provider,
        TEXT,
        &text_body(&provider, true),
        "data: {\"token\":\"b\"}\n\n",
    )
    .await;
    drop(arrived);
    let found = wait_for(&client, 1).await;
    assert_eq!((found.len(), &found[0]["mes"]), (1, &json!("b")));
    assert_eq!(server.count("SELECT count(*) FROM kept_generations").await, 1);
}

#[tokio::test]
async fn a_kept_answer_goes_after_a_day_and_a_file_in_its_place_stays() {
    let (server, client, provider) = keeping(KeepGenerations::Everybody).await;
    for (count, word) in [(1, "b"), (2, "c")] {
        let event = format!("data: {{\"token\":\"{word}\"}}\n\n");
        drop(leave(&client, &provider, TEXT, &text_body(&provider, true), &event).await);
        wait_for(&client, count).await;
    }
    let day = "SELECT count(*) FROM kept_generations
               WHERE expires_at BETWEEN now() + interval '23 hours' AND now() + interval '25 hours'";
    assert_eq!(server.count(day).await, 2);
    let mut sql = server.sql().await;
    for statement in [
        "UPDATE kept_generations SET expires_at = now() - interval '1 second'",
        "UPDATE files SET hash = (SELECT hash FROM kept_generations ORDER BY name DESC LIMIT 1)
         WHERE folder = 'backups' AND name = (SELECT min(name) FROM kept_generations)",
    ] {
        sqlx::query(statement)
            .execute(&mut sql)
            .await
            .expect("a statement");
    }
    client.post("/api/backups/chat/get", json!({})).await;
    assert_eq!(server.count("SELECT count(*) FROM kept_generations").await, 0);
    assert_eq!(
        server
            .count("SELECT count(*) FROM files WHERE folder = 'backups'")
            .await,
        1
    );
}

#[tokio::test]
async fn by_default_nothing_is_kept() {
    for whose in [
        KeepGenerations::Nobody,
        KeepGenerations::Handles(vec!["somebody-else".to_owned()]),
    ] {
        let (server, client, provider) = keeping(whose).await;
        let body = json!({ "api_type": "vllm", "api_server": provider.url, "prompt": "p", "stream": true });
        let arrived = leave(&client, &provider, TEXT, &body, "data: {\"token\":\"b\"}\n\n").await;
        closed(arrived.stream).await;
        assert_eq!(server.count("SELECT count(*) FROM kept_generations").await, 0);
        assert_eq!(listed(&client).await, [] as [Value; 0]);
    }
}

use serde_json::{Value, json};

use crate::harness::{Client, Server};

async fn post(client: &Client, path: &str, body: Value) -> Value {
    client.post(path, body).await.expect(200).json()
}

#[tokio::test]
async fn texts_become_ids_and_ids_texts() {
    let server = Server::start().await;
    let client = server.client().await;
    for model in ["gpt-4o", "gpt-4", "gpt-3.5-turbo", "text-davinci-003"] {
        for text in ["hello world", "  🦊 e\u{301}\r\n", "", "日本語"] {
            let encode = format!("/api/tokenizers/openai/encode?model={model}");
            let encoded = post(&client, &encode, json!({ "text": text })).await;
            assert_eq!(
                encoded["count"],
                encoded["ids"].as_array().unwrap().len(),
                "{model} {text}"
            );
            assert_eq!(
                encoded["chunks"].as_array().unwrap().len(),
                encoded["count"],
                "{model} {text}"
            );
            let decode = format!("/api/tokenizers/openai/decode?model={model}");
            let decoded = post(&client, &decode, json!({ "ids": encoded["ids"] })).await;
            assert_eq!(decoded, json!({ "text": text }), "{model}");
        }
    }
    let known = post(
        &client,
        "/api/tokenizers/openai/encode?model=gpt-4",
        json!({ "text": "hello world" }),
    )
    .await;
    assert_eq!(
        known,
        json!({ "ids": [15339, 1917], "count": 2, "chunks": ["hello", " world"] })
    );
    let known = post(
        &client,
        "/api/tokenizers/gpt2/encode",
        json!({ "text": "hello world" }),
    )
    .await;
    assert_eq!(known["ids"], json!([31373, 995]));
    let known = post(
        &client,
        "/api/tokenizers/gpt2/decode",
        json!({ "ids": [31373, 995] }),
    )
    .await;
    assert_eq!(known["text"], "hello world");
}

#[tokio::test]
async fn bodies_without_text_count_as_nothing() {
    let server = Server::start().await;
    let client = server.client().await;
    for body in [
        json!({}),
        json!({ "text": null }),
        json!({ "text": "" }),
        json!([]),
    ] {
        let encoded = post(
            &client,
            "/api/tokenizers/openai/encode?model=gpt-4o",
            body.clone(),
        )
        .await;
        assert_eq!(encoded, json!({ "ids": [], "count": 0, "chunks": [] }), "{body}");
    }
    for body in [
        json!({}),
        json!({ "ids": [] }),
        json!({ "ids": "x" }),
        json!({ "ids": [4_000_000_000_u32] }),
    ] {
        let decoded = post(
            &client,
            "/api/tokenizers/openai/decode?model=gpt-4o",
            body.clone(),
        )
        .await;
        assert_eq!(decoded, json!({ "text": "" }), "{body}");
    }
}

#[tokio::test]
async fn messages_are_counted() {
    let server = Server::start().await;
    let client = server.client().await;
    let count = "/api/tokenizers/openai/count?model=gpt-4";
    for (messages, expected) in [
        (json!([]), 3),
        (
            json!([{ "role": "user", "content": "hello world" }]),
            3 + 3 + 1 + 2,
        ),
        (
            json!([{ "role": "user", "content": "hello world", "name": "hello" }]),
            3 + 3 + 1 + 2 + 1 + 1,
        ),
    ] {
        assert_eq!(
            post(&client, count, messages.clone()).await,
            json!({ "token_count": expected }),
            "{messages}"
        );
    }
}

#[tokio::test]
async fn biases_are_by_token_id() {
    let server = Server::start().await;
    let client = server.client().await;
    let path = "/api/backends/chat-completions/bias?model=gpt-4";
    let bias = post(
        &client,
        path,
        json!([{ "text": "hello", "value": 5 }, { "text": "[1, 2]", "value": -1 }]),
    )
    .await;
    assert_eq!(bias, json!({ "1": -1, "2": -1, "15339": 5 }));
    client.post(path, json!({})).await.expect(400);
}

#[tokio::test]
async fn a_tokenizer_that_is_not_built_says_so() {
    let server = Server::start().await;
    let client = server.client().await;
    let answer = client
        .post("/api/tokenizers/openai/count?model=claude-3-opus", json!([]))
        .await
        .expect(501);
    assert!(answer.json()["error"].as_str().unwrap().contains("not available"));
    let answer = client
        .post("/api/tokenizers/llama3/encode", json!({ "text": "x" }))
        .await
        .expect(501)
        .json();
    assert_eq!(answer["route"], "POST /api/tokenizers/llama3/encode");
}

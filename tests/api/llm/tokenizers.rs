use serde_json::{Value, json};

use crate::harness::{Client, Reply, Server, Sites};

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
        json!({ "ids": "5" }),
        json!({ "ids": 1_000_000_000 }),
        json!({ "ids": true }),
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
async fn models_of_the_installation_encode_and_decode() {
    let server = Server::start().await;
    let client = server.client().await;
    for (family, ids, text) in [
        ("llama", json!([15043, 3186]), "Helloworld"),
        ("llama3", json!([9906, 1917]), "Hello world"),
    ] {
        let path = format!("/api/tokenizers/{family}/encode");
        let encoded = post(&client, &path, json!({ "text": "Hello world" })).await;
        assert_eq!(encoded["ids"], ids, "{family}");
        let path = format!("/api/tokenizers/{family}/decode");
        let decoded = post(&client, &path, json!({ "ids": ids })).await;
        assert_eq!(decoded["text"], text, "{family}");
    }
}

#[tokio::test]
async fn a_long_run_of_one_character_is_encoded() {
    let server = Server::start().await;
    let client = server.client().await;
    let text = "a".repeat(1 << 20);
    for family in ["llama", "llama3", "gpt2"] {
        let path = format!("/api/tokenizers/{family}/encode");
        let encoded = post(&client, &path, json!({ "text": text })).await;
        let chunks = encoded["chunks"].as_array().unwrap();
        let chunks: String = chunks.iter().map(|chunk| chunk.as_str().unwrap()).collect();
        assert_eq!(chunks.trim_start_matches('\u{2581}'), text, "{family}");
    }
}

#[tokio::test]
async fn what_breaks_the_original_has_an_answer() {
    let server = Server::start().await;
    let client = server.client().await;
    // More white space before a letter than the library's regular expressions look back over.
    let spaces = format!("{}x", " ".repeat(1 << 20));
    let empty = json!({ "ids": [], "count": 0, "chunks": [] });
    let path = "/api/tokenizers/openai/encode?model=gpt-4";
    assert!(post(&client, path, json!({ "text": spaces })).await == empty);
    let messages = json!([{ "content": "hello world" }, { "content": spaces }]);
    let path = "/api/tokenizers/openai/count?model=gpt-4";
    assert_eq!(post(&client, path, messages).await, json!({ "token_count": 11 }));
    let messages = json!([{ "content": "a".repeat(1 << 20) }]);
    assert_eq!(
        post(&client, path, messages).await,
        json!({ "token_count": 6 + (1 << 17) })
    );
}

#[tokio::test]
async fn texts_beyond_the_limit_are_guessed_at_or_refused() {
    let server = Server::start().await;
    let client = server.client().await;
    let long = "a".repeat((2 << 20) + 1);
    for path in [
        "/api/tokenizers/llama/encode",
        "/api/tokenizers/openai/encode?model=gpt-4",
    ] {
        let refusal = client
            .post(path, json!({ "text": long }))
            .await
            .expect(413)
            .text();
        assert_eq!(refusal, "Texts up to 2 MiB are tokenized.");
    }
    for (model, extra) in [("gpt-4", 6), ("llama", 0), ("llama-3", 0)] {
        let path = format!("/api/tokenizers/openai/count?model={model}");
        let counted = post(&client, &path, json!([{ "content": long }])).await;
        assert_eq!(counted, json!({ "token_count": 626_016 + extra }), "{model}");
    }
}

#[tokio::test]
async fn back_ends_count_by_themselves() {
    let sites = Sites::default();
    let answer = |body: Value| Reply::json(&body);
    sites
        .on(
            "POST",
            "http://h.example/extra/tokencount",
            answer(json!({ "value": 2 })),
        )
        .on(
            "POST",
            "http://h.example/tokenize",
            answer(json!({ "tokens": [1, 2] })),
        );
    let (_world, _server, client) = Server::in_world(&sites).await;
    let body = json!({ "url": "http://h.example/", "text": "t", "api_type": "llamacpp" });
    let path = "/api/tokenizers/remote/kobold/count";
    assert_eq!(
        post(&client, path, body.clone()).await,
        json!({ "count": 2, "ids": [] })
    );
    let path = "/api/tokenizers/remote/textgenerationwebui/encode";
    assert_eq!(
        post(&client, path, body).await,
        json!({ "count": 2, "ids": [1, 2] })
    );
    client
        .post(path, json!({ "api_type": "ollama" }))
        .await
        .expect(400);
    let failed = post(&client, path, json!({ "api_type": "ooba", "url": "nowhere" })).await;
    assert_eq!(failed, json!({ "error": true }));
}

//! `/api/tokenizers/openai` for the models whose vocabularies come with the server.

use serde_json::{Value, json};

use super::scenario::Scenario;

const MODELS: &[&str] = &["gpt-4o", "gpt-4", "gpt-3.5-turbo", "text-davinci-003", "o1"];

#[tokio::test]
async fn oracle_tokenizers_openai() {
    let mut s = Scenario::start("tokenizers_openai", "").await;
    encoding(&mut s).await;
    decoding(&mut s).await;
    counting(&mut s).await;
    odd_models(&mut s).await;
    s.finish();
}

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        "Hello, world!",
        "  leading   and trailing  \n\n\ttabs ",
        "fn main() { println!(\"{:?}\", vec![1, 2, 3]); } // comment\n\tlet x = 0xFF;",
        "🦊👨‍👩‍👧‍👦 flags 🇩🇪 é e\u{301} ﬁ",
        "日本語のテキストと漢字、中文字符，한국어",
        "<|endoftext|><|im_start|>system<|im_end|><|fim_prefix|>",
        "Don't you're WE'LL 12345678 3.14159 ١٢٣",
        "\u{0}\u{1}\u{7f}\u{feff}\u{2028}",
        "\r\n\r\n\r",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("repeat ".repeat(300));
    texts.push("a".repeat(1000));
    texts
}

async fn encoding(s: &mut Scenario) {
    for model in MODELS {
        for text in texts() {
            s.post(
                &format!("/api/tokenizers/openai/encode?model={model}"),
                json!({ "text": text }),
            )
            .await;
        }
        s.raw(
            &format!("/api/tokenizers/openai/encode?model={model}"),
            r#"{"text":"lone \ud83e end"}"#,
        )
        .await;
    }
    for body in [
        json!({}),
        json!({ "text": null }),
        json!({ "text": 5 }),
        json!({ "text": ["a"] }),
    ] {
        s.post("/api/tokenizers/openai/encode?model=gpt-4", body).await;
    }
}

async fn decoding(s: &mut Scenario) {
    for model in MODELS {
        for ids in [
            json!([]),
            json!([9906, 11, 1917]),
            json!([76460, 232]),
            json!([0]),
            json!([50256]),
            json!([1, 2, 3, 100]),
        ] {
            s.post(
                &format!("/api/tokenizers/openai/decode?model={model}"),
                json!({ "ids": ids }),
            )
            .await;
        }
    }
    for body in [json!({}), json!({ "ids": null }), json!({ "ids": [] })] {
        s.post("/api/tokenizers/openai/decode?model=gpt-4", body).await;
    }
}

async fn counting(s: &mut Scenario) {
    let bodies: Vec<Value> = vec![
        json!([]),
        json!([{ "role": "user", "content": "Hello" }]),
        json!([{ "role": "system", "content": "You are 🦊" }, { "role": "user", "name": "Bob", "content": "日本語" }, { "role": "assistant", "content": "" }]),
        json!([{ "role": "user", "content": "x", "name": "" }]),
        json!([{ "role": "assistant", "content": "call", "extra": "field", "n": 5 }]),
        json!([{ "content": "<|endoftext|> special" }]),
        json!([{}]),
    ];
    for model in MODELS.iter().chain(&[
        "gpt-3.5-turbo-0301",
        "gpt-4-32k",
        "gpt-4o-mini",
        "o3-mini",
        "chatgpt-4o-latest",
        "gpt-4.1",
        "gpt-5",
    ]) {
        for body in &bodies {
            s.post(
                &format!("/api/tokenizers/openai/count?model={model}"),
                body.clone(),
            )
            .await;
        }
    }
    for body in [
        json!({}),
        json!({ "a": 1 }),
        json!([null]),
        json!(["text"]),
        json!([5]),
        json!([{ "role": "user", "content": null }]),
        json!([{ "role": "user", "content": [{ "type": "text", "text": "t" }] }]),
    ] {
        s.post("/api/tokenizers/openai/count?model=gpt-4", body).await;
    }
}

async fn odd_models(s: &mut Scenario) {
    for model in [
        "",
        "unknown-model",
        "gpt-4-vision-preview",
        "text-embedding-ada-002",
        "code-davinci-002",
        "GPT-4O",
        "o1-preview",
        "davinci",
        "ft%3Agpt-4o%3Ax",
        "gpt2",
        "gpt-35-turbo",
    ] {
        s.post(
            &format!("/api/tokenizers/openai/encode?model={model}"),
            json!({ "text": "Hello 🦊 日本" }),
        )
        .await;
        s.post(
            &format!("/api/tokenizers/openai/count?model={model}"),
            json!([{ "role": "user", "content": "Hello" }]),
        )
        .await;
    }
    s.post("/api/tokenizers/openai/encode", json!({ "text": "no model" }))
        .await;
    s.post(
        "/api/tokenizers/openai/count",
        json!([{ "role": "user", "content": "no model" }]),
    )
    .await;
    s.post(
        "/api/tokenizers/openai/encode?model=gpt-4&model=gpt-4o",
        json!({ "text": "two models" }),
    )
    .await;
    s.get("/api/tokenizers/openai/encode?model=gpt-4").await;
}

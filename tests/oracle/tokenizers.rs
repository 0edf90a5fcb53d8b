//! `/api/tokenizers`.

use serde_json::{Value, json};

use super::dsl::post;
use super::scenario::Scenario;
use super::text_completions::{start, store_keys};
use super::text_sites::server;

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

/// Families of their own routes; those that cannot be fetched have llama3 stand in.
const FAMILIES: &[&str] = &[
    "llama",
    "nerdstash",
    "nerdstash_v2",
    "mistral",
    "yi",
    "gemma",
    "jamba",
    "claude",
    "llama3",
    "qwen2",
    "command-r",
    "command-a",
    "nemo",
    "deepseek",
    "gpt2",
];

#[tokio::test]
async fn oracle_tokenizers_families() {
    let mut s = Scenario::start("tokenizers_families", "").await;
    let mut texts = texts();
    texts.extend(
        [
            "<s></s><unk><0x0A><bos><eos><h1><|eot_id|><EOT><META> <|pad|><|bom|> <|startoftext|>",
            "مرحبا بالعالم، كيف حالك؟",
            "  ½ ① ﷺ Å \u{1e9b}\u{323} 각 ▁x▁",
        ]
        .map(str::to_owned),
    );
    let long = "naïve — “quoted” code(x);\n日本 🦊 ".repeat(2_500);
    for family in FAMILIES {
        let encode = format!("/api/tokenizers/{family}/encode");
        for text in &texts {
            s.post(&encode, json!({ "text": text })).await;
        }
        s.send(post(&encode, &json!({ "text": long })).note("100 kB"))
            .await;
        for body in [
            r#"{"text":"lone \ud83e end"}"#,
            r#"{"text":"\udd8aABC"}"#,
            r#"{"text":"x\ud83e"}"#,
        ] {
            s.raw(&encode, body).await;
        }
        for body in [
            json!({}),
            json!({ "text": null }),
            json!({ "text": 5 }),
            json!({ "text": ["a"] }),
        ] {
            s.post(&encode, body).await;
        }
        let decode = format!("/api/tokenizers/{family}/decode");
        for ids in [
            json!([]),
            json!([15043, 3186, 0, 1, 2, 3, 4, 5, 100, 200, 243, 162, 232]),
            json!([9468, 99, 232, 220, 57668]),
            json!(["5", 5.9, true]),
            json!(null),
            json!(5),
            json!("5"),
            json!("x"),
            json!(true),
            json!({}),
        ] {
            s.post(&decode, json!({ "ids": ids })).await;
        }
    }
    by_model(&mut s).await;
    s.finish();
}

/// Counts by the name of a model, and what is long enough to break a library.
async fn by_model(s: &mut Scenario) {
    for (model, unit) in [
        ("llama-3", " "),
        ("gemini", " "),
        ("llama", "a"),
        ("gpt-4", " "),
        ("gpt-4", "a"),
    ] {
        let body = json!([{ "role": "user", "content": unit.repeat(1_000_000) }]);
        let path = format!("/api/tokenizers/openai/count?model={model}");
        s.send(post(&path, &body).note(&format!("a million of {unit:?}")))
            .await;
    }
    for model in [
        "claude-3", "llama-3", "llama", "mistral", "yi", "gemini", "jamba", "qwen2", "deepseek", "learnlm",
    ] {
        for body in [
            json!([{ "role": "user", "content": "Hello 🦊", "name": "Bob" }, { "content": ["a", null, 5] }]),
            json!([null]),
            json!(["text", 5, []]),
            json!({ "a": 1 }),
        ] {
            s.post(&format!("/api/tokenizers/openai/count?model={model}"), body)
                .await;
        }
        s.post(
            &format!("/api/tokenizers/openai/encode?model={model}"),
            json!({ "text": "Hello 🦊" }),
        )
        .await;
        s.post(
            &format!("/api/tokenizers/openai/decode?model={model}"),
            json!({ "ids": [5, 300] }),
        )
        .await;
        s.post(
            &format!("/api/backends/chat-completions/bias?model={model}"),
            json!([{ "text": " Hello", "value": 5 }, { "text": "[1,2]", "value": -1 }, { "text": 5, "value": 1 }]),
        )
        .await;
    }
}

const REMOTE: &str = "/api/tokenizers/remote";

async fn ask(s: &mut Scenario, route: &str, label: &str, body: &Value) {
    s.send(post(&format!("{REMOTE}/{route}"), body).note(label)).await;
    s.reached(&format!("{route} {label}")).await;
}

#[tokio::test]
async fn oracle_tokenizers_remote() {
    let mut s = start("tokenizers_remote").await;
    let encode = "textgenerationwebui/encode";
    let kinds = ["tabby", "koboldcpp", "llamacpp", "vllm", "aphrodite", "ooba"];
    for with_keys in [false, true] {
        if with_keys {
            store_keys(&mut s).await;
        }
        for kind in kinds.iter().chain(&["openrouter", "nonsense"]) {
            let body = json!({ "api_type": kind, "url": format!("{}/v1/", server("ok")), "text": "Hä 🦊", "model": "m" });
            ask(&mut s, encode, &format!("{kind} with keys {with_keys}"), &body).await;
        }
    }
    for mode in [
        "ok", "e401", "e500", "broken", "empty", "null", "nulls", "zero", "text", "list", "spelled", "cut",
        "hangup",
    ] {
        let url = server(mode);
        let body = json!({ "url": url, "text": "t" });
        ask(&mut s, "kobold/count", mode, &body).await;
        let body = json!({ "api_type": "ooba", "url": url, "text": "t" });
        ask(&mut s, encode, mode, &body).await;
    }
    for extra in [
        json!({}),
        json!({ "text": "t" }),
        json!({ "url": "nowhere", "text": "t" }),
        json!({ "url": "ftp://text.example/", "text": "t" }),
        json!({ "url": format!("{}//", server("ok")), "text": ["a", 5] }),
        json!({ "url": server("ok"), "text": "", "model": null }),
        json!({ "url": "http://overridden.example:8080/v1", "text": null }),
    ] {
        ask(&mut s, "kobold/count", &extra.to_string(), &extra).await;
        let mut body = extra.clone();
        body["api_type"] = "vllm".into();
        ask(&mut s, encode, &extra.to_string(), &body).await;
    }
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

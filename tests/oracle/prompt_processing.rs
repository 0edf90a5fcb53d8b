//! `/api/backends/chat-completions`: post-processing of prompts, and `/bias`.

use serde_json::{Value, json};

use super::chat_completions::{body, generate};
use super::scenario::Scenario;

const BIAS: &str = "/api/backends/chat-completions/bias";

#[tokio::test]
async fn oracle_prompt_processing() {
    let mut s = Scenario::start("prompt_processing", "").await;
    s.with_upstreams().await;
    processing(&mut s).await;
    bias(&mut s).await;
    s.finish();
}

fn prompt() -> Value {
    json!([
        { "role": "system", "content": "Main" },
        { "role": "system", "name": "example_user", "content": "ex user" },
        { "role": "system", "name": "example_assistant", "content": "ex bot" },
        { "role": "system", "content": "" },
        { "role": "assistant", "content": "Greeting" },
        { "role": "assistant", "name": "Bob", "content": "Bob: hi" },
        { "role": "user", "name": "Anna", "content": "one" },
        { "role": "user", "content": [{ "type": "text", "text": "look" }, { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA" } }, { "type": "text", "text": "here" }] },
        { "role": "assistant", "content": null, "tool_calls": [{ "id": "t1", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
        { "role": "tool", "tool_call_id": "t1", "content": "result" },
        { "role": "system", "content": "Late system" },
        { "role": "user", "content": "last 🦊\n\nparagraph" }
    ])
}

async fn processing(s: &mut Scenario) {
    let process = "/api/backends/chat-completions/process";
    let prompts = [
        prompt(),
        json!([]),
        json!([{ "role": "assistant", "content": "only" }]),
        json!([{ "role": "system", "content": "only" }]),
        json!([{ "role": "system", "content": "a" }, { "role": "assistant", "content": "b" }]),
        json!([{ "role": "user", "content": "a" }, { "role": "user", "content": "b" }, { "role": "user", "content": "" }]),
    ];
    for mode in [
        "",
        "merge",
        "claude",
        "merge_tools",
        "semi",
        "semi_tools",
        "strict",
        "strict_tools",
        "single",
        "unknown",
    ] {
        for messages in &prompts {
            s.post(process, json!({ "messages": messages, "type": mode, "char_name": "Bot", "user_name": "Me", "group_names": ["Bob", "Eve"] })).await;
        }
        s.post(process, json!({ "messages": prompt(), "type": mode }))
            .await;
        let extra = json!({ "messages": prompt(), "custom_prompt_post_processing": mode, "char_name": "Bot", "user_name": "Me", "group_names": ["Bob"] });
        generate(s, &format!("custom with {mode:?}"), body("custom", "ok", &extra)).await;
    }
    for body in [
        json!({}),
        json!({ "messages": "x", "type": "merge" }),
        json!({ "messages": [] }),
        json!({ "messages": [], "type": null }),
        json!({ "messages": [null], "type": "merge" }),
        json!({ "messages": ["text"], "type": "strict" }),
        json!({ "messages": [{}], "type": "merge" }),
        json!({ "messages": [{ "role": "user", "content": 5 }], "type": "merge" }),
        json!({ "messages": [{ "role": "odd", "content": "x" }], "type": "strict" }),
    ] {
        s.post(process, body).await;
    }
}

async fn bias(s: &mut Scenario) {
    for model in [
        "gpt-4o",
        "gpt-4",
        "gpt-3.5-turbo",
        "text-davinci-003",
        "o1",
        "",
        "unknown",
    ] {
        s.post(&format!("{BIAS}?model={model}"), json!([{ "text": "Hello world", "value": 5 }, { "text": " 🦊", "value": -100 }, { "text": "[1, 2, 3]", "value": 1 }, { "text": "<|endoftext|>", "value": 2 }])).await;
    }
    for body in [
        json!([]),
        json!({}),
        json!([null]),
        json!([{}]),
        json!([{ "text": "" }]),
        json!([{ "text": "a" }]),
        json!([{ "text": 5, "value": 1 }]),
        json!([{ "text": "[1.5, -1]", "value": 1 }]),
        json!([{ "text": "[\"x\"]", "value": 1 }]),
        json!([{ "text": "[broken", "value": 1 }]),
        json!([{ "text": "x", "value": "text" }, { "text": "x", "value": null }]),
        json!(["text"]),
    ] {
        s.post(&format!("{BIAS}?model=gpt-4o"), body).await;
    }
    s.post(BIAS, json!([{ "text": "no model", "value": 1 }])).await;
}

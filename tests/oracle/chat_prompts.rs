//! `/api/backends/chat-completions/generate`: prompts, cache marks and thinking, by family of models.

use serde_json::{Value, json};

use super::chat_world::{Mood, PROVIDERS, Provider, generate, store_keys};
use super::scenario::Scenario;
use crate::harness::Reply;

/// The sources that change prompts, and one that does not.
const CONVERTING: [&str; 12] = [
    "openai",
    "claude",
    "openrouter",
    "ai21",
    "makersuite",
    "mistralai",
    "cohere",
    "perplexity",
    "deepseek",
    "xai",
    "moonshot",
    "minimax",
];

/// Everything that marks, signs or prefixes, switched on.
const CONFIG: &str = "\
claude:
  enableSystemPromptCache: true
  cachingAtDepth: 0
  extendedTTL: true
  enableAdaptiveThinking: true
gemini:
  apiVersion: v1alpha
  thoughtSignatures: false
  enableSystemPromptCache: true
mistral:
  enablePrefix: true
promptPlaceholder: Begin.
";

fn of(source: &str) -> &'static Provider {
    let found = PROVIDERS.iter().find(|provider| provider.source == source);
    found.expect("a source of the table")
}

#[tokio::test]
async fn oracle_chat_prompts() {
    let mood = Mood::good();
    let sites = mood.sites(|_| Reply::status("404 Not Found"));
    let mut s = Scenario::in_world("chat_prompts", "", &sites).await;
    store_keys(&mut s).await;
    for (label, messages) in prompts() {
        for provider in CONVERTING.map(of) {
            for use_sysprompt in [true, false] {
                let by_it = ["claude", "makersuite"].contains(&provider.source);
                if use_sysprompt || by_it {
                    let extra = json!({ "messages": messages, "use_sysprompt": use_sysprompt });
                    let label = format!("{} {label} {use_sysprompt}", provider.source);
                    generate(&mut s, &label, provider.body(&extra)).await;
                }
            }
        }
    }
    claude(&mut s).await;
    google(&mut s).await;
    let gemini = json!({ "model": "google/gemini-3-pro" });
    generate(&mut s, "prices without a cache", of("openrouter").body(&gemini)).await;
    s.finish();
}

#[tokio::test]
async fn oracle_chat_caching() {
    let mood = Mood::good();
    let prices = json!({ "data": [
        { "id": "google/gemini-3-pro", "pricing": { "input_cache_write": "0.1" } },
        { "id": "google/gemini-2.5-flash", "pricing": { "prompt": "1" } },
    ] });
    let sites = mood.sites(move |_| Reply::json(&prices));
    let mut s = Scenario::in_world("chat_caching", CONFIG, &sites).await;
    store_keys(&mut s).await;
    let relayed = [
        ("openrouter", "anthropic/claude-sonnet-4"),
        ("openrouter", "google/gemini-3-pro"),
        ("openrouter", "google/gemini-2.5-flash"),
        ("openrouter", "x-ai/grok-4"),
        ("openrouter", "openai/gpt-5"),
        ("electronhub", "claude-sonnet-4"),
        ("electronhub", "gpt-5"),
        ("nanogpt", "claude_x"),
        ("nanogpt", "my-claude-x"),
        ("claude", "claude-opus-4-6"),
        ("claude", "claude-sonnet-4-5"),
        ("mistralai", "mistral-large"),
        ("makersuite", "gemini-3-flash"),
        ("makersuite", "gemini-3.1-flash-image"),
        ("perplexity", "sonar"),
    ];
    for (label, messages) in prompts() {
        for (source, model) in relayed {
            let tool = json!({ "type": "function", "function": { "name": "f", "parameters": {} } });
            let extra = json!({ "messages": messages, "model": model, "tools": [tool], "reasoning_effort": "low",
                "enable_web_search": label.len() % 2 == 0 });
            generate(
                &mut s,
                &format!("{source} {model} {label}"),
                of(source).body(&extra),
            )
            .await;
        }
    }
    s.finish();
}

/// Prompts that one converter or another treats in a way of its own.
fn prompts() -> Vec<(&'static str, Value)> {
    [turns(), calls(), odd()].concat()
}

fn image() -> Value {
    json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA", "detail": "high" } })
}

#[rustfmt::skip] // a prompt a line
fn turns() -> Vec<(&'static str, Value)> {
    let said = |role: &str, content: &str| json!({ "role": role, "content": content });
    let signed = |content: &str, signature: &str| json!({ "role": "assistant", "content": content, "signature": signature });
    let text = |text: &str| json!({ "type": "text", "text": text });
    vec![
        ("only system", json!([said("system", "a"), said("system", "b")])),
        ("late system", json!([said("user", "a"), said("system", "b"), said("assistant", "c"), said("system", "d"), said("user", "e")])),
        ("begun answer", json!([said("system", "s"), said("user", "a"), signed("b", "sig")])),
        ("long turns", json!([{ "role": "system", "content": [text("s")] }, said("user", "1"), said("assistant", "2"),
            said("user", "3"), { "role": "user", "content": [image()] }, said("assistant", "5"), said("system", "6"), said("user", "7")])),
        ("signed texts", json!([said("user", "a"), signed("b", "s1"), signed("c", "s2"), said("user", "d")])),
        ("pictures of the assistant", json!([{ "role": "assistant", "content": [text("x"), image()] }, said("assistant", "y")])),
        ("named parts", json!([{ "role": "user", "name": "Ann", "content": [{ "type": "text", "text": "x", "extra": 1 }, text("Ann: y"), image()] },
            said("assistant", "z")])),
        ("marked already", json!([{ "role": "system", "content": [{ "type": "text", "text": "s", "cache_control": {} }] }, said("user", "u")])),
    ]
}

#[rustfmt::skip] // a prompt a line
fn calls() -> Vec<(&'static str, Value)> {
    let call = |id: &str| json!({ "id": id, "function": { "name": "f", "arguments": "{\"b\":[1,2.50]}" } });
    let unreadable = json!({ "id": "t", "signature": "st", "function": { "name": "f", "arguments": "no json" } });
    vec![
        ("signed", json!([{ "role": "user", "content": "a" }, { "role": "assistant", "content": null, "tool_calls": [unreadable] },
            { "role": "assistant", "content": "b", "signature": "s1" }, { "role": "assistant", "content": "c", "signature": "s2" },
            { "role": "user", "content": "d" }])),
        ("calls in a row", json!([{ "role": "user", "content": "a" }, { "role": "assistant", "content": "words" },
            { "role": "assistant", "content": "", "tool_calls": [call("1")] }, { "role": "tool", "tool_call_id": "1", "content": "r" },
            { "role": "user", "content": "b" }, { "role": "user", "name": "Ann", "content": "c" },
            { "role": "assistant", "tool_calls": [call("2"), call("3")] }, { "role": "tool", "tool_call_id": "2", "content": "" },
            { "role": "tool", "tool_call_id": "9", "content": "{\"x\":1}" }, { "role": "assistant", "content": "end" }])),
        ("a broken call: crash", json!([{ "role": "assistant", "content": "", "tool_calls": [{ "id": "1", "function": { "name": "f", "arguments": "" } }] }])),
        ("a call without a function: crash", json!([{ "role": "assistant", "content": "", "tool_calls": [{ "id": "1" }] }])),
        ("an id that is no text: crash", json!([{ "role": "tool", "tool_call_id": 5, "content": "x" }])),
    ]
}

#[rustfmt::skip] // a prompt a line
fn odd() -> Vec<(&'static str, Value)> {
    vec![
        ("odd roles and keys", json!([{ "role": "developer", "content": "x", "reasoning": "kept" },
            { "role": "user", "content": "y", "cache_control": { "type": "t" } }])),
        ("numbers and spaces", json!([{ "role": "user", "content": 5 }, { "role": "user", "content": " \n " }])),
        ("no content: crash", json!([{ "role": "user" }, { "role": "assistant", "name": "n" }])),
        ("nothing: crash", json!([null])),
        ("an empty list of parts: crash", json!([{ "role": "user", "content": [] }])),
        ("no part: crash", json!([{ "role": "user", "content": [null] }])),
    ]
}

async fn claude(s: &mut Scenario) {
    let models = [
        "claude-3-5-sonnet",
        "claude-3-7-sonnet",
        "claude-opus-4-1",
        "claude-haiku-4-5",
        "claude-opus-4-5",
        "claude-opus-4-6",
        "claude-opus-4-7",
        "claude-opus-4-8",
        "claude-opus-5",
        "anthropic/claude-fable-5",
        "claude-fable-5-1",
        "anthropic/claude-opus-4-7",
    ];
    let schema = json!({ "name": "n", "value": { "type": "object" } });
    for model in models {
        for effort in ["", "auto", "min", "low", "medium", "high", "max"] {
            for (length, stream) in [(800, true), (60_000, false)] {
                let extra = json!({ "model": model, "reasoning_effort": effort, "max_tokens": length, "stream": stream,
                    "include_reasoning": stream, "verbosity": "high", "top_p": 1, "top_k": 5, "assistant_prefill": "I" });
                let label = format!("claude {model} {effort:?} {stream}");
                generate(s, &label, of("claude").body(&extra)).await;
            }
        }
        let extra = json!({ "model": model, "json_schema": schema, "enable_web_search": true, "top_p": 0.5, "verbosity": "low" });
        generate(s, &format!("claude {model} schema"), of("claude").body(&extra)).await;
    }
}

async fn google(s: &mut Scenario) {
    let models = [
        "gemini-2.0-flash-lite",
        "gemini-2.5-flash",
        "gemini-2.5-flash-lite",
        "gemini-2.5-pro",
        "gemini-2.5-flash-image",
        "gemini-3-pro",
        "gemini-3.1-pro-preview",
        "gemini-3.5-flash-lite",
        "gemini-3.6-flash",
        "gemini-3.7-flash",
        "gemini-3-pro-image",
        "gemma-3-27b",
        "learnlm-2",
        "gemini-2.0-flash-exp",
    ];
    let messages = json!([{ "role": "system", "content": "s" }, { "role": "user", "content": "u" }, { "role": "assistant", "content": "a" }]);
    for source in ["makersuite", "vertexai"] {
        for model in models {
            for effort in ["auto", "min", "low", "medium", "high", "max", "odd"] {
                let extra = json!({ "model": model, "reasoning_effort": effort, "include_reasoning": effort != "low",
                    "top_k": 3, "messages": messages, "enable_web_search": effort == "high" });
                generate(s, &format!("{source} {model} {effort}"), of(source).body(&extra)).await;
            }
            let extra = json!({ "model": model, "request_images": true, "request_image_aspect_ratio": "16:9",
                "request_image_resolution": "2K", "responseMimeType": "text/x.enum", "responseSchema": { "a": 1 },
                "tools": [{ "type": "function", "function": { "name": "f" } }], "tool_choice": "none", "max_tokens": Value::Null });
            generate(s, &format!("{source} {model} drawing"), of(source).body(&extra)).await;
        }
    }
    let blank = json!({ "model": "gemini-3-pro-image", "request_images": true, "request_image_aspect_ratio": "", "request_image_resolution": "" });
    generate(s, "drawing of no size", of("makersuite").body(&blank)).await;
    generate(
        s,
        "drawing of unsaid size",
        of("makersuite").body(&json!({ "model": "gemini-3-pro-image", "request_images": true })),
    )
    .await;
}

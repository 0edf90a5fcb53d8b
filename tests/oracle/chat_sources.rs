//! `/api/backends/chat-completions/generate` of every source against one and the same requests: what reaches the
//! providers, and what their answers and failures become.

use serde_json::{Value, json};

use super::chat_world::{Mood, PROVIDERS, answered, generate, store_keys};
use super::scenario::Scenario;
use crate::harness::Reply;

type Cases = Vec<(&'static str, Value)>;

#[tokio::test]
async fn oracle_chat_sources() {
    let mood = Mood::good();
    let sites = mood.sites(|_| Reply::status("404 Not Found"));
    let mut s = Scenario::in_world("chat_sources", "", &sites).await;
    for provider in PROVIDERS {
        generate(
            &mut s,
            &format!("{} without a key", provider.source),
            provider.body(&json!({})),
        )
        .await;
    }
    store_keys(&mut s).await;
    for provider in PROVIDERS {
        for (label, extra) in replies()
            .iter()
            .chain(&parameters())
            .chain(&media())
            .chain(&options())
        {
            generate(
                &mut s,
                &format!("{} {label}", provider.source),
                provider.body(extra),
            )
            .await;
        }
        if provider.is_proxied {
            for (label, extra) in proxies() {
                generate(
                    &mut s,
                    &format!("{} {label}", provider.source),
                    provider.body(&extra),
                )
                .await;
            }
        }
    }
    s.finish();
}

#[tokio::test]
async fn oracle_chat_failures() {
    let mood = Mood::good();
    let sites = mood.sites(|_| Reply::status("404 Not Found"));
    let mut s = Scenario::in_world("chat_failures", "", &sites).await;
    store_keys(&mut s).await;
    for mode in [
        "e400", "e401", "e403", "e404", "e429", "quota", "e500", "text", "said", "none", "broken", "empty",
        "list", "hangup", "cut",
    ] {
        mood.set(mode);
        for provider in PROVIDERS {
            for stream in [false, true] {
                // How a stream breaks off has a test of its own; the original says nothing about it.
                if stream && mode == "cut" {
                    continue;
                }
                let label = format!("{} {mode} stream {stream}", provider.source);
                answered(&mut s, &label, provider.body(&json!({ "stream": stream }))).await;
            }
        }
        s.reached(mode).await;
    }
    google_replies(&mut s, &sites).await;
    s.finish();
}

/// Successes of Google's that hold no answer, or an odd one.
async fn google_replies(s: &mut Scenario, sites: &crate::harness::Sites) {
    let answers = [
        json!({ "candidates": [] }),
        json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" } }),
        json!({ "candidates": [{}] }),
        json!({ "candidates": [null] }),
        json!({ "candidates": {} }),
        json!({ "candidates": [{ "output": "old text" }] }),
        json!({ "candidates": [{ "content": "bare text" }] }),
        json!({ "candidates": [{ "content": { "parts": [] } }] }),
        json!({ "candidates": [{ "content": { "parts": [{ "text": "only thought", "thought": true }] } }] }),
        json!({ "candidates": [{ "content": { "parts": [{ "inlineData": { "data": "AA" } }, { "text": "t" }] } }] }),
        json!({ "candidates": [{ "content": { "parts": [{ "functionCall": { "name": "f" } }] } }] }),
        json!({ "content": [{ "type": "thinking", "thinking": "x" }, { "type": "text", "text": "y" }] }),
        json!({ "content": [] }),
    ];
    for answer in answers {
        let reply = Reply::json(&answer);
        sites.below("https://", move |_| reply.clone());
        for provider in &PROVIDERS[1..6] {
            if ["claude", "makersuite", "vertexai"].contains(&provider.source) {
                answered(
                    s,
                    &format!("{} says {answer}", provider.source),
                    provider.body(&json!({})),
                )
                .await;
            }
        }
    }
    s.reached("odd replies").await;
}

fn tools() -> Value {
    json!([
        { "type": "function", "function": { "name": "f", "description": "d", "parameters": { "$schema": "s",
            "type": "object", "properties": { "a": { "type": "string", "default": "x" } }, "required": [] } } },
        { "type": "function", "function": { "name": "g", "parameters": { "type": "object", "properties": {}, "required": ["b"] } } },
    ])
}

/// Answers in every form, and the round of a tool.
fn replies() -> Cases {
    let call = |id: &str, arguments: &str| {
        json!({ "id": id, "type": "function", "signature": "sig-t",
        "function": { "name": "f", "arguments": arguments } })
    };
    let round = json!([
        { "role": "system", "content": "Sys" }, { "role": "user", "content": "go" },
        { "role": "assistant", "content": "let me see" },
        { "role": "assistant", "content": "", "tool_calls": [call("call_1", "{\"a\": 1.0}"), call("call_2", "{}")], "signature": "sig-m" },
        { "role": "tool", "tool_call_id": "call_1", "content": "r1" }, { "role": "tool", "tool_call_id": "call_2", "content": "r2" },
        { "role": "user", "content": "and?" },
    ]);
    vec![
        ("plain", json!({})),
        ("streamed", json!({ "stream": true })),
        ("tools", json!({ "tools": tools(), "tool_choice": "auto" })),
        (
            "tools streamed",
            json!({ "tools": tools(), "tool_choice": "required", "stream": true }),
        ),
        (
            "tools by name",
            json!({ "tools": tools(), "tool_choice": { "type": "function", "function": { "name": "f" } } }),
        ),
        ("no tools", json!({ "tools": [], "tool_choice": "none" })),
        (
            "other tools",
            json!({ "tools": [{ "type": "code_execution", "code_execution": { "x": 1 } }, { "type": "odd" }] }),
        ),
        ("tool round", json!({ "tools": tools(), "messages": round })),
        ("tool round without tools", json!({ "messages": round })),
        (
            "tool round strict",
            json!({ "tools": tools(), "messages": round, "custom_prompt_post_processing": "strict_tools" }),
        ),
        (
            "tool round single",
            json!({ "messages": round, "custom_prompt_post_processing": "single" }),
        ),
    ]
}

fn parameters() -> Cases {
    let schema = json!({ "name": "n", "description": "d", "strict": false, "value": { "$schema": "s",
        "$defs": { "X": { "type": "string", "default": "q" } }, "type": "object", "additionalProperties": false,
        "properties": { "a": { "$ref": "#/$defs/X" }, "b": { "$ref": "#/$defs/None" } } } });
    vec![
        (
            "sampling",
            json!({ "top_p": 0.9, "top_k": 40, "min_p": 0.1, "top_a": 1, "frequency_penalty": 0.5,
            "presence_penalty": -1, "repetition_penalty": 1.1, "seed": -1, "n": 2, "max_completion_tokens": 77 }),
        ),
        ("top_p 1", json!({ "top_p": 1, "top_k": 0 })),
        (
            "missing",
            json!({ "temperature": Value::Null, "max_tokens": Value::Null, "seed": 0, "model": Value::Null }),
        ),
        (
            "stop",
            json!({ "stop": ["a", "b"], "logit_bias": { "50256": -100, "1": 5 }, "logprobs": 5 }),
        ),
        ("stop text", json!({ "stop": "x", "logprobs": 0 })),
        ("empty stop", json!({ "stop": [], "logit_bias": {} })),
        ("schema", json!({ "json_schema": schema })),
        (
            "schema and tools",
            json!({ "json_schema": schema, "tools": tools(), "tool_choice": "auto", "stream": true }),
        ),
        ("schema without value", json!({ "json_schema": { "name": "n" } })),
        ("no effort", json!({ "reasoning_effort": Value::Null })),
        (
            "effort min",
            json!({ "reasoning_effort": "min", "include_reasoning": true, "verbosity": "high" }),
        ),
        (
            "effort high",
            json!({ "reasoning_effort": "high", "include_reasoning": true, "stream": true }),
        ),
        (
            "effort odd",
            json!({ "reasoning_effort": "odd", "include_reasoning": false }),
        ),
        (
            "text model",
            json!({ "model": "gpt-3.5-turbo-instruct", "tools": tools() }),
        ),
        (
            "o-series",
            json!({ "model": "gpt-5", "reasoning_effort": "min", "verbosity": "low" }),
        ),
        (
            "fixed effort",
            json!({ "model": "gpt-5.3-chat-latest", "reasoning_effort": "high" }),
        ),
    ]
}

fn media() -> Cases {
    let part =
        |kind: &str, url: &str, detail: &str| json!({ "type": kind, kind: { "url": url, "detail": detail } });
    let parts = json!([
        { "type": "text", "text": "see" }, part("image_url", "data:image/png;base64,AAAA", "low"),
        part("video_url", "data:video/webm;base64,BBBB", "high"), part("audio_url", "data:audio/wav;base64,CCCC", ""),
        { "type": "text", "text": "" }, part("image_url", "https://pictures.example/x.png", "auto"),
        part("audio_url", "data:audio/mpeg;base64,DD", ""),
    ]);
    vec![
        (
            "media",
            json!({ "messages": [{ "role": "user", "content": parts }] }),
        ),
        (
            "media merged",
            json!({ "custom_prompt_post_processing": "merge", "messages": [
            { "role": "user", "content": "before" }, { "role": "user", "content": parts }, { "role": "user", "content": "after" }] }),
        ),
        (
            "media of the assistant",
            json!({ "stream": true, "messages": [
            { "role": "user", "content": "draw" }, { "role": "assistant", "content": parts }, { "role": "user", "content": "more" }] }),
        ),
    ]
}

fn options() -> Cases {
    let names = json!([
        { "role": "system", "content": "Main" },
        { "role": "system", "name": "example_user", "content": "ex user" },
        { "role": "system", "name": "example_assistant", "content": "Eve: ex bot" },
        { "role": "assistant", "name": "Bob", "content": "Bob: hi" },
        { "role": "user", "name": "Anna", "content": "one" },
        { "role": "system", "name": "example_assistant", "content": "late" },
        { "role": "assistant", "name": "Bob", "content": "two" },
    ]);
    vec![
        ("names", json!({ "messages": names })),
        (
            "names without a system prompt",
            json!({ "messages": names, "use_sysprompt": false, "assistant_prefill": "Sure, \n" }),
        ),
        ("no messages: crash", json!({ "messages": Value::Null })),
        ("empty messages", json!({ "messages": [] })),
        ("a text", json!({ "messages": "Plain prompt" })),
        (
            "null content",
            json!({ "messages": [{ "role": "user", "content": null }] }),
        ),
        (
            "search and pictures",
            json!({ "enable_web_search": true, "request_images": true, "include_reasoning": true }),
        ),
        (
            "routing",
            json!({ "middleout": "on", "provider": ["P"], "allow_fallbacks": false, "quantizations": ["fp8"],
            "use_fallback": true, "nanogpt_provider": "np", "nanogpt_payg_override": true, "chat_id": "a chat",
            "safe_prompt": true, "zai_endpoint": "coding", "siliconflow_endpoint": "cn", "minimax_endpoint": "cn",
            "pollinations_endpoint": "anonymous", "vertexai_region": "global" }),
        ),
        (
            "routing off",
            json!({ "middleout": "off", "provider": [], "quantizations": ["q"], "azure_api_version": Value::Null,
            "workers_ai_account_id": " ", "vertexai_region": "europe-west4", "vertexai_express_project_id": "pro" }),
        ),
        (
            "yaml",
            json!({ "custom_include_body": "top_k: 5\nresponse_format: {type: text}", "custom_exclude_body": "- seed",
            "custom_include_headers": "X-Probe: yes", "json_schema": { "name": "n", "value": { "type": "object" } } }),
        ),
        ("an unknown secret", json!({ "secret_id": "nobody" })),
    ]
}

fn proxies() -> Cases {
    vec![
        (
            "proxied",
            json!({ "reverse_proxy": "https://proxy.example/v1", "proxy_password": "pw" }),
        ),
        (
            "proxied stream",
            json!({ "reverse_proxy": "https://proxy.example/v1/", "proxy_password": "pw", "stream": true }),
        ),
        (
            "proxied by a bare host",
            json!({ "reverse_proxy": "https://proxy.example", "proxy_password": "pw" }),
        ),
        (
            "proxied without a password",
            json!({ "reverse_proxy": "https://proxy.example/v1" }),
        ),
        (
            "proxied with an empty password",
            json!({ "reverse_proxy": "https://proxy.example/v1", "proxy_password": "" }),
        ),
        (
            "proxied by no address",
            json!({ "reverse_proxy": "not a url", "proxy_password": "pw" }),
        ),
    ]
}

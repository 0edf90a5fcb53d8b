//! `/api/backends/chat-completions` against a provider on loopback: answers, and the requests that reach the provider.

use serde_json::{Value, json};

use super::dsl::post;
use super::scenario::Scenario;

const GENERATE: &str = "/api/backends/chat-completions/generate";
const STATUS: &str = "/api/backends/chat-completions/status";

#[tokio::test]
async fn oracle_chat_completions() {
    let mut s = Scenario::start("chat_completions", "").await;
    s.with_upstreams().await;
    status(&mut s).await;
    replies(&mut s).await;
    failures(&mut s).await;
    parameters(&mut s).await;
    custom(&mut s).await;
    media(&mut s).await;
    s.finish();
}

/// A request to source `openai` through a reverse proxy, or to source `custom`, with extra fields.
pub(super) fn body(source: &str, mode: &str, extra: &Value) -> Value {
    let url = format!("{{{{upstream}}}}/{mode}/v1");
    let mut body = json!({
        "chat_completion_source": source, "model": "gpt-4o", "max_tokens": 10, "temperature": 0.5, "stream": false,
        "messages": [{ "role": "system", "content": "Sys" }, { "role": "user", "content": "Hällo 🦊" }]
    });
    if source == "openai" {
        body["reverse_proxy"] = json!(url);
        body["proxy_password"] = json!("pw-123");
    } else {
        body["custom_url"] = json!(url);
    }
    for (key, value) in extra.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

/// Sends a generation request and compares what reached the provider.
pub(super) async fn generate(s: &mut Scenario, label: &str, body: Value) {
    let call = post(GENERATE, &body).note(label);
    // Words for malformed JSON and a broken connection are each implementation's own; the rest has to agree.
    let own_words = ["broken", "hangup", "overridden"]
        .iter()
        .any(|word| label.contains(word));
    s.send(if own_words {
        call.ignore("body /error/message")
    } else {
        call
    })
    .await;
    s.reached(label).await;
}

async fn status(s: &mut Scenario) {
    for source in ["openai", "custom"] {
        for mode in [
            "ok", "e401", "e404", "e500", "broken", "empty", "list", "inner", "hangup", "ok/", "ok//x",
        ] {
            s.post(STATUS, body(source, mode, &json!({}))).await;
            s.reached(&format!("status {source} {mode}")).await;
        }
    }
    for url in [
        "http://127.0.0.1:1/v1",
        "not a url",
        "",
        "ftp://127.0.0.1/x",
        "{{upstream}}/ok/v1?x=1",
        "{{upstream}}",
    ] {
        s.post(
            STATUS,
            json!({ "chat_completion_source": "custom", "custom_url": url }),
        )
        .await;
        s.post(
            STATUS,
            json!({ "chat_completion_source": "openai", "reverse_proxy": url, "proxy_password": "" }),
        )
        .await;
        s.reached(&format!("status {url}")).await;
    }
    for source in [
        "openai",
        "claude",
        "ai21",
        "vertexai",
        "perplexity",
        "unknown",
        "cometapi",
        "mistralai",
        "makersuite",
        "azure_openai",
        "groq",
        "workers_ai",
        "constructor",
        "",
    ] {
        s.post(STATUS, json!({ "chat_completion_source": source })).await;
    }
    for body in [
        json!({}),
        json!({ "chat_completion_source": 5 }),
        json!({ "chat_completion_source": null }),
        json!([]),
    ] {
        s.post(STATUS, body).await;
    }
    status_details(s).await;
}

async fn status_details(s: &mut Scenario) {
    s.post(
        STATUS,
        body(
            "custom",
            "ok",
            &json!({ "custom_include_headers": "X-Probe: yes\nX-Other: 5" }),
        ),
    )
    .await;
    s.reached("status with headers").await;
    s.post(
        "/api/secrets/write",
        json!({ "key": "api_key_custom", "value": "sk-custom" }),
    )
    .await
    .capture("secret", "/id");
    s.post(
        "/api/secrets/write",
        json!({ "key": "api_key_custom", "value": "sk-custom-2" }),
    )
    .await;
    for id in ["{{secret}}", "none", ""] {
        s.post(STATUS, body("custom", "ok", &json!({ "secret_id": id })))
            .await;
        s.reached(&format!("status with secret {id}")).await;
    }
}

async fn replies(s: &mut Scenario) {
    for source in ["openai", "custom"] {
        for stream in [false, true] {
            generate(
                s,
                &format!("{source} stream {stream}"),
                body(source, "ok", &json!({ "stream": stream })),
            )
            .await;
        }
        generate(
            s,
            "text model",
            body(
                source,
                "ok",
                &json!({ "model": "gpt-3.5-turbo-instruct", "messages": "Plain prompt" }),
            ),
        )
        .await;
        generate(
            s,
            "text model with messages",
            body(
                source,
                "ok",
                &json!({ "model": "gpt-3.5-turbo-instruct", "logprobs": 5 }),
            ),
        )
        .await;
        generate(
            s,
            "text prompt",
            body(
                source,
                "ok",
                &json!({ "messages": "Plain prompt", "stream": true }),
            ),
        )
        .await;
    }
    generate(
        s,
        "no password",
        body("openai", "ok", &json!({ "proxy_password": "" })),
    )
    .await;
    generate(
        s,
        "bare host",
        body("openai", "ok", &json!({ "reverse_proxy": "{{upstream}}" })),
    )
    .await;
    generate(s, "trailing slash", body("custom", "ok/", &json!({}))).await;
}

async fn failures(s: &mut Scenario) {
    for source in ["openai", "custom"] {
        for stream in [false, true] {
            for mode in [
                "e400", "e401", "e402", "e403", "e404", "e429", "e500", "e503", "broken", "inner", "empty",
                "list",
            ] {
                let label = format!("{source} {mode} stream {stream}");
                generate(s, &label, body(source, mode, &json!({ "stream": stream }))).await;
            }
        }
    }
    for mode in ["quota", "hangup"] {
        generate(s, mode, body("custom", mode, &json!({}))).await;
    }
    for url in ["http://127.0.0.1:1/v1", "not a url", ""] {
        generate(
            s,
            &format!("custom url {url:?}"),
            body("custom", "ok", &json!({ "custom_url": url })),
        )
        .await;
    }
    generate(
        s,
        "reverse proxy is no url",
        body("openai", "ok", &json!({ "reverse_proxy": "not a url" })),
    )
    .await;
    for body in [
        json!({}),
        json!({ "chat_completion_source": "unknown" }),
        json!({ "chat_completion_source": "openai" }),
        json!({ "chat_completion_source": "claude", "messages": [] }),
        json!({ "chat_completion_source": "cometapi" }),
        json!({ "chat_completion_source": "groq", "messages": [] }),
        json!({ "chat_completion_source": "mistralai", "messages": [] }),
        json!({ "chat_completion_source": "azure_openai", "messages": [] }),
    ] {
        s.post(GENERATE, body).await;
    }
}

/// Fields that shape sampling, tools and structured output.
fn sampling() -> Vec<(&'static str, Value)> {
    let tools = json!([{ "type": "function", "function": { "name": "f", "description": "d", "parameters": { "type": "object", "properties": {} } } }]);
    let schema = json!({ "name": "n", "description": "d", "strict": false, "value": { "$schema": "s", "$defs": { "X": { "type": "string" } }, "type": "object", "properties": { "a": { "$ref": "#/$defs/X" }, "b": { "$ref": "#/$defs/None" } } } });
    vec![
        (
            "sampling",
            json!({ "top_p": 0.9, "top_k": 40, "min_p": 0.1, "top_a": 1, "frequency_penalty": 0.5, "presence_penalty": -1, "repetition_penalty": 1.1, "seed": 42, "n": 2 }),
        ),
        ("stop", json!({ "stop": ["a", "b", "c", "d", "e"] })),
        ("empty stop", json!({ "stop": [] })),
        ("stop text", json!({ "stop": "x" })),
        ("logit bias", json!({ "logit_bias": { "50256": -100, "1": 5 } })),
        ("empty bias", json!({ "logit_bias": {} })),
        ("logprobs", json!({ "logprobs": 5 })),
        ("logprobs 0", json!({ "logprobs": 0 })),
        ("tools", json!({ "tools": tools, "tool_choice": "auto" })),
        (
            "tools streamed",
            json!({ "tools": tools, "tool_choice": { "type": "function" }, "stream": true }),
        ),
        ("empty tools", json!({ "tools": [], "tool_choice": "none" })),
        ("schema", json!({ "json_schema": schema })),
        ("schema without value", json!({ "json_schema": { "name": "n" } })),
    ]
}

/// Fields about models and messages.
fn messages() -> Vec<(&'static str, Value)> {
    vec![
        (
            "null fields",
            json!({ "temperature": null, "top_p": null, "max_tokens": null }),
        ),
        ("completion tokens", json!({ "max_completion_tokens": 50 })),
        (
            "o1",
            json!({ "model": "o1", "reasoning_effort": "min", "verbosity": "low" }),
        ),
        (
            "gpt-5",
            json!({ "model": "gpt-5", "reasoning_effort": "high", "verbosity": "high" }),
        ),
        (
            "unlisted effort",
            json!({ "model": "gpt-4o", "reasoning_effort": "high" }),
        ),
        (
            "unknown keys",
            json!({ "unknown": 1, "user_name": "U", "char_name": "C", "type": "quiet", "chat_id": "x", "use_sysprompt": true }),
        ),
        (
            "tool messages",
            json!({ "messages": [{ "role": "assistant", "content": "", "tool_calls": [{ "id": "1", "type": "function", "function": { "name": "f", "arguments": "{}" } }] }, { "role": "tool", "tool_call_id": "1", "content": "r" }] }),
        ),
        (
            "null content",
            json!({ "messages": [{ "role": "user", "content": null }, { "role": "assistant", "name": "n", "content": "x" }] }),
        ),
        ("no messages", json!({ "messages": null })),
        ("empty messages", json!({ "messages": [] })),
        (
            "image messages",
            json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "t" }, { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA", "detail": "low" } }] }] }),
        ),
        (
            "web search",
            json!({ "enable_web_search": true, "request_images": true, "include_reasoning": true }),
        ),
    ]
}

async fn parameters(s: &mut Scenario) {
    for source in ["openai", "custom"] {
        for (label, extra) in sampling().iter().chain(&messages()) {
            generate(s, &format!("{source} {label}"), body(source, "ok", extra)).await;
        }
    }
}

async fn custom(s: &mut Scenario) {
    let cases = [
        (
            "include body",
            json!({ "custom_include_body": "extra: 1\nlist:\n  - a\n  - b\ntemperature: 2" }),
        ),
        (
            "include list",
            json!({ "custom_include_body": "- a: 1\n- b: [x]" }),
        ),
        (
            "include json",
            json!({ "custom_include_body": "{\"chat_template_kwargs\": {\"enable_thinking\": false}}" }),
        ),
        ("include broken", json!({ "custom_include_body": "a: [" })),
        ("include scalar", json!({ "custom_include_body": "just text" })),
        (
            "include yaml types",
            json!({ "custom_include_body": "a: yes\nb: 0x1F\nc: 1e3\nd: ~\ne: 2020-01-01\nf: 'q'\ng: 012\nh: .5" }),
        ),
        (
            "include anchors",
            json!({ "custom_include_body": "base: &b\n  x: 1\ncopy: *b" }),
        ),
        (
            "exclude list",
            json!({ "custom_exclude_body": "- temperature\n- max_tokens" }),
        ),
        (
            "exclude map",
            json!({ "custom_exclude_body": "temperature: x\nmodel: y" }),
        ),
        ("exclude scalar", json!({ "custom_exclude_body": "messages" })),
        ("exclude broken", json!({ "custom_exclude_body": "- [" })),
        (
            "headers",
            json!({ "custom_include_headers": "Authorization: Basic abc\nX-Probe: 'a b'\nX-Other: 7" }),
        ),
        (
            "headers list",
            json!({ "custom_include_headers": "- X-Probe: one\n- X-Other: two" }),
        ),
        (
            "overridden",
            json!({ "custom_include_body": "stop: [z]\ntools: none\nstream: true", "stop": ["s"] }),
        ),
        (
            "koboldcpp",
            json!({ "model": "koboldcpp/x", "reasoning_effort": "weird" }),
        ),
        ("no url", json!({ "custom_url": null })),
    ];
    for (label, extra) in &cases {
        generate(s, label, body("custom", "ok", extra)).await;
    }
}

async fn media(s: &mut Scenario) {
    let part = |kind: &str, url: &str| json!([{ "role": "user", "content": [{ "type": "text", "text": "see" }, { "type": kind, kind: { "url": url } }] }]);
    for kind in ["image_url", "audio_url", "video_url"] {
        for url in [
            "data:audio/mpeg;base64,AAAA",
            "data:audio/wav;base64,AAAA",
            "data:video/mp4;base64,BBBB",
            "https://example.invalid/x.mp3",
        ] {
            let extra = json!({ "messages": part(kind, url) });
            generate(s, &format!("{kind} {url}"), body("openai", "ok", &extra)).await;
        }
    }
}

//! Every provider of chat completions at once, answering as the scenario says, and the requests that go to them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::dsl::post;
use super::scenario::Scenario;
use crate::harness::{Reply, Request, Sites};

const GENERATE: &str = "/api/backends/chat-completions/generate";

/// A source, a model of its own, and what else its requests need.
pub struct Provider {
    /// `chat_completion_source`.
    pub source: &'static str,
    /// The key of its secret.
    pub secret: &'static str,
    model: &'static str,
    /// Whether it honours `reverse_proxy`.
    pub is_proxied: bool,
}

const fn provider(source: &'static str, secret: &'static str, model: &'static str) -> Provider {
    Provider {
        source,
        secret,
        model,
        is_proxied: false,
    }
}

const fn proxied(source: &'static str, secret: &'static str, model: &'static str) -> Provider {
    Provider {
        is_proxied: true,
        ..provider(source, secret, model)
    }
}

/// Every source.
pub const PROVIDERS: [Provider; 26] = [
    proxied("openai", "api_key_openai", "gpt-4o"),
    proxied("claude", "api_key_claude", "claude-sonnet-4-5"),
    provider("openrouter", "api_key_openrouter", "anthropic/claude-sonnet-4"),
    provider("ai21", "api_key_ai21", "jamba-large"),
    proxied("makersuite", "api_key_makersuite", "gemini-2.5-pro"),
    proxied("vertexai", "api_key_vertexai", "gemini-2.5-flash"),
    proxied("mistralai", "api_key_mistralai", "mistral-large-latest"),
    provider("custom", "api_key_custom", "anything"),
    provider("cohere", "api_key_cohere", "command-r-08-2024"),
    provider("perplexity", "api_key_perplexity", "sonar-pro"),
    provider("groq", "api_key_groq", "llama-3.3-70b"),
    provider("chutes", "api_key_chutes", "deepseek-ai/DeepSeek-V3"),
    provider("electronhub", "api_key_electronhub", "claude-sonnet-4"),
    provider("nanogpt", "api_key_nanogpt", "anthropic/claude-opus-4"),
    proxied("deepseek", "api_key_deepseek", "deepseek-chat"),
    provider("aimlapi", "api_key_aimlapi", "gpt-4o"),
    proxied("xai", "api_key_xai", "grok-4"),
    provider("pollinations", "api_key_pollinations", "openai"),
    proxied("moonshot", "api_key_moonshot", "kimi-k2"),
    provider(
        "fireworks",
        "api_key_fireworks",
        "accounts/fireworks/models/kimi-k2p6",
    ),
    provider("cometapi", "api_key_cometapi", "gpt-4o"),
    provider("azure_openai", "api_key_azure_openai", "gpt-5"),
    proxied("zai", "api_key_zai", "glm-4.6"),
    provider("siliconflow", "api_key_siliconflow", "Qwen/Qwen3"),
    provider("minimax", "api_key_minimax", "M2-her"),
    provider("workers_ai", "api_key_workers_ai", "@cf/meta/llama"),
];

impl Provider {
    /// A request to this source with extra fields; `null` takes a field away.
    pub fn body(&self, extra: &Value) -> Value {
        let mut body = json!({
            "chat_completion_source": self.source, "model": self.model, "max_tokens": 3000, "temperature": 0.5,
            "stream": false, "seed": 42, "char_name": "Bot", "user_name": "Me", "group_names": ["Eve"],
            "reasoning_effort": "auto", "use_sysprompt": true, "custom_url": "https://custom.example/v1",
            "azure_base_url": "https://azure.example/base", "azure_deployment_name": "my dep",
            "azure_api_version": "2025-01-01", "workers_ai_account_id": " acc/ount ",
            "messages": [{ "role": "system", "content": "Sys" }, { "role": "user", "content": "Hällo 🦊" }],
        });
        for (key, value) in extra.as_object().into_iter().flatten() {
            match value {
                Value::Null => drop(body.as_object_mut().map(|body| body.shift_remove(key))),
                _ => body[key] = value.clone(),
            }
        }
        body
    }
}

/// How the providers answer from now on; clones share it.
#[derive(Clone)]
pub struct Mood(Arc<Mutex<&'static str>>);

impl Mood {
    /// They answer well.
    pub fn good() -> Mood {
        Mood(Arc::new(Mutex::new("ok")))
    }

    /// They answer like this: `ok`, `e<status>`, `quota`, `text`, `broken`, `empty`, `null`, `hangup` or `cut`.
    pub fn set(&self, mode: &'static str) {
        *self.0.lock().expect("no holder panics") = mode;
    }

    /// The whole internet in this mood; `lists` answers what is not a completion.
    pub fn sites(&self, lists: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Sites {
        let (sites, mood) = (Sites::default(), self.clone());
        sites.below("https://", move |request| {
            let mode = *mood.0.lock().expect("no holder panics");
            failure(mode, request).unwrap_or_else(|| match request.method.as_str() {
                "GET" => lists(request),
                _ => completion(request),
            })
        });
        sites
    }
}

fn failure(mode: &str, request: &Request) -> Option<Reply> {
    let refused = |status: &str, kind: &str| {
        let error = json!({ "message": format!("No: {status} 🦊"), "type": kind, "code": kind });
        let body = if request.url.contains("anthropic.com") {
            json!({ "type": "error", "error": error })
        } else if request.url.contains("cohere.ai") {
            json!({ "id": "x", "message": "no" })
        } else {
            json!({ "error": error })
        };
        Reply::json(&body).with_status(status)
    };
    let whole = |text: &str| Reply::bytes("application/json", text);
    Some(match mode {
        "e400" => refused("400 Bad Request", "invalid_request_error"),
        "e401" => refused("401 Unauthorized", "authentication_error"),
        "e403" => refused("403 Forbidden", "permission_error"),
        "e404" => refused("404 Not Found", "not_found"),
        "e429" => refused("429 Too Many Requests", "rate_limit_error"),
        "quota" => refused("429 Slow Down", "insufficient_quota"),
        "e500" => refused("500 Internal Server Error", "api_error"),
        "text" => Reply::bytes("text/html", "<html>Überlastet</html>").with_status("503 Service Unavailable"),
        "said" => whole("\"just said\"").with_status("502 Bad Gateway"),
        "none" => whole("null").with_status("500 Internal Server Error"),
        "broken" => whole("{\"choices\": ["),
        "empty" => whole("{}"),
        "list" => whole("[1,null]"),
        "hangup" => Reply::hang_up(),
        "cut" => whole("{\"choices\": [").cut(),
        _ => return None,
    })
}

/// A completion in the words of the host; streams are cut inside a character.
fn completion(request: &Request) -> Reply {
    let body = String::from_utf8_lossy(&request.body);
    let is_google = request.url.contains("generateContent") || request.url.contains("GenerateContent");
    let is_claude = request.url.ends_with("/messages");
    if request.url.contains("oauth2") {
        return Reply::json(&json!({ "access_token": "ya29.token", "expires_in": 3599 }));
    }
    if body.contains("\"stream\":true") || request.url.contains("streamGenerateContent") {
        let text = if is_google {
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a👋b\"}]}}]}\r\n\r\n"
        } else if is_claude {
            "event: content_block_delta\ndata: {\"delta\":{\"text\":\"a👋b\"}}\n\n"
        } else {
            ": ping\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a👋b\"}}]}\n\ndata: [DONE]\n\n"
        };
        let cut = text.find('👋').expect("the text has a wave") + 2;
        let (start, rest) = text.as_bytes().split_at(cut);
        return Reply::stream("text/event-stream", &[start, rest]);
    }
    let call = json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    Reply::json(&if is_google {
        json!({ "candidates": [{ "content": { "role": "model", "parts": [
            { "text": "think", "thought": true, "thoughtSignature": "s" }, { "text": "Grüße" }, { "text": "👋" },
            { "functionCall": { "name": "f", "args": {} } }] }, "finishReason": "STOP" }], "usageMetadata": {} })
    } else if is_claude {
        json!({ "id": "m", "content": [{ "type": "text", "text": "Grüße 👋" },
            { "type": "tool_use", "id": "c", "name": "f", "input": {} }], "usage": { "output_tokens": 1.5 } })
    } else {
        json!({ "id": "r", "model": "gpt-x", "choices": [{ "index": 0, "message": {
            "role": "assistant", "content": "Grüße 👋", "tool_calls": [call] } }], "usage": { "total_tokens": 7 } })
    })
}

/// Stores a key for every source, and two of them twice.
pub async fn store_keys(s: &mut Scenario) {
    for provider in PROVIDERS {
        let secret = json!({ "key": provider.secret, "value": format!("sk-{}", provider.source) });
        s.post("/api/secrets/write", secret).await;
    }
}

/// Sends a generation request and compares what reached the provider.
pub async fn generate(s: &mut Scenario, label: &str, body: Value) {
    answered(s, label, body).await;
    s.reached(label).await;
}

/// Sends a generation request and compares the answers.
pub async fn answered(s: &mut Scenario, label: &str, body: Value) {
    let call = post(GENERATE, &body).note(label);
    // Words for malformed JSON and a broken connection are each implementation's own; the rest has to agree.
    let own_words = ["broken", "hangup", "cut", "crash"];
    s.send(if own_words.iter().any(|word| label.contains(word)) {
        call.ignore("body /error/message")
    } else {
        call
    })
    .await;
}

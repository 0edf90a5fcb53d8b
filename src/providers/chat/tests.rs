use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::vertex::VertexAccess;
use super::{
    ChatCall, ChatFault, ChatSettings, ProcessFault, Source, generate, generate_on_vertex, process, status,
};

const EVERYTHING: &str = r#"{
    "messages": [
        {"role": "system", "content": "Main"},
        {"role": "user", "content": [
            {"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]},
        {"role": "assistant", "content": "ho", "signature": "sig"}
    ],
    "stream": true, "temperature": 1, "max_tokens": 4096, "presence_penalty": 0, "frequency_penalty": 0.5, "top_p": 0.9,
    "top_k": 40, "min_p": 0.1, "top_a": 0.2, "repetition_penalty": 1.1, "stop": ["z"], "logit_bias": {"5": -1}, "seed": 7,
    "n": 2, "logprobs": 5, "tool_choice": "auto", "user_name": "Me", "char_name": "Bot", "include_reasoning": true,
    "reasoning_effort": "high", "verbosity": "low", "enable_web_search": true, "use_sysprompt": true, "middleout": "on",
    "provider": ["P"], "quantizations": ["q"], "use_fallback": true, "nanogpt_provider": "np",
    "nanogpt_payg_override": true, "chat_id": "c", "safe_prompt": true, "custom_url": "http://h/v1",
    "workers_ai_account_id": " a/b ", "azure_base_url": "https://azure/x", "azure_deployment_name": "dep",
    "azure_api_version": "v1", "zai_endpoint": "coding",
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters":
        {"$schema": "s", "type": "object", "properties": {"a": {"type": "string", "default": ""}}, "required": []}}}],
    "json_schema": {"name": "n", "description": "e", "value": {"$schema": "s", "type": "object"}}
}"#;

/// A request with everything in it that a source may take.
fn full(source: Source) -> Value {
    let model = match source {
        Source::Claude => "claude-opus-4-6",
        Source::MakerSuite | Source::VertexAi => "gemini-2.5-pro",
        Source::OpenRouter => "google/gemini-3-pro",
        Source::Custom => "koboldcpp/x",
        Source::NanoGpt => "anthropic/claude-opus",
        Source::MiniMax => "M2-her",
        _ => "gpt-5",
    };
    let mut body: Value = serde_json::from_str(EVERYTHING).unwrap();
    body["chat_completion_source"] = source.name().into();
    body["model"] = model.into();
    body
}

fn settings() -> ChatSettings {
    let mut settings = ChatSettings {
        affinity_key: "key".to_owned().into(),
        mistral_prefix: true,
        caches_gemini: true,
        ..ChatSettings::default()
    };
    settings.claude.system_prompt_cache = true;
    settings.claude.caching_at_depth = Some(0);
    settings
}

fn build(source: Source) -> Result<ChatCall, ChatFault> {
    if source == Source::VertexAi {
        return generate_on_vertex(full(source), &VertexAccess::Express("sk".to_owned()), &settings());
    }
    generate(source, full(source), Some("sk"), &settings())
}

/// What each source makes of one and the same request; `UPDATE_SNAPSHOTS=1 cargo test chat` rewrites the file.
#[test]
fn every_source_sends_what_the_snapshot_shows() {
    let mut shown = String::new();
    for source in Source::ALL {
        let _ = writeln!(shown, "# {}", source.name());
        match build(source) {
            Err(fault) => {
                let _ = writeln!(shown, "{fault}");
            }
            Ok(ChatCall { upstream, .. }) => {
                let _ = writeln!(shown, "{} {}", upstream.method, upstream.url);
                for (name, value) in upstream.headers.iter() {
                    let _ = writeln!(shown, "{name}: {value}");
                }
                let _ = writeln!(shown, "{}", String::from_utf8_lossy(&upstream.body));
            }
        }
        shown.push('\n');
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/providers/chat/snapshot.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, shown).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    for (new, old) in shown.split("\n# ").zip(kept.split("\n# ")) {
        assert_eq!(new, old);
    }
    assert_eq!(shown, kept);
}

#[test]
fn refuses_sources_without_a_key() {
    let settings = ChatSettings::default();
    for source in Source::ALL {
        let made = generate(source, json!({ "messages": [] }), None, &settings);
        match source {
            Source::Custom => assert!(matches!(made, Err(ChatFault::InvalidUrl(_)))),
            Source::CometApi => assert_eq!(made, Err(ChatFault::Disabled)),
            Source::VertexAi => assert_eq!(made, Err(ChatFault::UnknownSource)),
            Source::AzureOpenAi => assert!(matches!(made, Err(ChatFault::Incomplete(_)))),
            _ => assert_eq!(made, Err(ChatFault::MissingKey), "{}", source.name()),
        }
    }
    for source in [Source::Claude, Source::MistralAi] {
        let body = json!({ "messages": [], "reverse_proxy": "http://h", "proxy_password": "" });
        assert_eq!(
            generate(source, body, Some("sk"), &settings),
            Err(ChatFault::MissingKey)
        );
    }
}

#[test]
fn lists_models_where_each_source_has_them() {
    let list = |source| status(source, &json!({}), Some("sk")).map(|upstream| upstream.url.to_string());
    assert_eq!(
        list(Source::DeepSeek).as_deref(),
        Ok("https://api.deepseek.com/models")
    );
    assert_eq!(
        list(Source::Cohere).as_deref(),
        Ok("https://api.cohere.ai/v1/models")
    );
    assert_eq!(
        list(Source::SiliconFlow).as_deref(),
        Ok("https://api.siliconflow.com/v1/models?type=text&sub_type=chat")
    );
    for source in [
        Source::Claude,
        Source::Ai21,
        Source::VertexAi,
        Source::Perplexity,
        Source::Zai,
        Source::MiniMax,
    ] {
        assert_eq!(list(source), Err(ChatFault::UnknownSource));
    }
    assert_eq!(status(Source::Groq, &json!({}), None), Err(ChatFault::MissingKey));
    let proxied = json!({ "reverse_proxy": "http://h" });
    assert!(status(Source::Groq, &proxied, None).is_ok());
}

#[test]
fn prompts_that_cannot_be_converted_are_told_apart() {
    let made = |body| generate(Source::Xai, body, Some("sk"), &ChatSettings::default()).map(|_| ());
    let broken = json!({ "messages": [null], "char_name": "Bot" });
    assert!(matches!(made(broken), Err(ChatFault::Convert(_))));
    let broken = json!({ "messages": [null], "custom_prompt_post_processing": "merge" });
    assert!(matches!(made(broken), Err(ChatFault::Unprepared(_))));
}

#[test]
fn process_checks_messages_before_the_type() {
    let settings = ChatSettings::default();
    let run = |body| process(body, &settings);
    assert_eq!(
        run(json!({"messages": 5, "type": "x"})),
        Err(ProcessFault::InvalidMessages)
    );
    assert_eq!(run(json!({"messages": []})), Err(ProcessFault::UnknownType));
    assert_eq!(
        run(json!({"messages": [1], "type": ""})),
        Ok(json!({"messages": [1]}))
    );
    assert!(matches!(
        run(json!({"messages": [null], "type": "merge"})),
        Err(ProcessFault::Convert(_))
    ));
}
